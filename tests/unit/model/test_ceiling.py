"""The ceiling's three standings, from the records of calibrations and ramps."""

from dataclasses import replace

import pytest

from kit.tape import ZERO, Rig, S, calm, header, hello, merged
from loopscope.core.records import Result
from loopscope.model.ceiling import CeilingBook
from loopscope.model.fold import Fold
from loopscope.model.snapshot import ResultView
from loopscope.stats.ceiling import Load

KEYS = {"client": "httpx", "loop": "asyncio", "decoder": "orjson", "batch": "off", "placement": "loop"}
COST = {"wakeup_us": 60.0, "read_us": 20.0, "chunk_us": 10.0, "cost_error": 0.1, "loads": 6.0}


def outcome(streams: int, hard: float, t: int = 1, what: str = "calibration", **more: str) -> Result:
    settings = KEYS | {"kind": "outcome", "streams": str(streams), "date": "2026-11-21", "limited_by": "client"} | more
    figures = {"hard_lo_chunks_s": hard * 0.9, "hard_mid_chunks_s": hard, "hard_hi_chunks_s": hard * 1.1}
    full = {"full_lo_chunks_s": hard * 0.4, "full_mid_chunks_s": hard * 0.5, "full_hi_chunks_s": hard * 0.6}
    return Result(t_ns=ZERO + t, proc="session", what=what, settings=settings, figures=figures | full | COST, words="w")


def point(streams: int, rate: float, us: float, t: int = 1, what: str = "calibration", **figures: float) -> Result:
    settings = KEYS | {"kind": "point", "streams": str(streams), "date": "2026-11-21"}
    given = {
        "offered_chunks_s": rate,
        "delivered_chunks_s": rate,
        "cpu_us": us,
        "turns_per_chunk": 1.0,
        "reads_per_chunk": 1.0,
        "delay_p50_ms": 1.0,
        "delay_p99_ms": 2.0,
        "elu": 0.5,
    }
    return Result(t_ns=ZERO + t, proc="session", what=what, settings=settings, figures=given | figures)


