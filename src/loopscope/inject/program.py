"""Run a script or a module as ``python`` would: a real ``__main__``, its own ``sys.argv`` and ``sys.path``."""

import builtins
import importlib.util
import io
import sys
import traceback
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType, TracebackType

from loopscope.core.errors import InputError
from loopscope.core.text import plain


@dataclass(frozen=True, slots=True)
class Program:
    """What is to be run: code, and what ``__main__`` knows of itself."""

    name: str
    source: bytes | CodeType
    file: str
    spec: ModuleSpec | None = None


def load_script(path: str) -> Program:
    """Read a script; its folder becomes the first entry of ``sys.path``.

    Raises:
        InputError: there is none.
    """
    shown = plain(path)
    try:
        with io.open_code(str(Path(path).resolve())) as file:
            source = file.read()
    except OSError as error:
        raise InputError(f"the script {shown} cannot be read: {error.strerror or error}") from error
    sys.path.insert(0, str(Path(path).resolve().parent))
    return Program(Path(path).name, source, path)


def load_module(name: str) -> Program:
    """Find a module, or the ``__main__`` of a package; the current folder becomes the first entry of ``sys.path``.

    Raises:
        InputError: there is none, or it cannot be run.
    """
    sys.path.insert(0, str(Path.cwd()))
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
        code = spec.loader.get_code(spec.name) if spec is not None and spec.loader is not None else None  # type: ignore[attr-defined]
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"the module {plain(name)} cannot be run: {plain(str(error))}") from error
    if spec is None or code is None:
        raise InputError(f"there is no module {plain(name)} that can be run")
    return Program(name, code, spec.origin or name, spec)


def run(program: Program, args: list[str]) -> None:
    """Run it to its end, as ``__main__``; whatever it raises comes through. The module stays for what outlives it."""
    module = ModuleType("__main__")
    module.__dict__.update(
        __builtins__=builtins,
        __file__=program.file,
        __spec__=program.spec,
        __loader__=None,
        __package__=program.spec.parent if program.spec else None,
    )
    if program.spec is not None:
        module.__loader__ = program.spec.loader
    sys.modules["__main__"] = module
    sys.argv = [program.file, *args]
    source = program.source
    code = (
        source if isinstance(source, CodeType) else compile(source, program.file, "exec", dont_inherit=True)
    )  # a SyntaxError is the program's own
    exec(code, module.__dict__)  # noqa: S102 - running the operator's program is what this is for


def print_failure(error: BaseException) -> None:
    """Print its traceback as Python would have, without the frames that are ours."""
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename.startswith(str(Path(__file__).parent)):
        trace = trace.tb_next
    if sys.excepthook is sys.__excepthook__:
        traceback.print_exception(type(error), error, trace)
    else:
        sys.excepthook(type(error), error, trace)
