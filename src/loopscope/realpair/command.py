"""The command: start the pair, say where it is and how to look at it, end with Ctrl-C."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from loopscope.core.errors import LoopscopeError
from loopscope.realpair.pair import RealPair
from loopscope.realpair.weights import SHAPES

POLL_S = 0.2


def _count(low: int, high: int, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not low <= int(text[:9]) <= high:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {low} to {high}")
    return int(text)


def _port(text: str) -> int:
    return _count(0, 65535, text)


def _slots(text: str) -> int:
    return _count(1, 256, text)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loopscope.realpair",
        description="Two real llama.cpp servers with a small made-up model (random weights), for trying and testing.",
    )
    sizes = ", ".join(f"{shape.name} about {shape.about}" for shape in SHAPES.values())
    parser.add_argument("--size", choices=list(SHAPES), default="medium", help=f"sets the speed of a stream: {sizes}")
    parser.add_argument(
        "--slots", type=_slots, default=4, help="streams that a server serves at once; more of them wait"
    )
    parser.add_argument(
        "--ports",
        type=_port,
        nargs="+",
        default=[0, 0],
        metavar="PORT",
        help="one for each server (0: any free one); as many servers start as ports are given",
    )
    parser.add_argument("--cache", type=Path, help="folder for the model file")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the pair until it is told to end; gives the exit code."""
    args = _parser().parse_args(argv)
    stop = threading.Event()
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), lambda *_: stop.set())
    pair = RealPair(args.size, ports=args.ports, slots=args.slots, folder=args.cache)
    try:
        pair.start()
    except LoopscopeError as error:
        sys.stderr.write(f"loopscope.realpair: {error}\n")
        return error.exit_code
    try:
        _say(pair)
        while not stop.wait(POLL_S):
            if pair.ended.is_set():
                sys.stderr.write(f"loopscope.realpair: a server has ended by itself{pair.last_words()}\n")
                return 1
    except BrokenPipeError:
        # Whoever read our output has gone (``| head``); the flush at exit must not fail either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    finally:
        pair.stop()
    return 0


def _say(pair: RealPair) -> None:
    urls = " ".join(pair.urls)
    lines = [
        f"real llama.cpp servers, model {pair.model} (random weights, about {pair.shape.about} a stream):",
        *(f"  {url}" for url in pair.urls),
        "look at them from another terminal:",
        f"  loopscope {urls} --api openai",
        "Ctrl-C ends them.",
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
