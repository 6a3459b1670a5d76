"""Which path does what. Everything is answered as Ollama's own router would."""

from __future__ import annotations

import ipaddress
import socket
from functools import lru_cache

from loopscope.emulator import control, native, openai
from loopscope.emulator.answers import Answer, ApiError, native_error, plain_answer
from loopscope.emulator.connection import Connection
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.options import Options
from loopscope.emulator.server import EmulatorServer, Route

_GET, _POST = ("GET", "HEAD"), ("POST",)
ROUTES: dict[str, tuple[tuple[str, ...], Route]] = {
    "/": (_GET, native.root),
    "/api/version": (_GET, native.version),
    "/api/tags": (_GET, native.tags),
    "/api/ps": (("GET",), native.ps),
    "/api/show": (_POST, native.show),
    "/api/generate": (_POST, native.generate),
    "/api/chat": (_POST, native.chat),
    "/v1/chat/completions": (_POST, openai.chat_completions),
    "/v1/completions": (_POST, openai.completions),
    "/v1/models": (("GET",), openai.models),
    "/emulator/stats": (("GET",), control.stats),
    "/emulator/log": (("GET",), control.log),
    "/emulator/rate": (("GET", "POST"), control.rate),
    "/emulator/fault": (("GET", "POST", "DELETE"), control.fault),
}
_NOT_EMULATED = {
    "/api/embed": "POST",
    "/api/embeddings": "POST",
    "/api/create": "POST",
    "/api/pull": "POST",
    "/api/push": "POST",
    "/api/copy": "POST",
    "/api/me": "POST",
    "/api/delete": "DELETE",
    "/api/status": "GET",
    "/v1/embeddings": "POST",
    "/v1/responses": "POST",
    "/v1/messages": "POST",
}


def serve(options: Options) -> EmulatorServer:
    """Return a server with every route."""
    return EmulatorServer(options, route)


def route(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer a request, or start the job that will."""
    if not _host_allowed(server.options.host, request.headers.get("host", "")):
        return Answer(403)
    path = "/v1/models" if request.path.startswith("/v1/models/") else request.path
    methods, handler = ROUTES.get(path, ((), None))
    if handler is None:
        method = _NOT_EMULATED.get(request.path)
        if method is None:
            return plain_answer(404, "404 page not found")
        if method != request.method:
            return plain_answer(405, "405 method not allowed")
        return native_error(ApiError(501, f"this is an emulator: it has no {request.path}"))
    if request.method not in methods:
        return plain_answer(405, "405 method not allowed")
    return handler(server, connection, request)


@lru_cache(maxsize=256)
def _host_allowed(bound: str, header: str) -> bool:
    """Return whether a Host header may be answered: no page elsewhere may reach a local server by a name of its own."""
    if not is_loopback(bound):
        return True
    name = header.strip().lower()
    if name.startswith("["):
        name = name[1:].partition("]")[0]
    elif name.count(":") == 1:
        name = name.partition(":")[0]
    if name in ("", "localhost", socket.gethostname().lower()):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name.endswith((".localhost", ".local", ".internal"))
    return address.is_loopback or address.is_private


def is_loopback(host: str) -> bool:
    """Return whether an address to listen on can be reached from this machine only."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
