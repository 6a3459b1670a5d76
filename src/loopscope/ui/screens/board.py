"""A screen made of panes, placed by a plan; the live screen, an agent's detail, the event loop."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import cast

from textual import events, on
from textual.app import ComposeResult
from textual.screen import Screen

from loopscope.ui import footer, plan
from loopscope.ui.controllers import Operated
from loopscope.ui.pane import Bar, Draw, Pane
from loopscope.ui.panes import (
    agents,
    ceiling,
    curve,
    detail,
    efficiency,
    findings,
    frames,
    header,
    histogram,
    ledger,
    levers,
    line,
    loop,
    loops,
    messages,
    output,
    part,
    procedure,
    timeline,
)
from loopscope.ui.plan import Box

CHARTS_EVERY = 3
"""Charts are drawn at every third tick: a minute across 200 dots moves by 3.3 dots a second."""


class Board(Screen[None]):
    """Panes under a plan. ``show`` draws what is due at a tick; ``settle`` places them after a resize."""

    def __init__(self, panes: Sequence[tuple[str, Draw, int, int]], name: str) -> None:
        super().__init__(name=name)
        # The line moves slowly: half the ticks are enough for it.
        self._panes = [
            *(Pane(*spec) for spec in panes),
            Bar("line", line.draw, 2, 1),
            Pane("messages", messages.draw),
        ]
        self._placed: dict[str, Box] = {}

    @property
    def loopscope(self) -> "Operated":
        """The app, with its type."""
        return cast("Operated", self.app)

    def compose(self) -> ComposeResult:
        """Give the panes."""
        yield from self._panes

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Say where each pane stands; those not named have no room."""
        return {"small": Box(0, 0, width, height)}

    def settle(self) -> bool:
        """Place the panes; gives whether anything moved."""
        boxes = self._boxes_with_line()
        if boxes == self._placed:
            return False
        self._placed = boxes
        for pane in self._panes:
            pane.place(boxes.get(pane.name or ""))
        return True

    def _boxes_with_line(self) -> dict[str, Box]:
        """Return the plan of this screen between the line of the whole run and the messages, where they have places."""
        (width, height), view = self.app.size, self.loopscope.view
        rows = line.height(height) if view.line_shown else 0
        said = messages.height(view, width, height)
        boxes = self.boxes(width, height - rows - said)
        if "small" in boxes:
            view.line_rows = view.message_rows = 0
            return self.boxes(width, height)
        view.line_rows, view.message_rows = rows, said
        footer = boxes.pop("footer")
        moved = {n: b if n == "header" else replace(b, y=b.y + rows) for n, b in boxes.items()}
        moved["footer"] = replace(footer, y=height - 1)
        moved["messages"] = Box(0, height - 1 - said, width, said)
        return moved | {"line": Box(0, 2, width, rows)}

    def show(self, tick: int | None = None) -> None:
        """Draw what is due at this tick; everything without one."""
        if self.settle():
            tick = None
        for pane in self._panes:
            if tick is None or tick % pane.every == pane.phase:
                pane.update()

    def forget(self) -> None:
        """Draw everything anew in other colours."""
        for pane in self._panes:
            pane.forget()

    def on_mount(self) -> None:
        """Place the panes before the first paint."""
        self.settle()

    def on_resize(self, event: events.Resize) -> None:
        """Place the panes anew."""
        self.settle()

    def on_screen_resume(self) -> None:
        """Show what has changed while another screen stood over this one."""
        self.loopscope.view.board = self.name or "live"
        self.show()

    @on(Pane.Clicked)
    def _clicked(self, event: Pane.Clicked) -> None:
        event.stop()
        self.clicked(event)

    @on(Bar.Pointed)
    def _pointed(self, event: Bar.Pointed) -> None:
        event.stop()
        view, size = self.loopscope.view, event.pane.size
        at_s = None if event.x is None else line.moment_at(view, event.x, size.width, size.height)
        view.hover_s = at_s
        if event.held and at_s is not None:
            self.loopscope.controllers.playback.seek(at_s)
        else:
            event.pane.update()

    def clicked(self, event: Pane.Clicked) -> None:
        """Act on a click: the footer's keys are buttons; the wheel over the line goes by seconds."""
        if event.pane.name == "line":
            if event.wheel:
                self.loopscope.controllers.playback.nudge(event.wheel)
            return
        if event.pane.name == "footer" and not event.wheel:
            act = footer.action_at(self.loopscope.view, event.at.x, event.pane.size.width)
            if act is not None:
                act.run(self.loopscope.controllers)


