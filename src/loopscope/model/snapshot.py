"""What a screen or a report may know at one moment: frozen, complete, in the units of people (ms, s, shares).

``None`` always means "not enough data" or "cannot be had here"; the ``words`` beside it say which. Shares are in
[0, 1]. Times ``*_s`` are seconds since the session began. Definitions: docs/definitions.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from loopscope.model.loop_stack import LoopStack
from loopscope.model.request_stack import RequestStack
from loopscope.model.standing import CostView, CurvePoint, NextLever, Standing
from loopscope.stats.intervals import Interval

Floats = NDArray[np.float64]
EMPTY: Floats = np.empty(0)


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of ``n`` values, in ms; bucketed with a relative error of at most 0.6 %, but ``max`` is exact."""

    n: int = 0
    p50: float | None = None
    p90: float | None = None
    p99: float | None = None
    max: float | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """One metric: ``value`` in its unit; where that is ``None``, ``reason`` says why, in words."""

    value: float | None
    reason: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Histogram:
    """Counts over log-spaced buckets: ``counts[i]`` values lie in [edges_ms[i], edges_ms[i + 1]).

    At most 60 buckets. What lies below 1 us (a lag at the idle floor, a gap within one read) is in ``below``.
    """

    edges_ms: Floats = field(default_factory=lambda: EMPTY)
    counts: Floats = field(default_factory=lambda: EMPTY)
    quantiles: Quantiles = field(default_factory=Quantiles)
    floor_ms: float | None = None
    """Idle floor to mark on the axis (lag only)."""
    window_s: float = 0.0
    below: float = 0.0
    """How many values lie below 1 us: on a logarithmic axis they have no place."""


@dataclass(frozen=True, slots=True)
class LoadCount:
    """How many requests of the session waited for their model; see :data:`loopscope.model.agents.COLD_SHARE`."""

    told: int = 0
    """Requests whose server said how long loading took."""
    cold: int = 0
    most_ms: float = 0.0
    share: float = 0.0
    """Loading, of the wall time of all these requests together."""


@dataclass(frozen=True, slots=True)
class RequestView:
    """One finished request."""

    t_s: float
    request: int
    outcome: str
    words: str
    ttft_ms: float | None
    itl_ms: float | None
    tokens: int | None
    chunks: int
    duration_s: float
    connect_ms: float | None = None
    """Duration of connecting; 0 when a kept connection was used."""
    load_ms: float | None = None
    """What the server says it took to load the model."""
    stack: RequestStack | None = None
    """Its wall time taken apart; ``None`` where the server reports no durations."""


@dataclass(frozen=True, slots=True, eq=False)
class AgentView:
    """One agent, over the last ``Snapshot.window_s`` seconds where nothing else is said."""

    agent: int
    name: str
    server: int
    endpoint: str
    model: str
    state: str
    words: str
    """What the state needs to be understood: the failure that it retries after, in words."""
    chunks_s: float | None
    tok_s: float | None
    """Decode rate while streaming, live: chunks after the first read of a request over the time since it, times tokens
    per chunk (eval_count / chunks) of the agent's finished requests (1 while none has told). The pause between requests
    is not in it. Where arrivals carry no rate it is the server's word. ``None``: neither, or the stream has stopped."""
    spark_chunks_s: Floats
    """Chunks in each of the last 60 seconds, oldest first."""
    ttft_ms: Quantiles
    """Of the last 50 finished requests, exact; also ``itl_ms``."""
    itl_ms: Quantiles
    gap_ms: Quantiles
    server_gap_ms: Quantiles
    delay_ms: Quantiles
    delay_words: str
    """Empty, or why there is no delivery delay: "no stamp", "server clock ahead by at least 3 ms"."""
    requests: int
    """Finished, with an error or without; those cut by takeovers and stops are not among them."""
    errors: int
    chunks: int
    """Since the session began, also ``requests``, ``errors`` and ``tokens``."""
    tokens: int
    """As servers reported them, of finished requests."""
    recent: tuple[RequestView, ...] = ()
    """The last requests, newest first."""
    least_delay_ms: float | None = None
    """Least delivery delay of the session."""
    tok_s_by_word: bool = False
    """``tok_s`` is the server's word (eval_count / eval_duration)."""


