"""Every rule on hand-made snapshots: both sides of each threshold, and what happens when something is missing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from loopscope.model.agents import is_cold
from loopscope.model.findings import RULES, Fine, Found, NotEnough
from loopscope.model.request_stack import RequestStack
from loopscope.model.snapshot import (
    AgentView,
    CardMemory,
    LeverView,
    LoadCount,
    LoopView,
    ObserverView,
    PowerView,
    Quantiles,
    Recent,
    RequestView,
    Snapshot,
    StallView,
)
from loopscope.settings.levers import defaults as lever_defaults
from loopscope.settings.levers import parse_assignment
from loopscope.settings.thresholds import GIB, THRESHOLDS, defaults

LIMITS = defaults()
T = 100.0


def spread(p50: float, p90: float | None = None) -> Quantiles:
    return Quantiles(100, p50, p90 or p50, p90 or p50, p90 or p50)


def request(**more: Any) -> RequestView:
    given = {
        "t_s": T - 1,
        "request": 1,
        "outcome": "ok",
        "words": "",
        "ttft_ms": 50.0,
        "itl_ms": 10.0,
        "tokens": 256,
        "chunks": 256,
        "duration_s": 2.6,
        "connect_ms": 0.0,
        "load_ms": 20.0,
    }
    return RequestView(**{**given, **more})


def agent(number: int = 0, **more: Any) -> AgentView:
    given: dict[str, Any] = {
        "agent": number,
        "name": f"agent-{number + 1}",
        "server": number % 2,
        "model": "m",
        "state": "streaming",
        "endpoint": f"http://127.0.0.1:{9001 + number % 2}",
        "words": "",
        "chunks_s": 100.0,
        "tok_s": 100.0,
        "spark_chunks_s": np.full(60, 100.0),
        "ttft_ms": spread(50),
        "itl_ms": spread(10),
        "gap_ms": spread(10),
        "server_gap_ms": spread(10),
        "delay_ms": spread(0.1),
        "delay_words": "",
        "requests": 9,
        "errors": 0,
        "chunks": 900,
        "tokens": 900,
        "recent": tuple(request(t_s=T - 1 - 3 * n) for n in range(9)),
    }
    return AgentView(**{**given, **more})


CALM = Recent(
    seconds=3.0,
    chunks=600,
    elu=0.05,
    cpu=0.04,
    runq=0.005,
    gc=0.0,
    others=0.0,
    observer=0.003,
    lag_ms=spread(0.1),
    delay_ms=spread(0.1),
    waited_ms=0.05,
    gap_ms=10.0,
    server_gap_ms=10.0,
    gap_p50_ms=10.0,
    server_gap_p50_ms=10.0,
    server_gap_least_ms=10.0,
    server_gap_max_ms=11.0,
    gil_taken=0.02,
    lump=1.0,
    lump_gap_ms=10.0,
)
LUMPS: dict[str, Any] = {"lump": 20.0, "lump_gap_ms": 400.0}


def snap(recent: dict[str, Any] | None = None, levers: dict[str, str] | None = None, **more: Any) -> Snapshot:
    """A calm pair, with changes."""
    values = lever_defaults() | (levers or {})
    given: dict[str, Any] = {
        "t_s": T,
        "embedded": True,
        "agents": (agent(0), agent(1)),
        "loop": LoopView(name="asyncio", backlog_bytes=0),
        "levers": tuple(LeverView(name, value) for name, value in values.items()),
        "host_cpu": (0.1, 0.2),
        "recent": replace(CALM, **(recent or {})),
        "observer": ObserverView(rig_share=0.003, screen_share=0.02),
    }
    return Snapshot(**{**given, **more})


def stalls(count: int, length_ms: float, why: str = "callback", every_s: float = 1.0, **more: Any) -> dict[str, Any]:
    """That many stalls, the last of them half a second ago."""
    views = (StallView(T - 0.5 - every_s * back, length_ms, why, "app.py:12 in work", **more) for back in range(count))
    return {"stalls": tuple(views)[::-1]}


def failed(**more: Any) -> Snapshot:
    return snap(agents=(agent(0), agent(1, recent=(request(outcome="refused", words="no connection", **more),))))


def asked(*requests: RequestView, **more: Any) -> Snapshot:
    return snap(agents=(agent(0, recent=requests, **more),), loads=counted(*requests))


def counted(*requests: RequestView) -> LoadCount:
    """Count as the agent table does."""
    told = [(one.load_ms, one.duration_s * 1e3) for one in requests if one.load_ms is not None]
    loads, wall = [load for load, _ in told], sum(wall for _, wall in told)
    cold = sum(is_cold(load, length) for load, length in told)
    return LoadCount(len(told), cold, max(loads, default=0.0), sum(loads) / wall if wall else 0.0)


def queued(queue_ms: float, number: int = 4) -> Snapshot:
    """Requests of 1 600 ms, ``queue_ms`` of them in the server's queue."""
    stack = RequestStack(connect=0.0, queue=queue_ms, load=2.0, prompt=48.0, decode=1_545.0 - queue_ms, client=5.0)
    return asked(*(request(t_s=T - 1 - n, stack=stack, load_ms=2.0) for n in range(number)))


