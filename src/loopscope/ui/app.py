"""The app: starts the source, asks it for a snapshot ten times a second, hands keys on. Screens draw, it does not."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable
from typing import Any, ClassVar

from textual import events, on
from textual.app import App
from textual.binding import BindingType
from textual.driver import Driver
from textual.message import Message

from loopscope.model.snapshot import Snapshot
from loopscope.session.source import Source
from loopscope.ui import terminal, theming
from loopscope.ui.actions import BY_ID, bindings, can
from loopscope.ui.commands import Commands
from loopscope.ui.controllers import Controllers
from loopscope.ui.feed import TICK_S, Feed
from loopscope.ui.messages import Messages, Severity
from loopscope.ui.paint import Paint
from loopscope.ui.screens.starting import Starting
from loopscope.ui.view import View


class LoopscopeApp(App[None]):
    """The screen over one source; :class:`loopscope.ui.host.Host` is what its parts see of it."""

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
        super().__init__()
        self.source = source
        self.book = theming.load() if book is None else book
        self.view = View(title=source.title)
        self.messages = Messages()
        # An instrument does not spend the machine's time on sliding things.
        self.animation_level = "none"
        self.failure: BaseException | None = None
        self.ascii_only = terminal.needs_ascii()
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
        self.controllers = Controllers(self)
        self.feed = Feed(self, lambda snapshot: self.post_message(self.Arrived(snapshot)), self._recolour)
        self._runs_on: asyncio.AbstractEventLoop | None = None
        self._leaving = 0
        self.starter = threading.Thread(target=self._start, name="start", daemon=True)

    def get_driver_class(self) -> type[Driver]:
        """Return the platform's driver, told where the terminal is."""
        return terminal.fitted(super().get_driver_class())

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Return our own names, for themes that do not set them."""
        return theming.defaults(self.current_theme)

    def _new_paint(self) -> Paint:
        colours = self.get_css_variables()
        if self.view.past:
            colours = colours | {"frame": colours["paused"]}
        return Paint(colours, self.get_line_filters(), self.ascii_only)

    # Start and end

    @property
    def running(self) -> bool:
        """Whether the source runs."""
        return self.view.started

    def signalled(self, code: int) -> None:
        """End the app from a signal handler, also before its loop runs and after it has ended."""
        self._leaving = code
        with contextlib.suppress(RuntimeError):
            if self._runs_on is not None:
                self._runs_on.call_soon_threadsafe(self.leave, code)

    def guard_died(self) -> None:
        """Tell, from any thread, that nothing would restore the terminal after a kill."""
        words = "the process that restores the terminal after kill -9 has ended: after one, type reset"
        with contextlib.suppress(RuntimeError):
            if self._runs_on is not None:
                self._runs_on.call_soon_threadsafe(self.say, words, "guard", "warning", 30.0)

    def on_mount(self) -> None:
        """Show what is being started, and start it beside the screen."""
        self._runs_on = asyncio.get_running_loop()
        if self._leaving:
            self.leave(self._leaving)
            return
        self.push_screen(Starting(self.source))
        self.theme_changed_signal.subscribe(self, self._recolour)
        for sentence in self.book.broken:
            self.say(sentence, "theme left out", "warning", 12)
        self.call_after_refresh(self.starter.start)

    def _start(self) -> None:
        failure: BaseException | None = None
        try:
            self.source.start()
            self.view.started = True
        except Exception as error:  # handed to run(), which raises it once the terminal is restored
            failure = error
        self.post_message(self.Started(failure))

    @on(Started)
    def _started(self, event: Started) -> None:
        if event.failure is not None:
            self.failure = event.failure
            self.leave(1)
            return
        # Only now: numpy, which the panes need, costs a third of the time to the first paint.
        from loopscope.ui.screens.board import Live

        self.view.abilities, self.view.title = self.source.abilities, self.source.title
        self.switch_screen(Live())
        self.set_interval(TICK_S, self._tick)
        self._tick()

    # The feed

    def _tick(self) -> None:
        self.feed.tick()

    @on(Arrived)
    def _arrived(self, event: Arrived) -> None:
        if self.feed.arrived(event.snapshot):
            self.call_after_refresh(_freeze)

    def on_app_blur(self, event: events.AppBlur) -> None:
        """Slow down: the keys go elsewhere."""
        self.feed.blurred = True

    def on_app_focus(self, event: events.AppFocus) -> None:
        """Return to the full rate."""
        self.feed.blurred = False

    def _recolour(self, _theme: object = None) -> None:
        from loopscope.ui.screens.board import boards

        self.paint = self._new_paint()
        for board in boards(self.screen_stack):
            board.forget()

    # Actions

    def action_do(self, name: str) -> None:
        """Run an action of the table."""
        BY_ID[name].run(self.controllers)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse what the source does not allow, and all but leaving while it starts."""
        return can(BY_ID[str(parameters[0])], self.view) if action == "do" else True

    # What controllers ask of it

    def show(self, tick: int | None = None) -> None:
        """Let the screen made of panes draw itself; the one below a modal too, for it can be seen."""
        from loopscope.ui.screens.board import boards

        self.view.messages = self.messages.current()
        for board in boards(self.screen_stack)[-1:]:
            board.show(tick)

    def say(self, text: str, title: str = "", severity: Severity = "information", seconds: float = 5.0) -> None:
        """Put a message on the line of messages."""
        self.messages.add(text, title, severity, seconds)

    def notify(self, message: str, *, title: str = "", severity: Severity = "information", **more: Any) -> None:
        """Put what Textual itself has to say on the same line."""
        self.say(message, title, severity, float(more.get("timeout") or 5.0))

    def ask_for(
        self, question: str, hint: str, check: Callable[[str], str], then: Callable[[str], None], value: str = ""
    ) -> None:
        """Ask for a value in a modal."""
        from loopscope.ui.screens.modals import Ask

        self.push_screen(Ask(question, hint, check, value), lambda typed: None if typed is None else then(typed))

    def top(self) -> str:
        """Return the name of the board on top; empty under a modal."""
        from loopscope.ui.screens.board import Board

        # No screen is there before the first one is pushed: a key or a tick may come then on a busy machine.
        shown = self.screen_stack[-1] if self.screen_stack else None
        return (shown.name or "") if isinstance(shown, Board) else ""

    def open_board(self, name: str) -> None:
        """Put a board over the live one."""
        from loopscope.ui.screens.board import OTHERS

        self.push_screen(OTHERS[name]())

    def close_board(self) -> None:
        """Close the board over the live one."""
        self.pop_screen()

    def open_help(self) -> None:
        """Open the page of keys and words."""
        from loopscope.ui.screens.modals import help_page

        self.push_screen(help_page())

    def open_palette(self) -> None:
        """Open the command palette."""
        self.action_command_palette()

    def save_picture(self, path: str) -> None:
        """Write the screen as an SVG file."""
        self.save_screenshot(path)

    def leave(self, code: int) -> None:
        """End the app with an exit code."""
        self.exit(return_code=code)


def _freeze() -> None:
    # What stands by now stays: full collections over it paused the screen for 18 to 40 ms, without it for 8 ms.
    gc.collect()
    gc.freeze()
