"""Ask servers that were given by URL for their ground truth, where they are emulators of ours.

Emulators of the embedded pair send their truth by themselves.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from loopscope.core.clock import now_ns
from loopscope.core.records import Server, Truth
from loopscope.session.probe import get_object, http_client

_EVERY_S = 1.0
_FIRST_S = 0.5
"""An emulator answers in milliseconds; a start waits no longer for one that is none."""
_TIMEOUT_S = 2.0
_PATH = "/emulator/stats"
_MOST = 1 << 62
_NEEDED = {"requests", "chunks", "tokens"}
_COUNTERS = {
    "requests": "requests",
    "chunks": "chunks",
    "tokens": "tokens",
    "messages": "messages",
    "bytes": "bytes",
    "blocked": "blocked",
    "cpu_ns": "cpu_ns",
    "runq_ns": "runq_ns",
    "abandoned_chunks": "abandoned",
}
"""Counters of an emulator, and the members of a record that hold them."""


class EmulatorTruth:
    """One thread that asks all of them each second, and once more at the end."""

    def __init__(self, emit: Callable[[Truth], None]) -> None:
        self._emit = emit
        self._emulators: list[_Emulator] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self, servers: Sequence[Server]) -> None:
        """Find the emulators among the servers; what they have counted so far is not of this session."""
        asked = [_Emulator(f"emulator-{number}", server.url) for number, server in enumerate(servers, 1)]
        threads = [threading.Thread(target=one.first, name=f"truth-{one.proc}", daemon=True) for one in asked]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(2 * _FIRST_S)
        self._emulators = [one for one in asked if one.found]

    def start(self) -> None:
        """Begin to ask."""
        if self._emulators:
            self._thread = threading.Thread(target=self._run, name="emulator-truth", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while not self._ended.wait(_EVERY_S):
            self._ask()

    def _ask(self) -> None:
        for emulator in self._emulators:
            record = emulator.ask()
            if record is not None:
                self._emit(record)

    def stop(self) -> None:
        """Ask for the last time, when no agent streams any longer."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(2 * _TIMEOUT_S)
            self._thread = None
            self._ask()
        for emulator in self._emulators:
            emulator.close()
        self._emulators = []


class _Emulator:
    """One server and what it had counted when the session began."""

    def __init__(self, proc: str, url: str) -> None:
        self.proc = proc
        self.found = False
        self._client = http_client(url)
        self._before: dict[str, int] = {}
        self._last: dict[str, int] = {}

    def first(self) -> None:
        """Ask whether it is an emulator."""
        told = get_object(self._client, _PATH, _FIRST_S)
        if told is not None and isinstance(told.get("emulator"), str):
            self._before = self._last = _counters(told)
            self.found = self._last.keys() >= _NEEDED
        if not self.found:
            self.close()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def ask(self) -> Truth | None:
        """Return what it has done within this session; ``None``: it does not answer just now."""
        told = get_object(self._client, f"{_PATH}?since={self._last.get('chunks', 0)}", _TIMEOUT_S)
        if told is None:
            return None
        now = _counters(told)
        if not now.keys() >= _NEEDED:
            return None
        if any(count < self._last.get(name, 0) for name, count in now.items()):
            # It has begun anew: what it did before counts on.
            self._before = {name: self._before.get(name, 0) - self._last.get(name, 0) for name in now}
        self._last = now
        counts = {name: count - self._before.get(name, 0) for name, count in now.items()}
        late = told.get("late_ns")
        lateness = {name: _count(late.get(name)) for name in ("p50", "p99")} if isinstance(late, dict) else {}
        return Truth(
            t_ns=now_ns(),
            proc=self.proc,
            streams=_count(told.get("streams")) or 0,
            late_p50_ns=lateness.get("p50"),
            late_p99_ns=lateness.get("p99"),
            **counts,
        )


def _counters(told: dict[str, Any]) -> dict[str, int]:
    found = {member: _count(told.get(name)) for name, member in _COUNTERS.items()}
    return {name: count for name, count in found.items() if count is not None}


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _MOST else None
