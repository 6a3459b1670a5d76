"""The reader: what it refuses, what it leaves out, and what it says about it."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

import loopscope.trace.reader as reader_module
from kit.packed import packed
from loopscope.core import zstd
from loopscope.core.codec import MAX_LINE_BYTES, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import FORMAT, AnyRecord, Header, Loss, Mark, Trailer
from loopscope.trace.reader import last_ns, read
from loopscope.trace.writer import TraceWriter

T0 = 10**12
HEADER = encode(Header(t_ns=T0, proc="session"))


def mark(number: int) -> Mark:
    return Mark(t_ns=T0 + number, proc="session", words=f"mark {number}")


def write_bytes(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def words_of(records: Iterable[AnyRecord]) -> list[str]:
    return [record.words for record in records if isinstance(record, Mark)]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (b"\n\n", "it is empty"),
        (b"hello\n", "it has no header"),
        (b"\x00" * 5000, "it has no header"),
        (b'{"k":"mark","format":1}\n', "its first line is no header"),
        (b"x" * (MAX_LINE_BYTES + 10), "it has no header"),
        (b"\x28\xb5\x2f\xfdrubbish", "it has no header"),
        (b"[" * 100_000 + b"\n", "it has no header"),
        (b'{"k":"header","format":1,"t_ns":"soon"}\n', "cannot read"),
        (b'{"k":"header","format":1,"t_ns":-5}\n', "impossible time"),
        (b'{"k":"header","format":0,"t_ns":5}\n', "has format 0, which this loopscope cannot read"),
    ],
    ids=range(11),
)
def test_what_is_no_trace_is_refused_in_one_sentence(tmp_path: Path, content: bytes, sentence: str) -> None:
    """A file without a usable header raises at once, names itself and ends the command with 2."""
    path = write_bytes(tmp_path / "it.jsonl", content)
    with pytest.raises(TraceError, match=sentence) as caught:
        read(path)
    assert str(path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """A missing file, a folder and an impossible name are each one sentence."""
    for path, why in ((tmp_path / "none", "No such file"), (tmp_path, "not a file"), ("\0", "null|NUL|embedded")):
        with pytest.raises(TraceError, match=why):
            read(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    """Reading must not begin on what may never have a second reader or an end."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TraceError, match="not a file"):
        read(tmp_path / "pipe")


def test_a_newer_format_asks_for_a_newer_loopscope(tmp_path: Path) -> None:
    """A file from the future is recognised by its number alone, whatever else is new in its header."""
    future = b'{"k":"header","format":%d,"t_ns":{"new":"shape"}}\n' % (FORMAT + 1)
    with pytest.raises(TraceError, match=f"format {FORMAT + 1}.*update loopscope"):
        read(write_bytes(tmp_path / "it.jsonl", future))


def test_the_name_says_nothing_about_the_compression(tmp_path: Path) -> None:
    """A compressed trace that lost its .zst is still read, and a plain one that gained it too."""
    plain = HEADER + encode(mark(1))
    for name, content in (("a.jsonl", zstd.compress(plain)), ("b.jsonl.zst", plain)):
        with read(write_bytes(tmp_path / name, content)) as reading:
            assert words_of(reading) == ["mark 1"]


def test_a_torn_last_line_costs_only_itself(tmp_path: Path) -> None:
    """A file cut within a line yields everything before it and says how much that was."""
    path = write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(1)), encode(mark(2))[:-9])
    with read(path) as reading:
        assert words_of(reading) == ["mark 1"]
    assert reading.outcome.torn
    assert not reading.outcome.whole
    assert reading.outcome.damaged == 0
    assert reading.outcome.words == "2 records are good; its last line is cut off"


def test_a_last_line_that_only_lost_its_end_is_kept(tmp_path: Path) -> None:
    """A whole record without a line end counts: nothing of it is missing."""
    with read(write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(1))[:-1])) as reading:
        assert words_of(reading) == ["mark 1"]
    assert not reading.outcome.torn
    assert reading.outcome.words == "2 records are good; it was not closed properly"


