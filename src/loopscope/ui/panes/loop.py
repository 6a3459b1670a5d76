"""The event loop, closely: what its time goes into, what waits for it, what a chunk costs, which lines held it up."""

from collections.abc import Sequence

from loopscope.core.format import NONE, clock, count, ms, number, plural, rate, seconds, share, size
from loopscope.draw.charts import meter
from loopscope.draw.ink import Ink, Row, Run, fit, frame, width_of
from loopscope.model.snapshot import LoopView, Quantiles, Snapshot, StallPlace, StallView
from loopscope.ui.panes import levels, stack
from loopscope.ui.panes.frames import last, message
from loopscope.ui.panes.loops import which
from loopscope.ui.view import View

WHY: dict[str, tuple[str, str]] = {
    "callback": ("callback", "this line held the loop"),
    "gc": ("GC", "Python collected garbage in this line"),
    "turn": ("many callbacks", "several in one turn, none of them alone"),
    "gil": ("GIL taken", "another thread held Python's lock"),
    "core": ("no core", "other processes had the core"),
}
"""Cause of a stall: its short name, and what it means."""


def identity(view: View, width: int, height: int) -> list[Row]:
    """Which loop, in which process, what it carries; what older loops still finish."""
    loop, inner = view.snapshot.loop, width - 2
    if not loop.name:
        return frame("event loop", message("no event loop yet", inner, height - 2), width, height)
    first = Ink().put(f" {which(loop)} ", "value bold").put(f" {loop.proc}  ", "label")
    if loop.silent_s > 0:
        first.put(fit(f"silent for {seconds(loop.silent_s)}", max(0, inner - first.width)), "problem bold")
    elif loop.draining:
        first.put(fit(f"draining: {', '.join(loop.draining)}", max(0, inner - first.width)), "busy")
    carried = [plural(loop.streams, "stream"), plural(loop.tasks, "task")]
    if loop.connections is not None:
        carried.append(plural(loop.connections, "open connection"))
    if loop.queued:
        carried.append(f"{plural(loop.queued, 'request')} waiting for a connection")
    second = Ink().put(fit(f" {' · '.join(carried)}", inner), "value")
    body = [first.row(inner), second.row(inner), _observer(view, inner)]
    return frame("event loop", body, width, height, right=[[("l or escape: back", "label")]])


def _observer(view: View, inner: int) -> Row:
    told = view.snapshot.observer
    ink = Ink().put(" observer ", "label").put(share(told.rig_share), "value").put(" of a core in the rig", "label")
    ink.put(" · screen ", "label").put(share(told.screen_share), "value")
    lost = "nothing dropped" if not told.dropped else f"{count(told.dropped)} samples dropped"
    if told.lost_lines:
        lost += f", {count(told.lost_lines)} lines lost"
    ink.put(" · ", "label")
    return ink.put(lost, "problem bold" if told.dropped or told.lost_lines else "value").row(inner)


_NAME, _FIGURE = 23, 7


def shares(view: View, width: int, height: int) -> list[Row]:
    """Shares of wall time, each with a bar, or why it cannot be had."""
    loop, inner, high = view.snapshot.loop, width - 2, height - 2
    if not loop.name:
        return frame("shares of time", message("not enough data", inner, high), width, height)
    body = [
        _share("loop busy (ELU)", loop.elu, levels.style(loop.elu), loop.words.get("elu", ""), inner),
        _share("CPU of its thread", loop.cpu, "rate", loop.words.get("loop_cpu", ""), inner),
        _share("waits for a core", loop.runq, "delay-slow", loop.words.get("runq", ""), inner),
        _share("garbage collection", loop.gc, "delay-slow", "", inner),
        _share("ready, waited > 10 ms", loop.waited_10ms, "lag-slow", loop.words.get("lag", ""), inner),
        _share("ready, waited > 50 ms", loop.waited_50ms, "stall", loop.words.get("lag", ""), inner),
    ]
    if loop.stack is not None and high >= len(body) + 2:
        body = [*stack.rows(loop.stack, inner), *body]
    if high > len(body) and loop.gc is not None:
        told = " · ".join(f"gen {i} {share(value)}" for i, value in enumerate(loop.gc_generations))
        body.insert(len(body) - 2, Ink().to(2).put(fit("of it " + told, max(0, inner - 2)), "label").row(inner))
    right: list[list[Run]] = [[(last(view.snapshot.window_s), "label")]]
    return frame("shares of time", body, width, height, right=right)


