"""Small HTTP servers for tests: fixed answers by path, on 127.0.0.1 and free ports."""

import contextlib
import http.server
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Handler = http.server.BaseHTTPRequestHandler
Answer = dict[str, Any] | list[Any] | bytes | tuple[int, bytes] | Callable[[Handler], None]


@contextlib.contextmanager
def serving(routes: dict[str, Answer], server_header: str, seen: list[str]) -> Iterator[str]:
    """Serve ``routes`` and give the URL."""

    class Stub(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802 - the name that http.server looks for
            seen.append(self.path)
            answer = routes.get(self.path, (404, b"404 page not found"))
            if callable(answer):
                answer(self)
                return
            status, body = answer if isinstance(answer, tuple) else (200, answer)
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response_only(status)
            if server_header:
                self.send_header("Server", server_header)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            return

    class Server(http.server.ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            return  # a client that hangs up early is what some tests are about

    with Server(("127.0.0.1", 0), Stub) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


class Stubs:
    """Starts servers that end with the test. ``seen``: every path that was asked for, of all of them."""

    def __init__(self, stack: contextlib.ExitStack) -> None:
        self._stack = stack
        self.seen: list[str] = []

    def serve(self, routes: dict[str, Answer], server_header: str = "") -> str:
        """Start one and give its URL. An answer is JSON, bytes, (status, bytes), or a function that writes itself."""
        return self._stack.enter_context(serving(routes, server_header, self.seen))

    @staticmethod
    def ollama(*models: str, loaded: tuple[str, ...] = (), version: str = "0.33.0") -> dict[str, Answer]:
        """The routes of an Ollama server with these models."""
        in_memory = [{"name": name, "size": 4 << 30, "size_vram": 4 << 30, "context_length": 4096} for name in loaded]
        return {
            "/api/version": {"version": version},
            "/api/tags": {"models": [{"name": name, "model": name, "size": 3 << 30} for name in models]},
            "/api/ps": {"models": in_memory},
        }

    @staticmethod
    def openai(*models: str, owner: str = "somebody", **extra: Any) -> dict[str, Answer]:
        """The routes of an OpenAI-compatible server with these models."""
        data = [{"id": name, "object": "model", "owned_by": owner, **extra} for name in models]
        return {"/v1/models": {"object": "list", "data": data}}


@pytest.fixture
def stubs() -> Iterator[Stubs]:
    """Start small servers that end with the test."""
    with contextlib.ExitStack() as stack:
        yield Stubs(stack)
