"""The writer: what stands in the file at every moment, and what it refuses to overwrite."""

import os
import stat
from pathlib import Path

import pytest

import loopscope.trace.writer as writer_module
from loopscope.core import zstd
from loopscope.core.codec import decode, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import AgentSpec, Header, Mark, Server, Trailer
from loopscope.trace.reader import read
from loopscope.trace.writer import PENDING_BYTES, TraceWriter

T0 = 10**12
HEADER = Header(t_ns=T0, proc="session", loopscope="0.1.0")
NAMES = ("run.jsonl", "run.jsonl.zst")


def mark(number: int) -> Mark:
    return Mark(t_ns=T0 + number, proc="session", words=f"mark {number}")


@pytest.mark.parametrize("name", NAMES)
def test_records_come_back_as_they_were_written(tmp_path: Path, name: str) -> None:
    """What was written, as records or as lines, is what is read, followed by a trailer that counts it."""
    with TraceWriter(tmp_path / name) as writer:
        writer.write(HEADER)
        writer.write(mark(1))
        writer.write_line(encode(mark(2)))
    with read(tmp_path / name) as reading:
        header, first, second, trailer = list(reading)
        assert reading.outcome.whole
    assert (header, first, second) == (HEADER, mark(1), mark(2))
    assert isinstance(trailer, Trailer)
    assert trailer.lines == 3
    assert trailer.counts == {"header": 1, "mark": 2}


@pytest.mark.parametrize("name", NAMES)
def test_a_flushed_file_reads_while_it_is_open(tmp_path: Path, name: str) -> None:
    """After a flush everything stands in the file: a process killed now loses nothing."""
    writer = TraceWriter(tmp_path / name)
    writer.write(HEADER)
    for number in range(100):
        writer.write(mark(number))
        writer.flush()
    with read(tmp_path / name) as reading:
        assert len(list(reading)) == 101
        assert not reading.outcome.closed
        assert not reading.outcome.damaged
    writer.close()


def test_lines_are_flushed_by_themselves_when_it_is_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that comes 0.4 s after the last flush takes everything before it along into the file."""
    now = [0]
    monkeypatch.setattr(writer_module, "now_ns", lambda: now[0])
    writer = TraceWriter(tmp_path / "run.jsonl")
    writer.write(HEADER)
    writer.write(mark(1))
    assert (tmp_path / "run.jsonl").read_bytes() == b""
    now[0] = writer_module.FLUSH_NS
    writer.write(mark(2))
    assert (tmp_path / "run.jsonl").read_bytes().count(b"\n") == 3
    writer.close()


def test_a_compressed_file_is_what_the_zstd_tool_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is a row of plain zstd frames: the lines cut at every frame limit, and a last frame for the trailer."""
    monkeypatch.setattr(writer_module, "_FRAME_BYTES", 2000)
    path = tmp_path / "run.jsonl.zst"
    with TraceWriter(path) as writer:
        writer.write(HEADER)
        for number in range(200):
            writer.write(mark(number))
            writer.flush()
    data = path.read_bytes()
    frames = []
    while data:
        frame = zstd.bounded()
        frames.append(frame.decompress(data))
        assert frame.eof
        data = frame.unused_data
    assert len(frames) > 3
    assert all(frame.endswith(b"}\n") for frame in frames)
    assert isinstance(decode(frames[-1]), Trailer)
    assert b"".join(frames).count(b"\n") == 202


def test_the_first_line_must_be_the_only_header(tmp_path: Path) -> None:
    """A line before the header, or a second header, is an error of the caller and does not reach the file."""
    with TraceWriter(tmp_path / "run.jsonl") as writer:
        with pytest.raises(TraceError, match="begins with its header"):
            writer.write(mark(1))
        writer.write(HEADER)
        with pytest.raises(TraceError, match="has only one"):
            writer.write(HEADER)
    with read(tmp_path / "run.jsonl") as reading:
        assert [type(record).__name__ for record in reading] == ["Header", "Trailer"]


@pytest.mark.parametrize("line", [b"", b"\n", b"{}\n", b'{"k":"mark","t_ns":1}', b'{"k":"mark\n', b'{"k":"m","a":1\n'])
def test_what_is_no_line_is_refused(tmp_path: Path, line: bytes) -> None:
    """Bytes that are not one whole encoded record are refused and leave no trace in the file."""
    with TraceWriter(tmp_path / "run.jsonl") as writer:
        writer.write(HEADER)
        with pytest.raises(TraceError, match="not a line"):
            writer.write_line(line)
    assert (tmp_path / "run.jsonl").read_bytes().count(b"\n") == 2


