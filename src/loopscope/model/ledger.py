"""The pulls of levers, what each did, and the stretches of time between them.

Time is cut at each pull. After a pull comes the settling time (1.5 s; for a takeover counted from the moment when the
old rig is gone), then the segment proper. Each closed bin belongs to exactly one of: start-up (before the first chunk),
a settling time, a segment.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from loopscope.core.clock import NS_PER_S
from loopscope.core.format import seconds
from loopscope.core.records import Lever
from loopscope.core.text import plain
from loopscope.model.aggregate import ENOUGH_S, AgentAggregate, Aggregate, aggregate_of
from loopscope.model.bin_history import KeptBin
from loopscope.model.bins import BIN_NS, BINS_PER_S, ClosedBin
from loopscope.model.effects import best, changes, efficiency, kept
from loopscope.model.figure import members
from loopscope.model.measured import Measured, measured
from loopscope.model.pace import Told
from loopscope.model.rigs import Rigs
from loopscope.model.snapshot import BestView, FigureChange, Figures, LeverEffect
from loopscope.settings.levers import LEVERS
from loopscope.stats.loghist import Floats

SETTLE_NS = 3 * NS_PER_S // 2
TAKEOVER_NS = 30 * NS_PER_S
"""A takeover that is not over by then (drain of 10 s, start of 20 s) is not waited for any longer."""
EFFECT_BINS = 10 * BINS_PER_S
_ENOUGH_BINS = int(ENOUGH_S * BINS_PER_S)
_LEAST_BINS = BINS_PER_S
"""Less than a second is no segment and no "before"."""
_MOST_PULLS = 256
_MOST_LEVERS = 16
_MOST_ROUNDS = 64
_JUDGED_AT = (_ENOUGH_BINS, 2 * _ENOUGH_BINS, EFFECT_BINS)
"""Bins of "after" at which intervals are made (5 ms each time), besides at the end."""


@dataclass(slots=True, eq=False)
class Pull:
    """One pull of a lever and what is known of its effect."""

    name: str
    old: str
    new: str
    t: int
    words: str
    takeover: bool
    claimed: bool = False
    """A takeover's new rig has said hello."""
    settled_at: int | None = None
    """End of the settling time (ns since zero), once it is known."""
    before: Figures | None = None
    after: Figures | None = None
    over: bool = False
    """Another lever was pulled since, or the session ended: ``after`` is final."""
    bins: list[KeptBin] = field(default_factory=list)
    """What ``before`` was made of, until it is over."""
    changes: tuple[FigureChange, ...] = ()
    rounds: list[float] = field(default_factory=list)
    """Measured efficiency of the rounds since."""


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """One finished stretch between levers; ``held`` is ``None`` where it is too short."""

    t0_s: float
    t1_s: float
    settle_s: float
    levers: dict[str, str]
    opened_by: Pull | None
    held: Measured | None
    words: str
    chunks: int


@dataclass(slots=True, eq=False)
class _Stretch:
    """The stretch under way."""

    t0: int
    pull: Pull | None
    levers: dict[str, str]
    tally: AgentAggregate = field(default_factory=AgentAggregate)
    first: list[ClosedBin] = field(default_factory=list)
    """Its first bins, for the pull's ``after``."""
    last: deque[ClosedBin] = field(default_factory=lambda: deque(maxlen=EFFECT_BINS))
    """Its last bins, for the next pull's ``before``."""


