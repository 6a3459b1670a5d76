"""Text that came from outside, made safe to show.

A model, a server or a file may send escape sequences, control characters or direction overrides. Nothing of that kind
may reach the terminal, so every such text passes through :func:`plain` before it is stored in a record.
"""

import unicodedata
from urllib.parse import urlsplit


def plain(text: str, limit: int = 200) -> str:
    """One printable line of at most ``limit`` characters: controls, format characters and line ends become ``·``."""
    clipped = text[: limit + 1]
    safe = "".join(
        c if (c.isprintable() and unicodedata.category(c)[0] not in "CZ") or c == " " else "·" for c in clipped
    )
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"


def shown_url(url: str, limit: int = 100) -> str:
    """Return a URL as it may be shown: without credentials, query and fragment, which may be one; empty: it is none."""
    try:
        parts = urlsplit(url)
        netloc = parts.netloc.rpartition("@")[2]
    except ValueError:
        return ""
    scheme = f"{parts.scheme}:" if parts.scheme else ""
    return plain(f"{scheme}//{netloc}{parts.path}" if netloc else f"{scheme}{parts.path}".rpartition("@")[2], limit)
