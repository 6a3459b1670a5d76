"""The tables of what procedures found, each declared once for every face of a report: rounds, ceilings, A-B-B-A."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from loopscope.core.format import ms, number, points, rate, seconds, share, signed, tenths
from loopscope.model.standing import CurvePoint, Standing
from loopscope.report.columns import UNKNOWN, Column, Table, figure, word
from loopscope.report.evidence import CLIENT, LOSSES, evidence, minus, words_of
from loopscope.report.procedure_results.build import CeilingFound, FlipFound, FlipRow, Found, RoundFound, RoundsFound
from loopscope.settings.levers import where
from loopscope.stats.over import Over

FORMULAS = {
    "measured": "what each agent's work took alone, over the round",
    "wall": "the agents' own wall times, over the round",
    "reported": "prompt and eval time as the servers report them in the same round, over the round",
}


# Rounds


def _of_round(name: str) -> Callable[[RoundFound], float | None]:
    return lambda one: one.figures.get(name)


def _times(value: float) -> str:
    return f"{number(value)} x"


def _change_of(value: float) -> str:
    return signed(value, rate)


ROUNDS: Table[RoundFound] = (
    Column("round", lambda one: one.number),
    figure("measured", _of_round("measured"), tenths, meaning=FORMULAS["measured"]),
    figure("wall", _of_round("wall"), tenths, meaning=FORMULAS["wall"], rank=1),
    figure("reported", _of_round("reported"), tenths, meaning=FORMULAS["reported"], rank=2),
    figure(
        "speed-up",
        _of_round("speedup"),
        _times,
        meaning="agents times measured: how many times as fast as one agent after the other",
        rank=1,
    ),
    figure("wall time", _of_round("wall_s"), number, "s", "from the first start to the last end", rank=3),
    figure(
        "Δ rate",
        _of_round("throughput_delta_tok_s"),
        _change_of,
        "tok/s",
        "by how much the first agent decoded faster; of more than two: the fastest than the slowest",
        rank=4,
    ),
    figure(
        "Δ TTFT",
        _of_round("ttft_delta_ms"),
        _change_of,
        "ms",
        "by how much the second agent's first chunk came later; of more than two: the last one's",
        rank=4,
    ),
    figure(
        "contended",
        _of_round("contended"),
        lambda value: "yes" if value else "no",
        meaning="an agent waited over three times as long for its first chunk as alone",
        rank=5,
    ),
    word("", lambda one: f"left out: {one.left_out}" if one.left_out else "", "why a round counts nowhere", rank=1),
)


def over_words(found: Over | None) -> str:
    """Return a fraction with its interval and how far it spreads."""
    if found is None:
        return UNKNOWN
    interval = found.interval
    told = f" ({points(interval.low)} to {points(interval.high)})" if interval is not None else ""
    cv = f", CV {tenths(found.cv)}" if found.cv is not None else ""
    return f"{tenths(found.mean)}{told}{cv}"


@dataclass(frozen=True, slots=True)
class Efficiency:
    """One formula over the rounds."""

    name: str
    over: Over | None


EFFICIENCIES: Table[Efficiency] = (
    word("efficiency", lambda one: one.name),
    Column("mean (95 %), spread", lambda one: over_words(one.over)),
    word("formula", lambda one: FORMULAS[one.name]),
)


def efficiencies(one: RoundsFound) -> list[Efficiency]:
    """Return each formula over the rounds that count."""
    return [Efficiency(name, one.over.get(name)) for name in FORMULAS]


@dataclass(frozen=True, slots=True)
class LossPart:
    """A part of what is missing; negative points are what it takes away."""

    name: str
    points: str
    interval: str | None
    words: str
    evidence: str


LOSS_PARTS: Table[LossPart] = (
    word("part", lambda one: one.name),
    Column("points", lambda one: one.points, meaning="of 100; what is lost has a minus"),
    Column("interval", lambda one: one.interval, "95 %", rank=1),
    word("what it is", lambda one: one.words),
    word("evidence", lambda one: one.evidence, "each agent's part of it, together and alone", rank=1),
)


def loss_parts(one: RoundsFound) -> Iterator[LossPart]:
    """Return the parts from 100 down to ``measured``, the largest first, the client's with what it is made of."""
    means = one.means
    known = {name: value for name in LOSSES if (value := means.get(name)) is not None}
    yield LossPart("alone", "100.0", None, "what the agents' work takes alone", "")
    for name, value in sorted(known.items(), key=lambda part: -part[1]):
        told = "" if name == "client" else evidence(name, one)
        yield LossPart(words_of(name), minus(value), _interval(one, name), LOSSES[name], told)
        if name == "client":
            for part, words in CLIENT.items():
                if (amount := means.get(f"client_{part}")) is not None:
                    yield LossPart(f"of it {part}", minus(amount), _interval(one, f"client_{part}"), words, "")
    yield LossPart("measured", points(means["measured"]), None, FORMULAS["measured"], "")