class Ledger:
    """Every lever's value, every pull, every segment, and the sums over the whole run."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.pulls: list[Pull] = []
        self.segments: list[Segment] = []
        self.startup = AgentAggregate()
        self.settling = AgentAggregate()
        self.until = 0
        """Until when bins are closed (ns since zero)."""
        self.begun_at: int | None = None
        """End of start-up: the end of the bin with the first chunk (ns since zero)."""
        self.hear: Callable[[int | None, ClosedBin], None] | None = None
        """Told of each bin and of the segment that it belongs to; ``None``: of start-up, or of a settling time."""
        self._past = AgentAggregate()
        self._open = _Stretch(0, None, {})
        self._pending: deque[Pull] = deque()
        self._carried: dict[str, float] = {}
        """The best second of each setting of the levers."""
        self._rigs_claimed = 1
        self._alone_at = 0
        self.simulated = False
        """The power is an emulator's model."""
        self._rounds: list[float] = []
        """Measured efficiency of the rounds before the first pull."""

    @property
    def last(self) -> Pull | None:
        """The latest pull."""
        return self.pulls[-1] if self.pulls else None

    @property
    def now(self) -> Pull | None:
        """The pull that began the stretch under way; ``None`` before the first."""
        return self._open.pull

    @property
    def cuts(self) -> list[int]:
        """Bins in which a pull lies that has not begun its stretch yet."""
        return [pull.t // BIN_NS for pull in self._pending]

    def start(self, levers: dict[str, str]) -> None:
        """Take in the values at the start."""
        for name, value in list(levers.items())[:_MOST_LEVERS]:
            self.values[plain(name, 20)] = plain(value, 40)
        self._open.levers = dict(self.values)

    def pull(self, record: Lever, t: int) -> bool:
        """Take in a pull, or a value at the start; ``False`` when it is one too many."""
        name, new = plain(record.name, 20), plain(record.new, 40)
        if name not in self.values and len(self.values) >= _MOST_LEVERS:
            return False
        if record.by == "start":
            self.values[name] = new
            if not self.pulls:
                self._open.levers = dict(self.values)
            return True
        if len(self.pulls) >= _MOST_PULLS:
            return False
        lever = LEVERS.get(name)
        pull = Pull(name, plain(record.old, 40), new, t, plain(record.words), lever is not None and not lever.at_once)
        self.values[name] = new
        self.pulls.append(pull)
        self._pending.append(pull)
        return True

    def alone(self, t: int) -> None:
        """Hear that from ``t`` on only one rig is at work (a rig said ``bye``, or the first one said hello)."""
        self._alone_at = max(self._alone_at, t)

    def add(self, closed: ClosedBin, rigs: Rigs, latest: int, told: Callable[[], Told]) -> None:
        """Take the next bin in."""
        while self._pending and self._pending[0].t // BIN_NS <= closed.index:
            self._begin(self._pending.popleft(), told)
        self.until = (closed.index + 1) * BIN_NS
        settled = self.begun_at is not None and self._settled(closed, rigs, latest)
        hear = self.hear  # another thread may end it just now
        if hear is not None:
            hear(len(self.segments) if settled else None, closed)
        if self.begun_at is None:
            self.startup.add(closed)
            if closed.chunks:
                self.begun_at = self.until
            return
        if not settled:
            self.settling.add(closed)
            return
        stretch = self._open
        stretch.tally.add(closed)
        stretch.last.append(closed)
        if stretch.pull is not None and len(stretch.first) < EFFECT_BINS:
            stretch.first.append(closed)
            if len(stretch.first) >= _ENOUGH_BINS and len(stretch.first) % BINS_PER_S == 0:
                stretch.pull.after = members(aggregate_of(stretch.first, told()))
            if len(stretch.first) in _JUDGED_AT:
                self._judge(stretch.pull, stretch.first, told)

    def _judge(self, pull: Pull, after: list[ClosedBin], told: Callable[[], Told]) -> None:
        if pull.bins:
            pull.changes = changes(pull.bins, kept(after), told(), simulated=self.simulated)

    def _settled(self, closed: ClosedBin, rigs: Rigs, latest: int) -> bool:
        pull = self._open.pull
        if pull is None:
            return True
        if pull.settled_at is None:
            pull.settled_at = self._settled_at(pull, rigs, latest)
        return pull.settled_at is not None and closed.index * BIN_NS >= pull.settled_at

    def _settled_at(self, pull: Pull, rigs: Rigs, latest: int) -> int | None:
        if not pull.takeover:
            return pull.t + SETTLE_NS
        if latest > pull.t + TAKEOVER_NS:
            return pull.t + TAKEOVER_NS
        if not pull.claimed and rigs.started > self._rigs_claimed and _is_there(pull, rigs):
            pull.claimed, self._rigs_claimed = True, rigs.started
        if pull.claimed and not rigs.draining(latest):
            return max(pull.t, self._alone_at) + SETTLE_NS
        return None

    def _begin(self, pull: Pull, told: Callable[[], Told]) -> None:
        """End the open stretch with a pull, and begin the next one."""
        if len(self._open.last) >= _LEAST_BINS:
            pull.before = members(aggregate_of(self._open.last, told()))
            pull.bins = kept(self._open.last)
        self._cut(pull.t, told)
        self._open = _Stretch(pull.t, pull, self._open.levers | {pull.name: pull.new})

    def _cut(self, t: int, told: Callable[[], Told]) -> None:
        """End the open stretch at ``t``."""
        stretch = self._open
        pull = stretch.pull
        if pull is not None:
            if len(stretch.first) >= _ENOUGH_BINS:
                pull.after = members(aggregate_of(stretch.first, told()))
                if len(stretch.first) not in _JUDGED_AT:
                    self._judge(pull, stretch.first, told)
            pull.over, pull.bins = True, []
        if pull is None:
            settled_at = self.begun_at if self.begun_at is not None else t
        else:
            settled_at = pull.settled_at if pull.settled_at is not None else t
        tally = stretch.tally
        enough = tally.seconds * BINS_PER_S >= _LEAST_BINS - 1e-6
        self.segments.append(
            Segment(
                t0_s=stretch.t0 / NS_PER_S,
                t1_s=t / NS_PER_S,
                settle_s=min(max(settled_at, stretch.t0), max(t, stretch.t0)) / NS_PER_S - stretch.t0 / NS_PER_S,
                levers=stretch.levers,
                opened_by=pull,
                held=measured(tally) if enough else None,
                words="" if enough else f"not enough data: {seconds(tally.seconds)} after settling",
                chunks=tally.chunks,
            )
        )
        setting = _setting(stretch.levers)
        self._carried[setting] = max(tally.best_chunks_s, self._carried.get(setting, 0.0))
        self._past.merge(tally)

    def finish(self, t: int, told: Callable[[], Told]) -> None:
        """End the session at ``t``: the open stretch becomes a segment."""
        while self._pending:
            self._begin(self._pending.popleft(), told)
        self._cut(t, told)
        self._open = _Stretch(t, None, dict(self._open.levers))

    def run(self) -> AgentAggregate:
        """Sums over the whole run but its start-up; over all of it where no chunk came after the start-up."""
        whole = AgentAggregate()
        for part in (self._past, self.settling, self._open.tally):
            whole.merge(part)
        if not whole.chunks:
            whole.merge(self.startup)
        return whole

    def counted(self) -> Floats:
        """Count what each agent did from the very beginning, by :class:`~loopscope.model.bins.Sum`."""
        counted = Aggregate()
        for part in (self.startup, self._past, self.settling, self._open.tally):
            counted.merge_sums(part)
        return counted.sums

    def carried_s(self) -> float:
        """Give the best second of the loops with the levers that are set now, in any stretch so far (chunks/s)."""
        return max(self._open.tally.best_chunks_s, self._carried.get(_setting(self._open.levers), 0.0))

    def effect(self, pull: Pull) -> LeverEffect:
        """What a pull did, as far as it is known now."""
        wait_s = 0.0
        if pull.after is None and not pull.over:
            ready = (pull.settled_at or max(self.until, pull.t) + SETTLE_NS) + (_ENOUGH_BINS + 1) * BIN_NS
            wait_s = max(ready - self.until, BIN_NS) / NS_PER_S
        return LeverEffect(
            pull.name,
            pull.old,
            pull.new,
            pull.t / NS_PER_S,
            pull.words,
            pull.before,
            pull.after,
            wait_s,
            cut_short=pull.over and pull.after is None,
            changes=self._changes(pull),
        )

    def round(self, share: float) -> None:
        """Take in the measured efficiency of one round."""
        rounds = self.pulls[-1].rounds if self.pulls else self._rounds
        if len(rounds) < _MOST_ROUNDS:
            rounds.append(share)

    def _changes(self, pull: Pull) -> tuple[FigureChange, ...]:
        if not pull.rounds and not self._rounds and len(self.pulls) < 2:
            return pull.changes
        place = self.pulls.index(pull)
        found = efficiency(self.pulls[place - 1].rounds if place else self._rounds, pull.rounds)
        return pull.changes if found is None else (*pull.changes, found)

    def best(self) -> tuple[BestView, ...]:
        """Give the best stretches so far; none before the first pull."""
        if not self.pulls:
            return ()
        first = self.pulls[0]
        told = [(0.0, "the start", first.before)]
        told += [(pull.t / NS_PER_S, f"{pull.name}={pull.new}", pull.after) for pull in self.pulls]
        return best(told)

    def busy(self, name: str, draining: tuple[str, ...]) -> str:
        """Say what a lever waits for while it is being applied."""
        pull = self.last
        if pull is None or pull.name != name or not pull.takeover or pull.settled_at is not None or pull.over:
            return ""
        if draining:
            return f"{pull.new} has taken over, {', '.join(draining)} still drains"
        return f"starting a rig: {name} {pull.new}"


def _setting(levers: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(levers.items()))


def _is_there(pull: Pull, rigs: Rigs) -> bool:
    """Say whether the current rig is the one that a takeover started, as far as it tells: its loop, its client."""
    rig = rigs.current
    told = {"loop": rig.name, "client": rig.client} if rig is not None else {"loop": "", "client": ""}
    return told.get(pull.name, pull.new) == pull.new
