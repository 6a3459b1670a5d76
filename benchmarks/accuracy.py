"""What the screen says against what the servers did: rates and counts.

Records sessions on the embedded pair and holds the summary against the emulators' own counters (the Truth records).

    python benchmarks/accuracy.py          about 40 s
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Request, Truth
from loopscope.settings.levers.loop import loops_here


def _session(folder: Path, *words: str) -> tuple[dict, int, int, int]:
    """Give the summary, chunks sent, chunks seen, and requests that were cut at the end."""
    path = folder / "run.jsonl"
    command = [sys.executable, "-m", "loopscope", "record", "--embedded", "--force", "-o", str(path), "--json", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    sent: dict[str, int] = {}
    seen = cut = 0
    for line in path.read_bytes().splitlines():
        record = decode(line)
        if isinstance(record, Truth):
            sent[record.proc] = record.chunks
        elif isinstance(record, Chunks):
            seen += len(record.agent)
        elif isinstance(record, Request):
            cut += record.outcome == "taken"
    return json.loads(done.stdout), sum(sent.values()), seen, cut


def main() -> int:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    print("agents  offered  loop      tok/s shown (min-max)   chunks sent     seen  cut streams  dropped")
    with tempfile.TemporaryDirectory() as name:
        for agents, rate in ((2, 100), (64, 30)):
            for loop in loops_here():
                summary, sent, seen, cut = _session(
                    Path(name), "--agents", str(agents), "--rate", str(rate), "--loop", loop, "--seconds", "8"
                )
                rates = [agent["tok_s"] for agent in summary["agents"] if agent["tok_s"] is not None]
                print(
                    f"{agents:>6}  {rate:>7}  {loop:<8}  {min(rates):>9.2f} - {max(rates):<9.2f}  {sent:>12} {seen:>8}"
                    f"  {cut:>11}  {summary['observer']['dropped']:>7}"
                )
    print("\nA stream that is cut at the end may leave a few chunks in its socket: sent, not seen.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