def _interval(one: RoundsFound, name: str) -> str | None:
    found = one.over[name].interval if name in one.over else None
    return None if found is None else f"{minus(found.high)} to {minus(found.low)}"


# Ceilings

STANDINGS = {
    "at least": "rate / ELU over the whole session: a lower bound, up to seven times too low under light load",
    "expected": "from a calibration that was kept, scaled by what a chunk costs today",
    "calibrated": "a short climb on an emulator of its own: what the client carries on this machine",
    "measured": "a ramp: the highest offered rate that was delivered, with a delay that did not keep growing",
}
"""The standings of a ceiling and what each is worth; they are never mixed."""
_LIMITS = {
    "client": "the client",
    "server": "the server",
    "core": "the core",
    "instrument": "loopscope itself",
    "range": "nothing up to there",
}
_DISTURBED = 0.1


@dataclass(frozen=True, slots=True)
class CeilingRow:
    """One standing of a ceiling."""

    standing: str
    ceiling: str | None
    interval: str
    full: str | None
    of: str
    limited_by: str
    when: str
    note: str
    """What must be known of it besides."""


CEILINGS: Table[CeilingRow] = (
    Column(
        "standing",
        lambda row: row.standing,
        meaning="how well it is known; the standings are never mixed",
        left=True,
        tip=lambda row: STANDINGS[row.standing],
    ),
    Column(
        "ceiling",
        lambda row: row.ceiling,
        "chunks/s",
        "highest rate that is delivered for good; of 'at least' a lower bound of it",
    ),
    Column(
        "interval",
        lambda row: row.interval,
        "95 %",
        "a question mark: no more could be offered, so its upper end is not known",
    ),
    Column(
        "full from",
        lambda row: row.full,
        "chunks/s",
        "the rate at which ELU reaches 0.95: from here on chunks clump and wait",
        rank=3,
    ),
    Column(
        "of",
        lambda row: row.of,
        meaning="what it belongs to: client, loop, decoder, batching, placement, streams, shape of the load",
        left=True,
        note=lambda row: row.note,
    ),
    word(
        "limited by",
        lambda row: row.limited_by,
        "what gave in first; no core: share of the time in which the loop's thread had no core",
        rank=2,
    ),
    word("when", lambda row: row.when, "UTC; empty: in this session", rank=4),
)

POINTS: Table[CurvePoint] = (
    figure("offered", lambda one: one.offered_chunks_s, rate, "chunks/s", "what the emulator sent"),
    figure("delivered", lambda one: one.chunks_s, rate, "chunks/s", "what the client received"),
    figure("ELU", lambda one: one.elu, share, meaning="share of time in which the loop did not wait"),
    figure("delay p50", lambda one: one.delay_p50_ms, ms, "ms", "received - the server's stamp; median"),
    figure("delay p99", lambda one: one.delay_p99_ms, ms, "ms", "99 % of the chunks"),
    word("", lambda one: "fell behind" if one.fell else "", "whether the client kept up"),
)
"""The loads that a ceiling was found from, by rate."""


def standings(found: Found) -> Iterator[CeilingRow]:
    """Return a row for each standing of a ceiling that is known, the surest last."""
    if found.at_least is not None:
        yield CeilingRow("at least", f"≥ {rate(found.at_least)}", "", "", "this session, all its levers", "", "", "")
    if (expected := found.live.expected) is not None:
        words, _, note = (expected.words.partition(" for ")[2] or expected.words).partition("; ")
        notes = [note, f"out of date: {expected.stale}" if expected.stale else ""]
        yield CeilingRow(
            "expected",
            rate(expected.mid),
            ends(expected),
            "",
            words,
            _limits(expected.limited_by, None),
            _date(expected),
            "; ".join(filter(None, notes)),
        )
    for one in found.ceilings:
        if one.what == "calibration" and one.mine:
            yield _row("calibrated", one)
    for one in found.ceilings:
        if one.what == "ramp":
            yield _row("measured", one)


