"""The adaptive throttle against models of a stream: what it does, and above all what it leaves alone."""

import itertools

import pytest

from kit.tape import MS, ZERO, Rig, S, header, hello
from loopscope.core.records import AgentState, Mark, Request, Result
from loopscope.model.fold import Fold
from loopscope.session.throttler import BACKOFF_S, Controller, Seen, Throttler, seen_in
from loopscope.settings.levers.throttle import parse_throttle

DELAY = parse_throttle("adaptive:delay=50ms")
EFF = parse_throttle("adaptive:eff=90%")


def stream(controller: Controller, seconds: float, *, sent: float, other_ms: float = 1.0) -> list[tuple[float, float]]:
    """A server that sends at its pace whatever the client does; gives (allowance, delay in ms) of each half second.

    As the real one: a read takes all that waits, and is then paid for by not reading. ``other_ms`` of delay come from
    elsewhere.
    """
    step, waiting, asleep_until, delay, told = 0.1, 0.0, 0.0, 0.0, []
    reads: list[tuple[float, float, float]] = []
    unread: list[float] = []
    for place in range(int(seconds / step)):
        at = place * step
        waiting += sent * step
        unread.append(waiting if at < asleep_until - 1e-9 else 0.0)
        if at >= asleep_until - 1e-9:
            delay = 1e3 * waiting / sent - 1e3 * step + other_ms
            reads.append((at, waiting, delay))
            if controller.rate_hz is not None:
                # A tenth of a second's worth is free after a rest, as in the bucket.
                asleep_until = max(asleep_until, at - step) + waiting / controller.rate_hz
            waiting = 0.0
        if place % 5 == 4 and place >= 10:
            last = [one for one in reads if one[0] > at - 1.0 + 1e-9]
            got = sum(n for t, n, _ in reads if t > at - 10.0) / min(at, 10.0)
            value = max(one[2] for one in last) if sum(one[1] for one in last) >= 10 else None
            controller.look(Seen(value, got, 150 * sum(unread[-10:]) / 10), at)
            told.append((controller.rate_hz or 0.0, delay))
    return told


def test_a_throttle_that_causes_the_delay_is_raised_until_the_target_is_kept() -> None:
    """From 20 of 60 chunks/s: up, one try apart, and the delay ends under its target and stays there."""
    told = stream(Controller(DELAY, 20.0), 60, sent=60.0)
    rates = [rate for rate, _ in told]
    assert sum(later < sooner for sooner, later in itertools.pairwise(rates)) <= 1
    assert min(rates) > 20
    assert max(delay for _, delay in told) > 1_000
    assert all(delay < 50 for _, delay in told[-40:])
    assert 60 / 0.9 <= rates[-1] < 180
    assert rates[-1] == rates[-20]


def test_a_delay_from_elsewhere_is_tried_once_and_then_left_alone_for_longer_and_longer() -> None:
    """Lowering cannot help: it is seen, undone, and not repeated for 10 s, 20 s, 40 s; no spiral to the bottom."""
    told = stream(Controller(DELAY), 120, sent=60.0, other_ms=200.0)
    rates = [rate for rate, _ in told]
    assert min(rates[1:]) > 50
    downs = [place / 2 for place in range(1, len(rates)) if 0 < rates[place] < rates[place - 1]]
    assert 1 <= len(downs) <= 5
    gaps = [later - sooner for sooner, later in itertools.pairwise(downs)]
    assert gaps == sorted(gaps)
    assert gaps[0] >= BACKOFF_S


def test_chunks_that_the_throttle_sleeps_on_are_no_lack_of_data() -> None:
    """For a second nothing came, and bytes wait unread: up. Nothing came and nothing waits: nothing is done."""
    controller = Controller(DELAY, 5.0)
    controller.look(Seen(None, 5.0, 4_000.0), 1.0)
    assert controller.rate_hz == pytest.approx(5.25)
    controller.look(Seen(None, 5.0, 0.0), 2.0)
    assert controller.rate_hz == pytest.approx(5.25)
    assert controller.words == "not enough data"


def test_where_nothing_is_wrong_there_is_no_throttle() -> None:
    """It begins without one, and none is needed."""
    controller = Controller(DELAY)
    stream(controller, 20, sent=60.0)
    assert controller.rate_hz is None
    assert controller.words == "kept without a throttle"


def test_without_enough_data_nothing_is_done() -> None:
    """And it says so."""
    controller = Controller(DELAY, 20.0)
    for step in range(10):
        controller.look(Seen(None, 20.0), step / 2)
        controller.look(Seen(500.0, None), step / 2)
    assert controller.rate_hz == 20.0
    assert controller.words == "not enough data"


