"""The fold as a whole, by planted streams."""

from typing import Any

import numpy as np
import pytest

from kit.tape import MS, TICK, ZERO, Rig, S, bye, calm, header, hello, lever, merged
from loopscope.core.records import (
    AgentState,
    AnyRecord,
    Chunks,
    Finding,
    Loss,
    Mark,
    Observer,
    Phase,
    Pulse,
    Request,
    Result,
    Trailer,
    Truth,
)
from loopscope.model import bins
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary import summary
from loopscope.stats.loghist import RELATIVE_ERROR


def folded(*streams: object) -> Fold:
    fold = Fold()
    for record in merged(*streams):
        fold.feed(record)
    return fold


def seen(*streams: object) -> Snapshot:
    return folded(*streams).snapshot()


def test_nothing_is_a_snapshot_too() -> None:
    """Before the first record everything is unknown, and nothing raises."""
    snapshot = Fold().snapshot(now_ns=5)
    assert snapshot.agents == ()
    assert snapshot.ceiling.words == "no chunks"
    assert snapshot.loop.elu is None


def test_gaps_of_ten_milliseconds_are_a_hundred_tokens_a_second() -> None:
    """Both agents show exactly what was planted: rate, gap, delay, TTFT, ITL."""
    snapshot = seen(*calm(12.0))
    assert snapshot.ceiling.now_chunks_s == pytest.approx(200.0)
    assert len(snapshot.agents) == 2
    for agent in snapshot.agents:
        assert agent.tok_s == pytest.approx(100.0, rel=1e-9)
        assert agent.gap_ms.p50 == pytest.approx(10.0, rel=RELATIVE_ERROR)
        assert agent.delay_ms.p99 == pytest.approx(0.5, rel=RELATIVE_ERROR)
        assert agent.server_gap_ms.p50 == pytest.approx(10.0, rel=RELATIVE_ERROR)
        assert (agent.ttft_ms.p50, agent.itl_ms.p50) == (200.0, 10.0)
        assert (agent.requests, agent.errors, agent.chunks, agent.tokens) == (4, 0, 1150, 1024)
    assert [agent.endpoint for agent in snapshot.agents] == ["http://127.0.0.1:9001", "http://127.0.0.1:9002"]


def test_pauses_between_requests_do_not_slow_the_decode_rate() -> None:
    """Half of the time nothing streams: chunks/s halves, tok/s while streaming stays."""
    agent = seen(*calm(14.0, length=50, pause=500 * MS)).agents[0]
    assert agent.tok_s == pytest.approx(100.0)
    assert agent.chunks_s == pytest.approx(50.0, rel=0.06)


def test_tokens_per_chunk_scale_the_rate() -> None:
    """Two tokens a chunk at 100 chunks/s are 200 tok/s; one silent end token more is still one a chunk."""
    assert seen(*calm(8.0, tokens=lambda chunks: 2 * chunks)).agents[0].tok_s == pytest.approx(200.0)
    short = seen(*calm(8.0, length=20, tokens=lambda chunks: chunks + 1)).agents[0]
    assert short.tok_s == pytest.approx(100.0)


def test_the_ceiling_is_rate_by_utilisation() -> None:
    """200 chunks/s at 5 % are at least 4 000 chunks/s."""
    ceiling = seen(*calm(12.0)).ceiling
    assert ceiling.at_least_chunks_s == pytest.approx(4_000.0)
    assert ceiling.headroom == pytest.approx(0.95)
    assert ceiling.elu == pytest.approx(0.05)
    assert ceiling.words == ""
    assert ceiling.peak_chunks_s == 200.0


def test_the_first_moment_does_not_lower_the_rate() -> None:
    """Streams that begin in the middle of a step: the rate counts from the next whole one."""
    snapshot = seen(header(), hello(), Rig(610 * MS, 4 * S))
    assert snapshot.ceiling.now_chunks_s == pytest.approx(200.0)


def test_there_is_no_ceiling_without_enough_data() -> None:
    """Under three seconds there are words instead of a figure."""
    ceiling = seen(*calm(2.4)).ceiling
    assert ceiling.at_least_chunks_s is None
    assert ceiling.headroom is None
    assert "of 3 s" in ceiling.words


