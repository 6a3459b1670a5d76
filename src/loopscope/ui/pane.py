"""The widget under every pane: rows of runs in, strips out, and only the rows that changed are drawn again.

Why not Textual's own charts and tables: plotted widgets cost 80 to 220 ms of CPU a frame at 160 x 48, a DataTable
17 ms for 64 cells; rows kept as strips, with the frame drawn into them, 5 to 8 ms for the whole screen.
"""

from collections.abc import Callable
from typing import ClassVar, cast

from textual import events
from textual.geometry import Offset, Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from loopscope.draw.ink import Row
from loopscope.ui.host import Host
from loopscope.ui.plan import Box
from loopscope.ui.view import View

Draw = Callable[[View, int, int], list[Row]]


class Pane(Widget):
    """One pane. ``draw`` is a pure function of (view, width, height); ``every``: at which ticks it is drawn."""

    ALLOW_SELECT: ClassVar[bool] = False
    DEFAULT_CSS = "Pane { position: absolute; width: 0; height: 0; }"

    class Clicked(Message):
        """The pane was clicked, or the wheel turned over it (``wheel`` -1 or 1)."""

        def __init__(self, pane: "Pane", at: Offset, wheel: int = 0) -> None:
            super().__init__()
            self.pane, self.at, self.wheel = pane, at, wheel

    def __init__(self, name: str, draw: Draw, every: int = 1, phase: int = 0) -> None:
        super().__init__(name=name, id=name)
        self._draw = draw
        self.every, self.phase = every, phase
        self._rows: list[Row] = []
        self._strips: list[Strip] = []
        self._drawn = (0, 0)

    def place(self, box: Box | None) -> None:
        """Put the pane where the plan says; ``None``: it has no room."""
        shown = box is not None and box.height > 0
        self.display = shown
        if box is not None and shown:
            self.styles.offset = (box.x, box.y)
            self.styles.width, self.styles.height = box.width, box.height

    def update(self) -> None:
        """Draw again; only rows that look different now reach the terminal."""
        width, height = self.size
        if not (width and height and self.display):
            return
        changed = self._compose_rows(width, height)
        if changed is None:
            self.refresh()
            return
        regions: list[Region] = []
        for y in changed:
            # Neighbouring rows are joined; regions as wide as the pane spare the compositor a crop of every row.
            if regions and regions[-1].bottom == y:
                last = regions.pop()
                regions.append(Region(0, last.y, width, last.height + 1))
            else:
                regions.append(Region(0, y, width, 1))
        if regions:
            self.refresh(*regions)

    def forget(self) -> None:
        """Drop every strip: the colours have changed."""
        self._drawn = (0, 0)
        self.refresh()

    def _compose_rows(self, width: int, height: int) -> list[int] | None:
        """Make strips of the rows that changed and say which; ``None`` when all of them are new."""
        app = cast("Host", self.app)
        rows = self._draw(app.view, width, height)[:height]
        paint = app.paint
        if self._drawn != (width, height) or len(rows) != len(self._rows):
            self._strips = [paint.strip(row, width) for row in rows]
            self._strips += [Strip.blank(width, paint.style("text"))] * (height - len(rows))
            self._rows, self._drawn = rows, (width, height)
            return None
        changed = [y for y, (new, old) in enumerate(zip(rows, self._rows, strict=True)) if new != old]
        for y in changed:
            self._strips[y] = paint.strip(rows[y], width)
        self._rows = rows
        return changed

    def render_lines(self, crop: Region) -> list[Strip]:
        """Give strips as they are: the stock path would build four or five more for each row."""
        width, height = self.size
        if self._drawn != (width, height):
            self._compose_rows(width, height)
        strips = self._strips[crop.y : crop.bottom]
        if crop.x == 0 and crop.width == width:
            return strips
        return [strip.crop(crop.x, crop.right) for strip in strips]

    def on_click(self, event: events.Click) -> None:
        """Tell the screen where."""
        event.stop()
        self.post_message(self.Clicked(self, event.offset))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Clicked(self, event.offset, wheel=1))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Tell the screen."""
        event.stop()
        self.post_message(self.Clicked(self, event.offset, wheel=-1))


class Bar(Pane):
    """A pane on which one seeks: pressing and dragging go to a moment, pointing tells it."""

    class Pointed(Message):
        """The mouse is at a column: ``held`` with a button down, else only over it; ``None``: it has left."""

        def __init__(self, pane: "Bar", x: int | None, held: bool) -> None:
            super().__init__()
            self.pane, self.x, self.held = pane, x, held

        def can_replace(self, message: Message) -> bool:
            """Only where the mouse is now matters."""
            return isinstance(message, Bar.Pointed) and message.held == self.held

    def __init__(self, name: str, draw: Draw, every: int = 1, phase: int = 0) -> None:
        super().__init__(name, draw, every, phase)
        self._held = False

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take the mouse, so that it may leave the pane while it drags."""
        event.stop()
        self._held = True
        self.capture_mouse()
        self.post_message(self.Pointed(self, event.x, held=True))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Tell where it is."""
        self.post_message(self.Pointed(self, event.x, self._held))

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Let it go."""
        event.stop()
        self._held = False
        self.release_mouse()

    def on_leave(self, event: events.Leave) -> None:
        """Nothing is pointed at."""
        self.post_message(self.Pointed(self, None, held=False))
