"""Route requests to their handlers, as Ollama's own router does."""

from __future__ import annotations

import dataclasses
import ipaddress
import posixpath
import socket
from functools import lru_cache

from loopscope.emulator import anthropic, catalog, control, embeddings, native, openai, responses
from loopscope.emulator.answers import HTML, Answer, ApiError, native_error, plain_answer
from loopscope.emulator.connection import Connection
from loopscope.emulator.cors import cross_origin
from loopscope.emulator.http1 import HttpRequest
from loopscope.emulator.options import Options
from loopscope.emulator.server import EmulatorServer, Route

_HEAD_GET, _GET, _POST = ("HEAD", "GET"), ("GET",), ("POST",)
ROUTES: dict[str, tuple[tuple[str, ...], Route]] = {
    "/": (_HEAD_GET, catalog.root),
    "/health": (_HEAD_GET, catalog.health),
    "/api/version": (_HEAD_GET, catalog.version),
    "/api/tags": (_HEAD_GET, catalog.tags),
    "/api/ps": (_GET, catalog.ps),
    "/api/show": (_POST, catalog.show),
    "/api/copy": (_POST, catalog.copy),
    "/api/delete": (("DELETE",), catalog.delete),
    "/api/pull": (_POST, catalog.pull),
    "/api/blobs/:digest": (("HEAD", "POST"), catalog.blobs),
    "/api/generate": (_POST, native.generate),
    "/api/chat": (_POST, native.chat),
    "/api/embed": (_POST, embeddings.embed),
    "/api/embeddings": (_POST, embeddings.embeddings),
    "/v1/chat/completions": (_POST, openai.chat_completions),
    "/v1/completions": (_POST, openai.completions),
    "/v1/embeddings": (_POST, embeddings.openai_embeddings),
    "/v1/messages": (_POST, anthropic.messages),
    "/v1/models": (_GET, catalog.openai_models),
    "/v1/models/:model": (_GET, catalog.openai_models),
    "/v1/responses": (_POST, responses.responses),
    "/emulator/stats": (_GET, control.stats),
    "/emulator/log": (_GET, control.log),
    "/emulator/requests": (_GET, control.requests),
    "/emulator/rate": (("GET", "POST"), control.rate),
    "/emulator/fault": (("GET", "POST", "DELETE"), control.fault),
}
NOT_EMULATED = {"/api/create": "POST", "/api/push": "POST", "/api/me": "POST", "/api/status": "GET"}
_PARAMETERS = {"/v1/models/": "/v1/models/:model", "/api/blobs/": "/api/blobs/:digest"}
"""Paths that end with a name."""
_REDIRECTS = {301: "Moved Permanently", 307: "Temporary Redirect"}


def serve(options: Options) -> EmulatorServer:
    """Return a server with every route."""
    return EmulatorServer(options, route)


def route(server: EmulatorServer, connection: Connection, request: HttpRequest) -> Answer | None:
    """Answer a request, or start the job that will."""
    found = ROUTES.get(request.path)
    if found is None:
        cleaned = _cleaned(request.path)
        if cleaned != request.path:
            return _redirect(request, cleaned, 307)
        prefix = next((name for name in _PARAMETERS if request.path.startswith(name)), "")
        if prefix and request.path != prefix:
            found = ROUTES[_PARAMETERS[prefix]]
        elif request.path.endswith("/") and request.path[:-1] in ROUTES:
            return _redirect(request, request.path[:-1], 301 if request.method == "GET" else 307)
    headers, refused = cross_origin(request)
    if refused is not None:
        allow = _allow(found[0]) if found is not None else ()
        return dataclasses.replace(refused, headers=headers + allow if refused.status == 204 else ())
    if headers:
        request.reply_headers = headers
    if not _host_allowed(server.options.host, request.headers.get("host", "")):
        return Answer(403)
    if found is None:
        return _unknown(request)
    methods, handler = found
    if request.method not in methods:
        return plain_answer(405, "405 method not allowed", _allow(methods))
    return handler(server, connection, request)


def _unknown(request: HttpRequest) -> Answer:
    method = NOT_EMULATED.get(request.path)
    if method is None:
        return plain_answer(404, "404 page not found")
    if method != request.method:
        return plain_answer(405, "405 method not allowed", _allow((method,)))
    return native_error(ApiError(501, f"this is an emulator: it has no {request.path}"))


def _allow(methods: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    return (("Allow", ", ".join(methods)),)


def _cleaned(path: str) -> str:
    """Return a path without doubled slashes and dots, as Go's multiplexer wants it."""
    if "//" not in path and "/." not in path:
        return path
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def _redirect(request: HttpRequest, path: str, status: int) -> Answer:
    place = path + (f"?{request.query}" if request.query else "")
    location = (("Location", place),)
    if request.method not in ("GET", "HEAD"):
        return Answer(status, headers=location)
    shown = place.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&#34;")
    body = f'<a href="{shown}">{_REDIRECTS[status]}</a>.\n\n'.encode("utf-8", "replace")
    return Answer(status, body, HTML, headers=location)


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
