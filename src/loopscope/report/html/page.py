"""The page: what a trace shows, in the order in which one asks. Its policy lets nothing in that is not on it."""

import base64
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import resources
from typing import Any

from loopscope import __version__
from loopscope.core.format import count, ms, plural, rate, seconds, share
from loopscope.core.records import Header
from loopscope.core.text import plain
from loopscope.model.aggregate import Aggregate, Hist
from loopscope.model.fold import Fold
from loopscope.model.metrics import METRICS, Need
from loopscope.model.snapshot import FindingView
from loopscope.model.summary_types import AgentSummary, PowerSummary, Summary
from loopscope.report import facts, tables
from loopscope.report.facts import Fact
from loopscope.report.html import procedure_results
from loopscope.report.html.axes import LEFT, RIGHT, WIDTH
from loopscope.report.html.drawing import histogram, over_time, quantile_words
from loopscope.report.html.markup import Markup, defined, element, joined
from loopscope.report.html.tables import facts_list, table
from loopscope.report.procedure_results.build import found_in
from loopscope.report.recommendations import told
from loopscope.report.sentences import sentences
from loopscope.report.timeline import Timeline, rounded, timeline
from loopscope.session.folding import Folded
from loopscope.stats.loghist import LogHist

_UNKNOWN = "not enough data"
_MOST = 256
_MORE_WORDS = (
    ("agent", "a worker that sends streaming requests, one after the other, to one server"),
    ("chunk", "one whole message with content from the server; not a token: a server may put several into one"),
    ("settling time", "1.5 s after a pull of a lever (for a takeover, after the old rig has gone); in no segment"),
    ("observer", "what loopscope itself costs: CPU of the probes in the measured process and of the screen's process"),
    ("dropped", "samples for which a probe had no room: counted, and missing from every figure"),
    ("idle floor", "median lateness of the same heartbeat before any agent started; subtracted from the lag"),
)


def render(folded: Folded) -> str:
    """Give the whole page."""
    fold, summary = folded.fold, folded.summary
    lines = timeline(folded.kept, fold.snapshot().power.label, summary.delay_words)
    findings = [*fold.past, *fold.findings.values()]
    title = f"loopscope: {plain(folded.path.name, 80)}"
    body = joined(
        _head(folded),
        element("main", *_sections(folded, lines, findings)),
        _foot(folded),
        element("div", id="tip", role="status"),
    )
    style, script = _asset("page.css"), _asset("page.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    head = joined(
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)),
    )
    data = element("script", Markup(_data(lines)), type="application/json", id="data")
    code = element("script", Markup(script))
    page = element("html", element("head", head), element("body", body, data, code), lang="en")
    return f"<!doctype html>\n{page}\n"


@cache
def _asset(name: str) -> str:
    return (resources.files(__package__) / name).read_text("utf-8")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _data(lines: Timeline) -> str:
    """The charts' numbers for the script, in a form that cannot end the element that holds it."""
    held = {
        "left": LEFT,
        "right": RIGHT,
        "width": WIDTH,
        "end": max(lines.end_s, lines.step_s, 1e-3),
        "step": lines.step_s,
        "t": rounded(lines.t_s),
        "charts": [
            {
                "title": chart.title,
                "unit": chart.unit,
                "share": chart.scale == "share",
                "curves": [{"label": curve.label, "values": rounded(curve.values)} for curve in chart.curves],
            }
            for chart in lines.charts
            if chart.known
        ],
    }
    text = json.dumps(held, separators=(",", ":"), allow_nan=False)
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _head(folded: Folded) -> Markup:
    summary, header = folded.summary, folded.fold.header
    where = summary.source_words or summary.source or "unknown source"
    facts = [f"{seconds(summary.duration_s)}", plural(len(summary.agents), "agent"), where]
    if summary.scenario:
        facts.append(f"scenario {summary.scenario}")
    if header is not None and header.host.get("cpu"):
        facts.append(plain(header.host["cpu"], 60))
    badges = []
    if summary.power and summary.power.simulated:
        badges.append(element("span", "SIMULATED power", class_="badge"))
    return element(
        "header",
        element("h1", plain(folded.path.name, 80)),
        element("p", " · ".join(facts), *badges),
        _warnings(folded),
    )


def _warnings(folded: Folded) -> Markup | None:
    """What is wrong with the trace itself, before any figure of it."""
    told = []
    if not folded.outcome.whole:
        told.append(f"This file is not whole: {folded.outcome.words}.")
    observer = folded.summary.observer
    if observer.dropped:
        told.append(f"{plural(observer.dropped, 'sample')} were dropped and are missing from every figure.")
    if observer.lost_lines:
        told.append(f"{plural(observer.lost_lines, 'line')} could not be written.")
    if observer.ignored:
        told.append(f"{plural(observer.ignored, 'record or row')} cannot be true and were left out.")
    return element("div", *(element("p", text) for text in told), class_="alert", role="alert") if told else None


