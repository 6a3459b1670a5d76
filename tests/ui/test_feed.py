"""How the app starts its source, asks it, and shows what it says."""

import asyncio
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from textual import events
from textual.pilot import Pilot

from loopscope.core.errors import WorkerError
from loopscope.core.text import plain
from loopscope.model.snapshot import Snapshot
from loopscope.ui import theming
from loopscope.ui.app import LoopscopeApp
from loopscope.ui.pane import Pane
from loopscope.ui.screens.board import Detail, Live
from loopscope.ui.screens.starting import Starting
from ui.conftest import screen_text, showing, until
from ui.fakes import FakeSource


def app_of(pilot: Pilot[None]) -> LoopscopeApp:
    """The app with its type."""
    return cast("LoopscopeApp", pilot.app)


def test_the_first_screen_stands_while_the_source_starts() -> None:
    """It says what is being started; levers do nothing yet; then the live screen takes its place."""

    async def run() -> None:
        gate = threading.Event()
        source = FakeSource(2, frozen=True, gate=gate)
        app = LoopscopeApp(source, theme="dark")
        async with app.run_test(size=(100, 30)) as pilot:
            await until(pilot, lambda: source.events == ["start"])
            assert isinstance(app.screen, Starting)
            assert "starting embedded pair" in screen_text(pilot)
            await pilot.press("t", "plus", "enter", "space", "z", "s")
            assert source.pulls == []
            gate.set()
            await until(pilot, lambda: isinstance(app.screen, Live) and app.view.seen)

    asyncio.run(run())


def test_a_source_that_cannot_start_ends_the_app() -> None:
    """The error is kept for the caller, and the app ends by itself."""

    async def run() -> None:
        failure = WorkerError("emulator-1 did not start within 5 s")
        app = LoopscopeApp(FakeSource(failure=failure), theme="dark")
        async with app.run_test() as pilot:
            await until(pilot, lambda: app._exit)
        assert app.failure is failure
        assert app.running is False

    asyncio.run(run())


def test_snapshots_may_come_from_any_thread() -> None:
    """Ten asks a second are answered from threads; the screen follows."""

    async def run() -> None:
        async with showing(FakeSource(2, threaded=True)) as pilot:
            first = app_of(pilot).view.snapshot.t_s
            await until(pilot, lambda: app_of(pilot).view.snapshot.t_s > first + 0.5)

    asyncio.run(run())


def test_asking_slows_down_where_nobody_looks() -> None:
    """Every tick asks; under a page one in ten, without focus one in five; with 300 agents every second."""

    async def run() -> None:
        source = FakeSource(2, frozen=True)
        async with showing(source) as pilot:
            app = app_of(pilot)

            def asks_in(ticks: int) -> int:
                # Counted in one go, without a wait in which the timer could tick as well.
                before = source.asks
                for _ in range(ticks):
                    app._tick()
                return source.asks - before

            assert asks_in(20) == 20
            await pilot.press("question_mark")
            assert asks_in(20) == 2
            await pilot.press("escape")
            app.on_app_blur(events.AppBlur())
            assert asks_in(20) == 4
            app.on_app_focus(events.AppFocus())
            assert asks_in(20) == 20
            app.view.snapshot = replace(app.view.snapshot, agents=app.view.snapshot.agents * 150)
            assert asks_in(20) == 10

    asyncio.run(run())


def test_only_rows_that_changed_are_drawn_again() -> None:
    """The same snapshot again repaints nothing; one other figure repaints the rows that hold it."""

    async def run() -> None:
        source = FakeSource(3, frozen=True)
        async with showing(source) as pilot:
            app = app_of(pilot)
            pane = app.screen.query_one("#agents", Pane)
            await until(pilot, lambda: bool(pane._strips))
            strips = list(pane._strips)
            pane.update()
            assert all(a is b for a, b in zip(strips, pane._strips, strict=True))
            agents = app.view.snapshot.agents
            app.view.snapshot = replace(
                app.view.snapshot, agents=(agents[0], replace(agents[1], requests=99_999), agents[2])
            )
            pane.update()
            changed = [y for y, (a, b) in enumerate(zip(strips, pane._strips, strict=True)) if a is not b]
            assert changed == [3]

    asyncio.run(run())


