"""Where a verb writes what it made: standard output, or a file that is whole or not there."""

import argparse
import sys
from pathlib import Path

from loopscope.core.errors import InputError
from loopscope.core.files import write_whole
from loopscope.core.text import plain

STDOUT = "-"
"""The name of standard output, with every verb."""


def trace_file(text: str) -> Path:
    """Read the name of a trace or folder to write, for argparse.

    Raises:
        argparse.ArgumentTypeError: it is standard output, where the results of the verb stand.
    """
    if text == STDOUT:
        raise argparse.ArgumentTypeError(
            "standard output is where the results stand, and this stands beside them; name a file, e.g. run.jsonl.zst"
        )
    return Path(text)


def target(name: str | None, trace: Path | None = None) -> Path | None:
    """Return the file to write, ``None`` for standard output.

    Raises:
        InputError: it is the trace itself.
    """
    if name is None or name == STDOUT:
        return None
    path = Path(name)
    if trace is not None and path.exists() and trace.exists() and path.samefile(trace):
        raise InputError(f"{plain(name)} is the trace itself; name another file")
    return path


def write(text: str, name: str | None, trace: Path | None = None) -> None:
    """Write a text; of a file, say so on standard error.

    Raises:
        InputError: the file cannot be written, or is the trace itself.
    """
    path = target(name, trace)
    if path is None:
        sys.stdout.write(text)
        return
    write_whole(path, text.encode())
    sys.stderr.write(f"loopscope: wrote {plain(str(path))}\n")