def ttfts(slow: int, slow_ms: float, of: int = 20) -> tuple[RequestView, ...]:
    return tuple(request(t_s=T - 1 - n, ttft_ms=slow_ms if n < slow else 50.0) for n in range(of))


def paced(slow: float, fast: float, model: str = "m") -> Snapshot:
    return snap(agents=(agent(0, tok_s=fast), agent(1, tok_s=slow, model=model)))


def card(free: int, **more: Any) -> Snapshot:
    cards = (CardMemory("GPU 0", 2 * GIB, 12 * GIB), CardMemory("GPU 1", 12 * GIB - free, 12 * GIB))
    return snap(power=PowerView(cards=cards), **{"embedded": False, **more})


BEHIND: dict[str, Any] = {"waited_ms": 3_000.0, "gap_ms": 50.0, "server_gap_ms": 10.0, "delay_ms": spread(3_000.0)}
PRESSED = BEHIND | {"server_gap_ms": 45.0}
NO_STAMPS: dict[str, Any] = {"waited_ms": None, "server_gap_ms": None, "server_gap_least_ms": None}

FIRES: list[tuple[str, str, Snapshot, str]] = [
    # rule, what is planted, snapshot, the number that its sentence must hold
    ("server-bound", "calm pair", snap(), "10.0 ms"),
    ("client-cpu", "at the threshold", snap({"elu": 0.9, "cpu": 0.54}), "90 %"),
    ("blocking-call", "a named line, often", snap(**stalls(2, 100.0)), "app.py:12 in work"),
    ("blocking-call", "a named line, once", snap(**stalls(1, 200.0)), "200 ms"),
    ("blocking-call", "many short ones", snap(**stalls(20, 30.0, every_s=0.1)), "20 times in 2.4 s"),
    ("blocking-call", "no watchdog", snap({"elu": 0.15, "cpu": 0.04}), "10 %"),
    ("gil-held", "at both thresholds", snap({"others": 0.25, "gil_taken": 0.25, "cpu": 0.0}), "25 %"),
    ("gil-held", "beside a busy loop", snap({"others": 0.5, "gil_taken": 0.9, "cpu": 0.5}), "90 %"),
    ("core-stolen", "at the threshold", snap({"runq": 0.15}), "15 %"),
    ("gc-pauses", "at the threshold", snap({"gc": 0.05}), "5.0 %"),
    ("gc-pauses", "long pauses", snap(**stalls(1, 250.0, "gc")), "250 ms"),
    ("gc-pauses", "pauses, often", snap(**stalls(2, 100.0, "gc")), "2 times"),
    ("backlog", "throttled", snap(BEHIND, {"throttle": "20"}), "throttle=20"),
    ("backlog", "at the threshold", snap({"waited_ms": 100.0}), "100 ms"),
    ("back-pressure", "full buffers", snap(PRESSED, {"batch": "read:500ms"}), "4.5 times"),
    ("server-stalls", "at both thresholds", snap({"server_gap_max_ms": 500.0, "server_gap_p50_ms": 50.0}), "500 ms"),
    ("server-clock", "ahead", snap({"ahead_ms": 60_000.0, "waited_ms": None}), "60.0 s"),
    ("server-clock", "behind", snap(agents=(agent(least_delay_ms=5_000.0),)), "4.95 s"),
    ("lumps", "at the thresholds", snap({"lump": 4.0, "lump_gap_ms": 100.0}), "lumps of 4, one every 100 ms"),
    ("lumps", "a proxy with a buffer", snap({"lump": 19.8, "lump_gap_ms": 400.0} | NO_STAMPS), "lumps of 20"),
    ("errors", "one request", failed(), "no connection"),
    ("errors", "an agent that waits", snap(agents=(agent(0, state="retrying", words="HTTP 503", recent=()),)), "503"),
    ("cold-start", "a tenth of the time", asked(request(load_ms=260.0), request()), "260 ms"),
    ("cold-start", "all of them", asked(*[request(load_ms=516.0, duration_s=0.6)] * 22), "22 of 22 requests"),
    ("server-queue", "three quarters", queued(1_200.0), "1.20 s of the 1.60 s"),
    ("contention", "10 %", snap(agents=(agent(recent=ttfts(2, 151.0)),), solo_ttft_ms={"m": 50.0}), "10 %"),
    ("slow-first-token", "above", asked(*(request(ttft_ms=2_001.0),) * 3), "2.00 s"),
    ("throughput", "below", snap(agents=(agent(tok_s=79.9),)), "79.9 tok/s"),
    ("imbalance", "below two thirds", paced(66.0, 100.0), "66 %"),
    ("connection-cap", "some wait", snap(loop=LoopView(queued=28, connections=100)), "28 requests wait"),
    ("connection-cap", "one waits", snap(loop=LoopView(queued=1, connections=100)), "1 request waits"),
    ("localhost", "slow", asked(request(connect_ms=251.0), endpoint="http://localhost:11434"), "251 ms"),
    ("observer", "probes", snap({"observer": 0.1}), "10 %"),
    ("observer", "screen", snap(observer=ObserverView(screen_share=0.5)), "50 %"),
    ("observer", "drops", snap(observer=ObserverView(dropped=7, dropped_at_s=T - 5)), "7 samples"),
    ("vram", "just too little", card(GIB - 1), "1.0 GiB of 12.0 GiB"),
]

