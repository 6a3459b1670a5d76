"""A-B-B-A: one lever is set to A and to B in turn, and what differs is told with an interval.

Pairs of stretches, every second pair in the other order (A B, B A, A B, ...), so that a steady drift falls out of the
mean difference. The settling time after each pull is left out. The intervals of all figures hold together, and they
count in that neighbouring pairs resemble each other: see :mod:`loopscope.stats.pairs`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import exp, isfinite, log

from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError
from loopscope.core.format import change, number, signed, tenths
from loopscope.core.records import Result
from loopscope.experiments.ab_windows import AbWindows, AbWindowsHost
from loopscope.model.aggregate import ENOUGH_S, Aggregate
from loopscope.model.figure import figures
from loopscope.model.findings import RULES
from loopscope.model.metrics import METRICS, Metric
from loopscope.model.pace import Told
from loopscope.model.snapshot import Figure
from loopscope.session.procedure import Procedure, Task, phase
from loopscope.settings.levers import LEVERS, canonical
from loopscope.stats.intervals import CONFIDENCE, Interval
from loopscope.stats.loghist import RELATIVE_ERROR
from loopscope.stats.pairs import ALIKE_AT_ONCE, ALIKE_BY_VISIT, joint, pairs_interval

LEAST_PAIRS, MOST_PAIRS = 4, 60
_FINDING_S = 20.0
"""A finding needs two seconds to be told; a cause that is there has shown by then."""


@dataclass(frozen=True, slots=True)
class Row:
    """One figure under A and under B. ``difference`` is B - A in the metric's unit; ``None``: not enough data."""

    name: str
    title: str
    unit: str
    better: int
    a: float | None
    """Mean over the stretches."""
    b: float | None
    difference: Interval | None
    verdict: str
    """In words: "lower by 0.12 ms (0.08 to 0.15)", "cannot tell"."""
    surely: int
    """1: B is surely higher, -1: lower, 0: cannot be told."""
    drift_a: float | None
    """The last stretch under A less the first one: what moved by itself."""
    drift_b: float | None
    halves_a: tuple[float | None, ...] = ()
    halves_b: tuple[float | None, ...] = ()
    ratio: Interval | None = None
    """B / A, by the mean of its logarithms over the pairs; ``None`` where a figure was zero."""


@dataclass(frozen=True, slots=True)
class AbResult:
    """What A-B-B-A has found. ``seconds``: length of each stretch, settling time not counted."""

    lever: str
    a: str
    b: str
    pairs: int
    seconds: float
    rows: tuple[Row, ...]
    words: str
    notes: tuple[str, ...] = ()
    confidence: float = CONFIDENCE
    finding: str = ""
    """The finding that proposed B."""


def run(host: AbWindowsHost, task: Task, args: Mapping[str, str]) -> AbResult:
    """Flip a lever in the running session.

    Raises:
        InputError: an argument that is none; no lever is named and none was pulled; a finding that is not there, or
            that proposes no lever.
        WorkerError: the lever could not be set, or no data came.
        CancelledError: by the operator. The lever is set back in any case.
    """
    pairs, seconds = check(args)
    finding = args.get("verify", "")
    if finding:
        if args.get("lever"):
            raise InputError("lever and verify exclude each other: a finding names its own lever")
        lever, a, b = _proposed(host, task, finding)
    else:
        lever, a, b = parse_flip(args["lever"]) if args.get("lever") else _last_pull(host)
    held: dict[str, list[Aggregate]] = {"A": [], "B": []}
    with AbWindows(host, task, lever) as halves:
        for number, (pair, which) in enumerate(order(pairs)):
            value = a if which == "A" else b
            words = f"{which}: {lever}={value}, pair {pair + 1} of {pairs}"
            task.progress(number / (2 * pairs), words)
            with phase(host, "ab", number + 1, 2 * pairs, words, {lever: value, "half": which}):
                halves.set(value)
                held[which].append(halves.take(seconds))
    task.progress(1.0, "done")
    meter = host.fold.power.shown()
    result = judged(
        lever,
        a,
        b,
        seconds,
        *(_figures(held[which], host.fold.told()) for which in "AB"),
        finding=finding,
        power=meter.words() if meter is not None else "",
    )
    _tell(host, result)
    return result


