"""What an exporter has to remember of a trace to say who and when: names, clocks, idle floors."""

from dataclasses import dataclass, field

from loopscope.core.hosts import elsewhere
from loopscope.core.records import AgentState, AnyRecord, Header, Hello
from loopscope.core.text import plain

_LONGEST_NAME = 80
_MAX_NS = 1 << 62
"""Later than the year 2100: a header may say anything."""


@dataclass(slots=True)
class Agent:
    """Who an agent is."""

    name: str
    server: str = ""
    model: str = ""


@dataclass(slots=True)
class Scene:
    """Grows with the agents and processes of a trace (the reader bounds both), not with its length."""

    header: Header
    agents: dict[int, Agent] = field(default_factory=dict)
    floors: dict[str, int | None] = field(default_factory=dict)
    """Idle floor of each rig's lag (ns)."""

    def __post_init__(self) -> None:
        for spec in self.header.agents:
            self.agents[spec.agent] = Agent(
                _name(spec.name, spec.agent), self.server(spec.server), plain(spec.model, _LONGEST_NAME)
            )

    def feed(self, record: AnyRecord) -> None:
        """Note who is there."""
        if isinstance(record, Hello):
            self.floors[record.proc] = record.lag_floor_ns
        elif isinstance(record, AgentState):
            agent = self.agent(record.agent)
            if record.name:
                agent.name = plain(record.name, _LONGEST_NAME)
            if record.model:
                agent.model = plain(record.model, _LONGEST_NAME)
            agent.server = plain(record.url, _LONGEST_NAME) or agent.server or self.server(record.server)

    def agent(self, number: int) -> Agent:
        """Give an agent, one that nobody has named as well."""
        found = self.agents.get(number)
        if found is None:
            found = self.agents[number] = Agent(_name("", number))
        return found

    def elsewhere(self, number: int) -> bool:
        """Whether an agent's server stands on another host, so that its stamps are of another clock."""
        return self.header.source != "embedded" and elsewhere(self.agent(number).server)

    def server(self, number: int) -> str:
        """URL of a server of the header; empty when it has none of that number."""
        servers = self.header.servers
        return plain(servers[number].url, _LONGEST_NAME) if 0 <= number < len(servers) else ""

    def since_ns(self, t_ns: int) -> int:
        """Nanoseconds since the trace began."""
        return t_ns - self.header.t_ns

    @property
    def has_wall(self) -> bool:
        """Whether the wall clock is known."""
        return bool(self.header.anchor_wall_ns)

    def unix_ns(self, t_ns: int) -> int | None:
        """Unix time of a moment by the header's anchor (ns); ``None`` where the trace has none."""
        header = self.header
        unix = t_ns - header.anchor_perf_ns + header.anchor_wall_ns
        return unix if self.has_wall and 0 <= unix < _MAX_NS else None


def _name(name: str, number: int) -> str:
    return plain(name, _LONGEST_NAME) or f"agent {number + 1}"
