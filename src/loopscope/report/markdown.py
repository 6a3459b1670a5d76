"""Markdown in which nothing that came from a file is markup."""

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$#])")


def escape(text: str) -> str:
    """Make a text stand as it is, behind other text on a line or in a cell; nobody is mentioned by it."""
    return _MARKUP.sub(r"\\\1", text).replace("\n", " ").replace("@", "&#64;")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Give a table; columns in ``left`` hold text, the others numbers."""
    marks = [":--" if place in left else "--:" for place in range(len(titles))]
    body = [[escape(text) for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ([escape(title) for title in titles], marks, *body))
