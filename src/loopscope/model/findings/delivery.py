"""Rules about the way from the server's stamp to our hands: who sets the pace, and where chunks wait."""

from loopscope.model.findings.loop import ENOUGH_S, loop_missing, named_stall
from loopscope.model.findings.rule import FINE, NOTE, WARN, Answer, NotEnough, Rule, found, lever, ms, share
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits

_ENOUGH_CHUNKS = 20
_SAME_GAP = 0.1
"""Client and server gap count as equal within this share: the window may cut off the last chunks of a request."""


def _server_bound(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "elu"):
        return NotEnough(missing)
    recent = snapshot.recent
    if recent.chunks < _ENOUGH_CHUNKS or recent.gap_ms is None:
        return NotEnough(f"{recent.chunks} of {_ENOUGH_CHUNKS} chunks in {recent.seconds:.0f} s")
    if not recent.server_gap_ms or recent.waited_ms is None:
        return NotEnough("the server's stamps")
    elu, lag = recent.elu or 0.0, recent.lag_ms.p90 or 0.0
    # A tenth of the chunks may come as late as this above the least delay.
    late = recent.waited_ms + (recent.delay_ms.p90 or 0.0) - (recent.delay_ms.p50 or 0.0)
    if (
        elu >= limits["calm_elu"]
        or max(lag, late) >= limits["calm_ms"]
        or (recent.runq or 0.0) >= limits["runq_share"]
        or (recent.gc or 0.0) >= limits["gc_share"]
        or abs(recent.gap_ms / recent.server_gap_ms - 1) > _SAME_GAP
        or named_stall(snapshot, "callback", limits)
    ):
        return FINE
    return found(
        f"The server sets the pace: a chunk every {ms(recent.server_gap_ms)} leaves it and every {ms(recent.gap_ms)}"
        f" is here; {share(1 - elu)} of the loop is free.",
        [
            ("elu", elu, f"loop busy {share(elu)}"),
            ("gap_ms", recent.gap_ms, f"mean gap {ms(recent.gap_ms)}"),
            ("server_gap_ms", recent.server_gap_ms, f"server's {ms(recent.server_gap_ms)}"),
            ("waited_p90_ms", late, f"delay p90 {ms(late)} above its least"),
            ("lag_p90_ms", lag, f"lag p90 {ms(lag)}"),
        ],
    )


def _backlog(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := _late_missing(snapshot):
        return NotEnough(missing)
    recent = snapshot.recent
    waited = recent.waited_ms or 0.0
    # On a full loop chunks wait too: that is the loop's finding, and its levers help.
    if waited < limits["backlog_ms"] or (recent.elu or 0.0) >= limits["full_elu"]:
        return FINE
    throttle, cause, name = _holding(snapshot)
    unread = snapshot.loop.backlog_bytes
    return found(
        f"Chunks wait {ms(waited)} before they are read, though the loop has time{cause}: they pile up on the way.",
        [
            ("waited_p50_ms", waited, f"delay p50 {ms(waited)} above its least"),
            ("backlog_bytes", unread, f"{unread} bytes unread"),
            ("gap_ms", recent.gap_ms, f"mean gap {ms(recent.gap_ms)}"),
            ("server_gap_ms", recent.server_gap_ms, f"server's {ms(recent.server_gap_ms)}"),
            ("throttle", throttle, f"throttle {name}"),
            ("elu", recent.elu, f"loop busy {share(recent.elu)}"),
        ],
        _let_go(snapshot),
    )


def _back_pressure(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := _late_missing(snapshot):
        return NotEnough(missing)
    recent = snapshot.recent
    waited, least = recent.waited_ms or 0.0, recent.server_gap_least_ms
    if not least or not recent.server_gap_ms or recent.gap_ms is None:
        return NotEnough("the server's stamps")
    ratio = recent.server_gap_ms / least
    if (
        waited < limits["backlog_ms"]
        or ratio < limits["pressed_ratio"]
        # As long as the buffers fill, the server is still faster than we are; once they are full, it has our pace.
        or abs(recent.gap_ms / recent.server_gap_ms - 1) > 2 * _SAME_GAP
    ):
        return FINE
    throttle, cause, name = _holding(snapshot)
    return found(
        f"The client slows the server down{cause}: a chunk leaves it every {ms(recent.server_gap_ms)},"
        f" {ratio:.1f} times its best, and waits {ms(waited)} to be read.",
        [
            ("server_gap_ms", recent.server_gap_ms, f"server's mean gap {ms(recent.server_gap_ms)}"),
            ("server_gap_least_ms", least, f"at best {ms(least)}"),
            ("waited_p50_ms", waited, f"delay p50 {ms(waited)} above its least"),
            ("gap_ms", recent.gap_ms, f"mean gap here {ms(recent.gap_ms)}"),
            ("backlog_bytes", snapshot.loop.backlog_bytes, f"{snapshot.loop.backlog_bytes} bytes unread"),
            ("throttle", throttle, f"throttle {name}"),
        ],
        _let_go(snapshot),
    )


def _late_missing(snapshot: Snapshot) -> str:
    recent = snapshot.recent
    if recent.seconds < ENOUGH_S:
        return f"{recent.seconds:.1f} of {ENOUGH_S:g} s of the loop's own figures"
    if recent.chunks < _ENOUGH_CHUNKS:
        return f"{recent.chunks} of {_ENOUGH_CHUNKS} chunks in {recent.seconds:.0f} s"
    return "the delivery delay" if recent.waited_ms is None else ""


def _holding(snapshot: Snapshot) -> tuple[float | None, str, str]:
    """Give the throttle's rate if there is one, which lever holds the reading back, and the throttle's value."""
    throttle, batch = lever(snapshot, "throttle"), lever(snapshot, "batch")
    if throttle not in {"", "off"}:
        rate = float(throttle) if throttle.replace(".", "", 1).isdecimal() else None  # "adaptive" has no number
        return rate, f" (throttle={throttle})", throttle
    return None, f" (batch={batch})" if batch.startswith("read") else "", ""


def _let_go(snapshot: Snapshot) -> str:
    if lever(snapshot, "throttle") not in {"", "off"}:
        return "throttle=off"
    if lever(snapshot, "batch").startswith("read"):
        return "batch=off"
    return "read as chunks come; look for a proxy that collects them"


RULES = (
    Rule(
        "server-bound",
        NOTE,
        ("calm_elu", "calm_ms", "runq_share", "gc_share", "stall_ms", "stall_share"),
        _server_bound,
    ),
    Rule("backlog", WARN, ("backlog_ms", "full_elu"), _backlog),
    Rule("back-pressure", WARN, ("backlog_ms", "pressed_ratio"), _back_pressure),
)
