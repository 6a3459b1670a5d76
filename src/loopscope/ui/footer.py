"""The last row of a screen: the keys that act here, as buttons."""

from loopscope.draw.ink import Ink, Row, width_of
from loopscope.ui.actions import ACTIONS, Action, can
from loopscope.ui.view import View

_STYLE = "footer-text on footer"


def shown(act: Action, view: View) -> bool:
    """Whether the footer has it here: moving in time only where what is shown is not now, and levers only where it is.

    Levers still have their keys in the past, but all that they do there is to say so.
    """
    if not act.show or not can(act, view) or (act.board and view.board not in act.board.split()):
        return False
    if act.needs == "past":
        return view.past or view.replay
    if act.id == "cancel":
        return view.runs
    if act.id == "line" and (view.past or not view.running):
        return False
    if act.id == "detail" and view.board == "findings":
        return view.abilities.playback
    if act.id == "back" and view.board == "live":
        return bool(view.zoom)
    return act.needs != "levers" or not view.past


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the footer: as many keys as fit, the more important ones first to stay, and how many do not."""
    placed, left_out = _placed(view, width)
    ink = Ink().put(" ", _STYLE)
    for act, x in placed:
        ink.put(" " * (x - ink.width), _STYLE)
        ink.put(act.footer_label, "footer-key bold on footer").put(f" {_word(act, view)}", _STYLE)
    if left_out:
        ink.put("  ", _STYLE).put(_more(left_out), _STYLE)
    return [ink.put(" " * max(0, width - ink.width), _STYLE).row(width)]


def action_at(view: View, x: int, width: int) -> Action | None:
    """Return what stands at column ``x`` of the footer."""
    for act, start in _placed(view, width)[0]:
        if start <= x < start + _cells(act, view) - 2:
            return act
    return None


def _more(left_out: int) -> str:
    return f"(? has {left_out} more)"


def _cells(act: Action, view: View) -> int:
    return width_of(act.footer_label) + 1 + width_of(_word(act, view)) + 2


def _word(act: Action, view: View) -> str:
    if act.id == "now":
        return "now" if view.running else "end"
    if act.id == "pause" and view.abilities.playback:
        return "pause" if view.playback and view.playback.playing else "play"
    if act.id == "detail" and view.board == "findings":
        return "go there"
    return "go on" if act.id == "pause" and view.paused else act.show


def _placed(view: View, width: int) -> tuple[list[tuple[Action, int]], int]:
    """Return the keys that fit with their first cells, and how many do not."""
    wanted = [act for act in ACTIONS if shown(act, view)]
    kept = list(wanted)

    def needed() -> int:
        more = width_of(_more(len(wanted) - len(kept))) + 2 if len(kept) < len(wanted) else 0
        return 1 + sum(_cells(act, view) for act in kept) - 2 + more

    while needed() > width and len(kept) > 1:
        worst = max(act.rank for act in kept)
        kept.remove(next(act for act in reversed(kept) if act.rank == worst))
    x, placed = 1, []
    for act in kept:
        placed.append((act, x))
        x += _cells(act, view)
    return placed, len(wanted) - len(kept)