@dataclass(frozen=True, slots=True)
class LoopView:
    """A measured event loop, over the window.

    ``Snapshot.loop`` is the fullest where several work side by side (``count``), ``Snapshot.loops`` are all of them.
    While a takeover drains, the loops that still finish requests are among them: the fullest is where the streams are.
    """

    name: str = ""
    proc: str = ""
    elu: float | None = None
    cpu: float | None = None
    runq: float | None = None
    gc: float | None = None
    stack: LoopStack | None = None
    """Its time taken apart into shares that add up to 1; ``None`` where a signal is missing."""
    known_s: float = 0.0
    """For how much of the window its figures are known: they begin with the loop, or with the end of a takeover."""
    lag_ms: Quantiles = field(default_factory=Quantiles)
    """Above the idle floor."""
    lag_floor_ms: float | None = None
    waited_10ms: float | None = None
    """Share of the time in which a callback that was ready had to wait over 10 ms above the floor, over 50 ms."""
    waited_50ms: float | None = None
    switches_s: float | None = None
    """How often a second its thread went to wait by itself, and how often its core was taken from it."""
    preempted_s: float | None = None
    gc_generations: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """``gc`` by generation, the youngest first."""
    connections: int | None = None
    """Open connections of the client."""
    queued: int | None = None
    """Requests that wait in the client for a connection of its pool."""
    connect_ms: Quantiles = field(default_factory=Quantiles)
    """Of the last 50 connects, exact."""
    chunks_per_read: float | None = None
    streams: int = 0
    tasks: int = 0
    backlog_bytes: int | None = None
    draining: tuple[str, ...] = ()
    """Names of older loops that still finish requests."""
    silent_s: float = 0.0
    """For how long the rig has not been heard of (0 unless over half a second)."""
    words: dict[str, str] = field(default_factory=dict)
    """Signal name -> why it cannot be had, for those that cannot."""
    client: str = ""
    """What moves the bytes on it."""
    count: int = 1
    """How many loops work side by side."""


