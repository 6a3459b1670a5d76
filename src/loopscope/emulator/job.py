"""One request under way: waits for the model and a slot, then gives a token whenever one is due.

The schedule is absolute: the next token is due one gap after the last one *was due*, so that lateness never adds up and
the long-run rate is exact. When the client does not read, the stream waits with one send in hand; what became due
meanwhile follows at once when it reads again, stamped with that later time, as a real server's chunks are.

Over 400 lines: every step of a stream works on the same state, and the path of nearly every chunk is spelled out.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns, time_ns
from typing import ClassVar, Protocol

from loopscope.emulator.answers import Answer
from loopscope.emulator.connection import Connection
from loopscope.emulator.reply import Outcome, Reply
from loopscope.emulator.script import Script
from loopscope.emulator.shapes import FLAT_LINES, Block, Shape, chunk
from loopscope.emulator.stamps import NS_PER_S, clock
from loopscope.emulator.timing import Gap
from loopscope.emulator.truth import SEGMENT_ROWS, RequestRow

_LAST_ROW = SEGMENT_ROWS - 1
FLAT_SENDS = 8
"""Sends that a stream without a pace may do in a row before it is another stream's turn."""


class Disruption(Protocol):
    """A fault within one stream, as far as the stream knows it."""

    GO_ON: ClassVar[int]
    sprung: bool
    after: int

    @property
    def over(self) -> bool:
        """Nothing special is left to do."""

    def stamp(self) -> bytes:
        """Return ``created_at``."""

    def spring(self, job: Job, due: int) -> int:
        """Do it; return ``GO_ON`` to go on with the token, 0 for the end, or when to come again."""

    def spring_whole(self, job: Job, due: int) -> int:
        """Do it to a request that asked for no stream."""

    def twisted(self, shape: Shape, variable: bytes, place: int) -> bytes:
        """Return the message at a place, spoilt if that is the fault."""


