"""The records: the same lines on the pipe of a child process and in a trace file.

Each record is one JSON object on one line; the member ``k`` names its kind. ``t_ns`` is the monotonic time
(:mod:`loopscope.core.clock`) at which it was made; ``proc`` names the process that made it (``rig-1``, ``emulator-2``,
``telemetry``, ``session``). A member that is ``null`` says "not known", never zero. New members get defaults, so that
an older file still reads; a new *kind* needs a new :data:`FORMAT`.
"""

import msgspec

FORMAT = 2
"""Version of the file format, counted apart from the release."""


class Record(msgspec.Struct, frozen=True, tag_field="k", kw_only=True, gc=False):
    """Base of every record."""

    t_ns: int
    proc: str = ""


class Server(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One endpoint as the session found it. ``api`` is ``ollama`` or ``openai``; no credentials, ever."""

    url: str
    api: str = "ollama"
    model: str = ""
    version: str = ""
    embedded: bool = False
    words: str = ""
    quantization: str = ""
    """Of the model, as the server tells it (``Q4_K_M``); empty: it does not."""


class AgentSpec(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What one agent does: stream ``tokens`` tokens from server number ``server``, again and again."""

    agent: int
    name: str
    server: int
    model: str = ""
    prompt: str = ""
    tokens: int = 256
    api: str = "ollama"
    options: dict[str, int | float | str | bool] = {}
    """Sampling options, sent as the dialect has them."""
    pause_s: float = 0.0
    """Between the end of a request and the next."""
    requests: int = 0
    """How many requests it sends before it ends by itself; 0: until it is told to stop."""
    workflow: str = ""
    """``loop`` or ``thread``: it scans files, asks twice and writes a report, its file I/O done there; empty: no."""
    files: int = 0
    """Files that a workflow scans."""


class Header(Record, frozen=True, tag="header", kw_only=True, gc=False):
    """First line of a trace. ``anchor_*`` are one moment on both clocks; ``host`` is plain facts by name."""

    format: int = FORMAT
    loopscope: str = ""
    anchor_perf_ns: int = 0
    anchor_wall_ns: int = 0
    source: str = ""
    """``embedded``, ``ollama``, ``urls``, ``program`` (a program of one's own): where the streams come from."""
    words: str = ""
    """Why this source, or what speaks against it: "no Ollama server answers on ...", "... does not fit twice"."""
    host: dict[str, str] = {}
    servers: list[Server] = []
    agents: list[AgentSpec] = []
    levers: dict[str, str] = {}
    scenario: str = ""
    commit: str = ""
    """The commit that the session's folder stood at; empty: it is no working copy."""


class Hello(Record, frozen=True, tag="hello", kw_only=True, gc=False):
    """First line of a child process: it is ready. ``signals`` maps each signal to ``ok`` or why it cannot be had."""

    role: str
    pid: int
    perf_ns: int
    wall_ns: int
    info: dict[str, str] = {}
    signals: dict[str, str] = {}
    lag_floor_ns: int | None = None
    """Median lateness of the heartbeat on the idle loop, measured before any agent starts (rig only)."""
    elu_floor: float | None = None


class ClockAnchor(Record, frozen=True, tag="anchor", kw_only=True, gc=False):
    """The anchor of a process, renewed each second. ``step_ns``: how far the wall clock stepped since the last one."""

    wall_ns: int
    step_ns: int = 0


class AgentState(Record, frozen=True, tag="agent", kw_only=True, gc=False):
    """An agent changed its state.

    ``state``: ``starting``, ``waiting`` (request sent, nothing yet), ``streaming``, ``pausing`` (between requests),
    ``retrying`` (back-off after a failure, ``words`` says which), ``draining``, ``gone``.
    """

    agent: int
    state: str
    name: str = ""
    server: int = 0
    model: str = ""
    words: str = ""
    url: str = ""
    """Scheme, host and port of its server, where the header does not list that (a program of one's own)."""


class Request(Record, frozen=True, tag="request", kw_only=True, gc=False):
    """One request has ended; times in ns on the monotonic clock, durations in ns, ``null`` where not known.

    ``outcome``: ``ok``; ``length``-limited ends are ``ok`` too; ``refused`` (no connection), ``http`` (a status that is
    an error), ``server`` (an error line), ``cut`` (connection broke mid-stream), ``no_done`` (a normal end without the
    final message), ``empty`` (an end without a chunk), ``garbage`` (a line that is no message), ``timeout``, ``taken``
    (cut by a takeover or by the end of the session: not the server's fault). ``words`` says it for people.
    """

    agent: int
    request: int
    outcome: str
    words: str = ""
    status: int | None = None
    start_ns: int
    connect_ns: int | None = None
    """Duration of connecting; ``0`` when a kept connection was used."""
    first_ns: int | None = None
    """Received stamp of the first chunk with non-empty content."""
    last_ns: int | None = None
    end_ns: int
    chunks: int = 0
    reads: int = 0
    bytes: int = 0
    tokens: int | None = None
    """``eval_count``, as the server reported it."""
    prompt_tokens: int | None = None
    total_ns: int | None = None
    load_ns: int | None = None
    prompt_ns: int | None = None
    eval_ns: int | None = None
    handle_ns: int = 0
    """Time spent decoding and consuming on the loop."""
    throttle_ns: int = 0
    batch_ns: int = 0


class Chunks(Record, frozen=True, tag="chunks", kw_only=True, gc=False):
    """The chunks handled since the last such record: one row a chunk, in the order in which they were handled.

    Columns have equal length n. Row i was received at ``base_ns + sum(recv[0..i])``. ``delay[i]`` is received - sent in
    ns (``null``: the server gave no stamp; below zero: the server's clock is ahead of ours); ``handled[i]`` is handled
    - received in ns. ``first`` lists the rows that are the first chunk of their request (a gap never spans two
    requests). Rows of one agent with the same received stamp came in one read.
    """

    base_ns: int
    agent: list[int]
    recv: list[int]
    delay: list[int | None]
    handled: list[int]
    first: list[int] = []
    whole: list[int] = []
    """Agents all of whose stamps in this record are whole seconds: no delay can be told from them."""


class Pulse(Record, frozen=True, tag="pulse", kw_only=True, gc=False):
    """One tick (about 100 ms) of one event loop. Durations in ns within this tick; ``null``: cannot be had here."""

    dt_ns: int
    loop: str
    active_ns: int | None = None
    """Time not spent waiting in the selector; ELU = active / dt."""
    cpu_ns: int | None = None
    """CPU of the loop's thread."""
    runq_ns: int | None = None
    """Time in which the loop's thread could have run but had no core."""
    gc_ns: int = 0
    lag_ns: list[int] = []
    """Lateness of each heartbeat that was due in this tick, back-filled; the idle floor is not yet subtracted."""
    beat_ns: int = 0
    """Period of the heartbeat."""
    reads: int = 0
    """Deliveries of bytes from the transport."""
    streams: int = 0
    """Requests under way."""
    tasks: int = 0
    backlog_bytes: int | None = None
    """Bytes waiting unread in all sockets."""
    dropped: int = 0
    """Samples lost since the process started, because there was no room."""
    observer_ns: int = 0
    """CPU of the probes' own thread in this tick."""
    process_ns: int = 0
    """CPU of the whole process in this tick."""
    switches: int | None = None
    """How often the loop's thread went to wait by itself since this was last told (once a second), ..."""
    preempted: int | None = None
    """... and how often its core was taken from it meanwhile."""
    gc_gen_ns: list[int] = []
    """``gc_ns`` by generation, the youngest first."""
    connections: int | None = None
    """Open connections of the client."""
    turns: int | None = None
    """Turns of the loop: how often it looked for events."""
    looks: int = 0
    """Looks of the watchdog's thread, which wakes up about 28 times a second, ..."""
    taken: int = 0
    """... and those of them that had a core but found Python's lock taken for a millisecond or longer."""
    queued: int | None = None
    """Requests that wait in the client for a connection of its pool."""


class Lever(Record, frozen=True, tag="lever", kw_only=True, gc=False):
    """A lever was pulled. ``by``: ``key``, ``script``, ``start``. ``words``: what it took ("restarted on uvloop")."""

    name: str
    old: str
    new: str
    by: str = "key"
    words: str = ""


class Mark(Record, frozen=True, tag="mark", kw_only=True, gc=False):
    """A word that somebody put on the time line."""

    words: str


class Power(Record, frozen=True, tag="power", kw_only=True, gc=False):
    """Power or its stand-in. ``source`` says which: ``nvml``, ``rapl``, ``simulated``, ``cpu`` (only a share).

    ``watts`` is ``null`` where there is only utilisation. ``share`` is GPU (or CPU) utilisation in [0, 1].
    """

    source: str
    name: str = ""
    watts: float | None = None
    share: float | None = None
    memory_used: int | None = None
    memory_total: int | None = None
    words: str = ""


class HostLoad(Record, frozen=True, tag="host", kw_only=True, gc=False):
    """The machine: ``cpu`` is the busy share of each core; ``procs`` is CPU share of a core by process name."""

    cpu: list[float]
    procs: dict[str, float] = {}
    memory_used: int = 0
    memory_total: int = 0


class Truth(Record, frozen=True, tag="truth", kw_only=True, gc=False):
    """What an emulator knows of itself, counted since it started: ground truth to hold the agents' figures against."""

    requests: int
    streams: int
    """Requests under way now."""
    chunks: int
    """Messages with content, each sent whole."""
    tokens: int
    messages: int = 0
    """All messages of streams: chunks and final ones."""
    bytes: int = 0
    late_p50_ns: int | None = None
    """Lateness of sends against their schedule since the last such record."""
    late_p99_ns: int | None = None
    watts: float | None = None
    """Simulated power, when a power model is set."""
    cpu_ns: int = 0
    blocked: int | None = None
    """How often a stream had to wait for its client to read."""
    runq_ns: int | None = None
    """Time in which the emulator could have run but had no core."""
    abandoned: int | None = None
    """Of ``chunks``, those on streams whose client hung up before it had read the end. Every other chunk was read; of
    these the client has seen the first ones, and the rest is unread: ``chunks`` = seen + unread."""


class Observer(Record, frozen=True, tag="observer", kw_only=True, gc=False):
    """What the session's own process cost within ``dt_ns``: CPU of all its threads, of the recorder; ``lost_lines``
    counts the lines that it could not read or write since the session began."""

    dt_ns: int
    cpu_ns: int
    recorder_ns: int = 0
    lost_lines: int = 0


class Stall(Record, frozen=True, tag="stall", kw_only=True, gc=False):
    """One turn of the loop kept it from its selector for over 25 ms: which line, and why.

    ``why``: ``callback`` (one callback ran all the time), ``gc`` (mostly the garbage collector, within it), ``turn``
    (several callbacks in one turn, none of them alone), ``gil`` (another thread held the GIL), ``core`` (the loop's
    thread had no core). For the last three the line is only where it happened to be.
    """

    start_ns: int
    dur_ns: int
    over: bool = True
    """``False``: it still lasts; told each second, the same ``start_ns`` again."""
    why: str = "callback"
    file: str = ""
    """Relative to its package."""
    line: int = 0
    function: str = ""
    own: bool = False
    """The line is loopscope's own."""
    stack: list[str] = []
    """``file:line function``, innermost first, up to the loop's frames."""
    cpu_ns: int | None = None
    """CPU that the loop's thread used in it."""
    runq_ns: int | None = None
    """Time in it that the thread waited for a core."""
    gc_ns: int = 0
    """Time in it that the garbage collector ran."""
    looks: int = 0
    """How often the stack was looked at."""


class Finding(Record, frozen=True, tag="finding", kw_only=True, gc=False):
    """A rule fired (``on``) or stopped firing. ``sentence`` carries its number; ``lever`` names what to try.

    ``severity`` is ``warn``, or ``note`` for what is worth knowing and no harm. While it holds, the same name may come
    again with fresh numbers.
    """

    name: str
    on: bool
    sentence: str = ""
    evidence: str = ""
    lever: str = ""
    severity: str = "warn"
    figures: dict[str, float] = {}
    """The numbers that the evidence rests on, by name with their unit."""
    under: str = ""
    """Name of the finding that this one follows from, as ``core-stolen``; empty: it stands for itself."""


class Phase(Record, frozen=True, tag="phase", kw_only=True, gc=False):
    """A procedure that the session runs by itself begins (``on``) or ends a step.

    ``what``: ``calibration``, ``ramp``, ``ab``, ``warm-up``, ``solo``, ``round``, ``pause``. Steps count from 1;
    ``settings`` says what this step has set ("loop": "uvloop", "offered_chunks_s": "4000").
    """

    what: str
    on: bool = True
    number: int = 0
    of: int = 0
    """How many such steps there will be, as far as known; 0: not known."""
    words: str = ""
    settings: dict[str, str] = {}


class Result(Record, frozen=True, tag="result", kw_only=True, gc=False):
    """What a procedure has found: ``what`` as in :class:`Phase`, one sentence, and its figures by name with unit.

    The steps of an adaptive throttle are results, too (``throttle``).
    """

    what: str
    words: str = ""
    settings: dict[str, str] = {}
    figures: dict[str, float | None] = {}


class Tick(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something on the time line: a lever, a mark, a finding, a loss, a stall, a phase (``kind`` says which)."""

    t_ns: int
    label: str
    kind: str


class Second(Record, frozen=True, tag="second", kw_only=True, gc=False):
    """Sums of one second, made of the records before it: an overview needs nothing else. ``null``: not known."""

    begin_ns: int
    chunks: int | None
    """``null``: the session ended within it."""
    lag_ns: int | None = None
    """Largest lag in it, above the idle floor."""
    delay_ns: int | None = None
    """Largest delivery delay in it."""
    elu: float | None = None
    marks: list[Tick] = []
    """What came on to the time line meanwhile."""


class Seconds(Record, frozen=True, tag="seconds", kw_only=True, gc=False):
    """The same for a stretch of seconds, a column each: written at the end of a trace, so that they lie together."""

    begin_ns: list[int]
    """Since the header's ``t_ns``."""
    chunks: list[int | None]
    lag_ns: list[int | None]
    delay_ns: list[int | None]
    elu: list[float | None]
    marks: list[Tick] = []


class Checkpoint(Record, frozen=True, tag="checkpoint", kw_only=True, gc=False):
    """All that follows from the records before it, for a reader that begins here. It can be left out: it says nothing
    that they do not say. ``data`` fits only the very code that ``made_by`` names."""

    made_by: str
    data: bytes = b""


class Loss(Record, frozen=True, tag="loss", kw_only=True, gc=False):
    """Something was lost and is counted: ``what`` (``lines``, ``samples``, ``requests``), how many, and why.

    ``frames``: damaged ones of a compressed file, told by who reads it.
    """

    what: str
    count: int
    words: str = ""


RECORDS_LOST = frozenset({"lines", "frames"})
"""Losses of records: what comes next has no neighbour that is known. The others are of what was never recorded."""


class Bye(Record, frozen=True, tag="bye", kw_only=True, gc=False):
    """Last line of a child process: it ended by itself, having handed out everything."""

    words: str = ""


class Trailer(Record, frozen=True, tag="trailer", kw_only=True, gc=False):
    """Last line of a trace that was closed properly: how many lines of each kind stand before it."""

    lines: int
    counts: dict[str, int] = {}
    index_ns: list[int] = []
    """When each checkpoint was made (since the header's ``t_ns``) ..."""
    index_at: list[int] = []
    """... and where in the file its line, or the frame that begins with it, begins (bytes)."""
    seconds_at: int = 0
    """Where the first record of ``seconds`` begins; 0: there is none."""


AnyRecord = (
    Header
    | Hello
    | ClockAnchor
    | AgentState
    | Request
    | Chunks
    | Pulse
    | Lever
    | Mark
    | Power
    | HostLoad
    | Truth
    | Observer
    | Stall
    | Finding
    | Phase
    | Result
    | Second
    | Seconds
    | Checkpoint
    | Loss
    | Bye
    | Trailer
)
"""Every kind that may stand on a line."""