def others(found: Found) -> int:
    """Return how many calibrations of levers that this session never had are in the trace, too."""
    return sum(not one.mine for one in found.ceilings)


def _row(standing: str, one: CeilingFound) -> CeilingRow:
    hard = one.hard
    return CeilingRow(
        standing,
        None if hard is None else rate(hard.mid),
        "" if hard is None else ends(hard),
        None if one.full is None else rate(one.full.mid),
        of(one.settings),
        _limits(one.settings.get("limited_by", ""), one.runq),
        "" if hard is None else _date(hard),
        one.words if hard is None else f"out of date: {hard.stale}" if hard.stale else "",
    )


def of(settings: Mapping[str, str]) -> str:
    """Return what a ceiling belongs to; what is as usual is left out."""
    get = settings.get
    told = [where(settings)]
    told.append(f"{get('streams')} streams" if get("streams") else "")
    told.append(
        {"streams": "their number raised", "servers": "on the servers, their number raised"}.get(get("shape", ""), "")
    )
    return ", ".join(filter(None, told))


def _limits(limited_by: str, runq: float | None) -> str:
    told = _LIMITS.get(limited_by, limited_by)
    return f"{told} (no core {share(runq)})" if runq is not None and runq > _DISTURBED else told


def _date(standing: Standing) -> str:
    told = standing.date.removesuffix("+00:00").replace("T", " ")
    return f"{told} (out of date)" if standing.stale else told


def ends(standing: Standing) -> str:
    """Return an interval; an end that is not known is a question mark."""
    return f"{rate(standing.low)} to {'?' if standing.high is None else rate(standing.high)}"


# A-B-B-A


def _flip_figure(title: str, name: str, meaning: str, rank: int = 0, *, sign: bool = False) -> Column[FlipRow]:
    """Shares of time are in percent."""

    def cell(row: FlipRow) -> str | None:
        value = getattr(row, name)
        if value is None:
            return None
        told = 100 * value if row.unit == "share of time" else value
        return signed(told) if sign else number(told)

    return Column(title, cell, meaning=meaning, rank=rank)


def _flip_look(row: FlipRow) -> str:
    good = row.surely * row.better
    return "good" if good > 0 else "bad" if good < 0 else "sure" if row.surely else "none"


FLIPS: Table[FlipRow] = (
    word("figure", lambda row: row.title),
    _flip_figure("A", "a", "mean over the stretches under A"),
    _flip_figure("B", "b", "mean over the stretches under B"),
    word("unit", lambda row: "%" if row.unit == "share of time" else row.unit, rank=2),
    word(
        "B against A",
        lambda row: row.verdict,
        "paired difference B - A and its interval; the intervals of all figures hold together",
        look=_flip_look,
    ),
    _flip_figure(
        "drift of A",
        "drift_a",
        "the last stretch under A less the first one: what moved by itself",
        3,
        sign=True,
    ),
    _flip_figure("drift of B", "drift_b", "the same under B", 3, sign=True),
)


def flip_title(one: FlipFound) -> str:
    """Return what was flipped, how often."""
    length = f", {seconds(one.seconds)} each" if one.seconds is not None else ""
    told = f"{one.lever}: A = {one.a}, B = {one.b}; {one.pairs} pairs{length}, settling times left out"
    return told if one.finished else f"{told}; ended early"


def flip_words(one: FlipFound) -> str:
    """Sum it up."""
    if one.words and not one.words.endswith("…"):
        return one.words
    told = [f"{row.title} {row.verdict}" for row in one.rows if row.surely]
    return "; ".join(told) if told else "cannot tell any figure apart" if one.rows else UNKNOWN


def told_count(number_of: int) -> str:
    """Return that there are others, too."""
    return f"{number_of} kept calibration{'' if number_of == 1 else 's'} of other levers not shown (see --json)"
