"""A response of HTTP/1.1, read as its bytes come: strict, bounded, nothing kept of the body.

Knows what streams need: chunked, content-length and until-close bodies, and the headers of :data:`KEPT`. No upgrade, no
meaning of trailers; compression is :mod:`loopscope.streams.inflate`'s. Bytes after the end of a response are nobody's:
the connection is not used again. The rig's own client and the probe in a program both read with it.
"""

import re

MOST_HEAD_BYTES = 64 << 10
MOST_TRAILER_BYTES = 16 << 10
_MOST_SIZE_LINE = 256
_KEPT_SIZES = 4096

KEPT = frozenset({b"content-type", b"content-encoding", b"location"})
"""Headers whose values are kept."""

_STATUS = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [^\x00\n]*)?")
_HEADER = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\x00\n]*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[^\x00\n]*)?")

_AT_END, _AT_SIZE = 0, -1
"""Instead of bytes that are missing of a chunk: its line end, the line with its size."""


class ProtocolError(ValueError):
    """What came is no response of HTTP/1.1, or one that was cut."""


class Response:
    """One response. Feed it; ``status`` is 0 until its head is there, ``done`` says that its body has ended."""

    __slots__ = ("_chunked", "_headers", "_left", "_no_body", "_rest", "_trailers", "done", "keep", "status")

    _sizes: dict[bytes, int] = {}  # noqa: RUF012 - size lines that were checked once, shared on purpose

    def __init__(self, method: str = "POST") -> None:
        self.status = 0
        self.done = False
        self.keep = False
        """The connection may be used again afterwards."""
        self._headers: dict[bytes, bytes] = {}
        self._no_body = method == "HEAD"
        self._chunked = False
        self._left: int | None = None
        """Bytes of the body (or chunk) still to come; ``None``: until the connection closes."""
        self._rest = b""
        self._trailers = 0

    def header(self, name: str) -> str:
        """Return the value of one of :data:`KEPT`; empty: it was not sent."""
        return self._headers.get(name.encode(), b"").decode("latin-1")

    def feed(self, data: bytes) -> bytes:
        """Take bytes; give what they hold of the body.

        Raises:
            ProtocolError: they break the protocol.
        """
        if not self.status:
            after = self._head(data)
            if not after:
                return b""
            data = after
        if self.done:
            self.keep = self.keep and not data
            return b""
        return self._chunks(data) if self._chunked else self._plain(data)

    def eof(self) -> None:
        """Be told that the connection has closed.

        Raises:
            ProtocolError: in the middle of the response.
        """
        if not self.status:
            raise ProtocolError("server disconnected without an answer" if not self._rest else "no whole head came")
        if self._left is None and not self._chunked:
            self.done = True
        if not self.done:
            raise ProtocolError("the connection closed within the body")

    def _head(self, data: bytes) -> bytes:
        """Collect and read the head; give what follows it, as far as it is there."""
        while True:
            data = self._rest + data if self._rest else data
            if not b"HTTP/1.".startswith(data[:7]):
                raise ProtocolError("no answer in HTTP/1.1")
            end, lone = data.find(b"\r\n\r\n"), data.find(b"\n\n")
            if lone >= 0 and not 0 <= end < lone:
                self._rest, data = b"", _with_returns(data)  # lone line ends, which every client takes
                continue
            if end < 0:
                if len(data) > MOST_HEAD_BYTES:
                    raise ProtocolError(f"a head of over {MOST_HEAD_BYTES >> 10} KiB")
                self._rest = data
                return b""
            self._rest = b""
            status = self._read_head(data[:end])
            data = data[end + 4 :]
            if status >= 200:
                self.status = status
                return data
            if status == 101:
                raise ProtocolError("the server changes the protocol")
            if not data:
                return b""

    def _read_head(self, head: bytes) -> int:
        first, *lines = head.split(b"\r\n")
        match = _STATUS.fullmatch(first)
        if match is None:
            raise ProtocolError("no status line of HTTP/1.1")
        status, keep = int(match[2]), match[1] == b"1"
        length: int | None = None
        self._chunked, self._headers = False, {}
        for line in lines:
            header = _HEADER.fullmatch(line)
            if header is None:
                raise ProtocolError("a header line that is none")
            name, value = header[1].lower(), header[2].lower()
            if name in KEPT:
                self._headers[name] = header[2]
            if name == b"transfer-encoding":
                if value != b"chunked" or self._chunked:
                    raise ProtocolError("a transfer encoding other than chunked")
                self._chunked = True
            elif name == b"content-length":
                if not value.isdigit() or len(value) > 18 or (length is not None and length != int(value)):
                    raise ProtocolError("a content length that is none")
                length = int(value)
            elif name == b"connection":
                words = [word.strip() for word in value.split(b",")]
                keep = b"close" not in words and (keep or b"keep-alive" in words)
        if self._chunked:
            # A length beside it is an attack or a broken proxy: RFC 9112 lets chunked win and the connection go.
            keep, self._left = keep and length is None, _AT_SIZE
        else:
            self._left = length
            keep = keep and length is not None
        if self._no_body or status in (204, 304) or (length == 0 and not self._chunked):
            self.done = status >= 200
            self._left = 0
        self.keep = keep
        return status

    def _plain(self, data: bytes) -> bytes:
        if self._left is None:
            return data
        if len(data) > self._left:
            data, self.keep = data[: self._left], False
        self._left -= len(data)
        self.done = not self._left
        return data

    def _chunks(self, data: bytes) -> bytes:
        """Take the framing off; the hot path. Nearly always a read holds whole chunks."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        sizes, parts = self._sizes, []
        pos, end, left = 0, len(data), self._left or 0
        while pos < end:
            if left > 0:
                part = data[pos : pos + left]
                parts.append(part)
                left -= len(part)
                pos += len(part)
                if left:
                    break
                left = _AT_END
                if pos == end:
                    break
            elif left == _AT_SIZE:
                if self._trailers:
                    pos = self._trailer(data, pos)
                    break
                stop = data.find(b"\r\n", pos)
                if stop < 0:
                    if end - pos > _MOST_SIZE_LINE:
                        raise ProtocolError("a chunk without a size")
                    self._rest = data[pos:]
                    break
                line = data[pos:stop]
                left = sizes.get(line, -1)
                if left < 0:
                    left = self._size(line)
                pos = stop + 2
                if not left:
                    left, self._trailers = _AT_SIZE, 1
                continue
            if data[pos : pos + 2] == b"\r\n":
                pos += 2
                left = _AT_SIZE
            elif data[pos:] == b"\r":
                self._rest = b"\r"
                break
            else:
                raise ProtocolError("a chunk that does not end where it says")
        self._left = left
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _size(self, line: bytes) -> int:
        match = _SIZE.fullmatch(line)
        if match is None or len(line) > _MOST_SIZE_LINE:
            raise ProtocolError("a chunk without a size")
        size = int(match[1], 16)
        if len(self._sizes) < _KEPT_SIZES:
            self._sizes[line] = size
        return size

    def _trailer(self, data: bytes, pos: int) -> int:
        """Skip trailers up to the empty line that ends the response."""
        while True:
            stop = data.find(b"\r\n", pos)
            if stop == pos:
                self.done = True
                self.keep = self.keep and stop + 2 == len(data)
                return stop + 2
            if stop < 0:
                self._rest = data[pos:]
                self._trailers += len(self._rest)
                if self._trailers > MOST_TRAILER_BYTES:
                    raise ProtocolError("trailers without an end")
                return len(data)
            self._trailers += stop + 2 - pos
            if self._trailers > MOST_TRAILER_BYTES:
                raise ProtocolError("trailers without an end")
            pos = stop + 2


def _with_returns(data: bytes) -> bytes:
    """Give a head that ends in an empty line of ``\\n`` alone the line ends of HTTP."""
    head, _, rest = data.partition(b"\n\n")
    return b"\r\n".join(line.removesuffix(b"\r") for line in head.split(b"\n")) + b"\r\n\r\n" + rest
