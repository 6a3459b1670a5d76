"""A trace can be opened, looked at from above and entered anywhere, whatever its index and its checkpoints say."""

import tempfile
from functools import cache
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from kit.tape import ZERO, S, calm
from loopscope.core import zstd
from loopscope.core.codec import encode
from loopscope.core.errors import TraceError
from loopscope.core.records import Checkpoint, Seconds, Trailer
from loopscope.model.fold import Fold
from loopscope.model.freeze import fold_id, freeze
from loopscope.session.overview import overview_of
from loopscope.session.trace_cursor import InconsistentStateError, TraceCursor
from loopscope.trace.writer import TraceWriter

LENGTH_S = 6


@cache
def good(ending: str) -> bytes:
    """A closed trace of six seconds with a checkpoint in each."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it" + ending)
        fold = Fold()
        with TraceWriter(path) as writer:
            fold.seconds.hear = writer.write
            for record in calm(LENGTH_S):
                writer.write(record)
                fold.feed(record)
                if record.t_ns % S == 0 and record.t_ns > ZERO:
                    writer.write(Checkpoint(t_ns=record.t_ns, made_by=fold_id(), data=freeze(fold)))
        return path.read_bytes()


def look(content: bytes, ending: str) -> None:
    """Do what a screen does: overview, jumps, snapshots. Only a refusal in one sentence may come."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it" + ending)
        path.write_bytes(content)
        try:
            track = TraceCursor(path)
        except TraceError:
            return
        try:
            if track.index.seconds is not None:
                overview = overview_of(track.index.seconds)
                assert overview is None or overview.t_s.size <= 2_001
            track.usable()
            where = 0
            for at in (5 * S, 2 * S, 3 * S):
                try:
                    track.seek(at, where)
                    while track.next is not None and track.next.t_ns <= track.origin_ns + at:
                        track.feed()
                    track.snapshot(at)
                except InconsistentStateError:
                    track.begin(distrust=True)
                except TraceError:
                    return
                where = at
        finally:
            track.close()


endings = st.sampled_from([".jsonl", ".jsonl.zst"])


@settings(max_examples=40)
@given(endings, st.integers(0, 1 << 30), st.integers(0, 255), st.booleans())
def test_cut_and_changed_files_can_be_entered(ending: str, where: int, value: int, cut: bool) -> None:
    """One byte changed, or the end missing."""
    content = bytearray(good(ending))
    where %= len(content)
    if cut:
        del content[where:]
    else:
        content[where] = value
    look(bytes(content), ending)


_whole = st.one_of(st.integers(0, 300_000), st.sampled_from([-1, 0, 1, 2**31, 2**53, 2**61, 10**18]))


@settings(max_examples=40)
@given(endings, st.lists(_whole, max_size=6), st.lists(_whole, max_size=6), _whole)
def test_an_index_is_only_a_hint(ending: str, moments: list[int], places: list[int], seconds_at: int) -> None:
    """Any numbers in the trailer: what is shown is what the records say."""
    content = good(ending)
    trailer = encode(
        Trailer(t_ns=ZERO + LENGTH_S * S, lines=9, index_ns=moments, index_at=places, seconds_at=seconds_at)
    )
    if ending == ".jsonl":
        body = content[: content.rindex(b'{"k":"trailer"')] + trailer
    else:
        body = content[: content.rindex(b"\x28\xb5\x2f\xfd")] + zstd.compress(trailer)
    look(body, ending)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it" + ending)
        path.write_bytes(body)
        track = TraceCursor(path)
        track.seek(3 * S, 0)
        while track.next is not None and track.next.t_ns <= ZERO + 3 * S:
            track.feed()
        assert track.snapshot(3 * S).chunks == 2 * 250
        track.close()


@settings(max_examples=40)
@given(
    endings,
    st.lists(_whole, max_size=4),
    st.lists(st.one_of(st.none(), _whole), max_size=4),
    st.lists(st.one_of(st.none(), st.sampled_from([0.5, -1.0, 1e308, float("inf")])), max_size=4),
)
def test_hostile_seconds_draw_no_picture_or_a_small_one(
    ending: str, begins: list[int], values: list[int | None], shares: list[float | None]
) -> None:
    """Columns of any length and any values."""
    line = encode(Seconds(t_ns=ZERO + S, begin_ns=begins, chunks=values, lag_ns=values, delay_ns=values, elu=shares))
    head = encode(calm(1)[0])
    trailer = encode(Trailer(t_ns=ZERO + S, lines=2, seconds_at=len(head)))
    look(head + line + trailer, ".jsonl")
