"""Small files of the operator's."""

import os
from pathlib import Path

import pytest

from loopscope.core.errors import InputError
from loopscope.core.files import read_small, write_whole


def test_only_files_of_that_size_are_read(tmp_path: Path) -> None:
    """Too large, a folder, a pipe, a device, no name at all: one sentence each, and no waiting."""
    (tmp_path / "ok").write_bytes(b"12345")
    os.mkfifo(tmp_path / "pipe")
    assert read_small(tmp_path / "ok", 5, "a thing") == b"12345"
    for path in (tmp_path / "ok", tmp_path, tmp_path / "pipe", Path("/dev/zero"), Path("x" * 5000), Path("a\0b")):
        with pytest.raises(InputError):
            read_small(path, 4, "a thing")
    with pytest.raises(FileNotFoundError):
        read_small(tmp_path / "none", 4, "a thing")


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path) -> None:
    """A folder, a missing folder, a pipe without a reader, a full disk."""
    (tmp_path / "out").write_bytes(b"before")
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "no" / "out", tmp_path / "pipe", Path("/dev/full"), Path("x" * 5000)):
        with pytest.raises(InputError):
            write_whole(path, b"after")
    write_whole(tmp_path / "out", b"after")
    assert (tmp_path / "out").read_bytes() == b"after"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "pipe"]
