"""The parts of the state, side by side; what each means stands in its own module."""

from collections import deque
from dataclasses import dataclass

from loopscope.core.records import Header, Truth
from loopscope.model.agents import AgentTable
from loopscope.model.ceiling import CeilingBook
from loopscope.model.estimate import Estimate
from loopscope.model.ledger import Ledger
from loopscope.model.pace import Told
from loopscope.model.power import PowerBook
from loopscope.model.rigs import Rigs
from loopscope.model.snapshot import FindingView, MarkView, PhaseView, ResultView
from loopscope.model.stalls import StallBook
from loopscope.model.timebase import Timebase
from loopscope.model.window import Window

_MOST_MARKS = 1_000
_MOST_LOSSES = 100
_MOST_PAST = 256
_MOST_RESULTS = 256


@dataclass(frozen=True, slots=True)
class Lost:
    """Something that was lost and counted."""

    t_s: float
    what: str
    count: int
    words: str


class State:
    """All that the records so far say."""

    def __init__(self) -> None:
        self.time = Timebase()
        self.header: Header | None = None
        self.endpoints: list[str] = []
        """URL of each server, safe to show."""
        self.remote: set[int] = set()
        """Numbers of the servers on other hosts."""
        self.agents = AgentTable()
        self.rigs = Rigs()
        self.window = Window()
        self.ledger = Ledger()
        self.power = PowerBook()
        self.marks: deque[MarkView] = deque(maxlen=_MOST_MARKS)
        self.findings: dict[str, FindingView] = {}
        self.past: deque[FindingView] = deque(maxlen=_MOST_PAST)
        """Findings that have ceased to hold, in the order in which they did."""
        self.phase: PhaseView | None = None
        """The step that a procedure is at now."""
        self.results: deque[ResultView] = deque(maxlen=_MOST_RESULTS)
        self.ceilings = CeilingBook()
        self.stalls = StallBook()
        self.estimate = Estimate()
        self.losses: deque[Lost] = deque(maxlen=_MOST_LOSSES)
        self.truths: dict[str, Truth] = {}
        self.lost_lines_told = 0
        """Lines lost since the session began, as its observer last told ..."""
        self.lost_lines_counted = 0
        """... and as the losses on record add up: both tell of the same lines."""
        self.ignored = 0
        """Records and rows that cannot be true."""
        self.rig_at: int | None = None
        """When a rig was last heard of (ns since zero)."""

    @property
    def cores(self) -> int:
        """How many cores the machine has; 0: not known."""
        told = self.header.host.get("cores", "") if self.header is not None else ""
        return int(told) if told.isascii() and told.isdigit() and len(told) < 6 else 0

    def endpoint(self, server: int) -> str:
        """Give the URL of a server by its number; empty when the header does not know it."""
        return self.endpoints[server] if 0 <= server < len(self.endpoints) else ""

    @property
    def lost_lines(self) -> int:
        """Lines that could not be read or written."""
        return max(self.lost_lines_told, self.lost_lines_counted)

    def told(self) -> Told:
        """Give what finished requests say of each agent."""
        return self.agents.told()

    @property
    def tokens_per_chunk(self) -> float:
        """Server-reported tokens per chunk over all finished requests; 1 while none has told."""
        chunks = sum(agent.told_chunks for agent in self.agents.all)
        return sum(agent.told_tokens for agent in self.agents.all) / chunks if chunks else 1.0
