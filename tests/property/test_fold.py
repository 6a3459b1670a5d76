"""What holds for the fold whatever lines come, true ones and hostile ones."""

import dataclasses
import json
import math
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.tape import MS, ZERO, Rig, S, bye, header, hello, lever, merged
from loopscope.core.codec import as_dict, decode, encode
from loopscope.core.records import (
    AgentSpec,
    AgentState,
    AnyRecord,
    Bye,
    Chunks,
    ClockAnchor,
    Finding,
    Header,
    Hello,
    HostLoad,
    Lever,
    Loss,
    Mark,
    Observer,
    Phase,
    Power,
    Pulse,
    Request,
    Result,
    Server,
    Stall,
    Trailer,
    Truth,
)
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.report.line import one_line
from loopscope.report.text import render

# Numbers that hurt: around zero, the width of machine integers, beyond it, and believable ones.
hurtful = st.sampled_from(
    [-(10**400), -(2**64), -(2**63), -1, 0, 1, 2**31, 2**53, 2**62, 2**63 - 1, 2**63, 2**64, 10**30, 10**400]
)
near = st.integers(ZERO - 70 * S, ZERO + 40 * S)
whole = st.one_of(near, st.integers(0, 5 * S), st.integers(-300, 300), hurtful)
small = st.one_of(st.integers(0, 40), hurtful, st.integers(0, 10**7))
real = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(0, 500))
text = st.one_of(st.text(max_size=12), st.sampled_from(["rig-1", "rig-2", "\x1b[2J", "x" * 5_000, "\ud800"]))
proc = st.sampled_from(["rig-1", "rig-2", "session", "emulator-1", "", "y" * 3_000])
outcome = st.sampled_from(["ok", "cut", "taken", "nonsense"])
names = st.sampled_from(["throttle", "loop", "batch", "agents", "odd", "\x1b[1m"])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values)


def several(values: st.SearchStrategy[Any], most: int = 6) -> st.SearchStrategy[Any]:
    return st.lists(values, max_size=most)


@st.composite
def chunks(draw: st.DrawFn) -> Chunks:
    """Mostly columns of equal length, sometimes not."""
    n = draw(st.integers(0, 8))

    def column(values: st.SearchStrategy[Any]) -> list[Any]:
        size = n if draw(st.integers(0, 19)) else draw(st.integers(0, 9))
        return draw(st.lists(values, min_size=size, max_size=size))

    return Chunks(
        t_ns=draw(near),
        proc=draw(proc),
        base_ns=draw(st.one_of(near, whole)),
        agent=column(small),
        recv=column(st.one_of(st.integers(0, S), whole)),
        delay=column(maybe(whole)),
        handled=column(whole),
        first=column(small),
        whole=column(st.one_of(small, whole)),
    )


