"""Efficiency of rounds: the three formulas side by side, where the rest went as an exact sum, and each round."""

from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np

from loopscope.core.format import NONE, clock, interval, number, plural, points, share
from loopscope.draw import digits
from loopscope.draw.charts import meter
from loopscope.draw.ink import Ink, Row, fit, frame
from loopscope.model.snapshot import ResultView
from loopscope.stats.intervals import mean_interval
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

FORMULAS = (
    ("measured", "what the same work takes alone, over agents x wall time"),
    ("wall", "sum of the agents' wall times over agents x wall time (published for Rust)"),
    ("reported", "sum of the servers' prompt and decode times over agents x wall time (published for Python)"),
)
PARTS = (
    ("imbalance", "one has finished, or not begun, while another works"),
    ("cold_start", "the model was loaded"),
    ("prompt", "prompts take longer than alone"),
    ("decode", "tokens take longer than alone"),
    ("queue", "the server let requests wait"),
    ("client", "connect, transport, loop, throttle, batching"),
    ("unsplit", "server and client together: this server reports no durations"),
)
Means = Mapping[str, float | None]


def latest(results: Sequence[ResultView]) -> tuple[Means, list[ResultView], str]:
    """Give the figures to show, the rounds they are of, and what they are called."""
    rounds: list[ResultView] = []
    means: Means = {}
    name = ""
    for told in results:
        if told.what == "round":
            called = told.settings.get("scenario", "")
            key = f"{called}{', ' if called else ''}{told.settings.get('agents', '?')} agents"
            if key != name or told.settings.get("round") == "1":
                rounds = []
            rounds.append(told)
            name, means = key, {}
        elif told.what == "scenario":
            means = told.figures
    if not means and rounds:
        counted = [told.figures for told in rounds if not told.words and told.figures]
        names = dict.fromkeys(key for figures in counted for key in figures)
        values = {key: [v for f in counted if (v := f.get(key)) is not None] for key in names}
        means = {key: fmean(found) for key, found in values.items() if len(found) == len(counted)}
    return means, rounds, name


def formulas(view: View, width: int, height: int) -> list[Row]:
    """Three figures with their names: they measure different things, and only the first one sees contention."""
    means, rounds, name = latest(view.snapshot.results)
    inner, high = width - 2, height - 2
    if not rounds:
        words = "no rounds yet: S runs those of the scenario" if view.abilities.procedures else "no rounds in it"
        return frame("efficiency", message(words, inner, high), width, height)
    third = inner // 3
    body: list[Row] = []
    figures = [points(means.get(key)) for key, _ in FORMULAS]
    if high >= 5:
        glyphs = [digits.small(text) for text in figures]
        for y in range(3):
            ink = Ink()
            for place, glyph in enumerate(glyphs):
                ink.to(place * third + 1).put(glyph[y], "rate bold" if place == 0 else "bound")
            body.append(ink.row(inner))
    names = Ink()
    for place, (key, _) in enumerate(FORMULAS):
        names.to(place * third + 1).put(f"{key}, %" if high >= 5 else f"{key} {figures[place]} %", "value bold")
        between = _between(rounds, key)
        if between and third >= 36:
            names.put(f"  {between}", "label")
    body.append(names.row(inner))
    lines = [Ink().put(fit(f" {key}: {words}", inner), "label").row(inner) for key, words in FORMULAS]
    body += lines[: max(0, high - len(body))]
    counted = sum(not told.words for told in rounds)
    speedup = means.get("speedup")
    said = f"{name} · {counted} of {plural(len(rounds), 'round')} count"
    if speedup is not None:
        said += f" · speed-up {number(speedup)}"
    return frame("efficiency", body, width, height, right=[[(said, "label")], []])


def _between(rounds: Sequence[ResultView], name: str) -> str:
    """The 95 % interval of the mean over the rounds that count; empty with fewer than two."""
    values = [v for one in rounds if not one.words and (v := one.figures.get(name)) is not None]
    if len(values) < 2:
        return ""
    found = mean_interval(np.array(values), autocorrelated=False)
    return interval(found.low, found.high, points) if found is not None else ""


