"""The bench of planted causes: short sessions with a known cause in them, and what must come back of it.

Used by ``loopscope doctor --selftest`` and by the tests. Bounds are wide enough for two busy cores and narrow enough
that a calm session would miss them.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from loopscope.core.errors import LoopscopeError
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.settings import levers
from loopscope.settings.levers import loops_here

Summary = dict[str, Any]
Verdict = tuple[dict[str, float], list[str]]
"""The measured sizes, by name, and what is wrong with them."""


@dataclass(frozen=True, slots=True)
class Case:
    """One cause on one loop. ``judge`` gets the session's summary."""

    name: str
    loop: str
    judge: Callable[[Summary], Verdict]
    seconds: float = 3.0
    plants: tuple[str, ...] = ()
    emulator: tuple[str, ...] = ()
    levers: dict[str, str] = field(default_factory=dict)
    rate: float = 100.0
    tokens: int = 256


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went: ``sizes`` are what was measured, ``words`` the same for people, with what is wrong."""

    name: str
    loop: str
    ok: bool
    words: str
    sizes: dict[str, float] = field(default_factory=dict)


def run_case(case: Case) -> Result:
    """Run one session and judge it; what cannot run is a result too."""
    options = SessionOptions(
        embedded=True, rate=case.rate, tokens=case.tokens, plants=case.plants, emulator_args=case.emulator,
        levers=levers.defaults() | {"loop": case.loop} | case.levers,
    )  # fmt: skip
    source = None
    try:
        source = LiveSource(options)
        source.start()
        time.sleep(case.seconds)
    except LoopscopeError as error:
        return Result(case.name, case.loop, False, str(error))
    finally:
        if source is not None:
            summary = source.stop()
    if not summary["chunks"]:
        lost = "; ".join(loss["words"] for loss in summary["losses"]) or "its agents say nothing"
        return Result(case.name, case.loop, False, f"no chunk came: {lost}")
    sizes, wrong = case.judge(summary)
    told = ", ".join(f"{name} {value:.3g}" for name, value in sizes.items())
    return Result(case.name, case.loop, not wrong, f"{told}; {'; '.join(wrong)}" if wrong else told, sizes)


def _check(sizes: dict[str, float], bounds: dict[str, tuple[float, float]]) -> Verdict:
    wrong = [
        f"{name} is {sizes[name]:.3g}, planted {low:g} to {high:g}"
        for name, (low, high) in bounds.items()
        if not low <= sizes[name] <= high
    ]
    return sizes, wrong


def _loop(summary: Summary) -> dict[str, float]:
    loop = summary["loop"]
    return {
        "elu": _number(loop["elu"]),
        "cpu": _number(loop["cpu"]),
        "lag_p50_ms": _number(loop["lag_ms"]["p50"]),
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _blocks(summary: Summary, function: str) -> tuple[float, float]:
    """Number and median length (ms) of the stalls whose callback was in a function."""
    lengths = [
        stall["ms"]
        for stall in summary["stalls"]["latest"]
        if stall["why"] == "callback" and stall["over"] and any(function in frame for frame in stall["stack"])
    ]
    return float(len(lengths)), median(lengths) if lengths else 0.0


def _accused(summary: Summary) -> float:
    """How often any callback was blamed."""
    return float(sum(place["count"] for place in summary["stalls"]["places"] if place["why"] == "callback"))


def _fired(verdict: Verdict, summary: Summary, wanted: str) -> Verdict:
    """Ask for a finding by its name."""
    names = {finding["name"] for finding in summary["findings"]}
    sizes, wrong = verdict
    return sizes, wrong if wanted in names else [*wrong, f"no finding {wanted!r}, but {sorted(names) or 'none'}"]


def _calm(summary: Summary) -> Verdict:
    sizes = _loop(summary) | {
        "delay_p50_ms": _number(summary["delay_ms"]["p50"]), "accused": _accused(summary),
        "tok_s": _number(summary["tok_s"]),
    }  # fmt: skip
    return _check(sizes, {"elu": (0, 0.3), "cpu": (0, 0.25), "delay_p50_ms": (0, 10), "accused": (0, 0),
                          "tok_s": (97, 103)})  # fmt: skip


def _spin(share: float) -> Callable[[Summary], Verdict]:
    def judge(summary: Summary) -> Verdict:
        sizes = _loop(summary) | {"accused": _accused(summary)}
        # A core that is shared gives less CPU than is asked for: what was wanted of it is CPU and wait together. The
        # agents add up to 0.1 of their own.
        waited = summary["loop"]["runq"] or 0.0
        sizes["cpu_wanted"] = sizes["cpu"] + waited
        bounds = {"cpu": (0, share + 0.15), "cpu_wanted": (0.75 * share, 1.05), "elu": (0.85 * share, 1.0)}
        return _check(sizes, bounds | {"accused": (0, 2)})

    return judge


def _block(ms: float, hz: float, seconds: float) -> Callable[[Summary], Verdict]:
    def judge(summary: Summary) -> Verdict:
        count, length = _blocks(summary, "planted_sleep")
        sizes = _loop(summary) | {"blocks": count, "block_ms": length}
        planted = min(20.0, hz * seconds)  # the summary lists the latest 20
        return _check(
            sizes, {"blocks": (0.5 * planted - 1, planted + 2), "block_ms": (0.9 * ms, 1.15 * ms + 2),
                    "elu": (0.6 * ms * hz / 1e3, 1.0), "cpu": (0, 0.25)},
        )  # fmt: skip

    return judge


def _short_blocks(summary: Summary) -> Verdict:
    """Blocks of 5 ms, 20 a second: too short to be named, but the loop is busy for a tenth that is no CPU."""
    sizes = _loop(summary) | {"accused": _accused(summary)}
    sizes["busy_without_cpu"] = sizes["elu"] - sizes["cpu"]
    return _check(sizes, {"busy_without_cpu": (0.06, 0.25), "accused": (0, 0)})


def _slow_server(summary: Summary) -> Verdict:
    sizes = {"gap_p50_ms": _number(summary["gap_ms"]["p50"]), "elu": _number(summary["loop"]["elu"]),
             "server_gap_p50_ms": _number(summary["server_gap_ms"]["p50"])}  # fmt: skip
    return _check(sizes, {"gap_p50_ms": (97, 103), "server_gap_p50_ms": (97, 103), "elu": (0, 0.2)})


def _gil(summary: Summary) -> Verdict:
    sizes = _loop(summary) | {"accused_sleep": _blocks(summary, "planted_sleep")[0]}
    verdict = _check(sizes, {"cpu": (0, 0.35), "lag_p50_ms": (1.0, 60), "accused_sleep": (0, 0)})
    return _fired(verdict, summary, "gil-held")


def _gc(summary: Summary) -> Verdict:
    loop = summary["loop"]
    sizes = _loop(summary) | {"gc": _number(loop["gc"]), "oldest": loop["gc_generations"][2]}
    return _fired(_check(sizes, {"gc": (0.05, 0.9), "oldest": (0.04, 0.9)}), summary, "gc-pauses")


def _stalling_server(summary: Summary) -> Verdict:
    gap, server = summary["gap_ms"], summary["server_gap_ms"]
    sizes = {
        "gap_max_ms": _number(gap["max"]), "server_gap_max_ms": _number(server["max"]),
        "delay_p99_ms": _number(summary["delay_ms"]["p99"]), "accused": _accused(summary),
    }  # fmt: skip
    return _check(sizes, {"gap_max_ms": (950, 1200), "server_gap_max_ms": (950, 1200), "delay_p99_ms": (0, 100),
                          "accused": (0, 0)})  # fmt: skip


def _skewed(summary: Summary) -> Verdict:
    told = [agent["delay_words"] for agent in summary["agents"]]
    sizes = {"delays": float(summary["delay_ms"]["n"])}
    wrong = [] if all(words.startswith("server clock ahead by") for words in told) else [f"said {told}"]
    return sizes, [*_check(sizes, {"delays": (0, 0)})[1], *wrong]


def _whole(summary: Summary) -> Verdict:
    told = [agent["delay_words"] for agent in summary["agents"]]
    wrong = [] if all(words.startswith("whole seconds") for words in told) else [f"said {told}"]
    return {"delays": float(summary["delay_ms"]["n"])}, wrong


def _coalesced(summary: Summary) -> Verdict:
    sizes = {"chunks_per_read": _number(summary["loop"]["chunks_per_read"]),
             "delay_p50_ms": _number(summary["delay_ms"]["p50"])}  # fmt: skip
    # 100 chunks/s read every 100 ms: ten a read, delays spread over 0 to 100 ms.
    return _check(sizes, {"chunks_per_read": (7, 13), "delay_p50_ms": (35, 75)})


def _throttled(summary: Summary) -> Verdict:
    sizes = {"chunks_s": _number(summary["chunks_s"]), "delay_p99_ms": _number(summary["delay_ms"]["p99"]),
             "server_gap_p50_ms": _number(summary["server_gap_ms"]["p50"])}  # fmt: skip
    # 50 of 100 chunks/s are taken: the server goes on at its pace, and what it is ahead waits in the socket.
    return _check(sizes, {"chunks_s": (80, 125), "delay_p99_ms": (300, 3000), "server_gap_p50_ms": (8, 12)})


def _queued(summary: Summary) -> Verdict:
    ttft = summary["ttft_ms"]
    sizes = {"ttft_min_ms": min(_number(agent["ttft_ms"]["p50"]) for agent in summary["agents"]),
             "ttft_max_ms": _number(ttft["max"])}  # fmt: skip
    # 40 tokens at 100 tok/s: whoever must wait for another's request waits 0.4 s.
    return _check(sizes, {"ttft_max_ms": (300, 1500)})


def _cases() -> list[Case]:
    cases = []
    for loop in loops_here():
        cases += [
            Case("calm", loop, _calm),
            Case("own CPU 25 %", loop, _spin(0.25), plants=("spin:0.25",)),
            Case("own CPU 50 %", loop, _spin(0.5), plants=("spin:0.5",)),
            Case("own CPU 90 %", loop, _spin(0.9), plants=("spin:0.9",)),
            Case("block 5 ms", loop, _short_blocks, plants=("block:5:20",)),
            Case("block 40 ms", loop, _block(40, 4, 3.0), plants=("block:40:4",)),
            Case("block 300 ms", loop, _block(300, 1, 4.0), seconds=4.0, plants=("block:300:1",)),
            Case("GIL held", loop, _gil, seconds=6.0, plants=("gil:0.9",)),
            Case("GC pressure", loop, _gc, seconds=6.0, plants=("gc:10",)),
        ]
    first, last = loops_here()[0], loops_here()[-1]
    cases += [
        Case("server stalls", first, _stalling_server, emulator=("--fault", "stall:after=50,for=1,times=0")),
        Case("slow server", last, _slow_server, rate=10.0),
        Case("server clock ahead", last, _skewed, seconds=2.5, emulator=("--fault", "skew:for=60,times=0")),
        Case("whole seconds", first, _whole, seconds=2.5, emulator=("--fault", "whole-second:times=0")),
        Case("coalescing", last, _coalesced, levers={"batch": "read:100ms"}),
        Case("throttle", first, _throttled, levers={"throttle": "50"}),
        Case("queue", last, _queued, tokens=40, levers={"agents": "4"}, emulator=("--parallel", "1")),
    ]
    return cases


CASES = tuple(_cases())
"""Every case, in the order in which they run."""
