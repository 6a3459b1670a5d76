"""One agent, closely: who it is, its quantiles, where its gaps come from, its last requests."""

from loopscope.core.format import NONE, clock, count, ms, plural, rate
from loopscope.draw.ink import Ink, Row, Run, fit, frame
from loopscope.model.request_stack import PARTS
from loopscope.model.snapshot import AgentView, Quantiles, RequestView
from loopscope.ui.panes import timeline
from loopscope.ui.panes.agents import STATES
from loopscope.ui.panes.frames import last, message
from loopscope.ui.view import View


def identity(view: View, width: int, height: int) -> list[Row]:
    """Name, endpoint, model, state and its words, and what it has done so far."""
    agent = view.chosen()
    inner = width - 2
    if agent is None:
        return frame("agent", message("no agents", inner, height - 2), width, height)
    glyph, style = STATES.get(agent.state, ("●", "state-waiting"))
    first = Ink().put(f" {glyph} ", style).put(agent.state, style).put("   ")
    if agent.words:
        first.put(fit(agent.words, max(0, inner - first.width)), "state-retrying")
    body = [
        first.row(inner),
        _facts(inner, (("endpoint", agent.endpoint), ("model", agent.model or NONE))),
        _facts(
            inner,
            (
                ("decode rate", f"{rate(agent.tok_s)} tok/s"),
                ("chunks", f"{rate(agent.chunks_s)}/s"),
                ("so far", f"{plural(agent.requests, 'request')}, {plural(agent.errors, 'error')}"),
                ("", f"{count(agent.chunks)} chunks, {count(agent.tokens)} tokens"),
            ),
        ),
    ]
    return frame(agent.name, body, width, height, right=[[("escape: back   up/down: other agents", "label")]])


def _facts(inner: int, facts: tuple[tuple[str, str], ...]) -> Row:
    ink = Ink()
    for name, value in facts:
        ink.put(f" {name} " if name else " ", "label")
        ink.put(fit(value, min(len(value), max(0, inner - ink.width))), "value").gap(2)
    return ink.row(inner)


def quantiles(view: View, width: int, height: int) -> list[Row]:
    """Table of quantiles in ms, and a sentence that sets the client's gap against the server's."""
    agent = view.chosen()
    inner = width - 2
    if agent is None:
        return frame("times, ms", message("no agents", inner, height - 2), width, height)
    ended, window = "last 50 requests", last(view.snapshot.window_s)
    wide = inner >= 17 + 5 * 8 + 2 + len(ended)
    head = Ink().fitted("", 17)
    for title in ("n", "p50", "p90", "p99", "max"):
        head.fitted(title, 8, "label", right=True)
    body = [head.row(inner)]
    for name, data, style, held in (
        ("TTFT", agent.ttft_ms, "value", ended),
        ("ITL", agent.itl_ms, "value", ended),
        ("client gap", agent.gap_ms, "value", window),
        ("server gap", agent.server_gap_ms, "value", window),
        ("delivery delay", agent.delay_ms, "delay bold", window),
    ):
        body.append(_line(name, data, style, held if wide else "", inner))
    body.append(Ink().row(inner))
    body.append(Ink().put(fit(" " + gap_sentence(agent), inner), "value").row(inner))
    if agent.delay_words:
        told = "delivery delay" if agent.delay_ms.n else "no delivery delay"
        body.append(Ink().put(fit(f" {told}: {agent.delay_words}", inner), "missing").row(inner))
    where: list[list[Run]] = [] if wide else [[(f"TTFT, ITL: {ended} · others: {window}", "label")]]
    return frame("times, ms", body, width, height, right=where)


def _line(name: str, data: Quantiles, style: str, held: str, inner: int) -> Row:
    ink = Ink().fitted(f" {name}", 17, "label").fitted(count(data.n), 8, "label", right=True)
    for value in (data.p50, data.p90, data.p99, data.max):
        ink.fitted(ms(value), 8, style, right=True)
    return ink.put(f"  {held}", "label").row(inner)


def gap_sentence(agent: AgentView) -> str:
    """Compare client gap and server gap: what the client added, or that it cannot be told."""
    client, server = agent.gap_ms.p99, agent.server_gap_ms.p99
    if client is None or server is None:
        return "client and server gap cannot be compared: " + (agent.delay_words or "not enough data")
    extra = client - server
    if abs(extra) <= max(0.1, 0.05 * server):
        return f"gap p99 as the server made it ({ms(client)} ms against {ms(server)} ms)"
    if extra > 0:
        return f"gap p99 {ms(extra)} ms longer than the server made it ({ms(client)} against {ms(server)} ms)"
    return f"gap p99 {ms(-extra)} ms shorter than the server made it: chunks arrive in clumps"


def rate_chart(view: View, width: int, height: int) -> list[Row]:
    """Chunks of this agent in each of the last 60 seconds."""
    agent = view.chosen()
    if agent is None:
        return frame("chunks/s", message("no agents", width - 2, height - 2), width, height)
    return timeline.agent(view, agent, width, height)


def requests(view: View, width: int, height: int) -> list[Row]:
    """Draw the last requests, newest first."""
    agent = view.chosen()
    inner, high = width - 2, height - 2
    if agent is None or not agent.recent:
        return frame("requests", message("none has ended yet", inner, high), width, height)
    stacked = inner >= _STACKED and any(item.stack is not None for item in agent.recent)
    ink = Ink().put("  ended    no ", "label")
    for title, cells in (("TTFT ms", 9), ("ITL ms", 8), ("tokens", 8), ("chunks", 8), ("seconds", 9)):
        ink.fitted(title, cells, "label", right=True)
    for name in PARTS if stacked else ():
        ink.fitted(name, _PART, "label", right=True)
    ink.put("   outcome", "label")
    rows = [_request(item, stacked, inner) for item in agent.recent[: max(0, high - 1)]]
    told = "connect to client: ms, together the whole request" if stacked else ""
    return frame(
        "requests, newest first", [ink.row(inner), *rows], width, height, right=[[(told, "label")]] if told else ()
    )


_STACKED, _PART = 112, 8
"""Cells from which on a request has room for its stack, and those of each part."""


def _request(item: RequestView, stacked: bool, inner: int) -> Row:
    good = item.outcome == "ok"
    ink = Ink().put(" ").fitted(clock(item.t_s), 7, "label", right=True).fitted(count(item.request), 6, right=True)
    for value, cells in (
        (ms(item.ttft_ms), 9),
        (ms(item.itl_ms), 8),
        (count(item.tokens), 8),
        (count(item.chunks), 8),
        (ms(item.duration_s), 9),
    ):
        ink.fitted(value, cells, "value", right=True)
    for name in PARTS if stacked else ():
        ink.fitted(ms(getattr(item.stack, name, None)), _PART, "value", right=True)
    ink.put("   ✓ " if good else "   ✗ ", "better bold" if good else "problem bold")
    words = item.outcome if good or not item.words else f"{item.outcome}: {item.words}"
    return ink.put(fit(words, max(0, inner - ink.width)), "value" if good else "state-retrying").row(inner)
