"""Ceilings and A-B-B-A as rows of cells, the same for every face of a report."""

from collections.abc import Iterator, Mapping

from loopscope.core.format import NONE, count, ms, number, rate, seconds, share, signed
from loopscope.model.standing import Standing
from loopscope.report.procedure_results.build import CeilingFound, FlipFound, FlipRow, Found
from loopscope.settings.levers import where

STANDINGS = {
    "at least": "rate / ELU over the whole session: a lower bound, up to seven times too low under light load",
    "expected": "from a calibration that was kept, scaled by what a chunk costs today",
    "calibrated": "a short climb on an emulator of its own: what the client carries on this machine",
    "measured": "a ramp: the highest offered rate that was delivered, with a delay that did not keep growing",
}
"""The standings of a ceiling and what each is worth; they are never mixed."""
CEILING_HEADS = (
    ("standing", "", "how well it is known; the standings are never mixed"),
    ("ceiling", "chunks/s", "highest rate that is delivered for good; of 'at least' a lower bound of it"),
    ("interval", "chunks/s", "95 %; a question mark: no more could be offered, so its upper end is not known"),
    ("full from", "chunks/s", "the rate at which ELU reaches 0.95: from here on chunks clump and wait"),
    ("of", "", "what it belongs to: client, loop, decoder, batching, placement, streams, shape of the load"),
    ("limited by", "", "what gave in first; no core: share of the time in which the loop's thread had no core"),
    ("when", "", "UTC; empty: in this session"),
)
POINT_HEADS = (
    ("offered", "chunks/s", "what the emulator sent"),
    ("delivered", "chunks/s", "what the client received"),
    ("ELU", "", "share of time in which the loop did not wait"),
    ("delay p50", "ms", "received - the server's stamp; median"),
    ("delay p99", "ms", "99 % of the chunks"),
    ("", "", "whether the client kept up"),
)
FLIP_HEADS = (
    ("figure", "", ""),
    ("A", "", "mean over the stretches under A"),
    ("B", "", "mean over the stretches under B"),
    ("unit", "", ""),
    ("B against A", "", "paired difference B - A and its interval; the intervals of all figures hold together"),
    ("drift of A", "", "the last stretch under A less the first one: what moved by itself"),
    ("drift of B", "", "the same under B"),
)
UNKNOWN = "not enough data"
_LIMITS = {
    "client": "the client",
    "server": "the server",
    "core": "the core",
    "instrument": "loopscope itself",
    "range": "nothing up to there",
}
_DISTURBED = 0.1


def standings(found: Found) -> Iterator[list[str]]:
    """Give a row for each standing of a ceiling that is known, the surest last.

    Behind the cells of CEILING_HEADS stands what must be known of it besides, or nothing.
    """
    if found.at_least is not None:
        yield ["at least", f"≥ {rate(found.at_least)}", "", "", "this session, all its levers", "", "", ""]
    if (expected := found.live.expected) is not None:
        words, _, note = (expected.words.partition(" for ")[2] or expected.words).partition("; ")
        notes = [note, f"out of date: {expected.stale}" if expected.stale else ""]
        yield [
            "expected",
            rate(expected.mid),
            ends(expected),
            "",
            words,
            _limits(expected.limited_by, None),
            _date(expected),
            "; ".join(filter(None, notes)),
        ]
    for one in found.ceilings:
        if one.what == "calibration" and one.mine:
            yield _row("calibrated", one)
    for one in found.ceilings:
        if one.what == "ramp":
            yield _row("measured", one)


def others(found: Found) -> int:
    """Give how many calibrations of levers that this session never had are in the trace, too."""
    return sum(not one.mine for one in found.ceilings)


def _row(standing: str, one: CeilingFound) -> list[str]:
    hard = one.hard
    return [
        standing,
        NONE if hard is None else rate(hard.mid),
        "" if hard is None else ends(hard),
        NONE if one.full is None else rate(one.full.mid),
        of(one.settings),
        _limits(one.settings.get("limited_by", ""), one.runq),
        "" if hard is None else _date(hard),
        one.words if hard is None else f"out of date: {hard.stale}" if hard.stale else "",
    ]


def of(settings: Mapping[str, str]) -> str:
    """Say what a ceiling belongs to; what is as usual is left out."""
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
    """Say an interval; an end that is not known is a question mark."""
    low, high = standing.low, standing.high
    return f"{NONE if low is None else rate(low)} to {'?' if high is None else rate(high)}"


def points(one: CeilingFound) -> list[list[str]]:
    """Give the loads that a ceiling was found from, by rate."""
    return [
        [
            rate(point.offered_chunks_s),
            rate(point.chunks_s),
            share(point.elu),
            ms(point.delay_p50_ms),
            ms(point.delay_p99_ms),
            "fell behind" if point.fell else "",
        ]
        for point in one.curve
    ]


def flip_title(one: FlipFound) -> str:
    """Say what was flipped, how often."""
    length = f", {seconds(one.seconds)} each" if one.seconds is not None else ""
    told = f"{one.lever}: A = {one.a}, B = {one.b}; {one.pairs} pairs{length}, settling times left out"
    return told if one.finished else f"{told}; ended early"


def flip_words(one: FlipFound) -> str:
    """Sum it up."""
    if one.words and not one.words.endswith("…"):
        return one.words
    told = [f"{row.title} {row.verdict}" for row in one.rows if row.surely]
    return "; ".join(told) if told else "cannot tell any figure apart" if one.rows else UNKNOWN


def flip_row(row: FlipRow) -> list[str]:
    """Give one figure's cells; shares of time are in percent."""
    part = row.unit == "share of time"

    def say(value: float | None) -> str:
        return number(value if value is None or not part else 100 * value)

    def moved(value: float | None) -> str:
        return signed(value if value is None or not part else 100 * value)

    return [
        row.title,
        say(row.a),
        say(row.b),
        "%" if part else row.unit,
        row.verdict,
        moved(row.drift_a),
        moved(row.drift_b),
    ]


def told_count(number_of: int) -> str:
    """Say that there are others, too."""
    return f"{count(number_of)} kept calibration{'' if number_of == 1 else 's'} of other levers not shown (see --json)"
