"""From the journal to records: what the rig writes down as it streams, found out here from what the hooks saw.

A chunk was *received* when the read that completed its line returned, and *handled* when the program asked for more:
by then it has decoded and used everything that it had. That time includes whatever else the program awaited in between.
"""

import orjson

from loopscope.core.clock import now_ns
from loopscope.core.records import AgentState, Request
from loopscope.core.text import plain
from loopscope.inject.journal import ENDED, FAILED, READ, STARTED, Entry, Exchange
from loopscope.inject.loop_watch import LoopWatch, WatchedLoop
from loopscope.inject.slots import Row, Rows
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.streams.dialect import Account, ending
from loopscope.streams.dialects import ENDINGS
from loopscope.streams.framing import LineSplitter, LineTooLongError
from loopscope.streams.http1 import ProtocolError, Response
from loopscope.streams.inflate import CODINGS, InflateError, Inflater, coding_of
from loopscope.streams.overheard import Overheard

_OVER_HTTP2 = "HTTP/2: received is when the library handed it over"
_LINGER_NS = 5_000_000_000
"""A response that is complete and that the program does not give back is closed in the books after that."""
_IDLE_NS = 30_000_000_000
"""A row without a request for so long is gone from the screen until it is needed again."""


class _Books:
    """The account of one exchange."""

    __slots__ = (
        "bytes",
        "chunks",
        "complete_ns",
        "first_ns",
        "handle_ns",
        "inflater",
        "last_ns",
        "last_recv_ns",
        "lost",
        "pending",
        "reads",
        "response",
        "row",
        "splitter",
        "stream",
        "words",
    )

    def __init__(self, method: str) -> None:
        self.response = Response(method)
        self.row: Row | None = None
        self.stream: Overheard | None = None
        """What reads the body; ``None``: nothing does."""
        self.inflater: Inflater | None = None
        self.words = ""
        """Why the body is not read."""
        self.bytes = 0
        self.splitter = LineSplitter()
        self.pending: list[tuple[int, object, bool]] = []
        """Chunks that the program has not handled yet: received, stamp, first of its request."""
        self.chunks = 0
        self.reads = 0
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.last_recv_ns = 0
        self.complete_ns = 0
        self.handle_ns = 0
        self.lost = ""
        """How the server ended the connection, when it did so too early."""


