"""Bytes of a file, cut into lines."""

from pathlib import Path

import pytest

import loopscope.trace.lines as lines_module
from kit.packed import packed
from loopscope.core import zstd
from loopscope.core.errors import TraceError
from loopscope.trace.frames import Frames
from loopscope.trace.lines import Lines


@pytest.mark.parametrize("block_bytes", [1, 2, 3, 5])
def test_lines_do_not_depend_on_how_the_file_is_read(
    tmp_path: Path, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the size of the blocks, the same lines come out, blank ones left out and long ones counted."""
    monkeypatch.setattr(lines_module, "_BLOCK_BYTES", block_bytes)
    monkeypatch.setattr(lines_module, "MAX_LINE_BYTES", 5)
    path = tmp_path / "it"
    path.write_bytes(b"abc\n\n\r\n12345\n123456\nde\n1234567890123\nlast")
    with Lines(path) as lines:
        assert [line.strip() for line in lines] == [b"abc", b"12345", b"de", b"last"]
        assert lines.oversized == 2
        assert lines.torn
        assert lines.raw_bytes == path.stat().st_size


def test_a_file_that_ends_with_a_line_end_is_not_torn(tmp_path: Path) -> None:
    """Nothing is cut where the last byte ends a line."""
    (tmp_path / "it").write_bytes(b"abc\n")
    with Lines(tmp_path / "it") as lines:
        assert list(lines) == [b"abc"]
        assert not lines.torn


@pytest.mark.parametrize("sizes", [[12_000], [8_000, 2_600], [9_700, 110], [4_000] * 3, [5, 7], [1]])
def test_what_was_flushed_into_an_unfinished_frame_is_read_to_its_end(tmp_path: Path, sizes: list[int]) -> None:
    """A session that was killed: its last frame has no end, and every line that was handed to the disk is there."""
    frame = zstd.checked(6)
    line = b"0123456789abcdefghijklmnop\n"
    packed = b""
    for size in sizes:
        packed += frame.compress(line * size, frame.FLUSH_BLOCK)
    (tmp_path / "it").write_bytes(packed)
    with Lines(tmp_path / "it") as lines:
        assert sum(1 for _ in lines) == sum(sizes)
        assert lines.raw_bytes == len(line) * sum(sizes)
        assert not lines.torn and not lines.broken


@pytest.mark.parametrize("content", [b"abc\ndef\n", zstd.compress(b"abc\ndef\n")])
@pytest.mark.parametrize("at", [-5, 10**18, 1 << 62, 1 << 63, 1 << 70])
def test_a_place_that_no_file_has_is_refused(tmp_path: Path, content: bytes, at: int) -> None:
    """In one sentence, or there is nothing there; the file is closed again."""
    (tmp_path / "it").write_bytes(content)
    try:
        with Lines(tmp_path / "it", at) as lines:
            assert list(lines) == []
    except TraceError as error:
        assert str(error).startswith("cannot read ")


def test_a_bomb_comes_a_block_at_a_time(tmp_path: Path) -> None:
    """64 MiB of one letter in 6 kB: nothing larger than a block is ever held."""
    (tmp_path / "it").write_bytes(zstd.compress(b"x" * (64 << 20)))
    assert (tmp_path / "it").stat().st_size < 10_000
    with (tmp_path / "it").open("rb") as file:
        blocks = [len(block or b"") for block in Frames(file).blocks()]
    assert sum(blocks) == 64 << 20
    assert max(blocks) <= 128 << 10


def test_an_entered_place_is_skipped_to_behind_a_damaged_frame(tmp_path: Path) -> None:
    """``next_raw`` of a line, given as ``skip``, leads to that line, with damage before it too."""
    frames = [packed(b"".join(b"line %d\n" % n for n in range(at, at + 20))) for at in range(0, 100, 20)]
    frames[2] = frames[2][:6] + b"\xff" * 6 + frames[2][12:]
    (tmp_path / "it").write_bytes(b"".join(frames))
    places = []
    with Lines(tmp_path / "it") as lines:
        before = lines.next_raw
        for line in lines:
            places.append((before, line))
            before = lines.next_raw
        assert lines.gaps == 1
    assert [line for _, line in places][-40:] == [b"line %d" % n for n in range(60, 100)]
    for place, line in (places[0], places[30], places[-40], places[-39], places[-1]):
        with Lines(tmp_path / "it", 0, place) as lines:
            assert next(iter(lines)) == line
