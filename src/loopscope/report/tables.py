"""The tables of a run, each declared once for text, Markdown and HTML: agents, segments, levers, stalls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from loopscope.core.format import change, count, ms, rate, share
from loopscope.model.bin_history import Kept
from loopscope.model.fold import Fold
from loopscope.model.metrics import METRICS
from loopscope.model.snapshot import Figures, Quantiles, StallPlace
from loopscope.model.stretch import Stretch
from loopscope.model.summary_types import AgentSummary, EffectSummary, RequestTime, Segment
from loopscope.report.columns import UNKNOWN, Column, Row, Table, figure, word
from loopscope.report.gates import span, unit


def _means(name: str) -> str:
    return METRICS[name].meaning


_TTFT = "from the start of a request, before connecting, to its first chunk with content"

AGENTS: Table[AgentSummary] = (
    word("agent", lambda one: one.name, "a worker that sends streaming requests, one after the other, to one server"),
    word("server", lambda one: one.endpoint.removeprefix("http://"), "where its requests go", rank=9),
    word("model", lambda one: one.model, rank=12),
    figure(
        "requests",
        lambda one: one.requests,
        count,
        meaning="ended, with or without an error; those cut by a takeover or the end are not among them",
        rank=5,
    ),
    figure(
        "errors",
        lambda one: one.errors,
        count,
        meaning="requests that failed",
        look=lambda one: "bad" if one.errors else "",
    ),
    figure(
        "chunks",
        lambda one: one.chunks,
        count,
        meaning="whole messages with content from the server; not tokens",
        rank=1,
    ),
    figure(
        "tokens",
        lambda one: one.tokens,
        count,
        meaning="as the server reported them at the end of its requests",
        rank=8,
    ),
    figure("decode", lambda one: one.tok_s, rate, "tok/s", _means("tok_s.decode")),
    figure("TTFT p50", lambda one: one.ttft_ms.p50, ms, "ms", _TTFT, rank=2),
    figure("TTFT p99", lambda one: one.ttft_ms.p99, ms, "ms", _TTFT, rank=10),
    figure("ITL p50", lambda one: one.itl_ms.p50, ms, "ms", _means("itl.p50"), rank=7),
    figure("gap p50", lambda one: one.gap_ms.p50, ms, "ms", _means("gap.p50"), rank=4),
    figure("gap p99", lambda one: one.gap_ms.p99, ms, "ms", _means("gap.p99"), rank=4),
    figure("delay p50", lambda one: one.delay_ms.p50, ms, "ms", _means("delay.p50"), rank=3),
    figure("delay p99", lambda one: one.delay_ms.p99, ms, "ms", _means("delay.p99")),
    figure("delay max", lambda one: one.delay_ms.max, ms, "ms", "the largest one, exact", rank=11),
)


REQUEST_TIMES: Table[RequestTime] = (
    word("agent", lambda one: one.agent, "means over its requests that ended well; the parts add up to the whole"),
    word("server", lambda one: one.endpoint.removeprefix("http://"), "where its requests go", rank=9),
    figure("requests", lambda one: one.n, count, meaning="whose server reported its durations", rank=5),
    figure("connect", lambda one: one.connect_ms, ms, "ms", "0 where a kept connection was used", rank=8),
    figure("queue", lambda one: one.queue_ms, ms, "ms", "the server's total less loading, prompt and decoding"),
    figure("load", lambda one: one.load_ms, ms, "ms", "loading the model, as the server reports it"),
    figure("prompt", lambda one: one.prompt_ms, ms, "ms", "reading the prompt, as the server reports it"),
    figure("decode", lambda one: one.decode_ms, ms, "ms", "generating, as the server reports it"),
    figure("client", lambda one: one.client_ms, ms, "ms", "transport, our loop, throttle, batching: what is left"),
    figure("whole", lambda one: one.wall_ms, ms, "ms", "from the start of a request to its end"),
)


@dataclass(frozen=True, slots=True)
class Numbered(Generic[Row]):
    """A row with its number, counted from 1; of a segment also what its intervals are made of."""

    number: int
    of: Row
    stretch: Stretch | None = None


def numbered(rows: Sequence[Row]) -> list[Numbered[Row]]:
    """Return rows with their numbers."""
    return [Numbered(number, one) for number, one in enumerate(rows, 1)]


def with_intervals(segments: Sequence[Segment], kept: Kept, fold: Fold) -> list[Numbered[Segment]]:
    """Return segments with what their intervals are made of."""
    return [
        Numbered(number, one, Stretch(kept.of([number - 1]), fold.told(), fold.rigs.words))
        for number, one in enumerate(segments, 1)
    ]


def _segment_figure(
    title: str, metric: str, take: Callable[[Segment], float | None], say: Callable[[float], str], rank: int = 0
) -> Column[Numbered[Segment]]:
    declared = METRICS[metric]

    def tip(row: Numbered[Segment]) -> str:
        if take(row.of) is None:
            return row.of.words or UNKNOWN
        found = None if row.stretch is None else row.stretch.interval(declared)
        return f"95 %: {span(declared, found)}{unit(declared)}" if found else "too short for an interval"

    return figure(
        title,
        lambda row: take(row.of),
        say,
        "" if not unit(declared) else declared.unit,
        declared.meaning,
        rank=rank,
        tip=tip,
    )


def _p50(found: Quantiles | None) -> float | None:
    return None if found is None else found.p50


def _p99(found: Quantiles | None) -> float | None:
    return None if found is None else found.p99


def _at_least(one: Segment) -> float | None:
    return None if one.ceiling is None else one.ceiling.at_least_chunks_s


def _cpu_us(one: Segment) -> float | None:
    return None if one.loop is None else one.loop.cpu_us_per_chunk


SEGMENTS: Table[Numbered[Segment]] = (
    figure("", lambda row: row.number, count, meaning="as 'loopscope compare --segments' counts", rank=10),
    figure("from", lambda row: row.of.t0_s, rate, "s"),
    figure("to", lambda row: row.of.t1_s, rate, "s", rank=7),
    word("after", lambda row: row.of.opened_by or "the start", "the lever that began it"),
    figure(
        "settling",
        lambda row: row.of.settle_s,
        rate,
        "s",
        "left out of its figures: 1.5 s after a pull; for a takeover until the old rig is gone, too",
        rank=11,
    ),
    _segment_figure("throughput", "chunks_s", lambda one: one.chunks_s, rate, 2),
    _segment_figure("decode", "tok_s.decode", lambda one: one.tok_s, rate),
    _segment_figure(
        "at least", "at_least", lambda one: None if one.ceiling is None else one.ceiling.at_least_chunks_s, rate, 1
    ),
    _segment_figure("busy", "elu", lambda one: None if one.loop is None else one.loop.elu, share, 3),
    _segment_figure(
        "CPU a chunk", "cpu_us", lambda one: None if one.loop is None else one.loop.cpu_us_per_chunk, ms, 6
    ),
    _segment_figure("delay p50", "delay.p50", lambda one: _p50(one.delay_ms), ms, 8),
    _segment_figure("delay p99", "delay.p99", lambda one: _p99(one.delay_ms), ms),
    _segment_figure("lag p99", "lag.p99", lambda one: None if one.loop is None else one.loop.lag_ms.p99, ms, 4),
    _segment_figure("gap p99", "gap.p99", lambda one: _p99(one.gap_ms), ms, 5),
    _segment_figure("power", "watts", lambda one: one.watts, ms, 9),
)


def _pulled(
    title: str, take: Callable[[Figures], float | None], say: Callable[[float], str], unit_: str, rank: int = 0
) -> Column[Numbered[EffectSummary]]:
    def cell(row: Numbered[EffectSummary]) -> str | None:
        before, after = row.of.before, row.of.after
        if before is None or after is None:
            return None
        old, new = take(before), take(after)
        if old is None or new is None:
            return None
        moved = change(old, new)
        return f"{say(old)} → {say(new)}{f' ({moved})' if moved else ''}"

    def tip(row: Numbered[EffectSummary]) -> str:
        missing = "before" if row.of.before is None else "after" if row.of.after is None else ""
        return f"{UNKNOWN} {missing}".strip()

    meaning = "up to 10 s before the pull → up to 10 s after its settling time; one comparison, without an interval"
    return Column(title, cell, unit_, meaning, rank=rank, tip=tip)


LEVERS: Table[Numbered[EffectSummary]] = (
    figure("", lambda row: row.number, count, meaning="its number in the charts", rank=8),
    figure("at", lambda row: row.of.t_s, rate, "s"),
    word("lever", lambda row: row.of.name),
    word("from", lambda row: row.of.old, rank=3),
    word("to", lambda row: row.of.new),
    _pulled("decode", lambda one: one.tok_s, rate, "tok/s", 4),
    _pulled("at least", lambda one: one.at_least_chunks_s, rate, "chunks/s", 2),
    _pulled("delay p99", lambda one: one.delay_p99_ms, ms, "ms"),
    _pulled("lag p99", lambda one: one.lag_p99_ms, ms, "ms", 5),
    _pulled("CPU a chunk", lambda one: one.cpu_us_per_chunk, ms, "us", 6),
)

_WHY = {
    "callback": "one callback ran",
    "gc": "garbage collector",
    "turn": "many callbacks in one turn",
    "gil": "another thread held the GIL",
    "core": "the loop's thread had no core",
}


def _where(place: StallPlace) -> str:
    if place.why not in ("callback", "gc"):
        return "nobody's line"
    return f"{place.where}{' (loopscope itself)' if place.own and place.why == 'callback' else ''}"


STALLS: Table[StallPlace] = (
    word("why", lambda one: _WHY.get(one.why, one.why), "what kept the loop from its selector for over 25 ms"),
    word("where", _where, "the line that held it"),
    figure("times", lambda one: one.count, count),
    figure("longest", lambda one: one.worst_ms, ms, "ms"),
    figure("in all", lambda one: one.total_ms, ms, "ms", rank=1),
)
