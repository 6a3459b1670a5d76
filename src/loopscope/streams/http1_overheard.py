"""The response side of HTTP/1.1, as far as a stream needs it: bytes as they came off the socket in, body bytes out."""

import zlib

_MOST_HEAD_BYTES = 256 << 10


class NotHttpError(ValueError):
    """The bytes are no HTTP/1.1 response (HTTP/2, a proxy's own protocol, or damage)."""


class Response:
    """One response. ``status`` is 0 until its head has come; ``complete`` when its body has ended.

    Keeps three facts of the head (content type, length, coding) and nothing else.
    """

    __slots__ = (
        "_chunked",
        "_head",
        "_inflate",
        "_left",
        "_no_body",
        "_rest",
        "_trailer",
        "bytes",
        "complete",
        "content_type",
        "status",
    )

    def __init__(self, method: str = "GET") -> None:
        self.status = 0
        self.content_type = ""
        self.complete = False
        self.bytes = 0
        """Bytes of the body so far, without its framing."""
        self._no_body = method == "HEAD"
        self._head = b""
        self._rest = b""
        self._chunked = False
        self._trailer = False
        self._left: int | None = None
        """Bytes left of the body or of the chunk under way; None: until the connection closes (or a chunk's size)."""
        self._inflate: zlib._Decompress | None = None

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes; give pieces of the body, one for each HTTP chunk.

        Raises:
            NotHttpError: these are no bytes of a response.
        """
        if not self.status:
            self._head += data
            data = self._read_head()
            if not self.status:
                return []
        if self.complete or not data:
            return []
        pieces = self._chunks(data) if self._chunked else self._plain(data)
        self.bytes += sum(map(len, pieces))
        return pieces if self._inflate is None else self._inflated(pieces)

    def end(self) -> None:
        """Be told that the server has closed the connection: the end of a body without a length."""
        if self.status and not self._chunked and self._left is None:
            self.complete = True

    def _read_head(self) -> bytes:
        """Read the head if it is whole; give what follows it."""
        while True:
            head, sign, rest = self._head.partition(b"\r\n\r\n")
            if not sign:
                if len(self._head) > _MOST_HEAD_BYTES or not self._head.startswith(b"HTTP/1."[: len(self._head)]):
                    raise NotHttpError("no head of an HTTP/1.1 response")
                return b""
            first, *lines = head.split(b"\r\n")
            try:
                status = int(first.split(b" ", 2)[1])
            except (IndexError, ValueError) as error:
                raise NotHttpError("no status line") from error
            if not first.startswith(b"HTTP/1.") or not 100 <= status <= 999:
                raise NotHttpError("no status line")
            if 100 <= status < 200 and status != 101:
                self._head = rest  # an interim response: the real one follows
                continue
            self._head = b""
            self._understand(status, lines)
            return rest

    def _understand(self, status: int, lines: list[bytes]) -> None:
        coding = b""
        for line in lines:
            name, _, value = line.partition(b":")
            name, value = name.strip().lower(), value.strip().lower()
            if name == b"content-type":
                self.content_type = value.partition(b";")[0].strip().decode("latin-1")
            elif name == b"transfer-encoding":
                self._chunked = value.endswith(b"chunked")
            elif name == b"content-length" and value.isdigit():
                self._left = int(value[:18])
            elif name == b"content-encoding":
                coding = value
        if coding in (b"gzip", b"x-gzip", b"deflate"):
            self._inflate = zlib.decompressobj(47)  # 32 + 15: gzip or zlib, found out by its head
        elif coding and coding != b"identity":
            self.content_type = f"{self.content_type} in {coding.decode('latin-1')}"  # no stream that we can read
        if self._chunked:
            self._left = None
        self.status = status
        if self._no_body or status in (101, 204, 304) or (not self._chunked and self._left == 0):
            self.complete = True

    def _plain(self, data: bytes) -> list[bytes]:
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
            self.complete = self._left == 0
        return [data] if data else []

    def _chunks(self, data: bytes) -> list[bytes]:
        if self._rest:
            data, self._rest = self._rest + data, b""
        pieces: list[bytes] = []
        at, end = 0, len(data)
        while at < end:
            if self._left:
                piece = data[at : at + self._left]
                pieces.append(piece)
                at += len(piece)
                self._left -= len(piece)
                continue
            line_end = data.find(b"\r\n", at)
            if line_end < 0:
                self._rest = data[at:]
                if len(self._rest) > _MOST_HEAD_BYTES:
                    raise NotHttpError("no size of a chunk")
                break
            line = data[at:line_end]
            at = line_end + 2
            if self._trailer:
                if not line:
                    self.complete = True
                    break
            elif self._left == 0:
                self._left = None  # the line end after a chunk's data
                if line:
                    raise NotHttpError("a chunk is longer than its size")
            else:
                try:
                    self._left = int(line.partition(b";")[0], 16)
                except ValueError as error:
                    raise NotHttpError("no size of a chunk") from error
                self._trailer = self._left == 0
        return pieces

    def _inflated(self, pieces: list[bytes]) -> list[bytes]:
        assert self._inflate is not None  # noqa: S101 - asked by feed()
        try:
            whole = [self._inflate.decompress(piece) for piece in pieces]
        except zlib.error as error:
            raise NotHttpError("damaged compression") from error
        return [piece for piece in whole if piece]