CALM_CASES: list[tuple[str, str, Snapshot]] = [
    ("server-bound", "loop half full", snap({"elu": 0.5})),
    ("server-bound", "late at times", snap({"delay_ms": spread(0.1, 10.2)})),
    ("server-bound", "loop late", snap({"lag_ms": spread(0.1, 10.0)})),
    ("server-bound", "slower than the server", snap({"gap_ms": 11.2})),
    ("server-bound", "no core", snap({"runq": 0.15})),
    ("server-bound", "a call blocks", snap(**stalls(2, 100.0))),
    ("server-bound", "collector", snap({"gc": 0.05})),
    ("client-cpu", "not full", snap({"elu": 0.89, "cpu": 0.89})),
    ("client-cpu", "full, not by CPU", snap({"elu": 1.0, "cpu": 0.59})),
    ("blocking-call", "one short stall", snap(**stalls(1, 199.0))),
    ("blocking-call", "too little in all", snap(**stalls(2, 99.0))),
    ("blocking-call", "long ago", snap(stalls=(StallView(T - 12, 300.0, "callback", "a.py:1"),))),
    ("blocking-call", "nobody's fault", snap(**stalls(9, 300.0, "core"))),
    ("blocking-call", "another thread", snap({"elu": 0.6, "others": 0.5})),
    ("blocking-call", "our probes", snap({"elu": 0.3, "cpu": 0.1, "observer": 0.15})),
    ("gil-held", "a thread without the GIL", snap({"others": 0.9, "gil_taken": 0.24, "cpu": 0.0})),
    ("gil-held", "a busy machine", snap({"others": 0.9, "gil_taken": 0.1, "runq": 0.3, "lag_ms": spread(9.0)})),
    ("gil-held", "no thread", snap({"others": 0.24, "gil_taken": 0.9})),
    ("gil-held", "the loop itself", snap({"others": 0.9, "gil_taken": 0.9, "cpu": 0.66})),
    ("core-stolen", "below", snap({"runq": 0.149})),
    ("gc-pauses", "below", snap({"gc": 0.049})),
    ("backlog", "below", snap({"waited_ms": 99.0})),
    ("backlog", "on a full loop", snap(BEHIND | {"elu": 0.9})),
    ("backlog", "a far server", snap({"delay_ms": spread(500.0), "waited_ms": 3.0})),
    ("back-pressure", "buffers still fill", snap(BEHIND | {"server_gap_ms": 20.0})),
    ("back-pressure", "slow server", snap({"gap_ms": 45.0, "server_gap_ms": 45.0})),
    ("back-pressure", "its best pace", snap(PRESSED | {"server_gap_least_ms": 22.6})),
    ("server-stalls", "shorter", snap({"server_gap_max_ms": 499.0})),
    ("server-stalls", "a slow server", snap({"server_gap_max_ms": 900.0, "server_gap_p50_ms": 91.0})),
    ("server-stalls", "we do not read", snap({"server_gap_max_ms": 900.0, "waited_ms": 100.0})),
    ("server-clock", "a throttled stream", snap(agents=(agent(least_delay_ms=40.0),))),
    ("server-clock", "all of the TTFT", snap(agents=(agent(least_delay_ms=51.9),))),
    ("lumps", "three tokens a step", snap({"lump": 3.0, "lump_gap_ms": 150.0})),
    ("lumps", "a fast stream", snap({"lump": 20.0, "lump_gap_ms": 5.0})),
    ("lumps", "a busy loop", snap(LUMPS | {"elu": 0.5})),
    ("lumps", "no core", snap(LUMPS | {"runq": 0.15})),
    ("lumps", "a loop that is late", snap(LUMPS | {"lag_ms": spread(10.0)})),
    ("lumps", "we collect them", snap(LUMPS, {"batch": "read:400ms"})),
    ("lumps", "the throttle does", snap(LUMPS, {"throttle": "20"})),
    ("errors", "calm", snap()),
    ("errors", "over", failed(t_s=T - 11)),
    ("errors", "taken", snap(agents=(agent(recent=(request(outcome="taken"),)),))),
    ("cold-start", "below", asked(request(load_ms=250.0))),
    ("cold-start", "under 20 ms", asked(request(load_ms=19.0, duration_s=0.05))),
    ("server-queue", "short", queued(40.0)),
    ("cold-start", "over", asked(request(), request(t_s=T - 21, load_ms=9_000.0))),
    ("contention", "just three times", snap(agents=(agent(recent=ttfts(9, 150.0)),), solo_ttft_ms={"m": 50.0})),
    ("contention", "one of twenty", snap(agents=(agent(recent=ttfts(1, 900.0)),), solo_ttft_ms={"m": 50.0})),
    ("slow-first-token", "at the threshold", asked(*(request(ttft_ms=2_000.0),) * 3)),
    ("throughput", "at the threshold", snap(agents=(agent(tok_s=80.0),))),
    ("imbalance", "two thirds", paced(67.0, 100.0)),
    ("connection-cap", "none waits", snap(loop=LoopView(queued=0, connections=100))),
    ("connection-cap", "none there yet", snap(loop=LoopView(queued=2, connections=0))),
    (
        "localhost",
        "the loop was held up",
        replace(
            asked(request(connect_ms=251.0, duration_s=3.0), endpoint="http://localhost:11434"),
            stalls=(StallView(T - 4.0, 200.0, "callback", "app.py:12"),),
        ),
    ),
    ("localhost", "fast", asked(request(connect_ms=99.0), endpoint="http://localhost:11434")),
    ("observer", "below", snap({"observer": 0.099}, observer=ObserverView(screen_share=0.49))),
    ("observer", "drops long ago", snap(observer=ObserverView(dropped=7, dropped_at_s=T - 11))),
    ("vram", "exactly one GiB", card(GIB)),
]

