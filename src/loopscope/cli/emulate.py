"""``loopscope emulate``: one emulated server, by hand."""

import argparse

from loopscope.emulator import options
from loopscope.emulator.run import run_by_hand

NAME = "emulate"
HELP = """Run one emulated Ollama server: the wire of a real one, no model and no GPU behind it.

Real clients cannot tell the difference: Ollama's own API under /api, the dialects of OpenAI and Anthropic
under /v1, as Ollama 0.33 answers or 0.24 (--as). It keeps an account of when it meant to send each chunk and
when it did (GET /emulator/stats, /log and /requests), and it misbehaves on order (--fault, POST /emulator/fault).

examples:
  loopscope emulate                                        gemma3 at 100 tok/s on Ollama's own port
  loopscope emulate --port 11435 --parallel 4              a second one, four requests at a time
  loopscope emulate --port 0 --rate 0 --parallel 0         as fast as a socket takes it
  loopscope emulate --fault stall:after=20,for=3,times=0   every stream stalls for 3 s after 20 tokens
  loopscope emulate --gpu /tmp/card --share-factor 2.7     start it twice: two servers that share one GPU
"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    options.configure(parser)


def run(args: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    return run_by_hand(options.options_of(args))
