"""Make the recordings that ship, each from a real session on the embedded pair. None is edited by hand.

python recordings/make.py [NAME ...]
"""

import argparse
import subprocess
import sys
from pathlib import Path

RECORDINGS = {
    "calm-pair": (
        "two agents at 100 tok/s; uvloop at 8 s, read batching at 16 s, off again at 24 s, throttle at 32 s",
        [
            "--seconds", "40", "--rate", "100", "--tokens", "200",
            "--at", "8", "loop=uvloop", "--at", "16", "batch=read:50ms", "--at", "24", "batch=off",
            "--at", "32", "throttle=60",
        ],
    ),
    "busy-sixteen": (
        "sixteen agents at 150 tok/s fill an asyncio loop; uvloop at 8 s, read batching at 18 s",
        [
            "--seconds", "28", "--rate", "150", "--tokens", "300", "--agents", "16",
            "--at", "8", "loop=uvloop", "--at", "18", "batch=read:50ms",
        ],
    ),
}  # fmt: skip


def main() -> int:
    """Record the named ones, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECORDINGS))
    names = parser.parse_args().names or list(RECORDINGS)
    unknown = [name for name in names if name not in RECORDINGS]
    if unknown:
        parser.error(f"no recording {unknown[0]!r}; there are: {', '.join(RECORDINGS)}")
    folder = Path(__file__).parent
    for name in names:
        words, options = RECORDINGS[name]
        print(f"{name}: {words}")  # noqa: T201
        path = folder / f"{name}.jsonl.zst"
        subprocess.run(
            [sys.executable, "-m", "loopscope", "record", "--embedded", "--force", "-o", str(path), *options],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
        print(f"  {path.stat().st_size / 1024:.0f} KiB")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
