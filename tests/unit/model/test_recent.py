"""The last three seconds, and what else the findings rest on, from planted streams."""

from collections.abc import Iterator

import pytest

from kit.tape import MS, TICK, ZERO, Rig, S, calm, header, hello, merged
from loopscope.core.records import AgentState, AnyRecord, Chunks, Power, Pulse, Request
from loopscope.model.findings import RULES, Fine, Found, NotEnough
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.settings.thresholds import defaults


def seen(*streams: object) -> Snapshot:
    fold = Fold()
    for record in merged(*streams):
        fold.feed(record)
    return fold.snapshot()


def found(snapshot: Snapshot) -> set[str]:
    """Names of the rules that hold."""
    return {name for name, rule in RULES.items() if isinstance(rule.ask(snapshot, defaults()), Found)}


def test_a_calm_stream() -> None:
    """Rates, shares and gaps as planted, over three seconds and no more."""
    recent = seen(*calm(12.0)).recent
    assert recent.seconds == pytest.approx(3.0)
    assert recent.chunks == 600
    assert (recent.elu, recent.cpu, recent.runq) == (pytest.approx(0.05), pytest.approx(0.04), 0.0)
    assert recent.gap_ms == pytest.approx(10.0)
    assert recent.server_gap_ms == pytest.approx(10.0)
    assert recent.server_gap_least_ms == pytest.approx(10.0)
    assert recent.waited_ms == 0.0
    assert recent.delay_ms.p50 == pytest.approx(0.5, rel=0.01)
    assert recent.others is None


