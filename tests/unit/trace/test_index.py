"""Where a trace can be entered: by its trailer, or by a search where there is none."""

from pathlib import Path

import pytest

from loopscope.core.records import Checkpoint, Header, Mark, Second, Tick
from loopscope.trace.index import checkpoint_at, index_of
from loopscope.trace.reader import read
from loopscope.trace.writer import TraceWriter

T0 = 10**12
S = 10**9


def make(path: Path, *, close: bool = True) -> Path:
    """Ten seconds, a checkpoint in the middle of each."""
    writer = TraceWriter(path)
    writer.write(Header(t_ns=T0))
    for second in range(10):
        at = T0 + second * S
        writer.write(Mark(t_ns=at, words="\x28\xb5\x2f\xfd looks like a frame"))
        writer.write(Checkpoint(t_ns=at + S // 2, proc="session", made_by="x", data=bytes([second])))
        tick = Tick(t_ns=at, label=f"{second}", kind="mark")
        writer.write(Second(t_ns=at + S, begin_ns=at, chunks=second, lag_ns=None, elu=0.5, marks=[tick]))
    writer.flush()
    if close:
        writer.close()
    return path


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("name", ["it.jsonl", "it.jsonl.zst"])
def test_each_checkpoint_is_found_where_it_is(tmp_path: Path, name: str, close: bool) -> None:
    """Moment and place of all ten, and the checkpoint stands there; elsewhere there is none."""
    with read(make(tmp_path / name, close=close)) as reading:
        index = index_of(reading)
        assert index.closed == close
        assert [t_ns for t_ns, _ in index.places] == [second * S + S // 2 for second in range(10)]
        for number, (t_ns, at) in enumerate(index.places):
            found = checkpoint_at(reading, t_ns, at)
            assert found is not None
            assert found.data == bytes([number])
            assert checkpoint_at(reading, t_ns, at + 1) is None
            assert checkpoint_at(reading, t_ns + 1, at) is None


@pytest.mark.parametrize("name", ["it.jsonl", "it.jsonl.zst"])
def test_reading_goes_on_from_a_place(tmp_path: Path, name: str) -> None:
    """Entered at a checkpoint, every record from it on comes; bytes of lines may be left out."""
    path = make(tmp_path / name)
    with read(path) as reading:
        everything = list(reading)
    with read(path) as reading:
        _, at = index_of(reading).places[4]
        reading.enter(at)
        rest = list(reading)
        assert rest == everything[-len(rest) :]
        assert isinstance(rest[0], Checkpoint)
        assert reading.outcome.whole
        reading.enter(at)
        next(iter(reading))
        skip = reading.next_raw
        reading.enter(at, skip)
        assert list(reading) == rest[1:]


def test_seconds_lie_together_at_the_end(tmp_path: Path) -> None:
    """One look gives all of them, with what stood on the time line; a trace that was not closed has none there."""
    with read(make(tmp_path / "it.jsonl.zst")) as reading:
        table = index_of(reading).seconds
    assert table is not None
    assert list(table.begin_ns) == [second * S for second in range(10)]
    assert list(table.chunks) == list(range(10))
    assert all(lag != lag for lag in table.lag_ns), "not known is not zero"
    assert [tick.label for tick in table.ticks] == [str(second) for second in range(10)]
    with read(make(tmp_path / "other.jsonl", close=False)) as reading:
        assert index_of(reading).seconds is None
