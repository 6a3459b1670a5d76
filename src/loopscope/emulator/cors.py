"""Decide which pages of a browser may ask, as Ollama's defaults do."""

from functools import lru_cache
from urllib.parse import urlsplit

from loopscope.emulator.answers import Answer, Headers
from loopscope.emulator.http1 import HttpRequest

_HOSTS = ("localhost", "127.0.0.1", "0.0.0.0")  # noqa: S104 - names to compare with
_SCHEMES = ("app", "file", "tauri", "vscode-webview", "vscode-file")
_ALLOWED_HEADERS = (
    "Authorization,Content-Type,User-Agent,Accept,X-Requested-With,Openai-Beta,X-Stainless-Arch,X-Stainless-Async,"
    "X-Stainless-Custom-Poll-Interval,X-Stainless-Helper-Method,X-Stainless-Lang,X-Stainless-Os,"
    "X-Stainless-Package-Version,X-Stainless-Poll-Helper,X-Stainless-Retry-Count,X-Stainless-Runtime,"
    "X-Stainless-Runtime-Version,X-Stainless-Timeout"
)


def cross_origin(request: HttpRequest) -> tuple[Headers, Answer | None]:
    """Return the headers that a cross-origin request adds to its answer, and the answer where it goes no further."""
    origin = request.headers.get("origin", "")
    host = request.headers.get("host", "")
    if not origin or origin in (f"http://{host}", f"https://{host}"):
        return (), None
    if not _allowed(origin):
        return (), Answer(403)
    headers: Headers = (("Access-Control-Allow-Origin", origin),)
    if request.method != "OPTIONS":
        return (*headers, ("Vary", "Origin")), None
    vary = ("Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers")
    headers = (
        ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
        ("Access-Control-Allow-Methods", "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"),
        *headers,
        ("Access-Control-Max-Age", "43200"),
        *(("Vary", name) for name in vary),
    )
    return headers, Answer(204)


@lru_cache(maxsize=256)
def _allowed(origin: str) -> bool:
    try:
        parts = urlsplit(origin)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in _SCHEMES or (parts.scheme in ("http", "https") and parts.hostname in _HOSTS)