def _figures(held: list[Aggregate], told: Told) -> list[Mapping[str, Figure]]:
    """Take all figures at the end: how many tokens a chunk holds may be known only then."""
    for one in held:
        one.told = told
    return [figures(one) for one in held]


def check(args: Mapping[str, str]) -> tuple[int, float]:
    """Give pairs and seconds of what a procedure is told, before anything starts. Raises InputError."""
    if (finding := args.get("verify", "")) and finding not in RULES:
        raise InputError(f"there is no finding {finding!r}; findings: {', '.join(RULES)}")
    return _pairs(args.get("pairs", "6")), _seconds(args.get("seconds", "3"))


def order(pairs: int) -> Iterable[tuple[int, str]]:
    """Give the pair and the value of each stretch: A B, B A, A B, ..."""
    for pair in range(pairs):
        for which in "AB" if pair % 2 == 0 else "BA":
            yield pair, which


def parse_flip(text: str) -> tuple[str, str, str]:
    """Read ``lever=A,B``.

    Raises:
        InputError: not of that form, no such lever, or no such value.
    """
    name, sign, values = text.partition("=")
    name = name.strip().lower()
    both = [value.strip() for value in values.split(",")]
    if not sign or len(both) != 2 or not all(both):
        raise InputError(
            f"{text!r} is not of the form lever=A,B (e.g. loop=asyncio,uvloop); levers: {', '.join(LEVERS)}"
        )
    return name, canonical(name, both[0]), canonical(name, both[1])


def _last_pull(host: AbWindowsHost) -> tuple[str, str, str]:
    last = host.fold.ledger.last
    if last is None:
        raise InputError("no lever was pulled yet: pull one, or name it (lever=loop=asyncio,uvloop)")
    return last.name, canonical(last.name, last.old), canonical(last.name, last.new)


def _proposed(host: AbWindowsHost, task: Task, finding: str) -> tuple[str, str, str]:
    """Wait for a finding and give the lever that it proposes, its value now, and the proposed one."""
    waited_s = 0.0
    while finding not in host.fold.findings:
        if waited_s >= _FINDING_S:
            there = ", ".join(host.fold.findings) or "none"
            raise InputError(f"the finding {finding!r} does not hold (now: {there}): there is nothing to verify")
        task.progress(0.0, f"waiting for the finding {finding}")
        task.wait(0.25)
        waited_s += 0.25
    proposes = host.fold.findings[finding].lever
    try:
        name, sign, value = proposes.partition("=")
        value = canonical(name.strip(), value) if sign else ""
    except InputError:
        value = ""
    if not value:
        if not proposes:
            raise InputError(f"{finding} proposes no lever: there is nothing to flip")
        raise InputError(f"{finding} proposes {proposes!r}: that is no lever which can be flipped")
    now = host.options_now().levers[name.strip()]
    if now == value:
        raise InputError(f"{finding} proposes {proposes}, and that is set already")
    return name.strip(), now, value


def _pairs(word: str) -> int:
    if not (word.isascii() and word.isdigit() and LEAST_PAIRS <= int(word[:9]) <= MOST_PAIRS and not int(word) % 2):
        raise InputError(
            f"pairs={word!r}: an even number from {LEAST_PAIRS} to {MOST_PAIRS}; fewer cannot tell anything, and an odd"
            " one leaves the drift in"
        )
    return int(word)


