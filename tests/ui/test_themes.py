"""Every shipped theme: complete, readable, and usable by the app."""

import asyncio
import itertools
from pathlib import Path

import pytest
from textual.color import Color

from loopscope.settings.places import themes_dirs
from loopscope.ui import theming
from loopscope.ui.paint import Paint
from ui.conftest import showing
from ui.fakes import FakeSource

BOOK = theming.load(themes_dirs()[:1])
TEXT = (
    "text",
    "value",
    "label",
    "missing",
    "title",
    "key",
    "rate",
    "bound",
    "elu",
    "delay",
    "delay-slow",
    "lag",
    "lag-slow",
    "gap-ok",
    "gap-slow",
    "stall",
    "power",
    "mark",
    "busy",
    "better",
    "worse",
    "same",
    "lever-moved",
    "finding",
    "state-streaming",
    "state-waiting",
    "state-pausing",
    "state-retrying",
)
DRAWN = ("spark", "power-dim", "axis", *(f"series-{i}" for i in range(1, 9)))
ON = (
    ("header-text", "header"),
    ("header-strong", "header"),
    ("header-label", "header"),
    ("finding", "header"),
    ("footer-text", "footer"),
    ("footer-key", "footer"),
    ("badge-text", "embedded"),
    ("badge-text", "problem"),
    ("badge-text", "paused"),
    ("badge-text", "recording"),
    ("value", "cursor"),
    ("rate", "cursor"),
    ("delay", "cursor"),
    ("label", "cursor"),
    ("state-retrying", "cursor"),
)


def colours(name: str) -> dict[str, Color]:
    """Every variable of a theme as a colour."""
    theme = BOOK.themes[name]
    values = {**theming.defaults(theme), "background": theme.background or "", "foreground": theme.foreground or ""}
    return {key: Color.parse(value) for key, value in values.items()}


def contrast(a: Color, b: Color) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1 to 21."""

    def luminance(colour: Color) -> float:
        parts = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour.normalized]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    light, dark = sorted((luminance(a), luminance(b)), reverse=True)
    return round((light + 0.05) / (dark + 0.05), 1)


def test_the_shipped_ones() -> None:
    """At least dark, light and high contrast; none is broken; the default is there."""
    assert BOOK.broken == []
    assert {"dark", "light", "high-contrast", "stage", "terminal"} <= set(BOOK.themes)
    assert BOOK.names()[0] == theming.DEFAULT == "dark"


@pytest.mark.parametrize("name", sorted(set(BOOK.themes) - {"terminal"}))
def test_what_is_written_can_be_read(name: str) -> None:
    """Words stand out at 4.5:1 (high contrast: 7:1), charts at 2:1, words on a ground of their own at 3.5:1."""
    values = colours(name)
    ground = values["background"]
    words = 7.0 if name == "high-contrast" else 4.5
    weak = {key: contrast(values[key], ground) for key in TEXT}
    assert not {key: ratio for key, ratio in weak.items() if ratio < words}
    drawn = {key: contrast(values[key], ground) for key in DRAWN}
    assert not {key: ratio for key, ratio in drawn.items() if ratio < 2.0}
    on = {pair: contrast(values[pair[0]], values[pair[1]]) for pair in ON}
    assert not {pair: ratio for pair, ratio in on.items() if ratio < 3.5}


@pytest.mark.parametrize("name", sorted(BOOK.themes))
def test_meanings_have_colours_of_their_own(name: str) -> None:
    """Better and worse, and the three steps of each histogram, are never the same colour."""
    values = colours(name)
    for group in (
        ("better", "worse"),
        ("lag", "lag-slow", "stall"),
        ("gap-ok", "gap-slow", "stall"),
        ("delay", "delay-slow", "stall"),
        ("rate", "elu", "mark"),
    ):
        for a, b in itertools.combinations(group, 2):
            assert values[a] != values[b], (a, b)


@pytest.mark.parametrize("name", sorted(BOOK.themes))
def test_the_app_runs_in_it(name: str) -> None:
    """Screens, a page, a question and the palette open, and every style that was used is one of its colours."""

    async def run() -> None:
        async with showing(FakeSource(2, frozen=True, failing=(1,)), theme=name) as pilot:
            await pilot.press("enter", "escape", "question_mark", "escape", "T", "escape", "ctrl+p", "escape")
            await pilot.pause()
            assert pilot.app.theme == name
            paint: Paint = pilot.app.paint  # type: ignore[attr-defined]
            used = {word for words in paint._styles for word in words.split() if word not in {"on", "bold"}}
            assert used <= {*theming.OWN, "background"}, used - set(theming.OWN)

    asyncio.run(run())


def test_every_name_is_described() -> None:
    """The page about themes has each of our names, and no other key of a file is unknown to it."""
    page = (Path(__file__).parents[2] / "docs" / "themes.md").read_text("utf-8")
    names = {name for name in theming.OWN if not name.startswith("series-")} | {"series-1", "series-8"}
    keys = {*theming._COLOURS, *theming._FLAGS, *theming._NUMBERS}
    assert not {name for name in names | keys if f"`{name}`" not in page}


@pytest.mark.parametrize("name", ["nord", "textual-light", "ansi-light"])
def test_themes_of_textual_work_too(name: str) -> None:
    """They know nothing of our names; stand-ins are taken."""

    async def run() -> None:
        async with showing(FakeSource(2, frozen=True), theme=name) as pilot:
            assert pilot.app.theme == name

    asyncio.run(run())
