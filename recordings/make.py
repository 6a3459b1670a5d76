"""Make the recordings that ship, each from a real session. None is edited by hand.

python recordings/make.py [NAME ...] [--into FOLDER]

What each shows is said in about.toml. format-1 stays as the release that had that format wrote it.
"""

import argparse
import contextlib
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).parent
ABOUT: dict[str, str] = tomllib.loads((HERE / "about.toml").read_text("utf-8"))
RECORDINGS: dict[str, list[str]] = {
    "calm-pair": [
        "--embedded",
        "--seconds",
        "40",
        "--rate",
        "100",
        "--tokens",
        "200",
        "--at",
        "8",
        "loop=uvloop",
        "--at",
        "16",
        "batch=read:50ms",
        "--at",
        "24",
        "batch=off",
        "--at",
        "32",
        "throttle=60",
    ],
    "busy-sixteen": [
        "--embedded",
        "--scenario",
        "busy.toml",
        "--seconds",
        "8.6",
        "--agents",
        "16",
        "--decoder",
        "json",
        "--at",
        "4.3",
        "loop=uvloop",
        "--at",
        "5.8",
        "batch=read:50ms",
    ],
    "uneven-pair": ["--seconds", "24", "--tokens", "200"],
    "stall": ["--embedded", "--seconds", "28", "--rate", "60", "--tokens", "200", "--plant", "block:120:1@10"],
}
EMULATED = {"uneven-pair": ("100", "40")}
"""Tokens a second of the emulated servers that a recording is made with, where they are not the embedded pair."""


@contextlib.contextmanager
def emulators(rates: tuple[str, ...]) -> Iterator[list[str]]:
    """Run emulated servers; give their URLs."""
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "loopscope", "emulate", "--port", "0", "--rate", rate],
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        for rate in rates
    ]
    try:
        yield [_url(child) for child in children]
    finally:
        for child in children:
            child.terminate()
            child.wait()


def _url(child: "subprocess.Popen[str]") -> str:
    words = child.stdout.readline().split() if child.stdout is not None else []
    return next(word for word in words if word.startswith("http://"))


def make(name: str, path: Path) -> None:
    """Record one."""
    with emulators(EMULATED.get(name, ())) as urls:
        command = [sys.executable, "-m", "loopscope", "record", "--force", "-o", str(path.resolve()), *urls]
        # In this folder, so that a scenario's name in the file is no path of ours.
        subprocess.run([*command, *RECORDINGS[name]], check=True, stdout=subprocess.DEVNULL, cwd=HERE)


def main() -> int:
    """Record the named ones, or all."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(RECORDINGS))
    parser.add_argument("--into", type=Path, default=HERE, metavar="FOLDER", help="where to (default: here)")
    args = parser.parse_args()
    names = args.names or list(RECORDINGS)
    unknown = [name for name in names if name not in RECORDINGS]
    if unknown:
        parser.error(f"no recording {unknown[0]!r}; there are: {', '.join(RECORDINGS)}")
    for name in names:
        print(f"{name}: {ABOUT[name]}")  # noqa: T201
        path = args.into / f"{name}.jsonl.zst"
        make(name, path)
        print(f"  {path.stat().st_size / 1024:.0f} KiB")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
