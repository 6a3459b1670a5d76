"""One table of everything the operator can do; keys, footer, help page and command palette all come from it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from textual.binding import Binding

from loopscope.settings.levers import LEVERS
from loopscope.ui.controllers import Controllers
from loopscope.ui.view import View

_LABELS = {
    "plus": "+",
    "minus": "-",
    "number_sign": "#",
    "left": "←",
    "right": "→",
    "shift+left": "⇧←",
    "shift+right": "⇧→",
    "comma": ",",
    "full_stop": ".",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "home": "Home",
    "end": "End",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "escape": "esc",
    "question_mark": "?",
    "ctrl+p": "^p",
    "ctrl+c": "^c",
}


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do: its keys, what it runs, and ``about``, its title and its help with a colon between.

    ``show`` is how the footer names it (empty: not in the footer), ``rank`` which go first when there is no room.
    ``needs`` is the ability of the source without which it cannot be done (``past``: the same as ``playback``, and the
    footer has it only where what is shown is not now; ``started``: the session runs). ``board`` names the only screens
    on which the footer shows it, ``pair`` the label in the footer where it stands for its counterpart as well.
    """

    id: str
    keys: str
    run: Callable[[Controllers], object]
    about: str
    show: str = ""
    rank: int = 9
    needs: str = "started"
    board: str = ""
    pair: str = ""
    group: str = ""
    priority: bool = False

    @property
    def key_label(self) -> str:
        """Its first key as people write it."""
        first = self.keys.partition(",")[0]
        return _LABELS.get(first, first)

    @property
    def footer_label(self) -> str:
        """Its key in the footer."""
        return self.pair or self.key_label

    @property
    def title(self) -> str:
        """What it does, short."""
        return self.about.partition(": ")[0]

    @property
    def help(self) -> str:
        """What it does, as a sentence."""
        return self.about.partition(": ")[2]

    @property
    def binding(self) -> str:
        """What a binding runs."""
        return f"do('{self.id}')"


def _row(
    names: str,
    run: Callable[[Controllers], object],
    about: str,
    footer: str = "",
    *,
    needs: str = "started",
    board: str = "",
    pair: str = "",
    priority: bool = False,
) -> Action:
    """Declare an action: its id and keys, what it runs, what it is, and its word in the footer with its rank."""
    name, keys = names.split(" ")
    show, _, rank = footer.partition("@")
    return Action(name, keys, run, about, show, int(rank or 9), needs, board, pair, "", priority)


def _toggle(name: str) -> Callable[[Controllers], object]:
    return lambda c: c.navigation.toggle(name)


def _run(name: str, board: str) -> Callable[[Controllers], object]:
    return lambda c: c.procedures.run(name, board)


def _ask(name: str) -> Callable[[Controllers], object]:
    return lambda c: c.levers.ask(name)


def _pull(name: str) -> Callable[[Controllers], object]:
    return lambda c: c.levers.next(name)


_AGENTS = LEVERS["agents"].help

