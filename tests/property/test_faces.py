"""Every face gives the same value, or the same reason, for every metric of the same stretch of time."""

import json
from collections.abc import Iterator
from math import isclose
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.tape import MS, Rig, S, header, hello
from loopscope.core.records import AnyRecord, Trailer
from loopscope.model.aggregate import Row
from loopscope.model.bin_history import Kept
from loopscope.model.comparison import segment_side, whole_side
from loopscope.model.figure import figure, figures
from loopscope.model.fold import Fold
from loopscope.model.intake import Intake
from loopscope.model.metrics import METRICS, Metric, Ratio, register
from loopscope.model.pace import Told
from loopscope.model.snapshot import Figure
from loopscope.model.summary import summary
from loopscope.model.summary_types import MetricValue, Summary
from loopscope.model.view import window_aggregate
from loopscope.report.gates import judge, parse_gate
from loopscope.trace.reader import read

RECORDINGS = sorted((Path(__file__).parents[2] / "recordings").glob("*.jsonl.zst"))


def folded(records: Iterator[AnyRecord] | list[AnyRecord]) -> tuple[Fold, Kept]:
    """Feed a fold to its end, with its bins kept."""
    fold = Fold()
    kept = Kept(fold.power)
    fold.ledger.hear = kept.hear
    for record in records:
        fold.feed(record)
    fold.ledger.hear = None
    return fold, kept


def finished(fold: Fold, kept: Kept) -> Summary:
    """Sum up, then end the fold itself."""
    told = summary(fold)
    fold.ledger.hear = kept.hear
    fold.finish()
    fold.ledger.hear = None
    return told


def agree(name: str, first: Figure, second: Figure) -> None:
    """Hold two faces against each other."""
    assert (first.value is None) == (second.value is None), (name, first, second)
    if first.value is None or second.value is None:
        assert first.reason == second.reason, name
        assert first.reason, name
    else:
        assert not first.reason and not second.reason, name
        assert isclose(first.value, second.value, rel_tol=1e-9, abs_tol=1e-12), (name, first, second)


def told_of(metrics: dict[str, MetricValue]) -> dict[str, Figure]:
    """Read the figures of ``--json``."""
    through = json.loads(msgspec.json.encode(metrics))
    return {name: Figure(one["value"], one["words"]) for name, one in through.items()}


def check(records: list[AnyRecord]) -> None:
    """Compare all faces of one trace."""
    fold, kept = folded(records)
    snapshot = fold.snapshot()
    window = window_aggregate(fold, fold.rigs.procs)
    window.told = snapshot_told(fold)
    for name, found in snapshot.figures.items():
        if fold.window.bins:
            agree(name, found, figure(METRICS[name], window))
    told = finished(fold, kept)
    whole = told_of(told.metrics)
    assert set(whole) == set(snapshot.figures) == set(METRICS)
    segments = told.segments
    for number, segment in enumerate(segments, 1):
        if segment.metrics is None:
            continue
        side = segment_side("a", fold, kept, told, number)
        for name, found in told_of(segment.metrics).items():
            agree(name, found, side.stretch.figure(METRICS[name]))
            interval = side.stretch.interval(METRICS[name])
            assert (interval is None) == (found.value is None), name
            if interval is not None and found.value is not None:
                assert interval.low <= interval.mid <= interval.high, name
                assert isclose(interval.mid, found.value, rel_tol=1e-9, abs_tol=1e-12), name
    if len(segments) == 1 and segments[0].metrics is not None:
        side = whole_side("a", fold, kept, told)
        for name, found in whole.items():
            agree(name, found, side.stretch.figure(METRICS[name]))


def snapshot_told(fold: Fold) -> Told:
    """Give what the snapshot's figures of tokens rest on."""
    slid = fold._viewer._slid
    assert slid is not None
    return slid.totals.told


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.name)
def test_faces_of_a_shipped_recording_agree(path: Path) -> None:
    """Screen, JSON, compare."""
    with read(path) as reading:
        check(
            [reading.header, *(record for record in reading if not isinstance(record, Trailer | type(reading.header)))]
        )


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.builds(
            dict,
            gap=st.sampled_from((2 * MS, 10 * MS, 400 * MS)),
            per_read=st.sampled_from((1, 3, 20)),
            delay=st.sampled_from((None, 500_000, -60 * S, 3 * S)),
            elu=st.sampled_from((None, 0.0, 0.4, 1.0)),
            length=st.sampled_from((1, 20, 256)),
            tokens=st.sampled_from((lambda chunks: chunks, lambda chunks: 3 * chunks)),
        ),
        min_size=1,
        max_size=2,
    ),
    st.integers(1, 9),
)
def test_faces_of_a_generated_trace_agree(rigs: list[dict[str, object]], seconds: int) -> None:
    """Whatever is known of it."""
    records: list[AnyRecord] = [header(), hello()]
    t = S // 2
    for given_ in rigs:
        records += Rig(t, t + seconds * S, **given_).records()  # type: ignore[arg-type]
        t += seconds * S + S
    check(records)


def test_a_round_says_what_the_report_of_its_trace_says() -> None:
    """A server 60 s ahead, one of whole seconds, one whose stamps stand: no delay, for one reason."""
    for delay, whole in ((-60 * S, False), (300 * MS, True), (500_000, False)):
        intake = Intake({"rig-1": 100_000})
        records = [header(), hello(), *Rig(S // 2, 8 * S, delay=delay).records()]
        if whole:
            records = [msgspec.structs.replace(one, whole=[0, 1]) if hasattr(one, "whole") else one for one in records]
        for record in records:
            intake.feed(record)
        round_ = figures(intake.aggregate(7.5))
        fold, kept = folded(records)
        report = told_of(finished(fold, kept).metrics)
        for name in ("delay.p50", "delay.p99", "delay.mean"):
            assert (round_[name].value is None) == (report[name].value is None), name
            assert round_[name].reason == report[name].reason
        assert (round_["delay.p50"].value is None) == (delay < 0 or whole)


def test_a_figure_is_one_declaration() -> None:
    """A dummy that is registered is on every face."""
    dummy = Metric("dummy", "dummy", "chunks", 1, "reads, counted", Ratio(Row.READS, Row.SECONDS), judged=True)
    register(dummy)
    try:
        records = [header(), hello(), *Rig(S // 2, 20 * S).records()]
        fold, kept = folded(records)
        assert fold.snapshot().figures["dummy"].value == pytest.approx(200.0, rel=0.01)
        told = finished(fold, kept)
        assert told_of(told.metrics)["dummy"].value == pytest.approx(200.0, rel=0.01)
        side = whole_side("a", fold, kept, told)
        from loopscope.model.comparison import compare
        from loopscope.model.effects import changes

        found = compare(side, side)
        assert "dummy" in {row.metric.name for row in found.rows}
        assert judge(parse_gate("dummy > 500chunks"), found).outcome == "passed"
        both = changes(kept.bins, kept.bins, fold.told())
        assert "dummy" in {change.name for change in both}
        intake = Intake()
        for record in records:
            intake.feed(record)
        assert figures(intake.aggregate(19.5))["dummy"].value == pytest.approx(200.0, rel=0.01)
    finally:
        del METRICS["dummy"]