def test_results_and_problems_are_told() -> None:
    """When a lever has been judged a notification gives its figures; a problem is one, once."""

    async def run() -> None:
        trouble: list[str] = []
        source = FakeSource(2, frozen=True, history=False, edit=lambda s: replace(s, problem="".join(trouble)))
        async with showing(source, (160, 48)) as pilot:
            await pilot.press("b")
            source.tick += 60
            await until(pilot, lambda: "batch off → decode:50ms: ✓ CPU us/chunk" in screen_text(pilot))
            trouble.append("the rig died: [red]exit 1[/red]")
            await until(pilot, lambda: screen_text(pilot).count("the rig died: [red]exit 1[/red]") == 2)
            app = app_of(pilot)
            assert sum(one.title == "problem" for one in app.view.messages) == 1

    asyncio.run(run())


def test_text_of_servers_is_never_markup() -> None:
    """Names, words and findings with brackets are shown as they are, in the table, the detail, and the palette."""
    nasty = plain("[@click=app.quit]x[/] [bold")

    def edit(snapshot: Snapshot) -> Snapshot:
        agents = tuple(replace(a, name=nasty, endpoint=nasty, words=nasty, state="retrying") for a in snapshot.agents)
        finding = replace(snapshot.findings[0], name=nasty, sentence=nasty, evidence=nasty, lever=nasty)
        return replace(snapshot, agents=agents, findings=(finding,), source_words=nasty)

    async def run() -> None:
        async with showing(FakeSource(2, frozen=True, edit=edit), (160, 48)) as pilot:
            assert "[@click=app.quit]x[/] [bold" in screen_text(pilot)
            await pilot.press("f")
            await until(pilot, lambda: screen_text(pilot).count("[bold") > 5)
            await pilot.press("escape", "enter")
            await until(pilot, lambda: isinstance(app_of(pilot).screen, Detail))
            await pilot.press("ctrl+p", *"click")
            await until(pilot, lambda: "agent: [@click=app.quit]x[/] [bold" in screen_text(pilot))

    asyncio.run(run())


def test_small_and_back() -> None:
    """Below 60x16 the screen asks to be enlarged and recovers, in the detail as well; choice and zoom survive."""

    async def run() -> None:
        async with showing(FakeSource(4, frozen=True), (160, 48)) as pilot:
            await pilot.press("down")
            for opened, shown in (([], "event-loop lag"), (["enter"], "client gap")):
                await pilot.press(*opened)
                await pilot.resize_terminal(52, 14)
                await until(pilot, lambda: "needs 60 x 16" in screen_text(pilot))
                await pilot.press("question_mark", "escape")
                await pilot.resize_terminal(160, 48)
                await until(pilot, lambda shown=shown: shown in screen_text(pilot))  # type: ignore[misc]
            assert app_of(pilot).view.selected == 1

    asyncio.run(run())


@pytest.mark.parametrize("size", [(60, 16), (80, 24), (120, 36), (160, 48), (237, 61)])
def test_what_must_always_be_seen(size: tuple[int, int]) -> None:
    """At every size: EMBEDDED, the rate, "at least", busy share, the agents, losses, a key to leave."""

    async def run() -> None:
        def edit(snapshot: Snapshot) -> Snapshot:
            return replace(snapshot, observer=replace(snapshot.observer, dropped=7), problem="the disk is full")

        async with showing(FakeSource(3, frozen=True, edit=edit), size) as pilot:
            text = screen_text(pilot)
            for words in ("EMBEDDED", "at least", "loop busy", "agent-1", "dropped 7", "the disk is full", "q quit"):
                assert words in text, words

    asyncio.run(run())


