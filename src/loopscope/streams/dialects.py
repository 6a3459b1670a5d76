"""What servers say: the request we send, and the meaning of each line that comes back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from loopscope.core.text import plain

Loads = Callable[[bytes], Any]


class Asked(Protocol):
    """What a request asks for; :class:`loopscope.core.records.AgentSpec` is one."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def prompt(self) -> str:
        """The user's words."""

    @property
    def tokens(self) -> int:
        """Most tokens of the answer."""

    @property
    def options(self) -> Mapping[str, int | float | str | bool]:
        """Sampling options, sent as the dialect has them."""


class GarbageError(ValueError):
    """A line that is no message of this dialect."""


class ServerError(Exception):
    """The server said mid-stream that it failed; the text is safe to show."""


@dataclass(slots=True)
class Account:
    """What the server reported about one request, ``None`` where it said nothing; durations in ns."""

    done: bool = False
    tokens: int | None = None
    prompt_tokens: int | None = None
    total_ns: int | None = None
    load_ns: int | None = None
    prompt_ns: int | None = None
    eval_ns: int | None = None


@dataclass(frozen=True, slots=True)
class Dialect:
    """``read(line, loads, account)`` gives (has content, server's stamp or None); the final figures go to account."""

    name: str
    path: str
    accept: str
    body: Callable[[Asked], dict[str, Any]]
    read: Callable[[bytes, Loads, Account], tuple[bool, object]]
    read_message: Callable[[Any, Account], tuple[bool, object]]
    """As ``read``, of an object of the official client."""


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _garbage(line: bytes, what: str) -> GarbageError:
    # Not a word of the line: it may be a part of an answer.
    return GarbageError(f"a line that is {what} ({len(line)} bytes)")


def _message(line: bytes, loads: Loads) -> dict[str, Any]:
    try:
        message = loads(line)
    except (ValueError, RecursionError) as error:
        raise _garbage(line, "not JSON") from error
    if not isinstance(message, dict):
        raise _garbage(line, "no object")
    return message


def _generate_body(spec: Asked) -> dict[str, Any]:
    options = {"num_predict": spec.tokens, **spec.options}
    return {"model": spec.model, "prompt": spec.prompt, "stream": True, "options": options}


def _read_generate(line: bytes, loads: Loads, account: Account) -> tuple[bool, object]:
    if not line:
        return False, None  # a blank line is no message
    try:
        message = loads(line)
    except (ValueError, RecursionError) as error:
        raise _garbage(line, "not JSON") from error
    try:
        if message["done"] is False and message["response"]:
            return True, message["created_at"]  # nearly every line
    except (LookupError, TypeError):
        pass
    return _read_rarely(line, message, account)


def _read_chat(line: bytes, loads: Loads, account: Account) -> tuple[bool, object]:
    if not line:
        return False, None
    try:
        message = loads(line)
    except (ValueError, RecursionError) as error:
        raise _garbage(line, "not JSON") from error
    try:
        if message["done"] is False and message["message"]["content"]:
            return True, message["created_at"]
    except (LookupError, TypeError):
        pass
    return _read_rarely(line, message, account)


def _read_rarely(line: bytes, message: Any, account: Account) -> tuple[bool, object]:
    """Read a line of Ollama's that is not text of an answer: thinking, the final figures, an error, garbage."""
    if not isinstance(message, dict):
        raise _garbage(line, "no object")
    stamp = message.get("created_at")
    if message.get("done"):
        account.done = True
        account.tokens = _count(message.get("eval_count"))
        account.prompt_tokens = _count(message.get("prompt_eval_count"))
        account.total_ns = _count(message.get("total_duration"))
        # Ollama leaves a member out when it is zero: with a total beside it, absence is a zero, not a gap in knowledge.
        zero = None if account.total_ns is None else 0
        account.load_ns = _count(message.get("load_duration", zero))
        account.prompt_ns = _count(message.get("prompt_eval_duration", zero))
        account.eval_ns = _count(message.get("eval_duration", zero))
    elif "error" in message:
        raise ServerError(plain(str(message["error"])))
    said = message.get("message", message)  # /api/chat wraps what it says
    if not isinstance(said, dict):
        return False, stamp
    return bool(said.get("response") or said.get("content") or said.get("thinking") or said.get("tool_calls")), stamp


def _hear_generate(message: Any, account: Account) -> tuple[bool, object]:
    if message.done is False and message.response:
        return True, message.created_at
    return _read_rarely(b"", message.model_dump(exclude_unset=True), account)


