"""Answers of a server byte for byte, and their shape: everything but what is a matter of model, time and chance."""

import json
import re
import socket
from typing import Any

TIMEOUT_S = 20.0
_LITERAL = {
    "role",
    "done_reason",
    "finish_reason",
    "stop_reason",
    "object",
    "type",
    "status",
    "error",
    "message",
    "tool_choice",
    "truncation",
    "service_tier",
    "system_fingerprint",
    "owned_by",
    "capabilities",
}
"""Members whose texts are part of the shape."""
_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)")


def exchange(port: int, case: dict[str, Any]) -> bytes:
    """Send one request on a connection of its own and return all that comes back."""
    method, path = case["ask"].split(" ", 1)
    lines = [f"{method} {path} HTTP/{case.get('http', '1.1')}", f"Host: {case.get('host', f'127.0.0.1:{port}')}"]
    lines += ["Connection: close", *(f"{name}: {value}" for name, value in case.get("headers", {}).items())]
    body = b""
    if "body" in case or "raw" in case:
        body = case["raw"].encode() if "raw" in case else json.dumps(_spelt_out(case["body"])).encode()
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S) as sock:
        sock.sendall("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def _spelt_out(body: Any) -> Any:
    """Return a body with its long prompts: ``{"repeat": text, "times": n}`` stands for one."""
    if isinstance(body, dict):
        if set(body) == {"repeat", "times"}:
            return body["repeat"] * body["times"]
        return {name: _spelt_out(value) for name, value in body.items()}
    return body


def answer_shape(raw: bytes) -> dict[str, Any]:
    """Return the shape of an answer: status line, headers in order, and the body HTTP chunk by HTTP chunk."""
    head, _, rest = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    chunked = "Transfer-Encoding: chunked" in lines
    headers = [re.sub(r"^(Date|Content-Length): .+", r"\1", line) for line in lines]
    shapes = [_chunk_shape(chunk) for chunk in (_chunks(rest) if chunked else [rest])]
    body = [shape for n, shape in enumerate(shapes) if n == 0 or shape != shapes[n - 1]]
    return {"status": first, "headers": headers, "body": body}


def _chunks(rest: bytes) -> list[bytes]:
    found = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        found.append(rest[: int(size, 16)])
        rest = rest[int(size, 16) + 2 :]
    return found


def _chunk_shape(chunk: bytes) -> list[Any]:
    """Return the shapes of the messages in a chunk, with what stands around each."""
    text = chunk.decode("utf-8", "replace")
    shapes: list[Any] = []
    for piece in re.split(r"(?<=\n)", text):
        lead, brace, rest = piece.partition("{")
        end = rest.rpartition("}")[2]
        if brace and (lead == "" or lead == "data: "):
            shapes += [lead, _shape(json.loads(brace + rest.removesuffix(end))), end]
        else:
            shapes.append(piece)
    return [shape for shape in shapes if shape != ""]


def _shape(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _shape(member, key) for key, member in value.items()}
    if isinstance(value, list):
        return [_shape(value[0], name)] if value else []
    if isinstance(value, str):
        return _text_shape(value, name)
    return value if value is None or isinstance(value, bool) else "number"


def _text_shape(text: str, name: str) -> str:
    stamp = _STAMP.fullmatch(text)
    if stamp:
        return "time, local offset" if stamp[2] != "Z" else "time" if stamp[1] else "time, whole second"
    if name in _LITERAL:
        return re.sub(r"\d+", "N", text)
    return "text" if text else ""
