"""What is seen until the session runs: what is being started. It imports no numpy, so it is there at once."""

from textual.app import ComposeResult
from textual.containers import Middle
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static


class Starting(Screen[None]):
    """The first screen."""

    def __init__(self, title: str) -> None:
        super().__init__(name="starting")
        self._what = title

    def compose(self) -> ComposeResult:
        """Two lines in the middle."""
        with Middle():
            yield Static(Content("loopscope"), id="name")
            # As content, not as a string: a file's name is not markup.
            yield Static(Content(f"starting {self._what} …"), id="what")
