"""What the loop and the chunks looked like during one round, from the records as they come."""

from dataclasses import dataclass

from loopscope.core.records import AnyRecord, Chunks, Hello, Pulse
from loopscope.stats.ranks import exact_quantiles


@dataclass(frozen=True, slots=True)
class LoopFigures:
    """Figures of one round; ``None``: not enough data. Shares are of wall time, of all the rigs' loops together."""

    chunks_s: float | None = None
    elu: float | None = None
    cpu: float | None = None
    lag_p99_ms: float | None = None
    """Above the idle floor."""
    gap_p50_ms: float | None = None
    delay_p50_ms: float | None = None
    delay_p99_ms: float | None = None


class Meters:
    """Feed it every record of the round, then ask for :meth:`figures`. ``floors_ns``: idle lag of each rig so far."""

    def __init__(self, floors_ns: dict[str, int]) -> None:
        self._floors_ns = dict(floors_ns)
        self._beats_ns: list[int] = []
        self._delays_ns: list[int] = []
        self._gaps_ns: list[int] = []
        self._last_ns: dict[int, int] = {}
        self._rows = 0
        self._wall_ns = self._active_ns = self._cpu_ns = 0
        self._with_active_ns = self._with_cpu_ns = 0

    def feed(self, record: AnyRecord) -> None:
        """Take a record in; kinds that say nothing of this are passed over."""
        if isinstance(record, Chunks):
            self._chunks(record)
        elif isinstance(record, Pulse):
            if record.active_ns is not None:
                self._active_ns += record.active_ns
                self._with_active_ns += record.dt_ns
            if record.cpu_ns is not None:
                self._cpu_ns += record.cpu_ns
                self._with_cpu_ns += record.dt_ns
            floor_ns = self._floors_ns.get(record.proc, 0)
            self._beats_ns.extend(max(0, lag_ns - floor_ns) for lag_ns in record.lag_ns)
        elif isinstance(record, Hello) and record.lag_floor_ns is not None:
            self._floors_ns[record.proc] = record.lag_floor_ns

    def _chunks(self, record: Chunks) -> None:
        firsts = set(record.first)
        at_ns = record.base_ns
        self._rows += len(record.agent)
        for row, agent in enumerate(record.agent):
            at_ns += record.recv[row]
            if row not in firsts and agent in self._last_ns:
                self._gaps_ns.append(at_ns - self._last_ns[agent])
            self._last_ns[agent] = at_ns
            if (delay_ns := record.delay[row]) is not None:
                self._delays_ns.append(delay_ns)

    def figures(self, wall_s: float) -> LoopFigures:
        """Give the figures of a round of that length."""
        return LoopFigures(
            chunks_s=self._rows / wall_s if wall_s > 0 else None,
            elu=self._active_ns / self._with_active_ns if self._with_active_ns else None,
            cpu=self._cpu_ns / self._with_cpu_ns if self._with_cpu_ns else None,
            lag_p99_ms=_quantile_ms(self._beats_ns, 0.99),
            gap_p50_ms=_quantile_ms(self._gaps_ns, 0.5),
            delay_p50_ms=_quantile_ms(self._delays_ns, 0.5),
            delay_p99_ms=_quantile_ms(self._delays_ns, 0.99),
        )


def _quantile_ms(values_ns: list[int], share: float) -> float | None:
    # Of fewer values than 1 / (1 - share) the quantile is only their largest.
    if len(values_ns) < 1 / (1 - share) - 1e-9:
        return None
    return exact_quantiles(values_ns, (share,))[0] / 1e6
