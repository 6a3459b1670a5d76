"""The ceiling, live: the bound that holds now, what calibrations let expect, what ramps have measured, kept apart."""

import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from loopscope.core.format import number, share
from loopscope.model.loop_sums import LoopSums
from loopscope.model.snapshot import ResultView
from loopscope.model.standing import CostView, CurvePoint, NextLever, Standing
from loopscope.settings.levers import of_ceiling, where
from loopscope.stats.ceiling import Costs, Load, at_rate, between, scale_of
from loopscope.stats.intervals import Interval

_MOST_KEYS, _MOST_SHAPES, _MOST_POINTS = 64, 32, 64
_MOST_TOLD = 128
ENOUGH_CHUNKS = 500
"""Chunks in the window from which their cost is compared with a calibration's."""
DISTURBED = 0.25
"""Share of the time without a core from which the cost of a chunk is not compared: chunks clump, and cost less."""
MOST_SCALE = 2.0
"""Costs further from the calibration's than that are not a matter of scaling: it must be made anew."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Shape:
    hard: Interval | None
    full: Interval | None
    limited_by: str
    runq: float | None
    loads: list[Load]


@dataclass(slots=True)
class _Shelf:
    """One calibration."""

    date: str
    stale: str
    shapes: dict[int, _Shape] = field(default_factory=dict)
    costs: Costs | None = None


@dataclass(slots=True)
class _Measured:
    """One ramp."""

    hard: Standing | None
    full: Standing | None
    points: list[CurvePoint]


@dataclass(frozen=True, slots=True)
class Ceilings:
    """What the book says for one setting."""

    expected: Standing | None = None
    measured: Standing | None = None
    full: Standing | None = None
    curve: tuple[CurvePoint, ...] = ()
    curve_words: str = ""
    costs: CostView | None = None
    next_levers: tuple[NextLever, ...] = ()
    words: str = ""
    """Why there is nothing to expect."""


class CeilingBook:
    """Takes in what calibrations and ramps have found. Nothing in a record makes it raise or grow without bound."""

    def __init__(self) -> None:
        self._shelves: dict[Key, _Shelf] = {}
        self._points: deque[tuple[int, Load, bool]] = deque(maxlen=_MOST_POINTS)
        """Of the calibration that is being told ..."""
        self._climbing: deque[CurvePoint] = deque(maxlen=_MOST_POINTS)
        """... and of the ramp under way."""
        self._ramps: dict[tuple[Key, int], _Measured] = {}
        self.told: deque[tuple[ResultView, tuple[CurvePoint, ...]]] = deque(maxlen=_MOST_TOLD)
        """Each outcome of a calibration or a ramp, oldest first, with the points that it was made of, by rate."""

    def take(self, told: ResultView) -> bool:
        """Take a result in; true when it is one point among many, which nobody else needs."""
        is_point = told.settings.get("kind") == "point"
        if told.what == "calibration":
            self._calibration(told, is_point)
        elif told.what == "ramp":
            self._ramp(told, is_point)
        return is_point

    def _calibration(self, told: ResultView, is_point: bool) -> None:
        streams = _count(told.settings.get("streams", ""))
        if streams is None:
            return
        if is_point:
            self._points.append((streams, _load(told, streams), False))
            return
        key = key_of(told.settings)
        date = told.settings.get("date", "")
        shelf = self._shelves.get(key)
        if shelf is None or shelf.date != date:
            if shelf is None and len(self._shelves) >= _MOST_KEYS:
                return
            shelf = self._shelves[key] = _Shelf(date, told.settings.get("stale", ""))
        if len(shelf.shapes) < _MOST_SHAPES or streams in shelf.shapes:
            shelf.shapes[streams] = _Shape(
                hard=_interval(told, "hard"),
                full=_interval(told, "full"),
                limited_by=told.settings.get("limited_by", ""),
                runq=told.figures.get("runq"),
                loads=[load for of, load, _ in self._points if of == streams],
            )
        shelf.costs = _costs(told)
        self.told.append((told, _curve(load for of, load, _ in self._points if of == streams)))
        self._points.clear()

    def _ramp(self, told: ResultView, is_point: bool) -> None:
        if is_point:
            load = _load(told, 0)
            self._climbing.append(
                CurvePoint(
                    load.delivered,
                    load.delay_p50_ms,
                    load.delay_p99_ms,
                    load.elu,
                    bool(told.figures.get("fell")),
                    load.offered,
                )
            )
            return
        streams = _count(told.settings.get("streams", ""))
        points = sorted(self._climbing, key=lambda point: point.chunks_s)
        self._climbing.clear()
        self.told.append((told, tuple(points)))
        place = (key_of(told.settings), streams or 0)
        if place not in self._ramps and len(self._ramps) >= _MOST_KEYS:
            return
        hard, full = _interval(told, "hard"), _interval(told, "full")
        limited = told.settings.get("limited_by", "")
        words = told.words
        self._ramps[place] = _Measured(
            None if hard is None else _standing(hard, words, limited_by=limited),
            None if full is None else _standing(full, words),
            points,
        )

    def look(self, levers: dict[str, str], streams: int, now: Sequence[Load] = ()) -> Ceilings:
        """Give what is known for these levers and so many streams. ``now``: loads of today, where any are known."""
        key = key_of(levers)
        shelf = self._shelves.get(key)
        expected, scale = self._expected(key, streams, now)
        measured = self._nearest(key, streams)
        full = measured.full if measured and measured.full else None
        curve: tuple[CurvePoint, ...] = ()
        curve_words = ""
        if self._climbing:
            curve, curve_words = tuple(sorted(self._climbing, key=lambda p: p.chunks_s)), "a ramp is under way"
        elif measured is not None and measured.points:
            curve, curve_words = tuple(measured.points), "measured by the ramp"
        elif shelf is not None:
            near = min(shelf.shapes, key=lambda n: abs(math.log(n / max(streams, 1))))
            curve = _curve(shelf.shapes[near].loads)
            curve_words = f"calibrated with {near} streams"
        if full is None and shelf is not None:
            known = {n: shape.full for n, shape in shelf.shapes.items() if shape.full is not None}
            found = between(known, streams)
            full = None if found is None else _standing(found, self._words(shelf, key), date=shelf.date)
        return Ceilings(
            expected=expected,
            measured=measured.hard if measured else None,
            full=full,
            curve=curve,
            curve_words=curve_words,
            costs=_cost_view(shelf, scale),
            next_levers=self._next(key, streams),
            words="" if expected is not None else self._why(shelf, key),
        )

    def _expected(self, key: Key, streams: int, now: Sequence[Load]) -> tuple[Standing | None, float | None]:
        shelf = self._shelves.get(key)
        if shelf is None or streams < 1:
            return None, None
        found = between({n: shape.hard for n, shape in shelf.shapes.items() if shape.hard is not None}, streams)
        if found is None:
            return None, None
        words = self._words(shelf, key)
        scale = _dearer(shelf, now)
        limited = {shape.limited_by for shape in shelf.shapes.values()}
        if scale is not None and shelf.costs is not None:
            sure = _sure(scale, shelf.costs.error)
            if not 1 / MOST_SCALE <= scale <= MOST_SCALE:
                words += f"; chunks cost {number(scale)}x as much now: calibrate anew"
            elif sure != 1.0:
                words += f"; scaled by {number(sure)}: chunks cost {number(scale)}x as much now"
                low, mid, high = found.low / sure, found.mid / sure, found.high / sure
                # What changed may be this load's alone: what was measured stays within.
                found = Interval(min(low, found.low), mid, max(high, found.high), found.n_effective)
        one = limited.pop() if len(limited) == 1 else ""
        return _standing(found, words, date=shelf.date, stale=shelf.stale, limited_by=one), scale

    def _words(self, shelf: _Shelf, key: Key) -> str:
        numbers = sorted(shelf.shapes)
        streams = f"{numbers[0]} to {numbers[-1]} streams" if len(numbers) > 1 else f"{numbers[0]} streams"
        waits = [shape.runq for shape in shelf.shapes.values() if shape.runq is not None and shape.runq > 0.25]
        disturbed = f"; others took the core for {share(max(waits))} of the time" if waits else ""
        return f"calibrated {shelf.date} for {_say(key)}, {streams}{disturbed}"

    def _why(self, shelf: _Shelf | None, key: Key) -> str:
        if shelf is None:
            return f"no calibration yet for {_say(key)}"
        return "the calibration found no ceiling"

    def _nearest(self, key: Key, streams: int) -> _Measured | None:
        """The ramp for exactly so many streams, or for as many as may be within a tenth."""
        found = [(abs(n - streams), n) for of, n in self._ramps if of == key and abs(n - streams) * 10 <= streams]
        return self._ramps[key, min(found)[1]] if found else None

    def _next(self, key: Key, streams: int) -> tuple[NextLever, ...]:
        found = []
        for other in self._shelves:
            differ = [place for place, (a, b) in enumerate(zip(key, other, strict=True)) if a != b]
            if len(differ) != 1:
                continue
            expected, _ = self._expected(other, streams, ())
            if expected is not None and not expected.stale:
                found.append(NextLever(of_ceiling()[differ[0]].name, other[differ[0]], expected))
        return tuple(sorted(found, key=lambda lever: -lever.expected.mid))


def load_now(sums: LoopSums, streams: int) -> Load | None:
    """Give the load of the window, for its costs to be held against a calibration's; ``None``: not enough data."""
    if sums.chunks < ENOUGH_CHUNKS or sums.cpu_dt <= 0 or sums.seconds <= 0:
        return None
    rate = sums.chunks / sums.seconds
    # A pulse does not end with its bin: what is known for a part of the time is scaled to the whole of it.
    whole = sums.dt or 1.0
    return Load(
        streams,
        rate,
        rate,
        elu=sums.active / sums.elu_dt if sums.elu_dt else None,
        cpu_us=sums.cpu / 1e3 / sums.chunks * (whole / sums.cpu_dt),
        turns=sums.turns / sums.chunks * (whole / sums.turns_dt) if sums.turns_dt else None,
        reads=sums.reads / sums.chunks,
        runq=sums.runq / sums.runq_dt if sums.runq_dt else None,
    )


