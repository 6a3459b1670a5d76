"""The typed form of the summary object that ``--json`` prints. Its JSON schema is generated from these classes.

Units stand in the names, and an absent value (``null``) is not known. A member is never renamed or given another
meaning without another :data:`SCHEMA_VERSION`; new members may come at any time.
"""

import msgspec

from loopscope.model.loop_stack import LoopStack
from loopscope.model.snapshot import BestView, Figures, MarkView, Quantiles, StallPlace, StallView
from loopscope.model.state import Lost

SCHEMA_VERSION = 1


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the summary."""


class Server(Part, frozen=True, kw_only=True):
    """A server that was asked."""

    url: str
    api: str
    model: str
    version: str
    embedded: bool


class AgentSummary(Part, frozen=True, kw_only=True):
    """One agent. ``taken``: requests cut by a takeover or by the end, which are no errors."""

    agent: int
    name: str
    server: int
    endpoint: str
    model: str
    state: str
    words: str
    requests: int
    errors: int
    taken: int
    chunks: int
    tokens: int
    tok_s: float | None
    tok_s_by_word: bool
    """The rate is what the server says of its own decoding: the arrivals carry none."""
    ttft_ms: Quantiles
    itl_ms: Quantiles
    gap_ms: Quantiles
    server_gap_ms: Quantiles
    delay_ms: Quantiles
    delay_words: str


class RequestTime(Part, frozen=True, kw_only=True):
    """Where the time of an agent's requests goes: means over the whole run, in ms, which add up to ``wall_ms``."""

    agent: str
    endpoint: str
    n: int
    """Requests that ended well and whose server reported its durations."""
    connect_ms: float | None
    queue_ms: float | None
    load_ms: float | None
    prompt_ms: float | None
    decode_ms: float | None
    client_ms: float | None
    wall_ms: float | None
    words: str
    """Why the parts are not known."""


class Lag(Part, frozen=True, kw_only=True):
    """Lateness of the heartbeat above the idle floor, which was measured before any agent started."""

    n: int
    p50: float | None
    p90: float | None
    p99: float | None
    max: float | None
    floor: float | None


class MetricValue(Part, frozen=True, kw_only=True):
    """A figure of the table of metrics, or in words why there is none."""

    value: float | None
    unit: str
    words: str


class Streams(Part, frozen=True, kw_only=True):
    """What all agents together received.

    ``tok_s_total`` over wall time, ``tok_s_agent`` the mean of the agents, ``tok_s`` the rate of one agent while it
    streams. ``metrics`` holds every figure of the table of metrics by its name.
    """

    chunks: int
    tokens: int
    requests: int
    errors: int
    taken: int
    chunks_s: float | None
    tok_s_total: float | None
    tok_s_agent: float | None
    tok_s: float | None
    ttft_ms: Quantiles
    itl_ms: Quantiles
    gap_ms: Quantiles
    server_gap_ms: Quantiles
    delay_ms: Quantiles
    delay_words: str
    handled_ms: Quantiles
    metrics: dict[str, MetricValue]


class LoopSummary(Part, frozen=True, kw_only=True):
    """The event loop; of several loops side by side the fullest one, where the name does not say all."""

    name: str
    client: str
    count: int
    cpu_all: float | None
    elu: float | None
    elu_all: float | None
    cpu: float | None
    runq: float | None
    gc: float | None
    stack: LoopStack | None
    known_s: float
    known_words: str
    lag_ms: Lag
    waited_10ms: float | None
    waited_50ms: float | None
    switches_s: float | None
    preempted_s: float | None
    gc_generations: tuple[float, ...]
    connections: int | None
    connect_ms: Quantiles
    cpu_us_per_chunk: float | None
    chunks_per_read: float | None
    backlog_bytes: float | None
    words: dict[str, str]
    """Why a member of that name is not known."""


class StandingSummary(Part, frozen=True, kw_only=True):
    """A ceiling that was expected or measured, with its interval; ``null``: no bound on that side."""

    chunks_s: float
    lo: float | None
    hi: float | None
    words: str
    date: str
    limited_by: str
    stale: str


class Bound(Part, frozen=True, kw_only=True):
    """The rate and the lower bound of the ceiling. ``headroom``: what is free of that bound."""

    now_chunks_s: float | None
    at_least_chunks_s: float | None
    headroom: float | None
    elu: float | None


class CeilingSummary(Bound, frozen=True, kw_only=True):
    """The ceiling over the whole run, by standing."""

    peak_chunks_s: float | None
    words: str
    expected: StandingSummary | None
    measured: StandingSummary | None
    full: StandingSummary | None


