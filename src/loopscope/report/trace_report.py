"""The report of a whole trace as text, Markdown and data; as a page it stands in :mod:`loopscope.report.html`."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import structs

from loopscope.core.format import count, plural, seconds
from loopscope.core.text import plain
from loopscope.model.summary_types import FileSummary, Summary
from loopscope.report import charts, facts, recommendations, tables, text
from loopscope.report.charts import Look
from loopscope.report.facts import FACTS
from loopscope.report.markdown import escape, fenced, table
from loopscope.report.procedure_results import data as result_data
from loopscope.report.procedure_results import markdown as result_markdown
from loopscope.report.procedure_results.build import found_in
from loopscope.report.sentences import sentences
from loopscope.report.timeline import Timeline, timeline
from loopscope.report.timeline import as_data as lines_as_data
from loopscope.session.folding import Folded

_IN_TEXT = ("throughput", "delay", "lag", "elu", "power")
_IN_MARKDOWN = ("throughput", "delay", "lag")
_MOST = 64
_MARKDOWN_WIDTH = 96
"""What fits into a code block of an issue without scrolling."""


def lines_of(folded: Folded) -> Timeline:
    """What a report draws over time."""
    return timeline(folded.kept, folded.fold.snapshot().power.label, folded.summary.delay_words)


class Report(Summary, frozen=True, kw_only=True):
    """What ``report --json`` prints: the summary, the file, what procedures found, and the lines over time."""

    file: FileSummary
    verdict: list[str]
    procedures: dict[str, Any]
    timeline: dict[str, Any]
    """``step_s``, ``t_s``, and a column for each curve; ``null`` where nothing is known."""


def as_data(folded: Folded) -> Report:
    """Return the whole report as one typed object."""
    return Report(
        **structs.asdict(folded.summary),
        file=folded.file,
        verdict=recommendations.told(folded.summary, folded.fold),
        procedures=result_data.data(found_in(folded.fold, folded.summary)),
        timeline=lines_as_data(lines_of(folded)),
    )


def as_text(folded: Folded, *, width: int, color: bool, unicode: bool | None = None) -> str:
    """Tables, charts and sentences for a terminal, without a line end at the end."""
    unicode = text.speaks_unicode() if unicode is None else unicode
    width = min(max(width, text.NARROWEST), text.WIDEST)
    look = Look(width, color, unicode)
    return text.render(
        folded.summary,
        folded.fold,
        width=width,
        color=color,
        unicode=unicode,
        drawn=[*_charts(folded, _IN_TEXT, look), text.lag(folded.fold, look)],
        more=[[_file(folded)]],
    )


def _charts(folded: Folded, names: Sequence[str], look: Look) -> list[list[str]]:
    lines, marks = lines_of(folded), list(folded.fold.marks)
    return [charts.over_time(lines, chart, marks, look) for chart in lines.charts if chart.name in names]


def _file(folded: Folded) -> str:
    if folded.outcome.whole:
        return f"file      whole: {plural(folded.outcome.records, 'record')}, none damaged, none missing"
    return f"file      NOT WHOLE: {folded.outcome.words}"


def as_markdown(folded: Folded) -> str:
    """Tables and sentences for a page or an issue, without a line end at the end."""
    return "\n\n".join(part for part in _parts(folded) if part)


def _parts(folded: Folded) -> Iterator[str]:
    summary = folded.summary
    where = summary.source_words or summary.source or "unknown source"
    yield f"# loopscope: {escape(plain(folded.path.name, 120))}"
    told = f"{seconds(summary.duration_s)}, {plural(len(summary.agents), 'agent')}, {where}"
    yield escape(f"{told}, scenario {summary.scenario}" if summary.scenario else told)
    if not folded.outcome.whole:
        yield f"> **This file is not whole**: {escape(folded.outcome.words)}."
    yield "## Figures\n\n" + table(FACTS, [*facts.run(summary), *facts.loop(summary)])
    yield "## What it says\n\n" + "\n".join([*_findings(summary), *(f"- {escape(one)}" for one in sentences(summary))])
    yield "## Verdict\n\n" + "\n".join(f"- {escape(one)}" for one in recommendations.told(summary, folded.fold))
    drawn = _charts(folded, _IN_MARKDOWN, Look(_MARKDOWN_WIDTH))
    yield "## Over time\n\n" + "\n\n".join(fenced(lines) for lines in drawn)
    yield from result_markdown.parts(found_in(folded.fold, summary))
    if len(summary.segments) > 1:
        yield "## Segments, each without its settling time\n\n" + table(
            tables.SEGMENTS, tables.numbered(summary.segments[:_MOST])
        )
    if summary.levers:
        yield "## Levers, before and after\n\n" + table(tables.LEVERS, tables.numbered(summary.levers[:_MOST]))
    yield "## Agents\n\n" + _agents(summary)
    if any(one.n for one in summary.request_times):
        known = [one for one in summary.request_times if one.n]
        yield "## Where the time of a request goes\n\n" + table(tables.REQUEST_TIMES, known[:_MOST])
    yield "## The instrument itself\n\n" + table(FACTS, list(facts.observer(summary, folded.file)))


def _findings(summary: Summary) -> Iterator[str]:
    last = {one.name: one for one in summary.findings}
    for one in sorted(last.values(), key=lambda held: (held.severity == "note", held.since_s)):
        lever = f" Try: {escape(one.lever)}." if one.lever else ""
        yield f"- **{escape(one.name)}**: {escape(one.sentence or one.name)}{lever}"


def _agents(summary: Summary) -> str:
    rest = len(summary.agents) - _MOST
    return table(tables.AGENTS, summary.agents[:_MOST]) + (f"\n\nand {count(rest)} more" if rest > 0 else "")
