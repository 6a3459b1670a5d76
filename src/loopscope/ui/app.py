"""The app: starts the source, asks it for a snapshot ten times a second, hands keys on. Screens draw, it does not."""

import asyncio
import contextlib
import gc
import threading
from typing import ClassVar, Literal

from textual import events, on
from textual.binding import BindingType
from textual.driver import Driver
from textual.message import Message

from loopscope.model.snapshot import Snapshot
from loopscope.session.source import Source
from loopscope.ui import terminal, theming
from loopscope.ui.actions import bindings
from loopscope.ui.commands import Commands
from loopscope.ui.lever_controller import LeverController
from loopscope.ui.paint import Paint
from loopscope.ui.screens.starting import Starting

TICK_S = 0.1
_SLOW = 10
"""Under a modal or the palette every tick becomes a full repaint (21 to 24 % of a core): one in ten is enough."""
_BLURRED = 5
"""Somewhere else has the focus; the screen may still be looked at, on the wall for example."""
_MANY_AGENTS, _MANY_EVERY = 256, 2
"""A snapshot costs 15 us an agent: ten a second of 1 000 agents were half of what the screen took."""
_OVERVIEW_EVERY = 10
"""Ticks: a step of the whole run is a second."""
_OLD_S = 30.0
"""What a lever did is told when it has become known, 5 s or so after the pull, not when a seek comes by later."""


