"""What a report draws over time: a few hundred steps of a whole trace, for any face."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from loopscope.core.clock import NS_PER_MS
from loopscope.model.aggregate import Hist, Row
from loopscope.model.bin_history import Kept, KeptBin, steps
from loopscope.model.bins import BIN_NS
from loopscope.model.stretch import Stretch
from loopscope.stats.loghist import BUCKETS, Floats, quantiles

MOST_STEPS = 480


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """One curve: its values stand at the times of the timeline, ``nan`` where nothing is known."""

    name: str
    label: str
    values: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Chart:
    """Curves that share an axis. ``scale``: ``linear`` from zero, ``share`` from 0 to 1, ``log``."""

    name: str
    title: str
    unit: str
    means: str
    scale: str
    curves: tuple[Curve, ...]
    words: str = ""
    """Why there is nothing to draw."""

    @property
    def known(self) -> bool:
        """Whether there is anything to draw."""
        return any(bool(np.isfinite(curve.values).any()) for curve in self.curves)


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """Steps of ``step_s``, beginning at ``t_s``."""

    t_s: Floats
    step_s: float
    end_s: float
    charts: tuple[Chart, ...]


def timeline(kept: Kept, power_label: str, delay_words: str = "", most: int = MOST_STEPS) -> Timeline:
    """Boil the kept bins down to at most ``most`` steps."""
    bins = steps(kept.bins, most)
    t = np.array([one.t_s for one in bins])
    seconds = _column(bins, Row.SECONDS)
    step_s = float(np.max(seconds)) if bins else BIN_NS / 1e9
    delay_known = Stretch(bins).stamps().usable
    delay = [_quantile(one, Hist.DELAY, 0.5) if delay_known else np.nan for one in bins]
    delay_most = [one.most[Hist.DELAY] / NS_PER_MS if delay_known else np.nan for one in bins]
    watts = power_label.endswith(", W")
    charts = (
        Chart(
            "throughput",
            "throughput",
            "chunks/s",
            "chunks received a second, all agents together",
            "linear",
            (Curve("chunks_s", "chunks/s", _ratio(bins, Row.CHUNKS, Row.SECONDS)),),
            "no chunk came",
        ),
        Chart(
            "delay",
            "delivery delay",
            "ms",
            "received - the server's own stamp: how late a chunk is by the time the program has it",
            "log",
            (Curve("delay_max_ms", "largest", np.array(delay_most)), Curve("delay_p50_ms", "median", np.array(delay))),
            delay_words or "no chunk has a stamp that can be used",
        ),
        Chart(
            "gap",
            "client gap",
            "ms",
            "time between two neighbouring chunks of a stream in our hands",
            "log",
            (
                Curve("gap_max_ms", "largest", np.array([_largest(one, Hist.GAP) for one in bins])),
                Curve("gap_p50_ms", "median", np.array([_quantile(one, Hist.GAP, 0.5) for one in bins])),
            ),
            "no stream had two chunks",
        ),
        Chart(
            "lag",
            "loop lag",
            "ms",
            "how late the loop's heartbeat beats, above the idle floor: largest of the step",
            "log",
            (Curve("lag_max_ms", "largest", np.array([one.most[Hist.LAG] / NS_PER_MS for one in bins])),),
            "no heartbeat on record",
        ),
        Chart(
            "elu",
            "event loop",
            "share of time",
            "ELU: share of time not spent waiting in the selector; CPU: of the loop's thread",
            "share",
            (
                Curve("elu", "ELU", _ratio(bins, Row.ACTIVE, Row.ELU_DT)),
                Curve("cpu", "loop CPU", _ratio(bins, Row.CPU_FULL, Row.CPU_DT)),
            ),
            "loop utilisation is not known",
        ),
        Chart(
            "power",
            power_label.rpartition(", ")[0] or "power",
            "W" if watts else "share",
            "what the label says, and nothing else; a share is utilisation, which is not power",
            "linear" if watts else "share",
            (Curve("power", "W" if watts else "share", _ratio(bins, Row.POWER, Row.POWER_N)),),
            "no reading of power or load",
        ),
    )
    end_s = float(t[-1] + seconds[-1]) if bins else 0.0
    return Timeline(t, step_s, end_s, charts)


def as_data(lines: Timeline) -> dict[str, object]:
    """Give it for programs; ``null`` where nothing is known."""
    columns = {curve.name: rounded(curve.values) for chart in lines.charts for curve in chart.curves}
    return {"step_s": lines.step_s, "t_s": rounded(lines.t_s), **columns}


def rounded(values: Floats) -> list[float | None]:
    """Four figures are what a chart can show."""
    return [float(f"{value:.4g}") if isfinite(value) else None for value in values.tolist()]


def _column(bins: Sequence[KeptBin], row: Row) -> Floats:
    return np.array([one.sums[row] for one in bins])


def _ratio(bins: Sequence[KeptBin], part: Row, whole: Row) -> Floats:
    above, below = _column(bins, part), _column(bins, whole)
    ratio: Floats = np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
    return ratio


def _largest(one: KeptBin, hist: Hist) -> float:
    return one.most[hist] / NS_PER_MS if one.hists[hist][0].size else float("nan")


def _quantile(one: KeptBin, hist: Hist, share: float) -> float:
    buckets, counts = one.hists[hist]
    if not buckets.size:
        return float("nan")
    whole = np.zeros((1, BUCKETS), dtype=np.int64)
    whole[0, buckets] = counts
    return float(quantiles(whole, (share,), np.array([one.most[hist]]))[0, 0]) / NS_PER_MS
