"""A session of a procedure's own: emulators that send on their schedule, one client under test, and exact readings."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loopscope.core.clock import NS_PER_S, now_ns
from loopscope.core.errors import LoopscopeError, WorkerError
from loopscope.core.records import Phase, Record
from loopscope.experiments.gauge import Gauge, Stretch
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.session.procedure import Task
from loopscope.stats.ceiling import KEPT_UP, Load

TOKENS = 1_000_000
"""A request long enough that none ends within a step."""
FIRST_RATE = 25.0
"""chunks/s of each stream while everything starts."""
GIVEN = 0.85
"""A given server, whose streams pause between requests, is the limit below that share of what one stream alone gave."""
SENT = 0.97
"""An emulator that sends less than that share of its schedule, its client reading, is the limit itself."""
STOLEN = 0.25
"""Share of the time without a core from which a ceiling is the machine's, not the client's."""
_TELL_S = 3.0
_START_S = 10.0
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Step:
    """One load, and how the client bore it."""

    asked: float | None
    """chunks/s on the servers' schedule, for given servers as many as so many single streams; ``None``: not known."""
    rate: float | None
    """The same for each stream."""
    load: Load
    seconds: float
    process_us: float | None
    """CPU of the whole rig process per chunk, the probes' thread included."""
    slope_ms_s: float | None
    """How fast the delay grew."""
    fell: bool
    """It fell behind: delivered / offered below 0.99, or a delay that kept growing."""
    open: bool
    """A longer look would tell whether the delay keeps growing."""
    limited_by: str
    """``client``, ``server``, ``core`` (the loop's thread had none), ``instrument``; empty: it kept up."""
    late_p99_ms: float | None
    """Of the emulator's sends against their schedule."""
    server_cpu: float | None
    """CPU of the busiest emulator, as a share of one core."""
    server_runq: float | None
    slices: tuple[float, ...] = ()

    @property
    def at_least(self) -> float | None:
        """The bound that this load alone would give: rate / ELU."""
        return self.load.delivered / self.load.elu if self.load.elu else None

    @property
    def kept(self) -> float:
        """Delivered / offered."""
        return self.load.delivered / self.load.offered if self.load.offered else 0.0


@dataclass(frozen=True, slots=True)
class _Told:
    """What one emulator says of itself at one moment."""

    t_ns: int
    chunks: int
    blocked: int
    cpu_ns: int
    runq_ns: int | None
    streams: int
    late_p99_ns: int | None


def bench_options(now: SessionOptions, *, streams: int, **changes: str) -> SessionOptions:
    """Give the options of a bench with the levers of a session, others as told (``loop="uvloop"``)."""
    levers = now.levers | {"agents": str(streams), "throttle": "off"} | changes
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return SessionOptions(
        embedded=True,
        levers=levers,
        tokens=TOKENS,
        rate=FIRST_RATE,
        api=now.api if now.family == "openai" else "",
        emulators=1 if cores < 6 else 2,
        emulator_args=("--prefill-rate", "0"),
        drain_s=0.2,
        findings=(("allow", "all"),),
    )