head = {"t_ns": st.one_of(near, near, whole), "proc": proc}
servers = st.builds(Server, url=text, model=text, embedded=st.booleans())
specs = st.builds(AgentSpec, agent=small, name=text, server=small, model=text)
hostile: st.SearchStrategy[AnyRecord] = st.one_of(
    chunks(),
    chunks(),
    st.builds(
        Pulse,
        **head,
        dt_ns=st.one_of(st.just(S // 10), whole),
        loop=text,
        active_ns=maybe(whole),
        cpu_ns=maybe(whole),
        runq_ns=maybe(whole),
        gc_ns=whole,
        lag_ns=several(whole),
        beat_ns=whole,
        streams=small,
        tasks=small,
        backlog_bytes=maybe(whole),
        dropped=whole,
        observer_ns=whole,
        switches=maybe(whole),
        preempted=maybe(whole),
        gc_gen_ns=several(whole),
        connections=maybe(whole),
    ),
    st.builds(
        Request,
        **head,
        agent=small,
        request=whole,
        outcome=outcome,
        words=text,
        start_ns=whole,
        first_ns=maybe(whole),
        last_ns=maybe(whole),
        end_ns=whole,
        chunks=small,
        tokens=maybe(small),
    ),
    st.builds(AgentState, **head, agent=small, state=text, name=text, server=small, model=text, words=text),
    st.builds(Lever, **head, name=names, old=text, new=text, by=st.sampled_from(["key", "start"]), words=text),
    st.builds(
        Hello,
        **head,
        role=st.sampled_from(["rig", "emulator"]),
        pid=small,
        perf_ns=whole,
        wall_ns=whole,
        info=st.dictionaries(st.sampled_from(["loop", "z"]), text),
        signals=st.dictionaries(text, text, max_size=3),
        lag_floor_ns=maybe(whole),
        elu_floor=maybe(real),
    ),
    st.builds(Bye, **head, words=text),
    st.builds(
        Header,
        **head,
        anchor_perf_ns=whole,
        anchor_wall_ns=whole,
        source=text,
        servers=several(servers, 3),
        agents=several(specs, 3),
        levers=st.dictionaries(names, text, max_size=3),
        scenario=text,
        loopscope=text,
    ),
    st.builds(
        Power,
        **head,
        source=st.sampled_from(["nvml", "rapl", "cpu", "simulated", "odd"]),
        name=text,
        watts=maybe(real),
        share=maybe(real),
        words=text,
    ),
    st.builds(HostLoad, **head, cpu=several(real)),
    st.builds(
        Truth, **head, requests=whole, streams=whole, chunks=whole, tokens=whole, watts=maybe(real), cpu_ns=whole
    ),
    st.builds(Observer, **head, dt_ns=whole, cpu_ns=whole, recorder_ns=whole, lost_lines=whole),
    st.builds(Finding, **head, name=text, on=st.booleans(), sentence=text, evidence=text, lever=text),
    st.builds(
        Stall,
        **head,
        start_ns=whole,
        dur_ns=whole,
        over=st.booleans(),
        file=text,
        line=whole,
        function=text,
        why=st.sampled_from(["callback", "core", "gc", "turn", "gil", "odd"]),
        own=st.booleans(),
        stack=several(text),
        cpu_ns=maybe(whole),
        runq_ns=maybe(whole),
        gc_ns=whole,
        looks=whole,
    ),
    st.builds(Loss, **head, what=st.sampled_from(["lines", "samples", "\x1b"]), count=whole, words=text),
    st.builds(Mark, **head, words=text),
    st.builds(
        Phase,
        **head,
        what=text,
        on=st.booleans(),
        number=whole,
        of=whole,
        words=text,
        settings=st.dictionaries(text, text, max_size=3),
    ),
    st.builds(
        Result,
        **head,
        what=text,
        words=text,
        settings=st.dictionaries(text, text, max_size=3),
        figures=st.dictionaries(text, maybe(real), max_size=3),
    ),
    st.builds(ClockAnchor, **head, wall_ns=whole, step_ns=whole),
    st.builds(Trailer, **head, lines=whole),
)


@st.composite
def sessions(draw: st.DrawFn) -> list[AnyRecord]:
    """A short believable session: rates, lengths, coalescing and pulls of levers as they come."""
    agents = draw(st.integers(1, 4))
    end = draw(st.integers(2, 14)) * S
    streams: list[object] = [header(agents), hello()]
    streams += [
        Rig(
            draw(st.integers(0, 2)) * S + S // 2,
            end,
            (agent,),
            gap=draw(st.integers(5, 80)) * MS,
            length=draw(st.integers(2, 60)),
            per_read=draw(st.integers(1, 4)),
            pause=draw(st.integers(0, 400)) * MS,
            delay=draw(maybe(st.integers(-2 * MS, 9 * MS))),
        )
        for agent in range(agents)
    ]
    streams += [lever(at, "throttle", "off", "60") for at in draw(st.lists(st.integers(0, end), max_size=3))]
    if draw(st.booleans()):
        at = draw(st.integers(S, end))
        streams += [hello(at, "rig-2", "uvloop"), lever(at, "loop", "asyncio", "uvloop"), bye(min(at + S, end))]
    return merged(*streams)


def folded(records: list[AnyRecord]) -> Fold:
    fold = Fold()
    for record in records:
        fold.feed(record)
    return fold


def plainly(value: Any) -> Any:
    """A snapshot as plain data that can be compared: nan equals nan, arrays are lists."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plainly(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, np.ndarray):
        return plainly(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plainly(item) for item in value]
    if isinstance(value, dict):
        return {key: plainly(item) for key, item in value.items()}
    return "nan" if isinstance(value, float) and math.isnan(value) else value


@settings(max_examples=300)
@given(st.lists(hostile, max_size=25))
def test_no_record_makes_it_raise(records: list[AnyRecord]) -> None:
    """Feeding, looking, summing up and reporting go through whatever the values are, and the object is valid JSON."""
    fold = folded(records)
    snapshot = fold.snapshot(now_ns=ZERO + 50 * S)
    assert len(snapshot.agents) <= 2_048
    assert snapshot.chunks == sum(map(int, fold.agents.chunks)) >= 0
    result = summary(fold)
    json.dumps(as_dict(result), allow_nan=False)
    for words in (render(result, fold, unicode=True), one_line(snapshot)):
        assert "\x1b" not in words


@settings(max_examples=100)
@given(sessions(), st.lists(st.tuples(st.integers(0, 10_000), hostile), max_size=8))
def test_hostile_lines_between_true_ones_do_no_harm(true: list[AnyRecord], lies: list[tuple[int, AnyRecord]]) -> None:
    """Spliced into a session at any place they raise nothing, and everything stays within its bounds."""
    records = list(true)
    for place, lie in lies:
        records.insert(place % (len(records) + 1), lie)
    fold = folded(records)
    snapshot = fold.snapshot()
    assert snapshot.t_s <= 3_700
    json.dumps(as_dict(summary(fold)), allow_nan=False)
    assert len(fold.window.bins) <= 40
    assert len(snapshot.series.t_s) <= 240
    for agent in snapshot.agents:
        assert agent.tok_s is None or math.isfinite(agent.tok_s)
    for shown in (snapshot.loop.elu, snapshot.ceiling.elu):
        assert shown is None or 0 <= shown <= 1


@settings(max_examples=60)
@given(sessions())
def test_a_recording_folds_to_what_was_seen_live(records: list[AnyRecord]) -> None:
    """Through the codec and back: the same snapshot to the last digit, the same summary."""
    live, replayed = folded(records), folded([decode(encode(record)) for record in records])
    assert plainly(live.snapshot()) == plainly(replayed.snapshot())
    assert as_dict(summary(live)) == as_dict(summary(replayed))


@settings(max_examples=60)
@given(sessions(), st.data())
def test_looking_changes_nothing(records: list[AnyRecord], data: st.DataObject) -> None:
    """However often and whenever the state is looked at, it ends the same."""
    looks = data.draw(st.sets(st.integers(0, len(records))))
    looked = Fold()
    for number, record in enumerate(records):
        looked.feed(record)
        if number in looks:
            looked.snapshot(now_ns=record.t_ns)
    assert plainly(looked.snapshot()) == plainly(folded(records).snapshot())


@settings(max_examples=100)
@given(sessions())
def test_every_chunk_is_counted_once(records: list[AnyRecord]) -> None:
    """What came = sum of the agents = start-up + settling times + segments, at every moment and in the summary."""
    sent = sum(len(record.agent) for record in records if isinstance(record, Chunks))
    fold = folded(records)
    snapshot = fold.snapshot()
    assert snapshot.chunks == sent == sum(agent.chunks for agent in snapshot.agents)
    result = as_dict(summary(fold))
    assert result["chunks"] == sent == sum(agent["chunks"] for agent in result["agents"])
    fold.finish()
    ledger = fold.ledger
    parts = ledger.startup.chunks + ledger.settling.chunks + sum(segment.chunks for segment in ledger.segments)
    assert parts == sent
    told = [segment["chunks"] for segment in result["segments"] if segment["chunks"] is not None]
    assert sum(told) <= sent


@settings(max_examples=60)
@given(sessions())
def test_requests_are_counted_once(records: list[AnyRecord]) -> None:
    """Every request that ended is in the snapshot and in the summary, by agent and in total."""
    ended = sum(isinstance(record, Request) for record in records)
    fold = folded(records)
    snapshot = fold.snapshot()
    assert snapshot.requests == ended == sum(agent.requests for agent in snapshot.agents)
    result = as_dict(summary(fold))
    assert result["requests"] == ended == sum(agent["requests"] for agent in result["agents"])
    assert result["tokens"] == snapshot.tokens


@settings(max_examples=60)
@given(st.integers(2, 90), st.integers(2, 60), st.integers(0, 700), st.integers(3, 14))
def test_the_rate_on_screen_is_the_planted_one(gap_ms: int, length: int, pause_ms: int, end: int) -> None:
    """Whatever the length of requests and the pauses between them: the decode rate is one by the gap."""
    rig = Rig(S // 2, end * S, (0,), gap=gap_ms * MS, length=length, pause=pause_ms * MS)
    fold = folded(merged(header(1), hello(), rig))
    (agent,) = fold.snapshot().agents
    assert agent.tok_s is not None
    assert math.isclose(agent.tok_s, 1_000 / gap_ms, rel_tol=1e-9)
    assert math.isclose(as_dict(summary(fold))["agents"][0]["tok_s"], 1_000 / gap_ms, rel_tol=1e-9)
