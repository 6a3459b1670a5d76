"""The command line, one module a verb, with ``NAME``, ``HELP``, ``configure(parser)`` and ``run(args) -> int``."""

from loopscope.cli.main import main

__all__ = ["main"]
