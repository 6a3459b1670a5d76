"""Markdown in which nothing that came from a file is markup."""

import re
from collections.abc import Sequence

_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+!|~$&-])")


def escape(text: str) -> str:
    """Make a text stand as it is, in a line or in a cell."""
    return _MARKUP.sub(r"\\\1", text).replace("\n", " ")


def cell(text: str) -> str:
    """As :func:`escape`, for what is mostly numbers: only what could be markup there."""
    return re.sub(r"([\\`*_\[\]<>|~&$])", r"\\\1", text).replace("\n", " ")


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], left: Sequence[int] = (0,)) -> str:
    """Give a table; columns in ``left`` hold text, the others numbers."""
    marks = [":--" if place in left else "--:" for place in range(len(titles))]
    body = [[cell(text) for text in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in ([cell(title) for title in titles], marks, *body))
