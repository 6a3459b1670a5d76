"""Header: what is looked at, for how long, what is recorded, what was found, what the looking costs."""

from collections.abc import Sequence

from loopscope.core.format import clock, plural, seconds, share
from loopscope.draw.charts import meter
from loopscope.draw.ink import Ink, Row, Run, fit, width_of
from loopscope.model.findings.loop import loop_missing
from loopscope.ui.view import View

Item = tuple[int, Sequence[Run]]
"""Rank (0 is never left out) and what is shown."""


def draw(view: View, width: int, height: int) -> list[Row]:
    """Two rows: facts, and the one sentence that matters most now (a problem, else the first finding)."""
    rows = [_facts(view, width)]
    if height > 1:
        rows.append(_sentence(view, width))
    return rows


def _facts(view: View, width: int) -> Row:
    snap = view.snapshot
    left: list[Item] = [(1, [(" loopscope ", "header-strong bold on header")])]
    if view.past:
        left.append((0, [(" PAST ", "badge-text bold on paused"), (" ", "header-text on header")]))
    elif view.replay:
        left.append((0, [(" REPLAY ", "badge-text bold on replay")]))
        left.append((5, [(fit(view.title, min(width_of(view.title), 30)), _TEXT)]))
    if snap.embedded:
        left.append((0, [(" EMBEDDED ", "badge-text bold on embedded"), (" ", "header-text on header")]))
    words = snap.source_words.removeprefix("EMBEDDED").lstrip(": ") or view.title
    left.append((4, [(fit(words, min(width_of(words), 44)), "header-text on header")]))
    if snap.loop.name:
        left.append((3, [("loop ", "header-label on header"), (snap.loop.name, "header-strong bold on header")]))
    left.append((2, [(clock(snap.t_s), "header-strong on header")]))
    if view.paused:
        left.append((0, [(" PAUSED ", "badge-text bold on paused")]))
    if view.recording:
        name = view.recording.replace("\\", "/").rsplit("/", 1)[-1]
        rec: list[Run] = [(" ● REC ", "badge-text bold on recording")]
        left.append((1, rec))
        left.append((5, [(fit(name, min(width_of(name), 30)), "header-text on header")]))
    right: list[Item] = []
    if view.procedure is not None and view.procedure.running:
        words = f" {view.procedure.title} {share(view.procedure.done)} "
        right.append((1, [(words, "badge-text bold on busy")]))
    if snap.observer.dropped or snap.observer.lost_lines:
        lost = [f"dropped {snap.observer.dropped}"] if snap.observer.dropped else []
        lost += [f"lost lines {snap.observer.lost_lines}"] if snap.observer.lost_lines else []
        right.append((0, [(f" {', '.join(lost)} ", "badge-text bold on problem")]))
    warnings = sum(finding.severity != "note" for finding in snap.findings)
    if warnings:
        right.append((1, [(f"▲ {plural(warnings, 'finding')}", "finding bold on header")]))
    elif snap.findings:
        right.append((3, [(plural(len(snap.findings), "note"), "header-label on header")]))
    else:
        # Rules that cannot be answered yet have found nothing out, which is not the same as nothing found.
        words = "not enough data" if loop_missing(snap) else "no findings"
        right.append((3, [(words, "header-label on header")]))
    if snap.observer.rig_share is not None:
        right.append((3, [("observer ", "header-label on header"), (share(snap.observer.rig_share), _TEXT)]))
    if snap.observer.screen_share is not None:
        right.append((5, [("screen ", "header-label on header"), (share(snap.observer.screen_share), _TEXT)]))
    return _spread(left, right, width)


_TEXT = "header-text on header"


def _spread(left: list[Item], right: list[Item], width: int) -> Row:
    """Set items left and right, leaving out the highest ranks until they fit with two blanks between."""
    while (
        1 + sum(2 + _length(runs) for _, runs in left + right) > width
        and (worst := max(rank for rank, _ in left + right)) > 0
    ):
        side = right if any(rank == worst for rank, _ in right) else left
        side.remove(next(item for item in reversed(side) if item[0] == worst))
    ink = Ink()
    for _, runs in left:
        ink.runs(runs).put("  ", _TEXT)
    tail = Ink()
    for _, runs in right:
        tail.put("  ", _TEXT).runs(runs)
    tail.put(" ", _TEXT)
    ink.put(" " * max(0, width - ink.width - tail.width), _TEXT)
    ink.runs(tail.row(tail.width))
    return ink.put(" " * max(0, width - ink.width), _TEXT).row(width)


def _length(runs: Sequence[Run]) -> int:
    return sum(width_of(text) for text, _ in runs)


def _sentence(view: View, width: int) -> Row:
    snap = view.snapshot
    ink = Ink()
    play = view.playback
    if view.past:
        return _past(view, width)
    if play is not None and view.replay and not view.line_rows:
        state = f"▶ {play.speed:g}x" if play.playing else "stopped"
        place = f" {state:<8} {clock(play.position_s)} / {clock(play.length_s)} "
        cells = max(8, width // 4)
        filled, rest = meter(play.position_s / play.length_s if play.length_s else 0.0, cells)
        ink.put(place, "header-strong bold on header")
        ink.put(filled, "replay on header").put(rest, "header-label on header").put("  ", _TEXT)
    room = width - ink.width - 1
    said = view.messages[-1] if view.messages and not view.message_rows else None
    if said is not None:
        style = "badge-text bold on problem" if said.severity == "error" else "header-strong bold on header"
        text = f" {said.title}: {said.text}" if said.title else f" {said.text}"
        ink.put(fit(text, max(0, room)), style)
    elif snap.problem:
        ink.put(fit(f" ✗ {snap.problem} ", min(room, width_of(snap.problem) + 4)), "badge-text bold on problem")
    elif snap.loop.silent_s > 0:
        ink.put(
            fit(f" ✗ the rig has been silent for {seconds(snap.loop.silent_s)} ", room), "badge-text bold on problem"
        )
    elif snap.findings:
        first = snap.findings[0]
        note = first.severity == "note"
        lead = fit(f" {'○' if note else '▲'} {first.name}: ", min(room, width_of(first.name) + 5))
        ink.put(lead, "header-strong on header" if note else "finding bold on header").put(
            fit(first.sentence, max(0, room - width_of(lead))), _TEXT
        )
    elif not view.seen:
        ink.put(fit(" waiting for the first sample", room), "header-label on header")
    elif not view.replay:
        missing = loop_missing(snap)
        words = f" not enough data: {missing}" if missing else " nothing stands out"
        ink.put(fit(words, room), "header-label on header")
    return ink.put(" " * max(0, width - ink.width), _TEXT).row(width)


def _past(view: View, width: int) -> Row:
    """Fill the row with what no one may overlook: this is not now. A problem of now stands beside it."""
    play, problem = view.playback, view.snapshot.problem
    on = "badge-text bold on paused"
    now = f"now is {clock(play.length_s)}" if play is not None else ""
    words = f"  PAST {clock(view.snapshot.t_s)}   live goes on, {now}   press End for now"
    if width < 70:
        words = f" PAST {clock(view.snapshot.t_s)}  live goes on  End: now"
    ink = Ink().put(fit(words, min(width, width_of(words))), on)
    if problem:
        ink.put("   ", on).put(fit(f" ✗ {problem} ", max(0, width - ink.width)), "badge-text bold on problem")
    return ink.put(" " * max(0, width - ink.width), on).row(width)