UNKNOWN: list[tuple[str, str, Snapshot, str]] = [
    # rule, what is missing, snapshot, how the answer says so
    ("server-bound", "no stamps", snap(NO_STAMPS), "stamps"),
    ("server-bound", "no chunks", snap({"chunks": 19}), "19 of 20 chunks"),
    ("server-bound", "whole seconds", snap({"server_gap_ms": 0.0}), "stamps"),
    ("client-cpu", "no signal", snap({"elu": None}, loop=LoopView(words={"elu": "self-test failed"})), "self-test"),
    ("client-cpu", "just started", snap({"seconds": 2.4}), "2.4 of 2.5 s"),
    ("blocking-call", "no thread clock", snap({"cpu": None}), "loop_cpu"),
    ("gil-held", "no watchdog", snap({"gil_taken": None}), "watchdog"),
    ("gil-held", "no process CPU", snap({"others": None}), "whole process"),
    ("core-stolen", "no schedstat", snap({"runq": None}, loop=LoopView(words={"runq": "needs Linux"})), "Linux"),
    ("gc-pauses", "nothing yet", snap({"seconds": 0.0, "gc": None}), "0 of 2.5 s"),
    ("backlog", "no stamps", snap(NO_STAMPS), "delivery delay"),
    ("backlog", "idle", snap({"chunks": 0}), "0 of 20 chunks"),
    ("back-pressure", "no stamps", snap(NO_STAMPS), "delivery delay"),
    ("back-pressure", "no best pace", snap({"server_gap_least_ms": None}), "stamps"),
    ("server-stalls", "no stamps", snap({"server_gap_max_ms": None}), "stamps"),
    ("server-stalls", "idle", snap({"chunks": 19}), "stamps"),
    ("server-clock", "no stamps", snap(), "stamps"),
    ("server-clock", "no request yet", snap(agents=(agent(least_delay_ms=9.0, ttft_ms=Quantiles()),)), "request"),
    ("lumps", "few reads", snap({"lump": None, "lump_gap_ms": None}), "three reads"),
    ("errors", "no agent", snap(agents=()), "an agent"),
    ("cold-start", "another dialect", asked(request(load_ms=None)), "load"),
    ("server-queue", "another dialect", asked(*[request()] * 5), "durations"),
    ("contention", "never alone", snap(), "solo TTFT"),
    ("contention", "few", snap(agents=(agent(recent=ttfts(9, 900.0, 9)),), solo_ttft_ms={"m": 50.0}), "9 of 10"),
    ("contention", "other model", snap(solo_ttft_ms={"n": 50.0}), "0 of 10"),
    ("slow-first-token", "two", asked(*(request(ttft_ms=9_000.0),) * 2), "2 of 3"),
    ("throughput", "idle", snap(agents=(agent(spark_chunks_s=np.zeros(60)),)), "100 chunks"),
    ("imbalance", "two models", paced(10.0, 100.0, "n"), "one model"),
    ("connection-cap", "no pool", snap(loop=LoopView(connections=2)), "pool"),
    ("localhost", "an address", asked(request(connect_ms=900.0)), "localhost"),
    ("localhost", "far away", asked(request(connect_ms=900.0), endpoint="http://gpu.lan:11434"), "localhost"),
    ("localhost", "kept connection", asked(request(connect_ms=0.0), endpoint="http://localhost:1"), "new connection"),
    ("localhost", "no URL", asked(request(connect_ms=900.0), endpoint="http://[localhost"), "localhost"),
    ("observer", "nothing", snap({"observer": None}, observer=ObserverView()), "CPU of the probes"),
    ("vram", "no card", snap(), "card"),
    ("vram", "embedded", card(0, embedded=True), "embedded"),
]


