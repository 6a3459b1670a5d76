"""The probes' own thread: ten times a second it reads the meters, encodes what the loop has left, and sends it.

It holds the GIL while it works, so it works in slices: 512 rows take about 0.6 ms, after each the loop may run.
"""

import contextlib
import threading
import time
from array import array
from collections.abc import Callable, Iterable
from operator import sub
from time import perf_counter_ns
from typing import Any

from loopscope.core.clock import NS_PER_S, Anchor, parse_stamp_ns, take_anchor
from loopscope.probe.heartbeat import BEAT_NS
from loopscope.probe.sample_buffer import ChunkRow, SampleBuffer
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.wires import Wire, Wires

TICK_S = 0.1
SLICE_ROWS = 512
_MOST_SLICES = 8
"""A loop that is never idle gives the GIL back after 5 ms only: 512 rows each 5.6 ms were 90 000 a second, and two
streams flat out bring twice that."""
_ANCHOR_TICKS = 10
_STEP_NS = 1_000_000
"""A clock that is slewed moves by at most 0.5 ms a second; more between two anchors is a step."""


_ioctl: Callable[..., object] | None = None
_fionread = 0
with contextlib.suppress(ImportError):  # Windows has neither
    import fcntl
    import termios

    _ioctl, _fionread = fcntl.ioctl, termios.FIONREAD


def _unread_bytes(wires: Iterable[Wire]) -> int | None:
    """Bytes that wait in the sockets (FIONREAD), or ``None`` where the platform does not tell."""
    if _ioctl is None:
        return None
    total = 0
    answer = array("i", [0])
    for wire in wires:
        if wire.fd >= 0:
            try:
                _ioctl(wire.fd, _fionread, answer, True)
            except OSError:
                continue  # closed between two ticks
            total += answer[0]
    return total


def _has_fraction(stamp: object) -> bool:
    sent_ns = parse_stamp_ns(stamp) if type(stamp) is str else None
    return sent_ns is not None and sent_ns % NS_PER_S != 0


def columns(rows: list[ChunkRow], anchor: Anchor) -> dict[str, Any]:
    """Turn rows into the columns of one record ``chunks``; server stamps become delays by way of the anchor."""
    agent, recv, stamps, handled, firsts = zip(*rows, strict=True)
    ahead_ns = anchor.perf_ns - anchor.wall_ns
    delay: list[int | None] = []
    whole: set[int] = set()
    """Agents with a stamp that has no fraction."""
    for who, recv_ns, stamp in zip(agent, recv, stamps, strict=True):
        sent_ns = parse_stamp_ns(stamp) if type(stamp) is str else None
        if sent_ns is None:
            delay.append(None)
        else:
            delay.append(recv_ns - sent_ns - ahead_ns)
            if not sent_ns % NS_PER_S:
                whole.add(who)
    if whole:  # one in a thousand million stamps is a whole second by chance
        whole -= {who for who, stamp in zip(agent, stamps, strict=True) if who in whole and _has_fraction(stamp)}
    return {
        "base_ns": recv[0],
        "agent": list(agent),
        "recv": [0, *map(sub, recv[1:], recv)],
        "delay": delay,
        "handled": list(map(sub, handled, recv)),
        "first": [index for index, is_first in enumerate(firsts) if is_first],
        "whole": sorted(whole),
    }


