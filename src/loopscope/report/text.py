"""The report for people: tables, charts, and what it all means in plain sentences."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

from loopscope.core.format import NONE, change, count, ms, plural, rate, seconds, share
from loopscope.model.fold import Fold
from loopscope.model.view import series
from loopscope.model.window import STEP_S
from loopscope.report import charts, recommendations
from loopscope.report.grid import Column, lines
from loopscope.report.procedure_results import text as result_text
from loopscope.report.procedure_results.build import found_in
from loopscope.report.sentences import sentences

NARROWEST, WIDEST = 60, 200
_MOST_AGENTS = 16

_AGENTS = (
    Column("agent", left=True),
    Column("endpoint", 9, left=True),
    Column("requests", 5),
    Column("errors"),
    Column("chunks", 1),
    Column("tokens", 8),
    Column("tok/s"),
    Column("TTFT p50", 2),
    Column("ITL p50", 7),
    Column("gap p50", 4),
    Column("p99", 4),
    Column("delay p50", 3),
    Column("p99"),
)
_SEGMENTS = (
    Column("from s"),
    Column("to s", 7),
    Column("after", left=True),
    Column("chunks/s", 2),
    Column("tok/s"),
    Column("at least/s", 1),
    Column("busy", 3),
    Column("us/chunk", 6),
    Column("delay p50", 8),
    Column("delay p99"),
    Column("lag p99", 4),
    Column("gap p99", 5),
)
_LEVERS = (
    Column("s"),
    Column("lever", left=True),
    Column("from", 3, left=True),
    Column("to", left=True),
    Column("tok/s", 1),
    Column("", 4),
    Column("at least/s", 2),
    Column("", 4),
    Column("delay p99 ms"),
    Column("lag p99 ms", 5),
)
_TO_ASCII = str.maketrans("─│┌┐└┘├┤┬┴┼█▀▄▌▐…·→–", "-|+++++++++#'_||.->-")


def render(
    summary: dict[str, Any],
    fold: Fold,
    *,
    width: int = 100,
    color: bool = False,
    unicode: bool | None = None,
    more: Sequence[list[str]] = (),
) -> str:
    """Give the whole report, without a line end at its end.

    ``width`` is held within 60 and 200; the charts take the lines over time from ``fold``, everything else stands in
    ``summary``. ``unicode``: ``False`` keeps to ASCII; ``None`` asks whether standard output can write more. ``more``
    stands before the sentences at the end.
    """
    width = min(max(width, NARROWEST), WIDEST)
    if unicode is None:
        unicode = speaks_unicode()
    parts = [
        _title(summary),
        _agents(summary["agents"], width),
        list(_facts(summary)),
        _segments(summary["segments"], width),
        _levers(summary["levers"], width),
        *result_text.blocks(found_in(fold, summary), width),
        _findings(summary["findings"]),
        _stalls(summary["stalls"]),
        charts.throughput(
            series(fold.window.whole, STEP_S), list(fold.marks), width=width, color=color, braille=unicode
        ),
        charts.lag(fold.ledger.run().lag, width=width, color=color),
        *more,
        sentences(summary),
        ["verdict", *(f"  {sentence}" for sentence in recommendations.told(summary, fold))],
    ]
    text = "\n\n".join("\n".join(_fitted(part, width, color)) for part in parts if part)
    return text if unicode else text.translate(_TO_ASCII).encode("ascii", "replace").decode()


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


def _title(summary: dict[str, Any]) -> list[str]:
    words = summary["source_words"] or summary["source"] or "unknown source"
    scenario = f", scenario {summary['scenario']}" if summary["scenario"] else ""
    return [f"loopscope: {words}{scenario}, {seconds(summary['duration_s'])}"]


def _agents(agents: list[dict[str, Any]], width: int) -> list[str]:
    if not agents:
        return ["no agent was heard of"]
    rows = [_agent_row(agent) for agent in agents[:_MOST_AGENTS]]
    table = lines(_AGENTS, rows, width)
    rest = agents[_MOST_AGENTS:]
    if rest:
        rates = [agent["tok_s"] for agent in rest if agent["tok_s"] is not None]
        span = f", {rate(min(rates))} to {rate(max(rates))} tok/s" if rates else ""
        table.append(f"and {plural(len(rest), 'more agent')}{span}, {plural(_sum(rest, 'errors'), 'error')}")
    words = sorted({agent["delay_words"] for agent in agents if agent["delay_words"]})
    return table + [f"delivery delay: {word}" for word in words[:4]] + ["times in ms; tok/s while decoding"]


def _agent_row(agent: dict[str, Any]) -> list[str]:
    return [
        agent["name"],
        agent["endpoint"].removeprefix("http://"),
        count(agent["requests"]),
        count(agent["errors"]),
        count(agent["chunks"]),
        count(agent["tokens"]),
        rate(agent["tok_s"]),
        ms(agent["ttft_ms"]["p50"]),
        ms(agent["itl_ms"]["p50"]),
        ms(agent["gap_ms"]["p50"]),
        ms(agent["gap_ms"]["p99"]),
        ms(agent["delay_ms"]["p50"]),
        ms(agent["delay_ms"]["p99"]),
    ]


def _sum(agents: list[dict[str, Any]], name: str) -> int:
    return sum(agent[name] for agent in agents)


def _facts(summary: dict[str, Any]) -> Iterator[str]:
    loop, ceiling = summary["loop"], summary["ceiling"]
    yield (
        f"loop      {loop['name'] or NONE}: busy {share(loop['elu'])}, CPU {share(loop['cpu'])},"
        f" waiting for a core {share(loop['runq'])}, GC {share(loop['gc'])},"
        f" {ms(loop['chunks_per_read'])} chunks a read"
    )
    lag = loop["lag_ms"]
    if loop["switches_s"] is not None:
        yield (
            f"thread    waited by itself {rate(loop['switches_s'])} times/s, lost its core"
            f" {rate(loop['preempted_s'])} times/s"
        )
    connect = loop["connect_ms"]
    if connect["n"]:
        yield (
            f"connects  p50 {ms(connect['p50'])}, p99 {ms(connect['p99'])}, max {ms(connect['max'])} ms of the last"
            f" {count(connect['n'])}"
        )
    floor = f"above an idle floor of {ms(lag['floor'])} ms" if lag["floor"] is not None else "idle floor not known"
    yield f"lag       p50 {ms(lag['p50'])}, p99 {ms(lag['p99'])}, max {ms(lag['max'])} ms {floor}"
    if loop["waited_10ms"] is not None:
        yield (
            f"waiting   {share(loop['waited_10ms'])} of the time a ready callback waited over 10 ms,"
            f" {share(loop['waited_50ms'])} over 50 ms"
        )
    why = f" ({ceiling['words']})" if ceiling["words"] else ""
    yield (
        f"ceiling   {rate(ceiling['now_chunks_s'])} chunks/s, at least {rate(ceiling['at_least_chunks_s'])},"
        f" headroom {share(ceiling['headroom'])}{why}"
    )
    for name in ("expected", "measured"):
        if (found := ceiling.get(name)) is not None:
            high = "?" if found["hi"] is None else rate(found["hi"])
            stale = f"; OUT OF DATE: {found['stale']}" if found["stale"] else ""
            between = f"{rate(found['chunks_s'])} ({rate(found['lo'])} to {high}) chunks/s"
            yield f"{name:<9} {between}: {found['words']}{stale}"
    power = summary["power"]
    if power is not None:
        value = f"{rate(power['watts'])} W" if power["watts"] is not None else share(power["share"])
        yield f"power     {power['label']}: mean {value}"
    else:
        yield "power     no reading"
    observer = summary["observer"]
    yield (
        f"observer  rig's probes {share(observer['rig_share'])}, screen and fold {share(observer['screen_share'])}"
        f" of a core, {plural(observer['dropped'], 'sample')} dropped, {plural(observer['lost_lines'], 'line')} lost"
    )


def _segments(segments: list[dict[str, Any]], width: int) -> list[str]:
    if len(segments) < 2:
        return []
    rows = []
    for segment in segments:
        row = [rate(segment["t0_s"]), rate(segment["t1_s"]), segment["opened_by"] or "the start"]
        if segment["loop"] is None:
            rows.append(row + [NONE] * (len(_SEGMENTS) - len(row)))
            continue
        loop, ceiling = segment["loop"], segment["ceiling"]
        rows.append(
            [
                *row,
                rate(segment["chunks_s"]),
                rate(segment["tok_s"]),
                rate(ceiling["at_least_chunks_s"]),
                share(loop["elu"]),
                ms(loop["cpu_us_per_chunk"]),
                ms(segment["delay_ms"]["p50"]),
                ms(segment["delay_ms"]["p99"]),
                ms(loop["lag_ms"]["p99"]),
                ms(segment["gap_ms"]["p99"]),
            ]
        )
    return ["segments, each without its settling time", *lines(_SEGMENTS, rows, width)]


def _levers(levers: list[dict[str, Any]], width: int) -> list[str]:
    if not levers:
        return []
    rows = []
    for lever in levers:
        row = [rate(lever["t_s"]), lever["name"], lever["old"], lever["new"]]
        before, after = lever["before"], lever["after"]
        if before is None or after is None:
            rows.append([*row, "not enough data", *[""] * (len(_LEVERS) - len(row) - 1)])
            continue
        rows.append(
            [
                *row,
                _moved(rate, before, after, "tok_s"),
                change(before["tok_s"], after["tok_s"]),
                _moved(rate, before, after, "at_least_chunks_s"),
                change(before["at_least_chunks_s"], after["at_least_chunks_s"]),
                _moved(ms, before, after, "delay_p99_ms"),
                _moved(ms, before, after, "lag_p99_ms"),
            ]
        )
    return ["levers, before -> after", *lines(_LEVERS, rows, width)]


def _moved(say: Any, before: dict[str, Any], after: dict[str, Any], name: str) -> str:
    return f"{say(before[name])} -> {say(after[name])}"


_WHY = {
    "callback": "",
    "gc": "the garbage collector, in ",
    "turn": "many callbacks in one turn",
    "gil": "another thread held the GIL",
    "core": "the loop's thread had no core",
}
_MOST_PLACES = 5


def _stalls(stalls: dict[str, Any]) -> list[str]:
    """Where the loop stood still for over 25 ms, the worst places first."""
    told = []
    for place in stalls["places"][:_MOST_PLACES]:
        where = _WHY.get(place["why"], "") + (place["where"] if place["why"] in ("callback", "gc") else "")
        own = " (loopscope's own)" if place["own"] and place["why"] == "callback" else ""
        told.append(
            f"  {where}{own}: {count(place['count'])} x, {ms(place['worst_ms'])} ms at most,"
            f" {ms(place['total_ms'])} ms in all"
        )
    if not told:
        return []
    return [f"the loop stood still for over 25 ms {count(stalls['count'])} times", *told]


def _findings(findings: list[dict[str, Any]]) -> list[str]:
    """Warnings and what to try; of notes, and of what came more than once, each name once, as it was last seen."""
    told: dict[str, dict[str, Any]] = {}
    for finding in findings:
        told[finding["name"]] = {**finding, "times": told.get(finding["name"], {}).get("times", 0) + 1}
    lines = []
    for finding in sorted(told.values(), key=lambda one: (one["severity"] == "note", one["since_s"])):
        until = seconds(finding["until_s"]) if finding["until_s"] is not None else "the end"
        when = f"from {seconds(finding['since_s'])} to {until}"
        when += f", {finding['times']} times" if finding["times"] > 1 else ""
        lines.append(
            f"{'note' if finding['severity'] == 'note' else 'finding'}: {finding['name']} ({when}):"
            f" {finding['sentence'] or finding['name']}{_try(finding['lever'])}"
        )
    return lines


def _try(lever: str) -> str:
    return f" Try: {lever}." if lever else ""