def _sections(folded: Folded, lines: Timeline, findings: list[FindingView]) -> Iterator[Markup]:
    fold, summary = folded.fold, folded.summary
    yield _section("Figures", "over the whole run from the first chunk on, all settings together", _tiles(summary))
    yield _section("What it says", "", *_told(findings, summary))
    decided = (element("li", text) for text in told(summary, fold))
    yield _section("Verdict", "", element("ul", *decided, class_="told"))
    for made in procedure_results.sections(found_in(fold, summary)):
        yield _section(made.title, made.words, *made.inside)
    yield _section(
        "Over time",
        f"steps of {seconds(lines.step_s)}; point at a chart (or use the arrow keys) to read its values",
        over_time(lines, list(fold.marks), findings),
    )
    if len(summary.segments) > 1:
        yield _section(
            "Segments",
            "stretches between two levers, without settling times; point at a figure for its interval",
            table(tables.SEGMENTS, tables.with_intervals(summary.segments[:_MOST], folded.kept, fold)),
        )
    if summary.levers:
        yield _section(
            "Levers",
            "figures before and after each pull",
            table(tables.LEVERS, tables.numbered(summary.levers[:_MOST])),
        )
    yield _section("Sizes", "whole run; both axes logarithmic", _histograms(fold))
    yield _section("Agents", "", *_agents(summary.agents))
    if known := [one for one in summary.request_times if one.n]:
        yield _section("Where the time of a request goes", "", table(tables.REQUEST_TIMES, known[:_MOST]))
    yield _section("Event loop", "", facts_list(facts.loop(summary)))
    if summary.stalls.places:
        yield _section(
            "Stalls",
            f"the loop stood still for over 25 ms {count(summary.stalls.count)} times",
            table(tables.STALLS, summary.stalls.places[:20]),
        )
    yield _section("The instrument itself", "what loopscope cost, and what of the trace is missing", _observer(folded))
    yield _section("Where", "", _where(fold))
    words = [(metric.title, f"{metric.meaning} ({metric.unit})") for metric in METRICS.values()] + list(_MORE_WORDS)
    definitions = [joined(element("dt", word), element("dd", means)) for word, means in words]
    yield element(
        "section",
        element("details", element("summary", "What the words mean"), element("dl", *definitions, class_="words")),
    )


def _section(title: str, words: str, *inside: Markup) -> Markup:
    return element("section", element("h2", title, element("small", words) if words else None), *inside)


def _tiles(summary: Summary) -> Markup:
    loop, ceiling, delay, lag = summary.loop, summary.ceiling, summary.delay_ms, summary.loop.lag_ms
    observer = summary.observer
    tiles = [
        _tile("throughput", rate, summary.chunks_s, "chunks/s", METRICS["chunks_s"].meaning),
        _tile("decode rate", rate, summary.tok_s, "tok/s an agent", METRICS["tok_s.decode"].meaning),
        _tile("delivery delay p99", ms, delay.p99, "ms", METRICS["delay.p99"].meaning, summary.delay_words),
        _tile("loop lag p99", ms, lag.p99, "ms", METRICS["lag.p99"].meaning),
        _tile("ELU", share, loop.elu, "", METRICS["elu"].meaning, loop.words.get("elu", "")),
        _tile(
            "ceiling, at least",
            rate,
            ceiling.at_least_chunks_s,
            "chunks/s",
            METRICS["at_least"].meaning,
            ceiling.words,
        ),
        _tile("TTFT p50", ms, summary.ttft_ms.p50, "ms", METRICS["ttft.p50"].meaning),
        _power_tile(summary.power),
        _tile(
            "errors",
            count,
            summary.errors,
            f"of {plural(summary.requests, 'request')}",
            "requests that failed; those cut by a takeover or the end are not among them",
            bad=bool(summary.errors),
        ),
        _tile(
            "dropped",
            count,
            observer.dropped,
            f"samples; probes {facts.core(observer.rig_share)}",
            "samples for which a probe had no room, and CPU of the probes in the measured process",
            bad=bool(observer.dropped),
        ),
    ]
    return element("div", *tiles, class_="tiles")


