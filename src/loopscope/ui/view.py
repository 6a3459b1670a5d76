"""What the panes draw: the last snapshot, and what the operator chose to see of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from loopscope.model.snapshot import AgentView, FindingView, LeverEffect, Snapshot
from loopscope.session.source import Abilities, Overview, Playback, Progress
from loopscope.ui.messages import Message

ORDERS = ("name", "tok/s", "delay", "errors")
"""What the agents' table may be sorted by, in the order of its key."""


_KEYS: dict[str, Callable[[AgentView], float]] = {
    "tok/s": lambda agent: -(agent.tok_s or 0.0),
    "delay": lambda agent: -(agent.delay_ms.p99 or 0.0),
    "errors": lambda agent: -agent.errors,
}


@dataclass(slots=True)
class View:
    """The operator's view. Only the app changes it; panes read it."""

    snapshot: Snapshot = field(default_factory=Snapshot)
    started: bool = False
    """Whether the source runs."""
    seen: bool = False
    """Whether a snapshot has arrived at all."""
    messages: tuple[Message, ...] = ()
    """What the operator is told now, the newest last."""
    message_rows: int = 0
    """Rows below the panes for it; without one the header's second row has it."""
    title: str = ""
    recording: str = ""
    abilities: Abilities = field(default_factory=Abilities)
    playback: Playback | None = None
    overview: Overview | None = None
    """The whole run at a glance; only asked for while its time line is shown."""
    running: bool = False
    """It is a session that runs: it has said that what it shows is now. A replay never does."""
    line: bool = False
    """The time line of the whole run is wanted although what is shown is now."""
    procedure: Progress | None = None
    """What runs by itself, or how the last of it ended."""
    line_rows: int = 0
    """Rows that this line has on the screen; a small terminal has none for it."""
    hover_s: float | None = None
    """Moment under the mouse on that line."""
    paused: bool = False
    selected: int | None = None
    """Number of the chosen agent."""
    finding: tuple[str, float] = ("", 0.0)
    """Name and beginning of the chosen finding."""
    pull_s: float | None = None
    """When the chosen pull was; ``None``: the newest."""
    part: str = ""
    """Name of the chosen part of the loss; empty: the largest."""
    order: str = ORDERS[0]
    board: str = "live"
    """Which screen of panes is on top: ``live`` or a name of :data:`loopscope.ui.screens.board.OTHERS`."""
    _ranked: tuple[str, int, int] = ("", 0, 0)
    _rank: dict[int, int] = field(default_factory=dict)
    zoom: str = ""
    """Name of the pane that has the whole screen, or empty."""

    @property
    def past(self) -> bool:
        """What is shown is a past moment of a session that goes on."""
        return self.running and self.playback is not None and not self.playback.live

    @property
    def replay(self) -> bool:
        """What is shown is a trace."""
        return self.playback is not None and not self.running

    @property
    def runs(self) -> bool:
        """A procedure is under way."""
        return self.procedure is not None and self.procedure.running

    @property
    def line_shown(self) -> bool:
        """Whether the time line of the whole run has a place: always, but for a session that shows now."""
        return self.playback is not None and (self.line or not self.playback.live)

    def agents(self) -> list[AgentView]:
        """Agents in the order of the table; it changes once a second at most, or nobody could read it."""
        agents = list(self.snapshot.agents)
        key = _KEYS.get(self.order)
        if key is None:
            return agents
        if self._ranked != (self.order, int(self.snapshot.t_s), len(agents)):
            self._ranked = (self.order, int(self.snapshot.t_s), len(agents))
            self._rank = {agent.agent: place for place, agent in enumerate(sorted(agents, key=key))}
        return sorted(agents, key=lambda agent: self._rank.get(agent.agent, len(agents)))

    def chosen(self) -> AgentView | None:
        """The chosen agent; the first one when none was chosen or it has gone."""
        agents = self.agents()
        return next((a for a in agents if a.agent == self.selected), agents[0] if agents else None)

    def choose(self, step: int) -> None:
        """Move the choice up or down the table, and stop at its ends."""
        agents = self.agents()
        if not agents:
            return
        place = next((i for i, a in enumerate(agents) if a.agent == self.selected), 0)
        self.selected = agents[min(len(agents) - 1, max(0, place + step))].agent

    def findings(self) -> list[FindingView]:
        """What holds now, then what has ceased to, the latest first."""
        return [*self.snapshot.findings, *reversed(self.snapshot.past_findings)]

    def finding_place(self) -> int:
        """Place of the chosen finding in the list; it is followed when it moves to those that have ceased."""
        items = self.findings()
        return next((i for i, item in enumerate(items) if (item.name, item.since_s) == self.finding), 0)

    def pulls(self) -> list[LeverEffect]:
        """Every pull, the newest first."""
        return list(reversed(self.snapshot.effects))

    def pull_place(self) -> int:
        """Place of the chosen pull in that list; the newest where none was chosen."""
        return next((i for i, one in enumerate(self.pulls()) if one.t_s == self.pull_s), 0)

    def choose_pull(self, place: int) -> None:
        """Choose by place, and stop at the ends; the newest is followed."""
        pulls = self.pulls()
        place = min(len(pulls) - 1, max(0, place))
        self.pull_s = pulls[place].t_s if place > 0 else None

    def choose_finding(self, place: int) -> None:
        """Choose by place, and stop at the ends."""
        items = self.findings()
        if items:
            item = items[min(len(items) - 1, max(0, place))]
            self.finding = (item.name, item.since_s)

    def lever(self, name: str) -> str:
        """Value of a lever as the snapshot has it; empty when it has none."""
        return next((lever.value for lever in self.snapshot.levers if lever.name == name), "")