class Bench:
    """Use it as a context: everything that it starts is ended with it.

    Raises (on entering):
        LoopscopeError: the session cannot come up.
    """

    def __init__(self, options: SessionOptions, tell: Callable[[Record], None] | None = None) -> None:
        self._source = LiveSource(options)
        self._tell = tell
        self.gauge = Gauge()
        self.streams = int(options.levers["agents"])
        self.rate: float | None = options.rate or None
        self.own = options.embedded
        self._urls: list[str] = []

    def __enter__(self) -> "Bench":
        self._source.listen(self.gauge.heard)
        self._source.only_listen()
        try:
            self._source.start()
            self._urls = [server.url for server in self._source.servers] if self.own else []
            self._await_streams()
        except BaseException:
            self._source.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._source.stop()

    @property
    def versions(self) -> dict[str, str]:
        """What the rig said of itself: client, loop, Python and their versions."""
        return self.gauge.rig

    @property
    def recording_problem(self) -> str:
        """What is wrong with the trace, once it is closed."""
        return self._source.recording_problem

    def emit(self, record: Record) -> None:
        """Put a record into this bench's own trace and into that of the session that runs the procedure."""
        self._source.emit(record)
        if self._tell is not None:
            self._tell(record)

    def phase(self, what: str, on: bool, number: int, words: str, settings: dict[str, str]) -> None:
        """Tell that a step begins or ends."""
        self.emit(Phase(t_ns=now_ns(), proc="session", what=what, on=on, number=number, words=words, settings=settings))

    def _await_streams(self) -> None:
        end_ns = now_ns() + int(_START_S * NS_PER_S)
        while self.gauge.streams() < self.streams:
            if not self.gauge.told(now_ns(), _START_S) or now_ns() > end_ns:
                why = f": {self.gauge.problem}" if self.gauge.problem else ""
                raise WorkerError(f"{self.gauge.streams()} of {self.streams} streams began within {_START_S:g} s{why}")

    # What is set

    def set_rate(self, rate: float) -> None:
        """Set the pace of every stream (chunks/s); from its next chunk on."""
        self.rate = rate
        for url in self._urls:
            _ask(f"{url}/emulator/rate", {"tok_s": rate})

    def set_streams(self, streams: int) -> None:
        """Start or stop agents; returns when they stream."""
        if streams != self.streams:
            self._source.pull("agents", str(streams), by="script")
            self.streams = streams
            self._await_streams()

    def drain(self, task: Task, below_ms: float, most_s: float = 6.0) -> None:
        """Wait at a load that is light until what an overload has left is sent and read."""
        end_ns = now_ns() + int(most_s * NS_PER_S)
        told = self._told([0] * len(self._urls))
        while now_ns() < end_ns:
            task.wait(0.25)
            delay = self.gauge.delay_ms(now_ns() - NS_PER_S // 4)
            # A stream that had to wait for its client sends at once what has become due meanwhile.
            told = self._told([one.chunks for one in told])
            late = max((one.late_p99_ns or 0 for one in told), default=0) / 1e6
            if delay is not None and delay < below_ms and late < max(below_ms, 50.0):
                return

    # What is seen

    def take(self, task: Task, settle_s: float, dwell_s: float) -> Step:
        """Measure the load that is set now.

        Raises:
            LoopscopeError: an emulator has ended.
        """
        task.wait(settle_s)
        before, from_ns = self._told([0] * len(self._urls)), now_ns()
        task.wait(dwell_s)
        until_ns = now_ns()
        after = self._told([one.chunks for one in before])
        in_time = self.gauge.told(until_ns, _TELL_S)
        return self._judge(self.gauge.read(from_ns, until_ns), before, after, in_time)

    def _told(self, since: list[int]) -> list[_Told]:
        told = []
        for url, first in zip(self._urls, since, strict=True):
            stats = _ask(f"{url}/emulator/stats?since={first}")
            told.append(
                _Told(
                    stats["now_ns"],
                    stats["chunks"],
                    stats["blocked"],
                    stats["cpu_ns"],
                    stats["runq_ns"],
                    stats["streams"],
                    stats["late_ns"]["p99"],
                )
            )
        return told

    def _judge(self, seen: Stretch, before: list[_Told], after: list[_Told], in_time: bool) -> Step:
        asked = self.rate * self.streams if self.rate else None
        delivered = seen.chunks / seen.seconds
        pairs = list(zip(before, after, strict=True))
        # Without an emulator's word what was sent is known from the delays: what is not taken makes them grow.
        slope = seen.trend.slope_ms_s if seen.trend else None
        offered = sum((b.chunks - a.chunks) * NS_PER_S / (b.t_ns - a.t_ns) for a, b in pairs)
        if not pairs:
            offered = delivered / max(1.0 - max(slope or 0.0, 0.0) / 1e3, 0.1)
        blocked = sum(b.blocked - a.blocked for a, b in pairs)
        short = asked is not None and offered < (SENT if self.own else GIVEN) * asked
        grows = seen.trend is not None and seen.trend.grows
        grows = grows and (seen.late_trend is None or seen.late_trend.slope_ms_s > seen.late_trend.error_ms_s)
        # Streams in step send all at once: how many of them fall into the time is chance, one of each stream at most.
        missing = offered * seen.seconds - seen.chunks - self.streams
        fell = missing > (1 - KEPT_UP) * offered * seen.seconds or grows or (short and blocked > 0)
        limited = ""
        if not in_time or seen.dropped:
            limited, fell = "instrument", True
        elif fell:
            limited = "core" if (seen.runq or 0.0) > STOLEN else "client"
        elif short:
            limited = "server"
        cpu = [(b.cpu_ns - a.cpu_ns) / (b.t_ns - a.t_ns) for a, b in pairs]
        runq = [(b.runq_ns - a.runq_ns) / (b.t_ns - a.t_ns) for a, b in pairs if None not in (a.runq_ns, b.runq_ns)]  # type: ignore[operator]
        late = [b.late_p99_ns / 1e6 for b in after if b.late_p99_ns is not None]
        per = seen.chunks or None
        loops = seen.rigs or 1
        load = Load(
            streams=self.streams,
            offered=offered,
            delivered=delivered,
            elu=seen.elu,
            cpu_us=seen.cpu * loops * seen.seconds * 1e6 / per if per and seen.cpu is not None else None,
            turns=seen.turns / per if per and seen.turns is not None else None,
            reads=seen.reads / per if per and seen.reads else None,
            runq=seen.runq,
            delay_p50_ms=seen.delay_p50_ms,
            delay_p99_ms=seen.delay_p99_ms,
        )
        return Step(
            asked=asked,
            rate=self.rate,
            load=load,
            seconds=seen.seconds,
            process_us=seen.process * loops * seen.seconds * 1e6 / per if per and seen.process is not None else None,
            slope_ms_s=slope,
            fell=fell,
            open=not fell and seen.trend is not None and seen.trend.open,
            limited_by=limited,
            late_p99_ms=max(late, default=None),
            server_cpu=max(cpu, default=None),
            server_runq=max(runq, default=None),
            slices=seen.slices,
        )


def _ask(url: str, body: object = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with _OPENER.open(urllib.request.Request(url, data), timeout=10) as answer:  # noqa: S310 - our own emulator
            told: dict[str, Any] = json.load(answer)
            return told
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise LoopscopeError(f"the emulator does not answer any more ({error})") from error
