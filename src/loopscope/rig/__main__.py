"""``python -m loopscope.rig --proc rig-1 --loop uvloop``: started by a session, speaks through its pipe."""

import argparse
import asyncio
import signal
import sys

from loopscope.core.errors import LoopscopeError
from loopscope.rig.clients import client_class
from loopscope.rig.floor import Floor
from loopscope.rig.loops import make_loop
from loopscope.rig.rig import Rig
from loopscope.settings.injected_faults import parse_injected_fault
from loopscope.wire.child import ChildPipe


def main() -> int:
    """Run a rig until its session says so or is gone."""
    parser = argparse.ArgumentParser(prog="python -m loopscope.rig", description=__doc__)
    parser.add_argument("--proc", default="rig-1", help="name of this process in the records")
    parser.add_argument("--loop", default="asyncio", help="asyncio or uvloop")
    parser.add_argument("--client", default="httpx", help="what moves the bytes, see loopscope.rig.clients")
    parser.add_argument("--group", default="", help="a word that rigs which work side by side have in common")
    parser.add_argument("--replaces", default="", help="names of the rigs that this one takes over from")
    parser.add_argument(
        "--floor",
        default="",
        help="take the idle floor of another rig instead of measuring: its name, or name:lag_ns:elu where it is known",
    )
    parser.add_argument(
        "--plant",
        action="append",
        default=[],
        help="disturb yourself, for the self-test bench: block:40:2, spin:0.5, ...",
    )
    args = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    pipe = ChildPipe(args.proc)
    try:
        plants = [parse_injected_fault(text) for text in args.plant]
        kind = client_class(args.client)
        floor = Floor.read(args.floor)
        metered = make_loop(args.loop)
    except LoopscopeError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    with asyncio.Runner(loop_factory=lambda: metered.loop) as runner:
        runner.run(Rig(pipe, metered, kind, args.replaces, plants, group=args.group, floor=floor).run())
    return 0


if __name__ == "__main__":
    sys.exit(main())
