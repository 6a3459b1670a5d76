"""What may stand over a screen: help, a question for a value. All texts are content, never markup."""

from collections.abc import Callable, Sequence
from typing import ClassVar, cast

from rich.table import Table
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from loopscope.core.errors import LoopscopeError
from loopscope.draw.plain_ascii import to_ascii
from loopscope.ui.actions import ACTIONS, GROUPS
from loopscope.ui.host import Host

Line = tuple[tuple[str, str], tuple[str, str], tuple[str, str]]
"""Three cells, each (text, style)."""

WORDS = (
    ("chunk", "one complete message with content from the server; not a token: both are shown"),
    ("delivery delay", "from the server's stamp on a chunk to its bytes in our hands: the honest signal"),
    ("gap", "time between neighbouring chunks of one request; under saturation it falls while delay rises"),
    ("TTFT", "from the start of a request to its first chunk with content"),
    ("ITL", "time per token within a request: (last - first chunk) / (tokens - 1)"),
    ("loop busy (ELU)", "share of time in which the event loop was not waiting for something to do"),
    ("lag", "how late a heartbeat on the loop comes, above what an idle loop here shows (idle floor)"),
    (
        "at least",
        "rate / loop busy: a lower bound of the ceiling. A busier loop costs less a chunk, so the real"
        " ceiling is higher; what a fuller loop costs is delay",
    ),
    ("expected", "ceiling from a calibration of this client, loop and shape on this machine, with an interval"),
    ("measured", "ceiling that a ramp has found: the highest rate at which the client kept up"),
    ("full point", "the rate from which the loop is full (ELU 0.95): from here on delay rises"),
    ("headroom", "1 - rate / expected ceiling; without a calibration: / at least"),
    ("PAST", "what is shown was then; the session goes on and is recorded, and levers wait for now"),
    ("✓ ✗ ≈", "a lever's effect: better, worse, the same within 5 %; figures before and after it settled"),
    ("△ ▲ × ┊", "on a histogram's axis: p50, p99, largest; the idle floor"),
    ("observer", "what the probes cost the measured process; dropped samples are counted, in red"),
)


class Page(ModalScreen[None]):
    """A page of text that scrolls; escape, q and the key that opened it close it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark,f1", "close", "close", id="close", tooltip="back to the screen")
    ]

    def __init__(self, title: str, lines: Sequence[Line], widths: tuple[int, int]) -> None:
        super().__init__()
        self._title, self._lines, self._widths = title, lines, widths

    def compose(self) -> ComposeResult:
        """One scrolling box."""
        box = VerticalScroll(Static(self._table(), id="lines"), id="page")
        box.border_title = Content(self._title)
        box.border_subtitle = Content("esc: close")
        yield box

    def _table(self) -> Table:
        """Three columns, the last one wrapped; every cell is a Text, so nothing in it is markup."""
        paint = cast("Host", self.app).paint
        table = Table.grid(padding=(0, 1), expand=True)
        for width in self._widths:
            table.add_column(width=width, no_wrap=True)
        table.add_column(ratio=1)
        for line in self._lines:
            texts = [to_ascii(text) if paint.ascii_only else text for text, _ in line]
            table.add_row(*(Text(text, paint.style(style)) for text, (_, style) in zip(texts, line, strict=True)))
        return table

    def action_close(self) -> None:
        """Go back."""
        self.dismiss(None)


def help_page() -> Page:
    """Every key, and what the words on the screen mean."""
    lines: list[Line] = []
    for group, title in GROUPS.items():
        lines.append(_heading(title))
        lines += [
            ((act.key_label, "key bold"), (act.title, "value"), (act.help, "label"))
            for act in ACTIONS
            if act.group == group
        ]
        lines.append(_heading(""))
    lines.append(_heading("Words"))
    # A word is longer than a key: it has the first two columns' room by standing in the second.
    lines += [(("", "text"), (word, "value bold"), (meaning, "label")) for word, meaning in WORDS]
    return Page("help", lines, (6, 26))


def _heading(text: str) -> Line:
    return (("", "text"), (text, "title bold"), ("", "text"))


class Ask(ModalScreen[str | None]):
    """Asks for one value; ``check`` gives its canonical form or raises, and then its words stand below the field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "cancel", id="cancel", tooltip="back without a change")
    ]

    def __init__(self, question: str, hint: str, check: Callable[[str], str], value: str = "") -> None:
        super().__init__()
        self._question, self._hint, self._check, self._value = question, hint, check, value

    def compose(self) -> ComposeResult:
        """A question, a field, what may be typed."""
        field = Input(self._value, id="value", select_on_focus=True)
        field.cursor_blink = False
        box = Vertical(field, Static(Content(self._hint), id="hint"), id="ask")
        box.border_title = Content(self._question)
        box.border_subtitle = Content("enter: set   esc: cancel")
        yield box

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            self.dismiss(self._check(event.value))
        except LoopscopeError as error:
            hint = self.query_one("#hint", Static)
            hint.update(Content(str(error)))
            hint.add_class("wrong")

    def action_cancel(self) -> None:
        """Go back without a value."""
        self.dismiss(None)