def test_without_utilisation_there_is_no_ceiling_but_a_reason() -> None:
    """The rig says why it cannot measure; everything else is there."""
    first, second, *rest = calm(8.0, elu=None)
    second = type(second)(
        t_ns=second.t_ns, proc="rig-1", role="rig", pid=1, perf_ns=0, wall_ns=0, signals={"elu": "no ctypes here"}
    )
    snapshot = seen(first, second, *rest)
    assert snapshot.loop.elu is None
    assert snapshot.ceiling.now_chunks_s == pytest.approx(200.0)
    assert "no ctypes here" in snapshot.ceiling.words
    assert snapshot.loop.words == {"elu": "no ctypes here"}


def test_a_stall_shows_its_size() -> None:
    """One heartbeat 40.1 ms late over a floor of 0.1 ms: the maximum is exactly 40 ms, and stands on the time line."""

    def lag(t: int) -> list[int]:
        return [100_000] * 9 + [40_100_000 if t == 6 * S else 100_000]

    snapshot = seen(*calm(9.0, lag=lag))
    assert snapshot.loop.lag_ms.max == pytest.approx(40.0)
    assert snapshot.loop.lag_ms.p50 == 0.0
    assert snapshot.loop.lag_floor_ms == pytest.approx(0.1)
    at = snapshot.series.t_s[np.nanargmax(snapshot.series.lag_ms)]
    assert at == 5.5
    assert snapshot.lag.counts.sum() + snapshot.lag.below == snapshot.loop.lag_ms.n
    assert snapshot.lag.floor_ms == pytest.approx(0.1)


def test_what_happened_eleven_seconds_ago_has_left_the_window() -> None:
    """The stall is no longer in the last ten seconds; the time line still shows it."""

    def lag(t: int) -> list[int]:
        return [40_100_000 if t == 3 * S else 100_000]

    snapshot = seen(*calm(15.0, lag=lag))
    assert snapshot.loop.lag_ms.max == 0.0
    assert np.nanmax(snapshot.series.lag_ms) == pytest.approx(40.0)


def test_coalesced_reads_are_counted() -> None:
    """Five chunks in each read: five chunks a read, four of five gaps are zero, the rate is the same."""
    snapshot = seen(*calm(12.0, per_read=5, length=250))
    assert snapshot.loop.chunks_per_read == pytest.approx(5.0, rel=0.01)
    assert snapshot.agents[0].gap_ms.p50 == 0.0
    assert snapshot.agents[0].gap_ms.max == pytest.approx(50.0)
    assert snapshot.agents[0].tok_s == pytest.approx(100.0, rel=0.02)


def test_a_gap_of_two_requests_is_none() -> None:
    """A second between requests is no gap."""
    assert seen(*calm(9.0, length=100, pause=S)).agents[0].gap_ms.max == pytest.approx(10.0)


def test_a_server_without_stamps_has_no_delay_but_words() -> None:
    """Gaps and rates are there; delay is unknown, and says why."""
    snapshot = seen(*calm(6.0, delay=None))
    agent = snapshot.agents[0]
    assert (agent.delay_ms.p50, agent.delay_words) == (None, "no stamp")
    assert agent.server_gap_ms.p50 is None
    assert agent.gap_ms.p50 is not None
    assert snapshot.delay.quantiles.n == 0


def test_a_server_clock_that_is_ahead_has_no_delay_but_words() -> None:
    """A negative delay is never shown as one; by how much the clock is ahead at least is said."""
    snapshot = seen(*calm(6.0, delay=-3 * MS))
    agent = snapshot.agents[0]
    assert agent.delay_ms.p50 is None
    assert agent.delay_words == "server clock ahead by at least 3.0 ms"
    assert snapshot.ceiling.delay_ms.n == 0
    assert agent.server_gap_ms.p50 == pytest.approx(10.0, rel=RELATIVE_ERROR)


def with_some_ahead(records: list[AnyRecord], every: int, of: int) -> Fold:
    """Fold records after making the first ``every`` of each ``of`` stamps 1 ms ahead."""
    fold = Fold()
    for record in records:
        if isinstance(record, Chunks):
            delay = [-MS if n % of < every else value for n, value in enumerate(record.delay)]
            record = Chunks(
                t_ns=record.t_ns,
                proc=record.proc,
                base_ns=record.base_ns,
                agent=record.agent,
                recv=record.recv,
                delay=delay,
                handled=record.handled,
                first=record.first,
            )
        fold.feed(record)
    return fold


def test_where_most_stamps_are_ahead_the_others_are_no_delay_either() -> None:
    """Two of three below zero: the third is an accident, not a measurement."""
    agents = with_some_ahead(calm(6.0, agents=1), 2, 3).snapshot().agents
    assert agents[0].delay_ms.p50 is None
    assert agents[0].delay_words.startswith("server clock ahead")


