"""What is shown after a seek is what playing to that moment shows, to the last digit."""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.tape import MS, ZERO, Rig, S, bye, header, hello, lever, merged
from loopscope.core import zstd
from loopscope.core.errors import TraceError
from loopscope.core.records import AnyRecord, Finding, Header, Mark, Stall
from loopscope.model.fold import Fold
from loopscope.model.freeze import freeze, thaw
from loopscope.model.snapshot import Snapshot
from loopscope.session.checkpoints import Checkpoints
from loopscope.session.trace_cursor import TraceCursor
from loopscope.trace.writer import TraceWriter


def difference(one: Any, other: Any, where: str = "") -> str:
    """Say where two snapshots differ; empty when they are the same."""
    if type(one) is not type(other):
        return f"{where}: {type(one)} {type(other)}"
    if isinstance(one, np.ndarray):
        return "" if np.array_equal(one, other, equal_nan=True) else where
    if dataclasses.is_dataclass(one):
        one, other = ({f.name: getattr(each, f.name) for f in dataclasses.fields(each)} for each in (one, other))
    if isinstance(one, dict):
        if list(one) != list(other):
            return f"{where}: {list(one)} {list(other)}"
        parts = [(f"{where}.{key}", one[key], other[key]) for key in one]
    elif isinstance(one, list | tuple):
        if len(one) != len(other):
            return f"{where}: {len(one)} {len(other)}"
        parts = [(f"{where}[{n}]", *pair) for n, pair in enumerate(zip(one, other, strict=True))]
    else:
        return "" if one == other or (one != one and other != other) else f"{where}: {one} {other}"
    return next((found for name, a, b in parts if (found := difference(a, b, name))), "")


def session(seconds: int, agents: int, pulls: list[tuple[int, str]]) -> list[AnyRecord]:
    """A session with levers, a takeover, findings, stalls and marks."""
    extra: list[object] = []
    half = seconds * S // 2
    for number, (at, name) in enumerate(pulls):
        new = "uvloop" if name == "loop" else f"value-{number}"
        extra.append(lever(at, name, "old", new))
    for at in range(3, seconds, 4):
        extra += [
            Mark(t_ns=ZERO + at * S, proc="session", words=f"mark {at}"),
            Finding(
                t_ns=ZERO + at * S, proc="session", name="gc", on=at % 8 == 3, sentence="words", figures={"x": 1.5}
            ),
            Stall(t_ns=ZERO + at * S, proc="rig-1", start_ns=ZERO + at * S - 60 * MS, dur_ns=50 * MS, file="a.py"),
        ]
    return merged(
        header(agents),
        hello(),
        Rig(S // 2, half, tuple(range(agents)), length=30, pause=100 * MS, delay=700_000),
        hello(half, "rig-2", "uvloop"),
        bye(half + S, "rig-1"),
        Rig(half, seconds * S, tuple(range(agents)), proc="rig-2", loop="uvloop", length=40, per_read=2),
        *extra,
    )


def written(path: Path, records: list[AnyRecord], every_s: float = 2.0) -> None:
    """A trace of them, with checkpoints and seconds, as a session writes it."""
    fold, made = Fold(), Checkpoints()
    last = ZERO
    with TraceWriter(path) as writer:
        fold.seconds.hear = lambda second: writer.write(second)
        for record in records:
            writer.write(record)
            fold.feed(record)
            if record.t_ns - last >= every_s * S:
                last = record.t_ns
                made._last_ns, made._cost_ns, made._size = 0, 0, 0
                line = made.make(fold, record.t_ns)
                assert line is not None
                writer.write_line(line)


def played(records: list[AnyRecord], at: int) -> Snapshot:
    fold = Fold()
    for record in records:
        if record.t_ns > ZERO + at:
            break
        fold.feed(record)
    return fold.snapshot(ZERO + at)


def sought(track: TraceCursor, at: int, where: int) -> Snapshot:
    track.seek(at, where)
    while track.next is not None and track.next.t_ns <= ZERO + at:
        track.feed()
    return track.snapshot(at)


@settings(max_examples=6)
@given(
    st.integers(12, 24),
    st.integers(1, 4),
    st.lists(st.tuples(st.integers(S, 20 * S), st.sampled_from(["batch", "loop", "throttle"])), max_size=4),
    st.lists(st.integers(0, 24 * S), min_size=3, max_size=5),
    st.sampled_from([".jsonl", ".jsonl.zst"]),
)
def test_a_seek_shows_what_playing_shows(
    seconds: int, agents: int, pulls: list[tuple[int, str]], moments: list[int], ending: str
) -> None:
    """Any session, any order of moments: every figure of the snapshot is the same."""
    records = session(seconds, agents, pulls)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it" + ending)
        written(path, records)
        track = TraceCursor(path)
        assert track.usable()
        assert len(track.index.places) >= seconds // 2 - 2
        where = 0
        for moment in moments:
            at = min(moment, seconds * S)
            snapshot = sought(track, at, where)
            assert difference(snapshot, played(records, at)) == ""
            where = at
        track.close()


def test_a_frozen_fold_is_the_fold() -> None:
    """At every tenth record: thawed, it freezes to the same bytes, and shows the same."""
    fold = Fold()
    first = None
    for number, record in enumerate(session(14, 3, [(5 * S, "batch"), (8 * S, "loop")])):
        first = first or record
        fold.feed(record)
        if number % 50 == 10:
            data = freeze(fold)
            assert isinstance(first, Header)
            again = thaw(data, first)
            assert freeze(again) == data
            assert difference(again.snapshot(), fold.snapshot()) == ""


_GOOD = freeze(Fold())


@settings(max_examples=150)
@given(st.binary(max_size=200), st.integers(0, len(_GOOD) - 1), st.integers(0, 255))
def test_hostile_bytes_are_no_fold(rubbish: bytes, where: int, value: int) -> None:
    """Random bytes, and good bytes with one changed: a fold comes out, or a TraceError, nothing else."""
    changed = bytearray(_GOOD)
    changed[where] = value
    for data in (rubbish, bytes(changed)):
        try:
            assert isinstance(thaw(data, Header(t_ns=0)), Fold)
        except TraceError:
            continue


_plain = st.recursive(
    st.none() | st.integers(-(2**40), 2**40) | st.text(max_size=4) | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150)
@given(st.integers(-1, 12), st.lists(_plain, max_size=5))
def test_hostile_structures_are_no_fold(tag: int, rest: list[object]) -> None:
    """Whatever tags and parts come together, only a fold is one."""
    data = zstd.compress(msgspec.msgpack.encode([tag, *rest]))
    with pytest.raises(TraceError):
        thaw(data, Header(t_ns=0))
