"""The throttle's values: off, a rate an agent, a rate of all agents together, or a rate that adapts to a target.

A client-side throttle does not slow the server: what it does not let pass waits in the socket. So it can only ever add
to a delivery delay, and only ever take from an agent's rate; an adaptive one is there to find out how much of it a
target bears.
"""

import math
import re
from dataclasses import dataclass

from loopscope.core.errors import InputError
from loopscope.settings.levers.lever import Lever

VALID = (
    "off; 60 (chunks/s of each agent); shared:120 (of all agents together); adaptive:delay=20ms or adaptive:eff=90%"
    " (a rate an agent that follows a target)"
)
LEAST_HZ, MOST_HZ = 0.1, 1e6
_TARGET = re.compile(r"(delay|eff|efficiency)\s*=\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|%)?")


@dataclass(frozen=True, slots=True)
class Throttle:
    """One value. ``kind``: ``off``, ``each``, ``shared``, ``adaptive``."""

    kind: str = "off"
    rate_hz: float = 0.0
    """Chunks/s, of each agent or of all together."""
    target: str = ""
    """``delay`` or ``eff``, of an adaptive one."""
    value: float = 0.0
    """Its target: ms of the delay p99, or a share of what an agent gets alone."""

    def __str__(self) -> str:
        """Give the canonical string."""
        if self.kind == "each":
            return f"{self.rate_hz:g}"
        if self.kind == "shared":
            return f"shared:{self.rate_hz:g}"
        if self.kind == "adaptive":
            goal = f"delay={self.value:g}ms" if self.target == "delay" else f"eff={100 * self.value:g}%"
            return f"adaptive:{goal}"
        return "off"


def parse_throttle(text: str) -> Throttle:
    """Read a value.

    Raises:
        InputError: with the values that are valid.
    """
    word = text.strip().lower()
    if word in {"off", "0", "none"}:
        return Throttle()
    kind, sign, rest = word.partition(":")
    if kind == "adaptive":
        return _adaptive(text, rest if sign else "")
    if sign and kind != "shared":
        raise InputError(f"throttle={text!r} is not known; valid: {VALID}")
    rate = _rate(rest if sign else word)
    if rate is None:
        raise InputError(f"throttle={text!r} is not known; valid: {VALID}")
    return Throttle("shared" if sign else "each", rate)


def _rate(word: str) -> float | None:
    try:
        rate = float(word.removesuffix("tok/s").strip())
    except ValueError:
        return None
    return rate if LEAST_HZ <= rate <= MOST_HZ else None


def _adaptive(text: str, goal: str) -> Throttle:
    match = _TARGET.fullmatch(goal.strip())
    if match is None:
        raise InputError(
            f"throttle={text!r}: an adaptive one needs its target: adaptive:delay=20ms or adaptive:eff=90%"
        )
    number, unit = float(match[2]), match[3] or ""
    if match[1] == "delay":
        value = number * (1000.0 if unit == "s" else 1.0)
        if unit == "%" or not 0.1 <= value <= 60_000 or not math.isfinite(value):
            raise InputError(f"throttle={text!r}: a delay from 0.1 ms to 60 s, e.g. adaptive:delay=20ms")
        return Throttle("adaptive", target="delay", value=value)
    value = number / 100 if unit == "%" or number > 1 else number
    if unit in ("ms", "s") or not 0.01 <= value <= 1:
        raise InputError(f"throttle={text!r}: a share from 1 to 100 %, e.g. adaptive:eff=90%")
    return Throttle("adaptive", target="eff", value=value)


class _Throttle(Lever):
    name = "throttle"
    place = 10
    key = "t"
    ask_key = "T"
    ask_help = "enter a throttle: type the rate of an agent"
    default = "off"
    at_once = True
    rank = 1
    presets = ("off", "60")
    valid = VALID
    help = (
        "token bucket in the client, one an agent or one for all: it does not slow the server, chunks wait in the"
        " socket"
    )

    def parse(self, text: str) -> str:
        return str(parse_throttle(text))


LEVER = _Throttle()