def _share(name: str, value: float | None, style: str, words: str, inner: int) -> Row:
    ink = Ink().put(" ").fitted(name, _NAME - 1, "label").fitted(share(value), _FIGURE, "value bold", right=True).gap(2)
    room = inner - ink.width - 1
    if value is None:
        return ink.put(fit(words or "not enough data", max(0, room)), "missing").row(inner)
    if room < 6:
        return ink.row(inner)
    filled, rest = meter(value, max(0, room))
    return ink.put(filled, style).put(rest, "trough").row(inner)


def costs(view: View, width: int, height: int) -> list[Row]:
    """What a chunk costs, what waits unread, connections, context switches."""
    snap, loop = view.snapshot, view.snapshot.loop
    inner = width - 2
    if not loop.name:
        return frame("costs and waits", message("not enough data", inner, height - 2), width, height)
    body = [
        _fact("CPU per chunk", _cpu_per_chunk(snap), loop.words.get("loop_cpu", ""), inner),
        _fact("chunks per read", _plain(loop.chunks_per_read), "", inner),
        _fact(
            "bytes unread",
            "" if loop.backlog_bytes is None else size(loop.backlog_bytes),
            loop.words.get("backlog", ""),
            inner,
        ),
        _fact("lag", _spread(loop.lag_ms, inner), loop.words.get("lag", ""), inner),
        _fact(
            "its idle floor",
            "" if loop.lag_floor_ms is None else f"{ms(loop.lag_floor_ms)} ms, taken off",
            loop.words.get("lag", ""),
            inner,
        ),
        _fact("to connect", _connect(loop), "no connection was made yet", inner),
        _fact("context switches", _switches(loop), loop.words.get("switches", ""), inner),
    ]
    # Reads, chunks and connects are counted for all of them; what waits is that of the loop above.
    all_of_them: list[list[Run]] = [[("CPU, reads, connects of all loops", "label")], []] if loop.count > 1 else []
    return frame("costs and waits", body, width, height, right=all_of_them)


def _fact(name: str, value: str, words: str, inner: int) -> Row:
    ink = Ink().put(" ").fitted(name, 17, "label")
    text, style = (value, "value") if value else (f"{NONE}  {words or 'not enough data'}", "missing")
    return ink.put(fit(text, min(width_of(text), max(0, inner - ink.width))), style).row(inner)


def _plain(value: float | None) -> str:
    return "" if value is None else number(value)


def _cpu_per_chunk(snap: Snapshot) -> str:
    """CPU of the loop's thread by chunk: what is idle bookkeeping counts too, so at a trickle it is dear.

    The rate is that of all loops, so their CPU is too.
    """
    chunks_s, shares_of_core = snap.ceiling.now_chunks_s, [loop.cpu for loop in snap.loops or (snap.loop,)]
    known = [cpu for cpu in shares_of_core if cpu is not None]
    if len(known) < len(shares_of_core) or not chunks_s:
        return ""
    return f"{number(1e6 * sum(known) / chunks_s)} us at {rate(chunks_s)} chunks/s"


def _spread(data: Quantiles, inner: int) -> str:
    if data.p50 is None:
        return ""
    return ("" if inner < 52 else f"p50 {ms(data.p50)}  ") + f"p99 {ms(data.p99)}  max {ms(data.max)} ms"


def _connect(loop: LoopView) -> str:
    data = loop.connect_ms
    return "" if data.p50 is None else f"p50 {ms(data.p50)}  max {ms(data.max)} ms  ({data.n})"


def _switches(loop: LoopView) -> str:
    if loop.switches_s is None:
        return ""
    return f"{rate(loop.switches_s)}/s to wait · {rate(loop.preempted_s)}/s core taken"