class Live(Board):
    """The live screen: everything about the session at a glance."""

    def __init__(self) -> None:
        slow = CHARTS_EVERY
        super().__init__(
            (
                ("header", header.draw, 1, 0),
                ("ceiling", ceiling.draw, 1, 0),
                ("levers", levers.draw, 1, 0),
                ("output", output.draw, 1, 0),
                ("agents", agents.draw, 1, 0),
                # Each chart has its own tick, so that no tick draws them all.
                ("throughput", timeline.throughput, slow, 0),
                ("power", timeline.power, slow, 1),
                ("lag", histogram.lag, slow, 1),
                ("gap", histogram.gap, slow, 2),
                ("delay", histogram.delay, slow, 2),
                ("footer", footer.draw, 1, 0),
                ("small", frames.too_small, 1, 0),
            ),
            "live",
        )

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Say where each pane stands."""
        view = self.loopscope.view
        boxes = plan.live(width, height, len(view.snapshot.agents), view.zoom)
        if view.snapshot.output is not None and "levers" in boxes:
            # A program of the operator's own has no levers; what it prints stands in their place.
            boxes["output"] = boxes.pop("levers")
        return boxes

    def clicked(self, event: Pane.Clicked) -> None:
        """Choose an agent by a click in the table, or enlarge a chart; the wheel moves the choice."""
        name, app = event.pane.name or "", self.loopscope
        if name == "agents":
            if event.wheel:
                app.view.choose(event.wheel)
            else:
                number = agents.agent_at(app.view, event.at.y, event.pane.size.height)
                if number is not None and number == app.view.selected:
                    app.controllers.navigation.detail()
                app.view.selected = number if number is not None else app.view.selected
            event.pane.update()
        elif name in {*plan.ZOOMABLE, "output"} and not event.wheel:
            app.view.zoom = "" if app.view.zoom else name
            self.show()
        else:
            super().clicked(event)


class Detail(Board):
    """One agent, closely; it follows the choice, so up and down go to its neighbours."""

    def __init__(self) -> None:
        super().__init__(
            (
                ("header", header.draw, 1, 0),
                ("identity", detail.identity, 1, 0),
                ("quantiles", detail.quantiles, 1, 0),
                ("rate", detail.rate_chart, CHARTS_EVERY, 1),
                ("requests", detail.requests, CHARTS_EVERY, 2),
                ("footer", footer.draw, 1, 0),
                ("small", frames.too_small, 1, 0),
            ),
            "detail",
        )

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Say where each pane stands."""
        return plan.detail(width, height)