class LoopscopeApp(LeverController):
    """The screen over one source."""

    TITLE = "loopscope"
    CSS_PATH = "loopscope.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings()]
    COMMANDS = {Commands}  # noqa: RUF012  (the type is Textual's)

    class Started(Message):
        """The source runs, or could not be started."""

        def __init__(self, failure: BaseException | None) -> None:
            super().__init__()
            self.failure = failure

    class Arrived(Message):
        """A snapshot."""

        def __init__(self, snapshot: Snapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

        def can_replace(self, message: Message) -> bool:
            """Only the newest matters."""
            return isinstance(message, LoopscopeApp.Arrived)

    def __init__(self, source: Source, book: theming.Book | None = None, theme: str | None = None) -> None:
        super().__init__(source, theming.load() if book is None else book)
        # An instrument does not spend the machine's time on sliding things.
        self.animation_level = "none"
        self.failure: BaseException | None = None
        self.ascii_only = terminal.needs_ascii()
        self._ticks, self._blurred, self._problem, self._past_shown = 0, False, "", False
        self.set_class(self.ascii_only, "-ascii-only")
        for known in self.book.themes.values():
            self.register_theme(known)
        names = (
            theme,
            theming.SIXTEEN if terminal.sixteen_colours(self.console.color_system) else None,
            theming.DEFAULT,
        )
        self.theme = next((name for name in names if name in self.available_themes), self.theme)
        self.paint = self._new_paint()
        self._runs_on: asyncio.AbstractEventLoop | None = None
        self._leaving = 0
        self.starter = threading.Thread(target=self._start, name="start", daemon=True)

    def get_driver_class(self) -> type[Driver]:
        """Give the platform's driver, told where the terminal is."""
        return terminal.sized(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our own names, for themes that do not set them."""
        return theming.defaults(self.current_theme)

    def _new_paint(self) -> Paint:
        colours = self.get_css_variables()
        if self.view.past:
            colours = colours | {"frame": colours["paused"]}
        return Paint(colours, self.get_line_filters(), self.ascii_only)

    # Start and end

    def leave(self, code: int) -> None:
        """End the app from a signal handler, also before its loop runs and after it has ended."""
        self._leaving = code
        with contextlib.suppress(RuntimeError):
            if self._runs_on is not None:
                self._runs_on.call_soon_threadsafe(lambda: self.exit(return_code=code))

    def on_mount(self) -> None:
        """Show what is being started, and start it beside the screen."""
        self._runs_on = asyncio.get_running_loop()
        if self._leaving:
            self.exit(return_code=self._leaving)
            return
        self.push_screen(Starting(self.source.title))
        self.theme_changed_signal.subscribe(self, self._recolour)
        for sentence in self.book.broken:
            self.notify(sentence, title="theme left out", severity="warning", timeout=12, markup=False)
        self.call_after_refresh(self.starter.start)

    def _start(self) -> None:
        failure: BaseException | None = None
        try:
            self.source.start()
            self.running = True
        except Exception as error:  # handed to run(), which raises it once the terminal is restored
            failure = error
        self.post_message(self.Started(failure))

    @on(Started)
    def _started(self, event: Started) -> None:
        if event.failure is not None:
            self.failure = event.failure
            self.exit(return_code=1)
            return
        # Only now: numpy, which the panes need, costs a third of the time to the first paint.
        from loopscope.ui.screens.board import Live

        self.view.abilities, self.view.title = self.source.abilities, self.source.title
        self.switch_screen(Live())
        self.set_interval(TICK_S, self._tick)
        self._tick()

    # The feed

    def _tick(self) -> None:
        self._ticks += 1
        often = _MANY_EVERY if len(self.view.snapshot.agents) > _MANY_AGENTS else 1
        slow = _SLOW if self._covered() else (_BLURRED if self._blurred else often)
        if self._ticks % slow == 0 and not (self.view.paused and self.view.seen):
            self.source.ask(self._answer)

    def _answer(self, snapshot: Snapshot) -> None:
        self.post_message(self.Arrived(snapshot))

    def _covered(self) -> bool:
        # A tick may still come while the app closes its screens.
        return bool(self.screen_stack) and self.screen.is_modal

    @on(Arrived)
    def _arrived(self, event: Arrived) -> None:
        if self.view.paused and self.view.seen:
            return
        first, view = not self.view.seen, self.view
        view.snapshot, view.seen = event.snapshot, True
        view.recording = self.source.recording
        self._where(first)
        if view.abilities.procedures:
            self._ran()
        self.show(None if first else self._ticks)
        self._tell(event.snapshot)
        if first and event.snapshot.source_reason and not view.replay:
            self.notify(event.snapshot.source_reason, title="servers", timeout=6, markup=False)
        if first:
            self.call_after_refresh(_freeze)

    def _where(self, first: bool) -> None:
        """Ask where in time we are; the frames have another colour while that is the past of what goes on."""
        view = self.view
        play = self.look_up_playback()
        view.running = view.running or (play is not None and play.live)
        if view.line_shown and (first or view.overview is None or self._ticks % _OVERVIEW_EVERY == 0):
            view.overview = self.source.overview()
        if view.past != self._past_shown:
            self._past_shown = view.past
            self._recolour(None)

    def _ran(self) -> None:
        """Ask how far the procedure is, and tell when it has ended."""
        before, told = self.view.procedure, self.source.procedure()
        self.view.procedure = told
        if told is None or told.running or before is None or not before.running:
            return
        from loopscope.ui.panes.procedure import outcome

        severity: Literal["information", "warning"] = "warning" if told.problem else "information"
        self.notify(outcome(told), title=told.title, severity=severity, timeout=8, markup=False)

    def _tell(self, snapshot: Snapshot) -> None:
        from loopscope.ui.panes.levers import summary

        for effect in self.pulls.judged(snapshot):
            if self.view.past or snapshot.t_s - effect.t_s > _OLD_S or self.view.runs:
                continue  # gone past by a seek, not just judged; or one of many pulls that a procedure makes
            self.notify(summary(effect), title="what it did", timeout=6, markup=False)
        if snapshot.problem and snapshot.problem != self._problem:
            self.notify(snapshot.problem, title="problem", severity="error", timeout=10, markup=False)
        self._problem = snapshot.problem

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Slow down: the keys go elsewhere."""
        self._blurred = True

    def on_app_focus(self, event: events.AppFocus) -> None:
        """Full rate again."""
        self._blurred = False

    def _recolour(self, _theme: object) -> None:
        from loopscope.ui.screens.board import boards

        self.paint = self._new_paint()
        for board in boards(self.screen_stack):
            board.forget()


def _freeze() -> None:
    # What stands by now stays: full collections over it paused the screen for 18 to 40 ms, without it for 8 ms.
    gc.collect()
    gc.freeze()