def _dearer(shelf: _Shelf, now: Sequence[Load]) -> float | None:
    """How much dearer chunks are than at the calibration, at the same rate and the same mix of wake-ups and reads.

    A fit over all loads misses each by some per cent, always the same way: its own miss at this rate is taken out. Of
    several loads the median: one second of one load is off by 15 %, and an expectation would be off by as much.
    """
    near = min(shelf.shapes, key=lambda n: abs(math.log(n / max(now[0].streams, 1)))) if now else 0
    if shelf.costs is None or not near:
        return None
    calm = [load for load in shelf.shapes[near].loads if load.delivered > 0 and _calm(load)]
    misses = [replace(load, elu=scale_of(shelf.costs, load)) for load in calm]
    misses = [load for load in misses if load.elu is not None]
    found = []
    for load in filter(_calm, now):
        here, own = scale_of(shelf.costs, load), at_rate(misses, "elu", load.delivered)
        if here is not None and own is not None and own > 0:
            found.append(here / own)
    return median(found) if found else None


def _sure(scale: float, error: float) -> float:
    """The part of a scale that is more than chance, by Stein's shrinkage: 1 up to what the fit of costs misses anyway.

    Over 20 ramps on two shared cores what chunks cost by day moved the ceiling far less than itself: scaled in full,
    expectations were up to 28 % off, so up to 16 % (not at all: 15 %, but then a slower machine is never seen).
    """
    far = math.log(scale)
    return math.exp(far * (1 - (error / far) ** 2)) if abs(far) > error else 1.0


