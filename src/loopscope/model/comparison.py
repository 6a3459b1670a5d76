"""Two stretches of time side by side: may they be compared, and what differs by how much, as far as that can be said.

What is compared is what was set on purpose: the levers of the client (loop, batch, decoder, throttle, client, and
whatever levers there will be). What makes another experiment must be alike: source, machine, servers, API, model,
scenario, tokens a request, number of agents. Versions of programs may differ and are told.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from loopscope.core.records import Header
from loopscope.core.text import plain
from loopscope.model.bin_history import Kept, KeptBin
from loopscope.model.fold import Fold
from loopscope.model.metrics import METRICS, Metric
from loopscope.model.stretch import Stretch
from loopscope.model.summary_types import Segment, Summary
from loopscope.settings.levers import is_load
from loopscope.stats.intervals import CONFIDENCE, Interval, change_of, difference_of

_MACHINE = ("cpu", "cores", "gpu")
"""Facts of the host that make it another machine, as far as a trace tells them."""
_MOST_AGENTS = 2_048
_OF_POWER = ("watts", "joules_token")
COUNTED = ("errors", "requests", "taken", "chunks", "tokens")


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One of two stretches."""

    label: str
    stretch: Stretch
    setup: dict[str, str]
    """What must be alike, by name, in words."""
    versions: dict[str, str]
    """What may differ and is told."""
    levers: dict[str, str]
    counts: dict[str, int]
    power: str
    """What its power is, by source; empty where there is none."""
    words: tuple[str, ...] = ()
    """What speaks against it: a damaged file, samples that were dropped."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure on both sides. ``change`` is second / first - 1, ``difference`` second - first, in the unit."""

    metric: Metric
    first: Interval | None
    second: Interval | None
    change: Interval | None
    difference: Interval | None

    @property
    def surely(self) -> int:
        """1: surely higher, -1: surely lower, 0: cannot be told (or not enough data)."""
        judged = self.change or self.difference
        if judged is None:
            return 0
        return 1 if judged.low > 0 else -1 if judged.high < 0 else 0


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """Everything about two sides."""

    first: Side
    second: Side
    rows: tuple[Difference, ...]
    confidence: float
    unlike: tuple[str, ...]
    """What makes them different experiments, one sentence part each; empty: they may be compared."""
    levers: tuple[tuple[str, str, str], ...]
    """Levers that differ: name, first, second."""
    notes: tuple[str, ...]


def whole_side(label: str, fold: Fold, kept: Kept, summary: Summary, words: Iterable[str] = ()) -> Side:
    """Take a whole trace, without its start-up and settling times; its levers are told in their turn."""
    return _side(label, fold, kept.settled(), _in_turn(summary.segments), summary, summary, words)


def _in_turn(segments: Sequence[Segment]) -> dict[str, str]:
    """Give each lever's values over the segments that have data: a whole run may hold several."""
    told = [segment.levers for segment in segments if segment.loop is not None] or [
        segment.levers for segment in segments[:1]
    ]
    each = {name: [levers[name] for levers in told if name in levers] for name in (told[0] if told else ())}
    return {name: " then ".join(value for value, _ in groupby(values)) for name, values in each.items()}


def segment_side(label: str, fold: Fold, kept: Kept, summary: Summary, number: int, words: Iterable[str] = ()) -> Side:
    """Take one segment, counted from 1."""
    segment = summary.segments[number - 1]
    return _side(label, fold, kept.of([number - 1]), dict(segment.levers), segment, summary, words)


def _side(
    label: str,
    fold: Fold,
    bins: Sequence[KeptBin],
    levers: dict[str, str],
    figures: Summary | Segment,
    summary: Summary,
    words: Iterable[str],
) -> Side:
    told = list(words)
    if dropped := summary.observer.dropped:
        told.append(f"{dropped} samples were dropped: they are missing from its figures")
    if summary.observer.lost_lines:
        told.append(f"{summary.observer.lost_lines} lines were lost")
    # An estimated delay, stamps in bursts: whoever reads a difference of delays must know.
    agents = figures.agents or ()
    told += [f"delivery delay: {text}" for text in sorted({one.delay_words for one in agents if one.delay_words})[:3]]
    return Side(
        label=label,
        stretch=Stretch(bins, fold.told(), fold.rigs.words),
        setup=_setup(fold.header, summary, levers),
        versions=_versions(fold.header),
        levers=levers,
        counts={name: int(getattr(figures, name) or 0) for name in COUNTED},
        power="" if summary.power is None or summary.power.watts is None else summary.power.source,
        words=tuple(told),
    )


