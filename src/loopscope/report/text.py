"""The report for people: tables, charts, and what it all means in plain sentences."""

import sys
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from loopscope.core.format import interval, plural, rate, seconds
from loopscope.model.aggregate import Hist
from loopscope.model.fold import Fold
from loopscope.model.summary_types import (
    AgentSummary,
    EffectSummary,
    FindingSummary,
    RequestTime,
    Segment,
    Stalls,
    Summary,
)
from loopscope.model.view import series
from loopscope.model.window import STEP_S
from loopscope.report import charts, facts, recommendations, tables
from loopscope.report.charts import Look
from loopscope.report.facts import Fact
from loopscope.report.grid import lines
from loopscope.report.procedure_results import text as result_text
from loopscope.report.procedure_results.build import found_in
from loopscope.report.sentences import sentences
from loopscope.report.timeline import Chart, Curve, Timeline
from loopscope.stats.loghist import LogHist

NARROWEST, WIDEST = 60, 200
_MOST_AGENTS = 16

_MOST_PLACES = 5
_NAME = 34
"""Width of the names of facts."""
_TO_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼█▀▄▌▐…·→–", "-|+++++++++#'_||.->-")


def render(
    summary: Summary,
    fold: Fold,
    *,
    width: int = 100,
    color: bool = False,
    unicode: bool | None = None,
    drawn: Sequence[list[str]] | None = None,
    more: Sequence[list[str]] = (),
) -> str:
    """Give the whole report, without a line end at its end.

    ``width`` is held within 60 and 200. ``unicode``: ``False`` keeps to ASCII; ``None`` asks whether standard output
    can write more. ``drawn``: the charts, where more is known than ``fold`` keeps. ``more`` stands before the
    sentences at the end.
    """
    width = min(max(width, NARROWEST), WIDEST)
    if unicode is None:
        unicode = speaks_unicode()
    look = Look(width, color, unicode)
    parts = [
        _title(summary),
        _agents(summary.agents, width),
        _request_times(summary.request_times, width),
        _facts(chain(facts.run(summary), facts.loop(summary), facts.observer(summary)), width),
        _segments(summary.segments, width),
        _levers(summary.levers, width),
        *result_text.blocks(found_in(fold, summary), width),
        _findings(summary.findings),
        _stalls(summary.stalls, width),
        *(drawn if drawn is not None else _drawn(fold, look)),
        *more,
        sentences(summary),
        ["verdict", *(f"  {sentence}" for sentence in recommendations.told(summary, fold))],
    ]
    text = "\n\n".join("\n".join(_fitted(part, width, color)) for part in parts if part)
    return text if unicode else to_ascii(text)


def to_ascii(text: str) -> str:
    """Return the text without a character that a plain terminal lacks."""
    return text.translate(_TO_ASCII).encode("ascii", "replace").decode()


def _drawn(fold: Fold, look: Look) -> list[list[str]]:
    line = series(fold.window.whole, STEP_S)
    curve = Curve("chunks_s", "chunks/s", line.chunks_s)
    chart = Chart("throughput", "throughput", "chunks/s", "", "linear", (curve,), "no chunk came")
    end_s = float(line.t_s[-1]) + line.step_s if line.t_s.size else 0.0
    over_time = charts.over_time(Timeline(line.t_s, line.step_s, end_s, (chart,)), chart, list(fold.marks), look)
    return [over_time, lag(fold, look)]


def lag(fold: Fold, look: Look) -> list[str]:
    """Draw how late the loop was, as a histogram."""
    hist = LogHist()
    hist.counts, hist.most_ns = fold.ledger.run().hist(Hist.LAG)
    return charts.lag(hist, look)


def speaks_unicode() -> bool:
    """Say whether standard output can write what charts are drawn with."""
    try:
        "─⠿█…".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _fitted(part: list[str], width: int, color: bool) -> Iterator[str]:
    """Wrap plain lines at blanks; drawn ones (charts, tables) fit already, coloured ones must not be cut."""
    for line in part:
        if len(line) <= width or "\x1b" in line:
            yield line
            continue
        room = ""
        for word in line.split(" "):
            if room and len(room) + 1 + len(word) > width:
                yield room
                room = "  " + word
            else:
                room = f"{room} {word}" if room else word
        yield room[:width]


def _title(summary: Summary) -> list[str]:
    words = summary.source_words or summary.source or "unknown source"
    scenario = f", scenario {summary.scenario}" if summary.scenario else ""
    return [f"loopscope: {words}{scenario}, {seconds(summary.duration_s)}"]


def _request_times(times: Sequence[RequestTime], width: int) -> list[str]:
    known = [one for one in times if one.n]
    if not known:
        return [f"request times: {times[0].words}"] if times else []
    return ["where the time of a request goes, mean", *lines(tables.REQUEST_TIMES, known[:_MOST_AGENTS], width)]


def _agents(agents: Sequence[AgentSummary], width: int) -> list[str]:
    if not agents:
        return ["no agent was heard of"]
    found = lines(tables.AGENTS, agents[:_MOST_AGENTS], width)
    rest = agents[_MOST_AGENTS:]
    if rest:
        rates = [agent.tok_s for agent in rest if agent.tok_s is not None]
        span = f", {interval(min(rates), max(rates), rate)} tok/s" if rates else ""
        errors = plural(sum(agent.errors for agent in rest), "error")
        found.append(f"and {plural(len(rest), 'more agent')}{span}, {errors}")
    words = sorted({agent.delay_words for agent in agents if agent.delay_words})
    return found + [f"delivery delay: {word}" for word in words[:4]]


def _facts(facts: Iterator[Fact], width: int) -> list[str]:
    found: list[str] = []
    for one in facts:
        found += textwrap.wrap(f"{one.name:<{_NAME}}{one.value}", width, subsequent_indent=" " * _NAME)
    return found


def _segments(segments: Sequence[Segment], width: int) -> list[str]:
    if len(segments) < 2:
        return []
    rows = tables.numbered(segments)
    return ["segments, each without its settling time", *lines(tables.SEGMENTS, rows, width)]


def _levers(levers: Sequence[EffectSummary], width: int) -> list[str]:
    if not levers:
        return []
    return ["levers, before → after", *lines(tables.LEVERS, tables.numbered(levers), width)]


def _stalls(stalls: Stalls, width: int) -> list[str]:
    """Where the loop stood still for over 25 ms, the worst places first."""
    if not stalls.places:
        return []
    head = f"the loop stood still for over 25 ms {plural(stalls.count, 'time')}"
    return [head, *lines(tables.STALLS, stalls.places[:_MOST_PLACES], width)]


def _findings(findings: Sequence[FindingSummary]) -> list[str]:
    """Warnings and what to try; of notes, and of what came more than once, each name once, as it was last seen."""
    told = {finding.name: finding for finding in findings}
    times = Counter(finding.name for finding in findings)
    lines = []
    for finding in sorted(told.values(), key=lambda one: (one.severity == "note", one.since_s)):
        until = seconds(finding.until_s) if finding.until_s is not None else "the end"
        when = f"from {seconds(finding.since_s)} to {until}"
        when += f", {times[finding.name]} times" if times[finding.name] > 1 else ""
        lines.append(
            f"{'note' if finding.severity == 'note' else 'finding'}: {finding.name} ({when}):"
            f" {finding.sentence or finding.name}{_try(finding.lever)}"
        )
    return lines


def _try(lever: str) -> str:
    return f" Try: {lever}." if lever else ""
