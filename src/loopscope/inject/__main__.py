"""``python -m loopscope.inject``: the child process of ``loopscope run``, in which the operator's program runs."""

import argparse
import io
import os
import sys

from loopscope.core.errors import LoopscopeError
from loopscope.core.text import plain
from loopscope.inject.program import load_module, load_script, print_failure, run
from loopscope.inject.program_probe import Probe, ProgramPipe
from loopscope.probe import IN_PROGRAM


def main() -> int:
    """Run a program with the probe in it, for a session."""
    parser = argparse.ArgumentParser(prog="python -m loopscope.inject", description=__doc__)
    parser.add_argument("--proc", default="program", help="name of this process in the records")
    parser.add_argument("--output", required=True, help="file that takes the program's output")
    parser.add_argument("--module", action="store_true", help="the program is a module's name, not a path")
    parser.add_argument("program", help="path of a script, or name of a module")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="the program's own")
    args = parser.parse_args()
    return _child(args)


def _child(args: argparse.Namespace) -> int:
    # The program must not read the leash, and must not print into the pipe.
    leash = os.dup(0)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    pipe = ProgramPipe(args.proc, leash_fd=leash)
    os.environ[IN_PROGRAM] = "1"
    try:
        program = load_module(args.program) if args.module else load_script(args.program)
        output = os.open(args.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except LoopscopeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except OSError as error:
        sys.stderr.write(f"the output file {plain(args.output)} cannot be written: {error.strerror or error}\n")
        return 2
    Probe(pipe, plain(program.name, 64)).install()
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file would be written in blocks of 8 KiB; who follows it wants lines.
            stream.reconfigure(line_buffering=True)
    try:
        run(program, args.args)
    except SystemExit:
        raise
    except BaseException as error:  # as python itself: told, then the exit code says it
        print_failure(error)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