def test_three_seconds_see_a_cause_come_and_go() -> None:
    """Ten seconds of a full loop between calm ones: all of it three seconds after it began, nothing of it after."""
    busy = Rig(10 * S, 20 * S, elu=0.99, cpu=0.97)
    parts = (header(), hello(), Rig(S // 2, 10 * S), busy, Rig(20 * S, 30 * S))
    everything = merged(*parts)

    def until(second: float) -> Snapshot:
        return seen(*(record for record in everything if record.t_ns <= ZERO + second * S))

    assert found(until(9.9)) == {"server-bound"}
    assert found(until(13.7)) == {"client-cpu"}
    assert until(13.7).recent.elu == pytest.approx(0.99)
    assert found(until(23.7)) == {"server-bound"}


def test_waiting_is_above_the_least_of_the_session() -> None:
    """A server whose clock is behind by 300 ms has no backlog, and is told; one whose delay grows by 300 ms has one."""
    assert found(seen(*calm(12.0, delay=300 * MS))) == {"server-bound", "server-clock"}
    grown = seen(header(), hello(), Rig(S // 2, 6 * S), Rig(6 * S + 300 * MS, 12 * S, delay=300 * MS))
    assert grown.recent.waited_ms == pytest.approx(299.5, rel=0.01)
    assert found(grown) == {"backlog"}


def test_clocks_that_disagree_give_no_delay() -> None:
    """Stamps ahead of our clock: neither backlog nor all is well."""
    snapshot = seen(*calm(12.0, delay=-5 * MS))
    assert snapshot.recent.waited_ms is None
    assert snapshot.recent.ahead_ms == pytest.approx(5.0)
    assert isinstance(RULES["backlog"].ask(snapshot, defaults()), NotEnough)
    assert "server-clock" in found(snapshot)


def test_looks_that_found_the_gil_taken_are_a_share_of_all_looks() -> None:
    """Three looks a tick, two of which waited: two thirds; a rig that tells of none: not known."""
    pulses = [
        Pulse(t_ns=ZERO + TICK * n, proc="rig-1", dt_ns=TICK, loop="asyncio", looks=3, taken=2) for n in range(1, 100)
    ]
    assert seen(header(), hello(), *pulses).recent.gil_taken == pytest.approx(2 / 3)
    assert seen(*calm(12.0)).recent.gil_taken is None


def test_the_longest_server_gap_is_exact() -> None:
    """One gap of 800 ms among those of 10 ms within one request, while it is in the last three seconds."""
    steps = [0] + [10 * MS] * 100 + [800 * MS] + [10 * MS] * 100
    rows = len(steps)
    chunks = Chunks(
        t_ns=ZERO + 3 * S,
        proc="rig-1",
        base_ns=ZERO + S // 10,
        agent=[0] * rows,
        recv=steps,
        delay=[MS] * rows,
        handled=[0] * rows,
        first=[0],
    )
    snapshot = seen(header(), hello(), chunks, Rig(3 * S, 4 * S, agents=(1,)))
    assert snapshot.recent.server_gap_max_ms == pytest.approx(800.0)
    assert "server-stalls" in found(snapshot)


def test_who_waits_in_the_clients_pool_is_as_the_last_pulse_said() -> None:
    """28 of them, or not known."""
    pulse = Pulse(t_ns=ZERO + TICK, proc="rig-1", dt_ns=TICK, loop="asyncio", connections=100, queued=28)
    assert seen(header(), hello(), pulse).loop.queued == 28
    assert seen(*calm(2.0)).loop.queued is None


def test_a_server_that_is_slowed_down_is_held_against_its_best() -> None:
    """Ten milliseconds a chunk, then fifty with all of them late: back-pressure; fifty without delay: a slow server."""
    best = (header(), hello(), Rig(S // 2, 6 * S))
    assert "back-pressure" in found(seen(*best, Rig(7 * S, 14 * S, gap=50 * MS, delay=900 * MS)))
    slow = seen(*best, Rig(6 * S, 14 * S, gap=50 * MS))
    assert isinstance(RULES["back-pressure"].ask(slow, defaults()), Fine)
    assert slow.recent.server_gap_least_ms == pytest.approx(10.0)


def test_other_threads_are_what_the_process_used_beside_the_loop_and_the_probes() -> None:
    """60 % of a core in the process, 4 % the loop's, 6 % the probes': 50 % are somebody else's."""
    more = {"process_ns": int(0.6 * TICK), "observer_ns": int(0.06 * TICK)}
    recent = seen(*calm(8.0, more_pulse=more)).recent
    assert recent.others == pytest.approx(0.5)
    assert recent.observer == pytest.approx(0.06)


def ended(t: int, start: int, agent: int = 0, ttft_ms: int = 100, **more: object) -> Request:
    given: dict[str, object] = {"outcome": "ok", "first_ns": ZERO + start + ttft_ms * MS, "chunks": 9, "tokens": 9}
    return Request(
        t_ns=ZERO + t, proc="rig-1", agent=agent, request=1, start_ns=ZERO + start, end_ns=ZERO + t, **(given | more)
    )  # type: ignore[arg-type]


def at_work(t: int, agent: int, state: str = "waiting") -> AgentState:
    return AgentState(t_ns=ZERO + t, proc="rig-1", agent=agent, state=state, model="m")


def alone_then_together() -> Iterator[AnyRecord]:
    """Agent 0 alone for four seconds, one request a second; then both."""
    yield at_work(0, 0)
    for second in range(4):
        yield ended((second + 1) * S - 1, second * S, ttft_ms=100 + second)
    yield at_work(4 * S, 1)
    for second in range(4, 8):
        yield ended((second + 1) * S - 1, second * S, ttft_ms=400)
        yield ended((second + 1) * S - 1, second * S, 1, ttft_ms=400)


def test_solo_requests_are_those_without_company() -> None:
    """Only the first four count for the solo TTFT; with two of them there is none yet."""
    records = list(alone_then_together())
    assert seen(header(agents=2), *records).solo_ttft_ms == {"m": pytest.approx(101.0)}
    assert seen(header(agents=2), *records[:3]).solo_ttft_ms == {}


def test_a_request_that_had_company_at_its_start_is_not_solo() -> None:
    """The other agent left while it ran: still not alone."""
    went = [at_work(0, 0), at_work(0, 1), at_work(2 * S, 1, "gone")]
    shared = [ended(3 * S + n, S, ttft_ms=100) for n in range(3)]
    assert seen(header(), *went, *shared).solo_ttft_ms == {}
    after = [ended(5 * S + n, 4 * S, ttft_ms=100) for n in range(3)]
    assert seen(header(), *went, *shared, *after).solo_ttft_ms == {"m": pytest.approx(100.0)}


def test_connect_and_load_times_are_kept() -> None:
    """As told; what cannot be is not known."""
    agents = seen(
        header(), ended(S, 0, connect_ns=3 * MS, load_ns=2 * S), ended(2 * S, S, connect_ns=-1, load_ns=None)
    ).agents
    later, earlier = agents[0].recent
    assert (earlier.connect_ms, earlier.load_ms) == (3.0, 2_000.0)
    assert (later.connect_ms, later.load_ms) == (None, None)


def test_cards_are_those_told_lately() -> None:
    """Memory of each card; one that was last heard of four seconds ago is not among them."""
    told = [
        Power(t_ns=ZERO + t * S, source="nvml", name=name, watts=90.0, memory_used=used, memory_total=12)
        for t, name, used in ((1, "GPU 0", 5), (4, "GPU 1", 6), (5, "GPU 1", 7), (5, "GPU 2", 13))
    ]
    (card,) = seen(header(), *told).power.cards
    assert (card.name, card.used, card.total) == ("GPU 1", 7, 12)


def test_when_a_sample_was_last_dropped() -> None:
    """The moment at which the count last grew."""
    assert seen(*calm(6.0)).observer.dropped_at_s is None
    pulses = [
        Pulse(t_ns=ZERO + t * S, proc="rig-1", dt_ns=TICK, loop="asyncio", dropped=n)
        for t, n in ((2, 3), (4, 5), (5, 5))
    ]
    assert seen(header(), hello(), *pulses).observer.dropped_at_s == pytest.approx(4.0)


def test_a_burst_is_not_the_best_pace_of_a_server() -> None:
    """What a server catches up with after a stall is stamped in a burst; its best pace stays that of its streams."""
    burst, after = Rig(7 * S, 7 * S + 10 * MS, gap=20_000), Rig(7 * S + 100 * MS, 10 * S, agents=())
    snapshot = seen(header(), hello(), Rig(S // 2, 3 * S), burst, after)
    assert snapshot.recent.server_gap_p50_ms == pytest.approx(0.02, rel=0.02)
    assert snapshot.recent.server_gap_least_ms == pytest.approx(10.0)


def test_chunks_that_a_proxy_collects_come_in_lumps() -> None:
    """How many a read brings and how long lies between reads, of the agent with the most."""
    proxied = Rig(S // 2, 10 * S, agents=(1,), per_read=20, gap=20 * MS, delay=None, length=400)
    snapshot = seen(header(), hello(), Rig(S // 2, 10 * S, agents=(0,)), proxied)
    assert snapshot.recent.lump == pytest.approx(20.0)
    assert snapshot.recent.lump_gap_ms == pytest.approx(400.0, rel=0.05)
    assert "lumps" in found(snapshot)
    assert seen(*calm(12.0)).recent.lump == 1.0
    assert seen(header(), hello()).recent.lump is None