class Sender(threading.Thread):
    """Sends until stopped: ``send`` takes whole lines.

    ``streams`` and ``tasks`` give how many requests and agents there are just now.
    """

    def __init__(
        self,
        send: Callable[[bytes], None],
        samples: SampleBuffer,
        *,
        loop_name: str,
        idle_ns: Callable[[], int] | None,
        usage: ThreadUsage,
        gc_clock: GcClock,
        wires: Callable[[], Wires],
        streams: Callable[[], int],
        tasks: Callable[[], int],
        turns: Callable[[], int] | None = None,
    ) -> None:
        super().__init__(name="sender", daemon=True)
        self._send = send
        self._samples = samples
        self._loop_name = loop_name
        self._idle_ns = idle_ns
        self._usage = usage
        self._gc = gc_clock
        self._wires = wires
        self._streams = streams
        self._tasks = tasks
        self._turns = turns
        # A lock that is never free: to wait for it costs 60 us of CPU, an Event's wait 80.
        self._halt = threading.Lock()
        self._halt.acquire()
        self._ticks = 0
        self._anchor = take_anchor()
        self._last_ns = perf_counter_ns()
        self._last: dict[str, int] = {"reads": 0}
        self._switches: tuple[int, int] | None = None
        self._gc_by_generation_ns = list(gc_clock.by_generation_ns)

    def run(self) -> None:
        """Tick on a fixed schedule until :meth:`finish`."""
        due_s = time.monotonic() + TICK_S
        self._read_meters()
        while not self._halt.acquire(timeout=max(0.0, due_s - time.monotonic())):
            self._tick()
            due_s = max(due_s + TICK_S, time.monotonic() - TICK_S)

    def finish(self) -> None:
        """Stop ticking and send what is left; afterwards nothing more comes from here."""
        self._halt.release()
        if self.is_alive():
            self.join()
        self._tick()

    def _difference(self, name: str, value: int | None) -> int | None:
        """How much a running total grew since the last tick."""
        if value is None:
            return None
        before = self._last.get(name, value)
        self._last[name] = value
        return max(0, value - before)

    def _read_meters(self) -> dict[str, int | None]:
        observer_ns = time.thread_time_ns() if threading.current_thread() is self else None
        idle_ns = self._idle_ns() if self._idle_ns is not None else None
        return {
            "idle": self._difference("idle", idle_ns),
            "cpu": self._difference("cpu", self._usage.cpu_ns()),
            "runq": self._difference("runq", self._usage.runq_ns()),
            "gc": self._difference("gc", self._gc.total_ns),
            "process": self._difference("process", time.process_time_ns()),
            "turns": self._difference("turns", self._turns() if self._turns is not None else None),
            "observer": self._difference("observer", observer_ns),
        }

    def _switched(self) -> tuple[int | None, int | None]:
        """Context switches since the last answer; asked once a second, between that nothing is known."""
        if self._ticks % _ANCHOR_TICKS:
            return None, None
        before, self._switches = self._switches, self._usage.switches()
        if before is None or self._switches is None:
            return None, None
        return max(0, self._switches[0] - before[0]), max(0, self._switches[1] - before[1])

    def _tick(self) -> None:
        now_ns = perf_counter_ns()
        grown = self._read_meters()
        dt_ns, self._last_ns = now_ns - self._last_ns, now_ns
        self._ticks += 1
        anchor = take_anchor()
        # Events first: every row of a request that has ended is then among the rows taken after them.
        events = self._samples.take_events()
        rows = self._samples.take_chunks()
        beats = self._samples.take_beats()
        wires = self._wires()
        switches, preempted = self._switched()
        generations = list(self._gc.by_generation_ns)
        gc_gen_ns = [now - before for now, before in zip(generations, self._gc_by_generation_ns, strict=True)]
        self._gc_by_generation_ns = generations
        idle_ns = grown["idle"]
        make, encode, proc = self._samples.lines.make, self._samples.lines.encode, self._samples.proc
        pulse = make(
            "pulse",
            t_ns=now_ns,
            proc=proc,
            dt_ns=dt_ns,
            loop=self._loop_name,
            active_ns=None if idle_ns is None else max(0, dt_ns - idle_ns),
            cpu_ns=grown["cpu"],
            runq_ns=grown["runq"],
            gc_ns=grown["gc"] or 0,
            lag_ns=beats,
            beat_ns=BEAT_NS,
            reads=self._difference("reads", wires.reads) or 0,
            streams=self._streams(),
            tasks=self._tasks(),
            backlog_bytes=_unread_bytes(list(wires.open)),
            dropped=self._samples.dropped,
            observer_ns=grown["observer"] or 0,
            process_ns=grown["process"] or 0,
            turns=grown["turns"],
            looks=self._difference("looks", self._usage.looks) or 0,
            taken=self._difference("taken", self._usage.taken) or 0,
            switches=switches,
            preempted=preempted,
            gc_gen_ns=gc_gen_ns if any(gc_gen_ns) else [],
            connections=len(wires.open),
            queued=sum(count() for count in wires.pools) if wires.pools else None,
        )
        lines: list[bytes] = []
        step = max(SLICE_ROWS, len(rows) // _MOST_SLICES)
        for start in range(0, len(rows), step):
            members = columns(rows[start : start + step], anchor)
            lines.append(encode(make("chunks", t_ns=now_ns, proc=proc, **members)))
            if start + step < len(rows):
                # Gives the GIL to the loop if it wants it; after the last slice the write does. It costs 27 us, as the
                # kernel takes it for a sleep: at 200 chunks/s that was a tenth of a tick.
                time.sleep(0)
        lines.extend(map(encode, events))
        if self._ticks % _ANCHOR_TICKS == 0:
            step_ns = self._anchor.step_ns(anchor)
            self._anchor = anchor
            step_ns = step_ns if abs(step_ns) > _STEP_NS else 0
            record = make("anchor", t_ns=anchor.perf_ns, proc=proc, wall_ns=anchor.wall_ns, step_ns=step_ns)
            lines.append(encode(record))
        lines.append(encode(pulse))
        self._send(b"".join(lines))
