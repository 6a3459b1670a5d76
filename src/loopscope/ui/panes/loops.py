"""Loops that serve side by side: one row each, and how their number is said elsewhere."""

from loopscope.core.format import NONE, ms, seconds, share, size
from loopscope.draw.ink import Ink, Row, fit, frame
from loopscope.model.snapshot import LoopView
from loopscope.ui.panes import levels
from loopscope.ui.panes.frames import message
from loopscope.ui.view import View

_COLUMNS = (
    ("busy", 8),
    ("CPU", 8),
    ("no core", 9),
    ("GC", 8),
    ("lag p99", 9),
    ("> 10 ms", 9),
    ("streams", 9),
    ("tasks", 7),
    ("unread", 11),
)


def which(loop: LoopView) -> str:
    """Say which loop it is that is shown: its name, or that it is the fullest of so many."""
    return loop.name if loop.count < 2 else f"fullest of {loop.count} {loop.name} loops"


def streams(view: View) -> int:
    """How many streams all loops carry."""
    return sum(loop.streams for loop in view.snapshot.loops) or view.snapshot.loop.streams


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the table: in the order of their names, that rows stand still; where there is no room, the fullest."""
    loops, inner, high = view.snapshot.loops, width - 2, height - 2
    if not loops:
        return frame("loops", message("no event loop yet", inner, high), width, height)
    head = Ink().put("   loop", "label").to(20)
    columns = [one for place, one in enumerate(_COLUMNS) if 20 + sum(c for _, c in _COLUMNS[: place + 1]) <= inner]
    for title, cells in columns:
        head.fitted(title, cells, "label", right=True)
    shown = loops[: max(0, high - 1)]
    rows = [_row(loop, loop is loops[0], len(columns), inner) for loop in sorted(shown, key=_order)]
    said = f"{len(shown)} fullest of {len(loops)}" if len(shown) < len(loops) else f"{len(loops)}, ▸ is the fullest"
    return frame("event loops", [head.row(inner), *rows], width, height, right=[[(said, "label")]])


def _order(loop: LoopView) -> tuple[int, str]:
    return len(loop.proc), loop.proc  # rig-2 before rig-10


def _row(loop: LoopView, first: bool, columns: int, inner: int) -> Row:
    ink = Ink().put("▸" if first else " ", "cursor-mark bold").put(fit(f"{loop.name} {loop.proc}", 19), "value")
    full = f"{levels.style(loop.elu, 'value')} bold"
    texts = (
        share(loop.elu),
        share(loop.cpu),
        share(loop.runq),
        share(loop.gc),
        ms(loop.lag_ms.p99),
        share(loop.waited_10ms),
        str(loop.streams),
        str(loop.tasks),
        NONE if loop.backlog_bytes is None else size(loop.backlog_bytes),
    )
    for place, (text, (_, cells)) in enumerate(zip(texts[:columns], _COLUMNS, strict=False)):
        ink.fitted(text, cells, full if place == 0 else "value", right=True)
    if loop.silent_s > 0:
        ink.put(fit(f"  silent for {seconds(loop.silent_s)}", max(0, inner - ink.width)), "problem bold")
    return ink.row(inner)