class Digest:
    """Turns entries into rows and records in ``samples``; lives in the sender's thread."""

    def __init__(self, samples: SampleBuffer) -> None:
        self._samples = samples
        self._rows = Rows()
        self._open: dict[Exchange, None] = {}
        self.latest: Exchange | None = None
        """The stream that began last."""

    @property
    def streams(self) -> int:
        """Requests under way."""
        return len(self._open)

    def streams_on(self, watch: LoopWatch, watched: WatchedLoop) -> bool:
        """Say whether a request is under way on this loop."""
        return any(watch.of(exchange.loop) is watched for exchange in self._open)

    def take(self, entries: list[Entry]) -> None:
        """Take entries in, in their order."""
        for exchange, kind, at_ns, payload, asked_ns in entries:
            if kind == STARTED:
                self._start(exchange)
                continue
            books: _Books | None = exchange.books
            if books is None:
                continue  # closed already, or none of ours
            if kind == READ:
                self._handled(books, asked_ns)
                self._read(exchange, books, at_ns, payload)
            elif kind == FAILED:
                self._close(exchange, books, at_ns, *payload)
            elif kind == ENDED:
                self._end(exchange, books, at_ns)

    def asked(self) -> list[tuple[Exchange, int]]:
        """When the program last asked each open stream for more. Read before the journal is taken: whatever came before
        that moment is then among the entries.
        """
        return [(exchange, exchange.asked_ns) for exchange in self._open]

    def handled(self, asked: list[tuple[Exchange, int]]) -> None:
        """Let chunks out that the program had done with then, also where nothing has come since."""
        for exchange, asked_ns in asked:
            if exchange.books is not None:
                self._handled(exchange.books, asked_ns)

    def sweep(self, at_ns: int) -> None:
        """Close what the program never gave back, and let rows go that have been idle for long."""
        for exchange in list(self._open):
            books: _Books = exchange.books
            if exchange.muted:
                self._close(exchange, books, at_ns, "taken", "the probe had no room for this stream")
            elif books.complete_ns and at_ns - books.complete_ns > _LINGER_NS:
                self._end(exchange, books, books.complete_ns)
        for row in self._rows.all:
            if row.free_ns and row.state != "gone" and at_ns - row.free_ns > _IDLE_NS:
                self._say(row, "gone")

    def finish(self) -> None:
        """The program ends: so do its streams."""
        at_ns = now_ns()
        for exchange in list(self._open):
            books: _Books = exchange.books
            if books.complete_ns:
                self._end(exchange, books, books.complete_ns)
            else:
                self._close(exchange, books, at_ns, "taken", "the program ended")
        for row in self._rows.all:
            self._say(row, "gone")

    def _start(self, exchange: Exchange) -> None:
        exchange.books = _Books(exchange.method)
        if exchange.method == "POST" and exchange.path.endswith(ENDINGS):
            self._show(exchange, exchange.books)

    def _show(self, exchange: Exchange, books: _Books) -> None:
        """Give the exchange a row of its own."""
        row = books.row = self._rows.take(exchange.client, exchange.origin, exchange.task)
        if row is None:
            self._samples.dropped += 1
            self._forget(exchange)
            return
        self._open[exchange] = None
        self.latest = exchange
        row.requests += 1
        self._say(row, "waiting")

    def _forget(self, exchange: Exchange) -> None:
        exchange.books = None
        exchange.muted = True

    def _say(self, row: Row, state: str, model: str = "") -> None:
        if row.state == state and not model:
            return
        row.state, row.model = state, model or row.model
        self._samples.event(
            AgentState(
                t_ns=now_ns(),
                proc=self._samples.proc,
                agent=row.agent,
                state=state,
                name=row.name,
                model=row.model,
                server=row.server,
                url=plain(row.origin, 80),
            )
        )

    def _handled(self, books: _Books, at_ns: int) -> None:
        """At this moment the program had done with all that it had received."""
        if books.last_recv_ns and at_ns >= books.last_recv_ns:
            books.handle_ns += at_ns - books.last_recv_ns
            books.last_recv_ns = 0
        row, pending = books.row, books.pending
        if row is None or not pending or at_ns < pending[0][0]:
            return
        done = 0
        for recv_ns, stamp, first in pending:
            if recv_ns > at_ns:
                break  # came after it had asked
            self._samples.chunk((row.agent, recv_ns, stamp, at_ns, first))
            done += 1
        del pending[:done]

    def _read(self, exchange: Exchange, books: _Books, at_ns: int, data: bytes) -> None:
        response = books.response
        if not data:
            self._closed(books, at_ns)
            return
        books.reads += 1
        books.last_recv_ns = books.last_recv_ns or at_ns
        fresh = not response.status
        try:
            body = response.feed(data)
            if fresh and response.status and not self._decide(exchange, books):
                return
            books.bytes += len(body)
            self._body(books, at_ns, body)
            if response.done and not books.complete_ns:
                self._lines(books, at_ns, [books.splitter.rest(), b""])
        except (ProtocolError, LineTooLongError, InflateError) as error:
            if books.row is None:
                self._forget(exchange)
            else:
                self._close(exchange, books, at_ns, "garbage", str(error))
            return
        if response.done and not books.complete_ns:
            books.complete_ns = at_ns
            if not exchange.reports_end:
                self._end(exchange, books, at_ns)

    def _closed(self, books: _Books, at_ns: int) -> None:
        """The server has closed the connection."""
        try:
            books.response.eof()
        except ProtocolError:
            books.lost = "the server closed the connection"
            return
        if not books.complete_ns:
            books.complete_ns = at_ns
            self._lines(books, at_ns, [books.splitter.rest(), b""])

    def _decide(self, exchange: Exchange, books: _Books) -> bool:
        """The head has come: is this a stream? Give whether to keep books on it."""
        response = books.response
        stream = Overheard(orjson.loads, exchange.path, response.header("content-type"))
        coding = coding_of(response.header("content-encoding"))
        if response.status >= 300:
            books.words = f"HTTP {response.status}"
        elif coding and coding not in CODINGS:
            books.words = f"compressed (content-encoding: {plain(coding, 40)}): not read"
        elif stream.is_stream or stream.may_be_stream:
            books.stream = stream
            books.inflater = Inflater() if coding else None
        else:
            books.words = stream.words
        if books.row is None and stream.is_stream and books.stream is not None:
            self._show(exchange, books)
        if books.row is None:
            self._forget(exchange)
        return exchange.books is not None

    def _body(self, books: _Books, at_ns: int, body: bytes) -> None:
        if books.stream is None or not body:
            return
        for piece in (body,) if books.inflater is None else books.inflater.feed(body):
            self._lines(books, at_ns, books.splitter.feed(piece))

    def _lines(self, books: _Books, at_ns: int, lines: list[bytes]) -> None:
        stream, row = books.stream, books.row
        if stream is None or row is None:
            return
        read_line = stream.read
        for line in lines:
            has_content, stamp = read_line(line)
            if has_content:
                first = books.first_ns is None
                if first:
                    books.first_ns = at_ns
                    self._say(row, "streaming", stream.model if stream.model != row.model else "")
                books.last_ns = at_ns
                books.chunks += 1
                books.pending.append((at_ns, stamp, first))

    def _end(self, exchange: Exchange, books: _Books, at_ns: int) -> None:
        """The response has been given back, or its connection is closed."""
        response, stream = books.response, books.stream
        account = Account() if stream is None else stream.account
        outcome, words = "ok", books.words
        if response.status >= 400:
            outcome = "http"
        elif stream is not None and stream.failed:
            outcome, words = "server", "the server reported an error in the stream"
        elif stream is not None and stream.garbage:
            outcome, words = "garbage", "a line that is no JSON object"
        elif not response.done and not account.done:
            if books.lost:
                outcome, words = "cut", f"{books.lost} after {books.chunks} chunks"
            else:
                outcome, words = "taken", "the program closed the stream before its end"
        elif stream is not None:
            outcome, words = self._judge(stream, books.chunks)
        if exchange.http2:
            words = f"{words}; {_OVER_HTTP2}" if words else _OVER_HTTP2
        self._close(exchange, books, at_ns, outcome, words)

    @staticmethod
    def _judge(stream: Overheard, chunks: int) -> tuple[str, str]:
        """Give outcome and words for a body that came to its end."""
        if not stream.is_stream:
            return "ok", stream.words
        if not stream.ends_openly:
            return "ok", ""
        return ending(stream.account, chunks)

    def _close(self, exchange: Exchange, books: _Books, at_ns: int, outcome: str, words: str) -> None:
        exchange.books = None
        exchange.muted = True
        self._open.pop(exchange, None)
        last_ns = books.pending[-1][0] if books.pending else 0
        self._handled(books, max(at_ns, last_ns))
        row, account = books.row, Account() if books.stream is None else books.stream.account
        connect_ns = None if outcome == "refused" else exchange.connect_ns
        if row is None:
            return
        self._rows.give_back(row, at_ns)
        self._samples.event(
            Request(
                t_ns=now_ns(),
                proc=self._samples.proc,
                agent=row.agent,
                request=row.requests,
                outcome=outcome,
                words=plain(words),
                status=books.response.status or None,
                start_ns=exchange.start_ns,
                connect_ns=connect_ns,
                first_ns=books.first_ns,
                last_ns=books.last_ns,
                end_ns=max(exchange.start_ns, books.complete_ns or at_ns),
                chunks=books.chunks,
                reads=books.reads,
                bytes=books.bytes,
                tokens=account.tokens,
                prompt_tokens=account.prompt_tokens,
                total_ns=account.total_ns,
                load_ns=account.load_ns,
                prompt_ns=account.prompt_ns,
                eval_ns=account.eval_ns,
                handle_ns=books.handle_ns,
            )
        )
        self._say(row, "pausing")