def test_the_mouse() -> None:
    """A click chooses an agent, a second one opens it; the wheel moves the choice; a chart is enlarged by a click and
    made small by another; the footer's keys are buttons."""

    async def run() -> None:
        source = FakeSource(4, frozen=True, history=False)
        async with showing(source, (160, 48)) as pilot:
            app = app_of(pilot)
            await pilot.click("#agents", offset=(20, 4))
            await until(pilot, lambda: app.view.selected == 2)
            pane = app.screen.query_one("#agents", Pane)
            pane.post_message(Pane.Clicked(pane, events.Offset(5, 5), wheel=1))  # type: ignore[attr-defined]
            await until(pilot, lambda: app.view.selected == 3)
            await pilot.click("#agents", offset=(20, 5))
            await until(pilot, lambda: isinstance(app.screen, Detail))
            await pilot.press("escape")
            await pilot.click("#lag", offset=(5, 5))
            await until(pilot, lambda: app.view.zoom == "lag")
            await pilot.click("#lag", offset=(5, 5))
            await until(pilot, lambda: app.view.zoom == "")
            await pilot.click("#footer", offset=(16, 0))
            await until(pilot, lambda: source.pulls == [("loop", "uvloop")])

    asyncio.run(run())


def test_many_agents_scroll() -> None:
    """With 64 agents the chosen one is always on the screen, and the frame says which are shown."""

    async def run() -> None:
        async with showing(FakeSource(64, frozen=True), (120, 36)) as pilot:
            assert "of 64" in screen_text(pilot)
            for presses in range(7):
                chosen = app_of(pilot).view.chosen()
                assert chosen is not None
                assert f" {chosen.name} " in screen_text(pilot), presses
                await pilot.press("pagedown")
                await pilot.pause()
            assert "agent-64" in screen_text(pilot)

    asyncio.run(run())


def test_broken_themes_are_told_and_left_out(tmp_path: Path) -> None:
    """The screen opens with the default, and a notification names the file and the cause."""
    (tmp_path / "mine.toml").write_text('primary = "blurple"')
    book = theming.load([*theming.themes_dirs(), tmp_path])

    async def run() -> None:
        app = LoopscopeApp(FakeSource(2, frozen=True), book, "dark")
        async with app.run_test(size=(120, 36), notifications=True) as pilot:
            await until(pilot, lambda: "theme mine.toml: primary: 'blurple' is no" in screen_text(pilot))
            assert app.theme == "dark"

    asyncio.run(run())


def colours(pilot: Pilot[None]) -> set[str]:
    """Every colour that the screen would send."""
    strips = pilot.app.screen._compositor.render_strips()
    styles = [segment.style for strip in strips for segment in strip if segment.style is not None]
    return {str(c.name) for style in styles for c in (style.color, style.bgcolor) if c is not None}


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_COLOR: greys only."""
    monkeypatch.setenv("NO_COLOR", "1")

    async def run() -> None:
        async with showing(FakeSource(2, frozen=True)) as pilot:
            found = {name for name in colours(pilot) if name.startswith("#")}
            assert found
            assert all(name[1:3] == name[3:5] == name[5:7] for name in found), found

    asyncio.run(run())


def test_sixteen_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the terminal has sixteen, its own are used, and no other."""
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", "standard")

    async def run() -> None:
        app = LoopscopeApp(FakeSource(2, frozen=True, failing=(1,)))
        async with app.run_test(size=(120, 36)) as pilot:
            await until(pilot, lambda: app.view.seen)
            assert app.theme == theming.SIXTEEN
            assert not {name for name in colours(pilot) if name.startswith(("#", "rgb"))}

    asyncio.run(run())


def test_ascii_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """LOOPSCOPE_ASCII=1: no character beyond ASCII on the screen, in the detail, in help and in a question."""
    monkeypatch.setenv("LOOPSCOPE_ASCII", "1")
    assert os.environ["LOOPSCOPE_ASCII"] == "1"

    async def run() -> None:
        async with showing(FakeSource(3, frozen=True, failing=(1,)), (160, 48)) as pilot:
            for keys in ([], ["enter"], ["question_mark"], ["escape", "escape", "f"], ["escape", "T"]):
                await pilot.press(*keys)
                await pilot.pause()
                text = screen_text(pilot)
                assert text.isascii(), {c for c in text if not c.isascii()}

    asyncio.run(run())
