"""One request's wall time as a stack that adds up: connect, queue, load, prompt, decode, and the client's rest.

Ollama reports four durations of a request; what its total holds beyond loading, prompt and decoding is the wait for a
slot, which nothing else on the wire tells. What the wall time holds beyond the total is ours: connecting, transport,
the wait for our loop, throttle and batching.
"""

from dataclasses import dataclass, field

from loopscope.core.records import Request

_DAY_NS = 86_400_000_000_000
PARTS = ("connect", "queue", "load", "prompt", "decode", "client")
"""In the order of time."""


@dataclass(frozen=True, slots=True)
class RequestStack:
    """Parts of one request in ms; they add up to its wall time exactly. A part may be negative, and is shown so."""

    connect: float
    queue: float
    """In the server, before anything is done for it: its total less the three parts that it names."""
    load: float
    prompt: float
    decode: float
    client: float
    """Transport, our loop, throttle, batching: the wall time less the server's total and connecting."""

    def parts(self) -> tuple[tuple[str, float], ...]:
        """Return every part by name, in the order of time."""
        return tuple((name, getattr(self, name)) for name in PARTS)

    @property
    def wall_ms(self) -> float:
        """The whole request."""
        return sum(value for _, value in self.parts())


@dataclass(slots=True, eq=False)
class MeanStack:
    """Sums of the stacks of an agent's requests that ended well."""

    count: int = 0
    sums: list[float] = field(default_factory=lambda: [0.0] * len(PARTS))
    """In ms, in the order of :data:`PARTS`."""

    def add(self, stack: RequestStack) -> None:
        """Take one request in."""
        self.count += 1
        self.sums = [held + value for held, (_, value) in zip(self.sums, stack.parts(), strict=True)]

    def mean(self) -> RequestStack | None:
        """Return the mean of each part; ``None`` without a request."""
        return RequestStack(*(held / self.count for held in self.sums)) if self.count else None


NO_DURATIONS = "the server reports no durations: its part and the client's cannot be told apart"


def request_stack(record: Request) -> RequestStack | None:
    """Return the stack of a request; ``None`` where the server told no total (:data:`NO_DURATIONS`)."""
    total, wall = _known(record.total_ns), record.end_ns - record.start_ns
    if total is None or not 0 <= wall <= _DAY_NS:
        return None
    load, prompt, decode = (_known(value) or 0 for value in (record.load_ns, record.prompt_ns, record.eval_ns))
    connect = _known(record.connect_ns) or 0
    parts = (connect, total - load - prompt - decode, load, prompt, decode, wall - total - connect)
    return RequestStack(*(value / 1e6 for value in parts))


def _known(value: int | None) -> int | None:
    return value if value is not None and 0 <= value <= _DAY_NS else None