def _tile(
    title: str, say: Any, value: float | None, unit: str, means: str, why: str = "", *, bad: bool = False
) -> Markup:
    shown = (
        joined(element("b", say(value), class_="bad" if bad else None), element("small", f" {unit}"))
        if value is not None
        else element("span", f"{_UNKNOWN}{f': {why}' if why else ''}", class_="none")
    )
    return element("div", element("h3", defined(title, means)), element("p", shown), class_="tile")


def _power_tile(power: PowerSummary | None) -> Markup:
    if power is None:
        return _tile("power", ms, None, "W", METRICS["watts"].meaning, "no reading")
    if power.watts is None:
        return _tile(power.label, share, power.share, "", "utilisation, which is not power")
    return _tile(power.label.removesuffix(", W"), ms, power.watts, "W", METRICS["watts"].meaning)


def _told(findings: list[FindingView], summary: Summary) -> Iterator[Markup]:
    last: dict[str, tuple[FindingView, int]] = {}
    for one in findings:
        last[one.name] = one, last.get(one.name, (one, 0))[1] + 1
    for one, times in sorted(last.values(), key=lambda held: (held[0].severity == "note", held[0].since_s)):
        until = f"{seconds(one.until_s)}" if one.until_s is not None else "the end"
        when = f"{seconds(one.since_s)} to {until}{f', {times} times' if times > 1 else ''}"
        note = one.severity == "note"
        yield element(
            "div",
            element("p", element("strong", one.name), element("small", f" {when}")),
            element("p", one.sentence or one.name),
            element("p", f"Try: {one.lever}", class_="try") if one.lever else None,
            element("p", one.evidence, class_="why") if one.evidence else None,
            class_=f"finding {'note' if note else 'warn'}",
        )
    yield element("ul", *(element("li", text) for text in sentences(summary)), class_="told")


def _histograms(fold: Fold) -> Markup:
    run = fold.ledger.run()
    held = (
        ("loop lag", METRICS["lag.p99"].meaning, _of(run, Hist.LAG), "heartbeat"),
        ("delivery delay", METRICS["delay.p50"].meaning, _of(run, Hist.DELAY), "chunk"),
        ("client gap", METRICS["gap.p50"].meaning, _of(run, Hist.GAP), "gap"),
        ("server gap", METRICS["server_gap.p50"].meaning, _of(run, Hist.SERVER_GAP), "gap"),
        ("TTFT", METRICS["ttft.p50"].meaning, _of(run, Hist.TTFT), "request"),
        ("received to handled", METRICS["handled.p99"].meaning, _of(run, Hist.HANDLED), "chunk"),
    )
    figures = []
    for title, means, hist, word in held:
        told = element("small", f" {quantile_words(hist)}; {plural(hist.n, word)}")
        head = element("figcaption", defined(title, means), told)
        figures.append(element("figure", head, histogram(hist, word), class_="plot"))
    return element("div", *figures, class_="hists")


def _of(run: Aggregate, which: Hist) -> LogHist:
    hist = LogHist()
    if METRICS[f"{which.name.lower()}.p50"].needs is Need.STAMP and not run.stamps().usable:
        return hist
    hist.counts, hist.most_ns = run.hist(which)
    return hist


def _agents(agents: Sequence[AgentSummary]) -> Iterator[Markup]:
    yield table(tables.AGENTS, agents[:_MOST])
    words = sorted({one.delay_words for one in agents if one.delay_words})
    yield from (element("p", f"delivery delay: {text}", class_="why") for text in words[:4])
    if len(agents) > _MOST:
        yield element("p", f"and {count(len(agents) - _MOST)} more agents", class_="why")


def _observer(folded: Folded) -> Markup:
    losses = [
        Fact(f"lost at {seconds(one.t_s)}", f"{count(one.count)} {one.what}: {one.words or 'no reason told'}")
        for one in folded.summary.losses[:20]
    ]
    return facts_list([*facts.observer(folded.summary, folded.file), *losses])


def _where(fold: Fold) -> Markup:
    header: Header | None = fold.header
    if header is None:
        return element("p", "the trace has no header", class_="none")
    rows = [Fact(plain(name, 30), plain(text, 80)) for name, text in list(header.host.items())[:40]]
    rows.insert(0, Fact("loopscope that recorded", plain(header.loopscope, 20) or "not known"))
    for server in header.servers[:16]:
        told = ", ".join(
            filter(None, (server.api, server.model, server.version, "emulated" if server.embedded else ""))
        )
        rows.append(Fact(plain(server.url, 60), plain(told, 120)))
    return facts_list(rows)


def _foot(folded: Folded) -> Markup:
    return element(
        "footer", f"made by loopscope {__version__} from {plain(folded.path.name, 80)}; this page loads nothing"
    )
