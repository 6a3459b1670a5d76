"""An emulator in a thread of the test, and clients that see every byte of it."""

import argparse
import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

from kit.processes import PATIENCE_S
from loopscope.emulator.options import configure, options_of
from loopscope.emulator.routes import serve
from loopscope.emulator.server import EmulatorServer

TIMEOUT_S = PATIENCE_S


class Emulated:
    """One emulator and ways to talk to it."""

    def __init__(self, server: EmulatorServer) -> None:
        self.server = server
        self.url = server.url
        self.port = server.port
        self._links: list[Link] = []

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> "Told":
        """One request on a connection of its own, answer read whole."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        try:
            link.request(method, path, data, headers or {})
            answer = link.getresponse()
            return Told(answer.status, dict(answer.getheaders()), answer.read())
        finally:
            link.close()

    def lines(self, path: str = "/api/generate", **body: Any) -> list[dict[str, Any]]:
        """The messages of a stream (or the one object of a whole answer)."""
        told = self.ask("POST", path, {"model": "gemma3", "prompt": "hello", **body})
        assert told.status == 200, told.body
        return [json.loads(line) for line in told.body.split(b"\n") if line]

    def stats(self) -> dict[str, Any]:
        """Its counters."""
        return self.ask("GET", "/emulator/stats").json()

    def log(self, since: int = 0) -> dict[str, Any]:
        """Its log of chunks."""
        return self.ask("GET", f"/emulator/log?since={since}").json()

    def fault(self, name: str, **more: object) -> None:
        """Order a fault."""
        told = self.ask("POST", "/emulator/fault", {"fault": name, **more})
        assert told.status == 200, told.body

    def link(self, receive_buffer: int = 0) -> "Link":
        """A raw connection."""
        link = Link(self.port, receive_buffer)
        self._links.append(link)
        return link

    def close(self) -> None:
        """Close every raw connection that a test left open."""
        for link in self._links:
            link.close()


class Told:
    """A whole answer."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Link:
    """A socket that sends what it is told and gives what comes, HTTP chunk by HTTP chunk."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.sock = socket.socket()
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.sock.settimeout(TIMEOUT_S)
        try:
            self.sock.connect(("127.0.0.1", port))
        except OSError:
            self.sock.close()
            raise
        self.data = b""

    def post(self, path: str = "/api/generate", version: str = "1.1", **body: Any) -> "Link":
        """Send a request."""
        data = json.dumps({"model": "gemma3", "prompt": "hello", **body}).encode()
        head = f"POST {path} HTTP/{version}\r\nHost: 127.0.0.1\r\nContent-Length: {len(data)}\r\n\r\n"
        self.sock.sendall(head.encode() + data)
        return self

    def send(self, data: bytes) -> "Link":
        """Send bytes."""
        self.sock.sendall(data)
        return self

    def until(self, mark: bytes) -> bytes:
        """Give what comes up to and with a mark."""
        while mark not in self.data:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError(self.data)
            self.data += more
        found, self.data = (
            self.data[: self.data.index(mark) + len(mark)],
            self.data[self.data.index(mark) + len(mark) :],
        )
        return found

    def rest(self) -> bytes:
        """Give everything up to the end of the connection."""
        while more := self.sock.recv(65536):
            self.data += more
        return self.data

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next answer."""
        first, *lines = self.until(b"\r\n\r\n").decode().strip().split("\r\n")
        pairs = (line.partition(": ") for line in lines)
        return int(first.split()[1]), {name.lower(): value for name, _, value in pairs}

    def chunk(self) -> bytes:
        """Payload of the next HTTP chunk; empty at the end of the body."""
        size = int(self.until(b"\r\n"), 16)
        while len(self.data) < size + 2:
            more = self.sock.recv(65536)
            if not more:
                raise EOFError(self.data)
            self.data += more
        payload, end, self.data = self.data[:size], self.data[size : size + 2], self.data[size + 2 :]
        assert end == b"\r\n"
        return payload

    def chunks(self) -> list[bytes]:
        """Payloads of all HTTP chunks of the body."""
        return list(iter(self.chunk, b""))

    def close(self) -> None:
        """Close it."""
        self.sock.close()

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@contextlib.contextmanager
def emulator(*words: str) -> Iterator[Emulated]:
    """An emulator with these options (any number of slots, 2 000 tok/s, no prefill and no overheads unless they
    say otherwise)."""
    parser = argparse.ArgumentParser()
    configure(parser)
    fast = [
        "--port",
        "0",
        "--rate",
        "2000",
        "--prefill-rate",
        "0",
        "--parallel",
        "0",
        "--overhead-ms",
        "0",
        "--setup-ms",
        "0",
    ]
    server = serve(options_of(parser.parse_args([*fast, *words])))
    thread = threading.Thread(target=server.run, name="emulator")
    thread.start()
    one = Emulated(server)
    try:
        yield one
    finally:
        one.close()
        server.stop()
        thread.join(TIMEOUT_S)
        assert not thread.is_alive()
