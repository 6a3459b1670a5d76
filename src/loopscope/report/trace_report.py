"""The report of a whole trace as text, Markdown and data; as a page it stands in :mod:`loopscope.report.html`."""

from collections.abc import Iterator
from typing import Any

from loopscope.core.format import change, count, ms, plural, rate, seconds, share
from loopscope.core.text import plain
from loopscope.report import charts, recommendations, text
from loopscope.report.markdown import escape, table
from loopscope.report.procedure_results import data as result_data
from loopscope.report.procedure_results import markdown as result_markdown
from loopscope.report.procedure_results.build import found_in
from loopscope.report.sentences import sentences
from loopscope.report.timeline import Timeline, timeline
from loopscope.report.timeline import as_data as lines_as_data
from loopscope.session.folding import Folded

_IN_TEXT = ("delay", "lag", "elu", "power")
"""Charts that stand in the terminal beside the throughput."""
_MOST = 64


def lines_of(folded: Folded) -> Timeline:
    """What a report draws over time."""
    return timeline(folded.kept, folded.fold.snapshot().power.label, folded.summary["delay_words"])


def as_data(folded: Folded) -> dict[str, Any]:
    """One object: the summary, the file, the lines over time; ``null`` where nothing is known."""
    file = {"name": plain(folded.path.name, 120), **folded.file}
    told = recommendations.told(folded.summary, folded.fold)
    procedures = result_data.data(found_in(folded.fold, folded.summary))
    return {
        "file": file,
        **folded.summary,
        "verdict": told,
        "procedures": procedures,
        "timeline": lines_as_data(lines_of(folded)),
    }


def as_text(folded: Folded, *, width: int, color: bool, unicode: bool | None = None) -> str:
    """Tables, charts and sentences for a terminal, without a line end at the end."""
    unicode = text.speaks_unicode() if unicode is None else unicode
    width = min(max(width, text.NARROWEST), text.WIDEST)
    lines, marks = lines_of(folded), list(folded.fold.marks)
    drawn = [
        charts.over_time(lines, chart, marks, width=width, color=color, braille=unicode)
        for chart in lines.charts
        if chart.name in _IN_TEXT
    ]
    return text.render(
        folded.summary, folded.fold, width=width, color=color, unicode=unicode, more=[*drawn, [_file(folded)]]
    )


def _file(folded: Folded) -> str:
    if folded.outcome.whole:
        return f"file      whole: {plural(folded.outcome.records, 'record')}, none damaged, none missing"
    return f"file      NOT WHOLE: {folded.outcome.words}"


def as_markdown(folded: Folded) -> str:
    """Tables and sentences for a page or an issue, without a line end at the end."""
    return "\n\n".join(part for part in _parts(folded) if part)


def _parts(folded: Folded) -> Iterator[str]:
    summary = folded.summary
    where = summary["source_words"] or summary["source"] or "unknown source"
    yield f"# loopscope: {escape(plain(folded.path.name, 120))}"
    told = f"{seconds(summary['duration_s'])}, {plural(len(summary['agents']), 'agent')}, {where}"
    yield escape(f"{told}, scenario {summary['scenario']}" if summary["scenario"] else told)
    if not folded.outcome.whole:
        yield f"> **This file is not whole**: {escape(folded.outcome.words)}."
    yield "## Figures\n\n" + _figures(summary)
    yield "## What it says\n\n" + "\n".join([*_findings(summary), *(f"- {escape(one)}" for one in sentences(summary))])
    yield "## Verdict\n\n" + "\n".join(f"- {escape(one)}" for one in recommendations.told(summary, folded.fold))
    yield from result_markdown.parts(found_in(folded.fold, summary))
    if len(summary["segments"]) > 1:
        yield "## Segments, each without its settling time\n\n" + _segments(summary)
    if summary["levers"]:
        yield "## Levers, before and after\n\n" + _levers(summary)
    yield "## Agents\n\n" + _agents(summary)
    yield "## The instrument itself\n\n" + _observer(folded)


def _known(say: Any, value: float | None, unit: str = "") -> str:
    return "not enough data" if value is None else f"{say(value)}{unit}"


def _figures(summary: dict[str, Any]) -> str:
    loop, delay, power = summary["loop"], summary["delay_ms"], summary["power"]
    why = f" ({summary['delay_words']})" if summary["delay_words"] else ""
    rows = [
        ("throughput", _known(rate, summary["chunks_s"], " chunks/s")),
        ("decode rate of an agent", _known(rate, summary["tok_s"], " tok/s")),
        ("delivery delay p50, p99, max", _three(delay) + why),
        (f"loop lag p50, p99, max (loop {loop['name'] or 'not known'})", _three(loop["lag_ms"])),
        (
            "ELU, loop CPU, waiting for a core, GC",
            ", ".join(_known(share, loop[name]) for name in ("elu", "cpu", "runq", "gc")),
        ),
        ("ceiling, at least", _known(rate, summary["ceiling"]["at_least_chunks_s"], " chunks/s")),
        ("TTFT p50, p99, max", _three(summary["ttft_ms"])),
        ("client gap p50, p99, max", _three(summary["gap_ms"])),
        (power["label"] if power else "power", _power(power)),
        ("requests, errors, taken", ", ".join(count(summary[name]) for name in ("requests", "errors", "taken"))),
    ]
    return table(("figure", "over the whole run"), rows, left=(0,))


