"""Reading small files of the operator's: whatever stands under a name, it is read in bounded time and memory."""

import os
import stat
from pathlib import Path

from loopscope.core.errors import InputError
from loopscope.core.text import plain


def read_small(path: str | Path, most_bytes: int, what: str) -> bytes:
    """Give a file's bytes. ``what`` it is meant to be, for the sentence: "a scenario".

    Raises:
        FileNotFoundError: there is none.
        InputError: it cannot be read, is no file (a folder, a pipe, a device), or is larger than ``most_bytes``.
    """
    name = plain(str(path), 160)
    try:
        # Without waiting: a pipe to which nobody writes would hold us for ever.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if not stat.S_ISREG(mode) and not _is_handed_over(path, mode):
                raise InputError(f"cannot read {name}: it is not a file")
            os.set_blocking(file.fileno(), True)
            data = file.read(most_bytes + 1)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:
        why = (isinstance(error, OSError) and error.strerror) or "it is no name of a file"
        raise InputError(f"cannot read {name}: {why}") from error
    if len(data) > most_bytes:
        raise InputError(f"{name} is larger than {_size(most_bytes)}: this is not {what}")
    return data


def _is_handed_over(path: str | Path, mode: int) -> bool:
    """A pipe that the shell has opened for us, as in ``<(command)``: there is somebody at its other end."""
    return stat.S_ISFIFO(mode) and str(path).startswith(("/dev/fd/", "/proc/self/fd/", "/dev/stdin"))


def _size(count: int) -> str:
    return f"{count >> 20} MiB" if count >= 1 << 20 else f"{count >> 10} KiB"


def write_whole(path: Path, data: bytes) -> None:
    """Write a file all at once: what was there before stays until the new one is whole.

    Raises:
        InputError: it cannot be written.
    """
    name = plain(str(path), 160)
    try:
        place = path.resolve()
        if place.exists() and not place.is_file():
            # A device, or a pipe with somebody at its other end; without one this does not wait for him.
            with os.fdopen(os.open(place, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC), "wb") as file:
                os.set_blocking(file.fileno(), True)
                file.write(data)
            return
        part = place.with_name(f".{place.name[:200]}.{os.getpid()}.part")
        try:
            part.write_bytes(data)
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, ValueError, RuntimeError) as error:  # RuntimeError: a loop of links
        why = (isinstance(error, OSError) and error.strerror) or "it is no name of a file"
        raise InputError(f"cannot write {name}: {why}") from error