def _seconds(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = 0.0
    if not 1.0 <= value <= 600.0:
        raise InputError(f"seconds={word!r}: from 1 to 600, of each stretch; the ceiling needs {number(ENOUGH_S)}")
    return value


# The arithmetic


def judged(
    lever: str,
    a: str,
    b: str,
    seconds: float,
    held_a: list[Mapping[str, Figure]],
    held_b: list[Mapping[str, Figure]],
    *,
    finding: str = "",
    power: str = "",
    confidence: float = CONFIDENCE,
) -> AbResult:
    """Judge stretches that were taken in the order of :func:`order`."""
    values = {}
    for metric in METRICS.values():
        if not (metric.judged or metric.paired):
            continue
        both = [[one[metric.name].value if metric.name in one else None for one in held] for held in (held_a, held_b)]
        if any(value is not None for side in both for value in side):
            values[metric] = both
    # Two looks at each figure, at its difference and at its ratio: what grows under A has no steady difference.
    each = joint(confidence, 2 * len(values))
    takeover = a != b and not LEVERS[lever].at_once
    rows = tuple(
        _row(metric, first, second, each, ALIKE_BY_VISIT if takeover else ALIKE_AT_ONCE)
        for metric, (first, second) in values.items()
    )
    notes = [
        f"intervals hold together with {tenths(confidence)}: each of the {len(rows)} figures has {tenths(each)}",
        "differences are B less A; every second pair was taken the other way round, which takes a steady drift out",
    ]
    if a == b:
        notes.append("A and B are the same: nothing was pulled, and what is told apart here is chance")
    if LEVERS[lever].is_load:
        notes.append("another number of agents is another load: its figures differ for that alone")
    if "SIMULATED" in power:
        notes.append(f"power and energy: {power}")
    moved = [row.title for row in rows if _drifts(row)]
    if moved:
        notes.append(f"drifted by itself more than it differs: {', '.join(moved)}")
    return AbResult(
        lever=lever,
        a=a,
        b=b,
        pairs=len(held_a),
        seconds=seconds,
        rows=rows,
        words=_headline(lever, a, b, rows, finding),
        notes=tuple(notes),
        confidence=confidence,
        finding=finding,
    )


def _row(metric: Metric, first: list[float | None], second: list[float | None], confidence: float, alike: float) -> Row:
    pairs = [(x, y) for x, y in zip(first, second, strict=True) if x is not None and y is not None]
    found = pairs_interval([y - x for x, y in pairs], confidence, alike=alike) if pairs else None
    if found is not None and metric.hist is not None:
        # Quantiles come out of buckets: nothing is known to be surer than they are wide.
        width = RELATIVE_ERROR * max(max(pair) for pair in pairs)
        found = Interval(found.low - width, found.mid, found.high + width, found.n_effective)
    surely = 0 if found is None or not found.excludes(0.0) else 1 if found.mid > 0 else -1
    a, b = _mean([x for x, _ in pairs]), _mean([y for _, y in pairs])
    words, ratio = verdict(metric, found, surely, a), _ratio(metric, pairs, confidence, alike)
    if found is not None and not surely and ratio is not None and ratio.excludes(1.0):
        surely = 1 if ratio.mid > 1 else -1
        words = f"{'higher' if surely > 0 else 'lower'} by a factor of {_factor(ratio)}"
    return Row(
        metric.name,
        metric.title,
        metric.unit,
        metric.better,
        a,
        b,
        found,
        words,
        surely,
        _drift(first),
        _drift(second),
        tuple(first),
        tuple(second),
        ratio,
    )


def _ratio(metric: Metric, pairs: list[tuple[float, float]], confidence: float, alike: float) -> Interval | None:
    if not pairs or min(min(pair) for pair in pairs) <= 0:
        return None
    found = pairs_interval([log(y / x) for x, y in pairs], confidence, alike=alike)
    if found is None:
        return None
    width = 2 * RELATIVE_ERROR if metric.hist is not None else 0.0
    ends = (min(max(value, -700.0), 700.0) for value in (found.low - width, found.mid, found.high + width))
    low, mid, high = (exp(value) for value in ends)
    return Interval(low, mid, high, found.n_effective)


def _factor(ratio: Interval) -> str:
    """Say B / A, or A / B where that is the smaller."""
    low, mid, high = ratio.low, ratio.mid, ratio.high
    if mid < 1:
        low, mid, high = 1 / high, 1 / mid, 1 / low
    said = [number(end) for end in (low, mid, high)]
    return f"{said[1]} ({said[0]} to {said[2]})"


def verdict(metric: Metric, found: Interval | None, surely: int, base: float | None) -> str:
    """Say what an interval of a difference means."""
    if found is None or not isfinite(found.low) or not isfinite(found.high):
        return "not enough data"
    unit = "points" if metric.unit == "share of time" else metric.unit
    factor = 100.0 if unit == "points" else 1.0
    low, mid, high = (factor * value for value in (found.low, found.mid, found.high))
    if not surely:
        return f"cannot tell ({signed(low)} to {signed(high)} {unit})"
    near, far = sorted((abs(low), abs(high)))
    share = f", {change(base, base + found.mid)}" if base and unit != "points" else ""
    return (
        f"{'higher' if surely > 0 else 'lower'} by {number(abs(mid))} {unit} ({number(near)} to {number(far)}){share}"
    )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _drift(values: list[float | None]) -> float | None:
    first, last = values[0], values[-1]
    return None if first is None or last is None or len(values) < 2 else last - first


def _drifts(row: Row) -> bool:
    drift = [abs(value) for value in (row.drift_a, row.drift_b) if value is not None]
    return bool(row.surely and row.difference and drift and min(drift) > abs(row.difference.mid))


def _headline(lever: str, a: str, b: str, rows: tuple[Row, ...], finding: str) -> str:
    told = [row for row in rows if row.surely]
    flipped = f"{lever}={b} against {lever}={a}"
    lead = f"{finding} proposes {lever}={b}; {flipped}" if finding else flipped
    if not rows:
        return f"{lead}: not enough data"
    if not told:
        return f"{lead}: cannot tell any figure apart"
    return f"{lead}: " + "; ".join(f"{row.title} {row.verdict}" for row in told)


def _tell(host: AbWindowsHost, result: AbResult) -> None:
    settings = {"lever": result.lever, "a": result.a, "b": result.b, "pairs": str(result.pairs)}
    if result.finding:
        settings["finding"] = result.finding
    for row in result.rows:
        found = row.difference
        host.emit(
            Result(
                t_ns=now_ns(),
                proc="session",
                what="ab",
                words=f"{row.title} {row.verdict}",
                settings=settings | {"figure": row.name, "unit": row.unit},
                figures={
                    "a": row.a,
                    "b": row.b,
                    "difference": found.mid if found else None,
                    "low": _finite(found.low) if found else None,
                    "high": _finite(found.high) if found else None,
                    "ratio": row.ratio.mid if row.ratio else None,
                    "ratio_low": row.ratio.low if row.ratio else None,
                    "ratio_high": row.ratio.high if row.ratio else None,
                    "surely": float(row.surely),
                    "drift_a": row.drift_a,
                    "drift_b": row.drift_b,
                },
            )
        )
    host.emit(
        Result(
            t_ns=now_ns(),
            proc="session",
            what="ab",
            words=result.words,
            settings=settings,
            figures={"seconds": result.seconds, "pairs": float(result.pairs)},
        )
    )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


PROCEDURE = Procedure(
    "ab",
    "A-B-B-A",
    "sets one lever to A and to B in turn and says what differs, with intervals",
    run,
    about_s=60.0,
    args={
        "lever": "lever=A,B (default: the last pull, its old and its new value)",
        "pairs": "how many, even (6)",
        "seconds": "length of each stretch, settling time not counted (3)",
        "verify": "name of a finding that holds: flips the lever that it proposes",
    },
)
