"""Faults on order: what to do wrong, to how many requests, where in the stream and for how long."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from time import perf_counter_ns, time_ns
from typing import ClassVar, Protocol

from loopscope.core.errors import InputError
from loopscope.emulator.answers import ApiError
from loopscope.emulator.job import Job
from loopscope.emulator.reactor import Reactor
from loopscope.emulator.runner import BUSY
from loopscope.emulator.shapes import Shape
from loopscope.emulator.stamps import NS_PER_S, clock

LONG_BYTES = 1 << 20
FAULTS: dict[str, str] = {
    "refuse": "the port is closed for SECONDS: new connections are refused",
    "restart": "every connection is cut, the model is forgotten, the port stays closed for SECONDS",
    "404": "the model is not found",
    "500": "the model runner has stopped",
    "503": "too many requests wait",
    "slow-headers": "the head of the answer trickles out over SECONDS, then the stream goes on",
    "stall": "nothing comes for SECONDS after N tokens, then it goes on",
    "cut": "the connection ends in the middle of a line after N tokens",
    "rst": "the connection is reset after N tokens",
    "error": "an error line ends the stream after N tokens",
    "eof": "the stream ends properly after N tokens, but without the final message",
    "malformed": "one line that is no JSON after N tokens, then it goes on",
    "utf8": "one line with bytes that are no UTF-8 after N tokens, then it goes on",
    "long": "one line of 1 MiB after N tokens, then it goes on",
    "skew": "every created_at is SECONDS ahead (below 0: behind)",
    "whole-second": "every created_at is cut to the whole second",
}
"""Names and what they do; N is ``after``, SECONDS is ``for``."""
_DEFAULT_FOR_S = {"refuse": 2.0, "restart": 2.0, "slow-headers": 2.0, "stall": 2.0, "skew": 60.0}
_BEFORE = {
    "500": (
        500,
        "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error,"
        " check ollama server logs for details",
    ),
    "503": (503, BUSY),
}
_BROKEN = "an error was encountered while running the model: CUDA error: out of memory"


@dataclass(slots=True)
class Fault:
    """One fault on order. ``times``: requests that it still hits (0: every one until it is cleared)."""

    fault: str
    after: int = 1
    for_s: float = 0.0
    times: int = 1
    hits: int = 0


class Port(Protocol):
    """A server, as far as its faults know it."""

    reactor: Reactor

    def close_listener(self) -> None:
        """Refuse connections from now on."""

    def restart(self) -> None:
        """Cut every connection and forget the models."""

    def reopen(self) -> None:
        """Listen again."""


class Faults:
    """The faults that wait for requests, oldest first; each request takes at most one."""

    def __init__(self, server: Port) -> None:
        self.server = server
        self.orders: list[Fault] = []

    def add_text(self, text: str) -> None:
        """Order a fault as the command line has it: ``stall:after=20,for=3,times=5``.

        Raises:
            InputError: no such fault, or no such argument.
        """
        name, _, rest = text.partition(":")
        values: dict[str, object] = {"fault": name}
        for part in filter(None, rest.split(",")):
            key, _, value = part.partition("=")
            try:
                values[key.strip()] = float(value)
            except ValueError as error:
                raise InputError(
                    f"fault {text!r}: {part!r} is not of the form after=N, for=SECONDS, times=N"
                ) from error
        self.add(values)

    def add(self, values: dict[str, object]) -> Fault:
        """Order a fault: ``fault``, ``after``, ``for``, ``times``.

        Raises:
            InputError: no such fault, or no such argument.
        """
        name = values.get("fault")
        if not isinstance(name, str) or name not in FAULTS:
            raise InputError(f"there is no fault {name!r}; faults: {', '.join(FAULTS)}")
        unknown = sorted(set(values) - {"fault", "after", "for", "times"})
        if unknown:
            raise InputError(f"a fault has no {unknown[0]!r}; it has: fault, after, for, times")
        after = _number(values, "after", 1, 0, 1e9)
        for_s = _number(values, "for", _DEFAULT_FOR_S.get(name, 0.0), -1e9 if name == "skew" else 0, 1e9)
        fault = Fault(name, int(after), for_s, int(_number(values, "times", 1, 0, 1e9)))
        if name in ("refuse", "restart"):
            self._close_port(fault)
        else:
            self.orders.append(fault)
        return fault

    def clear(self) -> None:
        """Forget every order."""
        self.orders.clear()

    def listing(self) -> list[dict[str, object]]:
        """Return the orders that still wait."""
        return [asdict(order) for order in self.orders]

    def _close_port(self, fault: Fault) -> None:
        server = self.server
        fault.hits = 1

        def close(_due: int) -> int:
            server.close_listener()
            if fault.fault == "restart":
                server.restart()
            return 0

        def reopen(_due: int) -> int:
            try:
                server.reopen()
            except InputError:
                return perf_counter_ns() + 10**8  # somebody else has the port just now
            return 0

        # A moment later, so that whoever ordered it over HTTP still gets the answer.
        now = perf_counter_ns()
        server.reactor.at(now + 10**7, close)
        server.reactor.at(now + 10**7 + int(fault.for_s * 1e9), reopen)

    def take(self) -> Fault | None:
        """Return the fault that the request at hand is to suffer."""
        if not self.orders:
            return None
        order = self.orders[0]
        order.hits += 1
        if order.times and order.hits >= order.times:
            self.orders.pop(0)
        return order

    def error_before(self, fault: Fault, model: str) -> ApiError | None:
        """Return the error of a fault that keeps the stream from beginning."""
        if fault.fault == "404":
            return ApiError(404, f"model '{model}' not found")
        status_words = _BEFORE.get(fault.fault)
        return ApiError(*status_words) if status_words is not None else None


def _number(values: dict[str, object], key: str, default: float, low: float, high: float) -> float:
    value = values.get(key, default)
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not (math.isfinite(value) and low <= value <= high)
    ):
        raise InputError(f"fault: {key} {value!r} must be a number from {low:g} to {high:g}")
    return value


@dataclass(slots=True)
class Trap:
    """A fault within one stream: springs once ``after`` tokens have been generated."""

    GO_ON: ClassVar[int] = -1
    fault: Fault
    sprung: bool = False
    after: int = field(init=False)
    lasting: bool = field(init=False)
    """It spoils every message, not one moment."""
    twist: str = ""
    """What the next message is spoilt with."""

    def __post_init__(self) -> None:
        self.after = 0 if self.fault.fault == "slow-headers" else self.fault.after
        self.lasting = self.fault.fault in ("skew", "whole-second")

    @property
    def over(self) -> bool:
        """Nothing special is left to do."""
        return self.sprung and not self.lasting and not self.twist

    def stamp(self) -> bytes:
        """Return ``created_at``, wrong if that is the fault."""
        wall = time_ns()
        if self.fault.fault == "skew":
            wall += int(self.fault.for_s * NS_PER_S)
        elif self.fault.fault == "whole-second":
            wall -= wall % NS_PER_S
        return clock.stamp(wall)

    def spring(self, job: Job, due: int) -> int:
        """Do it; return ``GO_ON`` for "and now the token", 0 for "it is over", or when to come again."""
        self.sprung = True
        kind, connection = self.fault.fault, job.connection
        if kind == "stall":
            return due + int(self.fault.for_s * 1e9)
        if kind == "slow-headers":
            return _trickle(job, due, self.fault.for_s)
        if kind == "cut":
            data = job.take_head() + job.next_frames()
            connection.write(data[: -len(data) // 3])
            job.leave("cut")
            connection.end()
            return 0
        if kind == "rst":
            job.leave("rst")
            connection.reset()
            return 0
        if kind in ("error", "eof"):
            connection.write(job.take_head())
            message = job.reply.broken(_BROKEN) if kind == "error" else None
            if message is not None:
                connection.write(job.frame(message))
            job.close_stream(kind)
            return 0
        self.twist = kind if kind in ("malformed", "utf8", "long") else ""
        return self.GO_ON

    def spring_whole(self, job: Job, due: int) -> int:
        """Do it to a request that asked for no stream: a stall, a broken connection, or an error instead."""
        self.sprung = True
        kind = self.fault.fault
        if kind in ("stall", "slow-headers"):
            return due + int(self.fault.for_s * 1e9)
        if kind in ("cut", "rst", "eof"):
            connection = job.connection
            job.leave(kind)
            if kind == "rst":
                connection.reset()
            else:
                connection.end()
            return 0
        if kind == "error":
            job.refuse(job.reply.error(ApiError(500, _BROKEN)))
            return 0
        return self.GO_ON

    def twisted(self, shape: Shape, variable: bytes, place: int) -> bytes:
        """Return the message at a place; the next one that has content is spoilt if that is the fault."""
        twist, self.twist = self.twist, ""
        if twist == "utf8":
            return shape.message(variable, place, b"\xff\xfe bad \xc3")
        if twist == "long":
            return shape.message(variable, place, b"x" * LONG_BYTES)
        message = shape.message(variable, place)
        if twist == "malformed":
            line = message.rstrip(b"\n")
            return line[:-2] + message[len(line) :]
        return message


def _trickle(job: Job, due: int, for_s: float) -> int:
    """Send the head in ten pieces over ``for_s`` seconds, then come back for the first token."""
    data = job.take_head()
    pieces = 10
    size = max(1, math.ceil(len(data) / pieces))
    step_ns = int(for_s * 1e9 / pieces)
    parts = [data[at : at + size] for at in range(0, len(data), size)]
    for n, part in enumerate(parts):

        def send(_due: int, part: bytes = part) -> int:
            if not job.dead:
                job.connection.write(part)
            return 0

        job.resources.reactor.at(due + n * step_ns, send)
    return due + pieces * step_ns