def test_an_unwritable_path_is_said_when_the_writer_is_made(tmp_path: Path) -> None:
    """No such folder, a folder, an impossible name: one sentence with the name, before anything starts."""
    for path in (tmp_path / "none" / "run.jsonl", tmp_path, "\0"):
        with pytest.raises(TraceError, match="cannot write") as caught:
            TraceWriter(path)
        assert caught.value.exit_code == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_that_nobody_reads_is_refused_at_once(tmp_path: Path) -> None:
    """Opening a named pipe would wait for its reader for ever; it is an error instead."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(TraceError, match="cannot write"):
        TraceWriter(tmp_path / "pipe")


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    """A file that holds something stays as it is, unless force is asked for."""
    path = tmp_path / "notes.txt"
    path.write_text("precious\n")
    with pytest.raises(TraceError, match="exists: choose another name"):
        TraceWriter(path)
    assert path.read_text() == "precious\n"
    with TraceWriter(path, force=True) as writer:
        writer.write(HEADER)
    with read(path) as reading:
        assert reading.header == HEADER


def test_an_earlier_trace_is_replaced_only_when_the_header_comes(tmp_path: Path) -> None:
    """Even with force, a session that does not come up leaves the earlier trace whole."""
    path = tmp_path / "run.jsonl"
    with TraceWriter(path) as writer:
        writer.write(HEADER)
        writer.write(mark(1))
    before = path.read_bytes()
    TraceWriter(path, force=True).close()
    assert path.read_bytes() == before
    with TraceWriter(path, force=True) as writer:
        writer.write(HEADER)
    assert len(path.read_bytes()) < len(before)


def test_a_session_that_never_began_leaves_no_file(tmp_path: Path) -> None:
    """The file that was made to see whether it can be made is removed again."""
    TraceWriter(tmp_path / "run.jsonl").close()
    assert list(tmp_path.iterdir()) == []


def test_two_sessions_do_not_write_into_one_file(tmp_path: Path) -> None:
    """The second writer of the same file is refused while the first is open."""
    pytest.importorskip("fcntl")
    path = tmp_path / "run.jsonl"
    with TraceWriter(path) as writer:
        writer.write(HEADER)
        writer.flush()
        with pytest.raises(TraceError, match="another session"):
            TraceWriter(path, force=True)
    TraceWriter(path, force=True).close()


def test_what_a_full_disk_did_not_take_is_written_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk that takes a few bytes and then none costs nothing once it has room again, not even half a line."""
    path = tmp_path / "run.jsonl"
    writer = TraceWriter(path)
    writer.write(HEADER)
    room = [10]
    real = os.write

    def scarce(fd: int, data: bytearray) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        taken = real(fd, bytes(data[: room[0]]))
        room[0] -= taken
        return taken

    monkeypatch.setattr(writer_module.os, "write", scarce)
    with pytest.raises(TraceError, match=r"cannot write .*: No space left on device"):
        writer.flush()
    writer.write(mark(1))
    assert path.stat().st_size == 10
    room[0] = 10**6
    writer.close()
    with read(path) as reading:
        assert [type(record).__name__ for record in reading] == ["Header", "Mark", "Trailer"]
        assert reading.outcome.whole


def test_a_disk_that_stays_full_costs_lines_but_never_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once enough waits for the disk, lines are refused one by one, and closing says that the end is missing."""

    def full(fd: int, data: bytearray) -> int:
        raise OSError(28, "No space left on device")

    writer = TraceWriter(tmp_path / "run.jsonl")
    writer.write(HEADER)
    monkeypatch.setattr(writer_module.os, "write", full)
    line = encode(Mark(t_ns=T0, words="x" * 60_000))
    taken = 0
    with pytest.raises(TraceError, match="No space left"):
        while taken < 1000:
            writer.write_line(line)
            taken += 1
    assert writer.pending_bytes <= PENDING_BYTES + len(line)
    with pytest.raises(TraceError, match="No space left"):
        writer.close()
    writer.close()


def test_nothing_secret_reaches_the_file(tmp_path: Path) -> None:
    """Prompts stay out of the header, and so do names, passwords and keys in the servers' URLs."""
    header = Header(
        t_ns=T0,
        servers=[Server(url="http://ann:secret@127.0.0.1:11434/base?key=secret"), Server(url="http://[::1/secret")],
        agents=[AgentSpec(agent=0, name="a", server=0, prompt="a secret plan")],
    )
    with TraceWriter(tmp_path / "run.jsonl") as writer:
        writer.write(header)
    with read(tmp_path / "run.jsonl") as reading:
        assert reading.header.servers[0].url == "http://127.0.0.1:11434/base"
        assert reading.header.agents[0].prompt == ""
    assert b"ann" not in (tmp_path / "run.jsonl").read_bytes()
    assert b"plan" not in (tmp_path / "run.jsonl").read_bytes()


def test_a_device_may_take_a_trace() -> None:
    """A trace may be thrown away or sent down a pipe: what is no regular file is not cut first."""
    if not Path(os.devnull).exists() or not stat.S_ISCHR(Path(os.devnull).stat().st_mode):
        pytest.skip("no null device here")
    with TraceWriter(os.devnull) as writer:
        writer.write(HEADER)
