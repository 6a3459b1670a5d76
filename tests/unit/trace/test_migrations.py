"""Old lines are walked through every step up to the current format."""

from pathlib import Path

import pytest

from loopscope.core.codec import encode
from loopscope.core.errors import TraceError
from loopscope.core.records import FORMAT, Chunks, Mark
from loopscope.model.fold import Fold
from loopscope.trace.lines import Lines
from loopscope.trace.migrations import STEPS, Line, Migration
from loopscope.trace.reader import read


def _first(line: Line) -> Line:
    return line | {"words": line.pop("text")}


def _second(line: Line) -> Line:
    return line | {"words": line["words"].upper()}


TABLE = {1: _first, 2: _second}


def test_steps_are_walked_in_order() -> None:
    """A line of format 1 passes every step up to format 3; one of format 2 passes only the last."""
    old = Migration(1, steps=TABLE, current=3)
    assert old.needed
    assert old.record(b'{"k":"mark","t_ns":1,"text":"a"}') == Mark(t_ns=1, words="A")
    assert Migration(2, steps=TABLE, current=3).record(b'{"k":"mark","t_ns":1,"words":"a"}') == Mark(t_ns=1, words="A")


def test_the_current_format_needs_no_step() -> None:
    """Lines of today's format are left to the codec, and read the same if they are not."""
    migration = Migration(FORMAT)
    assert not migration.needed
    assert migration.record(encode(Mark(t_ns=1, words="a"))) == Mark(t_ns=1, words="a")


def test_every_released_format_can_be_brought_up_to_date() -> None:
    """The table has a step for every format before the current one, and none beyond."""
    assert sorted(STEPS) == list(range(1, FORMAT))


@pytest.mark.parametrize("line", [b"", b"[]", b"\xff", b"{}", b'{"k":"mark","t_ns":1}', b'{"k":"x","t_ns":1,"text":1}'])
def test_a_line_that_no_step_can_read_is_damage(line: bytes) -> None:
    """Whatever an old line holds, TraceError is what comes out of it."""
    with pytest.raises(TraceError, match="format 1"):
        Migration(1, steps=TABLE, current=3).record(line)


def test_formats_beyond_the_table_are_refused() -> None:
    """A newer format asks for an update; one that is older than the table, or below 1, cannot be read."""
    with pytest.raises(TraceError, match="update loopscope"):
        Migration(4, steps=TABLE, current=3)
    for found in (0, -3, 1):
        with pytest.raises(TraceError, match="cannot read"):
            Migration(found, steps={2: _second}, current=3)


def test_rows_without_content_are_dropped_from_format_1() -> None:
    """An empty row goes; one that began a request leaves its beginning to the next row; moments stay."""
    line = (
        b'{"k":"chunks","t_ns":9,"proc":"rig-1","base_ns":100,"agent":[1,2,1,1],"recv":[0,1,2,3],'
        b'"delay":[null,5,6,7],"handled":[1,2,3,4],"first":[0,1],"empty":[0]}'
    )
    record = Migration(1).record(line)
    assert isinstance(record, Chunks)
    assert (record.agent, record.recv, record.first) == ([2, 1, 1], [1, 2, 3], [0, 1])
    assert (record.delay, record.handled) == ([5, 6, 7], [2, 3, 4])


def test_a_real_trace_of_every_format_stays_readable() -> None:
    """The small files of earlier formats open, migrate and fold; what they hold is what they held."""
    path = Path(__file__).parents[3] / "recordings" / "format-1.jsonl.zst"
    with Lines(path) as lines:
        assert b'"format":1' in next(iter(lines))
    fold = Fold()
    with read(path) as reading:
        for record in reading:
            fold.feed(record)
    assert reading.outcome.whole
    assert fold.ignored == 0
    snapshot = fold.snapshot()
    assert [effect.name for effect in snapshot.effects] == ["loop", "batch", "batch", "throttle"]
    assert snapshot.chunks == 7_276