def _calm(load: Load) -> bool:
    return (load.runq or 0.0) <= DISTURBED


def _cost_view(shelf: _Shelf | None, scale: float | None) -> CostView | None:
    if shelf is None or shelf.costs is None:
        return None
    costs = shelf.costs
    numbers = ", ".join(str(n) for n in sorted(shelf.shapes))
    words = f"fitted on {costs.loads} loads with {numbers} streams, {shelf.date}; misses by {share(costs.error)}"
    return CostView(costs.wakeup_us, costs.read_us, costs.chunk_us, costs.error, words, scale)


def _curve(loads: Iterable[Load]) -> tuple[CurvePoint, ...]:
    return tuple(
        CurvePoint(
            load.delivered,
            load.delay_p50_ms,
            load.delay_p99_ms,
            load.elu,
            load.delivered < 0.97 * load.offered,
            load.offered,
        )
        for load in sorted(loads, key=lambda load: load.delivered)
    )


def key_of(settings: Mapping[str, str]) -> Key:
    """Give the values of the levers that a ceiling depends on, as a record or a session names them or leaves them."""
    return tuple(settings.get(lever.name) or lever.default for lever in of_ceiling())


def _say(key: Key) -> str:
    return where({lever.name: value for lever, value in zip(of_ceiling(), key, strict=True)})


def _count(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 100_000 else None


def _positive(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) and 0 < value < 1e12 else None


def _interval(told: ResultView, name: str) -> Interval | None:
    low, mid, high = (_positive(told.figures.get(f"{name}_{end}_chunks_s")) for end in ("lo", "mid", "hi"))
    if mid is None:
        return None
    return Interval(min(low or mid, mid), mid, math.inf if high is None else max(high, mid), 1.0)


def _standing(found: Interval, words: str, date: str = "", stale: str = "", limited_by: str = "") -> Standing:
    high = found.high if math.isfinite(found.high) else None
    return Standing(found.mid, found.low, high, words, date, limited_by, stale)


def _load(told: ResultView, streams: int) -> Load:
    get = told.figures.get
    return Load(
        streams,
        _positive(get("offered_chunks_s")) or 0.0,
        _positive(get("delivered_chunks_s")) or 0.0,
        elu=get("elu"),
        cpu_us=_positive(get("cpu_us")),
        turns=get("turns_per_chunk"),
        reads=get("reads_per_chunk"),
        runq=get("runq"),
        delay_p50_ms=get("delay_p50_ms"),
        delay_p99_ms=get("delay_p99_ms"),
    )


def _costs(told: ResultView) -> Costs | None:
    names = ("wakeup_us", "read_us", "chunk_us", "cost_error", "loads")
    wakeup, read, chunk, error, loads = (told.figures.get(name) for name in names)
    if wakeup is None or read is None or chunk is None or min(wakeup, read, chunk) < 0:
        return None
    return Costs(wakeup, read, chunk, error or 0.0, int(min(loads or 0.0, 1e6)))
