"""From the start of the command to the first live data on the screen.

Runs ``loopscope --embedded`` in a terminal of 160x48 (a pseudo terminal read by pyte), waits until the row of an agent
says that it streams, quits with ``q``. Wall time, for once: that is what a person waits for. Also prints how long after
``q`` the last process was gone.

    python benchmarks/start.py [--runs 5]
"""

import argparse
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import termios
import time

import pyte

_COLUMNS, _LINES = 160, 48
_GIVE_UP_S = 30.0


def _once(words: list[str]) -> tuple[float, float]:
    """Seconds until live data are on the screen, and from ``q`` to the end of the command."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", _LINES, _COLUMNS, 0, 0))
    screen = pyte.Screen(_COLUMNS, _LINES)
    stream = pyte.ByteStream(screen)
    start_s = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "loopscope", "--embedded", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"},
        start_new_session=True,
    )
    os.close(slave)
    seen_s = float("nan")
    while time.perf_counter() - start_s < _GIVE_UP_S:
        if select.select([master], [], [], 0.05)[0]:
            try:
                stream.feed(os.read(master, 1 << 16))
            except OSError:
                break
            if any("streaming" in line for line in screen.display):
                seen_s = time.perf_counter() - start_s
                break
    os.write(master, b"q")
    quit_s = time.perf_counter()
    while process.poll() is None and time.perf_counter() - quit_s < _GIVE_UP_S:
        if select.select([master], [], [], 0.02)[0]:
            try:
                os.read(master, 1 << 16)
            except OSError:
                break
    process.wait(10)
    gone_s = time.perf_counter() - quit_s
    os.close(master)
    return seen_s, gone_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    args, words = parser.parse_known_args()
    pairs = [_once(words) for _ in range(args.runs)]
    print("                          median    min     max    (s)")
    for name, values in (
        ("first live data", [first for first, _ in pairs]),
        ("from q to the end", [gone for _, gone in pairs]),
    ):
        print(f"{name:<24} {statistics.median(values):>7.2f} {min(values):>7.2f} {max(values):>7.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
