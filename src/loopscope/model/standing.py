"""What is known of a ceiling, each figure with its standing: a bound, an expectation or a measurement, never mixed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Standing:
    """A rate in chunks/s with its interval; ``None``: that end is not known."""

    mid: float
    low: float | None = None
    high: float | None = None
    words: str = ""
    """What it was found for, when, and what speaks against it."""
    date: str = ""
    """ISO 8601, UTC; empty: in this session."""
    limited_by: str = ""
    """``client``, ``server`` (the emulator or server was the limit first), ``core`` (the cores were taken),
    ``instrument``, ``range``; empty: not known."""
    stale: str = ""
    """Why it may no longer be true: what has another version now. Empty while it is."""


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One load that was measured: a point of the curve of delay against rate."""

    chunks_s: float
    delay_p50_ms: float | None
    delay_p99_ms: float | None
    elu: float | None
    fell: bool = False
    """The client fell behind."""
    offered_chunks_s: float | None = None


@dataclass(frozen=True, slots=True)
class CostView:
    """CPU (us) of one wake-up of the loop, one read, one chunk, as fitted."""

    wakeup_us: float
    read_us: float
    chunk_us: float
    error: float
    """Typical relative miss of the fit."""
    words: str
    """What it was fitted on."""
    today: float | None = None
    """What a chunk costs now, as a multiple of what the fit says; ``None``: not enough data."""


@dataclass(frozen=True, slots=True)
class NextLever:
    """What another value of one lever is expected to give, from its own calibration."""

    lever: str
    value: str
    expected: Standing
