"""Records of one stretch of a running session, as an aggregate: a round, a step of a ramp.

They go the way of the fold's records: rows, stamps judged, one bin. So what an experiment says is what a report of the
same trace says, and for the same reasons.
"""

from collections.abc import Mapping

from loopscope.core.hosts import elsewhere
from loopscope.core.records import AgentState, AnyRecord, Chunks, Hello, Pulse, Request
from loopscope.model.agents import AgentTable
from loopscope.model.aggregate import Aggregate
from loopscope.model.bins import OpenBin, close, lags_of
from loopscope.model.estimate import Estimate
from loopscope.model.rows import Carry, Rows, rows_of


class Intake:
    """Give :meth:`feed` every record, then ask for :meth:`aggregate`. ``floors_ns``: idle lag of each rig so far."""

    def __init__(self, floors_ns: Mapping[str, int] | None = None) -> None:
        self.agents = AgentTable()
        self.words: dict[str, str] = {}
        self._floors_ns = dict(floors_ns or {})
        self._carry = Carry()
        self._estimate = Estimate()
        self._remote: set[int] = set()
        self._zero: int | None = None
        self._open = OpenBin(0)

    def feed(self, record: AnyRecord) -> None:
        """Take a record in; kinds that say nothing of this are passed over."""
        if isinstance(record, Chunks):
            if (rows := self.rows(record)) is not None:
                self.take(rows, record.proc)
        elif isinstance(record, Pulse):
            self.pulse(record, 1.0)
        elif isinstance(record, Request):
            ended = self.agents.request(record, self.zero(record.t_ns))
            if ended is not None:
                self._open.ended.append(ended)
        elif isinstance(record, AgentState):
            if record.url and elsewhere(record.url):
                self._remote.add(record.agent)
        elif isinstance(record, Hello):
            self.hello(record)

    def hello(self, record: Hello) -> None:
        """Note the idle floor of a rig, and what it cannot measure."""
        if record.lag_floor_ns is not None:
            self._floors_ns[record.proc] = record.lag_floor_ns
        self.words = {name: words for name, words in list(record.signals.items())[:32] if words != "ok"}

    def zero(self, t_ns: int) -> int:
        """Give the moment that times count from: that of the first record."""
        if self._zero is None:
            self._zero = t_ns
        return self._zero

    def rows(self, record: Chunks) -> Rows | None:
        """Give the chunks of a record, their stamps judged."""
        zero = self.zero(record.t_ns)
        rows, _ = rows_of(record, record.t_ns - zero, zero, self.agents, self._carry)
        if rows is None:
            return None
        self.agents.count(rows.slot)
        remote = [agent.slot for agent in self.agents.all if agent.agent in self._remote] if self._remote else []
        if remote:
            self._estimate.apply(rows, remote)
        return rows

    def take(self, rows: Rows, proc: str) -> None:
        """Put chunks of a rig into the stretch."""
        self._open.rows.append(rows)
        self._open.loop(proc).chunks += rows.slot.size

    def pulse(self, record: Pulse, share: float) -> None:
        """Put a share of a pulse into the stretch."""
        if record.dt_ns <= 0:
            return
        self._open.loop(record.proc).pulse(record, share)
        if (lags := lags_of(record, self._floors_ns.get(record.proc))).size:
            self._open.lags.setdefault(record.proc, []).append(lags)

    def begin(self) -> None:
        """Begin a new stretch; what is known of agents and their stamps stays."""
        self._open = OpenBin(0)

    def aggregate(self, seconds: float, cores: int = 0) -> Aggregate:
        """Add the stretch up."""
        procs = tuple(self._open.loops)
        found = Aggregate()
        found.add(close(self._open, len(self.agents.all), seconds, None, procs, cores))
        found.told, found.words, found.estimated = self.agents.told(), self.words, bool(self._remote)
        return found
