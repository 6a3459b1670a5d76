"""Sources without a process: plausible, deterministic snapshots of a session that obeys its levers."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from loopscope.core.errors import InputError, LoopscopeError
from loopscope.model.snapshot import (
    AgentView,
    BestView,
    CeilingView,
    Figure,
    FigureChange,
    Figures,
    FindingView,
    Histogram,
    LeverEffect,
    LeverView,
    LoopView,
    MarkView,
    ObserverView,
    PowerView,
    Quantiles,
    RequestView,
    ResultView,
    Series,
    Snapshot,
    StallPlace,
    StallView,
)
from loopscope.model.standing import CostView, CurvePoint, NextLever, Standing
from loopscope.session.procedure import Procedure
from loopscope.session.source import SPEEDS, Abilities, Overview, Playback, Progress
from loopscope.settings.levers import LEVERS, canonical
from loopscope.stats.intervals import Interval

EDGES = np.geomspace(1e-3, 1e5, 1601)
CENTRES = np.sqrt(EDGES[1:] * EDGES[:-1])
COST_S = {
    ("asyncio", "orjson"): 240e-6,
    ("asyncio", "json"): 262e-6,
    ("uvloop", "orjson"): 128e-6,
    ("uvloop", "json"): 150e-6,
}
STALLS = (
    StallView(
        31.2,
        42.3,
        "callback",
        "my_agents.py:41 in summarise",
        cpu_ms=41.9,
        runq_ms=0.1,
        stack=("my_agents.py:41 in summarise", "my_agents.py:77 in agent"),
    ),
    StallView(44.0, 27.5, "core", "", cpu_ms=2.0, runq_ms=25.1),
    StallView(
        60.5,
        38.8,
        "callback",
        "my_agents.py:41 in summarise",
        cpu_ms=38.0,
        runq_ms=0.2,
        stack=("my_agents.py:41 in summarise", "my_agents.py:77 in agent"),
    ),
    StallView(71.9, 31.0, "gc", "httpx/_models.py:112 in __init__", cpu_ms=30.4, runq_ms=0.0, gc_ms=29.8),
)
PLACES = (
    StallPlace("my_agents.py:41 in summarise", "callback", False, 2, 81.1, 42.3, 60.5, STALLS[0].stack),
    StallPlace("httpx/_models.py:112 in __init__", "gc", False, 1, 31.0, 31.0, 71.9),
    StallPlace("", "core", False, 1, 27.5, 27.5, 44.0),
)
CALIBRATED = "calibrated 2026-11-20 for httpx on uvloop, orjson, 2 to 32 streams; scaled: chunks cost 1.08x as much now"
KNOWN: dict[str, Any] = {
    "expected": Standing(12_300.0, 11_000.0, 13_900.0, CALIBRATED, "2026-11-20", "client"),
    "measured": Standing(11_800.0, 11_500.0, 12_150.0, "ramp over the rate of 2 streams", "", "client"),
    "full": Standing(9_100.0, 8_700.0, 9_600.0, "ramp over the rate of 2 streams"),
    "curve": tuple(
        CurvePoint(x, 0.2 + (x / 6000) ** 4, 0.9 + (x / 4000) ** 5, min(1.0, x / 9400), fell=x > 12_000)
        for x in (1000.0, 2000.0, 4000.0, 6000.0, 8000.0, 9000.0, 10_000.0, 11_000.0, 11_700.0, 12_400.0)
    ),
    "curve_words": "measured by the ramp",
    "costs": CostView(48.0, 21.0, 6.4, 0.07, "fitted on 18 loads with 2, 32 streams, 2026-11-20; misses by 7%", 1.08),
    "next_levers": (NextLever("client", "streams", Standing(31_000.0, 28_000.0, 35_000.0, CALIBRATED)),),
    "headroom": 0.97,
    "headroom_of": "expected",
}
"""What is known of the ceiling after a calibration and a ramp."""


def changed(before: Figures, after: Figures) -> tuple[FigureChange, ...]:
    """The changes of some figures; an interval is a tenth of the figure on both sides."""
    found = []
    for name, title, unit, better, a, b in (
        ("at_least", "ceiling, at least", "chunks/s", 1, before.at_least_chunks_s, after.at_least_chunks_s),
        ("delay.p99", "delivery delay p99", "ms", -1, before.delay_p99_ms, after.delay_p99_ms),
        ("handled.p99", "received to handled p99", "ms", -1, before.handled_p99_ms, after.handled_p99_ms),
        ("tok_s.decode", "decode rate", "tok/s", 1, before.tok_s, after.tok_s),
        ("cpu_us", "loop CPU a chunk", "us", -1, before.cpu_us_per_chunk, after.cpu_us_per_chunk),
    ):
        assert a is not None and b is not None
        low, mid, high = b - 1.1 * a, b - a, b - 0.9 * a
        surely = 1 if low > 0 else -1 if high < 0 else 0
        words = f"{'higher' if surely > 0 else 'lower'} by {abs(mid):.3g} {unit}" if surely else "cannot tell"
        sides = (Interval(0.95 * a, a, 1.05 * a, 9.0), Interval(0.95 * b, b, 1.05 * b, 9.0))
        found.append(
            FigureChange(name, title, unit, better, *sides, Interval(low, mid, high, 9.0), None, words, surely)
        )
    return tuple(found)


def round_of(number: int, t_s: float, words: str = "") -> ResultView:
    """One round of two agents; its parts sum to what is missing."""
    parts = {
        "imbalance": 0.102 + 0.004 * number,
        "cold_start": 0.0,
        "prompt": 0.021,
        "decode": 0.42,
        "queue": -0.003,
        "client": 0.006,
    }
    measured = 1.0 - sum(parts.values())
    figures = {
        "measured": measured,
        "wall": 0.91,
        "reported": 0.865,
        "speedup": 2 * measured,
        **parts,
        "client_connect": 0.001,
        "client_loop": 0.002,
        "client_handling": 0.003,
        "client_throttle": 0.0,
        "client_batching": 0.0,
        "client_other": 0.0,
        "wall_s": 16.4 + 0.1 * number,
    }
    settings = {"scenario": "tr116", "agents": "2", "round": str(number)}
    return ResultView(t_s, "round", words, settings, {} if words else figures)


def by_agent(t_s: float) -> tuple[ResultView, ...]:
    """What each of the two did, and which part of the loss is its own."""
    settings = {"scenario": "tr116", "agents": "2"}
    told = []
    for name, tokens, imbalance, decode in (("collector", 386.0, 0.11, 0.161), ("insight", 622.0, 0.0, 0.259)):
        figures = {
            "tokens": tokens,
            "tok_s": 41.2,
            "ttft_ms": 412.0,
            "wall_s": tokens / 40,
            "alone_tokens": tokens,
            "alone_tok_s": 112.0,
            "alone_ttft_ms": 230.0,
            "alone_wall_s": tokens / 105,
            "imbalance": imbalance,
            "cold_start": 0.0,
            "prompt": 0.0105,
            "decode": decode,
            "queue": -0.0015,
            "client": 0.003,
        }
        told.append(ResultView(t_s, "agent", "", settings | {"agent": name}, figures))
    return tuple(told)


def flipped() -> tuple[ResultView, ...]:
    """What A-B-B-A has found: one figure better, one worse, one that cannot be told."""
    settings = {"lever": "loop", "a": "asyncio", "b": "uvloop", "pairs": "6"}
    rows = (
        ("at_least", "chunks/s", 2420.0, 3274.0, 854.0, 700.0, 1010.0, 1.0),
        ("delay.p99", "ms", 4.1, 5.2, 1.1, 0.4, 1.8, 1.0),
        ("gap.p50", "ms", 10.0, 10.01, 0.01, -0.05, None, 0.0),
    )
    names = ("a", "b", "difference", "low", "high", "surely")
    told = [
        ResultView(
            60.0 + i, "ab", "", settings | {"figure": name, "unit": unit}, dict(zip(names, figures, strict=True))
        )
        for i, (name, unit, *figures) in enumerate(rows)
    ]
    return (*told, ResultView(70.0, "ab", "loop=uvloop against loop=asyncio: ceiling higher", settings))


SETTLE_S, JUDGE_S = 2.0, 3.0


def lognormal(median_ms: float, spread: float, n: int, tail: tuple[float, float] = (0.0, 1.0)) -> Histogram:
    """A histogram of n values around a median, a share of them in a tail elsewhere."""
    shape = np.exp(-0.5 * (np.log(CENTRES / median_ms) / spread) ** 2)
    shape /= shape.sum()
    if tail[0]:
        far = np.exp(-0.5 * (np.log(CENTRES / tail[1]) / 0.25) ** 2)
        shape = (1 - tail[0]) * shape + tail[0] * far / far.sum()
    counts = np.floor(shape * n + 0.5)
    return Histogram(EDGES, counts, quantiles(counts), window_s=10.0)


def quantiles(counts: np.ndarray) -> Quantiles:
    """Read quantiles off a histogram."""
    total = counts.sum()
    if not total:
        return Quantiles()
    sums = np.cumsum(counts)
    p50, p90, p99 = (float(CENTRES[np.searchsorted(sums, q * total)]) for q in (0.5, 0.9, 0.99))
    return Quantiles(int(total), p50, p90, p99, float(CENTRES[np.flatnonzero(counts)[-1]]))


def wobble(step: int, salt: int, size: float) -> float:
    """A number around one that looks random and is not."""
    return 1.0 + size * (np.sin(step * 0.37 + salt * 1.7) + 0.6 * np.sin(step * 1.13 + salt * 4.1))


def agent(
    number: int, step: int, rate: float, lateness: float, *, failing: bool = False, tokens: int = 0, **more: Any
) -> AgentView:
    """One agent that streams at about ``rate`` chunks/s, or cannot connect."""
    own = rate * wobble(step, number, 0.02)
    seconds = np.arange(60) + step // 10
    spark = rate * (1 + 0.04 * np.sin(seconds * 0.9 + number)) * np.where((seconds + 7 * number) % 19 == 0, 0.5, 1)
    empty = Quantiles()
    gap = 1000 / max(own, 1e-6)
    late = lateness * wobble(step, number + 3, 0.05)
    told = lambda p50, p99: Quantiles(900, p50, (p50 + p99) / 2, p99, p99 * 1.6)  # noqa: E731
    values: dict[str, Any] = {
        "agent": number,
        "name": f"agent-{number + 1}",
        "server": number % 2,
        "endpoint": f"http://127.0.0.1:{41231 + number % 2}",
        "model": "emulated-7b",
        "state": "retrying" if failing else ("pausing" if (step // 30 + number) % 9 == 0 else "streaming"),
        "words": "connection refused, next try in 2.0 s" if failing else "",
        "chunks_s": None if failing else own,
        "tok_s": None if failing else own,
        "spark_chunks_s": np.zeros(60) if failing else spark,
        "ttft_ms": empty if failing else told(212 + number * 3.0, 260 + number * 3.0),
        "itl_ms": empty if failing else told(gap, gap * 1.2),
        "gap_ms": empty if failing else told(gap * 0.99, gap * 1.31 + late),
        "server_gap_ms": empty if failing else told(gap, gap * 1.28),
        "delay_ms": empty if failing else told(late, late * 6),
        "delay_words": "",
        "requests": 3 + step // 40 + number % 3,
        "errors": 4 if failing else 0,
        "chunks": int(tokens or own * step / 10),
        "tokens": int(tokens or own * step / 10),
        "recent": tuple(
            RequestView(
                t_s=step / 10 - 3.1 * i,
                request=12 - i,
                outcome="cut" if i == 2 else "ok",
                words="connection broke after 118 chunks" if i == 2 else "",
                ttft_ms=212.0 + i,
                itl_ms=gap,
                tokens=256,
                chunks=256,
                duration_s=2.8,
            )
            for i in range(9)
        ),
    }
    return AgentView(**{**values, **more})


class FakeSource:
    """Answers each ask with the next tenth of a second of a session that nobody runs.

    ``frozen``: always the same moment. ``threaded``: answers from a thread, as real sources do. ``playback``: it is a
    replay. ``past``: it runs, and its past can be looked at.
    """

    def __init__(
        self,
        agents: int = 2,
        *,
        step: int = 730,
        rate: float = 100.0,
        frozen: bool = False,
        threaded: bool = False,
        recording: str = "",
        levers: bool = True,
        playback: bool = False,
        failing: tuple[int, ...] = (),
        power: str = "simulated",
        embedded: bool = True,
        edit: Callable[[Snapshot], Snapshot] = lambda s: s,
        failure: LoopscopeError | None = None,
        history: bool = True,
        gate: threading.Event | None = None,
        past: bool = False,
        procedures: bool = False,
    ) -> None:
        self.abilities = Abilities(levers, playback or past, procedures)
        self.progress: Progress | None = None
        self.runs: list[str] = []
        self.past = past
        self.title = "calm-pair.jsonl" if playback else "embedded pair"
        self.recording = recording
        self.steps: list[tuple[str, float]] = []
        self.rate, self.frozen, self.failing, self.power, self.embedded = rate, frozen, failing, power, embedded
        self.edit, self.failure, self.gate, self.threaded = edit, failure, gate, threaded
        self.levers = {name: lever.default for name, lever in LEVERS.items()} | {"agents": str(agents)}
        self.tick = step
        self.pulls: list[tuple[str, str]] = []
        self.marks: list[MarkView] = []
        self.effects: list[tuple[str, str, str, float, dict[str, str]]] = []
        self.events: list[str] = []
        self.asks = 0
        self.playing = True
        self.seeks: list[float] = []
        self.speed, self.loop = 1.0, False
        self.now_tick: int | None = None
        """Where a session that runs stands while its past is shown."""
        if history:
            self._history()

    def _history(self) -> None:
        now = self.tick / 10
        for ago, name, value in ((44.0, "decoder", "orjson"), (31.0, "loop", "uvloop"), (12.0, "batch", "decode:50ms")):
            before = dict(self.levers)
            if name == "decoder":
                before[name] = "json"
            self.levers[name] = value
            self.effects.append((name, before[name], value, now - ago, before))
            self.marks.append(MarkView(now - ago, f"{name} {value}", "lever"))

    # The protocol

    def start(self) -> None:
        self.events.append("start")
        if self.gate is not None:
            self.gate.wait(150)
        if self.failure is not None:
            raise self.failure

    def ask(self, answer: Callable[[Snapshot], None]) -> None:
        self.asks += 1
        if not self.frozen:
            if self.now_tick is not None:
                self.now_tick += 1
            if self.playing or not self.abilities.playback:
                self.tick += 1
        snapshot = self.edit(self.snapshot())
        if self.threaded:
            threading.Thread(target=answer, args=(snapshot,)).start()
        else:
            answer(snapshot)

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        value = canonical(lever, value)
        self.pulls.append((lever, value))
        before, old = dict(self.levers), self.levers[lever]
        self.levers[lever] = value
        self.effects.append((lever, old, value, self.tick / 10, before))
        self.marks.append(MarkView(self.tick / 10, f"{lever} {value}", "lever"))

    def mark(self, words: str) -> None:
        self.marks.append(MarkView(self.tick / 10, words, "mark"))

    LENGTH_S = 296.0

    def playback(self) -> Playback | None:
        if self.past:
            now_s = (self.tick if self.now_tick is None else self.now_tick) / 10
            return Playback(self.tick / 10, now_s, self.playing, self.speed, self.now_tick is None, self.loop)
        if not self.abilities.playback:
            return None
        return Playback(self.tick / 10, self.LENGTH_S, self.playing, self.speed, loop=self.loop)

    def play(self, playing: bool) -> None:
        self.playing = playing
        if self.past and not playing and self.now_tick is None:
            self.now_tick = self.tick

    def seek(self, position_s: float) -> None:
        self.seeks.append(position_s)
        if self.past and self.now_tick is None:
            self.now_tick = self.tick
        last = self.LENGTH_S * 10 if self.now_tick is None else self.now_tick
        self.tick = round(min(10 * position_s, last))

    def step(self, seconds: float) -> None:
        self.seek(max(0.0, self.tick / 10 + seconds))
        self.playing = False

    def set_speed(self, speed: float) -> None:
        assert speed in SPEEDS
        self.speed = speed

    def set_loop(self, loop: bool) -> None:
        self.loop = loop

    def now(self) -> None:
        self.events.append("now")
        if self.past:
            self.tick, self.now_tick, self.playing = self.now_tick or self.tick, None, True
        else:
            self.tick = round(self.LENGTH_S * 10)

    def overview(self) -> Overview | None:
        if not self.abilities.playback:
            return None
        end = self.LENGTH_S if not self.past else (self.tick if self.now_tick is None else self.now_tick) / 10
        at = np.arange(0.0, end)
        shape = 1 + 0.3 * np.sin(at / 9) + 0.05 * np.sin(at * 1.7)
        chunks = 2 * self.rate * shape * np.where((at > 50) & (at < 56), 0.3, 1.0)
        lag = 0.2 * shape + np.where((at > 30) & (at < 34), 44.0, 0.0)
        delay = 0.4 * shape + np.where((at > 30) & (at < 36), 90.0, 0.0) + np.where(at > 60, 6.0, 0.0)
        lag[:2], delay[:2] = np.nan, np.nan
        kinds = (*self.marks, MarkView(31.0, "blocking-call", "finding"), MarkView(52.4, "stall 44 ms", "stall"))
        return Overview(at, 1.0, chunks, lag, delay, np.clip(chunks / 900, 0, 1), kinds)

    def run(self, procedure: Procedure, /, **args: str) -> None:
        if self.progress is not None and self.progress.running:
            raise InputError(f"{self.progress.title} is running; wait for it or cancel it")
        self.runs.append(" ".join((procedure.name, *(f"{key}={value}" for key, value in args.items()))))
        self.progress = Progress(
            procedure.name, procedure.title, True, 0.42, "rate 12 of 20: 9,300 chunks/s", 19.0, 45.0
        )

    def procedure(self) -> Progress | None:
        return self.progress

    def cancel(self) -> None:
        if self.progress is not None:
            self.progress = replace(self.progress, running=False, problem="cancelled")

    def stop(self) -> dict[str, Any]:
        self.events.append("stop")
        return {"source": "fake", "duration_s": self.tick / 10}

    # What it tells

    def figures(self, levers: dict[str, str], seconds: float = 6.0) -> Figures:
        n = int(levers["agents"])
        cap = self.rate if levers["throttle"] == "off" else min(self.rate, float(levers["throttle"]))
        cost = COST_S[levers["loop"], levers["decoder"]] / (1 + n / 24)
        batched = levers["batch"] != "off"
        cost *= 0.55 if batched else 1.0
        elu = min(0.99, n * cap * cost)
        delay = (0.18 + (24 if levers["batch"].startswith("read") else 0)) * (1 + elu / (1 - elu) / 3)
        handled = 0.02 + (25.0 if levers["batch"].startswith("decode") else 0)
        return Figures(
            seconds=seconds,
            chunks_s=n * cap,
            tok_s=cap,
            at_least_chunks_s=n * cap / elu,
            elu=elu,
            cpu_us_per_chunk=cost * 1e6,
            delay_p50_ms=delay,
            delay_p99_ms=delay * (2 if delay > 9 else 6),
            lag_p99_ms=0.8 / (1 - elu),
            gap_p50_ms=1000 / cap,
            gap_p99_ms=1400 / cap,
            chunks_per_read=1.0 + 4 * batched,
            backlog_bytes=512.0 * n,
            watts=92.0 + 20 * n,
            handled_p50_ms=handled,
            handled_p99_ms=handled * 2,
        )

    def snapshot(self) -> Snapshot:
        step, levers = self.tick, self.levers
        t = step / 10
        n = int(levers["agents"])
        f = self.figures(levers)
        now = f.chunks_s * wobble(step, 1, 0.01)
        effects = tuple(self._effect(*effect, t) for effect in self.effects)
        agents = tuple(agent(i, step, f.chunks_s / n, f.delay_p50_ms, failing=i in self.failing) for i in range(n))
        elu = f.elu * wobble(step, 2, 0.02)
        delay = lognormal(f.delay_p50_ms * wobble(step, 5, 0.03), 0.6, 9000)
        lag = lognormal(0.11 * wobble(step, 6, 0.02), 0.5, 6000, (0.012, 4.1 * wobble(step, 7, 0.1)))
        gap = lognormal(f.gap_p50_ms * wobble(step, 8, 0.01), 0.16, 9000, (0.01, f.gap_p50_ms * 3))
        return Snapshot(
            t_s=t,
            source="embedded" if self.embedded else "ollama",
            source_words="EMBEDDED: two emulated servers" if self.embedded else "2 servers, gemma3:latest",
            embedded=self.embedded,
            agents=agents,
            figures={"tok_s.total": Figure(sum(agent.tok_s or 0.0 for agent in agents))},
            loop=LoopView(
                name=levers["loop"],
                proc="rig-1",
                elu=elu,
                cpu=elu * 0.93,
                runq=0.021,
                gc=0.0013,
                lag_ms=lag.quantiles,
                lag_floor_ms=0.062,
                chunks_per_read=f.chunks_per_read,
                streams=n,
                tasks=n + 4,
                backlog_bytes=int(f.backlog_bytes),
                waited_10ms=0.0021,
                waited_50ms=0.0,
                switches_s=412.0,
                preempted_s=3.2,
                gc_generations=(0.0008, 0.0003, 0.0002),
                connections=n,
                connect_ms=Quantiles(12, 0.31, 0.4, 0.62, 0.62),
            ),
            ceiling=CeilingView(
                now_chunks_s=now,
                at_least_chunks_s=now / elu,
                headroom=1 - elu,
                elu=elu,
                delay_ms=delay.quantiles,
                peak_chunks_s=f.chunks_s * 1.06,
            ),
            lag=replace(lag, floor_ms=0.062),
            gap=gap,
            delay=delay,
            handled_ms=Quantiles(9000, f.handled_p50_ms, f.handled_p99_ms, f.handled_p99_ms, f.handled_p99_ms),
            series=self._series(t),
            power=self._power(t, f),
            levers=tuple(
                LeverView(name, levers[name], next((e for e in reversed(effects) if e.name == name), None))
                for name in LEVERS
            ),
            effects=effects,
            best=(BestView("at_least", "ceiling, at least", "chunks/s", 15_400.0, t - 7.0, "batch=decode:50ms"),),
            marks=tuple(self.marks),
            findings=(
                FindingView(
                    "server-bound",
                    "the servers set the pace: loop busy 24 %, gap p50 as the server made it (10.0 ms)",
                    "ELU 0.24, delay p99 1.2 ms, gap p50 10.0 against 10.0 ms",
                    "agents",
                    41.0,
                ),
            ),
            stalls=STALLS,
            stall_places=PLACES,
            observer=ObserverView(0.008, 0.052),
            chunks=int(f.chunks_s * t),
            tokens=int(f.chunks_s * t),
            requests=sum(a.requests for a in agents),
            errors=sum(a.errors for a in agents),
            taken=2,
        )

    def _effect(self, name: str, old: str, new: str, t_s: float, before: dict[str, str], now: float) -> LeverEffect:
        wait = max(0.0, SETTLE_S + JUDGE_S - (now - t_s))
        after = None if wait else self.figures({**before, name: new})
        words = "the old rig drained; 2 requests were cut" if name == "loop" else ""
        first = self.figures(before)
        return LeverEffect(
            name, old, new, t_s, words, first, after, wait, changes=() if after is None else changed(first, after)
        )

    def _series(self, t: float) -> Series:
        at = np.arange(0.0, 60.0, 0.5) + (np.floor(t * 2) / 2 - 60.0)
        chunks, elu = np.empty(len(at)), np.empty(len(at))
        for i, moment in enumerate(at):
            then = {name: old for name, old, _, t_s, _ in reversed(self.effects) if t_s > moment}
            levers = {**self.levers, **then}
            f = self.figures(levers)
            chunks[i] = f.chunks_s * wobble(int(moment * 2), 1, 0.04)
            elu[i] = f.elu * wobble(int(moment * 2), 2, 0.04)
        early = at < 0
        chunks[early], elu[early] = np.nan, np.nan
        return Series(
            t_s=at, step_s=0.5, chunks_s=chunks, elu=elu, lag_ms=np.full(len(at), 0.3), delay_ms=np.full(len(at), 1.0)
        )

    def _power(self, t: float, f: Figures) -> PowerView:
        at = np.arange(0.0, 60.0, 0.5) + (np.floor(t * 2) / 2 - 59.5)
        if self.power == "none":
            return PowerView(words="no GPU, and the host tells no power")
        if self.power == "host":
            share = 0.31 + 0.1 * np.sin(at * 0.7)
            return PowerView("host", "host CPU, share", share=float(share[-1]), t_s=at, values=share)
        watts = f.watts + 9 * np.sin(at * 0.7) + 4 * np.sin(at * 2.9)
        return PowerView("gpu", "GPU 0 power, W", self.power == "simulated", float(watts[-1]), t_s=at, values=watts)
