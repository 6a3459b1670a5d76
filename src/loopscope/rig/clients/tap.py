"""What stands where a transport of asyncio hands bytes to a protocol: stamps and counts them, and may stop reading.

For clients whose transport reads by itself. httpx asks for each read and is probed in its network stream instead.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter_ns
from typing import cast

from loopscope.probe.wires import Wire, Wires
from loopscope.rig.clients.base import ReadGate
from loopscope.rig.clients.tcp import ask_for

GATE, ASIDE, FULL, TURN = 1, 2, 4, 8
"""Why a socket is not read: ``read:T``; somebody chose to wait (the throttle); nobody takes what has come; a read may
be the last before somebody chooses to wait."""


class Tap:
    """One connection's. ``may_resume()`` says whether the protocol itself lets its transport read."""

    __slots__ = ("_gate", "_loop", "_may_resume", "_since_ns", "_timer", "_transport", "_wires", "holds", "wire")

    def __init__(self, gate: ReadGate, wires: Wires, may_resume: Callable[[], bool] | None = None) -> None:
        self.wire = Wire()
        self.holds = 0
        self._gate = gate
        self._wires = wires
        self._may_resume = may_resume
        self._loop = asyncio.get_running_loop()
        self._since_ns = 0
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None
        self.wire.pause = self.set_aside
        self.wire.resume = self.take_up
        self.wire.rest = self.rest

    def made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, with the transport of a connection that was just made."""
        self._transport = self.wire.transport = cast(asyncio.Transport, transport)  # uvloop's are none by class
        sock = transport.get_extra_info("socket")
        self.wire.fd = sock.fileno() if sock is not None else -1
        if self._gate.read_bytes:
            ask_for(transport, self._gate.read_bytes)
        self._wires.add(self.wire)

    def lost(self) -> None:
        """End: the connection is gone."""
        self._wires.remove(self.wire)
        self.wire.fd = -1
        self._transport = self.wire.transport = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def heard(self) -> int:
        """Count a read; give its stamp (ns)."""
        recv_ns = perf_counter_ns()
        wire = self.wire
        wire.reads += 1
        if wire.ack is not None:
            wire.ack()
        return recv_ns

    def more(self) -> None:
        """Be told after a read that the response goes on: for ``read:T`` the socket is left alone for a while."""
        every_ns = self._gate.every_ns
        if every_ns and self._timer is None:
            self._since_ns = perf_counter_ns()
            self.hold(GATE)
            if self._gate.park is not None and self.wire.fd >= 0:
                self._gate.park(self.wire.fd)
            self._timer = self._loop.call_later(every_ns / 1e9, self._over)

    def ended(self) -> None:
        """Be told that the response has ended: the connection must hear of its own end."""
        if self.holds:
            if self._timer is not None:
                self._timer.cancel()
                self._over()
            self.release(ASIDE | FULL)

    def set_aside(self) -> None:
        """Stop reading, because somebody chose to wait."""
        self.hold(ASIDE)

    def take_up(self) -> None:
        """Read on."""
        self.release(ASIDE)

    def rest(self) -> None:
        """Stop reading for a turn of the loop."""
        self.hold(TURN)
        self._loop.call_soon(self.release, TURN)

    def hold(self, reason: int) -> None:
        """Stop reading for one of the reasons."""
        if not self.holds and self._transport is not None:
            try:
                self._transport.pause_reading()
            except RuntimeError:
                return  # it is closing
        self.holds |= reason

    def release(self, reason: int) -> None:
        """Read on, unless there is another reason not to."""
        if not self.holds:
            return
        self.holds &= ~reason
        if not self.holds and self._transport is not None and (self._may_resume is None or self._may_resume()):
            try:
                self._transport.resume_reading()
            except RuntimeError:
                return  # it is closing

    def _over(self) -> None:
        self._timer = None
        self.wire.batch_ns += perf_counter_ns() - self._since_ns
        self.release(GATE)