def ids(cases: list[Any]) -> list[str]:
    return [f"{case[0]}: {case[1]}" for case in cases]


@pytest.mark.parametrize(("name", "planted", "given", "number"), FIRES, ids=ids(FIRES))
def test_a_rule_finds_its_cause(name: str, planted: str, given: Snapshot, number: str) -> None:
    """At its threshold a rule fires: one sentence with its number, figures behind it, a lever that exists or words."""
    answer = RULES[name].ask(given, LIMITS)
    assert isinstance(answer, Found), planted
    assert number in answer.sentence
    assert answer.sentence.endswith(".")
    assert answer.evidence
    assert answer.lever or name == "server-bound"
    assert all(isinstance(value, float) for value in answer.figures.values())
    if "=" in answer.lever and " " not in answer.lever:
        parse_assignment(answer.lever)


@pytest.mark.parametrize(("name", "planted", "given"), CALM_CASES, ids=ids(CALM_CASES))
def test_a_rule_is_silent_below_its_threshold(name: str, planted: str, given: Snapshot) -> None:
    """Just below its threshold, or when something else is the cause, a rule says that all is well."""
    assert isinstance(RULES[name].ask(given, LIMITS), Fine), planted


@pytest.mark.parametrize(("name", "planted", "given", "words"), UNKNOWN, ids=ids(UNKNOWN))
def test_a_rule_says_what_it_lacks(name: str, planted: str, given: Snapshot, words: str) -> None:
    """Where a rule cannot know, it names what is missing, and neither accuses nor acquits."""
    answer = RULES[name].ask(given, LIMITS)
    assert isinstance(answer, NotEnough), planted
    assert words in answer.missing


def test_the_cases_cover_every_rule_on_every_side() -> None:
    """No rule is without a case that fires, one that does not, and one that lacks something."""
    for cases in (FIRES, CALM_CASES, UNKNOWN):
        assert {case[0] for case in cases} == set(RULES)


def test_a_calm_pair_has_nothing_but_its_note() -> None:
    """Two agents that stream undisturbed: the server sets the pace, and that is all."""
    found = [name for name, rule in RULES.items() if isinstance(rule.ask(snap(), LIMITS), Found)]
    assert found == ["server-bound"]
    assert RULES["server-bound"].level == "note"