class Loop(Board):
    """The event loop, closely."""

    def __init__(self) -> None:
        super().__init__(
            (
                ("header", header.draw, 1, 0),
                ("identity", loop.identity, 1, 0),
                ("shares", loop.shares, 1, 0),
                ("costs", loop.costs, 1, 0),
                ("loops", loops.draw, CHARTS_EVERY, 1),
                ("lag", histogram.lag, CHARTS_EVERY, 1),
                ("delay", histogram.delay, CHARTS_EVERY, 2),
                ("places", loop.places, CHARTS_EVERY, 0),
                ("latest", loop.latest, CHARTS_EVERY, 0),
                ("footer", footer.draw, 1, 0),
                ("small", frames.too_small, 1, 0),
            ),
            "loop",
        )

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Say where each pane stands."""
        return plan.loop(width, height, len(self.loopscope.view.snapshot.loops))


class Findings(Board):
    """What was found, now and earlier; enter goes to when the chosen one began."""

    def __init__(self) -> None:
        super().__init__(
            (
                ("header", header.draw, 1, 0),
                ("listing", findings.listing, 1, 0),
                ("closely", findings.closely, 1, 0),
                ("footer", footer.draw, 1, 0),
                ("small", frames.too_small, 1, 0),
            ),
            "findings",
        )

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Say where each pane stands."""
        return plan.findings(width, height)

    def clicked(self, event: Pane.Clicked) -> None:
        """Choose a finding by a click, go to it by a second one; the wheel moves the choice."""
        app, view = self.loopscope, self.loopscope.view
        if event.pane.name != "listing":
            super().clicked(event)
        elif event.wheel:
            app.controllers.navigation.choose(event.wheel)
        else:
            place = findings.finding_at(view, event.at.y, event.pane.size.height)
            if place is not None and place == view.finding_place():
                app.controllers.navigation.detail()
            elif place is not None:
                view.choose_finding(place)
                self.show()


class Rounds(Board):
    """Efficiency of rounds; a part of the loss is chosen by arrow or click, and its evidence stands beside."""

    def __init__(self) -> None:
        super().__init__(
            (
                ("header", header.draw, 1, 0),
                ("formulas", efficiency.formulas, 1, 0),
                ("waterfall", efficiency.waterfall, CHARTS_EVERY, 1),
                ("part", part.closely, CHARTS_EVERY, 1),
                ("rounds", efficiency.rounds, CHARTS_EVERY, 2),
                ("procedure", procedure.draw, 1, 0),
                ("footer", footer.draw, 1, 0),
                ("small", frames.too_small, 1, 0),
            ),
            "efficiency",
        )

    def boxes(self, width: int, height: int) -> dict[str, Box]:
        """Say where each pane stands."""
        return plan.efficiency(width, height, chosen=bool(self.loopscope.view.part))

    def clicked(self, event: Pane.Clicked) -> None:
        """Choose a part by a click; the wheel moves the choice."""
        if event.pane.name != "waterfall":
            super().clicked(event)
        elif event.wheel:
            self.loopscope.controllers.navigation.choose(event.wheel)
        else:
            found = efficiency.part_at(self.loopscope.view, event.at.y, event.pane.size.height)
            if found:
                self.loopscope.view.part = found
                self.show()


def _simple(
    name: str, panes: Sequence[tuple[str, Draw, int, int]], place: Callable[[int, int], dict[str, Box]]
) -> Callable[[], Board]:
    """Give the maker of a screen between header and footer that only shows."""

    class Simple(Board):
        def __init__(self) -> None:
            edges = (("header", header.draw, 1, 0), ("footer", footer.draw, 1, 0), ("small", frames.too_small, 1, 0))
            super().__init__((*edges, *panes), name)

        def boxes(self, width: int, height: int) -> dict[str, Box]:
            return place(width, height)

    return Simple


OTHERS: dict[str, Callable[[], Board]] = {
    "detail": Detail,
    "loop": Loop,
    "findings": Findings,
    "ceiling": _simple(
        "ceiling",
        (
            ("standings", curve.standings, 1, 0),
            ("curve", curve.curve, CHARTS_EVERY, 1),
            ("costs", curve.costs, CHARTS_EVERY, 2),
            ("procedure", procedure.draw, 1, 0),
        ),
        plan.ceiling,
    ),
    "effects": _simple(
        "effects",
        (
            ("best", ledger.summary, 1, 0),
            ("ledger", ledger.draw, 1, 0),
            ("pull", ledger.closely, 1, 0),
            ("ab", procedure.ab, CHARTS_EVERY, 1),
            ("procedure", procedure.draw, 1, 0),
        ),
        plan.effects,
    ),
    "efficiency": Rounds,
}
"""The screens that may stand over the live one, by name."""


def boards(screens: Iterable[object]) -> list[Board]:
    """Those of the given screens that are made of panes."""
    return [screen for screen in screens if isinstance(screen, Board)]