def _hear_chat(message: Any, account: Account) -> tuple[bool, object]:
    if message.done is False and message.message.content:
        return True, message.created_at
    return _read_rarely(b"", message.model_dump(exclude_unset=True), account)


def _hear_nothing(message: Any, account: Account) -> tuple[bool, object]:
    raise GarbageError("an object of a client that does not speak this dialect")


def _ollama_chat_body(spec: Asked) -> dict[str, Any]:
    body = _generate_body(spec)
    body["messages"] = [{"role": "user", "content": body.pop("prompt")}]
    return body


def _chat_body(spec: Asked) -> dict[str, Any]:
    return {
        "model": spec.model,
        "messages": [{"role": "user", "content": spec.prompt}],
        "max_tokens": spec.tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
        **spec.options,
    }


def _completions_body(spec: Asked) -> dict[str, Any]:
    body = _chat_body(spec)
    del body["messages"]
    return {**body, "prompt": spec.prompt}


def _llamacpp_body(spec: Asked) -> dict[str, Any]:
    return {"prompt": spec.prompt, "n_predict": spec.tokens, "stream": True, **spec.options}


def _read_llamacpp(line: bytes, loads: Loads, account: Account) -> tuple[bool, object]:
    if not line.startswith(b"data:"):
        return False, None
    message = _message(line[5:].strip(), loads)
    if message.get("error"):
        raise _server_error(message["error"])
    if message.get("stop") is True:  # its own dialect has no [DONE]
        account.done = True
        account.tokens = _count(message.get("tokens_predicted"))
        account.prompt_tokens = _count(message.get("tokens_evaluated"))
        timings = message.get("timings")
        if isinstance(timings, dict):
            _llama_timings(timings, account)
    return bool(message.get("content")), None


def _server_error(error: object) -> ServerError:
    return ServerError(plain(str(error.get("message", error) if isinstance(error, dict) else error)))


def _read_event(line: bytes, loads: Loads, account: Account) -> tuple[bool, object]:
    if not line.startswith(b"data:"):
        return False, None  # blank line between events, ":" comment (llama.cpp pings so), "event:", "id:"
    data = line[5:].strip()
    if data == b"[DONE]":
        account.done = True
        return False, None
    message = _message(data, loads)
    if message.get("error"):
        raise _server_error(message["error"])
    usage = message.get("usage")
    if isinstance(usage, dict) and usage.get("completion_tokens"):
        account.tokens = _count(usage.get("completion_tokens"))
        account.prompt_tokens = _count(usage.get("prompt_tokens"))
    timings = message.get("timings")
    if isinstance(timings, dict):
        _llama_timings(timings, account)
    choices = message.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, dict):
        return False, None
    delta = choice.get("delta")
    if isinstance(delta, dict):
        return bool(delta.get("content") or delta.get("reasoning_content") or delta.get("reasoning")), None
    return bool(choice.get("text")), None


def _llama_timings(timings: dict[str, Any], account: Account) -> None:
    """Take llama.cpp's own account (ms) where it comes; ``prompt_n`` leaves the cached tokens out."""
    for member, target in (("prompt_ms", "prompt_ns"), ("predicted_ms", "eval_ns")):
        value = timings.get(member)
        if isinstance(value, int | float) and 0 <= value < 1e12:
            setattr(account, target, round(value * 1e6))
    if (predicted := _count(timings.get("predicted_n"))) is not None:
        account.tokens = predicted
    cached, evaluated = _count(timings.get("cache_n")), _count(timings.get("prompt_n"))
    if evaluated is not None and account.prompt_tokens is None:
        account.prompt_tokens = evaluated + (cached or 0)


_NDJSON, _EVENTS = "application/x-ndjson", "text/event-stream"

DIALECTS = {
    dialect.name: dialect
    for dialect in (
        Dialect("ollama", "/api/generate", _NDJSON, _generate_body, _read_generate, _hear_generate),
        Dialect("ollama-chat", "/api/chat", _NDJSON, _ollama_chat_body, _read_chat, _hear_chat),
        Dialect("openai", "/v1/chat/completions", _EVENTS, _chat_body, _read_event, _hear_nothing),
        Dialect("openai-completions", "/v1/completions", _EVENTS, _completions_body, _read_event, _hear_nothing),
        Dialect("llamacpp", "/completion", _EVENTS, _llamacpp_body, _read_llamacpp, _hear_nothing),
    )
}