def test_damage_costs_the_lines_that_it_hit(tmp_path: Path) -> None:
    """Bad lines in the middle are left out and counted; the ones after them are read."""
    bad = encode(mark(2)).replace(b"mark 2", b"mark\x002")
    path = write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(1)), bad, b"\xff\xfe\n", b"{}\r\n", encode(mark(3)))
    with read(path) as reading:
        assert words_of(reading) == ["mark 1", "mark 3"]
    assert reading.outcome.damaged == 3
    assert "3 damaged lines were left out" in reading.outcome.words


def test_a_huge_line_is_skipped_in_bounded_memory(tmp_path: Path) -> None:
    """A line longer than any record is passed over without being held, and what follows is read."""
    huge = b"x" * (3 * MAX_LINE_BYTES)
    path = write_bytes(tmp_path / "it.jsonl", HEADER, huge, b"\n", encode(mark(1)), huge)
    with read(path) as reading:
        assert words_of(reading) == ["mark 1"]
    assert reading.outcome.damaged == 2


def test_a_frame_that_expands_without_end_stays_small(tmp_path: Path) -> None:
    """256 MiB of one letter in 9 kB of zstd is one oversized line, not 256 MiB of memory."""
    tracemalloc = pytest.importorskip("tracemalloc")
    bomb = zstd.ZstdCompressor()
    packed = [bomb.compress(HEADER)]
    block = b"x" * (1 << 20)
    packed += [bomb.compress(block) for _ in range(256)]
    packed += [bomb.compress(b"\n" + encode(mark(1))), bomb.flush()]
    path = write_bytes(tmp_path / "it.jsonl.zst", *packed)
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with read(path) as reading:
            assert words_of(reading) == ["mark 1"]
        assert tracemalloc.get_traced_memory()[1] < 64 << 20
    finally:
        tracemalloc.stop()
    assert reading.outcome.damaged == 1


def test_a_damaged_frame_ends_the_reading_with_the_good_part(tmp_path: Path) -> None:
    """Everything before a damaged block of a compressed file is yielded, and the sentence says that there was more."""
    frames = [zstd.compress(HEADER + b"".join(encode(mark(n)) for n in range(50)))]
    broken = bytearray(zstd.compress(b"".join(encode(mark(n)) for n in range(50, 5000))))
    broken[4:12] = b"\xff" * 8
    with read(write_bytes(tmp_path / "it.jsonl.zst", *frames, bytes(broken))) as reading:
        assert len(words_of(reading)) == 50
    assert reading.outcome.stopped
    assert "the rest cannot be read" in reading.outcome.words


def test_behind_a_damaged_frame_reading_goes_on(tmp_path: Path) -> None:
    """A loss stands where it was, with the time that is missing; what is behind is read; the sentence says how much."""
    parts = [[mark(n * 10**9 + k) for k in range(40)] for n in range(4)]
    frames = [zstd.compress(HEADER), *(zstd.compress(b"".join(map(encode, part))) for part in parts)]
    frames[2] = frames[2][:12] + b"\xff" * 8 + frames[2][20:]
    frames.append(zstd.compress(encode(Trailer(t_ns=T0 + 5 * 10**9, lines=161))))
    with read(write_bytes(tmp_path / "it.jsonl.zst", *frames)) as reading:
        found = list(reading)
    assert [record for record in found if isinstance(record, Mark)] == [*parts[0], *parts[2], *parts[3]]
    place = next(at for at, record in enumerate(found) if isinstance(record, Loss))
    assert found[place + 1] == parts[2][0]
    loss = found[place]
    assert isinstance(loss, Loss)
    assert (loss.t_ns, loss.what, loss.count, loss.words) == (
        T0 + 2 * 10**9,
        "frames",
        1,
        "2.0 s of the file cannot be read",
    )
    outcome = reading.outcome
    assert (outcome.gaps, outcome.gap_bytes, outcome.gap_ns) == (1, len(frames[2]), 2 * 10**9 - 39)
    assert (outcome.closed, outcome.stopped, outcome.missing) == (True, "", 40)
    assert not outcome.whole
    assert outcome.words == (
        f"122 records are good; 1 stretch of 2.0 s ({len(frames[2])} bytes of the file) cannot be read and is missing "
        "from every sum and rate; 40 lines are missing"
    )


