"""Every key does what the help page says."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
from textual import events
from textual.pilot import Pilot

from loopscope.core.errors import InputError, RefusedError
from loopscope.core.format import clock
from loopscope.model.snapshot import FindingView, MarkView, Snapshot
from loopscope.settings.clients import CLIENTS
from loopscope.ui.actions import ACTIONS
from loopscope.ui.app import LoopscopeApp
from loopscope.ui.pane import Bar
from loopscope.ui.panes import line
from loopscope.ui.playback_controller import moment
from loopscope.ui.screens.board import Detail, Findings, Live, Loop
from loopscope.ui.screens.modals import Ask, Page
from ui.conftest import screen_text, showing, until
from ui.fakes import FakeSource, by_agent, round_of

Steps = Callable[[Pilot[None], LoopscopeApp], Awaitable[None]]


def play(source: FakeSource, steps: Steps, size: tuple[int, int] = (120, 36)) -> None:
    """Run the app over a source and do some steps."""

    async def run() -> None:
        async with showing(source, size) as pilot:
            await steps(pilot, cast("LoopscopeApp", pilot.app))

    asyncio.run(run())


def fresh(**more: Any) -> FakeSource:
    """A source whose levers stand at their defaults."""
    return FakeSource(**{"agents": 3, "frozen": True, "history": False, **more})


@pytest.mark.parametrize(
    ("keys", "pulls"),
    [
        ("t", [("throttle", "60")]),
        ("u", [("loop", "uvloop")]),
        ("b", [("batch", "decode:50ms")]),
        ("bbbb", [("batch", "decode:50ms"), ("batch", "read:50ms"), ("batch", "decode:1KiB"), ("batch", "off")]),
        ("d", [("decoder", "json")]),
        ("++-", [("agents", "4"), ("agents", "5"), ("agents", "4")]),
        ("=_", [("agents", "4"), ("agents", "3")]),
    ],
)
def test_levers(keys: str, pulls: list[tuple[str, str]]) -> None:
    """Each key pulls its lever, from the value that was asked for last."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press(*keys)
        await until(pilot, lambda: source.pulls == pulls)

    play(source, steps)


def test_a_typed_throttle() -> None:
    """T asks; a wrong value is answered with the valid ones and asked again; t comes round to the typed one."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("T")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press(*"fast", "enter")
        await until(pilot, lambda: "is not known; valid: off" in screen_text(pilot))
        assert source.pulls == []
        await pilot.press(*["backspace"] * 4, *"45", "enter")
        await until(pilot, lambda: source.pulls == [("throttle", "45")])
        await until(pilot, lambda: app.view.lever("throttle") == "45")
        await pilot.press("t", "t", "t")
        await until(pilot, lambda: [value for _, value in source.pulls] == ["45", "off", "60", "45"])

    play(source, steps)


@pytest.mark.parametrize(("key", "name"), [("B", "batch"), ("number_sign", "agents")])
def test_other_questions_can_be_cancelled(key: str, name: str) -> None:
    """The question names its lever, escape changes nothing, and a letter typed into it is no command."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, Ask) and name in screen_text(pilot))
        await pilot.press("u", "t", "escape")
        await until(pilot, lambda: isinstance(app.screen, Live))
        assert source.pulls == []

    play(source, steps)


def test_a_refused_pull_is_a_notification() -> None:
    """The source's own sentence is shown, as text: its brackets are no markup."""
    source = fresh()

    def refuse(lever: str, value: str, by: str = "key") -> None:
        raise InputError("batch=[bold]x[/bold] is not known")

    source.pull = refuse  # type: ignore[method-assign]

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("b")
        await until(pilot, lambda: "batch=[bold]x[/bold] is not known" in screen_text(pilot))

    play(source, steps)


def test_a_client_that_cannot_speak_with_these_servers_is_left_out() -> None:
    """OpenAI's dialect: from streams the key goes on past ollama to httpx, and says why."""
    source = fresh()
    source.levers["client"] = "streams"
    pull = source.pull

    def speak(lever: str, value: str, by: str = "key") -> None:
        if words := CLIENTS[value].does_not_speak(["openai"]):
            raise RefusedError(words)
        pull(lever, value, by)

    source.pull = speak  # type: ignore[method-assign]

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("c")
        await until(pilot, lambda: source.pulls == [("client", "httpx")])
        await until(pilot, lambda: "ollama is left out: client=ollama speaks" in screen_text(pilot))

    play(source, steps)