def waterfall(view: View, width: int, height: int) -> list[Row]:
    """Where the rest went: parts that sum to 1 - measured; a part may be negative, and is drawn as such."""
    means, rounds, _ = latest(view.snapshot.results)
    inner, high = width - 2, height - 2
    title = "where the rest went"
    measured = means.get("measured")
    if not rounds or measured is None:
        return frame(title, message("not enough data", inner, high), width, height)
    chosen, level = chosen_part(view), 1.0
    cells = max(10, min(60, inner - 62))
    body = [_step("alone, at once", "", 1.0, 0.0, 1.0, cells, inner, "bound")]
    words_by_part = dict(PARTS)
    for key in _rows(means):
        if key == "":
            body += _client(means, inner)
            continue
        value = means[key] or 0.0
        low, high_end = sorted((level, level - value))
        name, words = key.replace("_", " "), words_by_part[key]
        body.append(_step(name, words, -value, low, high_end, cells, inner, _look(value), chosen=key == chosen))
        level -= value
    body.append(_step("measured", "", measured, 0.0, measured, cells, inner, "rate"))
    off = abs(level - measured)
    words = "the parts sum to it exactly" if off < 1e-6 else f"the parts miss it by {share(off)}"
    return frame(title, body[:high], width, height, bottom=[[(words, "label" if off < 1e-6 else "problem")]])


def _rows(means: Means) -> list[str]:
    """What stands in the rows below the first one: a part, or nothing where the client's own parts are told."""
    rows: list[str] = []
    for key, _ in PARTS:
        if means.get(key) is not None:
            rows.append(key)
            if key == "client" and _of_client(means):
                rows.append("")
    return rows


def parts(view: View) -> list[str]:
    """The parts that are known, in the order in which they stand."""
    means, rounds, _ = latest(view.snapshot.results)
    return [key for key in _rows(means) if key] if rounds and means.get("measured") is not None else []


def chosen_part(view: View) -> str:
    """The part whose evidence is shown: the chosen one, else the largest."""
    known = parts(view)
    if view.part in known:
        return view.part
    means, _, _ = latest(view.snapshot.results)
    return max(known, key=lambda name: means[name] or 0.0, default="")


def part_at(view: View, y: int, height: int) -> str:
    """Give the part at row ``y`` of the waterfall of ``height`` rows (frame included); empty beside one."""
    means, _, _ = latest(view.snapshot.results)
    rows = _rows(means) if parts(view) else []
    place = y - 2
    if not (0 <= place < len(rows) and y < height - 1):
        return ""
    return rows[place] or "client"


def _look(value: float) -> str:
    return "stall" if value >= 0.05 else ("delay-slow" if value > 0 else "better")


def _step(
    name: str,
    words: str,
    value: float,
    low: float,
    high: float,
    cells: int,
    inner: int,
    style: str,
    *,
    chosen: bool = False,
) -> Row:
    figure = _signed(value) if words else points(value)
    ink = Ink().put("▸" if chosen else " ", "cursor-mark bold").fitted(name, 15, "value bold" if chosen else "label")
    ink.fitted(figure, 7, "value bold", right=True).gap(2)
    start = min(cells - 1, max(0, round(low * cells)))
    # What rounds to no cell is still seen, but for a part that is nothing.
    size = max(1, min(cells - start, round((high - low) * cells))) if abs(high - low) >= 5e-4 else 0
    filled, _ = meter(1.0, size)
    ink.gap(start).put(filled, style).to(26 + cells)
    return ink.put(fit(words, max(0, inner - ink.width)), "label").row(inner)


def _signed(value: float) -> str:
    points = round(100 * value, 1)
    return f"{points:+.1f}" if points else "0.0"


def _of_client(means: Means) -> str:
    found = [(key.removeprefix("client_"), value) for key, value in means.items() if key.startswith("client_")]
    return " · ".join(f"{key.replace('_', ' ')} {_signed(-value)}" for key, value in found if value is not None)


def _client(means: Means, inner: int) -> list[Row]:
    return [Ink().to(4).put(fit(f"of it {_of_client(means)}", max(0, inner - 4)), "label").row(inner)]


def rounds(view: View, width: int, height: int) -> list[Row]:
    """One row a round, the newest on top; one that does not count says why."""
    _, told, _ = latest(view.snapshot.results)
    inner, high = width - 2, height - 2
    if not told:
        return frame("rounds", message("none yet", inner, high), width, height)
    titles = ("measured", "wall", "reported", "speedup", "imbalance", "decode", "client")
    columns = titles[: max(0, (inner - 14) // 10)]
    head = Ink().put("   at  round", "label").to(14)
    for name in columns:
        head.fitted(name, 10, "label", right=True)
    body = [head.row(inner)]
    for one in list(reversed(told))[: max(0, high - 1)]:
        ink = Ink().fitted(clock(one.t_s), 6, "label", right=True)
        ink.fitted(one.settings.get("round", NONE), 6, "value", right=True).to(14)
        for name in columns:
            value = one.figures.get(name)
            text = NONE if value is None else (number(value) if name == "speedup" else points(value))
            ink.fitted(text, 10, "value", right=True)
        body.append(ink.put(fit(f"  {one.words}", max(0, inner - ink.width)), "finding").row(inner))
    return frame("rounds, newest first, %", body, width, height)
