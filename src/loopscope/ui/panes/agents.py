"""Agents: one row each, with what it does now, how fast, and how late its chunks come."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from loopscope.core.format import NONE, count, ms, plural, rate
from loopscope.draw.charts import sparks
from loopscope.draw.ink import Ink, Row, Run, fit, frame, width_of
from loopscope.model.snapshot import AgentView
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

STATES: dict[str, tuple[str, str]] = {
    "starting": ("◌", "state-waiting"),
    "waiting": ("○", "state-waiting"),
    "streaming": ("●", "state-streaming"),
    "pausing": ("◦", "state-pausing"),
    "retrying": ("▲", "state-retrying bold"),
    "draining": ("▼", "state-waiting"),
    "gone": ("×", "state-pausing"),
}
"""Glyph and style of a state: never told by colour alone, for the word or the glyph stands there too."""

HEAD = 1
"""Rows above the first agent, the frame's edge not counted."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``rank``: the highest is left out first where there is no room."""

    title: str
    width: int
    rank: int
    text: Callable[[AgentView], str]
    style: str = "value"
    right: bool = True
    order: str = ""
    """Name of the order that sorts by it."""


def _endpoint(agent: AgentView) -> str:
    return agent.endpoint.split("://", 1)[-1].rstrip("/")


COLUMNS = (
    Column("agent", 10, 0, lambda a: a.name, "value", right=False, order="name"),
    Column("state", 9, 4, lambda a: a.state, "", right=False),
    Column("endpoint", 21, 7, _endpoint, "label", right=False),
    Column("tok/s", 6, 0, lambda a: rate(a.tok_s), "rate bold", order="tok/s"),
    Column("", 0, 0, lambda a: "", "spark", right=False),
    Column("TTFT", 6, 2, lambda a: ms(a.ttft_ms.p50)),
    Column("ITL", 6, 5, lambda a: ms(a.itl_ms.p50)),
    Column("gap p50", 8, 2, lambda a: ms(a.gap_ms.p50)),
    Column("p99", 6, 2, lambda a: ms(a.gap_ms.p99)),
    Column("delay p50", 10, 1, lambda a: NONE if a.delay_words else ms(a.delay_ms.p50), "delay"),
    Column("p99", 6, 1, lambda a: NONE if a.delay_words else ms(a.delay_ms.p99), "delay bold", order="delay"),
    Column("requests", 9, 6, lambda a: count(a.requests)),
    Column("errors", 7, 3, lambda a: count(a.errors), order="errors"),
)
_MIN_SPARK = 8


@dataclass(frozen=True, slots=True)
class Plan:
    """Which columns there are, and where: (column, its first cell), with ``spark`` cells for the sparkline."""

    columns: tuple[tuple[Column, int], ...]
    spark: int


def plan(width: int, names: int = 0) -> Plan:
    """Choose columns for a table of ``width`` cells: the ranks that fit, and all the rest for the sparkline.

    ``names`` is the length of the longest name; its column grows with it within reason.
    """
    kept = [replace(COLUMNS[0], width=min(16 if width >= 110 else 12, max(7, names))), *COLUMNS[1:]]
    while (spare := width - 3 - sum(c.width + 1 for c in kept)) < _MIN_SPARK and max(c.rank for c in kept) > 0:
        worst = max(c.rank for c in kept)
        kept = [c for c in kept if c.rank != worst]
    spark = max(0, min(60, spare))
    placed, x = [], 3
    for column in kept:
        placed.append((column, x))
        x += (spark if not column.title else column.width) + 1
    return Plan(tuple(placed), spark)


