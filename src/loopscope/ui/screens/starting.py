"""What is seen until the session runs: its steps with their times. It imports no numpy, so it is there at once."""

import time

from textual.app import ComposeResult
from textual.containers import Middle, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from loopscope.session.source import Source

_TICK_S = 0.1


class Starting(Screen[None]):
    """The first screen."""

    def __init__(self, source: Source) -> None:
        super().__init__(name="starting")
        self._source = source
        self._began_s = time.monotonic()

    def compose(self) -> ComposeResult:
        """One frame in the middle."""
        with Middle():
            box = Vertical(Static(id="steps"), id="starting")
            # As content, not as a string: a file's name is not markup.
            box.border_title = Content(f"loopscope: starting {self._source.title}")
            yield box

    def on_mount(self) -> None:
        """Show each step as it begins."""
        self._tell()
        self.set_interval(_TICK_S, self._tell)

    def _tell(self) -> None:
        now = time.monotonic()
        steps = [(words, began_s) for words, began_s in self._source.steps] or [("opening", self._began_s)]
        ends = [began_s for _, began_s in steps[1:]]
        lines = [f"✓ {end - began:5.1f} s  {words}" for (words, began), end in zip(steps, ends, strict=False)]
        words, began = steps[-1]
        lines.append(f"● {now - began:5.1f} s  {words} …")
        self.query_one("#steps", Static).update(Content("\n".join(lines)))
