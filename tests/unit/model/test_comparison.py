"""Kept bins, figures made of them, and two sides."""

import copy
import json

import numpy as np
import pytest
from msgspec import structs

from kit.tape import MS, ZERO, Rig, S, calm, header, hello, lever, merged
from loopscope.core.codec import as_dict
from loopscope.core.records import AnyRecord, Power, Pulse
from loopscope.model.aggregate import Hist, Row
from loopscope.model.bin_history import Kept, joined, steps
from loopscope.model.comparison import Comparison, compare, segment_side, whole_side
from loopscope.model.fold import Fold
from loopscope.model.metrics import METRICS
from loopscope.model.stretch import Stretch
from loopscope.model.summary import summary


def folded(records: list[AnyRecord], most: int = 8192) -> tuple[Fold, Kept]:
    fold = Fold()
    kept = Kept(fold.power, most)
    fold.ledger.hear = kept.hear
    for record in records:
        fold.feed(record)
    fold.ledger.hear = None
    whole = copy.deepcopy(fold)
    fold.ledger.hear = kept.hear
    fold.finish()
    return whole, kept


def wobbly(seconds: int, delay: int, *, seed: int = 1, gap: int = 10 * MS, **more: object) -> list[AnyRecord]:
    """A session whose lag scatters by chance."""
    draw = np.random.default_rng(seed)
    rig = Rig(
        S // 2, seconds * S, delay=delay, gap=gap, lag=lambda t: (draw.exponential(1e6, 10) + 1e5).astype(int).tolist()
    )
    return merged(header(**more), hello(), rig)


def compared(first: list[AnyRecord], second: list[AnyRecord]) -> Comparison:
    sides = []
    for name, records in (("a", first), ("b", second)):
        fold, kept = folded(records)
        sides.append(whole_side(name, fold, kept, summary(fold)))
    return compare(*sides)