def first_shown(view: View, height: int) -> int:
    """Row of the table that stands on top when ``height`` agents fit, so that the chosen one can be seen."""
    agents = view.agents()
    place = next((i for i, a in enumerate(agents) if a.agent == view.selected), 0)
    # Scrolls by whole pages: a table that slides by one row a key press re-sends every row.
    page = max(1, height)
    return min(max(0, len(agents) - page), place // page * page)


def agent_at(view: View, y: int, height: int) -> int | None:
    """Give the number of the agent at row ``y`` of a pane of ``height`` rows (frame included); ``None`` beside it."""
    index = y - 1 - HEAD
    room = height - 2 - HEAD
    agents = view.agents()
    place = first_shown(view, room) + index
    return agents[place].agent if 0 <= index < room and 0 <= place < len(agents) else None


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the pane at ``width`` x ``height`` cells, frame included."""
    inner, room = width - 2, height - 2 - HEAD
    agents = view.agents()
    first = first_shown(view, room)
    shown = agents[first : first + max(0, room)]
    table = plan(inner, max((width_of(a.name) for a in agents), default=0))
    body = [_titles(table, inner, view)]
    if not agents:
        body += message("no agents yet", inner, max(0, room))
    chosen = view.chosen()
    lines = _sparklines(shown, table.spark, int(view.snapshot.t_s))
    for agent, line in zip(shown, lines, strict=True):
        body.append(_row(agent, line, table, inner, agent is chosen))
    return frame("agents", body, width, height, right=_sums(view), bottom=_place(view, first, len(shown), len(agents)))


def _sums(view: View) -> list[list[Run]]:
    snap = view.snapshot
    # What the servers hand out. The sum of decode rates counts agents together that never stream together.
    total = rate(snap.figures["tok_s.total"].value if snap.figures else None)
    errors: list[Run] = [(f" · {plural(snap.errors, 'error')}", "problem bold" if snap.errors else "label")]
    taken: list[Run] = [(f" · {snap.taken} cut by takeover", "label")] if snap.taken else []
    short: list[Run] = [
        (plural(len(snap.agents), "agent"), "label"),
        (" · ", "label"),
        (f"{total} tok/s", "value bold"),
    ]
    return [
        [*short, (f" · {plural(snap.requests, 'request')}", "label"), *errors, *taken, (" · times in ms", "label")],
        [*short, *errors, (" · ms", "label")],
        [*short, *errors],
    ]


def _place(view: View, first: int, shown: int, total: int) -> list[list[Run]]:
    order: list[Run] = [] if view.order == "name" else [(f"sorted by {view.order}", "label")]
    if shown >= total:
        return [order]
    words: list[Run] = [(f"{first + 1} to {first + shown} of {total}", "value")]
    return [[*order, *([("  ", "label")] if order else []), *words], words]


def _titles(table: Plan, inner: int, view: View) -> Row:
    ink = Ink()
    sparks_title = f"last {min(table.spark, 60)} s" if table.spark >= 9 else ""
    for column, x in table.columns:
        width = table.spark if not column.title else column.width
        sorted_by = column.order == view.order
        title = f"{'↑' if view.order == 'name' else '↓'}{column.title}" if sorted_by else column.title or sparks_title
        ink.to(x).fitted(title, width, "value bold" if sorted_by else "label", right=column.right)
    return ink.row(inner)


def _sparklines(agents: list[AgentView], cells: int, seconds: int) -> list[str]:
    """Draw all sparklines on one scale, so that rows can be compared; what was before the session is blank, no zero."""
    if not agents or not cells:
        return [""] * len(agents)
    values = np.full((len(agents), cells), np.nan)
    for row, agent in zip(values, agents, strict=True):
        tail = agent.spark_chunks_s[-min(cells, seconds) :] if seconds > 0 else ()
        if len(tail):
            row[cells - len(tail) :] = tail
    known = values[np.isfinite(values)]
    return sparks(values, float(known.max()) if len(known) else 1.0)


def _row(agent: AgentView, line: str, table: Plan, inner: int, chosen: bool) -> Row:
    glyph, style = STATES.get(agent.state, ("●", "state-waiting"))
    on = " on cursor" if chosen else ""
    ink = Ink().put("▸" if chosen else " ", "cursor-mark bold" + on).put(glyph, style + on).put(" ", "text" + on)
    # A failing agent's figures are old; its row says why instead, from the first time on.
    words = agent.words if agent.state == "retrying" or (agent.words and agent.state in {"gone", "starting"}) else ""
    for column, x in table.columns:
        if words and column.title in _COVERED:
            continue
        if words and column.title in {"requests", "errors"}:
            words = _say(ink, words, x - 1, on)
        width = table.spark if not column.title else column.width
        if not column.title:
            text, look = line, column.style
        else:
            text, look = column.text(agent), column.style or style
        if column.title == "errors" and agent.errors:
            look = "problem bold"
        ink.put(" " * (x - ink.width), "text" + on).put(fit(text, width, column.right), look + on)
    if words:
        _say(ink, words, inner, on)
    return ink.put(" " * (inner - ink.width), "text" + on).row(inner)


_COVERED = {"TTFT", "ITL", "gap p50", "p99", "delay p50"}


def _say(ink: Ink, words: str, end: int, on: str) -> str:
    ink.put(" ", "text" + on)
    ink.put(fit(words, max(0, end - ink.width)), "state-retrying" + on)
    return ""