@dataclass(frozen=True, slots=True)
class CeilingView:
    """``at least`` = rate / ELU over the window, a lower bound; ``expected`` is of a calibration; ``measured`` is of a
    ramp in this session. Three standings, never mixed, and none is worth anything without its shape: client, loop,
    decoder, batching, placement, number of streams.
    """

    now_chunks_s: float | None = None
    at_least_chunks_s: float | None = None
    headroom: float | None = None
    elu: float | None = None
    delay_ms: Quantiles = field(default_factory=Quantiles)
    peak_chunks_s: float | None = None
    """Highest rate over any one second of the session so far."""
    words: str = ""
    """Why a figure is missing, e.g. "not enough data: 1.2 of 3 s"."""
    headroom_of: str = "at least"
    """What ``headroom`` = 1 - rate / ceiling was taken against: ``expected``, or ``at least`` without a calibration."""
    expected: Standing | None = None
    expected_words: str = ""
    """Why nothing can be expected: "no calibration yet for httpx on uvloop, orjson"."""
    measured: Standing | None = None
    """The hard ceiling that a ramp has found with these levers and about so many streams."""
    full: Standing | None = None
    """The rate from which the loop is full (ELU 0.95): measured by the ramp, else calibrated."""
    curve: tuple[CurvePoint, ...] = ()
    """Delay and ELU against the rate, by rate; ``now_chunks_s``, ``full`` and the hard ceiling lie on its axis."""
    curve_words: str = ""
    """Where the curve comes from: "calibrated with 2 streams", "measured by the ramp", "a ramp is under way"."""
    costs: CostView | None = None
    next_levers: tuple[NextLever, ...] = ()
    """What pulling one lever is expected to give, the most first; only of what has been calibrated."""
    server_words: str = ""
    """Empty, or that the server is the limit before the client is."""


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures that a lever may move, over one stretch of time, all agents together."""

    seconds: float = 0.0
    chunks_s: float | None = None
    tok_s_total: float | None = None
    """What the servers handed out, over wall time."""
    tok_s: float | None = None
    """Decode rate of one agent while it streams, mean over the agents: see :attr:`AgentView.tok_s`."""
    at_least_chunks_s: float | None = None
    elu: float | None = None
    cpu_us_per_chunk: float | None = None
    delay_p50_ms: float | None = None
    delay_p99_ms: float | None = None
    lag_p99_ms: float | None = None
    gap_p50_ms: float | None = None
    gap_p99_ms: float | None = None
    chunks_per_read: float | None = None
    backlog_bytes: float | None = None
    watts: float | None = None
    handled_p50_ms: float | None = None
    """From received to handled: what ``batch=decode:...`` costs."""
    handled_p99_ms: float | None = None


@dataclass(frozen=True, slots=True)
class FigureChange:
    """One figure before and after a pull, with 95 % intervals that hold for all figures of a pull together.

    ``name`` is one of :data:`loopscope.model.metrics.METRICS`, or ``efficiency`` (of rounds run meanwhile).
    """

    name: str
    title: str
    unit: str
    better: int
    """1: more is better, -1: less is, 0: neither."""
    before: Interval | None
    after: Interval | None
    difference: Interval | None
    """After - before, in the unit."""
    change: Interval | None
    """After / before - 1; ``None`` where one of them may be zero."""
    words: str
    """What can be said: "higher by 12 % (8 to 16)", "cannot tell (-3 to +4 %)", "not enough data after"."""
    surely: int
    """1: surely higher, -1: surely lower, 0: cannot be told."""


@dataclass(frozen=True, slots=True)
class BestView:
    """The best that one figure has reached over a stretch between levers, so far."""

    name: str
    title: str
    unit: str
    value: float
    t_s: float
    """When that stretch began."""
    words: str
    """By which pull: "loop=uvloop", or "the start"."""


@dataclass(frozen=True, slots=True)
class LeverEffect:
    """One pull of a lever and what it did. ``after`` is ``None`` until the settling time and 3 s of data are over."""

    name: str
    old: str
    new: str
    t_s: float
    words: str
    before: Figures | None
    after: Figures | None
    wait_s: float = 0.0
    """Seconds still to wait until ``after`` is there; 0 when it is, or when another lever cut it short."""
    cut_short: bool = False
    changes: tuple[FigureChange, ...] = ()
    """Each figure with its interval, once both sides are there."""


@dataclass(frozen=True, slots=True)
class LeverView:
    """One lever: its value now, and its last pull."""

    name: str
    value: str
    last: LeverEffect | None = None
    busy: str = ""
    """While it is being applied: "starting a rig on uvloop"."""


@dataclass(frozen=True, slots=True)
class CardMemory:
    """Memory of one card, in bytes."""

    name: str
    used: int
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class PowerView:
    """Power or its stand-in. ``label`` says exactly what the series is: "GPU 0 power, W", "host CPU, share"."""

    source: str = ""
    label: str = ""
    simulated: bool = False
    watts: float | None = None
    share: float | None = None
    words: str = ""
    t_s: Floats = field(default_factory=lambda: EMPTY)
    values: Floats = field(default_factory=lambda: EMPTY)
    cards: tuple[CardMemory, ...] = ()
    """Memory of each card, as told within the last three seconds."""


@dataclass(frozen=True, slots=True)
class Recent:
    """The last three seconds, which findings are made of: ten are too slow to see a cause come and go.

    Shares are of wall time, of the current loop; times in ms.
    """

    seconds: float = 0.0
    """For how much of it the loop's figures are known."""
    chunks: int = 0
    elu: float | None = None
    cpu: float | None = None
    runq: float | None = None
    gc: float | None = None
    stack: LoopStack | None = None
    others: float | None = None
    """CPU of the measured process's other threads, without the probes' own: what may hold the GIL."""
    observer: float | None = None
    """CPU of the probes' thread."""
    gil_taken: float | None = None
    """Share of the watchdog's wake-ups that had a core but found Python's lock taken, by whichever thread."""
    lag_ms: Quantiles = field(default_factory=Quantiles)
    """Above the idle floor."""
    delay_ms: Quantiles = field(default_factory=Quantiles)
    waited_ms: float | None = None
    """Median of the delays, each above the least that its agent's chunks have had in the session: what a server far
    away, or one with another clock, always adds is not in it."""
    ahead_ms: float | None = None
    """By how much at least the server's clock is ahead of ours, where most stamps lie after their receipt."""
    gap_ms: float | None = None
    """Mean gap between chunks at the client ..."""
    server_gap_ms: float | None = None
    """... and by the server's stamps."""
    gap_p50_ms: float | None = None
    server_gap_p50_ms: float | None = None
    server_gap_least_ms: float | None = None
    """The least mean server gap over any three seconds of the session."""
    server_gap_max_ms: float | None = None
    lump: float | None = None
    """Chunks that a read brings, of the agent with the most: one, unless something collects them ..."""
    lump_gap_ms: float | None = None
    """... and the mean time between its reads."""


