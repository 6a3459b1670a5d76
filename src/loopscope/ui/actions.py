"""One table of everything the operator can do; keys, footer, help screen and command palette all come from it."""

from dataclasses import dataclass

from textual.binding import Binding

from loopscope.draw.ink import Ink, Row
from loopscope.settings.levers import LEVERS
from loopscope.ui.view import View


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do.

    ``action`` is what the app runs; ``show`` is how the footer names it (empty: not in the footer) and ``rank`` which
    go first when there is no room; ``needs`` is the ability of the source without which it cannot be done
    (``past``: the same as ``playback``, and the footer has it only where what is shown is not now); ``board``
    names the only screens on which the footer shows it.
    """

    id: str
    keys: str
    action: str
    title: str
    help: str
    group: str
    face: str = ""
    show: str = ""
    rank: int = 9
    needs: str = ""
    board: str = ""
    priority: bool = False
    own: str = ""
    """Its own key in words, where ``face`` names that of its counterpart as well."""


_FIRST = {"throttle", "loop", "batch", "decoder"}
"""Levers that stay in the footer of a narrow terminal."""
_LAST = {"read", "tcp"}
"""Levers that are in the footer where all else is."""
_LEVERS = tuple(
    Action(
        name,
        lever.key,
        f"pull('{name}')",
        f"next {name}",
        lever.help,
        "levers",
        lever.key,
        name,
        1 if name in _FIRST else 8 if name in _LAST else 3,
        "levers",
    )
    for name, lever in LEVERS.items()
    if len(lever.key) == 1
)

ACTS: tuple[Action, ...] = (
    *_LEVERS,
    Action(
        "more", "plus,equals_sign", "step(1)", "one agent more", LEVERS["agents"].help, "levers", "+", "", 2, "levers"
    ),
    Action(
        "fewer",
        "minus,underscore",
        "step(-1)",
        "one agent fewer",
        LEVERS["agents"].help,
        "levers",
        "+ -",
        "agents",
        1,
        "levers",
        own="-",
    ),
    Action(
        "throttle-value",
        "T",
        "ask('throttle')",
        "enter a throttle",
        "type the rate an agent may have",
        "levers",
        "T",
        needs="levers",
    ),
    Action(
        "batch-value", "B", "ask('batch')", "enter a batching", "type a time or a size", "levers", "B", needs="levers"
    ),
    Action(
        "read-value",
        "I",
        "ask('read')",
        "enter a read size",
        "type the most bytes that a read asks for",
        "levers",
        "I",
        needs="levers",
    ),
    Action(
        "tcp-value", "W", "ask('tcp')", "enter TCP options", "type them, joined by +", "levers", "W", needs="levers"
    ),
    Action(
        "agents-value",
        "number_sign",
        "ask('agents')",
        "enter a number of agents",
        "type how many agents stream",
        "levers",
        "#",
        needs="levers",
    ),
    Action(
        "pause",
        "space",
        "pause",
        "pause or go on",
        "without a past to look at, it freezes the screen only",
        "view",
        "space",
        "pause",
        2,
    ),
    Action(
        "detail",
        "enter",
        "detail",
        "open what is chosen",
        "an agent: quantiles, server gap against client gap, requests; a finding: the moment when it began",
        "view",
        "enter",
        "open",
        2,
        board="live findings",
    ),
    Action(
        "event-loop",
        "l",
        "loop",
        "the event loop, closely",
        "shares of its time, what a chunk costs, which lines held it up",
        "view",
        "l",
        "event loop",
        3,
    ),
    Action(
        "findings",
        "f",
        "findings",
        "findings",
        "what holds now and what did, evidence, the lever to try; enter goes to when it began",
        "view",
        "f",
        "findings",
        4,
    ),
    Action(
        "output",
        "O",
        "output",
        "what the program prints",
        "its stdout and stderr over the whole screen, and back",
        "view",
        "O",
        "output",
        3,
        "output",
    ),
    Action(
        "ceiling",
        "C",
        "board('ceiling')",
        "the ceiling, closely",
        "at least, expected, measured; delay against rate; what a chunk costs",
        "view",
        "C",
        "ceiling",
        4,
    ),
    Action(
        "effects",
        "E",
        "board('effects')",
        "what the levers did",
        "every pull with both sides of its trade",
        "view",
        "E",
        "effects",
        5,
    ),
    Action(
        "efficiency",
        "e",
        "board('efficiency')",
        "efficiency",
        "rounds of a scenario: three formulas, where the rest went; arrows or a click choose a part for its evidence",
        "view",
        "e",
        "efficiency",
        5,
    ),
    Action(
        "zoom",
        "z",
        "zoom",
        "enlarge the next pane",
        "one pane after the other over the whole screen; escape goes back",
        "view",
        "z",
        "zoom",
        5,
        board="live",
    ),
    Action(
        "order", "o", "order", "sort the agents", "by name, tok/s, delay, errors", "view", "o", "sort", 6, board="live"
    ),
    Action("theme", "y", "theme", "next theme", "dark, light, high contrast, and your own", "view", "y", "theme", 6),
    Action("up", "up,k", "choose(-1)", "agent above", "moves the choice in a table", "view", "up"),
    Action("down", "down,j", "choose(1)", "agent below", "moves the choice in the table", "view", "down"),
    Action("page-up", "pageup", "choose(-10)", "ten agents up", "moves the choice in the table", "view", "pgup"),
    Action("page-down", "pagedown", "choose(10)", "ten agents down", "moves the choice in the table", "view", "pgdn"),
    Action("back", "escape", "escape", "back", "closes the detail, the enlarged pane", "view", "esc", "back", 0),
    Action(
        "calibrate",
        "K",
        "run_procedure('calibration', 'ceiling')",
        "calibrate",
        "measures what a chunk costs here, on emulators of its own (half a minute)",
        "session",
        "K",
        "calibrate",
        0,
        "procedures",
        "ceiling",
    ),
    Action(
        "ramp",
        "R",
        "run_procedure('ramp', 'ceiling')",
        "ramp",
        "raises the rate until the client falls behind, on emulators of its own (a minute)",
        "session",
        "R",
        "ramp",
        0,
        "procedures",
        "ceiling",
    ),
    Action(
        "rounds",
        "S",
        "run_procedure('scenario', 'efficiency')",
        "rounds of the scenario",
        "each agent alone, then all together, several times",
        "session",
        "S",
        "rounds",
        0,
        "procedures",
        "efficiency",
    ),
    Action(
        "ab",
        "A",
        "run_procedure('ab', 'effects')",
        "A-B-B-A",
        "flips the lever that was pulled last, and says what surely differs (a minute)",
        "session",
        "A",
        "A-B-B-A",
        0,
        "procedures",
        "effects",
    ),
    Action(
        "verify",
        "V",
        "verify",
        "verify the chosen finding",
        "flips the lever that it proposes, A-B-B-A",
        "session",
        "V",
        "verify",
        1,
        "procedures",
        "findings",
    ),
    Action(
        "cancel",
        "X",
        "cancel_procedure",
        "cancel what runs",
        "calibration, ramp, rounds",
        "session",
        "X",
        "cancel",
        0,
        "procedures",
        "ceiling efficiency effects",
    ),
    Action(
        "line",
        "h",
        "line",
        "the whole run as a line",
        "click or drag on it to go there",
        "time",
        "h",
        "history",
        5,
        "playback",
    ),
    Action(
        "jump-back",
        "left",
        "jump(-10)",
        "ten seconds back",
        "what plays goes on playing",
        "time",
        "← →",
        "10 s",
        3,
        "past",
        own="←",
    ),
    Action("jump-on", "right", "jump(10)", "ten seconds on", "what plays goes on playing", "time", "→", needs="past"),
    Action(
        "minute-back",
        "shift+left",
        "jump(-60)",
        "a minute back",
        "what plays goes on playing",
        "time",
        "⇧←",
        needs="playback",
    ),
    Action(
        "minute-on",
        "shift+right",
        "jump(60)",
        "a minute on",
        "what plays goes on playing",
        "time",
        "⇧→",
        needs="playback",
    ),
    Action("step-back", "comma", "nudge(-1)", "a second back", "pauses", "time", ", .", "1 s", 5, "past", own=","),
    Action("step-on", "full_stop", "nudge(1)", "a second on", "pauses", "time", ".", needs="past"),
    Action(
        "slower",
        "left_square_bracket,less_than_sign",
        "speed(-1)",
        "slower",
        "down to a quarter",
        "time",
        "[ ]",
        "speed",
        4,
        "past",
        own="[",
    ),
    Action(
        "faster",
        "right_square_bracket,greater_than_sign",
        "speed(1)",
        "faster",
        "up to 64 times",
        "time",
        "]",
        needs="past",
    ),
    Action(
        "next-mark",
        "n",
        "to_mark(1)",
        "next mark",
        "lever, mark, finding, stall or loss",
        "time",
        "n N",
        "marks",
        4,
        "past",
        own="n",
    ),
    Action(
        "mark-before",
        "N",
        "to_mark(-1)",
        "mark before",
        "lever, mark, finding, stall or loss",
        "time",
        "N",
        needs="past",
    ),
    Action("go-to", "g", "go_to", "go to a time", "typed as m:ss or seconds", "time", "g", "go to", 5, "past"),
    Action(
        "again",
        "L",
        "again",
        "again and again",
        "begins anew at the end, or stays there",
        "time",
        "L",
        needs="playback",
    ),
    Action(
        "begin",
        "home,0",
        "jump(-1000000)",
        "to the beginning",
        "where the trace, or the session, began",
        "time",
        "Home",
        needs="playback",
    ),
    Action(
        "now",
        "end,dollar_sign",
        "now",
        "now",
        "from the past back to what happens now; in a replay to the end",
        "time",
        "End",
        "now",
        1,
        "past",
    ),
    Action(
        "mark",
        "m",
        "mark",
        "mark this moment",
        "puts a word on the time line and into the trace",
        "session",
        "m",
        "mark",
        4,
        "levers",
    ),
    Action(
        "screenshot", "s", "save", "save a screenshot", "an SVG file in the current folder", "session", "s", "save", 7
    ),
    Action("help", "question_mark,f1", "help", "help", "this page", "session", "?", "help", 1),
    Action(
        "palette", "ctrl+p", "command_palette", "command palette", "everything by name", "session", "^p", "commands", 5
    ),
    Action("quit", "q", "quit", "quit", "ends every process and closes the file", "session", "q", "quit", 0),
    # Before every widget, so that it also ends the app from within a question.
    Action("interrupt", "ctrl+c", "quit", "quit at once", "the same, from anywhere", "session", "^c", priority=True),
)

GROUPS = {
    "levers": "Levers",
    "view": "View",
    "time": "Moving in time",
    "session": "Session",
}


def bindings() -> list[Binding]:
    """Every key, with an id (so that it can be remapped) and a tooltip."""
    return [
        Binding(act.keys, act.action, act.title, id=act.id, tooltip=act.help, show=False, priority=act.priority)
        for act in ACTS
    ]


def can(act: Action, view: View) -> bool:
    """Whether the source allows it."""
    if act.needs == "output":
        return view.snapshot.output is not None
    if act.needs == "procedures":
        return view.abilities.procedures
    if act.needs in {"playback", "past"}:
        return view.abilities.playback
    return act.needs != "levers" or view.abilities.levers


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
    return act.needs != "levers" or not view.past


def footer(view: View, width: int, height: int) -> list[Row]:
    """Draw the footer: as many keys as fit, the more important ones first to stay."""
    placed = _placed(view, width)
    ink = Ink().put(" ", _STYLE)
    for act, x in placed:
        ink.put(" " * (x - ink.width), _STYLE)
        ink.put(act.face, "footer-key bold on footer").put(f" {_word(act, view)}", _STYLE)
    return [ink.put(" " * max(0, width - ink.width), _STYLE).row(width)]


def act_at(view: View, x: int, width: int) -> Action | None:
    """Give what stands at column ``x`` of the footer."""
    for act, start in _placed(view, width):
        if start <= x < start + len(act.face) + 1 + len(_word(act, view)):
            return act
    return None


_STYLE = "footer-text on footer"


def _word(act: Action, view: View) -> str:
    if act.id == "now":
        return "now" if view.running else "end"
    if act.id == "pause" and view.abilities.playback:
        return "pause" if view.playback and view.playback.playing else "play"
    if act.id == "detail" and view.board == "findings":
        return "go there"
    return "go on" if act.id == "pause" and view.paused else act.show


def _placed(view: View, width: int) -> list[tuple[Action, int]]:
    kept = [act for act in ACTS if shown(act, view)]
    if view.board == "findings" and not view.abilities.playback:
        kept = [act for act in kept if act.id != "detail"]
    if view.board == "live" and not view.zoom:
        kept = [act for act in kept if act.id != "back"]
    while sum(len(a.face) + len(_word(a, view)) + 3 for a in kept) > width and len(kept) > 1:
        worst = max(a.rank for a in kept)
        kept.remove(next(a for a in reversed(kept) if a.rank == worst))
    x, placed = 1, []
    for act in kept:
        placed.append((act, x))
        x += len(act.face) + 1 + len(_word(act, view)) + 2
    return placed
