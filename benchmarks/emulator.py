"""What the emulator costs and how well it keeps time: ``python benchmarks/emulator.py`` (about a minute).

Every figure is CPU time of the emulator's own process, or a lateness from its own log, or a ratio of two programs that
ran in turns (A-B-B-A) in this one run: a noisy machine moves them little. The client is a process that reads raw
sockets and throws everything away.
"""

import argparse
import json
import select
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from loopscope.emulator.corpus import text_of
from loopscope.emulator.job import FLAT_SENDS
from loopscope.emulator.native import generate_frames
from loopscope.emulator.script import Script
from loopscope.emulator.shapes import FLAT_LINES, FULL_STAMP, shape_of

SECONDS = 5.0
SETTLE = 1.2
FLAT_STREAMS = 8
GOALS = {
    "paced": 10.0,
    "flat": 3.0,
    "flat_rate": 100_000,
    "ratio": 2.5,
    "late_ms": 3.0,
    "drift": 0.002,
    "streams": 1000,
}


# -- the client, in a process of its own


def drain(port: int, streams: int, tokens: int) -> None:
    """Ask for streams and throw away what comes, until standard input ends."""
    body = json.dumps({"model": "gemma3", "prompt": "x", "options": {"num_predict": tokens}}).encode()
    request = b"POST /api/generate HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    poll, open_sockets = select.epoll(), {}
    for _ in range(streams):
        sock = socket.create_connection(("127.0.0.1", port))
        sock.sendall(request)
        sock.setblocking(False)
        poll.register(sock, select.EPOLLIN)
        open_sockets[sock.fileno()] = sock
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    room = bytearray(1 << 20)
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                return
            try:
                got = open_sockets[fd].recv_into(room)
            except ConnectionResetError:
                got = 0
            if not got:
                poll.unregister(fd)


class Drain:
    """The client as a context."""

    def __init__(self, port: int, streams: int, tokens: int = 100_000_000) -> None:
        words = [sys.executable, str(Path(__file__)), "--drain", str(port), str(streams), str(tokens)]
        self.process = subprocess.Popen(words, stdin=subprocess.PIPE)

    def __enter__(self) -> "Drain":
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()


# -- the emulator


class Emulator:
    """One emulator in a process of its own."""

    def __init__(self, *words: str) -> None:
        fast = ("--port", "0", "--parallel", "0", "--prefill-rate", "0", "--overhead-ms", "0", "--setup-ms", "0")
        command = [sys.executable, "-m", "loopscope.emulator", *fast, *words]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split(" on ")[1].split()[0]
        self.port = int(self.url.rsplit(":", 1)[1])

    def get(self, path: str) -> dict:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.load(answer)

    def waited_ns(self) -> int:
        """Time its first thread spent waiting for a core (0 where the system does not say)."""
        try:
            return int(Path(f"/proc/{self.process.pid}/schedstat").read_text().split()[1])
        except OSError:
            return 0

    def __enter__(self) -> "Emulator":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.communicate()


@dataclass
class Reading:
    """One measured stretch."""

    chunks_s: float
    us: float
    """CPU of the emulator per chunk, in us."""
    streams: int = 0
    late_p50_ms: float = 0.0
    late_p99_ms: float = 0.0
    drift: float = 0.0
    """Worst deviation of a stream's long-run rate."""
    waited_s: float = 0.0
    """Time a second in which the emulator could have run and had no core: other programs' doing."""


def measure(streams: int, rate: float, seconds: float = SECONDS) -> Reading:
    """Serve so many streams at that rate each, and see what it took."""
    with Emulator("--rate", str(rate)) as one, Drain(one.port, streams):
        time.sleep(SETTLE)
        first, waited_ns = one.get("/emulator/stats"), one.waited_ns()
        time.sleep(seconds)
        waited_ns = one.waited_ns() - waited_ns
        last = one.get("/emulator/stats")
        chunks = last["chunks"] - first["chunks"]
        took_s = (last["now_ns"] - first["now_ns"]) / 1e9
        reading = Reading(chunks / took_s, (last["cpu_ns"] - first["cpu_ns"]) / chunks / 1e3, last["streams"])
        reading.waited_s = waited_ns / 1e9 / took_s
        if rate:
            keep_time(one, first["chunks"], last["chunks"], rate, reading)
    return reading