def test_what_was_before_another_levers_pull_decides_nothing() -> None:
    """For ten seconds an efficiency is in part that of before; then nine tenths are of 30 chunks/s, not of 57."""
    controller = Controller(EFF)
    controller.settle(1.0)
    for step in range(2, 22):
        assert controller.look(Seen(0.7, 57.0, 0.0), step / 2) is None
    assert controller.look(Seen(0.5, 30.0, 0.0), 11.5) == pytest.approx(27.0)


def test_an_efficiency_that_the_throttle_itself_lowers_is_raised() -> None:
    """Half of what an agent gets alone, because it is allowed no more: up until nine tenths."""
    controller = Controller(EFF, 30.0)
    for step in range(80):
        rate = min(controller.rate_hz, 60.0)
        controller.look(Seen(rate / 60.0, rate), step / 2)
    assert controller.rate_hz >= 60.0


def test_where_less_does_help_it_stays_near_the_target() -> None:
    """A server that thrashes above 40 chunks/s an agent: x0.9 and x1.05 keep it around that."""
    controller, shares = Controller(EFF), []
    for step in range(200):
        allowed = controller.rate_hz or 60.0
        share = 0.95 if allowed <= 40 else 0.6
        rate = min(allowed, 60.0 * share)
        controller.look(Seen(share, rate), step / 2)
        shares.append(share)
    assert sum(share >= 0.9 for share in shares[50:]) > 100


def folded(*streams: object) -> Fold:
    fold = Fold()
    one = AgentState(t_ns=ZERO, proc="rig-1", agent=0, state="streaming", model="emulated-7b")
    for record in (header(), hello(), one, *[one for each in streams for one in each]):
        fold.feed(record)
    return fold


def test_the_last_second_is_read_from_the_fold() -> None:
    """Delay p99, the fastest agent's rate, bytes that wait; no stamps: not enough data."""
    fold = folded(Rig(S // 2, 5 * S, gap=10 * MS, delay=30 * MS, more_pulse={"backlog_bytes": 700}).records())
    seen = seen_in(fold, "delay")
    assert seen.value == pytest.approx(30.0, rel=0.01)
    assert seen.rate_hz == pytest.approx(100.0, rel=0.02)
    assert seen.backlog_bytes == pytest.approx(350)
    assert seen_in(folded(Rig(S // 2, 5 * S, delay=None).records()), "delay").value is None
    assert seen_in(folded(), "delay").value is None


def alone(number: int, throttle_ns: int = 0) -> Request:
    """A request of agent 0 without company: 200 tokens at 100 tok/s."""
    start = ZERO + number * 3 * S
    return Request(
        t_ns=start + 3 * S,
        proc="rig-1",
        agent=0,
        request=number,
        outcome="ok",
        start_ns=start,
        first_ns=start + S // 2,
        last_ns=start + S // 2 + 1_990 * MS,
        end_ns=start + 3 * S - MS,
        chunks=200,
        tokens=200,
        throttle_ns=throttle_ns,
    )


def test_efficiency_needs_requests_without_company_and_without_a_throttle() -> None:
    """Three of them; then it is the rate now over theirs."""
    late = [*Rig(10 * S, 14 * S, agents=(0,), gap=20 * MS, length=10_000).records()]
    assert seen_in(folded([alone(n) for n in range(2)], late), "eff").value is None
    assert seen_in(folded([alone(n, throttle_ns=S) for n in range(3)], late), "eff").value is None
    seen = seen_in(folded([alone(n) for n in range(3)], late), "eff")
    assert seen.value == pytest.approx(0.5, rel=0.02)


def test_decisions_stand_in_the_trace_and_do_not_flood_it() -> None:
    """At most two a second, old and new rate and the figure that decided; a mark when the reason changes."""
    fold, told, applied = folded(), [], []
    throttler = Throttler(fold, applied.append, told.append)
    throttler.set(DELAY, parse_throttle("100"))
    assert applied == [100.0]
    for record in Rig(S // 2, 20 * S, gap=10 * MS, delay=400 * MS).records():
        fold.feed(record)
        throttler.heard(record)
    results = [record for record in told if isinstance(record, Result)]
    assert len(applied) > 2
    assert results[0].figures["old_chunks_s"] == 100.0
    assert results[0].figures["new_chunks_s"] == pytest.approx(105.0)
    assert results[0].figures["delay"] == pytest.approx(400.0, rel=0.01)
    assert results[0].settings == {"throttle": "adaptive:delay=50ms"}
    assert "holds chunks back" in results[0].words
    times = [record.t_ns for record in results]
    assert all(later - sooner >= S // 2 for sooner, later in itertools.pairwise(times))
    assert 1 <= sum(isinstance(record, Mark) for record in told) <= 10
    for record in told:
        fold.feed(record)
    assert sum(view.what == "throttle" for view in fold.snapshot().results) == 1
    throttler.set(parse_throttle("off"), DELAY)
    assert throttler.words == ""
