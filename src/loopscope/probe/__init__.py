"""Measuring, on the standard library alone: heartbeat, meters of a loop and of its thread, watchdog, buffer, sender.

The rig stands on it, and so does what ``loopscope run`` puts into a program (:mod:`loopscope.inject`). A program shows
itself with two lines at its top::

    import loopscope.probe
    loopscope.probe.install()
"""

import multiprocessing
import os
import sys

from loopscope.core.errors import InputError

IN_PROGRAM = "LOOPSCOPE_RUN"
"""Set in the environment of a program that runs under loopscope, and so of all that it starts."""


def install() -> bool:
    """Show this program in loopscope: start it again under ``loopscope run``, with the same arguments.

    To be called first thing, before the program has done anything, since what it has done is done again. Under
    ``loopscope run``, and in processes that such a program starts, it does nothing and gives False.

    Raises:
        InputError: this is no script or module that can be started again (an interactive interpreter, ``-c``).
    """
    if IN_PROGRAM in os.environ or multiprocessing.parent_process() is not None:
        return False
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    file = getattr(main, "__file__", None)
    if spec is not None:
        what = ["-m", spec.name.removesuffix(".__main__")]
    elif file is not None:
        what = [file]
    else:
        raise InputError("loopscope.probe.install() starts a script or a module again, and this is neither")
    start_again(what, sys.argv[1:])
    return True


def start_again(what: list[str], args: list[str]) -> None:
    """Become ``loopscope run`` of that script (a path) or module (``-m``, name)."""
    command = [sys.executable, "-m", "loopscope", "run", *what, *args]
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "posix":
        os.execv(sys.executable, command)  # noqa: S606 - the operator's own program, under the same interpreter
    # Windows has no exec: the new process would lose the terminal to the shell.
    import subprocess

    sys.exit(subprocess.call(command))
