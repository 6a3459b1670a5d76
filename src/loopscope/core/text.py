"""Text that came from outside, made safe to show.

A model, a server or a file may send escape sequences, control characters or direction overrides. Nothing of that kind
may reach the terminal, so every such text passes through :func:`plain` before it is stored in a record.
"""

import unicodedata


def plain(text: str, limit: int = 200) -> str:
    """One printable line of at most ``limit`` characters: controls, format characters and line ends become ``·``."""
    clipped = text[: limit + 1]
    safe = "".join(
        c if (c.isprintable() and unicodedata.category(c)[0] not in "CZ") or c == " " else "·" for c in clipped
    )
    return safe if len(safe) <= limit else safe[: limit - 1] + "…"
