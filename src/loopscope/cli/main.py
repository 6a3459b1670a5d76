"""Find the verb, read its arguments, run it, turn an error into one sentence and an exit code."""

import argparse
import difflib
import errno
import importlib
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import NoReturn

from loopscope import __version__
from loopscope.core.errors import LoopscopeError

VERBS = (
    "live",
    "record",
    "run",
    "replay",
    "report",
    "chart",
    "compare",
    "export",
    "emulate",
    "servers",
    "doctor",
    "ceiling",
    "calibrate",
    "ab",
    "scenario",
    "sweep",
    "audit",
)
"""In the order of the help. A verb's module is imported only when it is asked for (live alone costs 0.2 s)."""

_SUMMARY = {
    "live": "open the live screen (the default: what you get without a verb)",
    "record": "run the same session without a screen and write a trace",
    "run": "run an asyncio program of your own and look at it in the live screen",
    "replay": "open a trace in the same screen",
    "report": "say what a trace shows: text, Markdown, JSON, or one HTML page",
    "chart": "draw one chart of a trace as text: throughput, lag, delay, gap, cdf",
    "compare": "say what differs between two runs, and how sure that is; a gate for builds",
    "export": "write a trace as CSV, Parquet, Perfetto, OpenMetrics or asciicast",
    "emulate": "run one emulated Ollama server by hand",
    "servers": "show which servers answer here, and start missing ones",
    "doctor": "say what can be measured on this machine, what not, and why",
    "ceiling": "find the ceiling: raise what is offered until the client falls behind; one cell or a matrix",
    "calibrate": "measure for some seconds what a client carries here, so that the screen can expect it",
    "ab": "set one lever to A and to B in turn, and say what differs and how sure that is",
    "scenario": "run rounds of agents alone and together: the efficiencies, and where the rest went",
    "sweep": "run many combinations of scenarios and levers, and say what the data support",
    "audit": "say what a published table of runs can and cannot show",
}


_WORD = re.compile(r"[a-z][a-z-]*")
"""A first argument that is meant as a verb: a URL has a colon, a dot or a slash."""


class Parser(argparse.ArgumentParser):
    """argparse, but a usage error is one sentence (what was wrong, where the help is) and exit code 2."""

    def error(self, message: str) -> NoReturn:
        """Say what was wrong and end with 2."""
        sys.stderr.write(f"{self.prog}: {message} (see '{self.prog} --help')\n")
        raise SystemExit(2)


def _module(verb: str) -> ModuleType:
    return importlib.import_module(f"loopscope.cli.{verb}")


def _top_help() -> str:
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {verb:<{width}}  {_SUMMARY[verb]}" for verb in VERBS)
    return (
        "loopscope: top for streaming LLM agents. Shows where the time goes and where the ceiling of the client is.\n\n"
        "usage: loopscope [URL ...] [options]      the live screen\n"
        "       loopscope VERB [options]\n\n"
        f"verbs (loopscope VERB --help teaches each):\n{verbs}\n\n"
        "Without a URL, two Ollama servers on 127.0.0.1:11434 and :11435 are used if they answer; else an embedded\n"
        "pair of emulated servers starts, and the screen says EMBEDDED.\n\n"
        "examples:\n"
        "  loopscope                                         two agents on the embedded pair\n"
        "  loopscope --agents 16 --loop uvloop               sixteen agents on uvloop\n"
        "  loopscope http://127.0.0.1:8080 --api openai      a llama.cpp or vLLM server\n"
        "  loopscope record -o run.jsonl --seconds 30 --at 10 loop=uvloop --at 20 batch=read:50ms --json\n"
        "  loopscope replay run.jsonl\n"
    )


_OUTPUT_FAILS = {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; give its exit code.

    0 fine, 1 failed, 2 wrong input, 3 a gate of ``compare`` cannot tell, 130 interrupted, 141 whoever read has gone.
    """
    if sys.stdout is None:  # started with its standard output closed: what is printed goes nowhere
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - it lives as long as we do
    try:
        try:
            return _main(argv)
        finally:
            sys.stdout.flush()  # here, not at exit, where a reader that has gone would end in a traceback
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``): no traceback, and none from the flush at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        if error.errno not in _OUTPUT_FAILS:
            raise
        sys.stderr.write(f"loopscope: the output cannot be written: {error.strerror}\n")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _main(argv: Sequence[str] | None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    if words and words[0] == "--version":
        sys.stdout.write(f"loopscope {__version__}\n")
        return 0
    if words and words[0] not in VERBS and _WORD.fullmatch(words[0]) and words[0] not in {"help", "localhost"}:
        near = difflib.get_close_matches(words[0], VERBS, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"verbs: {', '.join(VERBS)}; or give a URL"
        sys.stderr.write(f"loopscope: there is no verb {words[0]!r}; {hint}\n")
        return 2
    verb = words.pop(0) if words and words[0] in VERBS else "live"
    if verb == "live" and words and words[0] in {"help", "-h", "--help"} and len(words) == 1:
        module = _module("live")
        parser = Parser(prog="loopscope", usage=argparse.SUPPRESS, add_help=False)
        module.configure(parser)
        sys.stdout.write(_top_help() + "\n" + parser.format_help().strip() + "\n")
        return 0
    try:
        module = _module(verb)
        prog = "loopscope" if verb == "live" else f"loopscope {verb}"
        parser = Parser(prog=prog, description=module.HELP, formatter_class=argparse.RawDescriptionHelpFormatter)
        module.configure(parser)
        code: int = module.run(parser.parse_args(words))
    except LoopscopeError as error:
        sys.stderr.write(f"loopscope: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return code