def compare(first: Side, second: Side, confidence: float = CONFIDENCE) -> Comparison:
    """Set two sides against each other."""
    simulated = "simulated" in (first.power, second.power)
    rows = [
        _difference(_named(metric) if simulated else metric, first.stretch, second.stretch, confidence)
        for metric in METRICS.values()
    ]
    unlike = [
        f"{name}: {first.setup.get(name) or 'not known'} and {second.setup.get(name) or 'not known'}"
        for name in first.setup | second.setup
        if first.setup.get(name) != second.setup.get(name)
    ]
    levers = [
        (name, first.levers[name], second.levers[name])
        for name in first.levers
        if not is_load(name) and name in second.levers and first.levers[name] != second.levers[name]
    ]
    return Comparison(
        first,
        second,
        tuple(row for row in rows if row.first is not None or row.second is not None),
        confidence,
        tuple(unlike),
        tuple(levers),
        tuple(_notes(first, second, levers)),
    )


def _named(metric: Metric) -> Metric:
    """Give the figure with a title that says so where an emulator made its power up: rows are quoted without notes."""
    return replace(metric, title=f"{metric.title} (SIMULATED)") if metric.name in _OF_POWER else metric


def _difference(metric: Metric, first: Stretch, second: Stretch, confidence: float) -> Difference:
    a, b = first.interval(metric, confidence), second.interval(metric, confidence)
    if a is None or b is None:
        return Difference(metric, a, b, None, None)
    return Difference(metric, a, b, change_of(a, b), difference_of(a, b))


def _notes(first: Side, second: Side, levers: Sequence[tuple[str, str, str]]) -> Iterable[str]:
    if len(levers) > 1:
        yield f"{len(levers)} levers differ at once: which of them did it cannot be told from this"
    for name in first.versions | second.versions:
        old, new = first.versions.get(name, "not known"), second.versions.get(name, "not known")
        if old != new:
            yield f"{name} differs: {old} and {new}"
    if first.power != second.power and (first.power or second.power):
        yield f"power is not the same thing: {first.power or 'none'} and {second.power or 'none'}"
    if "simulated" in (first.power, second.power):
        yield "power is simulated: it says what the emulator's model says"
    for side in (first, second):
        for words in side.words:
            yield f"{side.label}: {words}"


def _setup(header: Header | None, summary: Summary, levers: dict[str, str]) -> dict[str, str]:
    if header is None:
        return {}
    specs = header.agents[:_MOST_AGENTS]
    servers = header.servers[:_MOST_AGENTS]
    agents = levers.get("agents") or (str(len(specs)) if specs else "")
    return {
        "source": plain(summary.source, 20),
        "machine": ", ".join(plain(header.host[name], 60) for name in _MACHINE if name in header.host),
        "servers": str(len(servers)),
        "api": _set(server.api for server in servers),
        "server kind": _set("emulated" if server.embedded else "real" for server in servers),
        "model": _set([*(spec.model for spec in specs), *(server.model for server in servers)]),
        "scenario": plain(header.scenario, 60),
        "agents": agents,
        "tokens a request": _set(str(spec.tokens) for spec in specs),
        "pause between requests": _set(f"{spec.pause_s:g} s" for spec in specs),
    }


def _versions(header: Header | None) -> dict[str, str]:
    if header is None:
        return {}
    told = {plain(name, 20): plain(text, 40) for name, text in header.host.items() if name not in _MACHINE}
    told["server version"] = _set(server.version for server in header.servers[:_MOST_AGENTS])
    return {"loopscope": plain(header.loopscope, 20), **told}


def _set(values: Iterable[str]) -> str:
    return ", ".join(sorted({plain(value, 40) for value in values if value})[:6])
