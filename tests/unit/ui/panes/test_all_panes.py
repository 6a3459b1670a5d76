"""What holds for every pane: rows of exactly the asked size, at any size, for any snapshot, and only as text."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopscope.core.text import plain
from loopscope.draw.ink import Row, text_of, width_of
from loopscope.model.snapshot import FindingView, ResultView, Snapshot
from loopscope.model.standing import NextLever, Standing
from loopscope.session.source import Abilities, Playback, Progress
from loopscope.ui import footer
from loopscope.ui.panes import (
    agents,
    ceiling,
    curve,
    detail,
    efficiency,
    findings,
    frames,
    header,
    histogram,
    ledger,
    levers,
    line,
    loop,
    messages,
    output,
    procedure,
    timeline,
)
from loopscope.ui.view import View
from ui.fakes import KNOWN, FakeSource, flipped, round_of

Draw = Callable[[View, int, int], list[Row]]
PANES: dict[str, Draw] = {
    "header": header.draw,
    "ceiling": ceiling.draw,
    "levers": levers.draw,
    "agents": agents.draw,
    "throughput": timeline.throughput,
    "power": timeline.power,
    "lag": histogram.lag,
    "gap": histogram.gap,
    "delay": histogram.delay,
    "footer": footer.draw,
    "small": frames.too_small,
    "messages": messages.draw,
    "identity": detail.identity,
    "quantiles": detail.quantiles,
    "rate": detail.rate_chart,
    "requests": detail.requests,
    "loop identity": loop.identity,
    "shares": loop.shares,
    "costs": loop.costs,
    "places": loop.places,
    "latest": loop.latest,
    "listing": findings.listing,
    "output": output.draw,
    "line": line.draw,
    "standings": curve.standings,
    "curve": curve.curve,
    "calibrated costs": curve.costs,
    "procedure": procedure.draw,
    "ab": procedure.ab,
    "ledger": ledger.draw,
    "best": ledger.summary,
    "pull": ledger.closely,
    "formulas": efficiency.formulas,
    "waterfall": efficiency.waterfall,
    "rounds": efficiency.rounds,
    "closely": findings.closely,
}
LIVE = Abilities(levers=True, procedures=True)


def view_of(snapshot: Snapshot, **more: object) -> View:
    """A view of one snapshot."""
    return View(snapshot=snapshot, seen=True, abilities=LIVE, **more)  # type: ignore[arg-type]


def hostile(words: str) -> Snapshot:
    """A snapshot in which every text from outside is the same nasty one, as it comes out of core.text.plain."""
    words = plain(words)

    def named(item: Any) -> Any:
        return replace(item, where=words, why=words, stack=(words,))

    base = FakeSource(3, failing=(1,)).snapshot()
    nasty_standing = Standing(1e300, None, 1e-300, words, words, words, words)
    nasty = tuple(replace(a, name=words, endpoint=words, model=words, words=words) for a in base.agents)
    return replace(
        base,
        agents=nasty,
        source_words=words,
        problem=words,
        output=(words,) * 3,
        findings=(FindingView(words, words, words, words, 1.0, figures={words: 1e300}),),
        past_findings=(FindingView(words, words, words, words, 1.0, until_s=9.0),),
        loop=replace(base.loop, name=words, draining=(words,), words={words: words}),
        stalls=tuple(map(named, base.stalls)),
        stall_places=tuple(map(named, base.stall_places[:1])),
        power=replace(base.power, label=words, words=words),
        ceiling=replace(
            base.ceiling,
            words=words,
            at_least_chunks_s=None,
            expected=nasty_standing,
            expected_words=words,
            full=nasty_standing,
            curve_words=words,
            server_words=words,
            next_levers=(NextLever(words, words, nasty_standing),),
        ),
        results=(
            ResultView(1.0, "round", words, {words: words, "scenario": words, "round": words}, {words: 1e300}),
            *(replace(one, words=words, settings=dict.fromkeys(one.settings, words)) for one in flipped()),
        ),
        marks=tuple(replace(m, label=words) for m in base.marks),
        effects=tuple(replace(e, words=words, old=words) for e in base.effects),
        levers=tuple(replace(lever, value=words, busy=words) for lever in base.levers),
    )


VIEWS = {
    "empty": View(),
    "two": view_of(FakeSource(2).snapshot()),
    "sixty-four": view_of(FakeSource(64, failing=(3,)).snapshot(), selected=40, order="delay"),
    "no power": view_of(FakeSource(1, power="none").snapshot(), paused=True, recording="/a/b/c.jsonl"),
    "replay": view_of(FakeSource(2, playback=True).snapshot(), playback=Playback(10.0, 300.0, True)),
    "past": view_of(FakeSource(2).snapshot(), playback=Playback(10.0, 300.0, True), running=True),
    "known": view_of(
        replace(
            FakeSource(2).snapshot(),
            ceiling=replace(FakeSource(2).snapshot().ceiling, **KNOWN),
            results=(round_of(1, 3.0), round_of(2, 4.0, "left out: a clock stepped")),
        ),
        procedure=Progress("ramp", "Ramp", True, 0.3, "words", 3.0, 45.0),
    ),
    "markup": view_of(hostile("[bold red]x[/] [@click=app.quit]y[/]")),
    "wide": view_of(hostile("代理一号 流れ агент 🙂🙂🙂 é́́")),
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("pane", PANES)
def test_rows_have_the_asked_size(pane: str, view: View) -> None:
    """At the sizes of the plans and at absurd ones, no row is longer or shorter than asked, and none is too many."""
    heights = (1, 2) if pane in {"header", "footer"} else (2, 3, 4, 6, 9, 12, 30)
    for width in (4, 11, 30, 38, 60, 79, 80, 107, 160, 200):
        for height in heights:
            rows = PANES[pane](view, width, height)
            assert len(rows) <= height, (width, height)
            for row in rows:
                assert sum(width_of(text) for text, _ in row) == width, (width, height, row)


@pytest.mark.parametrize("pane", PANES)
def test_nothing_is_drawn_for_nothing(pane: str) -> None:
    """An empty snapshot shows words or dashes, never a figure that was not measured."""
    text = text_of(PANES[pane](View(), 100, 12))
    assert "0.0" not in text.replace("0:00", "")
    assert "nan" not in text


@given(st.text(max_size=40))
@settings(max_examples=60)
def test_text_from_outside_stays_text(words: str) -> None:
    """Whatever a server says, after core.text.plain it is shown as it is and no control character gets through."""
    view = view_of(hostile(words))
    for name in (
        "header",
        "agents",
        "identity",
        "power",
        "levers",
        "ceiling",
        "loop identity",
        "costs",
        "places",
        "latest",
    ):
        for row in PANES[name](view, 120, 10):
            joined = "".join(text for text, _ in row)
            assert joined.isprintable()
            assert width_of(joined) == 120


@given(
    st.lists(st.floats(0, 1e9) | st.just(float("nan")), min_size=1, max_size=200),
    st.floats(0, 1e6),
)
@settings(max_examples=60)
def test_any_series_can_be_drawn(values: list[float], t_s: float) -> None:
    """Charts draw every series, gaps included."""
    base = FakeSource(2).snapshot()
    series = replace(
        base.series, t_s=t_s + 0.5 * np.arange(len(values)), chunks_s=np.array(values), elu=np.array(values) % 1.0
    )
    power = replace(base.power, t_s=series.t_s, values=np.array(values))
    view = view_of(replace(base, series=series, power=power, t_s=t_s))
    for name in ("throughput", "power"):
        for row in PANES[name](view, 90, 9):
            assert sum(width_of(text) for text, _ in row) == 90