def _power(power: dict[str, Any] | None) -> str:
    if power is None:
        return "no reading"
    return _known(ms, power["watts"], " W") if power["watts"] is not None else _known(share, power["share"])


def _three(held: dict[str, Any]) -> str:
    if held["p50"] is None:
        return "not enough data"
    return f"{ms(held['p50'])}, {ms(held['p99'])}, {ms(held['max'])} ms"


def _findings(summary: dict[str, Any]) -> Iterator[str]:
    last = {one["name"]: one for one in summary["findings"]}
    for one in sorted(last.values(), key=lambda held: (held["severity"] == "note", held["since_s"])):
        lever = f" Try: {escape(one['lever'])}." if one["lever"] else ""
        yield f"- **{escape(one['name'])}**: {escape(one['sentence'] or one['name'])}{lever}"


def _segments(summary: dict[str, Any]) -> str:
    titles = (
        "",
        "from s",
        "to s",
        "after",
        "chunks/s",
        "tok/s",
        "at least/s",
        "ELU",
        "CPU us/chunk",
        "delay p50 ms",
        "delay p99 ms",
        "lag p99 ms",
    )
    rows = []
    for number, one in enumerate(summary["segments"][:_MOST], 1):
        row = [str(number), rate(one["t0_s"]), rate(one["t1_s"]), one["opened_by"] or "the start"]
        loop = one["loop"]
        if loop is None:
            rows.append([*row, *["not enough data"], *[""] * (len(titles) - 5)])
            continue
        rows.append(
            [
                *row,
                rate(one["chunks_s"]),
                rate(one["tok_s"]),
                rate(one["ceiling"]["at_least_chunks_s"]),
                share(loop["elu"]),
                ms(loop["cpu_us_per_chunk"]),
                ms(one["delay_ms"]["p50"]),
                ms(one["delay_ms"]["p99"]),
                ms(loop["lag_ms"]["p99"]),
            ]
        )
    return table(titles, rows, left=(3,))


def _levers(summary: dict[str, Any]) -> str:
    titles = ("at s", "lever", "from", "to", "tok/s", "at least/s", "delay p99 ms", "lag p99 ms")
    rows = []
    for one in summary["levers"][:_MOST]:
        row = [rate(one["t_s"]), one["name"], one["old"], one["new"]]
        for say, name in ((rate, "tok_s"), (rate, "at_least_chunks_s"), (ms, "delay_p99_ms"), (ms, "lag_p99_ms")):
            old, new = (one["before"] or {}).get(name), (one["after"] or {}).get(name)
            known = old is not None and new is not None
            row.append(f"{say(old)} to {say(new)} ({change(old, new) or '-'})" if known else "not enough data")
        rows.append(row)
    return table(titles, rows, left=(1, 2, 3))


def _agents(summary: dict[str, Any]) -> str:
    titles = (
        "agent",
        "server",
        "requests",
        "errors",
        "chunks",
        "tokens",
        "tok/s",
        "TTFT p50 ms",
        "ITL p50 ms",
        "gap p99 ms",
        "delay p50 ms",
        "delay p99 ms",
    )
    rows = [
        (
            one["name"],
            one["endpoint"].removeprefix("http://"),
            count(one["requests"]),
            count(one["errors"]),
            count(one["chunks"]),
            count(one["tokens"]),
            rate(one["tok_s"]),
            ms(one["ttft_ms"]["p50"]),
            ms(one["itl_ms"]["p50"]),
            ms(one["gap_ms"]["p99"]),
            ms(one["delay_ms"]["p50"]),
            ms(one["delay_ms"]["p99"]),
        )
        for one in summary["agents"][:_MOST]
    ]
    rest = len(summary["agents"]) - len(rows)
    more = f"\n\nand {count(rest)} more" if rest > 0 else ""
    return table(titles, rows, left=(0, 1)) + more + "\n\nA dash: not enough data. tok/s while decoding."


def _observer(folded: Folded) -> str:
    observer, file = folded.summary["observer"], folded.file
    rows = [
        ("probes' thread in the measured process", _core(observer["rig_share"])),
        ("session's own process (recorder, fold, screen)", _core(observer["screen_share"])),
        ("dropped samples, lost lines", f"{count(observer['dropped'])}, {count(observer['lost_lines'])}"),
        ("impossible records or rows, left out", count(observer["ignored"])),
        (
            "good records; damaged, missing lines",
            f"{count(file['records'])}; {count(file['damaged_lines'])}, {count(file['missing_lines'])}",
        ),
        ("file", file["words"] or "whole"),
    ]
    return table(("", ""), rows, left=(0,))


def _core(value: float | None) -> str:
    return f"{share(value)} of a core" if value is not None else "not known"
