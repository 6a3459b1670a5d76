"""URLs of servers, as people type them, brought into one form. Credentials never come in, so they can never get out."""

from urllib.parse import SplitResult, urlsplit

from loopscope.core.errors import InputError
from loopscope.core.text import plain, shown_url
from loopscope.streams.dialects import DIALECTS

_ENDINGS = (*(dialect.path for dialect in DIALECTS.values()), "/v1/models", "/v1", "/api")
"""What people paste from other programs' settings: the part that we add ourselves."""


def normalise(text: str) -> str:
    """Give ``scheme://host[:port][/prefix]``: scheme http unless given, no trailing slash, no endpoint path.

    Raises:
        InputError: it is no URL of a server, or it carries credentials or a query (which often is one).
    """
    word = text.strip()
    shown = shown_url(word, 80)
    if "://" not in word:
        word = f"http://{word}"
    try:
        parts = urlsplit(word)
        port = parts.port
    except ValueError as error:
        raise InputError(f"{shown!r} is no URL of a server, e.g. http://127.0.0.1:11434") from error
    if parts.username is not None or parts.password is not None:
        raise InputError(
            f"the URL of {shown!r} holds credentials, which would end in traces and on screens: give it without them"
        )
    if parts.query or parts.fragment:
        raise InputError(f"the URL of {plain(parts.hostname or '', 80)!r} has a query or fragment: give it without")
    if parts.scheme not in {"http", "https"}:
        raise InputError(f"{shown!r}: a server's URL starts with http:// or https://")
    return _joined(parts, port, shown)


def _joined(parts: SplitResult, port: int | None, shown: str) -> str:
    host = (parts.hostname or "").lower()
    if not host or not host.isprintable() or any(c in host for c in ' "<>\\^`{|}%'):
        raise InputError(f"{shown!r} is no URL of a server, e.g. http://127.0.0.1:11434")
    if port == 0:
        raise InputError(f"{shown!r}: port 0 is no port that a server can have")
    path = parts.path.rstrip("/")
    for ending in _ENDINGS:
        if path.endswith(ending):
            path = path.removesuffix(ending)
            break
    if not path.isprintable() or " " in path:
        raise InputError(f"{shown!r} is no URL of a server, e.g. http://127.0.0.1:11434")
    literal = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{literal}" + (f":{port}" if port is not None else "") + path


def host_port(url: str) -> tuple[str, int]:
    """Host and port that a normalised URL leads to."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def short(url: str) -> str:
    """A normalised URL as a sentence names it: without ``http://``."""
    return url.removeprefix("http://")