def seen(*results: Result, seconds: float = 12.0, **rig: object):
    fold = Fold()
    for record in merged(header(2), hello(), *results, Rig(S // 2, int(seconds * S), **rig)):
        fold.feed(record)
    return fold.snapshot().ceiling


def test_without_a_calibration_there_is_only_the_bound() -> None:
    """And the words say what is missing."""
    ceiling = seen()
    assert ceiling.expected is None
    assert ceiling.measured is None
    assert "no calibration yet for httpx on asyncio, orjson" in ceiling.expected_words
    assert ceiling.headroom_of == "at least"
    assert ceiling.headroom == pytest.approx(1 - ceiling.now_chunks_s / ceiling.at_least_chunks_s)
    assert ceiling.costs is None
    assert ceiling.curve == ()


def test_a_calibration_lets_expect_a_ceiling_with_its_date_and_interval() -> None:
    """Headroom is then taken against it; the bound stays beside it."""
    ceiling = seen(point(2, 1000, 90), outcome(2, 20_000), outcome(32, 40_000))
    assert ceiling.expected is not None
    assert (ceiling.expected.low, ceiling.expected.mid, ceiling.expected.high) == (18_000, 20_000, 22_000)
    assert ceiling.expected.date == "2026-11-21"
    assert "calibrated 2026-11-21 for httpx on asyncio, orjson, 2 to 32 streams" in ceiling.expected.words
    assert ceiling.headroom_of == "expected"
    assert ceiling.headroom == pytest.approx(1 - 200 / 20_000, abs=0.001)
    assert ceiling.at_least_chunks_s == pytest.approx(4_000, rel=0.05)
    assert ceiling.full is not None
    assert ceiling.full.mid == 10_000
    assert ceiling.costs is not None
    assert "6 loads with 2, 32 streams" in ceiling.costs.words


def test_a_calibration_of_other_levers_is_what_the_next_lever_gives() -> None:
    """One lever apart only, the most first; what is stale is not offered."""
    ceiling = seen(
        outcome(2, 20_000),
        outcome(2, 50_000, loop="uvloop"),
        outcome(2, 70_000, client="streams"),
        outcome(2, 90_000, loop="uvloop", client="streams"),
        outcome(2, 80_000, decoder="json", stale="python was 3.0"),
    )
    assert [(lever.lever, lever.value, lever.expected.mid) for lever in ceiling.next_levers] == [
        ("client", "streams", 70_000),
        ("loop", "uvloop", 50_000),
    ]


def test_todays_costs_scale_what_is_expected() -> None:
    """A loop that pays 1.5 times as much for each chunk is expected to carry two thirds; what was found stays within.

    The tape: two agents at 100 chunks/s, 4 % CPU: 200 us a chunk, in one turn and one read each.
    """
    told = [point(2, rate, 200 / 1.5) for rate in (100, 300)]
    per_pulse = {"turns": 20, "reads": 20}
    ceiling = seen(*told, outcome(2, 30_000), more_pulse=per_pulse, seconds=14.0)
    assert ceiling.costs is not None
    assert ceiling.costs.today == pytest.approx(1.5, rel=0.05)
    assert ceiling.expected is not None
    assert ceiling.expected.mid == pytest.approx(20_000, rel=0.05)
    assert ceiling.expected.low <= 20_000 * 0.95
    assert ceiling.expected.high >= 33_000 * 0.99
    assert "chunks cost 1.5" in ceiling.expected.words


def test_a_difference_within_what_the_fit_misses_scales_nothing() -> None:
    """Costs are known to 10 %: chunks that are 8 % dearer may be chance, the expectation stays and says nothing."""
    told = [point(2, rate, 200 / 1.08) for rate in (100, 300)]
    ceiling = seen(*told, outcome(2, 30_000), more_pulse={"turns": 20, "reads": 20}, seconds=14.0)
    assert ceiling.costs is not None
    assert ceiling.costs.today == pytest.approx(1.08, rel=0.03)
    assert ceiling.expected is not None
    assert ceiling.expected.mid == 30_000
    assert "scaled" not in ceiling.expected.words


def test_of_several_loads_of_today_the_median_scales() -> None:
    """One of them was dear by chance, as a second of one load is: it moves nothing."""
    book = CeilingBook()
    for told in (*(point(2, rate, 200 / 1.5) for rate in (100, 300)), outcome(2, 30_000)):
        book.take(ResultView(0.0, told.what, told.words, told.settings, told.figures))
    today = [Load(2, rate, rate, cpu_us=us, turns=1.0, reads=1.0) for rate, us in ((120, 380), (150, 200), (200, 200))]
    found = book.look(KEYS, 2, today).expected
    assert found is not None
    assert found.mid == pytest.approx(20_000, rel=0.03)
    disturbed = book.look(KEYS, 2, [replace(load, runq=0.5) for load in today]).expected
    assert disturbed is not None
    assert disturbed.mid == 30_000


def test_costs_that_are_far_off_ask_for_a_new_calibration() -> None:
    """They do not scale."""
    told = [point(2, rate, 40) for rate in (100, 300)]
    ceiling = seen(*told, outcome(2, 30_000), more_pulse={"turns": 20, "reads": 20}, seconds=14.0)
    assert ceiling.expected is not None
    assert ceiling.expected.mid == 30_000
    assert "calibrate anew" in ceiling.expected.words


def test_a_stale_calibration_is_shown_and_not_used() -> None:
    """Headroom falls back to the bound."""
    ceiling = seen(outcome(2, 20_000, stale="python was 3.0, is 3.1"))
    assert ceiling.expected is not None
    assert "python was 3.0" in ceiling.expected.stale
    assert ceiling.headroom_of == "at least"


def test_a_ramp_gives_the_measured_ceiling_and_the_curve() -> None:
    """For these levers and this number of streams only; while it runs its points are the curve."""
    points = [point(2, rate, 50, what="ramp", t=n + 2) for n, rate in enumerate((4_000, 1_000))]
    under_way = seen(*points)
    assert [at.chunks_s for at in under_way.curve] == [1_000, 4_000]
    assert under_way.curve_words == "a ramp is under way"
    assert under_way.measured is None
    done = seen(*points, outcome(2, 5_000, what="ramp", t=9))
    assert done.measured is not None
    assert done.measured.mid == 5_000
    assert len(done.curve) == 2
    assert done.expected is None
    other = seen(*points, outcome(32, 5_000, what="ramp", t=9))
    assert other.measured is None


def test_where_the_server_is_the_limit_that_is_said() -> None:
    """Instead of calling it the client's ceiling."""
    ceiling = seen(outcome(2, 5_000, what="ramp", t=9, limited_by="server"))
    assert "the server is the limit" in ceiling.server_words


def test_nonsense_in_results_does_not_raise() -> None:
    """Missing figures, impossible ones, no number of streams."""
    for what in ("ramp", "calibration"):
        for kind in ("point", "outcome"):
            for streams in ("", "x", "-1", "99999999999"):
                told = Result(
                    t_ns=ZERO + 1,
                    proc="session",
                    what=what,
                    settings={"kind": kind, "streams": streams},
                    figures={"hard_mid_chunks_s": -1.0, "delivered_chunks_s": None},
                )
                seen(told, seconds=1.0)
    nan = {"hard_lo_chunks_s": float("nan"), "hard_mid_chunks_s": 10.0, "hard_hi_chunks_s": 1.0}
    settings = KEYS | {"kind": "outcome", "streams": "2"}
    told = Result(t_ns=ZERO + 1, proc="session", what="calibration", settings=settings, figures=nan)
    ceiling = seen(told)
    assert ceiling.expected is not None
    assert ceiling.expected.low <= ceiling.expected.mid <= ceiling.expected.high


def test_a_calm_session_still_folds() -> None:
    """No result at all."""
    fold = Fold()
    for record in calm():
        fold.feed(record)
    assert fold.snapshot().ceiling.expected is None


@pytest.mark.parametrize(("lever", "value"), [("read", "4k"), ("tcp", "nagle")])
def test_another_read_size_is_another_client(lever: str, value: str) -> None:
    """What was calibrated with it is not expected without it, but named as what the lever would give."""
    ceiling = seen(outcome(2, 9000.0, **{lever: value}))
    assert ceiling.expected is None
    assert [(one.lever, one.value) for one in ceiling.next_levers] == [(lever, value)]
    book = CeilingBook()
    told = outcome(2, 9000.0, **{lever: value})
    book.take(ResultView(0.0, told.what, told.words, told.settings, told.figures))
    found = book.look(KEYS | {lever: value}, 2, None)
    assert found.expected is not None and f", {lever} {value}" in found.expected.words
    assert book.look(KEYS | {"read": "auto", "tcp": "default"}, 2, None).expected is None
