"""Ceiling: the rate now and the rate that this client reaches at least, big; how full its loop is; what chunks wait.

The ceiling is a lower bound (rate / share of time that the loop is busy), so it is drawn as one: the words "at least",
the sign, and a scale with an open end.
"""

from loopscope.core.format import ms, number, plural, rate, share, size
from loopscope.draw import digits
from loopscope.draw.charts import meter
from loopscope.draw.ink import Ink, Row, Run, fit, frame, width_of
from loopscope.ui.panes import levels, loops
from loopscope.ui.panes.frames import last
from loopscope.ui.panes.stack import rows
from loopscope.ui.view import View

_BOUND_WORDS = ("chunks/s at least: a lower bound", "at least (lower bound)", "at least")


def draw(view: View, width: int, height: int) -> list[Row]:
    """Draw the pane at ``width`` x ``height`` cells, frame included."""
    snap = view.snapshot
    inner, high = width - 2, height - 2
    draining = [[(f"draining: {', '.join(snap.loop.draining)}", "busy")]] if snap.loop.draining else []
    stack = snap.loop.stack
    bar = [_scale(view, inner)] if stack is None else rows(stack, inner)
    tail = [_busy(view, inner), *bar, _delay(view, inner), _loop(view, inner)]
    known = _known(view, inner)
    if known is not None:
        # What is expected or measured stands above the loop's own facts, which have a screen of their own.
        tail.insert(len(tail) - 1, known)
    # Large figures are worth as much as they leave room for the bar, its legend, and the delay.
    body = _numbers(view, inner, high - len(tail) + 1)
    room = high - len(body)
    if room >= len(tail) + 1:
        body.append(Ink().row(inner))
    body += tail[: max(0, room)]
    return frame("ceiling", body, width, height, right=_where(view), bottom=draining)


def _where(view: View) -> list[list[Run]]:
    """Say of which loop the figures are, and for how long: they begin with the loop."""
    snap = view.snapshot
    if not snap.loop.name:
        return []
    which, streams = loops.which(snap.loop), plural(loops.streams(view), "stream")
    known = snap.loop.known_s
    window = last(known if 0 < known < snap.window_s else snap.window_s)
    texts = (f"{which} · {streams} · {window}", f"{which} · {window}", f"{which}", snap.loop.name)
    return [[(text, "label")] for text in texts]


