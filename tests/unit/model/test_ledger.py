"""Levers: before and after, settling, segments."""

import pytest

from kit.tape import MS, ZERO, Rig, S, bye, calm, header, hello, lever, merged
from loopscope.core.codec import as_dict
from loopscope.core.records import Power, Result
from loopscope.model.fold import Fold
from loopscope.model.snapshot import LeverEffect, LeverView
from loopscope.model.summary import summary


def folded(*streams: object) -> Fold:
    fold = Fold()
    for record in merged(*streams):
        fold.feed(record)
    return fold


def throttled(until: float, pull_at: int = 8) -> Fold:
    """100 tok/s, then 50 from the pull on."""
    return folded(
        header(),
        hello(),
        Rig(S // 2, pull_at * S),
        lever(pull_at * S, "throttle", "off", "50"),
        Rig(pull_at * S, int(until * S), gap=20 * MS, delay=4 * MS),
    )


def only(fold: Fold) -> LeverEffect:
    (effect,) = fold.snapshot().effects
    return effect


def view(fold: Fold, name: str) -> LeverView:
    return next(lever for lever in fold.snapshot().levers if lever.name == name)


def test_before_and_after_a_pull() -> None:
    """Both sides of it are exact: rate, delay, gap; the settling time is in neither."""
    effect = only(throttled(25.0))
    assert effect.before.tok_s == pytest.approx(100.0)
    assert effect.after.tok_s == pytest.approx(50.0)
    assert effect.before.chunks_s == pytest.approx(200.0)
    assert effect.after.chunks_s == pytest.approx(100.0, rel=0.01)
    assert effect.before.delay_p99_ms == pytest.approx(0.5, rel=0.01)
    assert effect.after.delay_p99_ms == pytest.approx(4.0, rel=0.01)
    assert effect.after.gap_p50_ms == pytest.approx(20.0, rel=0.01)
    assert (effect.before.seconds, effect.after.seconds) == (7.25, 10.0)
    assert (effect.name, effect.old, effect.new, effect.t_s) == ("throttle", "off", "50", 8.0)
    assert effect.wait_s == 0.0


def test_the_effect_is_waited_for() -> None:
    """Until settling and three seconds are over there is no after, and the wait counts down to it."""
    waits = []
    for until in (8.2, 9.0, 10.0, 11.0, 12.0):
        effect = only(throttled(until))
        assert effect.after is None
        assert not effect.cut_short
        waits.append(effect.wait_s)
    assert waits == sorted(waits, reverse=True)
    assert waits[0] <= 4.75
    assert waits[-1] > 0
    done = only(throttled(13.0))
    assert done.after is not None
    assert done.wait_s == 0.0


def test_the_effect_is_frozen_after_ten_seconds() -> None:
    """What happens a minute later is not what the lever did."""
    long = folded(
        header(),
        hello(),
        Rig(S // 2, 8 * S),
        lever(8 * S, "throttle", "off", "50"),
        Rig(8 * S, 22 * S, gap=20 * MS),
        Rig(22 * S, 40 * S, gap=5 * MS),
    )
    assert only(long).after.gap_p99_ms == pytest.approx(20.0, rel=0.01)
    assert only(long).after.seconds == 10.0


def test_a_second_pull_cuts_the_first_one_short() -> None:
    """Two seconds later another lever: nothing can be said of the first, and the second has no before."""
    fold = folded(*calm(30.0), lever(8 * S, "throttle", "off", "50"), lever(10 * S, "decoder", "orjson", "json"))
    first, second = fold.snapshot().effects
    assert first.cut_short
    assert first.after is None
    assert first.wait_s == 0.0
    assert second.before is None
    assert second.after is not None


def test_before_does_not_reach_past_the_settling_of_the_last_pull() -> None:
    """Six seconds between two pulls: the second one's before is the stretch between, without the settling time."""
    fold = folded(*calm(30.0), lever(8 * S, "throttle", "off", "50"), lever(14 * S, "decoder", "orjson", "json"))
    first, second = fold.snapshot().effects
    assert first.after.seconds == pytest.approx(4.5)
    assert second.before.seconds == pytest.approx(4.5)


def test_a_takeover_settles_when_the_old_rig_is_gone() -> None:
    """The settling time begins with the old rig's bye, 2.5 s after the pull; the after is the new loop's alone."""
    fold = folded(
        header(),
        hello(),
        Rig(S // 2, 10 * S, elu=0.10),
        hello(8 * S - MS, "rig-2", "uvloop"),
        lever(8 * S, "loop", "asyncio", "uvloop", words="restarted on uvloop"),
        Rig(8 * S, 30 * S, (2, 3), proc="rig-2", loop="uvloop", elu=0.02),
        bye(10 * S + 500 * MS),
    )
    effect = only(fold)
    assert effect.before.elu == pytest.approx(0.10)
    assert effect.after.elu == pytest.approx(0.02)
    assert effect.after.at_least_chunks_s == pytest.approx(10_000)
    assert effect.words == "restarted on uvloop"
    assert as_dict(summary(fold))["segments"][1]["settle_s"] == pytest.approx(4.0)


def test_a_takeover_that_is_under_way_says_what_it_waits_for() -> None:
    """First for the new rig, then for the old one to finish; then nothing."""
    stream = [header(), hello(), Rig(S // 2, 12 * S), lever(8 * S, "loop", "asyncio", "uvloop")]
    fold = folded(*stream)
    assert view(fold, "loop").busy == "starting a rig: loop uvloop"
    assert only(fold).after is None
    assert only(fold).wait_s >= 4.5
    stream.append(hello(9 * S, "rig-2", "uvloop"))
    assert view(folded(*stream), "loop").busy == "uvloop has taken over, asyncio still drains"
    stream += [bye(12 * S), Rig(9 * S, 20 * S, (2,), proc="rig-2", loop="uvloop")]
    done = folded(*stream)
    assert view(done, "loop").busy == ""
    assert view(done, "loop").value == "uvloop"
    assert only(done).after is not None


def test_a_rig_that_was_restarted_by_itself_is_no_takeover() -> None:
    """A hello before the pull, on the old loop, is not the rig that the pull starts."""
    fold = folded(
        header(),
        hello(),
        Rig(S // 2, 5 * S),
        bye(5 * S),
        hello(5 * S, "rig-2", "asyncio"),
        Rig(5 * S, 14 * S, proc="rig-2"),
        lever(8 * S, "loop", "asyncio", "uvloop"),
    )
    assert view(fold, "loop").busy == "starting a rig: loop uvloop"


def test_a_takeover_that_never_ends_is_given_up() -> None:
    """Thirty seconds after the pull the wait is over, whatever became of the new rig."""
    effect = only(folded(*calm(50.0), lever(8 * S, "loop", "asyncio", "uvloop")))
    assert effect.after is not None


def test_values_at_the_start_are_no_pulls() -> None:
    """A lever told as it was at the start has a value, and no effect."""
    fold = folded(*calm(6.0), lever(0, "throttle", "", "60", by="start"))
    assert fold.snapshot().effects == ()
    assert view(fold, "throttle").value == "60"


def test_levers_come_in_the_order_of_the_settings() -> None:
    """Known levers in their order, others after them."""
    fold = folded(*calm(6.0), lever(3 * S, "something", "a", "b"))
    assert [lever.name for lever in fold.snapshot().levers] == [
        "throttle",
        "loop",
        "batch",
        "decoder",
        "agents",
        "something",
    ]


def test_segments_have_no_holes() -> None:
    """Each begins where the one before ended; what lies in none of them is settling or start-up."""
    fold = folded(*calm(30.0), lever(10 * S, "throttle", "off", "50"), lever(20 * S, "decoder", "orjson", "json"))
    result = as_dict(summary(fold))
    segments = result["segments"]
    assert [(segment["t0_s"], segment["t1_s"]) for segment in segments] == [(0.0, 10.0), (10.0, 20.0), (20.0, 30.0)]
    assert segments[0]["settle_s"] == 0.75
    assert [segment["settle_s"] for segment in segments[1:]] == [1.5, 1.5]
    assert [segment["levers"]["throttle"] for segment in segments] == ["off", "50", "50"]
    assert [segment["levers"]["decoder"] for segment in segments] == ["orjson", "orjson", "json"]
    inside = sum(segment["chunks"] for segment in segments)
    assert inside == pytest.approx(200 * (30 - 0.75 - 3.0), abs=1)
    assert result["chunks"] == 200 * 29.5
    assert [segment["ceiling"]["at_least_chunks_s"] for segment in segments] == pytest.approx([4_000] * 3)


def test_a_segment_that_is_too_short_has_words_and_no_figures() -> None:
    """Two pulls in one second: the stretch between is there, with null for every figure."""
    fold = folded(*calm(20.0), lever(8 * S, "throttle", "off", "50"), lever(9 * S, "decoder", "orjson", "json"))
    short = as_dict(summary(fold))["segments"][1]
    assert (short["t0_s"], short["t1_s"]) == (8.0, 9.0)
    assert short["ceiling"] is None
    assert short["chunks"] is None
    assert "not enough data" in short["words"]


def test_pulls_at_the_same_moment_each_have_a_segment() -> None:
    """Two scripted levers at one time are two pulls."""
    fold = folded(*calm(20.0), lever(8 * S, "throttle", "off", "50"), lever(8 * S, "decoder", "orjson", "json"))
    assert [segment["t1_s"] for segment in as_dict(summary(fold))["segments"]] == [8.0, 8.0, 20.0]
    assert len(fold.snapshot().effects) == 2


def test_a_pull_before_the_first_chunk_is_a_pull() -> None:
    """Nothing to compare with: no before, but an after."""
    effect = only(folded(*calm(12.0), lever(200 * MS, "throttle", "off", "50")))
    assert effect.before is None
    assert effect.after is not None


def test_a_pull_in_the_last_moment_is_still_listed() -> None:
    """Its segment is too short, its effect is not known, and the summary says so."""
    fold = folded(*calm(10.0), lever(10 * S, "throttle", "off", "50"))
    result = as_dict(summary(fold))
    assert len(result["segments"]) == 2
    assert result["levers"][0]["after"] is None
    assert result["levers"][0]["cut_short"]
    assert result["levers"][0]["before"]["tok_s"] == pytest.approx(100.0)


def test_pulls_are_bounded() -> None:
    """A file with ten thousand pulls keeps 256 of them and counts the rest; levers without end are not kept."""
    pulls = [lever(5 * S + n, "throttle", "off", "50") for n in range(10_000)]
    names = [lever(6 * S + n, f"lever-{n}", "a", "b") for n in range(100)]
    fold = folded(*calm(8.0), *pulls, *names)
    snapshot = fold.snapshot()
    assert len(snapshot.effects) == 256
    assert len(snapshot.levers) <= 16
    assert snapshot.ignored == 10_100 - 256


def test_each_figure_has_its_interval_and_only_what_moved_is_said_to_have() -> None:
    """Half the rate and eight times the delay: surely; the lag, which is the same: not. J/token says whose power."""
    effect = only(throttled(25.0))
    changes = {change.name: change for change in effect.changes}
    assert changes["tok_s.decode"].surely == -1
    assert changes["tok_s.decode"].words.startswith("lower by 50 %")
    assert changes["delay.p99"].surely == 1
    assert changes["delay.p99"].words.startswith("8")
    assert changes["delay.p99"].before.low <= 0.5 <= changes["delay.p99"].before.high
    assert changes["lag.p99"].surely == 0
    assert "joules_token" not in changes
    assert "efficiency" not in changes


def test_energy_is_labelled_where_it_is_simulated() -> None:
    """It is shown, and says so; it doubles when half as many tokens come for the same power."""
    watts = [
        Power(t_ns=ZERO + n * S // 4, source="simulated", name="emulator-1", watts=100.0 + n % 2) for n in range(100)
    ]
    fold = folded(
        header(),
        hello(),
        Rig(S // 2, 8 * S),
        lever(8 * S, "throttle", "off", "50"),
        Rig(8 * S, 25 * S, gap=20 * MS),
        *watts,
    )
    energy = next(change for change in only(fold).changes if change.name == "joules_token")
    assert "SIMULATED" in energy.title
    assert energy.change.mid == pytest.approx(1.0, rel=0.02)
    assert energy.surely == 1


def test_efficiency_comes_from_rounds_on_either_side() -> None:
    """Each round counts where it was run; one alone has no interval, and none is no figure."""

    def told(t: int, share: float) -> Result:
        return Result(t_ns=ZERO + t, proc="session", what="round", figures={"measured": share})

    fold = folded(
        header(),
        hello(),
        Rig(S // 2, 25 * S),
        lever(8 * S, "loop", "asyncio", "uvloop"),
        *(told(2 * S + n * S, 0.8 + 0.001 * n) for n in range(4)),
        *(told(12 * S + n * S, 0.9 + 0.001 * n) for n in range(4)),
    )
    (change,) = [change for change in only(fold).changes if change.name == "efficiency"]
    assert change.surely == 1
    assert change.difference.mid == pytest.approx(0.1)
    alone = folded(
        header(),
        hello(),
        Rig(S // 2, 25 * S),
        lever(8 * S, "throttle", "off", "50"),
        told(2 * S, 0.8),
        told(12 * S, 0.9),
    )
    (change,) = [change for change in only(alone).changes if change.name == "efficiency"]
    assert change.surely == 0
    assert change.words == "cannot tell"


def test_the_best_stretch_is_marked() -> None:
    """The start had the higher rate and the lower delay."""
    fold = throttled(25.0)
    best = {one.name: one for one in fold.snapshot().best}
    assert (best["tok_s.decode"].words, best["tok_s.decode"].value) == ("the start", pytest.approx(100.0))
    assert best["delay.p99"].words == "the start"
    told = as_dict(summary(fold))
    assert {one["name"] for one in told["best"]} == set(best)
    assert told["levers"][0]["changes"][0]["before"]["low"] <= told["levers"][0]["changes"][0]["before"]["mid"]
    assert not folded(header(), hello(), Rig(S // 2, 8 * S)).snapshot().best