def test_a_few_stamps_ahead_are_told_and_not_counted_as_zero() -> None:
    """Five per cent ahead: the others' delay is shown, and the words say so."""
    fold = with_some_ahead(calm(6.0), 2, 40)
    words = {agent.delay_words for agent in fold.snapshot().agents}
    assert any("ahead of our clock" in word for word in words)
    (first, second) = fold.snapshot().agents
    assert first.delay_ms.p50 == pytest.approx(0.5, rel=RELATIVE_ERROR)
    assert 0 < first.delay_ms.n + second.delay_ms.n < 1_000


def test_a_takeover_counts_everything_and_measures_the_new_loop() -> None:
    """While the old rig drains, its chunks are in the rate, and never set against the new loop's time."""
    old = Rig(S // 2, 8 * S, (0, 1), elu=0.10)
    new = Rig(8 * S, 14 * S, (0, 1), proc="rig-2", loop="uvloop", elu=0.02)
    drain = Rig(8 * S, 10 * S, (2,), elu=0.10)
    pull = lever(7 * S, "loop", "asyncio", "uvloop")
    snapshot = seen(header(3), hello(), old, drain, pull, hello(7 * S - MS, "rig-2", "uvloop"), new, bye(10 * S))
    assert (snapshot.loop.name, snapshot.loop.proc) == ("uvloop", "rig-2")
    assert snapshot.loop.elu == pytest.approx(0.02)
    assert snapshot.loop.draining == ()
    assert snapshot.chunks == sum(agent.chunks for agent in snapshot.agents) == 750 * 2 + 600 * 2 + 200
    # At least: the new loop's own 200 chunks/s by its 2 %; the first bin of its ten seconds is not full.
    assert snapshot.ceiling.at_least_chunks_s == pytest.approx(10_000, rel=0.05)


def pulsed(*hello_at: int) -> Snapshot:
    """A rig that is half full for twenty seconds; its hello comes after the pulse of that number."""
    fold = Fold()
    fold.feed(header())
    for number, record in enumerate(Rig(0, 20 * S, elu=0.5).records()):
        fold.feed(record)
        if number in hello_at:
            fold.feed(hello(-S // 2))
    return fold.snapshot()


@pytest.mark.parametrize("number", [0, 1, 7])
def test_pulses_that_overtake_their_hello_change_nothing(number: int) -> None:
    """A hello lies before the header. Its time was taken for earlier than "never", and the loop's side vanished."""
    late, early = pulsed(number), pulsed()
    assert late.loop.elu == pytest.approx(0.5)
    assert (late.loop.draining, late.loop.count, len(late.loops)) == ((), 1, 1)
    assert late.loop.elu == early.loop.elu


def test_after_a_takeover_the_loop_begins_with_its_first_chunk() -> None:
    """The seconds in which the new rig waits for agents made a loop of 40 % read 8, 1.5, 3.3 ... for twelve seconds."""
    old, new = Rig(0, 10 * S, elu=0.8), Rig(10 * S, 20 * S, proc="rig-2", loop="uvloop", elu=0.4)
    waiting = [
        Pulse(t_ns=ZERO + t, proc="rig-2", dt_ns=TICK, loop="uvloop", active_ns=TICK // 100, cpu_ns=0, runq_ns=0)
        for t in range(5 * S, 10 * S, TICK)
    ]
    records = [*old.records(), lever(4 * S, "loop", "asyncio", "uvloop"), hello(5 * S, "rig-2", "uvloop"), *waiting]
    fold = Fold()
    for record in sorted([header(), hello(), *records], key=lambda record: record.t_ns):
        fold.feed(record)
    assert fold.snapshot().loop.name == "asyncio"
    fold.feed(bye(10 * S))
    for record in new.records():
        fold.feed(record)
        loop = fold.snapshot().loop
        if loop.name == "uvloop" and loop.elu is not None:
            assert loop.elu == pytest.approx(0.4, abs=0.02)
    assert fold.snapshot().loop.known_s == pytest.approx(10.0, abs=0.6)


def test_a_rig_that_drains_is_named() -> None:
    """Until its bye the old loop is listed, and is the loop to look at while every stream is its; the ceiling says that
    the new one has too little data."""
    snapshot = seen(header(), hello(), Rig(S // 2, 8 * S), hello(7 * S, "rig-2", "uvloop"))
    assert snapshot.loop.draining == ("asyncio",)
    assert [loop.proc for loop in snapshot.loops] == ["rig-1", "rig-2"]
    assert snapshot.loop.elu == pytest.approx(0.05)
    assert snapshot.ceiling.at_least_chunks_s is None


def test_the_time_line_shows_the_loop_that_serves_the_streams() -> None:
    """For three seconds after a takeover the old loop still has all of the streams: utilisation does not fall to 0."""
    idle = Rig(4 * S, 8 * S, (), proc="rig-2", loop="uvloop", elu=0.0)
    snapshot = seen(
        header(),
        hello(),
        Rig(S // 2, 4 * S, elu=0.3),
        hello(4 * S, "rig-2", "uvloop"),
        idle,
        Rig(4 * S, 7 * S, elu=0.3),
    )
    line = dict(zip(snapshot.series.t_s.tolist(), snapshot.series.elu.tolist(), strict=True))
    drained = [elu for t, elu in line.items() if 4.5 <= t < 6.5]
    assert drained == pytest.approx([0.3] * len(drained), abs=0.01)
    assert len(drained) >= 3


def test_an_agent_that_is_gone_leaves_the_screen_but_not_the_sums() -> None:
    """Ten seconds after it went an agent is out of sight; its chunks stay counted."""
    went = AgentState(t_ns=ZERO + 4 * S, proc="rig-1", agent=1, state="gone")
    stream = (header(), hello(), Rig(S // 2, 4 * S, (0, 1)), went)
    assert [agent.state for agent in seen(*stream, Rig(4 * S, 8 * S, (0,))).agents] == ["", "gone"]
    later = seen(*stream, Rig(4 * S, 16 * S, (0,)))
    assert [agent.agent for agent in later.agents] == [0]
    assert later.chunks == 1_550 + 350


def test_outcomes_are_counted() -> None:
    """Taken apart from errors, errors with their words, in the row and in the total."""
    requests = [
        Request(
            t_ns=ZERO + 5 * S + n,
            proc="rig-1",
            agent=0,
            request=n,
            outcome=outcome,
            words="it broke",
            start_ns=ZERO + 4 * S,
            end_ns=ZERO + 5 * S,
        )
        for n, outcome in enumerate(("cut", "taken", "http"))
    ]
    snapshot = seen(*calm(8.0, length=10_000), *requests)
    assert (snapshot.requests, snapshot.errors, snapshot.taken) == (2, 2, 1)
    assert (snapshot.agents[0].requests, snapshot.agents[0].errors) == (2, 2)
    assert snapshot.agents[0].recent[0].words == "it broke"


def test_silence_is_measured_against_the_clock_only_when_live() -> None:
    """Now is used for the rig's silence and for nothing else; after its bye a rig is not silent."""
    fold = folded(*calm(8.0))
    assert fold.snapshot().loop.silent_s == 0.0
    assert fold.snapshot(now_ns=ZERO + 8 * S + 400 * MS).loop.silent_s == 0.0
    late = fold.snapshot(now_ns=ZERO + 11 * S)
    assert late.loop.silent_s == pytest.approx(3.0)
    assert late.t_s == 8.0
    fold.feed(bye(8 * S))
    assert fold.snapshot(now_ns=ZERO + 60 * S).loop.silent_s == 0.0


def test_a_silent_rig_counts_as_time_in_which_nothing_came() -> None:
    """The rig stops without a word while others go on: the rate falls, it does not freeze at its last value."""
    others = [Observer(t_ns=ZERO + 8 * S + n * TICK, proc="session", dt_ns=TICK, cpu_ns=MS) for n in range(60)]
    snapshot = seen(*calm(8.0), *others)
    assert snapshot.loop.silent_s == pytest.approx(5.9)
    assert snapshot.ceiling.now_chunks_s == pytest.approx(200 * (10 - 4.75) / 10, rel=0.06)


def test_the_end_is_not_silence() -> None:
    """After the rig's bye the last ten seconds stay as they were, whatever else is still said."""
    others = [Observer(t_ns=ZERO + 8 * S + n * TICK, proc="session", dt_ns=TICK, cpu_ns=MS) for n in range(60)]
    snapshot = seen(*calm(8.0), bye(8 * S), *others)
    assert snapshot.ceiling.now_chunks_s == pytest.approx(200.0)


def test_the_observer_is_measured() -> None:
    """CPU of the probes, CPU of the screen, dropped samples, lost lines: each in its own figure."""
    records = calm(8.0, more_pulse={"observer_ns": MS, "dropped": 3})
    told = [
        Observer(t_ns=ZERO + n * S, proc="session", dt_ns=S, cpu_ns=50 * MS, lost_lines=min(n, 4)) for n in range(1, 8)
    ]
    lost = Loss(t_ns=ZERO + 3 * S, proc="session", what="lines", count=2, words="disk full")
    observer = seen(*records, *told, lost).observer
    assert observer.rig_share == pytest.approx(0.01)
    assert observer.screen_share == pytest.approx(0.05)
    assert observer.dropped == 3
    assert observer.lost_lines == 4


@pytest.mark.parametrize("what", ["lines", "frames"])
def test_no_gap_is_counted_across_lost_records(what: str) -> None:
    """0.8 s of chunks are missing from the file: that is no pause of the agents', and no slower decoding."""
    left = [
        record
        for record in calm(9.0)
        if not (isinstance(record, Chunks) and ZERO + 6 * S < record.t_ns <= ZERO + 6 * S + 800 * MS)
    ]
    paused = seen(*left).agents[0]
    assert paused.gap_ms.max == pytest.approx(810.0, rel=RELATIVE_ERROR)
    agent = seen(*left, Loss(t_ns=ZERO + 6 * S + 850 * MS, proc="session", what=what, count=8)).agents[0]
    assert agent.gap_ms.max == pytest.approx(10.0, rel=RELATIVE_ERROR)
    assert agent.tok_s == pytest.approx(100.0, rel=1e-9)
    assert agent.chunks == paused.chunks


def test_lines_lost_twice_told_are_counted_once() -> None:
    """The observer's count and the losses on record tell of the same lines: the larger one stands."""
    losses = [Loss(t_ns=ZERO + n * S, proc="session", what="lines", count=5) for n in range(1, 4)]
    told = Observer(t_ns=ZERO + 4 * S, proc="session", dt_ns=S, cpu_ns=0, lost_lines=6)
    assert seen(*calm(5.0), *losses, told).observer.lost_lines == 15


def test_findings_come_and_go() -> None:
    """A finding holds from its first on to its off; its sentence may be renewed, its beginning stays."""

    def finding(t: int, on: bool, sentence: str = "") -> Finding:
        return Finding(t_ns=ZERO + t * S, proc="session", name="stall", on=on, sentence=sentence, lever="loop")

    stream = (*calm(9.0), finding(2, True, "a"), finding(4, True, "b"))
    (held,) = seen(*stream).findings
    assert (held.since_s, held.sentence, held.lever) == (2.0, "b", "loop")
    assert [mark.kind for mark in seen(*stream).marks] == ["finding"]
    after = seen(*stream, finding(6, False))
    assert after.findings == ()
    (past,) = after.past_findings
    assert (past.name, past.since_s, past.until_s) == ("stall", 2.0, 6.0)


def test_marks_stand_on_the_time_line() -> None:
    """A word of the operator, a pull and a loss, in order."""
    snapshot = seen(
        *calm(9.0),
        Mark(t_ns=ZERO + 3 * S, words="here"),
        lever(5 * S, "throttle", "off", "60"),
        Loss(t_ns=ZERO + 7 * S, what="samples", count=12),
    )
    assert [(mark.t_s, mark.kind, mark.label) for mark in snapshot.marks] == [
        (3.0, "mark", "here"),
        (5.0, "lever", "throttle=60"),
        (7.0, "loss", "12 samples lost"),
    ]


def test_the_emulators_truth_is_kept() -> None:
    """The last word of each emulator, to hold the agents' chunks against."""
    told = [
        Truth(t_ns=ZERO + n * S, proc=f"emulator-{n % 2}", requests=n, streams=1, chunks=n * 100, tokens=n * 100)
        for n in range(1, 5)
    ]
    fold = folded(*calm(6.0), *told)
    assert {proc: truth.chunks for proc, truth in fold.truths.items()} == {"emulator-1": 300, "emulator-0": 400}


def test_the_source_is_named() -> None:
    """Embedded servers are called so at all times; others are counted and named by their models."""
    assert seen(*calm(1.0)).source_words == "EMBEDDED: 2 emulated servers, emulated-7b"
    assert seen(*calm(1.0)).embedded
    plain = header(source="urls", servers=[])
    assert seen(plain).source_words == "0 servers"
    assert not seen(plain).embedded


def test_a_second_header_is_ignored() -> None:
    """Two recordings glued together: the first one's head stands, the other is counted as ignored."""
    snapshot = seen(*calm(3.0), header(5))
    assert len(snapshot.agents) == 2
    assert snapshot.ignored == 1


def test_kinds_without_a_figure_change_nothing() -> None:
    """A trailer is told to the fold and leaves no trace."""
    assert seen(*calm(3.0), Trailer(t_ns=ZERO + 3 * S, lines=9)).ignored == 0


def test_a_pulse_that_cannot_be_is_ignored() -> None:
    """No time or a day in one tick: counted, not used."""
    for dt in (0, -5, 10**15, 10**30):
        fold = folded(*calm(3.0), Pulse(t_ns=ZERO + S, proc="rig-1", dt_ns=dt, loop="x"))
        assert fold.ignored == 1


def test_the_spark_line_has_sixty_whole_seconds() -> None:
    """Whole seconds only, oldest first: the last one of them is full."""
    spark = seen(*calm(70.3)).agents[0].spark_chunks_s
    assert spark.shape == (60,)
    assert set(spark.tolist()) == {100.0}


@pytest.mark.parametrize("agents", [1, 3, 40])
def test_each_agent_has_its_own_figures(agents: int) -> None:
    """Agents that join later, with rates of their own, do not change those of others."""
    stream: list[object] = [header(agents), hello()]
    stream += [Rig(S // 2, 9 * S, (n,), gap=(10 + n) * MS) for n in range(agents)]
    for agent in seen(*stream).agents:
        assert agent.tok_s == pytest.approx(1000 / (10 + agent.agent), rel=1e-6)


def test_the_order_of_lines_is_all_that_counts() -> None:
    """Looking at the state changes nothing: a fold that was asked at every record ends as one that never was."""
    records: list[AnyRecord] = merged(*calm(20.0), lever(5 * S, "throttle", "off", "60"))
    asked, unasked = Fold(), Fold()
    for record in records:
        asked.feed(record)
        asked.snapshot(now_ns=record.t_ns)
        unasked.feed(record)
    one, other = asked.snapshot(), unasked.snapshot()
    assert one.effects == other.effects
    assert one.ceiling == other.ceiling
    assert one.loop == other.loop
    assert one.agents[0].gap_ms == other.agents[0].gap_ms


def test_a_procedure_shows_its_step_and_leaves_its_results() -> None:
    """A phase is there from its beginning to its end, with a mark on the time line; results stay."""
    fold = Fold()
    fold.feed(header())
    fold.feed(Phase(t_ns=ZERO + S, proc="session", what="ramp", number=2, of=5, words="4 000 chunks/s"))
    phase = fold.snapshot().phase
    assert phase is not None
    assert (phase.what, phase.number, phase.of, phase.since_s) == ("ramp", 2, 5, 1.0)
    assert [(mark.label, mark.kind) for mark in fold.snapshot().marks] == [("ramp 2/5", "phase")]
    fold.feed(Result(t_ns=ZERO + 2 * S, what="ramp", words="found", figures={"chunks_s": 9.0, "bad": None}))
    fold.feed(Phase(t_ns=ZERO + 2 * S, proc="session", what="ramp", on=False))
    after = fold.snapshot()
    assert after.phase is None
    assert [(result.what, result.figures) for result in after.results] == [("ramp", {"chunks_s": 9.0, "bad": None})]


def test_a_silence_in_one_bin_shows_what_many_empty_ones_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rates, time lines and the window's histograms do not depend on how the silence was closed."""
    records = [header(), hello(), *Rig(0, 5 * S).records(), *Rig(45 * S, 50 * S).records()]

    def folded() -> tuple[Snapshot, dict[str, Any]]:
        fold = Fold()
        for record in records:
            fold.feed(record)
        return fold.snapshot(), summary(fold)

    one, told = folded()
    monkeypatch.setattr(bins, "SILENCE_BINS", 1 << 30)
    many, told_of_many = folded()
    assert told == told_of_many
    for line in (one.series, many.series):
        assert line.t_s.size == one.series.t_s.size
    np.testing.assert_allclose(one.series.chunks_s, many.series.chunks_s)
    np.testing.assert_allclose(one.series.elu, many.series.elu)
    assert one.gap.quantiles == many.gap.quantiles
    assert [agent.chunks_s for agent in one.agents] == [agent.chunks_s for agent in many.agents]
