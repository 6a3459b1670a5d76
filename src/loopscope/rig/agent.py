"""One agent: streams request after request, and writes down when each chunk came."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from loopscope.core.clock import now_ns
from loopscope.core.records import AgentSpec, AgentState, Request, Server
from loopscope.core.text import plain
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig import response_head
from loopscope.rig.clients.base import Client, Exchange, MessageExchange, Pump, StreamFailure
from loopscope.rig.levers import Levers, TokenBucket
from loopscope.rig.quoting import harmless
from loopscope.rig.request_recorder import RequestRecorder
from loopscope.streams.dialect import GarbageError, ServerError, ending
from loopscope.streams.dialects import DIALECTS
from loopscope.streams.framing import LineTooLongError
from loopscope.streams.inflate import InflateError

_BACKOFF_S = (0.25, 0.5, 1.0, 2.0, 4.0)
_LINGER_S = 0.25
"""How long the end of a body is waited for once the answer is complete: it comes with it, or not at all."""


class Agent:
    """Streams from one server until told to stop, or as often as its specification says.

    ``samples`` takes what it sees, ``levers`` is read afresh for every piece of bytes.
    """

    def __init__(self, spec: AgentSpec, server: Server, client: Client, levers: Levers, samples: SampleBuffer) -> None:
        self.spec = spec
        self.streaming = False
        self._base_url = server.url
        self._url = server.url + DIALECTS[spec.api].path
        self._dialect = DIALECTS[spec.api]
        self._body = json.dumps(self._dialect.body(spec)).encode()
        self._client = client
        self._levers = levers
        self._samples = samples
        self._bucket = TokenBucket()
        self._stop = asyncio.Event()
        self._number = 0
        self._state = ""

    def stop(self) -> None:
        """Finish the request under way, then end."""
        self._stop.set()
        if self.streaming:
            self._say("draining")

    async def run(self) -> None:
        """Stream until :meth:`stop`; when cancelled, the request under way is counted as taken."""
        failures = turns = 0
        self._say("starting")
        try:
            while not self._stop.is_set():
                failed = await self._turn()
                turns += 1
                if turns == self.spec.requests:
                    break
                if failed and not self._stop.is_set():
                    pause_s = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
                    failures += 1
                    self._say("retrying", f"{failed}; trying again in {pause_s:g} s")
                    await self._rest(pause_s)
                else:
                    failures = 0
                    if self.spec.pause_s:
                        self._say("pausing")
                        await self._rest(self.spec.pause_s)
        finally:
            self._say("gone")

    async def _turn(self) -> str:
        """Do what this agent does again and again; give why it failed, empty when it did not."""
        return await self._one_request()

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stop.wait()

    def _say(self, state: str, words: str = "") -> None:
        if state == self._state and not words:
            return
        self._state = state
        spec = self.spec
        self._samples.event(
            AgentState(
                t_ns=now_ns(),
                proc=self._samples.proc,
                agent=spec.agent,
                state=state,
                name=spec.name,
                server=spec.server,
                model=spec.model,
                words=words,
            )
        )

    def _begun(self) -> None:
        self._say("streaming")

    async def _one_request(self) -> str:
        """Stream one request; give why it failed, empty when it did not."""
        self._number += 1
        stream = RequestRecorder(
            self._number, self.spec.agent, self._dialect, self._levers, self._samples, self._bucket, self._begun
        )
        exchange: Exchange | None = None
        outcome, words = "ok", ""
        self.streaming = True
        self._say("waiting")
        try:
            exchange = await self._client.open(self._url, self._body, self._dialect.accept)
            stream.status = exchange.status
            stream.connect_ns = exchange.wire.connect_ns if exchange.fresh else 0
            try:
                stream.inflater = await response_head.check(exchange)
                await (self._read if getattr(exchange, "messages", None) is None else self._hear)(exchange, stream)
            except self._client.errors as error:
                raise self._client.failure(error) from error
            outcome, words = ending(stream.account, stream.chunks)
        except asyncio.CancelledError:
            outcome, words = "taken", "cut because the session moved on"
            raise
        except Exception as error:  # whatever it is, the agent lives, and the request has failed
            outcome, words = self._failed(error, stream)
        finally:
            self.streaming = False
            self._close_books(stream, outcome, words)
            if exchange is not None:
                await self._let_go(exchange)
        return "" if outcome == "ok" else words

    def _failed(self, error: Exception, stream: RequestRecorder) -> tuple[str, str]:
        """Give outcome and words for what broke a request off."""
        if isinstance(error, StreamFailure):
            words = plain(harmless(error.words, self._body))
            stream.status = error.status or stream.status
            if error.outcome == "refused":
                words = f"{words} at {self._base_url}"
            elif error.outcome == "cut" and stream.chunks:
                words += f" (after {stream.chunks} chunks)"
            return error.outcome, f"{words}; {error.advice}" if error.advice else words
        if isinstance(error, ServerError):
            return "server", harmless(f"the server says: {error}", self._body)
        if isinstance(error, GarbageError | LineTooLongError | InflateError):
            return "garbage", str(error)
        if isinstance(error, RecursionError):
            return "garbage", "a line that is nested too deep"
        # Of our own or of a library; its text may quote anything.
        return "garbage", f"it could not be read: {type(error).__name__} in {_place(error)}"

    async def _let_go(self, exchange: Exchange) -> None:
        """Give the connection back; a library that fails in that has failed the request already, or nothing."""
        try:
            await exchange.close()
        except asyncio.CancelledError:
            raise
        except Exception as error:
            self._say("retrying", f"a connection could not be given back: {type(error).__name__}")

    async def _read(self, exchange: Exchange, intake: RequestRecorder) -> None:
        """Read the body to its end, or to the dialect's: some keep the connection open after that."""
        wire = intake.wire = exchange.wire
        # The read that brought the headers is this request's first.
        reads_before, batch_before_ns = wire.reads - 1, wire.batch_ns
        take, account = intake.take, intake.account
        pump: Pump | None = getattr(exchange, "pump", None)
        rest: Callable[[], Awaitable[object]] | None = None
        try:
            if pump is not None:
                while not await pump(take):
                    if account.done:
                        rest = partial(pump, _ignore)
                        break
                    await intake.settle(reading=True)
            else:
                pieces = exchange.pieces()
                async for piece in pieces:
                    if not take(piece):
                        if account.done:
                            rest = partial(_drained, pieces)
                            break
                        await intake.settle(reading=True)
            intake.finish()
            await intake.settle(reading=False)
        finally:
            intake.close()
            intake.reads = wire.reads - reads_before
            intake.batch_ns += wire.batch_ns - batch_before_ns
        if rest is not None:
            intake.end_ns = now_ns()
            await self._end(rest)

    async def _end(self, rest: Callable[[], Awaitable[object]]) -> None:
        """Wait a moment for the end of a body whose answer is complete: the connection can then be used again."""
        with contextlib.suppress(TimeoutError, StreamFailure, *self._client.errors):
            async with asyncio.timeout(_LINGER_S):
                await rest()

    async def _hear(self, exchange: Exchange, intake: RequestRecorder) -> None:
        """Take the body as the objects that the client makes of it."""
        messages: MessageExchange = exchange  # type: ignore[assignment]
        intake.wire = messages.wire
        take, account = intake.take_message, intake.account
        done = False
        try:
            if messages.first is not None and not take(messages.first):
                done = account.done
                await intake.settle(reading=not done)
            if not done:
                async for message in messages.messages:
                    if not take(message):
                        if account.done:
                            done = True
                            break
                        await intake.settle(reading=True)
        finally:
            intake.reads, batch_ns, intake.bytes = messages.counted
            intake.batch_ns += batch_ns
        if done:
            intake.end_ns = now_ns()
            await self._end(partial(_drained, messages.messages))

    def _close_books(self, stream: RequestRecorder, outcome: str, words: str) -> None:
        account = stream.account
        self._samples.event(
            Request(
                t_ns=now_ns(),
                proc=self._samples.proc,
                agent=self.spec.agent,
                request=stream.number,
                outcome=outcome,
                words=words,
                status=stream.status,
                start_ns=stream.start_ns,
                connect_ns=stream.connect_ns,
                first_ns=stream.first_ns,
                last_ns=stream.last_ns,
                end_ns=stream.end_ns or now_ns(),
                chunks=stream.chunks,
                reads=stream.reads,
                bytes=stream.bytes,
                tokens=account.tokens,
                prompt_tokens=account.prompt_tokens,
                total_ns=account.total_ns,
                load_ns=account.load_ns,
                prompt_ns=account.prompt_ns,
                eval_ns=account.eval_ns,
                handle_ns=stream.handle_ns,
                throttle_ns=stream.throttle_ns,
                batch_ns=stream.batch_ns,
            )
        )


def _ignore(piece: bytes) -> bool:
    return True


async def _drained(pieces: AsyncIterator[object]) -> None:
    """Read what is left, and forget it."""
    async for _ in pieces:
        pass


def _place(error: BaseException) -> str:
    """Return the name of the module that raised."""
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return str(at.tb_frame.f_globals.get("__name__", "?")) if at is not None else "?"
