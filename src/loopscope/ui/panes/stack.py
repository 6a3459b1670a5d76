"""The loop's time as one stacked bar: own CPU, GC, blocked, no core, waiting; letters tell it without colour."""

from loopscope.core.format import share
from loopscope.draw.charts import stacked
from loopscope.draw.ink import Ink, Row, Run, width_of
from loopscope.model.loop_stack import LoopStack

LOOK: dict[str, tuple[str, str, str]] = {
    "own CPU": ("█", "stack-cpu", "CPU"),
    "GC": ("▓", "stack-gc", "GC"),
    "blocked": ("▚", "stack-blocked", "blocked"),
    "no core": ("▒", "stack-core", "no core"),
    "waiting": ("░", "trough", "waits"),
}
"""Character, style and short name of each part: five characters that differ where colours do not."""


def bar(stack: LoopStack, cells: int) -> list[Run]:
    """Draw the bar in so many cells."""
    parts = stack.parts()
    widths = stacked([value for _, value in parts], cells)
    return [(LOOK[name][0] * n, LOOK[name][1]) for (name, _), n in zip(parts, widths, strict=True) if n]


def legend(stack: LoopStack, room: int) -> list[Run]:
    """Name the parts with their shares; where there is less room in short, then without the smallest."""
    parts = list(stack.parts())
    runs = _named(parts, short=False)
    while parts and sum(width_of(text) for text, _ in runs) > room + 2:
        runs = _named(parts, short=True)
        if sum(width_of(text) for text, _ in runs) <= room + 2:
            break
        # First what is nothing; then what waits, for that is what is left and is seen without a name.
        parts.remove(min(parts, key=lambda part: 0.0005 if part[0] == "waiting" else part[1]))
    return runs


def _named(parts: list[tuple[str, float]], short: bool) -> list[Run]:
    runs: list[Run] = []
    for name, value in parts:
        sign, style, brief = LOOK[name]
        runs += [(f"{sign} ", style), (f"{brief if short else name} ", "label"), (f"{share(value)}  ", "value")]
    return runs


def rows(stack: LoopStack, inner: int) -> list[Row]:
    """Draw the bar and its legend below it."""
    return [
        Ink().gap(1).runs(bar(stack, inner - 2)).row(inner),
        Ink().gap(1).runs(legend(stack, inner - 1)).row(inner),
    ]
