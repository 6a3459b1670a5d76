"""What a thread's stack says: which callback of the loop is running, and which line of whose code."""

import sysconfig
from dataclasses import dataclass
from pathlib import Path, PurePath
from types import FrameType

from loopscope.core.text import plain

_STDLIB = str(Path(sysconfig.get_paths()["stdlib"]))
_LOOP_FILES = ("selectors", "loopscope.probe.loop_meter")
"""Modules in which a loop waits."""
_INJECTED = "loopscope.rig.injected_faults"
_MOST_FRAMES = 60
_TOLD_FRAMES = 6


@dataclass(frozen=True, slots=True)
class Place:
    """A line of code. ``file`` is relative to its package, never a path of this machine; ``own``: loopscope's."""

    file: str = ""
    line: int = 0
    function: str = ""
    own: bool = False


def _module(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__", "")
    return name if isinstance(name, str) else ""


def short_file(path: str, module: str) -> str:
    """Name a file relative to the package that its module belongs to: ``json/decoder.py``, ``agents.py``."""
    parts = PurePath(path).parts
    depth = module.count(".") + 1 + (parts[-1:] == ("__init__.py",)) if module else 1
    return plain("/".join(parts[-depth:]), 80)


def _chain(frame: FrameType) -> list[FrameType]:
    """Frames from the innermost to the outermost."""
    chain: list[FrameType] = []
    at: FrameType | None = frame
    while at is not None and len(chain) < _MOST_FRAMES:
        chain.append(at)
        at = at.f_back
    return chain


def _of_asyncio(frame: FrameType) -> bool:
    return _module(frame).partition(".")[0] == "asyncio"


def callback_of(frame: FrameType) -> FrameType | None:
    """Give the outermost frame of the callback that runs, ``None`` when it is the loop itself.

    On asyncio it is what the frames of ``_run_once`` called; uvloop has no frames of its own, there it is what
    ``Runner.run`` called.
    """
    inside = False
    for at in reversed(_chain(frame)):
        if _of_asyncio(at):
            inside = True
        elif inside:
            return None if _module(at) in _LOOP_FILES else at
    return None


def place_of(frame: FrameType) -> Place:
    """Return the line to be named: the innermost of the program, else of an installed library.

    Where there is neither, no line is named: loopscope's own code and the event loop's plumbing are never the culprit
    (with others on the cores a look finds whichever of them had no core). A fault that was injected on purpose is.
    """
    library, injected, own = None, None, False
    for at in _chain(frame):
        if _module(at).partition(".")[0] == "loopscope":
            own = True
            if _module(at) == _INJECTED:
                injected = injected or at
        elif _of_asyncio(at):
            break
        elif not _of_library(at.f_code.co_filename):
            return _place(at, own=False)
        elif library is None and "-packages" in at.f_code.co_filename:
            library = at
    if injected is not None:
        return _place(injected, own=True)
    return Place(own=own) if library is None else _place(library, own=False)


def _of_library(path: str) -> bool:
    return "site-packages" in path or "dist-packages" in path or path.startswith((_STDLIB, "<"))


def _place(frame: FrameType, *, own: bool) -> Place:
    return Place(
        short_file(frame.f_code.co_filename, _module(frame)),
        frame.f_lineno or 0,
        plain(frame.f_code.co_qualname, 80),
        own,
    )


def stack_of(frame: FrameType) -> list[str]:
    """Tell the innermost frames up to the loop's own, innermost first, as ``file:line function``."""
    told: list[str] = []
    for at in _chain(frame):
        if _of_asyncio(at) or len(told) >= _TOLD_FRAMES:
            break
        place = _place(at, own=False)
        told.append(f"{place.file}:{place.line} {place.function}")
    return told
