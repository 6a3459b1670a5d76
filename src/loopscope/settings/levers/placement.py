"""Where agents run: on one loop, or each in a process of its own."""

from loopscope.core.errors import InputError
from loopscope.settings.levers.lever import Lever

MAX_LOOPS = 64
"""Rig processes side by side; each takes 40 MB and, to start, 0.4 s of a core."""


def loops_of(placement: str, agents: int) -> int:
    """How many loops, each in a process of its own, a canonical placement takes for so many agents.

    Raises:
        InputError: more than there may be.
    """
    kind, _, number = placement.partition(":")
    count = 1 if kind == "loop" else int(number or max(agents, 1))
    if count > MAX_LOOPS:
        raise InputError(
            f"placement=process would start {count} processes for {agents} agents, {MAX_LOOPS} are the most; spread"
            " them with placement=process:K"
        )
    return count


def follows_agents(placement: str) -> bool:
    """Say whether another number of agents means another number of processes."""
    return placement == "process"


class _Placement(Lever):
    name = "placement"
    place = 40
    key = "p"
    default = "loop"
    ceiling_place = 50
    founding = True
    presets = ("loop", "process:2", "process")
    valid = f"loop, process, process:K (K from 2 to {MAX_LOOPS})"
    help = (
        "where agents run: all on one loop, each in a process of its own, or spread over K processes; new rigs take"
        " over, the old ones drain"
    )

    def parse(self, text: str) -> str:
        word = text.lower()
        if word == "threads":
            raise InputError(
                "placement=threads is not offered: loops in threads share one interpreter lock, and builds without it"
                f" are not tested yet; valid: {self.valid}"
            )
        kind, sign, number = word.partition(":")
        if kind == "process" and sign and number.isascii() and number.isdigit() and 1 <= int(number[:9]) <= MAX_LOOPS:
            return "loop" if int(number) == 1 else f"process:{int(number)}"
        if sign or kind not in ("loop", "process"):
            raise InputError(f"placement={text!r} is not known; valid: {self.valid}")
        return kind


LEVER = _Placement()
