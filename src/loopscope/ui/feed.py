"""Ask the source for snapshots as often as the screen can use them, and take them into the view."""

from collections.abc import Callable

from loopscope.model.snapshot import Snapshot
from loopscope.ui.controllers import Operated

TICK_S = 0.1
_SLOW = 10
"""Under a modal or the palette every tick becomes a full repaint (21 to 24 % of a core): one in ten is enough."""
_BLURRED = 5
"""Somewhere else has the focus; the screen may still be looked at, on the wall for example."""
_MANY_AGENTS, _MANY_EVERY = 256, 2
"""A snapshot costs 15 us an agent: ten a second of 1 000 agents were half of what the screen took."""
_OVERVIEW_EVERY = 10
"""Ticks: a step of the whole run is a second."""
_OLD_S = 30.0
"""What a lever did is told when it has become known, 5 s or so after the pull, not when a seek comes by later."""


class Feed:
    """Feeds one app. ``deliver`` is called from a thread of the source, ``recolour`` when now becomes past."""

    def __init__(self, app: Operated, deliver: Callable[[Snapshot], object], recolour: Callable[[], None]) -> None:
        self._app, self._deliver, self._recolour = app, deliver, recolour
        self._view = app.view
        self.ticks = 0
        self.blurred = False
        self._problem, self._past_shown = "", False

    @property
    def _frozen(self) -> bool:
        return self._view.paused and self._view.seen

    def tick(self) -> None:
        """Ask for a snapshot when one is due; draw when a message comes or goes."""
        self.ticks += 1
        many = _MANY_EVERY if len(self._view.snapshot.agents) > _MANY_AGENTS else 1
        slow = _SLOW if not self._app.top() else (_BLURRED if self.blurred else many)
        if self._view.messages != self._app.messages.current():
            self._app.show()
        if self.ticks % slow == 0 and not self._frozen:
            self._app.source.ask(lambda snapshot: (self._deliver(snapshot), None)[1])

    def arrived(self, snapshot: Snapshot) -> bool:
        """Show a snapshot; return whether it is the first."""
        if self._frozen:
            return False
        first, view = not self._view.seen, self._view
        view.snapshot, view.seen = snapshot, True
        view.recording = self._app.source.recording
        self._look_up_moment(first)
        if view.abilities.procedures:
            self._app.controllers.procedures.look_up()
        self._app.show(None if first else self.ticks)
        self._tell(snapshot)
        if first and snapshot.source_reason and not view.replay:
            self._app.say(snapshot.source_reason, "servers", seconds=12)
        return first

    def _look_up_moment(self, first: bool) -> None:
        """Ask where in time we are; the frames have another colour while that is the past of what goes on."""
        view = self._view
        play = self._app.controllers.playback.look_up()
        view.running = view.running or (play is not None and play.live)
        if view.line_shown and (first or view.overview is None or self.ticks % _OVERVIEW_EVERY == 0):
            view.overview = self._app.source.overview()
        if view.past != self._past_shown:
            self._past_shown = view.past
            self._recolour()

    def _tell(self, snapshot: Snapshot) -> None:
        from loopscope.ui.panes.levers import summary

        for effect in self._app.controllers.levers.pulls.judged(snapshot):
            if self._view.past or snapshot.t_s - effect.t_s > _OLD_S or self._view.runs:
                continue  # gone past by a seek, not just judged; or one of many pulls that a procedure makes
            self._app.say(summary(effect), "what it did", seconds=8)
        if snapshot.problem and snapshot.problem != self._problem:
            self._app.say(snapshot.problem, "problem", "error", 10)
        self._problem = snapshot.problem