_LEVERS = (
    *(
        Action(
            name,
            lever.key,
            _pull(name),
            f"next {name}: {lever.help}",
            show=name,
            rank=lever.rank,
        )
        for name, lever in LEVERS.items()
        if len(lever.key) == 1
    ),
    _row("more plus,equals_sign", lambda c: c.levers.step_agents(1), f"one agent more: {_AGENTS}"),
    _row(
        "fewer minus,underscore",
        lambda c: c.levers.step_agents(-1),
        f"one agent fewer: {_AGENTS}",
        "agents@1",
        pair="+ -",
    ),
    *(
        _row(f"{name}-value {lever.ask_key}", _ask(name), lever.ask_help)
        for name, lever in LEVERS.items()
        if lever.ask_key
    ),
)
_VIEW = (
    _row(
        "pause space",
        lambda c: c.playback.pause(),
        "pause or go on: without a past, it freezes the screen only",
        "pause@2",
    ),
    _row(
        "detail enter",
        lambda c: c.navigation.detail(),
        "open what is chosen: an agent, or a finding when it began",
        "open@2",
        board="live findings",
    ),
    _row(
        "event-loop l",
        _toggle("loop"),
        "the event loop, closely: its time, what a chunk costs, which lines held it up",
        "event loop@3",
    ),
    _row(
        "findings f",
        _toggle("findings"),
        "findings: what holds now and what did, evidence, the lever to try",
        "findings@4",
    ),
    _row(
        "output O",
        lambda c: c.navigation.output(),
        "what the program prints: its stdout and stderr over the whole screen",
        "output@3",
        needs="output",
    ),
    _row(
        "ceiling C",
        _toggle("ceiling"),
        "the ceiling, closely: its standings, delay against rate, what a chunk costs",
        "ceiling@4",
    ),
    _row("effects E", _toggle("effects"), "what the levers did: every pull with both sides of its trade", "effects@5"),
    _row(
        "efficiency e",
        _toggle("efficiency"),
        "efficiency: rounds of a scenario, three formulas, where the rest went",
        "efficiency@5",
    ),
    _row(
        "zoom z",
        lambda c: c.navigation.zoom(),
        "enlarge the next pane: one after the other over the whole screen",
        "zoom@5",
        board="live",
    ),
    _row(
        "order o",
        lambda c: c.navigation.order(),
        "sort the agents: by name, tok/s, delay, errors",
        "sort@6",
        board="live",
    ),
    _row(
        "theme y",
        lambda c: c.navigation.next_theme(),
        "next theme: dark, light, high contrast, and your own",
        "theme@6",
        needs="",
    ),
    _row("up up,k", lambda c: c.navigation.choose(-1), "agent above: moves the choice in a table"),
    _row("down down,j", lambda c: c.navigation.choose(1), "agent below: moves the choice in a table"),
    _row("page-up pageup", lambda c: c.navigation.choose(-10), "ten agents up: moves the choice in a table"),
    _row("page-down pagedown", lambda c: c.navigation.choose(10), "ten agents down: moves the choice in a table"),
    _row("back escape", lambda c: c.navigation.escape(), "back: closes the detail, the enlarged pane", "back@0"),
)
_TIME = (
    _row(
        "line h",
        lambda c: c.playback.line(),
        "the whole run as a line: click or drag on it to go there",
        "history@5",
        needs="playback",
    ),
    _row(
        "jump-back left",
        lambda c: c.playback.jump(-10),
        "ten seconds back: what plays goes on playing",
        "10 s@3",
        needs="past",
        pair="← →",
    ),
    _row("jump-on right", lambda c: c.playback.jump(10), "ten seconds on: the same", needs="past"),
    _row("minute-back shift+left", lambda c: c.playback.jump(-60), "a minute back: the same", needs="playback"),
    _row("minute-on shift+right", lambda c: c.playback.jump(60), "a minute on: the same", needs="playback"),
    _row("step-back comma", lambda c: c.playback.nudge(-1), "a second back: pauses", "1 s@5", needs="past", pair=", ."),
    _row("step-on full_stop", lambda c: c.playback.nudge(1), "a second on: pauses", needs="past"),
    _row(
        "slower left_square_bracket,less_than_sign",
        lambda c: c.playback.speed(-1),
        "slower: down to a quarter",
        "speed@4",
        needs="past",
        pair="[ ]",
    ),
    _row(
        "faster right_square_bracket,greater_than_sign",
        lambda c: c.playback.speed(1),
        "faster: up to 64 times",
        needs="past",
    ),
    _row(
        "next-mark n",
        lambda c: c.playback.to_mark(1),
        "next mark: lever, mark, finding, stall or loss",
        "marks@4",
        needs="past",
        pair="n N",
    ),
    _row("mark-before N", lambda c: c.playback.to_mark(-1), "mark before: the same", needs="past"),
    _row("go-to g", lambda c: c.playback.go_to(), "go to a time: typed as m:ss or seconds", "go to@5", needs="past"),
    _row("again L", lambda c: c.playback.again(), "again and again: begins anew at the end", needs="playback"),
    _row("begin home,0", lambda c: c.playback.jump(-1e6), "to the beginning: where it began", needs="playback"),
    _row(
        "now end,dollar_sign",
        lambda c: c.playback.now(),
        "now: back to what happens now; in a replay to the end",
        "now@1",
        needs="past",
    ),
)
_SESSION = (
    _row(
        "calibrate K",
        _run("calibration", "ceiling"),
        "calibrate: measures what a chunk costs, on emulators (half a minute)",
        "calibrate@0",
        needs="procedures",
        board="ceiling",
    ),
    _row(
        "ramp R",
        _run("ramp", "ceiling"),
        "ramp: raises the rate until the client falls behind (a minute)",
        "ramp@0",
        needs="procedures",
        board="ceiling",
    ),
    _row(
        "rounds S",
        _run("scenario", "efficiency"),
        "rounds of the scenario: each agent alone, then all together, several times",
        "rounds@0",
        needs="procedures",
        board="efficiency",
    ),
    _row(
        "ab A",
        _run("ab", "effects"),
        "A-B-B-A: flips the lever that was pulled last (a minute)",
        "A-B-B-A@0",
        needs="procedures",
        board="effects",
    ),
    _row(
        "verify V",
        lambda c: c.procedures.verify(),
        "verify the chosen finding: A-B-B-A with its lever",
        "verify@1",
        needs="procedures",
        board="findings",
    ),
    _row(
        "cancel X",
        lambda c: c.procedures.cancel(),
        "cancel what runs: calibration, ramp, rounds",
        "cancel@0",
        needs="procedures",
        board="ceiling efficiency effects",
    ),
    _row(
        "mark m",
        lambda c: c.levers.mark(),
        "mark this moment: a word on the time line and in the trace",
        "mark@4",
        needs="levers",
    ),
    _row("screenshot s", lambda c: c.navigation.save(), "save a screenshot: an SVG file here", "save@7"),
    _row("help question_mark,f1", lambda c: c.host.open_help(), "help: this page", "help@1", needs=""),
    _row("palette ctrl+p", lambda c: c.host.open_palette(), "command palette: everything by name", "commands@5"),
    _row("quit q", lambda c: c.host.leave(0), "quit: ends every process and closes the file", "quit@0", needs=""),
    # Before every widget, so that it also ends the app from within a question.
    _row("interrupt ctrl+c", lambda c: c.host.leave(0), "quit at once: from anywhere", needs="", priority=True),
)

GROUPS = {"levers": "Levers", "view": "View", "time": "Moving in time", "session": "Session"}
"""Headings of the help page."""
ACTIONS: tuple[Action, ...] = tuple(
    replace(action, group=group, needs="levers" if group == "levers" else action.needs)
    for group, rows in zip(GROUPS, (_LEVERS, _VIEW, _TIME, _SESSION), strict=True)
    for action in rows
)
BY_ID = {action.id: action for action in ACTIONS}


def bindings() -> list[Binding]:
    """Return every key, with an id (so that it can be remapped) and a tooltip."""
    return [
        Binding(act.keys, act.binding, act.title, id=act.id, tooltip=act.help, show=False, priority=act.priority)
        for act in ACTIONS
    ]


def can(act: Action, view: View) -> bool:
    """Return whether the source allows it now."""
    if act.needs and not view.started:
        return False
    if act.needs == "output":
        return view.snapshot.output is not None
    if act.needs == "procedures":
        return view.abilities.procedures
    if act.needs in {"playback", "past"}:
        return view.abilities.playback
    return act.needs != "levers" or view.abilities.levers
