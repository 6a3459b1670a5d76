"""Timing models: the gap from one token to the next, in ns; seeded, so that it can be repeated."""

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path

from loopscope.core.codec import MAX_LINE_BYTES, decode
from loopscope.core.errors import InputError, TraceError
from loopscope.core.records import Chunks

MAX_GAPS = 1_000_000
"""Gaps kept of a recording (8 MiB): three hours of one stream at 100 tok/s."""
Gap = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Timing:
    """``kind``: ``constant``, ``lognormal`` (``sigma``), ``burst`` (that many at once), ``recorded`` (``runs``)."""

    kind: str = "constant"
    sigma: float = 0.0
    burst: int = 1
    runs: tuple[tuple[int, ...], ...] = field(default=(), repr=False)
    """Gaps (ns) of each recorded request."""
    words: str = "constant"

    def gap(self, tok_s: float, seed: str) -> Gap | None:
        """Return the source of gaps of one request at a mean rate; ``None`` where every gap is the same.

        A recording has its own rate: ``tok_s`` does not count there.
        """
        if self.kind == "lognormal":
            draw = random.Random(seed).lognormvariate  # noqa: S311 - no secret
            # E[exp(N(mu, s))] = exp(mu + s^2/2): with this mu the mean gap, and so the long-run rate, is exact.
            mu = math.log(1e9 / tok_s) - self.sigma**2 / 2
            return lambda: int(draw(mu, self.sigma))
        if self.kind == "burst":
            return cycle([0] * (self.burst - 1) + [round(1e9 / tok_s * self.burst)]).__next__
        if self.kind == "recorded":
            run = random.Random(seed).randrange(len(self.runs))  # noqa: S311 - no secret
            return _chain(self.runs, run).__next__
        return None

    def rate(self, tok_s: float) -> float:
        """Tokens/s of one stream alone in the long run (0: as fast as the socket takes them)."""
        if self.kind != "recorded":
            return tok_s
        return sum(map(len, self.runs)) * 1e9 / max(1, sum(map(sum, self.runs)))


def _chain(runs: tuple[tuple[int, ...], ...], start: int) -> Iterator[int]:
    """Gaps of one recorded request, then of the next, for as long as they are asked for."""
    for run in islice(cycle(runs), start, None):
        yield from run


def parse_timing(text: str) -> Timing:
    """Read ``constant``, ``lognormal:SIGMA``, ``burst:N``, ``recorded:FILE``.

    Raises:
        InputError: none of these, or the file holds no arrivals.
    """
    kind, _, value = text.partition(":")
    kind = kind.strip().lower().replace("-", "")
    if kind == "constant" and not value:
        return Timing()
    try:
        if kind == "lognormal":
            sigma = float(value or 0.3)
            if 0 <= sigma <= 3:
                return Timing(kind, sigma=sigma, words=f"log-normal, sigma {sigma:g}")
        if kind == "burst":
            burst = int(value or 8)
            if 1 <= burst <= 10_000:
                return Timing(kind, burst=burst, words=f"{burst} tokens at once")
    except ValueError as error:
        raise _unknown(text) from error
    if kind == "recorded" and value:
        runs = read_gaps(Path(value))
        return Timing(kind, runs=runs, words=f"recorded, {sum(map(len, runs))} gaps of {Path(value).name}")
    raise _unknown(text)


def _unknown(text: str) -> InputError:
    return InputError(
        f"timing {text!r} is not known; valid: constant, lognormal:SIGMA (0 to 3), burst:N (1 to 10000), recorded:TRACE"
    )


def read_gaps(path: Path) -> tuple[tuple[int, ...], ...]:
    """Read the arrival gaps (ns) of each request in a trace; a file that ends in ``.zst`` is unpacked.

    Arrivals, not the server's stamps: every dialect has them. Rows of one read have gap 0, as they were seen.

    Raises:
        InputError: the file cannot be read or holds no request with two chunks.
    """
    open_runs: dict[int, list[int]] = {}
    runs: list[list[int]] = []
    last: dict[int, int] = {}
    left = MAX_GAPS
    try:
        for line in _lines(path):
            try:
                record = decode(line)
            except TraceError:
                continue  # a torn tail, or a line of a later version
            if isinstance(record, Chunks):
                left -= _take(record, last, open_runs, runs)
                if left <= 0:
                    break
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    kept = tuple(tuple(run) for run in runs if run)
    if not kept:
        raise InputError(f"{path} holds no chunks to take arrival times from")
    return kept


def _take(record: Chunks, last: dict[int, int], open_runs: dict[int, list[int]], runs: list[list[int]]) -> int:
    """Add the gaps of one record; ``last`` is the latest arrival of each agent. Return how many there were."""
    first = set(record.first)
    now, taken = record.base_ns, 0
    for row, (agent, step) in enumerate(zip(record.agent, record.recv, strict=False)):
        now += step
        if row in first or agent not in open_runs:
            open_runs[agent] = []
            runs.append(open_runs[agent])
        else:
            open_runs[agent].append(max(0, now - last[agent]))
            taken += 1
        last[agent] = now
    return taken


def _lines(path: Path) -> Iterator[bytes]:
    if path.suffix == ".zst":
        from loopscope.core import zstd

        try:
            with zstd.open(path) as lines:
                while line := lines.readline(MAX_LINE_BYTES + 1):
                    yield line
        except EOFError:  # a recording that was never closed: what there is
            return
        except zstd.ZstdError as error:
            raise InputError(f"{path} is damaged: {error}") from error
    else:
        with path.open("rb") as lines:
            while line := lines.readline(MAX_LINE_BYTES + 1):
                yield line