class Job:
    """A request for generation. ``began_ns`` is when all of it had been read; everything else is set on its way."""

    __slots__ = (
        "_fixed",
        "_gpu",
        "_headed",
        "_left",
        "_meant_ns",
        "_pending_chunks",
        "_place",
        "_posts",
        "_pres",
        "_send",
        "_spoken",
        "_wrap",
        "accepted_ns",
        "began_ns",
        "connection",
        "dead",
        "first_due_ns",
        "gap_ns",
        "keep_alive_ns",
        "ledger",
        "load_ns",
        "microseconds",
        "next_gap",
        "number",
        "prompt",
        "prompt_ns",
        "prompt_tokens",
        "release",
        "reply",
        "resources",
        "runner_options",
        "script",
        "stream",
        "trap",
    )

    def __init__(self, number: int, connection: Connection, reply: Reply, script: Script, *, stream: bool) -> None:
        self.number = number
        self.connection = connection
        self.resources = connection.resources
        self.ledger = self.resources.ledger
        self.reply = reply
        self.script = script
        self.stream = stream
        self.accepted_ns = connection.accepted_ns
        self.began_ns = connection.parsed_ns or perf_counter_ns()
        self.load_ns = 0
        self.prompt = ""
        self.prompt_tokens = 0
        self.prompt_ns = 0
        self.microseconds = False
        """Durations are reported in whole microseconds, one at least."""
        self.gap_ns = 0
        """Gap from token to token; 0: ask ``next_gap``, and without that there is no pace."""
        self.next_gap: Gap | None = None
        self.keep_alive_ns: int | None = None
        self.runner_options: tuple[object, ...] = ()
        self.release: Callable[[Job], None] | None = None
        """Called once when the job has ended: the runner frees its slot."""
        self.trap: Disruption | None = None
        self.dead = False
        self.first_due_ns = 0
        self._gpu = self.resources.card.gpu
        self._meant_ns = 0
        self._pending_chunks = 0
        self._headed = False
        self._spoken = False
        self._left = script.spoken
        self._place = script.start
        self._wrap = len(script.text.fragments)
        self._fixed = reply.variable
        self._pres = reply.shape.pre
        self._posts = reply.shape.post
        self._send = connection.sock.send

    @property
    def made(self) -> int:
        """Tokens generated so far."""
        return self.script.spoken - self._left

    @property
    def sent_chunks(self) -> int:
        """Chunks that have been sent whole."""
        script = self.script
        return script.text.lines(script.start, self.made) - self._pending_chunks if self.stream else 0

    @property
    def flat(self) -> bool:
        """No pace: as fast as the socket takes it."""
        return not self.gap_ns and self.next_gap is None

    def set_pace(self, tok_s: float, next_gap: Gap | None) -> None:
        """Set the gap from token to token, from the next one on."""
        self.next_gap = next_gap
        self.gap_ns = 0 if next_gap is not None else round(1e9 / tok_s)

    def start(self, now: int, prompt_ns: int, setup_ns: int = 0) -> None:
        """Begin to compute in a slot: after ``setup_ns`` with the prompt."""
        card = self.resources.card
        card.enter(now)
        self.prompt_ns = int(prompt_ns * card.gpu.factor)
        self.first_due_ns = now + setup_ns + self.prompt_ns
        self.resources.reactor.at(self.first_due_ns, self._careful if self.stream else self._quiet)

    # -- a token is due

    def _fast(self, due: int) -> int:
        """Return a token: the path of nearly every chunk, everything spelled out."""
        place = self._place
        post = self._posts[place]
        ledger = self.ledger
        if post:
            if self._fixed is None:
                wall = time_ns()
                rest = wall - clock.base_ns
                if not 0 <= rest < NS_PER_S:
                    rest = clock.roll(wall)
                if rest % 10:
                    line = b"%b%b%09d%b" % (self._pres[place], clock.second, rest, post)
                else:  # Go cuts trailing zeros, so this line is shorter
                    line = chunk(self.reply.shape.message(clock.stamp(wall)[:-1], place))
            else:
                line = self._pres[place] + self._fixed + post
            try:
                sent = self._send(line)
            except BlockingIOError:
                sent = 0
            except OSError:
                self.connection.lost()
                return 0
            ledger.tokens += 1
            self._left -= 1
            self._place = place + 1 if place + 1 != self._wrap else 0
            ledger.bytes += len(line)
            if sent != len(line):
                return self._block(line[sent:], due, 1)
            row = ledger.rows & _LAST_ROW
            ledger.log_request[row] = self.number
            ledger.log_meant[row] = due
            ledger.log_sent[row] = sent_ns = perf_counter_ns()
            ledger.rows += 1
            if row == _LAST_ROW:
                ledger.roll()
        else:
            sent_ns = 0
            self._silent()
        if not self._left:
            return self._last(due)
        gpu = self._gpu
        if due >= gpu.next_look_ns:
            gpu.look(perf_counter_ns())
        gap = int((self.gap_ns or self._gap()) * gpu.factor)
        if sent_ns - due > FLAT_LINES * gap and self.gap_ns:
            return self._late(due + gap, gap, sent_ns)
        return due + gap

    def _late(self, due: int, gap: int, now: int) -> int:
        """Send what has become due meanwhile, a few messages at a time, as whoever is behind his schedule does.

        A send a message would be 10 us each, and so the end at 90 000 chunks/s: less than some clients carry.
        """
        ledger, shape = self.ledger, self.reply.shape
        for _ in range(FLAT_SENDS):
            block = shape.block(self._place)
            first, until = due, due + block.tokens * gap
            if block.tokens >= self._left or until - gap > now:
                break
            rest = self._send_block(block)
            if rest is None:
                return 0
            due = until
            if rest:
                return self._block(rest, until - gap, block.lines)
            now = perf_counter_ns()
            for place in block.places:
                if self._posts[place]:
                    ledger.sent(self.number, first + (place - block.places.start) * gap, now)
        return due

    def _careful(self, due: int) -> int:
        """Return a token the long way: the first one, and every one of a stream with a fault or without HTTP chunks."""
        if self.dead:
            return 0
        if not self._left:
            return self._last(due)
        trap = self.trap
        if trap is not None and not trap.sprung and self.made >= trap.after:
            again = trap.spring(self, due)
            if again != trap.GO_ON:
                return again
        place = self._place
        if self._posts[place]:
            data = self.take_head() + self.next_frames()
            self._spoken = True
            self.ledger.tokens += 1
            self._left -= 1
            self._place = (place + 1) % self._wrap
            self.ledger.bytes += len(data)
            if not self.connection.write(data):
                return self._block(b"", due, 1)
            if self.connection.closed:  # the client had gone
                return 0
            self.ledger.sent(self.number, due, perf_counter_ns())
        else:
            self._silent()
        return self._next(due)

    def _next(self, due: int) -> int:
        """Go on after a token: give when :meth:`_careful` is due again, or arrange what comes otherwise."""
        if not self._left:
            return self._last(due)
        gap = int((self.gap_ns or self._gap()) * self._gpu.factor)
        plain = self.trap is None or self.trap.over
        if self._spoken and plain and self.connection.chunked:
            reactor = self.resources.reactor
            if self.flat:
                reactor.eager.append(self._burst)
            else:
                reactor.at(due + gap, self._fast)
            return 0
        return due + gap

    def _burst(self) -> bool:
        """Return tokens for as long as the socket takes them, but not for long; true: call again."""
        if self.dead:
            return False
        ledger, shape = self.ledger, self.reply.shape
        for _ in range(FLAT_SENDS):
            block = shape.block(self._place)
            if block.tokens > self._left:
                block = shape.make_block(self._place, self._left)
            rest = self._send_block(block)
            if rest is None:
                return False
            now = perf_counter_ns()
            if rest:
                self._block(rest, now, block.lines)
                return False
            ledger.sent_together(self.number, now, block.lines)
            if not self._left:
                self._last(now)
                return False
        return True

    def _send_block(self, block: Block) -> bytes | None:
        """Send a block, stamped now, and count it; give what the socket did not take, ``None``: the client is gone."""
        variable, rest = self._fixed, 1
        if variable is None:
            wall = time_ns()
            rest = wall - clock.base_ns
            if not 0 <= rest < NS_PER_S:
                rest = clock.roll(wall)
            variable = b"%b%09d" % (clock.second, rest)
        # Go cuts trailing zeros, so one stamp in ten is shorter.
        data = variable.join(block.parts) if rest % 10 else block.framed(self.reply.shape, clock.stamp(wall)[:-1])
        try:
            sent = self._send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            self.connection.lost()
            return None
        ledger = self.ledger
        ledger.tokens += block.tokens
        ledger.silent_tokens += block.tokens - block.lines
        ledger.bytes += len(data)
        self._left -= block.tokens
        self._place = block.after
        return data[sent:]

    def _quiet(self, due: int) -> int:
        """Generate a token for an answer that is given whole."""
        if self.dead:
            return 0
        trap = self.trap
        if trap is not None and not trap.sprung and self.made >= trap.after:
            again = trap.spring_whole(self, due)
            if again != trap.GO_ON:
                return again
        if self.flat and (trap is None or trap.sprung):
            self.ledger.tokens += self._left
            self._left = 0
        elif self._left:
            self.ledger.tokens += 1
            self._left -= 1
        if not self._left:
            return self._last(due)
        if due >= self._gpu.next_look_ns:
            self._gpu.look(perf_counter_ns())
        return due + int((self.gap_ns or self._gap()) * self._gpu.factor)

    def _gap(self) -> int:
        return self.next_gap() if self.next_gap is not None else 0

    def _silent(self) -> None:
        """Generate a token that gives no chunk."""
        self.ledger.tokens += 1
        self.ledger.silent_tokens += 1
        self._left -= 1
        self._place = (self._place + 1) % self._wrap

    def next_frames(self) -> bytes:
        """Return the HTTP chunks of the next token: its message, and what goes ahead of it."""
        shape, variable, trap = self.reply.shape, self._fixed, self.trap
        if variable is None:
            variable = (clock.stamp() if trap is None else trap.stamp())[:-1]
        place = self._place
        message = shape.message(variable, place) if trap is None else trap.twisted(shape, variable, place)
        messages = [*shape.leads.get(place, ()), message]
        return b"".join(map(self.frame, messages if self._spoken else self.reply.first(messages)))

    def frame(self, message: bytes) -> bytes:
        """Put the HTTP chunk around a message, where there is one."""
        return chunk(message) if self.connection.chunked else message

    def take_head(self) -> bytes:
        """Return the head of the answer, once: it is held back until the first message."""
        if self._headed:
            return b""
        self._headed = True
        return self.connection.head(200, self.reply.content_type, None, self.reply.headers)

    # -- the client does not read

    def _block(self, rest: bytes, due: int, chunks: int) -> int:
        """Wait for the client; ``rest`` holds the end of the last ``chunks`` messages."""
        self.ledger.blocked += 1
        self._meant_ns = due
        self._pending_chunks = chunks
        self.connection.hold(rest, self._unblocked)
        return 0

    def _unblocked(self) -> None:
        """Go on at once, when the client has read what was held, with what has become due meanwhile."""
        now = perf_counter_ns()
        for _ in range(self._pending_chunks):
            self.ledger.sent(self.number, self._meant_ns, now)
        self._pending_chunks = 0
        again = self._next(self._meant_ns)
        if again:
            self.resources.reactor.at(again, self._careful)

    # -- the end

    def _last(self, due: int) -> int:
        """After the last spoken token: the end token takes its time too, and makes no chunk."""
        if not self.script.eos:
            return self._end(due)
        self.resources.reactor.at(due + int((self.gap_ns or self._gap()) * self._gpu.factor), self._end)
        self.ledger.silent_tokens += 1
        self.ledger.tokens += 1
        return 0

    def outcome(self, due: int) -> Outcome:
        """Return the figures of the final message. Evaluation runs from the first token to the last: one gap fewer."""
        total = perf_counter_ns() - self.began_ns
        prompt_ns, eval_ns = self.prompt_ns, max(0, due - self.first_due_ns)
        if self.microseconds:
            prompt_ns, eval_ns = (max(1000, ns - ns % 1000) for ns in (prompt_ns, eval_ns))
        return Outcome(self.script, self.prompt_tokens, total, self.load_ns, prompt_ns, eval_ns)

    def _end(self, due: int) -> int:
        if self.dead:
            return 0
        outcome = self.outcome(due)
        stamp = self.trap.stamp() if self.trap is not None else clock.stamp()
        if not self.stream:
            self.leave("done")
            self.connection.answer(self.reply.whole(outcome, stamp))
            return 0
        for message in self.reply.final(outcome, stamp):
            self.connection.write(self.take_head() + self.frame(message))
            self.ledger.messages_final += 1
        self.close_stream("done")
        return 0

    def close_stream(self, how: str) -> None:
        """End the body properly and count the request as ``how``."""
        if self.connection.chunked:
            self.connection.write(b"0\r\n\r\n")
        self.leave(how)
        self.connection.answered()

    def leave(self, how: str) -> None:
        """Free the slot and count how the request ended; nothing is sent after this."""
        if not self.dead:
            self.dead = True
            chunks = self.sent_chunks
            self.ledger.unsent_chunks += self._pending_chunks
            if how == "gone":
                self.ledger.abandoned_chunks += chunks
            self.ledger.ended(how)
            row = RequestRow(self.number, self.accepted_ns, self.began_ns, perf_counter_ns(), chunks, how)
            self.ledger.request_ended(row)
            self.ledger.streams -= 1
            if self.release is not None:
                self.release(self)

    def refuse(self, answer: Answer) -> None:
        """Answer with an error instead of a stream."""
        self.leave("error")
        self.connection.answer(answer)
