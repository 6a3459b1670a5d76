"""One request on its way through an agent: its books, and the hot path from bytes to rows."""

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from loopscope.core.clock import now_ns
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.wires import Wire
from loopscope.rig.clients.read_limit import sip
from loopscope.rig.levers import Levers, TokenBucket
from loopscope.streams.dialect import Account, Dialect, GarbageError, ServerError
from loopscope.streams.framing import LineSplitter, LineTooLongError
from loopscope.streams.inflate import InflateError, Inflater

_CHUNK_BYTES = 160
"""Of one chunk, where the client does not tell how many bytes came."""
_FRAME_BYTES = 8
"""What HTTP adds to it."""


class RequestRecorder:
    """The books of one request, kept while it runs. ``begun`` is called when its first chunk has come."""

    __slots__ = (
        "_agent",
        "_begun",
        "_bucket",
        "_hear",
        "_held",
        "_held_bytes",
        "_held_since_ns",
        "_levers",
        "_problem",
        "_read",
        "_room",
        "_rows",
        "_samples",
        "_since_ns",
        "_splitter",
        "_timer",
        "_unpaid",
        "account",
        "batch_ns",
        "bytes",
        "chunks",
        "connect_ns",
        "end_ns",
        "first_ns",
        "handle_ns",
        "inflater",
        "last_ns",
        "number",
        "reads",
        "start_ns",
        "status",
        "throttle_ns",
        "wire",
    )

    def __init__(
        self,
        number: int,
        agent: int,
        dialect: Dialect,
        levers: Levers,
        samples: SampleBuffer,
        bucket: TokenBucket,
        begun: Callable[[], None],
    ) -> None:
        self.number = number
        self.account = Account()
        self.start_ns = now_ns()
        self.connect_ns: int | None = None
        self.first_ns: int | None = None
        self.last_ns: int | None = None
        self.chunks = 0
        self.bytes = 0
        self.reads = 0
        self.handle_ns = 0
        self.throttle_ns = 0
        self.batch_ns = 0
        self.status: int | None = None
        self.end_ns = 0
        """When the answer was complete, where that is known before its request is over."""
        self.wire = Wire()
        """The connection; the one of its exchange, once there is one."""
        self._agent = agent
        self._read = dialect.read
        self._hear = dialect.hear
        self.inflater: Inflater | None = None
        """What undoes the compression of the body."""
        self._levers = levers
        self._samples = samples
        self._rows, self._room = samples.chunks, samples.room
        self._bucket = bucket
        self._begun = begun
        self._splitter = LineSplitter()
        self._unpaid = 0
        """Chunks that the throttle has not let pass yet."""
        self._held: list[tuple[int, bytes]] = []
        self._held_bytes = 0
        self._held_since_ns = 0
        self._since_ns = 0
        """When the last message was handled, or its wait was over."""
        self._timer: asyncio.TimerHandle | None = None
        self._problem: Exception | None = None

    def take(self, piece: bytes, recv_ns: int = 0) -> bool:
        """Take bytes that the wire has just brought; ``False``: the agent is wanted (:meth:`settle`, or the end).

        With ``recv_ns`` they came then and were held since. The hot path: it calls nothing but what decodes.

        Raises:
            GarbageError, ServerError, LineTooLongError, InflateError: the stream is no good.
        """
        levers = self._levers
        if not recv_ns:
            self.bytes += len(piece)
            if self._held or not levers.calm or self.inflater is not None:
                return self._take_slowly(piece)
            recv_ns = self.wire.recv_ns
        before_ns = after_ns = perf_counter_ns()
        lines = piece.split(b"\n")
        tail = lines.pop()
        if tail or self._splitter.waiting:
            lines = self._splitter.join(lines, tail)
        read, loads, account = self._read, levers.loads, self.account
        agent, rows, room = self._agent, self._rows, self._room
        first, has_content, chunks = self.first_ns is None, True, 0
        try:
            for line in lines:
                has_content, stamp = read(line, loads, account)
                if has_content:
                    after_ns = perf_counter_ns()
                    if len(rows) < room:
                        rows.append((agent, recv_ns, stamp, after_ns, first))
                    else:
                        self._samples.dropped += 1
                    chunks += 1
                    if first:
                        first = False
                        self.first_ns = recv_ns
                        self._begun()
        finally:
            if chunks:
                self.last_ns = recv_ns
                self.chunks += chunks
            if not has_content:
                after_ns = perf_counter_ns()
            self.handle_ns += after_ns - before_ns
        return not account.done

    def take_message(self, message: Any) -> bool:
        """Take an object that the client made of bytes. As :meth:`take`; decode batching is not ours to do here.

        ``handle_ns`` then is all that the client did between the read and the object, HTTP and lines included.
        """
        recv_ns = self.wire.recv_ns
        if self._hear is None:
            raise GarbageError("an object of a client that does not speak this dialect")
        has_content, stamp = self._hear(message, self.account)
        after_ns = perf_counter_ns()
        self.handle_ns += after_ns - max(recv_ns, self._since_ns)
        self._since_ns = after_ns
        if not has_content:
            return not self.account.done
        first = self.first_ns is None
        if len(self._rows) < self._room:
            self._rows.append((self._agent, recv_ns, stamp, after_ns, first))
        else:
            self._samples.dropped += 1
        self.chunks += 1
        self.last_ns = recv_ns
        if first:
            self.first_ns = recv_ns
            self._begun()
        if self._levers.throttle_hz:
            self._unpaid += 1
            return False
        return not self.account.done

    async def settle(self, *, reading: bool) -> None:
        """Let the throttle have its way for all chunks that it has not seen yet, also those that a timer handled.

        ``reading``: the connection is still ours. One that is back in the pool, and perhaps somebody else's already,
        must not be parked.
        """
        unpaid, self._unpaid = self._unpaid, 0
        rate_hz = self._levers.throttle_hz
        bucket = self._levers.shared or self._bucket
        wait_s = bucket.wait_s(unpaid, rate_hz) if unpaid and rate_hz else 0.0
        if reading and rate_hz:
            chunk_bytes = self.bytes / self.chunks if self.bytes and self.chunks else _CHUNK_BYTES
            sip(self.wire, int(self._levers.turn * (chunk_bytes + _FRAME_BYTES)), self._levers.throttled)
        if wait_s > 0:
            before_ns = perf_counter_ns()
            await self._levers.gate.leave_unread(self.wire if reading else None, wait_s)
            self._since_ns = perf_counter_ns()
            self.throttle_ns += self._since_ns - before_ns

    def finish(self) -> None:
        """The body has ended: handle what is left. Raises as :meth:`take`."""
        before = self.chunks
        if self._held:
            self._flush()
        if self._problem is not None:
            raise self._problem
        if self._splitter.waiting:
            self.take(b"\n", self.wire.recv_ns)  # a last line without its end
        if self.account.pending or self.account.body:
            self.take(b"\n", self.wire.recv_ns)  # the last event likewise
        self._owe(before)

    def close(self) -> None:
        """Let the timer go."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _owe(self, before: int) -> None:
        if self._levers.throttle_hz:
            self._unpaid += self.chunks - before

    def _take_slowly(self, piece: bytes) -> bool:
        """Take bytes while the throttle or decode batching is on."""
        batch, before = self._levers.batch, self.chunks
        if batch.kind == "off" and not self._held:
            self._take_held(self.wire.recv_ns, piece)
        else:
            if not self._held:
                self._held_since_ns = perf_counter_ns()
                if batch.every_ns:
                    self._timer = asyncio.get_running_loop().call_later(batch.every_ns / 1e9, self._flush_on_time)
            self._held.append((self.wire.recv_ns, piece))
            self._held_bytes += len(piece)
            if batch.kind == "off" or (batch.size_bytes and self._held_bytes >= batch.size_bytes):
                self._flush()
        if self._problem is not None:
            raise self._problem
        self._owe(before)
        return not self._unpaid and not self.account.done

    def _flush(self) -> None:
        """Handle everything that was held."""
        self.close()
        held, self._held, self._held_bytes = self._held, [], 0
        self.batch_ns += perf_counter_ns() - self._held_since_ns
        for recv_ns, piece in held:
            self._take_held(recv_ns, piece)

    def _take_held(self, recv_ns: int, piece: bytes) -> None:
        """Take bytes past the levers, decompressed where they must be."""
        for part in (piece,) if self.inflater is None else self.inflater.feed(piece):
            self.take(part, recv_ns)

    def _flush_on_time(self) -> None:
        before = self.chunks
        self._timer = None
        if self._held:
            try:
                self._flush()
            except (GarbageError, ServerError, LineTooLongError, InflateError) as error:
                self._problem = error  # raised where the agent waits
        self._owe(before)
