"""What controllers, panes and commands may ask of the app; the app alone knows screens and widgets."""

from collections.abc import Callable
from typing import Protocol

from loopscope.session.source import Source
from loopscope.ui.messages import Messages, Severity
from loopscope.ui.paint import Paint
from loopscope.ui.theming import Book
from loopscope.ui.view import View


class Host(Protocol):
    """The app as its parts see it."""

    source: Source
    book: Book
    view: View
    messages: Messages
    paint: Paint
    theme: str

    def show(self, tick: int | None = None) -> None:
        """Draw the top board: what is due at a tick, or everything."""

    def say(self, text: str, title: str = "", severity: Severity = "information", seconds: float = 5.0) -> None:
        """Put a message on the line of messages."""

    def ask_for(
        self, question: str, hint: str, check: Callable[[str], str], then: Callable[[str], None], value: str = ""
    ) -> None:
        """Ask for a value; ``then`` is called with its checked form, and not at all when it is cancelled."""

    def top(self) -> str:
        """Return the name of the board on top; empty under a modal."""

    def open_board(self, name: str) -> None:
        """Put a board over the live one."""

    def close_board(self) -> None:
        """Close the board over the live one."""

    def open_help(self) -> None:
        """Open the page of keys and words."""

    def open_palette(self) -> None:
        """Open the command palette."""

    def save_picture(self, path: str) -> None:
        """Write the screen as an SVG file. Raises OSError."""

    def leave(self, code: int) -> None:
        """End the app with an exit code."""
