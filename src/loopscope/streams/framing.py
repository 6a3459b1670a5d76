"""Bytes into lines: newline-delimited JSON and server-sent events.

Split on ``\\n``, and on a lone ``\\r`` where a piece has no other line end (events may end so); never on what else
``str.splitlines`` (and with it httpx's ``aiter_lines``) takes for one: a JSON string may hold U+0085 or U+2028 raw.
"""

MAX_LINE_BYTES = 8 << 20


class LineTooLongError(ValueError):
    """A line passed :data:`MAX_LINE_BYTES` without an end."""


class LineSplitter:
    """Collects pieces as they come off the socket and gives out whole lines, without their line ends."""

    __slots__ = ("_size", "waiting")

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        """Pieces of a line whose end has not come yet."""
        self._size = 0

    def feed(self, piece: bytes) -> list[bytes]:
        """Take one piece; give the lines that it completes.

        Raises:
            LineTooLongError: what waits for its end has passed :data:`MAX_LINE_BYTES`.
        """
        lines = piece.split(b"\n")
        return self.join(lines, lines.pop())

    def join(self, lines: list[bytes], tail: bytes) -> list[bytes]:
        """Take a piece that was split already: ``tail`` is what came after its last line end. As :meth:`feed`."""
        if lines:
            if self.waiting:
                lines[0] = b"".join((*self.waiting, lines[0]))
            self.waiting = [tail] if tail else []
            self._size = len(tail)
        elif tail:
            if b"\r" in tail:
                return self._join_returns(tail)
            self.waiting.append(tail)
            self._size += len(tail)
        if self._size > MAX_LINE_BYTES:
            raise LineTooLongError(f"a line of over {MAX_LINE_BYTES >> 20} MiB")
        return lines

    def _join_returns(self, tail: bytes) -> list[bytes]:
        """Take a piece whose lines end in a lone ``\\r``; the ``\\n`` of one at its very end may be still to come."""
        lines = b"".join((*self.waiting, tail)).split(b"\r")
        last = lines.pop()
        if not last and lines:
            last = lines.pop() + b"\r"
        self.waiting, self._size = [last], len(last)
        return lines

    def rest(self) -> bytes:
        """What came after the last line end: not empty when a stream was cut in the middle of a line."""
        return b"".join(self.waiting)
