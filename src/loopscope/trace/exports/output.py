"""Files that an export writes: each grows beside its place and takes it when all of them are whole.

An export that fails half-way (a full disk, Ctrl-C) leaves what was there before, and nothing of its own.
"""

import contextlib
import errno
import os
from pathlib import Path
from typing import BinaryIO, Self

from loopscope.core.errors import InputError, LoopscopeError
from loopscope.core.text import plain


class Output:
    """The files of one export, by path. Use as a context manager: leaving it in order puts them into their places.

    Raises:
        InputError: a file is there and ``force`` is not set, or its folder cannot be written to.
        LoopscopeError: the disk took not all of it.
    """

    def __init__(self, paths: list[Path], *, force: bool = False) -> None:
        self._paths = paths
        self._made: list[Path] = []
        self.files: list[BinaryIO] = []
        """One for each path, in their order."""
        for path in paths:
            if "\0" in str(path):
                raise InputError(f"cannot write {plain(str(path))}: it is no name of a file")
            if path.is_dir():
                raise InputError(f"cannot write {plain(str(path))}: it is a folder")
        self._parts = [path.with_name(f".{path.name}.{os.getpid()}.part") for path in paths]
        if not force:
            for path in paths:
                if path.exists():
                    raise InputError(f"{plain(str(path))} exists: choose another name, or replace it with --force")

    def __enter__(self) -> Self:
        try:
            for path, part in zip(self._paths, self._parts, strict=True):
                if not path.parent.exists():
                    path.parent.mkdir()
                    self._made.append(path.parent)
                self.files.append(part.open("wb", buffering=1 << 20))
        except (OSError, ValueError) as error:
            self._give_up()
            raise InputError(f"cannot write {plain(str(self._paths[0]))}: {_why(error)}") from error
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None:
            try:
                for file in self.files:
                    file.close()
                for path, part in zip(self._paths, self._parts, strict=True):
                    part.replace(path)
            except OSError as failure:
                self._give_up()
                raise self._failed(failure) from failure
            return
        self._give_up()
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> LoopscopeError:
        folder = plain(str(self._paths[0].parent))
        return LoopscopeError(f"the export could not be written into {folder}: {_why(error)}; nothing of it was kept")

    def _give_up(self) -> None:
        for file in self.files:
            with contextlib.suppress(OSError):  # what is still in its buffer does not fit either
                file.close()
        for part in self._parts:
            with contextlib.suppress(OSError):
                part.unlink()
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()


def _why(error: OSError | ValueError) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