def test_a_frame_that_only_does_not_match_its_checksum_is_read_and_doubted(tmp_path: Path) -> None:
    """Nothing is missing, and nobody may take it for whole."""
    pack = packed
    frames = [pack(HEADER), pack(encode(mark(1))), pack(encode(mark(2))), pack(encode(Trailer(t_ns=T0 + 9, lines=3)))]
    frames[1] = frames[1][:-1] + bytes([frames[1][-1] ^ 1])
    with read(write_bytes(tmp_path / "it.jsonl.zst", *frames)) as reading:
        assert words_of(reading) == ["mark 1", "mark 2"]
    outcome = reading.outcome
    assert (outcome.doubtful, outcome.gaps, outcome.damaged, outcome.missing) == (1, 0, 0, 0)
    assert not outcome.whole
    assert outcome.words == "4 records are good; 1 frame does not match its checksum: a number there may be wrong"


def test_a_loss_stands_where_lines_are_damaged(tmp_path: Path) -> None:
    """Counted, before the next good record, and at a time that does not run backwards."""
    path = write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(5)), b"{}\n", b"\xff\n", encode(mark(3)), b"?\n")
    with read(path) as reading:
        found = list(reading)
    losses = [record for record in found if isinstance(record, Loss)]
    assert [(loss.t_ns, loss.what, loss.count) for loss in losses] == [(T0 + 5, "lines", 2)]
    assert found.index(losses[0]) == 2
    assert reading.outcome.records == 3
    assert reading.outcome.damaged == 3


def test_a_second_trace_behind_the_first_is_not_mixed_in(tmp_path: Path) -> None:
    """Two traces joined into one file: the first is read, the second is left out and mentioned."""
    path = write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(1)), HEADER, encode(mark(2)))
    with read(path) as reading:
        assert words_of(reading) == ["mark 1"]
    assert "another trace begins here" in reading.outcome.words


def test_lines_that_the_trailer_counts_are_missed(tmp_path: Path) -> None:
    """A file that lost whole lines in the middle is noticed by its trailer."""
    trailer = encode(Trailer(t_ns=T0 + 9, lines=5))
    with read(write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(1)), trailer)) as reading:
        list(reading)
    assert reading.outcome.closed
    assert reading.outcome.missing == 3
    assert reading.outcome.words == "3 records are good; 3 lines are missing"


def test_nothing_counts_after_the_trailer(tmp_path: Path) -> None:
    """A line behind the end of the recording is damage."""
    trailer = encode(Trailer(t_ns=T0 + 9, lines=1))
    with read(write_bytes(tmp_path / "it.jsonl", HEADER, trailer, encode(mark(1)))) as reading:
        assert words_of(reading) == []
    assert reading.outcome.damaged == 1


def test_closing_early_ends_the_iteration(tmp_path: Path) -> None:
    """A reading that is closed half-way yields what it had in hand and then ends, without an error."""
    path = write_bytes(tmp_path / "it.jsonl", HEADER, *(encode(mark(n)) for n in range(50_000)))
    reading = read(path)
    assert isinstance(next(iter(reading)), Header)
    reading.close()
    assert len(list(reading)) < 50_000


@pytest.mark.parametrize("name", ["it.jsonl", "it.jsonl.zst"])
@pytest.mark.parametrize("closed", [True, False])
def test_the_end_of_a_trace_is_known_without_reading_records(
    tmp_path: Path, name: str, closed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The trailer tells it; without a trailer a look at the stamps does, past damage and impossible times."""
    path = tmp_path / name
    writer = TraceWriter(path)
    writer.write(Header(t_ns=T0))
    for number in range(1, 1000):
        writer.write(mark(number))
    writer.write_line(b'{"k":"mark","t_ns":9000000000000000000,"words":"x"}\n')
    writer.write_line(b'{"k":"mark","t_ns":"x"}\n')
    writer.flush()
    if closed:
        monkeypatch.setattr("loopscope.trace.writer.now_ns", lambda: T0 + 5000)
        writer.close()
        monkeypatch.setattr(reader_module, "_stamp", None)
    assert last_ns(path) == T0 + (5000 if closed else 999)
    writer.close()


def test_an_impossible_trailer_is_not_believed(tmp_path: Path) -> None:
    """A trailer in the year 2300 does not make the trace that long."""
    path = write_bytes(tmp_path / "it.jsonl", HEADER, encode(mark(7)), encode(Trailer(t_ns=10**19, lines=2)))
    assert last_ns(path) == T0 + 7