def _absent(view: View) -> str:
    why = view.snapshot.loop.words.get("stalls", "")
    return why or "none yet: no turn of the loop took over 25 ms"


_WIDE = 90
"""From here on a table has room for when the last stall was."""


def places(view: View, width: int, height: int) -> list[Row]:
    """Which lines held the loop up, the worst first, since the session began."""
    snap, inner, high = view.snapshot, width - 2, height - 2
    if not snap.stall_places:
        return frame("what held the loop up", message(_absent(view), inner, high), width, height)
    total = sum(place.total_ms for place in snap.stall_places)
    head = Ink()
    for title, cells in (
        ("stalls", 8),
        ("in all ms", 11),
        ("worst ms", 10),
        *((("last", 8),) if inner >= _WIDE else ()),
    ):
        head.fitted(title, cells, "label", right=True)
    head.put("  cause           where", "label")
    body = [head.row(inner)]
    body += [_place(place, inner) for place in snap.stall_places[: max(0, high - 1)]]
    if len(snap.stall_places) == 1 and high > 3:
        body += _stack(snap.stall_places[0].stack, inner, high - len(body))
    right: list[list[Run]] = [
        [(f"{ms(total)} ms in all since the session began", "label")],
        [("since the session began", "label")],
    ]
    return frame("what held the loop up", body, width, height, right=right)


def _place(place: StallPlace, inner: int) -> Row:
    ink = Ink().fitted(count(place.count), 8, "value", right=True)
    ink.fitted(ms(place.total_ms), 11, "stall bold", right=True).fitted(ms(place.worst_ms), 10, "value", right=True)
    if inner >= _WIDE:
        ink.fitted(clock(place.last_s), 8, "label", right=True)
    ink.gap(2)
    return _cause(ink, place.why, place.where, place.own, inner)


def _cause(ink: Ink, why: str, where: str, own: bool, inner: int) -> Row:
    short, meaning = WHY.get(why, (why, ""))
    ink.fitted(short, 15, "finding").gap(1)
    blamed = why in {"callback", "gc"}
    text = where if blamed and where else meaning
    if own:
        text += "  (loopscope's own)"
    return ink.put(fit(text, max(0, inner - ink.width)), "value" if blamed else "label").row(inner)


def _stack(stack: Sequence[str], inner: int, room: int) -> list[Row]:
    return [
        Ink().to(40).put(fit(f"↑ {line}", max(0, inner - 40)), "label").row(inner) for line in stack[: max(0, room)]
    ]


def latest(view: View, width: int, height: int) -> list[Row]:
    """Draw the latest stalls, newest first: when, how long, what of it was CPU, and where."""
    snap, inner, high = view.snapshot, width - 2, height - 2
    if not snap.stalls:
        return frame("latest stalls", message(_absent(view), inner, high), width, height)
    head = Ink()
    for title, cells in (("began", 8), ("ms", 9), ("CPU ms", 9), ("no core", 9), ("GC", 8)):
        head.fitted(title, cells, "label", right=True)
    head.put("  cause           where", "label")
    body = [head.row(inner)]
    newest = list(reversed(snap.stalls))
    body += [_stall(item, inner) for item in newest[: max(0, high - 1)]]
    left = high - len(body)
    if left > 1 and newest[0].stack:
        lead = Ink().put(fit(" stack of the newest:", inner), "label").row(inner)
        body += [lead, *_stack(newest[0].stack, inner, left - 1)]
    return frame("latest stalls, newest first", body, width, height)


def _stall(item: StallView, inner: int) -> Row:
    ink = Ink().fitted(clock(item.t_s), 8, "label", right=True)
    ink.fitted(ms(item.ms), 9, "stall bold", right=True).fitted(ms(item.cpu_ms), 9, "value", right=True)
    ink.fitted(ms(item.runq_ms), 9, "value", right=True).fitted(ms(item.gc_ms), 8, "value", right=True)
    ink.put("  " if item.over else " …", "busy")
    return _cause(ink, item.why, item.where, item.own, inner)
