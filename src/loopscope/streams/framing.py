"""Bytes into lines: newline-delimited JSON and server-sent events.

Split on ``\\n`` and nothing else: a JSON string may hold U+0085 or U+2028 raw, at which ``str.splitlines`` (and
with it httpx's ``aiter_lines``) would cut a message in two.
"""

MAX_LINE_BYTES = 8 << 20


class LineTooLongError(ValueError):
    """A line passed :data:`MAX_LINE_BYTES` without an end."""


class LineSplitter:
    """Collects pieces as they come off the socket and gives out whole lines, without their line ends."""

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        """Pieces of a line whose end has not come yet."""

    def feed(self, piece: bytes) -> list[bytes]:
        """Take one piece; give the lines that it completes.

        Raises:
            LineTooLongError: what waits for its end has passed :data:`MAX_LINE_BYTES`.
        """
        lines = piece.split(b"\n")
        return self.join(lines, lines.pop())

    def join(self, lines: list[bytes], tail: bytes) -> list[bytes]:
        """Take a piece that was split already: ``tail`` is what came after its last line end. As :meth:`feed`."""
        if self.waiting:
            if lines:
                lines[0] = b"".join((*self.waiting, lines[0]))
                self.waiting = [tail] if tail else []
            elif tail:
                self.waiting.append(tail)
                if sum(map(len, self.waiting)) > MAX_LINE_BYTES:
                    raise LineTooLongError(f"a line of over {MAX_LINE_BYTES >> 20} MiB")
        elif tail:
            self.waiting = [tail]
        return lines

    def rest(self) -> bytes:
        """What came after the last line end: not empty when a stream was cut in the middle of a line."""
        return b"".join(self.waiting)
