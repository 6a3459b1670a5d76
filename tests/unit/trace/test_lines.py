"""Bytes of a file, cut into lines."""

from pathlib import Path

import pytest

import loopscope.trace.lines as lines_module
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
