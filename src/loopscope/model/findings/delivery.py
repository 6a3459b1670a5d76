"""Rules about the way from the server's stamp to our hands: who sets the pace, and where chunks wait."""

from loopscope.core.format import number, seconds, share, time
from loopscope.model.findings.loop import ENOUGH_S, loop_missing, named_stall
from loopscope.model.findings.rule import FINE, NOTE, WARN, Answer, NotEnough, Rule, found, lever
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import Limits

_ENOUGH_CHUNKS = 20
_SET_CLOCK = "set the server's clock (NTP), or run the client on its host"
_SAME_GAP = 0.1
"""Client and server gap count as equal within this share: the window may cut off the last chunks of a request."""


def _server_bound(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "elu"):
        return NotEnough(missing)
    recent = snapshot.recent
    if recent.chunks < _ENOUGH_CHUNKS or recent.gap_ms is None:
        return NotEnough(f"{recent.chunks} of {_ENOUGH_CHUNKS} chunks in {seconds(recent.seconds)}")
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
        f"The server sets the pace: a chunk every {time(recent.server_gap_ms)} leaves it and every"
        f" {time(recent.gap_ms)} is here; {share(1 - elu)} of the loop is free.",
        [
            ("elu", elu, f"loop busy {share(elu)}"),
            ("gap_ms", recent.gap_ms, f"mean gap {time(recent.gap_ms)}"),
            ("server_gap_ms", recent.server_gap_ms, f"server's {time(recent.server_gap_ms)}"),
            ("waited_p90_ms", late, f"delay p90 {time(late)} above its least"),
            ("lag_p90_ms", lag, f"lag p90 {time(lag)}"),
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
        f"Chunks wait {time(waited)} before they are read, though the loop has time{cause}: they pile up on the way.",
        [
            ("waited_p50_ms", waited, f"delay p50 {time(waited)} above its least"),
            ("backlog_bytes", unread, f"{unread} bytes unread"),
            ("gap_ms", recent.gap_ms, f"mean gap {time(recent.gap_ms)}"),
            ("server_gap_ms", recent.server_gap_ms, f"server's {time(recent.server_gap_ms)}"),
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
        f"The client slows the server down{cause}: a chunk leaves it every {time(recent.server_gap_ms)},"
        f" {number(ratio)} times its best, and waits {time(waited)} to be read.",
        [
            ("server_gap_ms", recent.server_gap_ms, f"server's mean gap {time(recent.server_gap_ms)}"),
            ("server_gap_least_ms", least, f"at best {time(least)}"),
            ("waited_p50_ms", waited, f"delay p50 {time(waited)} above its least"),
            ("gap_ms", recent.gap_ms, f"mean gap here {time(recent.gap_ms)}"),
            ("backlog_bytes", snapshot.loop.backlog_bytes, f"{snapshot.loop.backlog_bytes} bytes unread"),
            ("throttle", throttle, f"throttle {name}"),
        ],
        _let_go(snapshot),
    )


def _server_stalls(snapshot: Snapshot, limits: Limits) -> Answer:
    recent = snapshot.recent
    longest, usual = recent.server_gap_max_ms, recent.server_gap_p50_ms
    if longest is None or usual is None or recent.chunks < _ENOUGH_CHUNKS:
        return NotEnough("the server's stamps")
    if (
        longest < limits["pause_ms"]
        or longest < limits["pause_ratio"] * usual
        # Chunks that wait on the way: then the server may have stood because we do not read.
        or (recent.waited_ms or 0.0) >= limits["backlog_ms"]
    ):
        return FINE
    return found(
        f"The server paused in the middle of a stream: nothing left it for {time(longest)}, where usually a chunk"
        f" leaves it every {time(usual)}.",
        [
            ("server_gap_max_ms", longest, f"longest server gap {time(longest)}"),
            ("server_gap_p50_ms", usual, f"server gap p50 {time(usual)}"),
            ("waited_p50_ms", recent.waited_ms, f"delay p50 {time(recent.waited_ms)} above its least"),
            ("elu", recent.elu, f"loop busy {share(recent.elu)}"),
        ],
        "look at the server: a model thrown out, another client's prompt, a card that throttles",
    )


def _server_clock(snapshot: Snapshot, limits: Limits) -> Answer:
    ahead = snapshot.recent.ahead_ms
    if ahead is not None:
        return found(
            f"The server's clock is ahead of ours by at least {time(ahead)}: no delivery delay can be told.",
            [("ahead_ms", ahead, f"stamps up to {time(ahead)} after their receipt")],
            _SET_CLOCK,
        )
    # A chunk cannot have been under way since before its request was sent: what is more than that is the clock's.
    known = [
        (agent.least_delay_ms, agent.ttft_ms.max)
        for agent in snapshot.agents
        if agent.least_delay_ms is not None and agent.ttft_ms.max is not None
    ]
    if not known:
        return NotEnough("a finished request with the server's stamps")
    least, ttft = max(known, key=lambda one: one[0] - one[1])
    # Both are as exact as a bucket of a histogram.
    if least <= 1.02 * ttft + 1.0:
        return FINE
    return found(
        f"The server's clock is behind ours by at least {time(least - ttft)}: its stamps lie before the requests that"
        " they answer, and every delivery delay is too long by that.",
        [
            ("behind_ms", least - ttft, f"behind by at least {time(least - ttft)}"),
            ("least_delay_ms", least, f"least delay {time(least)}"),
            ("ttft_max_ms", ttft, f"longest TTFT {time(ttft)}"),
        ],
        _SET_CLOCK,
    )


def _late_missing(snapshot: Snapshot) -> str:
    recent = snapshot.recent
    if recent.seconds < ENOUGH_S:
        return f"{number(recent.seconds)} of {number(ENOUGH_S)} s of the loop's own figures"
    if recent.chunks < _ENOUGH_CHUNKS:
        return f"{recent.chunks} of {_ENOUGH_CHUNKS} chunks in {seconds(recent.seconds)}"
    return "the delivery delay" if recent.waited_ms is None else ""


def _holding(snapshot: Snapshot) -> tuple[float | None, str, str]:
    """Give the throttle's rate if there is one, which lever holds the reading back, and the throttle's value."""
    throttle, batch = lever(snapshot, "throttle"), lever(snapshot, "batch")
    if throttle not in {"", "off"}:
        rate = (
            float(throttle) if throttle.replace(".", "", 1).isdecimal() else None
        )  # a shared or an adaptive one has no number
        return rate, f" (throttle={throttle})", throttle
    return None, f" (batch={batch})" if batch.startswith("read") else "", ""


def _let_go(snapshot: Snapshot) -> str:
    if lever(snapshot, "throttle") not in {"", "off"}:
        return "throttle=off"
    if lever(snapshot, "batch").startswith("read"):
        return "batch=off"
    return "read as chunks come; look for a proxy that collects them"


def _lumps(snapshot: Snapshot, limits: Limits) -> Answer:
    if missing := loop_missing(snapshot, "elu"):
        return NotEnough(missing)
    recent = snapshot.recent
    if recent.lump is None or recent.lump_gap_ms is None:
        return NotEnough("an agent with three reads in three seconds")
    held = lever(snapshot, "batch") not in {"", "off"} or lever(snapshot, "throttle") not in {"", "off"}
    if (
        held  # we collect them ourselves
        or recent.lump < limits["lump_chunks"]
        or recent.lump_gap_ms < limits["lump_ms"]
        or (recent.elu or 0.0) >= limits["calm_elu"]
        or (recent.lag_ms.p90 or 0.0) >= limits["calm_ms"]
        or (recent.runq or 0.0) >= limits["runq_share"]
    ):
        return FINE
    return found(
        f"The stream arrives in lumps of {number(round(recent.lump))}, one every {time(recent.lump_gap_ms)}, though the"
        " loop has time: something between the model and this client collects chunks before it passes them on.",
        [
            ("lump", recent.lump, f"{number(recent.lump)} chunks a read"),
            ("lump_gap_ms", recent.lump_gap_ms, f"a read every {time(recent.lump_gap_ms)}"),
            ("elu", recent.elu, f"loop busy {share(recent.elu)}"),
        ],
        "turn its buffering off (nginx: proxy_buffering off), or ask the server without it",
    )


PLACE = 30
RULES = (
    Rule(
        "server-bound",
        NOTE,
        ("calm_elu", "calm_ms", "runq_share", "gc_share", "stall_ms", "stall_share"),
        _server_bound,
    ),
    Rule("backlog", WARN, ("backlog_ms", "full_elu"), _backlog, follows=("core-stolen", "client-cpu", "lumps")),
    Rule("back-pressure", WARN, ("backlog_ms", "pressed_ratio"), _back_pressure, follows=("core-stolen", "client-cpu")),
    Rule(
        "server-stalls",
        WARN,
        ("pause_ms", "pause_ratio", "backlog_ms"),
        _server_stalls,
        event=True,
        follows=("core-stolen",),
    ),
    Rule("server-clock", WARN, (), _server_clock),
    Rule("lumps", WARN, ("lump_chunks", "lump_ms", "calm_elu", "calm_ms", "runq_share"), _lumps),
)
