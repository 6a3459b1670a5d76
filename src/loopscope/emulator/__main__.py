"""``python -m loopscope.emulator``: one emulator, held by a session (``--proc``) or run by hand."""

import argparse
import sys

from loopscope.core.errors import LoopscopeError
from loopscope.emulator.options import configure, options_of
from loopscope.emulator.run import run_by_hand, run_for_session


def main() -> int:
    """Read the arguments and serve; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m loopscope.emulator", description=__doc__)
    parser.add_argument("--proc", metavar="NAME", help="for a session: send records on stdout, end with stdin")
    configure(parser)
    args = parser.parse_args()
    try:
        options = options_of(args)
        return run_for_session(options, args.proc) if args.proc else run_by_hand(options)
    except LoopscopeError as error:
        sys.stderr.write(f"emulator: {error}\n")
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