class Segment(Part, frozen=True, kw_only=True):
    """A stretch between two levers, without its settling time; every figure is ``null`` where it was too short."""

    t0_s: float
    t1_s: float
    settle_s: float
    levers: dict[str, str]
    opened_by: str | None
    words: str
    measured_s: float | None = None
    agents: list[AgentSummary] | None = None
    loop: LoopSummary | None = None
    ceiling: Bound | None = None
    chunks: int | None = None
    tokens: int | None = None
    requests: int | None = None
    errors: int | None = None
    taken: int | None = None
    chunks_s: float | None = None
    tok_s_total: float | None = None
    tok_s_agent: float | None = None
    tok_s: float | None = None
    ttft_ms: Quantiles | None = None
    itl_ms: Quantiles | None = None
    gap_ms: Quantiles | None = None
    server_gap_ms: Quantiles | None = None
    delay_ms: Quantiles | None = None
    delay_words: str | None = None
    handled_ms: Quantiles | None = None
    metrics: dict[str, MetricValue] | None = None
    watts: float | None = None


class Bounds(Part, frozen=True, kw_only=True):
    """An interval; an end that the data do not bound is ``null``."""

    low: float | None
    mid: float
    high: float | None
    n_effective: float


class ChangeSummary(Part, frozen=True, kw_only=True):
    """What one figure did at a pull. ``surely``: 1 higher, -1 lower, 0 not known."""

    name: str
    title: str
    unit: str
    better: int
    before: Bounds | None
    after: Bounds | None
    difference: Bounds | None
    change: Bounds | None
    words: str
    surely: int


class EffectSummary(Part, frozen=True, kw_only=True):
    """A pull of a lever, and the figures on both sides of it."""

    name: str
    old: str
    new: str
    t_s: float
    words: str
    before: Figures | None
    after: Figures | None
    cut_short: bool
    changes: list[ChangeSummary]


class PowerSummary(Part, frozen=True, kw_only=True):
    """Power, or where there is none the utilisation, which is not power."""

    source: str
    label: str
    simulated: bool
    watts: float | None
    share: float | None


class Observer(Part, frozen=True, kw_only=True):
    """What loopscope itself cost and lost."""

    dropped: int
    rig_share: float | None
    screen_share: float | None
    lost_lines: int
    ignored: int


class Truth(Part, frozen=True, kw_only=True):
    """What the emulators counted themselves, to hold the agents' figures against."""

    servers: int
    requests: int
    chunks: int
    tokens: int


class FindingSummary(Part, frozen=True, kw_only=True):
    """A finding: its sentence, what it rests on, what to try, and when it held. ``under``: what it follows from."""

    name: str
    severity: str
    sentence: str
    evidence: str
    figures: dict[str, float | None]
    lever: str
    under: str
    since_s: float
    until_s: float | None
    active: bool


class Stalls(Part, frozen=True, kw_only=True):
    """Turns of the loop that lasted over 25 ms."""

    count: int
    total_ms: float
    places: list[StallPlace]
    latest: list[StallView]


class FileSummary(Part, frozen=True, kw_only=True):
    """How a trace was: what of it was good, damaged, missing."""

    name: str
    records: int
    whole: bool
    closed: bool
    torn: bool
    damaged_lines: int
    missing_lines: int
    stopped: str | None
    unreadable_stretches: int
    unreadable_s: float
    doubtful_frames: int
    words: str | None


class Summary(Part, frozen=True, kw_only=True):
    """A whole run, each stretch between its levers, and what was lost."""

    schema_version: int = SCHEMA_VERSION
    loopscope: str
    source: str
    source_words: str
    source_reason: str
    scenario: str
    duration_s: float
    measured_s: float
    servers: list[Server]
    agents: list[AgentSummary]
    request_times: list[RequestTime]
    loop: LoopSummary
    ceiling: CeilingSummary
    chunks: int
    tokens: int
    requests: int
    errors: int
    taken: int
    chunks_s: float | None
    tok_s_total: float | None
    tok_s_agent: float | None
    tok_s: float | None
    ttft_ms: Quantiles
    itl_ms: Quantiles
    gap_ms: Quantiles
    server_gap_ms: Quantiles
    delay_ms: Quantiles
    delay_words: str
    handled_ms: Quantiles
    metrics: dict[str, MetricValue]
    segments: list[Segment]
    levers: list[EffectSummary]
    best: list[BestView]
    power: PowerSummary | None
    observer: Observer
    truth: Truth | None
    findings: list[FindingSummary]
    stalls: Stalls
    marks: list[MarkView]
    losses: list[Lost]
