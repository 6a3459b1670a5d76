"""The end of a file that another program writes, as lines that are safe to show."""

import re
from pathlib import Path

from loopscope.core.text import plain

LINES = 60
"""As many as the tallest pane can show of it."""
_TAIL_BYTES = 16_384
_LONGEST = 400
_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # colours, cursor
    r"|\x1b[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"  # titles, links, pictures
    r"|\x1b[ -/]*[0-~]"
)


def clean(line: str) -> str:
    """One line as a terminal would show it in the end, without colours; whatever else is no text becomes ``·``."""
    line = _ESCAPES.sub("", line).rstrip("\r")
    # A bar that redraws itself: what was written last is what would stand there.
    line = line.rsplit("\r", 1)[-1]
    return plain(line.expandtabs(4).rstrip(), _LONGEST)


class Tail:
    """Reads the end of a file again only when it has changed: it is asked ten times a second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = (-1, -1)
        self._lines: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Give the last lines, oldest first; none when the file is empty or cannot be read."""
        try:
            found = self._path.stat()
            if (found.st_size, found.st_mtime_ns) == self._seen:
                return self._lines
            start = max(0, found.st_size - _TAIL_BYTES)
            with self._path.open("rb") as file:
                file.seek(start)
                data = file.read(_TAIL_BYTES)
        except OSError:
            return self._lines
        # Not splitlines(): it would also cut at characters that only look like line ends to Unicode.
        raw = data.decode("utf-8", "replace").split("\n")
        if start and len(raw) > 1:
            raw = raw[1:]  # begins somewhere within a line
        if raw and not raw[-1]:
            raw = raw[:-1]
        self._lines = tuple(clean(line) for line in raw[-LINES:])
        self._seen = (found.st_size, found.st_mtime_ns)
        return self._lines
