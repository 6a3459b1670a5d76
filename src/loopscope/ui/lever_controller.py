"""What the operator can do: one method for each action of the table in actions.py."""

import time
from pathlib import Path

from loopscope.core.errors import LoopscopeError, RefusedError
from loopscope.draw.words import clock
from loopscope.session.source import Source
from loopscope.settings.levers import LEVERS
from loopscope.ui import theming
from loopscope.ui.playback_controller import PlaybackController
from loopscope.ui.pulls import Pulls
from loopscope.ui.view import ORDERS, View

_NEED_SOURCE = frozenset(
    {
        "pause",
        "mark",
        "detail",
        "loop",
        "board",
        "findings",
        "output",
        "zoom",
        "order",
        "choose",
        "escape",
        "save",
        "command_palette",
    }
)
"""Actions that mean nothing until the source runs."""
_NEED_PAST = frozenset({"jump", "nudge", "speed", "again", "now", "go_to", "to_mark", "line"})
"""Actions that mean nothing where there is no past to look at."""


class LeverController(PlaybackController):
    """An app over a source, with the operator's view of it. Others start it and feed it."""

    def __init__(self, source: Source, book: theming.Book) -> None:
        super().__init__()
        self.source = source
        self.book = book
        self.view = View(title=source.title)
        self.pulls = Pulls()
        self.running = False
        self._marks = 0

    def show(self, tick: int | None = None) -> None:
        """Let the screen made of panes draw itself; the one below a modal too, for it can be seen."""
        from loopscope.ui.screens.board import boards

        for board in boards(self.screen_stack)[-1:]:
            board.show(tick)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Refuse levers that the source does not have, and everything but leaving while it starts."""
        if action in {"pull", "step", "ask"} and not (self.running and self.view.abilities.levers):
            return False
        if action in {"run_procedure", "cancel_procedure", "verify"} and not (
            self.running and self.view.abilities.procedures
        ):
            return False
        if action in _NEED_PAST and not (self.running and self.view.abilities.playback):
            return False
        if action == "output" and self.view.snapshot.output is None:
            return False
        return self.running or action in {"quit", "theme"} or action not in _NEED_SOURCE

    def action_pull(self, name: str) -> None:
        """Set a lever to what its key sets next; what cannot be had here is left out, and why is said."""
        snapshot = self.view.snapshot
        value, refused = self.pulls.next(snapshot, name), dict[str, str]()
        while value not in refused and not (refused and value == self.pulls.value(snapshot, name)):
            try:
                self._pull(name, value)
            except RefusedError as error:
                refused[value] = str(error)
                value = self.pulls.next(snapshot, name, value)
            except LoopscopeError as error:
                self.notify(str(error), title=name, severity="error", markup=False)
                return
            else:
                break
        for one, words in refused.items():
            self.notify(f"{one} is left out: {words}", title=name, severity="warning", markup=False)

    def action_step(self, step: int) -> None:
        """One agent more or fewer."""
        self.pull("agents", self.pulls.step(self.view.snapshot, step))

    def pull(self, name: str, value: str) -> None:
        """Pull a lever and say so; an error becomes a notification."""
        try:
            self._pull(name, value)
        except LoopscopeError as error:
            self.notify(str(error), title=name, severity="error", markup=False)

    def _pull(self, name: str, value: str) -> None:
        """Pull a lever, unless what is shown is the past. Raises LoopscopeError."""
        if self.refuse_in_the_past():
            return
        self.source.pull(name, value)
        self.pulls.asked(self.view.snapshot, name, value)

    def action_ask(self, name: str) -> None:
        """Ask for a lever's value, then pull it."""
        from loopscope.ui.screens.modals import Ask

        if self.refuse_in_the_past():
            return

        def typed(value: str | None) -> None:
            if value is not None:
                self.pull(name, value)

        value = self.pulls.value(self.view.snapshot, name)
        self.push_screen(Ask(name, LEVERS[name].valid, lambda text: self.pulls.typed(name, text), value), typed)

    def action_choose(self, step: int) -> None:
        """Move the choice in the agents' table, in the list of findings or pulls, or among the parts of a loss."""
        if self.view.board == "findings":
            self.view.choose_finding(self.view.finding_place() + step)
        elif self.view.board == "effects":
            self.view.choose_pull(self.view.pull_place() + step)
        elif self.view.board == "efficiency":
            self._choose_part(step)
        else:
            self.view.choose(step)
        self.show()

    def _choose_part(self, step: int) -> None:
        from loopscope.ui.panes.efficiency import chosen_part, parts

        known = parts(self.view)
        if known:
            place = known.index(chosen_part(self.view)) + step
            self.view.part = known[min(len(known) - 1, max(0, place))]

    def action_detail(self) -> None:
        """Open the chosen agent; in the list of findings, go to the moment when the chosen one began."""
        from loopscope.ui.screens.board import Detail, Findings, Live

        if isinstance(self.screen, Findings):
            self._go_to_finding()
            return
        chosen = self.view.chosen()
        if isinstance(self.screen, Live) and chosen is not None:
            self.view.selected = chosen.agent
            self.push_screen(Detail())

    def _go_to_finding(self) -> None:
        items = self.view.findings()
        if not items:
            return
        item = items[self.view.finding_place()]
        if not self.view.abilities.playback:
            words = "there is no past to go to in this session"
            self.notify(words, title=item.name, severity="warning", timeout=5, markup=False)
            return
        self.pop_screen()
        self.seek(item.since_s)
        self.notify(f"{item.name} began here, at {clock(item.since_s)}", timeout=4, markup=False)

    def _toggle(self, name: str) -> None:
        """Open a screen of panes over the live one, or close it; one that stands there is replaced."""
        from loopscope.ui.screens.board import OTHERS, Board, Live

        if not isinstance(self.screen, Board):
            return
        same = self.screen.name == name
        if not isinstance(self.screen, Live):
            self.pop_screen()
        if not same:
            self.push_screen(OTHERS[name]())

    def action_loop(self) -> None:
        """Open the event loop's screen, or close it."""
        self._toggle("loop")

    def action_board(self, name: str) -> None:
        """Open one of the other screens, or close it."""
        self._toggle(name)

    def action_verify(self) -> None:
        """Flip the lever that the chosen finding proposes, A-B-B-A, to see whether it is right."""
        items = self.view.findings()
        if self.view.board == "findings" and items:
            item = items[self.view.finding_place()]
            if item.until_s is not None:
                self.notify("it has ceased to hold", title=item.name, severity="warning", timeout=4, markup=False)
            else:
                self.action_run_procedure("ab", "effects", verify=item.name)

    def action_run_procedure(self, name: str, board: str, **args: str) -> None:
        """Start a procedure, and show the screen where its progress and its result stand."""
        from loopscope.experiments.registry import of_name
        from loopscope.ui.screens.board import Board

        if self.refuse_in_the_past() or not isinstance(self.screen, Board):
            return
        try:
            self.source.run(of_name(name), **args)
        except LoopscopeError as error:
            self.notify(str(error), title=name, severity="error", markup=False)
            return
        self.view.procedure = self.source.procedure()
        if self.screen.name != board:
            self._toggle(board)
        self.show()

    def action_cancel_procedure(self) -> None:
        """Cancel what runs."""
        if self.view.procedure is not None and self.view.procedure.running:
            self.source.cancel()

    def action_findings(self) -> None:
        """Open the list of findings, or close it."""
        self._toggle("findings")

    def open_agent(self, number: int) -> None:
        """Choose an agent and open it."""
        self.view.selected = number
        self.action_detail()
        self.show()

    def action_escape(self) -> None:
        """Close what stands over the live screen, or give the panes their places back."""
        from loopscope.ui.screens.board import Board, Live

        if isinstance(self.screen, Board) and not isinstance(self.screen, Live):
            self.pop_screen()
        elif not self.view.zoom and self.view.past:
            self.action_now()
        self.view.zoom = ""
        self.show()

    def action_zoom(self) -> None:
        """Give the whole screen to the next pane, and after the last one back to all."""
        from loopscope.ui.plan import ZOOMABLE

        printed = self.view.snapshot.output is not None
        places = ["", *("output" if printed and name == "levers" else name for name in ZOOMABLE)]
        self.view.zoom = places[(places.index(self.view.zoom) + 1) % len(places)]
        self.show()

    def action_output(self) -> None:
        """Give the whole screen to what the program prints, or give it back."""
        from loopscope.ui.screens.board import Board, Live

        if not isinstance(self.screen, Board):
            return
        if not isinstance(self.screen, Live):
            self.pop_screen()
        self.view.zoom = "" if self.view.zoom == "output" else "output"
        self.show()

    def action_order(self) -> None:
        """Sort the agents' table by the next column."""
        self.view.order = ORDERS[(ORDERS.index(self.view.order) + 1) % len(ORDERS)]
        self.show()

    def action_theme(self) -> None:
        """Set the next theme."""
        self.set_theme(self.book.after(self.theme))

    def set_theme(self, name: str) -> None:
        """Set a theme and say which."""
        self.theme = name
        self.notify(name, title="theme", timeout=2, markup=False)

    def action_mark(self) -> None:
        """Put a mark on the time line."""
        if self.refuse_in_the_past():
            return
        self._marks += 1
        self.source.mark(f"mark {self._marks}")
        self.notify(f"mark {self._marks} at {self.view.snapshot.t_s:.1f} s", timeout=2, markup=False)

    def action_help(self) -> None:
        """Show every key and word."""
        from loopscope.ui.screens.modals import help_page

        self.push_screen(help_page())

    def action_save(self) -> None:
        """Write the screen as an SVG file into the current folder."""
        path = Path.cwd() / time.strftime("loopscope-%Y%m%d-%H%M%S.svg")
        try:
            self.save_screenshot(str(path))
        except OSError as error:
            words = f"{path} cannot be written: {error.strerror or error}"
            self.notify(words, title="screenshot", severity="error", markup=False)
        else:
            self.notify(str(path), title="screenshot", markup=False)