def test_an_idle_session_has_nothing() -> None:
    """Before the first record no rule finds anything, whatever it says it lacks."""
    for name, rule in RULES.items():
        assert isinstance(rule.ask(Snapshot(), LIMITS), NotEnough), name


def test_every_threshold_is_used() -> None:
    """Rules name only thresholds that there are, and no threshold is there that no rule looks at."""
    assert {limit for rule in RULES.values() for limit in rule.limits} == set(THRESHOLDS)


class Watched(dict[str, float]):
    """Remembers which thresholds were asked for."""

    def __init__(self) -> None:
        super().__init__(LIMITS)
        self.asked: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.asked.add(name)
        return super().__getitem__(name)


def test_rules_look_at_no_other_thresholds_than_they_say() -> None:
    """Over all cases, a rule reads exactly the thresholds in its list."""
    for name, rule in RULES.items():
        limits = Watched()
        for case in (*FIRES, *CALM_CASES, *UNKNOWN):
            rule.ask(case[2], limits)
        assert limits.asked == set(rule.limits), name


LIGHTER: list[tuple[dict[str, str], str]] = [
    ({}, "loop=uvloop"),
    ({"loop": "uvloop", "decoder": "json"}, "decoder=orjson"),
    ({"loop": "uvloop"}, "batch=read:50ms"),
    ({"loop": "uvloop", "batch": "read:50ms", "agents": "16"}, "agents=8"),
    (
        {"loop": "uvloop", "batch": "read:50ms", "agents": "1"},
        "less work a chunk on the loop (uvloop, larger reads), or a second process",
    ),
]


@pytest.mark.parametrize(("levers", "wanted"), LIGHTER)
def test_a_full_loop_gets_the_next_lever_that_is_not_pulled(
    levers: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop first, then the decoder, then read batching, then fewer agents."""
    monkeypatch.setattr("loopscope.model.findings.rule.loops_here", lambda: ("asyncio", "uvloop"))
    answer = RULES["client-cpu"].ask(snap({"elu": 0.95, "cpu": 0.9}, levers), LIMITS)
    assert isinstance(answer, Found)
    assert answer.lever == wanted


CAUSES: list[tuple[dict[str, str], str]] = [
    ({"throttle": "20", "batch": "read:50ms"}, "throttle=off"),
    ({"batch": "read:500ms"}, "batch=off"),
    ({}, "read as chunks come; look for a proxy that collects them"),
]


@pytest.mark.parametrize(("levers", "wanted"), CAUSES)
def test_a_backlog_names_the_lever_that_makes_it(levers: dict[str, str], wanted: str) -> None:
    """A throttle or read batching is taken back; without either the cause is elsewhere."""
    answer = RULES["backlog"].ask(snap(BEHIND, levers), LIMITS)
    assert isinstance(answer, Found)
    assert answer.lever == wanted


def test_a_stolen_core_says_when_the_thief_is_in_the_house() -> None:
    """On the embedded pair the emulators and the screen use the same cores; on real servers nothing is said of them."""
    here, there = (
        RULES["core-stolen"].ask(snap({"runq": 0.5}, embedded=embedded, host_cpu=(1.0, 0.9)), LIMITS)
        for embedded in (True, False)
    )
    assert isinstance(here, Found) and isinstance(there, Found)
    assert "emulated servers and loopscope itself are among them" in here.sentence
    assert "emulated" not in there.sentence
    assert "loopscope itself 2.0 % of a core" in here.evidence and here.figures["screen_share"] == 0.02


def test_a_core_that_nobody_takes_is_taken_by_a_quota() -> None:
    """With the machine's cores free no process of it is the thief: a cgroup's quota, or the host of a VM."""
    found = RULES["core-stolen"].ask(snap({"runq": 0.5}, host_cpu=(0.3, 0.4)), LIMITS)
    assert isinstance(found, Found)
    assert "CPU quota" in found.sentence and "Others take" not in found.sentence


def test_a_call_that_computes_gets_other_advice_than_one_that_waits() -> None:
    """A thread helps against waiting; against computing, only a process does."""
    ask: Callable[..., Any] = RULES["blocking-call"].ask
    waits, computes = (
        ask(snap(**stalls(2, 150.0, cpu_ms=1.0)), LIMITS),
        ask(snap(**stalls(2, 150.0, cpu_ms=140.0)), LIMITS),
    )
    assert "to_thread" in waits.lever
    assert "waiting" in waits.sentence
    assert "process" in computes.lever
    assert "computing" in computes.sentence