def test_shares_of_loops_side_by_side_are_those_of_the_fullest() -> None:
    """Two loops, one with most of the work: its CPU is told, not the mean of both; a chunk costs what both took."""
    pair = [structs.replace(hello(n, f"rig-{n}"), info={"loop": "asyncio", "group": "1"}) for n in (1, 2)]
    full = Rig(S // 2, 12 * S, (0,), proc="rig-1", elu=0.5, cpu=0.45, gap=10 * MS)
    light = Rig(S // 2, 12 * S, (1,), proc="rig-2", elu=0.1, cpu=0.05, gap=10 * MS)
    fold, kept = folded(merged(header(), *pair, full, light))
    stretch = Stretch(kept.of([0]), fold.told())
    assert stretch.interval(METRICS["elu"]).mid == pytest.approx(0.5, abs=0.01)
    assert stretch.interval(METRICS["cpu"]).mid == pytest.approx(0.45, abs=0.01)
    assert stretch.interval(METRICS["cpu_us"]).mid == pytest.approx(1e6 * 0.5 / 200, rel=0.02)


def test_figures_are_those_of_the_summary() -> None:
    """What a comparison calls a figure is what the report calls it, segment by segment, to the last digit."""
    fold, kept = folded(
        merged(
            header(),
            hello(),
            Rig(S // 2, 12 * S),
            lever(12 * S, "throttle", "off", "50"),
            Rig(12 * S, 24 * S, gap=20 * MS, per_read=2, delay=3 * MS, elu=0.3),
        )
    )
    told = as_dict(summary(fold))["segments"]
    assert len(told) == 2
    for number, one in enumerate(told):
        stretch = Stretch(kept.of([number]), fold.told())
        assert stretch.seconds == pytest.approx(one["measured_s"])
        for name, value in (
            ("chunks_s", one["chunks_s"]),
            ("tok_s.decode", one["tok_s"]),
            ("elu", one["loop"]["elu"]),
            ("at_least", one["ceiling"]["at_least_chunks_s"]),
            ("cpu_us", one["loop"]["cpu_us_per_chunk"]),
            ("delay.p50", one["delay_ms"]["p50"]),
            ("delay.p99", one["delay_ms"]["p99"]),
            ("gap.p99", one["gap_ms"]["p99"]),
            ("lag.p99", one["loop"]["lag_ms"]["p99"]),
            ("chunks_read", one["loop"]["chunks_per_read"]),
            ("handled.p99", one["handled_ms"]["p99"]),
        ):
            interval = stretch.interval(METRICS[name])
            assert interval is not None, name
            assert interval.mid == pytest.approx(value, rel=1e-9), name
            assert interval.low <= interval.mid <= interval.high


def test_joining_bins_changes_no_sum() -> None:
    """A long trace is kept in longer bins with the same sums, each within its segment."""
    records = merged(
        header(),
        hello(),
        Rig(S // 2, 20 * S),
        lever(9 * S, "throttle", "off", "50"),
        lever(14 * S, "throttle", "50", "off"),
    )
    (_, fine), (_, coarse) = folded(records), folded(records, 16)
    assert len(coarse.bins) < 32 < len(fine.bins)
    for segment in (None, 0, 1, 2):
        held = [[one for one in kept.bins if one.segment == segment] for kept in (fine, coarse)]
        sums = [np.sum([one.sums for one in bins], axis=0) for bins in held]
        assert sums[0] == pytest.approx(sums[1])
        counts = [sum(int(one.hists[Hist.GAP][1].sum()) for one in bins) for bins in held]
        assert counts[0] == counts[1]
    assert sum(one.sums[Row.CHUNKS] for one in steps(fine.bins, 7)) == sum(one.sums[Row.CHUNKS] for one in fine.bins)
    assert len(steps(fine.bins, 7)) <= 7
    assert joined([]) == steps([], 5) == []


def test_what_was_made_worse_is_found_and_the_rest_is_not() -> None:
    """Delay three times as long is said with its size; throughput and lag are not told apart."""
    found = compared(wobbly(30, 500_000), wobbly(30, 1_500_000, seed=2))
    rows = {row.metric.name: row for row in found.rows}
    assert rows["delay.p99"].surely == 1
    assert rows["delay.p99"].change is not None
    assert rows["delay.p99"].change.mid == pytest.approx(2.0, rel=0.02)
    assert rows["chunks_s"].surely == rows["lag.p99"].surely == rows["elu"].surely == 0
    assert not found.unlike
    assert not found.levers


def test_the_same_thing_twice_is_never_surely_different() -> None:
    """Of sixty comparisons of alike sessions, hardly any figure of chance is called different."""
    names = ("lag.p99", "chunks_s", "delay.p99")
    told = 0
    for seed in range(20):
        found = compared(wobbly(15, 500_000, seed=seed), wobbly(15, 500_000, seed=seed + 100))
        told += sum(row.surely != 0 for row in found.rows if row.metric.name in names)
    assert told <= 3


def test_unlike_runs_are_named() -> None:
    """Source, agents, machine: each is named with both values; levers of the client are compared, not refused."""
    first = calm(6)
    second = [
        header(4, levers={"loop": "uvloop", "agents": "4"}, source="urls", host={"cpu": "another"}),
        *calm(6, 4)[1:],
    ]
    found = compared(first, second)
    words = "; ".join(found.unlike)
    for part in ("source: embedded and urls", "agents: 2 and 4", "machine: not known and another"):
        assert part in words
    assert found.levers == (("loop", "asyncio", "uvloop"),)


def test_what_speaks_against_a_side_is_told() -> None:
    """Dropped samples, several levers at once, other versions."""
    first = [header(host={"httpx": "0.27"}), *calm(6)[1:]]
    second = [
        header(host={"httpx": "0.28"}, levers={"loop": "uvloop", "batch": "read:50ms", "agents": "2"}),
        *calm(6, more_pulse={"dropped": 7})[1:],
    ]
    notes = "; ".join(compared(first, second).notes)
    assert "7 samples were dropped" in notes
    assert "2 levers differ at once" in notes
    assert "httpx differs: 0.27 and 0.28" in notes


def test_the_levers_of_a_whole_run_are_told_in_turn() -> None:
    """A run with a pull in it does not go by what it began with."""
    fold, kept = folded(merged(header(), hello(), Rig(S // 2, 20 * S), lever(10 * S, "batch", "off", "read:50ms")))
    side = whole_side("run", fold, kept, summary(fold))
    assert side.levers["batch"] == "off then read:50ms"
    assert side.levers["loop"] == "asyncio"


def test_simulated_power_says_so_in_its_row() -> None:
    """Power and energy that an emulator made up are never told without that word."""
    watts = [Power(t_ns=ZERO + n * S // 4, source="simulated", name="emulator-1", watts=100.0) for n in range(40)]
    found = compared(merged(header(), hello(), Rig(S // 2, 10 * S), *watts), calm(10))
    titles = {row.metric.name: row.metric.title for row in found.rows}
    assert titles["watts"] == "power (SIMULATED)"
    assert titles["joules_token"] == "energy a token (SIMULATED)"


def test_a_segment_counts_from_one() -> None:
    """Segment 1 is the stretch before the first pull."""
    fold, kept = folded(merged(header(), hello(), Rig(S // 2, 20 * S), lever(10 * S, "loop", "asyncio", "uvloop")))
    told = as_dict(summary(fold))
    side = segment_side("one", fold, kept, summary(fold), 1)
    assert side.levers["loop"] == "asyncio"
    assert side.stretch.seconds == pytest.approx(told["segments"][0]["measured_s"])
    assert side.counts["chunks"] == told["segments"][0]["chunks"]


def test_nothing_at_all_has_no_figure() -> None:
    """A stretch without bins, one without chunks, one with a clock that is ahead: not enough data, and no error."""
    assert all(Stretch([]).interval(metric) is None for metric in METRICS.values())
    pulses = [Pulse(t_ns=ZERO + n * 100 * MS, proc="rig-1", dt_ns=100 * MS, loop="asyncio") for n in range(1, 40)]
    _, kept = folded([header(), hello(), *pulses])
    stretch = Stretch(kept.bins)
    assert stretch.interval(METRICS["delay.p99"]) is None
    assert stretch.interval(METRICS["elu"]) is None
    _, kept = folded(wobbly(8, -5 * MS))
    assert not Stretch(kept.bins).stamps().usable
    assert Stretch(kept.bins).interval(METRICS["delay.p50"]) is None


def test_names_are_words_of_their_own() -> None:
    """Every figure has a name for gates, a unit and a meaning, each once."""
    assert len(METRICS) == len(METRICS)
    assert all(metric.unit and metric.meaning and metric.title for metric in METRICS.values())
    assert json.dumps(sorted(METRICS))
