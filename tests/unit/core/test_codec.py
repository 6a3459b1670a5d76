"""Records become lines and lines become records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core import records
from loopscope.core.codec import MAX_LINE_BYTES, decode, encode
from loopscope.core.errors import TraceError

_EVERY = [
    records.Header(
        t_ns=1, servers=[records.Server(url="http://x")], agents=[records.AgentSpec(agent=0, name="a", server=0)]
    ),
    records.Hello(t_ns=1, role="rig", pid=2, perf_ns=3, wall_ns=4),
    records.ClockAnchor(t_ns=1, wall_ns=2),
    records.AgentState(t_ns=1, agent=0, state="streaming"),
    records.Request(t_ns=1, agent=0, request=1, outcome="ok", start_ns=1, end_ns=2),
    records.Chunks(t_ns=1, base_ns=0, agent=[0], recv=[0], delay=[None], handled=[5]),
    records.Pulse(t_ns=1, dt_ns=2, loop="asyncio"),
    records.Lever(t_ns=1, name="batch", old="off", new="read:50ms"),
    records.Mark(t_ns=1, words="here"),
    records.Power(t_ns=1, source="cpu", share=0.5),
    records.HostLoad(t_ns=1, cpu=[0.1, 0.2]),
    records.Truth(t_ns=1, requests=1, streams=0, chunks=5, tokens=6),
    records.Observer(t_ns=1, dt_ns=2, cpu_ns=1),
    records.Stall(t_ns=1, start_ns=0, dur_ns=40, file="json/decoder.py", line=3, function="decode", stack=["a.py:1 f"]),
    records.Finding(t_ns=1, name="gc", on=True),
    records.Phase(t_ns=1, what="ramp", number=1, of=3, settings={"loop": "uvloop"}),
    records.Result(t_ns=1, what="ramp", words="found", figures={"chunks_s": 1.5, "lag_ms": None}),
    records.Second(t_ns=1, begin_ns=0, chunks=5, elu=0.5, marks=[records.Tick(t_ns=1, label="a", kind="mark")]),
    records.Seconds(t_ns=1, begin_ns=[0], chunks=[5], lag_ns=[None], delay_ns=[7], elu=[0.5]),
    records.Checkpoint(t_ns=1, made_by="abc", data=b"\x00\xff"),
    records.Loss(t_ns=1, what="lines", count=3),
    records.Bye(t_ns=1),
    records.Trailer(t_ns=1, lines=9),
]


@pytest.mark.parametrize("record", _EVERY, ids=lambda record: type(record).__name__)
def test_every_kind_survives_the_line(record: records.Record) -> None:
    """A record that was written is read as the same record, from one line."""
    line = encode(record)
    assert line.count(b"\n") == 1
    assert decode(line) == record


def test_every_kind_is_among_them() -> None:
    """No kind of record is missing from the test above."""
    assert {type(record) for record in _EVERY} == set(records.AnyRecord.__args__)


@given(st.binary(max_size=200))
def test_random_bytes_raise_one_error(line: bytes) -> None:
    """Whatever the bytes, decoding gives a record or a TraceError."""
    try:
        decode(line)
    except TraceError:
        return


@pytest.mark.parametrize(
    "line",
    [
        b'{"k":"chunks"}',
        b'{"k":"nonsense","t_ns":1}',
        b'{"k":"bye","t_ns":1e300}',
        b"[" * 100_000,
        b'{"k":"bye","t_ns":NaN}',
    ],
)
def test_lines_that_only_look_right_raise(line: bytes) -> None:
    """Missing members, unknown kinds, wrong types, deep nesting and NaN are refused."""
    with pytest.raises(TraceError):
        decode(line)


def test_a_huge_line_is_refused_unread() -> None:
    """A line over the limit is refused for its length."""
    with pytest.raises(TraceError, match="longer than any record"):
        decode(b" " * (MAX_LINE_BYTES + 1))
