"""A bench with real children: what is offered, what is delivered, and that nothing is left of it."""

import pytest

from kit.processes import sessions_children, wait_until
from loopscope.cli.headless import snapshot_of
from loopscope.core.records import Phase, Result
from loopscope.experiments import ramp
from loopscope.experiments.bench import Bench, bench_options
from loopscope.model.fold import Fold
from loopscope.session import calibration_store
from loopscope.session.calibration_store import Bound, Calibration, Shape
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.session.procedure_runner import Handle
from loopscope.settings import levers
from loopscope.settings.levers.loop import loops_here
from loopscope.trace.reader import read


@pytest.mark.timing
@pytest.mark.parametrize("loop", loops_here())
def test_a_light_load_is_carried_whole_and_read_exactly(loop: str) -> None:
    """The emulator says what it sent, the rig what came: the same, at two rates and two numbers of streams."""
    told: list[object] = []
    with Bench(bench_options(SessionOptions(), streams=2, loop=loop), told.append) as bench:
        for streams, rate in ((2, 100.0), (6, 50.0)):
            bench.set_rate(rate)
            bench.set_streams(streams)
            step = bench.take(Handle(), 0.4, 1.0)
            assert step.asked == streams * rate
            assert step.load.offered == pytest.approx(step.asked, rel=0.1)
            assert step.load.delivered == pytest.approx(step.load.offered, rel=0.1)
            assert step.load.cpu_us is not None
            assert step.load.turns is not None
            assert step.load.reads is not None
            assert 0 < step.load.reads <= 1.1
            assert step.limited_by in ("", "core")
        assert bench.versions["loop"] == loop
    assert not sessions_children()


@pytest.mark.timing
def test_an_overload_is_seen_and_what_it_leaves_is_drained() -> None:
    """More than any client here carries: it falls behind, and afterwards the delay is small again."""
    with Bench(bench_options(SessionOptions(), streams=2)) as bench:
        bench.set_rate(60_000.0)
        step = bench.take(Handle(), 0.3, 0.8)
        assert step.fell or step.limited_by == "server"
        bench.set_rate(50.0)
        bench.drain(Handle(), 100.0, 20.0)
        delay = bench.gauge.delay_ms(0)
        assert delay is not None
    assert not sessions_children()


def test_a_ramp_beside_a_live_session_is_told_cancelled_and_leaves_nothing() -> None:
    """Its steps stand in the session's trace; cancelled, its processes end and the session goes on."""
    source = LiveSource(SessionOptions(embedded=True, levers=levers.defaults()))
    heard: list[object] = []
    source.listen(heard.append)
    source.start()
    try:
        before = sessions_children()
        source.run(ramp.PROCEDURE, shape="rate", streams="2")
        assert wait_until(lambda: any(isinstance(record, Result) and record.what == "ramp" for record in heard))
        assert any(isinstance(record, Phase) and record.what == "ramp" for record in heard)
        view = source.procedure()
        assert view is not None
        assert view.running
        source.cancel()
        assert wait_until(lambda: not source.procedure().running)
        assert source.procedure().problem == "cancelled"
        assert sessions_children() == before
    finally:
        source.stop()
    assert not sessions_children()


def test_a_session_begins_with_what_is_kept_of_its_machine(monkeypatch, tmp_path) -> None:
    """The screen expects what a calibration has found, and so does a replay of the trace."""
    monkeypatch.setattr(calibration_store, "data_dir", lambda: tmp_path)
    values = levers.defaults()
    calibration_store.keep(
        Calibration(
            date=calibration_store.today(),
            machine=calibration_store.machine(),
            settings={lever.name: values[lever.name] for lever in levers.of_ceiling()},
            versions=calibration_store.versions_now(values["client"], values["loop"]),
            shapes=[Shape(streams=2, hard=Bound(low=9e3, mid=1e4, high=1.1e4))],
        )
    )
    trace = tmp_path / "live.jsonl"
    source = LiveSource(SessionOptions(embedded=True, rate=50.0, levers=values, record=trace))
    source.start()
    try:
        seen = []

        def has_headroom() -> bool:
            seen.append(snapshot_of(source))
            return seen[-1] is not None and seen[-1].ceiling.headroom is not None

        assert wait_until(has_headroom)
        snapshot = seen[-1]
        assert snapshot.ceiling.expected is not None
        assert (snapshot.ceiling.expected.mid, snapshot.ceiling.headroom_of) == (1e4, "expected")
    finally:
        source.stop()
    fold = Fold()
    for record in read(trace):
        fold.feed(record)
    replayed = fold.snapshot().ceiling.expected
    assert replayed is not None
    assert replayed.date == snapshot.ceiling.expected.date