def keep_time(one: Emulator, since: int, end: int, rate: float, reading: Reading) -> None:
    """Read lateness and long-run rates from the emulator's log of that stretch (what of it the log still holds)."""
    late: list[int] = []
    ends: dict[int, list[int]] = {}
    while since < end:
        log = one.get(f"/emulator/log?since={since}&limit=2000")
        if not log["rows"]:
            break
        since = log["next"]
        for request, meant, sent in log["rows"]:
            late.append(sent - meant)
            ends.setdefault(request, []).append(sent)
    late.sort()
    reading.late_p50_ms = late[len(late) // 2] / 1e6
    reading.late_p99_ms = late[len(late) * 99 // 100] / 1e6
    # Median of the last chunks less that of the first ones: the wake-up of one chunk is no drift of the rate.
    rates = []
    for sent in ends.values():
        edge = min(len(sent) // 3, 50)
        if edge:
            took_ns = statistics.median(sent[-edge:]) - statistics.median(sent[:edge])
            rates.append((len(sent) - edge) * 1e9 / took_ns)
    reading.drift = max((abs(found / rate - 1) for found in rates), default=0.0)


def bare(lines: int, seconds: float = 2.5) -> float:
    """Send the emulator's own lines in a bare loop, ``lines`` to a send, to the same client on as many sockets.

    Gives CPU per line, in us, of this process.
    """
    text = text_of("words")
    shape = shape_of(Script(text, 0, 1), FULL_STAMP, generate_frames("gemma3"))
    stamp = b"2026-11-21T02:58:01.123456789"
    ready = [pre + stamp + post for pre, post in zip(shape.pre, shape.post, strict=True)]
    blocks = [b"".join(ready[n : n + lines]) for n in range(0, len(ready), lines)]
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener, Drain(listener.getsockname()[1], FLAT_STREAMS):
        socks = [listener.accept()[0] for _ in range(FLAT_STREAMS)]
        for sock in socks:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setblocking(False)
        began, cpu, sent, place, size = time.perf_counter(), time.process_time_ns(), 0, 0, len(blocks)
        while time.perf_counter() < began + seconds:
            for sock in socks:
                send = sock.send
                for _ in range(FLAT_SENDS):
                    place = place + 1 if place + 1 < size else 0
                    try:
                        sent += send(blocks[place])
                    except BlockingIOError:
                        select.select((), (sock,), ())
                        break
        took = time.process_time_ns() - cpu
        for sock in socks:
            sock.close()
    return took / (sent / (sum(map(len, ready)) / len(ready))) / 1e3


def row(name: str, found: str, goal: str, good: bool) -> None:
    print(f"{name:<58}{found:>28}   {goal:<22}{('ok' if good else 'MISSED') if goal else ''}".rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drain", nargs=3, type=int, metavar=("PORT", "STREAMS", "TOKENS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.drain:
        drain(*args.drain)
        return 0
    began = time.monotonic()
    print(f"{'what':<58}{'found':>28}   {'goal':<22}")
    for streams, rate in ((32, 625), (200, 100)):
        one = measure(streams, rate)
        row(
            f"paced, {streams} streams x {rate}/s: CPU a chunk",
            f"{one.us:.1f} us at {one.chunks_s:,.0f}/s",
            f"<= {GOALS['paced']:g} us",
            one.us <= GOALS["paced"],
        )
    one = measure(64, 100, 9.0)
    row(
        "64 streams x 100/s: lateness p50, p99",
        f"{one.late_p50_ms:.2f}, {one.late_p99_ms:.2f} ms",
        f"p99 < {GOALS['late_ms']:g} ms",
        one.late_p99_ms < GOALS["late_ms"],
    )
    row("  wanted a core meanwhile and had none (other programs)", f"{one.waited_s * 1e3:.1f} ms in a second", "", True)
    row(
        "  long-run rate of the worst stream, off by",
        f"{one.drift:.4%}",
        f"<= {GOALS['drift']:.1%}",
        one.drift <= GOALS["drift"],
    )
    row("  CPU a chunk, share of a core", f"{one.us:.1f} us, {one.us * one.chunks_s / 1e6:.1%}", "", True)
    one = measure(2, 100)
    row(
        "2 streams x 100/s: CPU a chunk, share of a core",
        f"{one.us:.1f} us, {one.us * one.chunks_s / 1e6:.1%}",
        "",
        True,
    )
    one = measure(1000, 20)
    row(
        "1 000 streams x 20/s: under way, CPU a chunk, p99 late",
        f"{one.streams}, {one.us:.1f} us, {one.late_p99_ms:.1f} ms",
        f"{GOALS['streams']}",
        one.streams >= GOALS["streams"],
    )
    flat, single, blocks = [], [], []
    for what in "ESBBSE":  # emulator, sends of one line, sends of as many lines as the emulator's
        if what == "E":
            flat.append(measure(FLAT_STREAMS, 0, 4.0))
        elif what == "S":
            single.append(bare(1))
        else:
            blocks.append(bare(FLAT_LINES))
    us = statistics.mean(reading.us for reading in flat)
    chunks_s = statistics.mean(reading.chunks_s for reading in flat)
    one_us, block_us = statistics.mean(single), statistics.mean(blocks)
    row(
        f"flat out, {FLAT_STREAMS} streams: CPU a chunk",
        f"{us:.2f} us",
        f"<= {GOALS['flat']:g} us",
        us <= GOALS["flat"],
    )
    row("  chunks a second", f"{chunks_s:,.0f}", f">= {GOALS['flat_rate']:,}", chunks_s >= GOALS["flat_rate"])
    limit = GOALS["ratio"]
    found = f"{us / one_us:.2f} x of {one_us:.2f} us"
    row("  against a bare loop of socket.send, line by line", found, f"<= {limit:g} x", us / one_us <= limit)
    row(
        f"  the same, {FLAT_LINES} lines a call as the emulator does",
        f"{us / block_us:.2f} x of {block_us:.2f} us",
        "",
        True,
    )
    print(f"took {time.monotonic() - began:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