def test_a_lever_whose_every_value_is_refused_stays_as_it_is() -> None:
    """Each is tried once, and each reason is said."""
    source, asked = fresh(), []

    def refuse(lever: str, value: str, by: str = "key") -> None:
        asked.append(value)
        raise RefusedError(f"{value} cannot be had")

    source.pull = refuse  # type: ignore[method-assign]

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("b")
        await until(pilot, lambda: "decode:1KiB cannot be had" in screen_text(pilot))
        assert asked == ["decode:50ms", "read:50ms", "decode:1KiB"]

    play(source, steps)


def test_pause_freezes_the_screen_and_not_the_data() -> None:
    """While paused nothing is asked and the elapsed time stands; going on shows what has happened since."""
    source = FakeSource(2)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("space")
        await until(pilot, lambda: "PAUSED" in screen_text(pilot))
        asks, shown = source.asks, app.view.snapshot
        source.tick += 5000
        for _ in range(30):
            app._tick()
        await pilot.pause()
        assert source.asks == asks
        assert app.view.snapshot is shown
        await pilot.press("space")
        await until(pilot, lambda: app.view.snapshot.t_s > 500)
        assert "PAUSED" not in screen_text(pilot)

    play(source, steps)


def test_pause_plays_and_stops_a_replay() -> None:
    """In a replay space is the recording's, levers have no keys, and the header tells place and length."""
    source = fresh(playback=True, levers=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        assert "1:13 / 4:56" in screen_text(pilot)
        await pilot.press("space", "t", "u", "+", "T", "m")
        await until(pilot, lambda: "stopped" in screen_text(pilot))
        assert source.playing is False
        assert source.pulls == []
        assert isinstance(app.screen, Live)
        await pilot.press("space")
        await until(pilot, lambda: source.playing)

    play(source, steps)


def test_moving_in_a_replay() -> None:
    """Arrows jump and go on playing, comma and full stop step and pause, brackets set the speed, L loops."""
    source = fresh(playback=True, levers=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("right", "left", "left")
        assert source.seeks == [83.0, 73.0, 63.0]
        assert source.playing
        await pilot.press("shift+right", "shift+left", "comma", "full_stop", "full_stop")
        assert source.seeks[3:] == [123.0, 63.0, 62.0, 63.0, 64.0]
        assert not source.playing
        await until(pilot, lambda: "stopped" in screen_text(pilot))
        await pilot.press("space", "]", "]", "greater_than_sign")
        assert source.speed == 8.0
        await until(pilot, lambda: "▶ 8x" in screen_text(pilot))
        await pilot.press(*["]"] * 9)
        assert source.speed == 64.0
        await pilot.press(*["["] * 9, "less_than_sign")
        assert source.speed == 0.25
        await pilot.press("L")
        await until(pilot, lambda: source.loop and "again and again" in screen_text(pilot))
        await pilot.press("L", "home")
        assert not source.loop and source.seeks[-1] == 0.0
        await pilot.press("left")
        assert source.seeks[-1] == 0.0
        await pilot.press("end")
        assert source.events[-1] == "now"
        await until(pilot, lambda: "4:56 / 4:56" in screen_text(pilot))

    play(source, steps)


def test_going_to_a_time() -> None:
    """g asks; what is no time is asked again; a moment beyond the end is the end."""
    source = fresh(playback=True, levers=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("g")
        await until(pilot, lambda: "up to 4:56" in screen_text(pilot))
        await pilot.press(*"soon", "enter")
        await until(pilot, lambda: "a time is m:ss" in screen_text(pilot))
        await pilot.press(*["backspace"] * 4, *"1:23.5", "enter")
        await until(pilot, lambda: source.seeks == [83.5])
        await pilot.press("g", *"9:00:00", "enter")
        await until(pilot, lambda: source.seeks[-1] == 32_400.0 and "4:56 / 4:56" in screen_text(pilot))

    play(source, steps)


def test_marks_are_gone_to() -> None:
    """n and N go from one mark to the next and say which; while it plays, N does not stick to the last one."""
    source = fresh(playback=True, levers=False)
    source.marks.append(MarkView(12.0, "throttle=60", "lever"))

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("N")
        assert source.seeks == [52.4]
        await until(pilot, lambda: "! stall 44 ms at 0:52" in screen_text(pilot))
        await pilot.press("N", "N", "n")
        assert source.seeks[1:] == [31.0, 12.0, 31.0]
        await pilot.press("N", "N")
        await until(pilot, lambda: "no mark before this" in screen_text(pilot))
        source.tick += 4
        await pilot.press("home", "N", "end", "n")
        await until(pilot, lambda: "no mark after this" in screen_text(pilot))

    play(source, steps)


def test_the_past_of_what_goes_on() -> None:
    """Live, the same keys lead into the past, which says so in words and colours; levers and marks wait; End is now."""
    source = FakeSource(2, past=True, history=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        assert "the whole run" not in screen_text(pilot)
        frames = app.paint.style("frame").color
        await pilot.press("left")
        await until(pilot, lambda: screen_text(pilot).count("PAST") >= 3)
        assert "live goes on, now is 1:1" in screen_text(pilot) and "press End for now" in screen_text(pilot)
        await until(pilot, lambda: app.paint.style("frame").color != frames)
        await pilot.press("u", "+", "m", "T")
        await until(pilot, lambda: "this is the past" in screen_text(pilot))
        assert source.pulls == [] and source.marks == [] and isinstance(app.screen, Live)
        assert source.now_tick is not None
        await pilot.press("end")
        await until(pilot, lambda: "PAST 1:" not in screen_text(pilot) and source.now_tick is None)
        await until(pilot, lambda: app.paint.style("frame").color == frames)
        await pilot.press("u")
        await until(pilot, lambda: source.pulls == [("loop", "uvloop")])
        await pilot.press("space")
        await until(pilot, lambda: "stopped" in screen_text(pilot) and app.view.past)
        await pilot.press("l", "escape")
        assert app.view.past
        await pilot.press("escape")
        await until(pilot, lambda: not app.view.past)

    play(source, steps)


def test_the_line_of_a_session_that_shows_now() -> None:
    """h shows it and puts it away; it is seen on every screen; a session without a past has none of its keys."""
    source = FakeSource(2, past=True, history=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("h")
        await until(pilot, lambda: "the whole run" in screen_text(pilot) and "NOW" in screen_text(pilot))
        for key in ("l", "f"):
            await pilot.press(key)
            await until(pilot, lambda: "the whole run" in screen_text(pilot))
        await pilot.press("escape", "h")
        await until(pilot, lambda: "the whole run" not in screen_text(pilot))

    async def without(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("h", "left", "comma", "]", "n", "g", "L", "home", "end")
        await pilot.pause()
        assert isinstance(app.screen, Live) and "the whole run" not in screen_text(pilot)

    play(source, steps)
    play(fresh(), without)


def test_the_mouse_on_the_line() -> None:
    """A click goes to its column, dragging follows, the wheel steps, pointing tells the time and goes nowhere."""
    source = fresh(playback=True, levers=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        pane = app.screen.query_one("#line", Bar)
        start, cells = line.chart_at(app.view, pane.size.width, pane.size.height)

        def at(share: float) -> tuple[int, int]:
            return start + int(share * cells), 2

        await pilot.hover("#line", offset=at(0.25))
        await until(pilot, lambda: app.view.hover_s is not None)
        assert source.seeks == []
        assert abs((app.view.hover_s or 0.0) - 74) < 6
        await until(pilot, lambda: f"{clock(app.view.hover_s or 0.0)} ─╮" in screen_text(pilot))
        await pilot.click("#line", offset=at(0.5))
        await until(pilot, lambda: source.seeks and abs(source.seeks[-1] - 148) < 6)
        assert app.view.zoom == ""
        await pilot.mouse_down("#line", offset=at(0.5))
        await pilot.hover("#line", offset=at(0.75))
        await until(pilot, lambda: abs(source.seeks[-1] - 222) < 6)
        await pilot.mouse_up("#line", offset=at(0.75))
        count = len(source.seeks)
        await pilot.hover("#line", offset=at(0.1))
        await pilot.pause()
        assert len(source.seeks) == count
        pane.post_message(Bar.Clicked(pane, events.Offset(5, 5), wheel=1))  # type: ignore[attr-defined]
        await until(pilot, lambda: len(source.seeks) == count + 1 and not source.playing)

    play(source, steps, (160, 48))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("83", 83.0), ("1:23", 83.0), ("1:02:03", 3723.0), ("0.5", 0.5), (" 12 s", 12.0), ("0:05.25", 5.25)],
)
def test_times_that_are_understood(text: str, seconds: float) -> None:
    """Seconds, minutes, hours."""
    assert moment(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-5", "1:2:3:4", "1e9", "nan", "9" * 30, "1:234:5", "½"])
def test_times_that_are_not(text: str) -> None:
    """One sentence."""
    with pytest.raises(InputError, match="a time is"):
        moment(text)


def test_marks() -> None:
    """m puts a numbered mark on the time line, which shows it."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("m", "m")
        await until(pilot, lambda: [m.label for m in source.marks] == ["mark 1", "mark 2"])
        await until(pilot, lambda: "m mark 2" in screen_text(pilot))

    play(source, steps)


def test_choosing_and_the_detail() -> None:
    """Down chooses, enter opens, up goes to the neighbour while open, escape closes."""
    source = fresh(failing=(1,))

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("down", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Detail) and "agent-3" in screen_text(pilot))
        assert "server gap" in screen_text(pilot)
        assert "118 chunks" in screen_text(pilot)
        await pilot.press("up")
        await until(pilot, lambda: "connection refused, next try in 2.0 s" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Live))
        await pilot.press("k", "k", "j", "pagedown", "pageup")
        assert app.view.selected == 0

    play(source, steps)


def test_the_event_loops_screen() -> None:
    """l opens it from everywhere and closes it; it has every signal, the lines that held the loop up, and why not."""
    source = fresh(edit=lambda s: replace(s, loop=replace(s.loop, words={"runq": "macOS does not tell"}, runq=None)))

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("l")
        await until(
            pilot, lambda: isinstance(app.screen, Loop) and "my_agents.py:41 in summarise" in screen_text(pilot)
        )
        text = screen_text(pilot)
        for words in (
            "ready, waited > 10 ms",
            "3 open connections",
            "context switches",
            "gen 2",
            "chunks per read",
            "bytes unread",
            "us at",
            "idle floor",
            "to connect",
            "no core",
            "7 tasks",
            "macOS does not tell",
        ):
            assert words in text, words
        await pilot.press("l")
        await until(pilot, lambda: isinstance(app.screen, Live))
        await pilot.press("enter", "l")
        await until(pilot, lambda: isinstance(app.screen, Loop))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Live))

    play(source, steps)


def test_what_a_program_prints() -> None:
    """It stands where levers would; O gives it the whole screen and takes it back; without a program O does nothing."""
    printed = ("[bold]starting[/bold]", "agent-1: done")
    source = fresh(levers=False, edit=lambda s: replace(s, output=printed, levers=()))

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await until(pilot, lambda: "[bold]starting[/bold]" in screen_text(pilot))
        await pilot.press("l", "O")
        await until(pilot, lambda: "agent-1: done" in screen_text(pilot) and "throughput" not in screen_text(pilot))
        await pilot.press("O", *"zzzzzzz")
        await until(pilot, lambda: app.view.zoom == "output")
        await pilot.press("escape")
        await until(pilot, lambda: "throughput" in screen_text(pilot))

    async def without(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("O")
        await pilot.pause()
        assert app.view.zoom == ""

    play(source, steps)
    play(fresh(), without)


def test_calibration_and_ramp() -> None:
    """K and R start what they say and open the screen with its progress; X cancels it; a refusal is a sentence."""
    source = FakeSource(2, procedures=True, history=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("R")
        await until(pilot, lambda: "42 %  19 s of about 45 s" in screen_text(pilot))
        assert source.runs == ["ramp"] and app.screen.name == "ceiling"
        await pilot.press("K")
        await until(pilot, lambda: "Ramp is running; wait for it" in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, Live) and "Ramp 42 %" in screen_text(pilot))
        await pilot.press("X")
        await until(pilot, lambda: "cancelled" in screen_text(pilot) and "Ramp 42 %" not in screen_text(pilot))
        await pilot.press("K", "X", "S")
        await until(pilot, lambda: source.runs == ["ramp", "calibration", "scenario"])
        await until(pilot, lambda: app.screen.name == "efficiency")
        await pilot.press("X", "A")
        await until(pilot, lambda: source.runs[3:] == ["ab"] and app.screen.name == "effects")
        await pilot.press("X", "V", "f", "V")
        await until(pilot, lambda: source.runs[4:] == ["ab verify=server-bound"] and app.screen.name == "effects")

    async def without(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("K", "R", "S", "X")
        await pilot.pause()
        assert isinstance(app.screen, Live)

    play(source, steps)
    play(fresh(), without)


@pytest.mark.parametrize(
    ("key", "words"),
    [("C", "the ceiling of this client"), ("E", "what the levers did"), ("e", "no rounds yet")],
)
def test_the_other_screens(key: str, words: str) -> None:
    """Each key opens its screen from everywhere, and closes it."""
    source = fresh(procedures=True)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("l", key)
        await until(pilot, lambda: words in screen_text(pilot))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, Live))

    play(source, steps)


def test_sorting_and_enlarging() -> None:
    """o sorts by the next column and says so; z enlarges one pane after the other, escape gives all back."""
    source = fresh(failing=(2,))

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("o", "o", "o")
        await until(pilot, lambda: "sorted by errors" in screen_text(pilot))
        assert app.view.agents()[0].agent == 2
        await pilot.press("z", "z")
        await until(pilot, lambda: "loop lag" in screen_text(pilot) and "throughput" not in screen_text(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: "throughput" in screen_text(pilot))

    play(source, steps)


def test_themes_go_round() -> None:
    """y sets one theme after the other and comes back; colours change, text does not."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        names, seen = app.book.names(), []
        for _ in names:
            seen.append((app.theme, app.paint.style("rate").color))
            await pilot.press("y")
            await pilot.pause()
        assert [name for name, _ in seen] == names
        assert len({colour for _, colour in seen}) == len(names)
        assert app.theme == names[0]

    play(source, steps)


@pytest.mark.parametrize("key", ["question_mark", "f1"])
def test_help(key: str) -> None:
    """The help page lists every action and the words; q there closes the page, not the app."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, Page))
        text = screen_text(pilot)
        for act in ACTIONS:
            if act.group == "levers" and act.id not in {"more", "fewer"}:
                assert act.title in text
        await pilot.press("end")
        await until(pilot, lambda: "lower bound of the ceiling" in screen_text(pilot))
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Live))

    play(source, steps, (120, 60))


def ended(name: str, since_s: float, until_s: float) -> FindingView:
    """A finding that has ceased to hold."""
    return FindingView(
        name,
        f"{name}: the loop stood",
        "a stall of 42 ms",
        "await it",
        since_s,
        until_s=until_s,
        figures={"stall_ms": 42.3},
    )


def with_past(snapshot: Snapshot) -> Snapshot:
    """Two earlier findings."""
    return replace(snapshot, past_findings=(ended("backlog", 12.0, 15.0), ended("blocking-call", 31.0, 39.5)))


def test_findings() -> None:
    """f lists what holds, then what has ceased, the latest first; the chosen one stands there with its evidence."""
    source = fresh(edit=with_past)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("f")
        await until(pilot, lambda: "ELU 0.24, delay p99 1.2 ms" in screen_text(pilot))
        text = screen_text(pilot)
        assert "since 0:41" in text and "0:31 – 0:39" in text and "0:12 – 0:15" in text
        assert text.index("blocking-call") < text.index("backlog")
        await pilot.press("down")
        await until(pilot, lambda: "has ceased to hold" in screen_text(pilot))
        assert "a stall of 42 ms" in screen_text(pilot) and "stall_ms" in screen_text(pilot)
        await pilot.press("enter")
        await until(pilot, lambda: "there is no past to go to" in screen_text(pilot))
        assert isinstance(app.screen, Findings)
        await pilot.press("down", "down", "down", "up", "f")
        await until(pilot, lambda: isinstance(app.screen, Live))
        assert app.view.finding == ("blocking-call", 31.0)
        await pilot.press("l", "f", "escape")
        await until(pilot, lambda: isinstance(app.screen, Live))

    play(source, steps)


def test_a_finding_leads_to_its_moment() -> None:
    """Where there is a past, enter (or a second click) goes to the moment when the chosen finding began."""
    source = fresh(edit=with_past, playback=True, levers=False)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("f", "down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Live) and source.seeks == [31.0])
        assert "blocking-call began here, at 0:31" in screen_text(pilot)
        await pilot.press("f")
        await pilot.click("#listing", offset=(12, 3))
        await until(pilot, lambda: app.view.finding_place() == 2)
        await pilot.click("#listing", offset=(12, 3))
        await until(pilot, lambda: source.seeks == [31.0, 12.0])

    play(source, steps)


def test_the_palette_knows_actions_agents_and_themes() -> None:
    """Typing a name and enter does it."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("ctrl+p")
        await pilot.press(*"next loop")
        await until(pilot, lambda: "levers: next loop" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: source.pulls == [("loop", "uvloop")])
        await pilot.press("ctrl+p", *"agent-2")
        await until(pilot, lambda: "agent: agent-2" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Detail) and app.view.selected == 1)
        await pilot.press("ctrl+p", *"high-con")
        await until(pilot, lambda: "theme: high-contrast" in screen_text(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: app.theme == "high-contrast")

    play(source, steps)


def test_a_screenshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """s writes an SVG into the current folder and names it; a folder that cannot be written to is a sentence."""
    source = fresh()
    monkeypatch.chdir(tmp_path)

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("s")
        await until(pilot, lambda: list(tmp_path.glob("loopscope-*.svg")))
        await until(pilot, lambda: "EMBEDDED" in next(tmp_path.glob("*.svg")).read_text("utf-8"))
        monkeypatch.setattr(Path, "cwd", lambda: tmp_path / "gone")
        said: list[str] = []  # a toast is gone after five seconds
        monkeypatch.setattr(app, "say", lambda text, *more: said.append(text))
        await pilot.press("s")
        await until(pilot, lambda: said)
        assert "cannot be written" in said[0]

    play(source, steps)


@pytest.mark.parametrize("keys", [["q"], ["ctrl+c"], ["T", "ctrl+c"], ["ctrl+p", "ctrl+c"], ["enter", "q"]])
def test_leaving(keys: list[str]) -> None:
    """q leaves from every screen, ctrl+c also from within a question and the palette."""
    source = fresh()

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        for key in keys:
            await pilot.press(key)
        assert app._exit
        assert app.return_code == 0

    play(source, steps)


def test_a_part_of_the_loss_is_chosen_by_arrow_and_click() -> None:
    """The largest part is shown first; arrows and clicks choose another, with what it rests on."""
    told = (round_of(1, 20.0), round_of(2, 30.0), *by_agent(40.0))
    source = fresh(procedures=True, edit=lambda snapshot: replace(snapshot, results=told))

    async def steps(pilot: Pilot[None], app: LoopscopeApp) -> None:
        await pilot.press("e")
        await until(pilot, lambda: "collector       -16.1" in screen_text(pilot))
        await pilot.press("down", "down", "down")
        await until(pilot, lambda: "opening connections" in screen_text(pilot))
        assert app.view.part == "client"
        lines = screen_text(pilot).splitlines()
        y = next(y for y, line in enumerate(lines) if " imbalance " in line and "-10." in line)
        await pilot.click(offset=(10, y))
        await until(pilot, lambda: app.view.part == "imbalance")
        await until(pilot, lambda: "from its start to its end" in screen_text(pilot))

    play(source, steps, (160, 48))