def _numbers(view: View, inner: int, high: int) -> list[Row]:
    ceiling = view.snapshot.ceiling
    now, least = rate(ceiling.now_chunks_s), rate(ceiling.at_least_chunks_s)
    bound = f"≥{least}" if ceiling.at_least_chunks_s is not None else least
    for font, needed in ((digits.large, 6), (digits.small, 4)):
        a, b = font(now), font(bound)
        if high >= needed and len(a[0]) + len(b[0]) + 4 <= inner:
            # The second number starts where the half begins, unless the first one is too long for that.
            second = max(len(a[0]) + 4, min(inner // 2, inner - len(b[0]) - 1))
            figures = [
                Ink().gap(1).put(x, "rate bold").to(second).put(y, "bound").row(inner)
                for x, y in zip(a, b, strict=True)
            ]
            caption = Ink()
            if ceiling.at_least_chunks_s is None:
                # The reason is longer than the number that it stands for; it begins where it fits.
                room = inner - 1 - width_of(_why(view))
                lead = next((w for w in (" chunks/s now", " now") if len(w) + 2 <= room), "")
                caption.put(lead, "label").to(max(caption.width + 1, min(second, room)))
                caption.put(fit(_why(view), inner - caption.width), "missing")
            else:
                caption.put(" chunks/s now", "label").to(second)
                room = inner - second
                words = next((w for w in _BOUND_WORDS if len(w) <= room), _BOUND_WORDS[-1])
                caption.put(fit(words, room), "label")
            return [*figures, caption.row(inner)]
    ink = Ink().put(" now ", "label").put(now, "rate bold").put("/s", "label")
    if ceiling.at_least_chunks_s is None:
        ink.put("  ").put(fit(_why(view), max(0, inner - ink.width)), "missing")
    else:
        ink.put("  at least ", "label").put(bound, "bound bold").put("/s", "label")
    return [ink.row(inner)]


def _why(view: View) -> str:
    return view.snapshot.ceiling.words or "not enough data"


def _busy(view: View, inner: int) -> Row:
    ceiling = view.snapshot.ceiling
    style = f"{levels.style(ceiling.elu, 'value')} bold"
    ink = Ink().put(" loop busy ", "label").put(share(ceiling.elu), style)
    if ceiling.elu is None:
        ink.put("  ").put(view.snapshot.loop.words.get("elu", ""), "missing")
    elif levels.word(ceiling.elu):
        ink.put(f" {levels.word(ceiling.elu)}", style)
    words: Run = ("", "label")
    if ceiling.headroom is not None:
        words = (f"headroom at least {share(max(0.0, ceiling.headroom))} ", "value")
        if ceiling.headroom_of == "expected":
            words = (f"headroom {share(max(0.0, ceiling.headroom))} of expected ", "value")
            if ink.width + len(words[0]) + 1 > inner:
                words = (f"room ≈ {share(max(0.0, ceiling.headroom))} ", "value")
        elif ink.width + len(words[0]) + 1 > inner:
            words = (f"room ≥ {share(max(0.0, ceiling.headroom))} ", "value")
    return ink.to(inner - len(words[0])).put(*words).row(inner)


def _scale(view: View, inner: int) -> Row:
    """Draw the bar: its solid part is a full loop; beyond it the scale is open, for the ceiling may be higher."""
    ceiling = view.snapshot.ceiling
    open_end = "┄┄┄┄▸" if inner >= 50 else "┄┄▸"
    cells = inner - len(open_end) - 3
    filled, rest = meter(ceiling.elu or 0.0, cells)
    style = levels.style(ceiling.elu)
    return Ink().gap(1).put(filled, style).put(rest, "trough").put("│", "bound").put(open_end, "bound").row(inner)


def _known(view: View, inner: int) -> Row | None:
    """What a calibration lets expect and what a ramp has measured, each by its name."""
    ceiling = view.snapshot.ceiling
    parts: list[Run] = []
    if ceiling.expected is not None:
        parts += [(" expected ", "label"), (f"≈{rate(ceiling.expected.mid)}/s", "elu bold")]
        if inner >= 60:
            parts.append((f" ({rate(ceiling.expected.low)} to {rate(ceiling.expected.high)})", "label"))
    if ceiling.measured is not None:
        parts += [
            ("  measured " if parts else " measured ", "label"),
            (f"{rate(ceiling.measured.mid)}/s", "value bold"),
        ]
    return Ink().runs(parts).row(inner) if parts else None


def _delay(view: View, inner: int) -> Row:
    ceiling = view.snapshot.ceiling
    ink = Ink().put(" delivery delay " if inner >= 50 else " delay ", "label")
    if ceiling.delay_ms.p50 is None and ceiling.delay_ms.p99 is None:
        return ink.put(fit(_delay_words(view), inner - ink.width), "missing").row(inner)
    handled = view.snapshot.handled_ms.p99
    # Decoded in batches, a chunk is here in time and waits all the same; the delivery delay alone would flatter.
    waits = f"handled p99 {ms(handled)} ms " if handled is not None and handled > (ceiling.delay_ms.p99 or 0.0) else ""
    if not waits or inner >= 60:
        ink.put("p50 ", "label").put(fit(ms(ceiling.delay_ms.p50), 5, right=True), "delay bold").gap(2)
    ink.put("p99 ", "label").put(fit(ms(ceiling.delay_ms.p99), 5, right=True), "delay bold")
    ink.put("" if waits and inner < 50 else " ms", "label")
    peak = "" if ceiling.peak_chunks_s is None else f"peak {rate(ceiling.peak_chunks_s)}/s "
    words = waits or peak
    if ink.width + len(words) + 1 <= inner:
        ink.to(inner - len(words)).put(words, "delay bold" if waits else "label")
    return ink.row(inner)


def _delay_words(view: View) -> str:
    words = {agent.delay_words for agent in view.snapshot.agents if agent.delay_words}
    return ", ".join(sorted(words)) or "not enough data"


def _loop(view: View, inner: int) -> Row:
    loop = view.snapshot.loop
    apart = (("CPU", share(loop.cpu)), ("waits for a core", share(loop.runq)), ("GC", share(loop.gc)))
    facts = (
        *(apart if loop.stack is None else ()),
        ("chunks/read", number(loop.chunks_per_read)),
        ("unread", size(loop.backlog_bytes)),
    )
    ink = Ink()
    for name, value in facts:
        if ink.width + len(name) + max(len(value), 4) + 3 <= inner:
            ink.put(f" {name} ", "label").put(value, "value").gap(1)
    return ink.row(inner)
