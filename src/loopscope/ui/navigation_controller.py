"""Go through the screens, choose what is looked at closely, set the theme, save a picture."""

import time
from pathlib import Path

from loopscope.core.format import clock
from loopscope.ui.host import Host
from loopscope.ui.playback_controller import PlaybackController
from loopscope.ui.view import ORDERS


class NavigationController:
    """Moves the operator's view."""

    def __init__(self, host: Host, playback: PlaybackController) -> None:
        self._host, self._playback = host, playback
        self._view = host.view

    def choose(self, step: int) -> None:
        """Move the choice in the agents' table, in the list of findings or pulls, or among the parts of a loss."""
        if self._view.board == "findings":
            self._view.choose_finding(self._view.finding_place() + step)
        elif self._view.board == "effects":
            self._view.choose_pull(self._view.pull_place() + step)
        elif self._view.board == "efficiency":
            self._choose_part(step)
        else:
            self._view.choose(step)
        self._host.show()

    def _choose_part(self, step: int) -> None:
        from loopscope.ui.panes.efficiency import chosen_part, parts

        known = parts(self._view)
        if known:
            place = known.index(chosen_part(self._view)) + step
            self._view.part = known[min(len(known) - 1, max(0, place))]

    def detail(self) -> None:
        """Open the chosen agent; in the list of findings, go to the moment when the chosen one began."""
        if self._host.top() == "findings":
            self._go_to_finding()
            return
        chosen = self._view.chosen()
        if self._host.top() == "live" and chosen is not None:
            self._view.selected = chosen.agent
            self._host.open_board("detail")

    def _go_to_finding(self) -> None:
        items = self._view.findings()
        if not items:
            return
        item = items[self._view.finding_place()]
        if not self._view.abilities.playback:
            self._host.say("there is no past to go to in this session", item.name, "warning")
            return
        self._host.close_board()
        self._playback.seek(item.since_s)
        self._host.say(f"{item.name} began here, at {clock(item.since_s)}", seconds=4)

    def open_agent(self, number: int) -> None:
        """Choose an agent and open it."""
        self._view.selected = number
        self.detail()
        self._host.show()

    def toggle(self, name: str) -> None:
        """Open a board over the live one, or close it; one that stands there is replaced."""
        top = self._host.top()
        if not top:
            return
        if top != "live":
            self._host.close_board()
        if top != name:
            self._host.open_board(name)

    def escape(self) -> None:
        """Close what stands over the live board, or give the panes their places back."""
        top = self._host.top()
        if top and top != "live":
            self._host.close_board()
        elif not self._view.zoom and self._view.past:
            self._playback.now()
        self._view.zoom = ""
        self._host.show()

    def zoom(self) -> None:
        """Give the whole screen to the next pane, and after the last one back to all."""
        from loopscope.ui.plan import ZOOMABLE

        printed = self._view.snapshot.output is not None
        places = ["", *("output" if printed and name == "levers" else name for name in ZOOMABLE)]
        self._view.zoom = places[(places.index(self._view.zoom) + 1) % len(places)]
        self._host.show()

    def output(self) -> None:
        """Give the whole screen to what the program prints, or give it back."""
        top = self._host.top()
        if not top:
            return
        if top != "live":
            self._host.close_board()
        self._view.zoom = "" if self._view.zoom == "output" else "output"
        self._host.show()

    def order(self) -> None:
        """Sort the agents' table by the next column."""
        self._view.order = ORDERS[(ORDERS.index(self._view.order) + 1) % len(ORDERS)]
        self._host.show()

    def next_theme(self) -> None:
        """Set the next theme."""
        self.set_theme(self._host.book.after(self._host.theme))

    def set_theme(self, name: str) -> None:
        """Set a theme and say which."""
        self._host.theme = name
        self._host.say(name, "theme", seconds=2)

    def save(self) -> None:
        """Write the screen as an SVG file into the current folder."""
        path = Path.cwd() / time.strftime("loopscope-%Y%m%d-%H%M%S.svg")
        try:
            self._host.save_picture(str(path))
        except OSError as error:
            self._host.say(f"{path} cannot be written: {error.strerror or error}", "screenshot", "error")
        else:
            self._host.say(str(path), "screenshot")