@dataclass(frozen=True, slots=True)
class FindingView:
    """One finding: what a rule says, since when, and (once it has ceased to hold) until when."""

    name: str
    sentence: str
    evidence: str
    lever: str
    since_s: float
    severity: str = "warn"
    """``warn``, or ``note`` for what is worth knowing and no harm."""
    figures: dict[str, float] = field(default_factory=dict)
    """The numbers behind the evidence; the names end in their units."""
    until_s: float | None = None
    under: str = ""
    """Name of the finding that it follows from; empty: it is a cause, or stands for itself."""


@dataclass(frozen=True, slots=True)
class StallView:
    """One turn of the loop that lasted over 25 ms."""

    t_s: float
    """When it began."""
    ms: float
    why: str
    """``callback`` or ``gc``: the line in ``where`` held the loop. ``turn`` (several callbacks), ``gil`` (another
    thread held the GIL), ``core`` (the thread had no core): nobody is to blame, the line is chance."""
    where: str
    """``file.py:12 in function``, relative to its package."""
    own: bool = False
    """It is loopscope's own line."""
    over: bool = True
    cpu_ms: float | None = None
    runq_ms: float | None = None
    """Time in it that the thread waited for a core."""
    gc_ms: float = 0.0
    stack: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StallPlace:
    """All stalls of one place (``callback``, ``gc``), or of one cause that is no place, since the session began."""

    where: str
    why: str
    own: bool
    count: int
    total_ms: float
    worst_ms: float
    last_s: float
    """When the last of them began."""
    stack: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhaseView:
    """The step of a procedure that is under way: see :class:`loopscope.core.records.Phase`."""

    what: str
    words: str
    since_s: float
    number: int = 0
    of: int = 0
    """How many steps there will be; 0: not known."""
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultView:
    """What a procedure has found: one sentence and its figures, by name with their units."""

    t_s: float
    what: str
    words: str
    settings: dict[str, str] = field(default_factory=dict)
    figures: dict[str, float | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MarkView:
    """A lever or a mark on the time line."""

    t_s: float
    label: str
    kind: str
    """``lever``, ``mark``, ``finding``, ``loss``, ``stall``, ``phase``."""


@dataclass(frozen=True, slots=True)
class ObserverView:
    """What the instrument itself costs and has lost."""

    rig_share: float | None = None
    """CPU of the probes' thread in the rig, as a share of one core."""
    screen_share: float | None = None
    """CPU of the screen's process, as a share of one core (live only)."""
    dropped: int = 0
    lost_lines: int = 0
    words: str = ""
    dropped_at_s: float | None = None
    """When a sample was last dropped."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """A time line: ``t_s`` (bin starts, oldest first) and named values on the same axis; nan where there is none."""

    t_s: Floats = field(default_factory=lambda: EMPTY)
    step_s: float = 0.5
    chunks_s: Floats = field(default_factory=lambda: EMPTY)
    elu: Floats = field(default_factory=lambda: EMPTY)
    lag_ms: Floats = field(default_factory=lambda: EMPTY)
    """Largest lag in the bin."""
    delay_ms: Floats = field(default_factory=lambda: EMPTY)
    """Largest delivery delay in the bin."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Everything, at one moment."""

    t_s: float = 0.0
    wall_ns: int = 0
    source: str = ""
    """``embedded``, ``ollama``, ``urls``."""
    source_words: str = ""
    """E.g. "EMBEDDED: two emulated servers", "2 servers, gemma3"."""
    source_reason: str = ""
    """Why this source, or what speaks against it; empty when there is nothing to say."""
    embedded: bool = False
    window_s: float = 10.0
    agents: tuple[AgentView, ...] = ()
    loop: LoopView = field(default_factory=LoopView)
    loops: tuple[LoopView, ...] = ()
    """Every loop that serves, the fullest first."""
    figures: Mapping[str, Figure] = field(default_factory=dict)
    """Every metric over the window, by name: its value, or the reason why there is none."""
    ceiling: CeilingView = field(default_factory=CeilingView)
    lag: Histogram = field(default_factory=Histogram)
    gap: Histogram = field(default_factory=Histogram)
    delay: Histogram = field(default_factory=Histogram)
    handled_ms: Quantiles = field(default_factory=Quantiles)
    """From received to handled, all agents, over the window."""
    series: Series = field(default_factory=Series)
    power: PowerView = field(default_factory=PowerView)
    levers: tuple[LeverView, ...] = ()
    effects: tuple[LeverEffect, ...] = ()
    """Every pull so far, oldest first."""
    best: tuple[BestView, ...] = ()
    """Highest bound, lowest delay p99, highest decode rate of a stretch between levers; none before the first pull."""
    marks: tuple[MarkView, ...] = ()
    findings: tuple[FindingView, ...] = ()
    """What holds now: warnings first, the oldest of them first, then notes."""
    past_findings: tuple[FindingView, ...] = ()
    """The latest 256 that have ceased to hold, in the order in which they did."""
    phase: PhaseView | None = None
    """The step that a procedure is at now."""
    results: tuple[ResultView, ...] = ()
    """What procedures have found, oldest first; the latest 256."""
    recent: Recent = field(default_factory=Recent)
    loads: LoadCount = field(default_factory=LoadCount)
    """Requests of the whole session whose server told how long the model took to load."""
    solo_ttft_ms: dict[str, float] = field(default_factory=dict)
    """Median TTFT by model of requests that had no company; only of models with three such requests."""
    stalls: tuple[StallView, ...] = ()
    """The latest 20, oldest first."""
    stall_places: tuple[StallPlace, ...] = ()
    """All of the session by place, the one with the most time first."""
    observer: ObserverView = field(default_factory=ObserverView)
    host_cpu: tuple[float, ...] = ()
    chunks: int = 0
    tokens: int = 0
    requests: int = 0
    errors: int = 0
    taken: int = 0
    """Requests cut by takeovers and stops: counted apart from errors."""
    ignored: int = 0
    """Records and chunk rows that cannot be true (a time years off, a column too short) and were left out."""
    output: tuple[str, ...] | None = None
    """The last lines that a program under the probe printed, safe to show; ``None`` where there is no such program."""
    problem: str = ""
    """Something that the operator must know now: the rig died, the file cannot be written."""
