"""A part of the loss, closely: what it is, how large, which agent lost it, and what of it the client did."""

import textwrap
from collections.abc import Iterator, Sequence

from loopscope.core.format import NONE, count, signed
from loopscope.draw.ink import Ink, Row, fit, frame
from loopscope.model.snapshot import ResultView
from loopscope.report.evidence import CLIENT, FORMULAS, LOSSES, minus, seen, words_of
from loopscope.report.procedure_results.build import RoundsFound, rounds_in
from loopscope.stats.attribution import CLIENT_PARTS
from loopscope.ui.panes.efficiency import chosen_part, latest
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

_LEAD = 11


class _Found:
    """The latest rounds, put together once for as long as no other results come: intervals cost 2 ms, ten times a
    second."""

    def __init__(self) -> None:
        self._of: tuple[ResultView, ...] = ()
        self._rounds: RoundsFound | None = None

    def look(self, results: Sequence[ResultView]) -> RoundsFound | None:
        if len(results) != len(self._of) or any(new is not old for new, old in zip(results, self._of, strict=True)):
            self._of = tuple(results)
            self._rounds = next(reversed(list(rounds_in(results))), None)
        return self._rounds


_FOUND = _Found()


def closely(view: View, width: int, height: int) -> list[Row]:
    """Draw the chosen part: its size in points and in time, its definition, each agent's, the client's own parts."""
    inner, high = width - 2, height - 2
    name, found = chosen_part(view), _FOUND.look(view.snapshot.results)
    means, _, _ = latest(view.snapshot.results)
    value = means.get(name)
    if found is None or value is None:
        return frame("the chosen part", message("not enough data", inner, high), width, height)
    size_ms = _round_ms(found)
    words = [
        *_paragraph("what", LOSSES[name], "value", inner),
        *_paragraph("sum of", f"{FORMULAS[name]}; over agents x wall time", "label", inner),
    ]
    figures = [*(_client(found, size_ms, inner) if name == "client" else ()), *_agents(name, found, size_ms, inner)]
    # Where not all of it has room, the figures go before the definition, which a manual has as well.
    rest = [*words, *figures] if 1 + len(words) + len(figures) <= high else [*figures, *words]
    lines = [_size(name, value, size_ms, found, inner), *rest]
    keys = [[("↑ ↓ or a click", "key"), (" choose another part", "label")]]
    return frame(words_of(name), lines[: max(0, high)], width, height, bottom=keys)


def _round_ms(found: RoundsFound) -> float | None:
    """Agents x wall time of a round, the mean of those that count: what a part is a share of."""
    wall_s = found.means.get("wall_s")
    return None if wall_s is None or not found.agents else 1000 * found.agents * wall_s


def _ms(value: float | None, whole_ms: float | None) -> str:
    """A share of the round in milliseconds, as what it takes away."""
    if value is None or whole_ms is None:
        return NONE
    return f"{signed(-value * whole_ms, count)} ms"


def _size(name: str, value: float, whole_ms: float | None, found: RoundsFound, inner: int) -> Row:
    ink = Ink().put(f" {minus(value)} points", "stall bold" if value > 0 else "better bold")
    held = found.over.get(name)
    if held is not None and held.interval is not None:
        ink.put(f" (95 %: {minus(held.interval.high)} to {minus(held.interval.low)})", "label")
    if whole_ms is None:
        words = " · in ms: this trace does not say how long a round took"
    else:
        words = f" = {_ms(value, whole_ms)} of {count(whole_ms)} ms a round"
    return ink.put(fit(words, max(0, inner - ink.width)), "value").row(inner)


def _paragraph(name: str, text: str, style: str, inner: int) -> list[Row]:
    room = max(10, inner - _LEAD - 1)
    return [
        Ink().put(f" {name if i == 0 else '':<{_LEAD - 1}}", "label").put(fit(line, room), style).row(inner)
        for i, line in enumerate(textwrap.wrap(text, room) or [""])
    ]


def _client(found: RoundsFound, whole_ms: float | None, inner: int) -> Iterator[Row]:
    for name in CLIENT_PARTS:
        value = found.means.get(f"client_{name}")
        yield _row(name, value, whole_ms, CLIENT[name] if value is not None else "this trace does not say", inner)


def _agents(part: str, found: RoundsFound, whole_ms: float | None, inner: int) -> list[Row]:
    rows = [
        _row(name, lost, whole_ms, ", ".join(seen(part, figures)), inner)
        for name, figures in found.by_agent.items()
        if (lost := figures.get(part)) is not None
    ]
    if rows:
        return rows
    words = "this trace does not say it" if found.finished else "told when all rounds are done"
    return _paragraph("by agent", words, "missing", inner)


def _row(name: str, value: float | None, whole_ms: float | None, words: str, inner: int) -> Row:
    ink = (
        Ink()
        .put(" ")
        .fitted(name, 14, "label")
        .fitted(NONE if value is None else minus(value), 7, "value bold", right=True)
    )
    ink.fitted(_ms(value, whole_ms), 11, "value", right=True)
    return ink.put(fit(f"  {words}", max(0, inner - ink.width)), "label").row(inner)
