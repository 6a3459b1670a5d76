"""Planted record streams: what a rig would write of agents whose every chunk we know."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from loopscope.core.records import (
    AgentSpec,
    AgentState,
    AnyRecord,
    Bye,
    Chunks,
    Header,
    Hello,
    Lever,
    Pulse,
    Request,
    Server,
)

ZERO = 1_000_000_000_000
MS = 1_000_000
S = 1_000_000_000
TICK = 100 * MS


def header(agents: int = 2, **more: object) -> Header:
    """A header at time zero: two embedded servers, agents in turn."""
    servers = [Server(url=f"http://127.0.0.1:{9001 + n}", model="emulated-7b", embedded=True) for n in range(2)]
    specs = [AgentSpec(agent=n, name=f"agent-{n + 1}", server=n % 2, model="emulated-7b") for n in range(agents)]
    given: dict[str, object] = {
        "loopscope": "0.1.0",
        "source": "embedded",
        "servers": servers,
        "agents": specs,
        "levers": {"throttle": "off", "loop": "asyncio", "batch": "off", "decoder": "orjson", "agents": str(agents)},
    }
    return Header(t_ns=ZERO, proc="session", **(given | more))


def hello(t: int = 0, proc: str = "rig-1", loop: str = "asyncio", floor_ns: int | None = 100_000) -> Hello:
    """A rig's hello, ``t`` ns after zero."""
    return Hello(
        t_ns=ZERO + t,
        proc=proc,
        role="rig",
        pid=1,
        perf_ns=ZERO + t,
        wall_ns=0,
        info={"loop": loop},
        lag_floor_ns=floor_ns,
    )


def lever(t: int, name: str, old: str, new: str, **more: str) -> Lever:
    """A pull."""
    return Lever(t_ns=ZERO + t, proc="session", name=name, old=old, new=new, **more)


def bye(t: int, proc: str = "rig-1") -> Bye:
    """A child's last line."""
    return Bye(t_ns=ZERO + t, proc=proc)


@dataclass
class Rig:
    """A rig whose agents stream without rest from ``start`` to ``stop`` (ns since zero), in ticks of 100 ms.

    ``gap`` ns lie between two chunks of one agent; ``per_read`` chunks come in one read; a request has ``length``
    chunks. ``lag(t)`` gives the lateness of each of the ten heartbeats of the tick that ends at t.
    """

    start: int
    stop: int
    agents: tuple[int, ...] = (0, 1)
    proc: str = "rig-1"
    loop: str = "asyncio"
    gap: int = 10 * MS
    length: int = 256
    per_read: int = 1
    delay: int | None = 500_000
    handled: int = 20_000
    elu: float | None = 0.05
    cpu: float = 0.04
    tokens: Callable[[int], int] = lambda chunks: chunks
    lag: Callable[[int], list[int]] = lambda t: [100_000] * 10
    pause: int = 0
    """Between the last chunk of a request and the first of the next, more than ``gap``."""
    more_pulse: dict[str, int] = field(default_factory=dict)

    def _arrivals(self) -> Iterator[tuple[int, int, bool]]:
        """Number within its request, time, first."""
        t, number = self.start, 0
        while t < self.stop:
            yield number, t, number == 0
            number += 1
            if number % self.per_read == 0:
                t += self.gap * self.per_read
            if number == self.length:
                t, number = t + self.pause + self.gap * (number % self.per_read), 0

    def records(self) -> Iterator[AnyRecord]:
        """Everything from the first tick to the last, in the order in which a rig writes it."""
        arrivals = list(self._arrivals())
        at, begun, request = 0, self.start - 200 * MS, 0
        end = self.start - self.start % TICK
        while end < self.stop:
            end += TICK
            rows: list[tuple[int, int, bool]] = []
            ended: list[AnyRecord] = []
            while at < len(arrivals) and arrivals[at][1] < end:
                number, t, first = arrivals[at]
                rows += [(agent, t, first) for agent in self.agents]
                if number == self.length - 1:
                    ended += [
                        Request(
                            t_ns=ZERO + end,
                            proc=self.proc,
                            agent=agent,
                            request=request,
                            outcome="ok",
                            start_ns=ZERO + begun,
                            first_ns=ZERO + begun + 200 * MS,
                            last_ns=ZERO + t,
                            end_ns=ZERO + t + MS,
                            chunks=self.length,
                            tokens=self.tokens(self.length),
                        )
                        for agent in self.agents
                    ]
                    request, begun = request + 1, t + self.gap + self.pause - 200 * MS
                at += 1
            if rows:
                yield self._chunks(rows, end)
            yield from ended
            yield Pulse(
                t_ns=ZERO + end,
                proc=self.proc,
                dt_ns=TICK,
                loop=self.loop,
                active_ns=None if self.elu is None else int(self.elu * TICK),
                cpu_ns=int(self.cpu * TICK),
                runq_ns=0,
                lag_ns=self.lag(end),
                beat_ns=10 * MS,
                streams=len(self.agents),
                tasks=len(self.agents) + 2,
                **self.more_pulse,
            )

    def _chunks(self, rows: list[tuple[int, int, bool]], end: int) -> Chunks:
        base = rows[0][1]
        times = [t for _, t, _ in rows]
        return Chunks(
            t_ns=ZERO + end,
            proc=self.proc,
            base_ns=ZERO + base,
            agent=[agent for agent, _, _ in rows],
            recv=[later - sooner for sooner, later in zip([base, *times], times, strict=False)],
            delay=[self.delay] * len(rows),
            handled=[self.handled] * len(rows),
            first=[index for index, row in enumerate(rows) if row[2]],
        )


def merged(*streams: object) -> list[AnyRecord]:
    """Join records and streams of records in time order, as they would arrive."""
    flat: list[AnyRecord] = []
    for stream in streams:
        flat += stream.records() if isinstance(stream, Rig) else [stream]
    return sorted(flat, key=lambda record: record.t_ns)


def calm(seconds: float = 12.0, agents: int = 2, **more: object) -> list[AnyRecord]:
    """A session of agents at 100 chunks/s, from half a second on."""
    rig = Rig(S // 2, int(seconds * S), tuple(range(agents)), **more)
    return [header(agents), hello(), *rig.records()]


def gone(t: int, agent: int, proc: str, words: str = "handed over") -> AgentState:
    """An agent leaves a rig."""
    return AgentState(t_ns=ZERO + t, proc=proc, agent=agent, state="gone", words=words)
