"""The ceiling, closely; the ledger; the efficiency of rounds."""

from dataclasses import replace

import pytest

from loopscope.draw.ink import text_of
from loopscope.model.snapshot import Snapshot
from loopscope.model.standing import CurvePoint, Standing
from loopscope.session.source import Abilities, Progress
from loopscope.ui.panes import ceiling, curve, efficiency, ledger, procedure
from loopscope.ui.view import View
from ui.fakes import KNOWN, FakeSource, flipped, round_of

BASE = FakeSource(2).snapshot()
CAN = Abilities(True, procedures=True)


def known(**more: object) -> View:
    """A session with a calibration and a ramp."""
    return View(snapshot=replace(BASE, ceiling=replace(BASE.ceiling, **{**KNOWN, **more})), seen=True, abilities=CAN)


def test_the_three_standings_are_kept_apart() -> None:
    """Each has its own line, its interval and its grounds; the bound is drawn as one."""
    lines = text_of(curve.standings(known(), 160, 12)).splitlines()
    line = {
        words: next(each for each in lines if f"│ {words}" in each) for words in ("at least", "expected", "measured")
    }
    assert "≥15.7 k" in line["at least"] and "lower bound" in line["at least"]
    assert (
        "≈12.3 k" in line["expected"]
        and "11.0 k to 13.9 k" in line["expected"]
        and "calibrated 2026" in line["expected"]
    )
    assert "11.8 k" in line["measured"] and "11.5 k to 12.2 k" in line["measured"] and "ramp" in line["measured"]
    assert any("headroom" in each and "97 %" in each and "now / expected" in each for each in lines)
    assert "httpx · uvloop · orjson · batch decode:50ms · 2 streams" in lines[0]


def test_what_is_not_known_is_said() -> None:
    """No figure stands where there is none, and what to do about it does."""
    view = View(snapshot=Snapshot(), seen=True, abilities=CAN)
    text = text_of(curve.standings(view, 160, 12))
    assert "no calibration yet" in text and "no ramp yet" in text and "not known" in text
    assert "not enough data: K calibrates, R ramps" in text_of(curve.curve(view, 100, 12))
    assert "not calibrated yet" in text_of(curve.costs(view, 60, 10))
    assert "K" not in text_of(curve.curve(View(), 100, 12))


@pytest.mark.parametrize(
    ("limited_by", "says"),
    [
        ("server", "the server was the limit first"),
        ("core", "the cores were taken"),
        ("client", ""),
        ("range", "no more could be asked"),
    ],
)
def test_what_was_the_limit(limited_by: str, says: str) -> None:
    """Another limit than the client is never passed off as the client's ceiling; what is stale says so."""
    found = Standing(9_000.0, 8_000.0, None, "a ramp", limited_by=limited_by, stale="httpx 0.29 was 0.28")
    text = text_of(curve.standings(known(measured=found), 200, 12))
    assert says in text
    assert "8 000 or more" in text and "may be out of date: httpx 0.29 was 0.28" in text


def test_the_curve() -> None:
    """Points on log axes, now, the full point and the ceiling, each named with its rate; the points use the width."""
    text = text_of(curve.curve(known(), 120, 16))
    for words in (
        "now 20",
        "full 9 100",
        "measured 11.8 k",
        "kept up",
        "fell behind",
        "measured by the ramp",
        "chunks/s",
    ):
        assert words in text, words
    assert text.count("●") >= 7 and text.count("×") == 2
    late = (CurvePoint(1000.0, 1.0, 1.0, 0.1), CurvePoint(2000.0, 9e3, 2e4, 1.0, fell=True))
    assert all(len(line) == 120 for line in text_of(curve.curve(known(curve=late), 120, 16)).splitlines())
    assert "10.0 s " in text_of(curve.curve(known(curve=late), 120, 16))
    bad = (CurvePoint(1000.0, None, None, None), CurvePoint(0.0, 1.0, 1.0, 0.1), CurvePoint(10.0, 1.0, 0.0, 0.1))
    assert "not enough data" in text_of(curve.curve(known(curve=bad), 120, 16))


@pytest.mark.parametrize(("high", "named"), [(14_800.0, "measured 7 000 to 14.8 k"), (None, "measured 7 000 or more")])
def test_a_ceiling_that_is_known_no_better_is_a_band(high: float | None, named: str) -> None:
    """After a noisy ramp no point lies near the middle: both ends are drawn, and named, with the points over them."""
    calm = text_of(curve.curve(known(), 120, 16))
    text = text_of(curve.curve(known(measured=Standing(13_000.0, 7_000.0, high, "a ramp", limited_by="core")), 120, 16))
    assert named in text and "13.0 k" not in text and "░" not in calm
    band = text.splitlines()[2]
    assert band.count("░") >= 8 and band.count("│") == (4 if high else 3)
    assert text.count("●") == calm.count("●") and text.count("×") == calm.count("×")


def test_what_a_ramp_has_said_itself_is_said_once() -> None:
    """Its sentence names the limit: neither the limit's own words nor the line about the server repeat it."""
    words = "httpx on uvloop, 2 streams: keeps up with 11,000 chunks/s; the server is the limit: it sends less"
    found = Standing(11_000.0, 10_500.0, None, words, limited_by="server")
    text = text_of(curve.standings(known(measured=found, server_words=f"the server is the limit: {words}"), 200, 12))
    assert text.count("the server") == 1
    both = text_of(curve.standings(known(measured=found, full=replace(found, mid=9_000.0)), 200, 12))
    assert both.count(words) == 1 and "of the same ramp" in both
    assert "○ the server stands" in text_of(curve.standings(known(server_words="the server stands"), 200, 12))


def test_the_live_pane_names_the_standings() -> None:
    """Beside the bound stands what is expected and what was measured, each by its name."""
    text = text_of(ceiling.draw(known(), 72, 12))
    assert "≈12.3 k/s (11.0 k to 13.9 k)" in text and "measured 11.8 k/s" in text
    assert "headroom 97 % of expected" in text
    assert "expected" not in text_of(ceiling.draw(View(snapshot=BASE), 72, 12))


def test_progress_and_result() -> None:
    """While it runs: how far, what, how long; then what came of it, or why nothing did."""
    runs = Progress("ramp", "Ramp", True, 0.42, "rate 12 of 20", 19.0, 45.0)
    text = text_of(procedure.draw(replace(known(), procedure=runs), 100, 4))
    assert "42 %  19 s of about 45 s" in text and "rate 12 of 20" in text and "X cancels" in text
    ended = replace(runs, running=False, problem="cancelled")
    assert "cancelled" in text_of(procedure.draw(replace(known(), procedure=ended), 100, 4))
    done = replace(runs, running=False)
    assert "done in 19 s" in text_of(procedure.draw(replace(known(), procedure=done), 100, 4))
    assert "nothing can be run" in text_of(procedure.draw(View(), 100, 4))


def test_the_ledger() -> None:
    """Every pull, the newest on top, both sides, judged by intervals; settling is said."""
    source = FakeSource(2)
    source.pull("throttle", "60")
    view = View(snapshot=source.snapshot())
    lines = text_of(ledger.draw(view, 160, 12)).splitlines()
    assert [line.strip("│▸ ").split()[0] for line in lines[2:6]] == ["1:13", "1:01", "0:42", "0:29"]
    assert "settling" in lines[2] and "▸" in lines[2]
    assert "decode:50ms" in lines[3] and "✓" in lines[3] and "✗" in lines[3]
    assert "gap p99" in lines[1] and "CPU" in lines[1] and "≈ cannot tell" in lines[0]
    assert "J" in text_of(ledger.draw(view, 200, 12)).splitlines()[1]
    best = text_of(ledger.summary(view, 160, 4))
    assert "★ ceiling, at least 15.4 k chunks/s since batch=decode:50ms, 1:06" in best
    assert "nothing was pulled yet" in text_of(ledger.draw(View(), 100, 8))
    unknown = replace(view.snapshot.ceiling, at_least_chunks_s=None, words="not enough data: 1.0 of 3 s")
    none = text_of(ledger.summary(View(snapshot=replace(view.snapshot, ceiling=unknown)), 160, 4))
    assert "at least now –  not enough data: 1.0 of 3 s" in none and "≥" not in none


def test_one_pull_closely() -> None:
    """Its figures with what can be said of each, what is sure on top; one that is settling says so."""
    source = FakeSource(2)
    source.pull("throttle", "60")
    view = View(snapshot=source.snapshot())
    assert "settling" in text_of(ledger.closely(view, 100, 10))
    view.choose_pull(1)
    lines = text_of(ledger.closely(view, 100, 10)).splitlines()
    assert "batch off → decode:50ms at 1:01" in lines[0]
    assert "✓ ceiling, at least" in lines[2] and "higher by" in lines[2] and "8 464" in lines[2]
    assert "✗ received to handled" in lines[3]
    assert any("≈ decode rate" in line and "cannot tell" in line for line in lines)
    view.choose_pull(99)
    assert view.pull_place() == 3
    view.choose_pull(0)
    source.pull("agents", "3")
    view.snapshot = source.snapshot()
    assert view.pull_place() == 0
    bare = replace(view.snapshot, effects=tuple(replace(e, changes=()) for e in view.snapshot.effects))
    assert "no intervals in this trace" in text_of(
        ledger.closely(View(snapshot=bare, pull_s=bare.effects[0].t_s), 90, 9)
    )


def rounds(*more: object) -> View:
    """A session with rounds."""
    results = (round_of(1, 10.0), round_of(2, 25.0, "left out: agent-1 failed"), round_of(3, 40.0), *more)
    return View(snapshot=replace(BASE, results=results), abilities=CAN)  # type: ignore[arg-type]


def test_three_formulas_with_their_names() -> None:
    """Side by side; rounds that do not count are neither in the means nor hidden."""
    text = text_of(efficiency.formulas(rounds(), 160, 9))
    for words in ("measured, %", "wall, %", "reported, %", "2 of 3 rounds count", "tr116, 2 agents", "speed-up 0.89"):
        assert words in text, words
    assert "measured, %  " in text and " to " in text.split("measured, %")[1].split("wall")[0]
    small = text_of(efficiency.formulas(rounds(), 80, 5))
    assert "measured" in small
    listed = text_of(efficiency.rounds(rounds(), 140, 8))
    assert "left out: agent-1 failed" in listed
    assert "no rounds yet: S" in text_of(efficiency.formulas(View(abilities=CAN), 100, 8))


def test_the_parts_sum() -> None:
    """From one to measured, each part with its sign; a sum that does not hold would be said."""
    text = text_of(efficiency.waterfall(rounds(), 140, 14))
    assert "the parts sum to it exactly" in text
    for words in ("imbalance", "-11.0", "decode", "-42.0", "queue", "+0.3", "connect -0.1", "measured"):
        assert words in text, words
    assert "cold start" in text
    wrong = replace(rounds().snapshot.results[0], figures={"measured": 0.5, "imbalance": 0.1})
    view = View(snapshot=replace(BASE, results=(wrong,)))
    assert "the parts miss it by 40 %" in text_of(efficiency.waterfall(view, 140, 14))


def test_what_a_b_b_a_has_found() -> None:
    """What is sure stands on top with its sign; what is not says that it cannot be told; a newer run replaces."""
    earlier = tuple(replace(one, settings=one.settings | {"lever": "decoder"}) for one in flipped())
    view = View(snapshot=replace(BASE, results=(round_of(1, 1.0), *earlier, *flipped())), abilities=CAN)
    lines = text_of(procedure.ab(view, 140, 8)).splitlines()
    assert "A-B-B-A: loop A asyncio, B uvloop" in lines[0] and "6 pairs" in lines[-1]
    assert "✓ ceiling, at least" in lines[2] and "2 420" in lines[2] and "700 to 1 010" in lines[2]
    assert "✗ delivery delay p99" in lines[3]
    assert "≈ client gap p50" in lines[4] and "cannot tell" in lines[4] and "-0.05 to –" in lines[4]
    assert "none yet: A flips" in text_of(procedure.ab(View(abilities=CAN), 100, 8))
    # Sure by its ratio alone: an interval that holds zero beside a sign that says "sure" would contradict it.
    ratio = {"low": -0.4, "ratio": 1.3, "ratio_low": 1.1, "ratio_high": 1.5}
    grows = tuple(replace(one, figures=one.figures | ratio) for one in flipped())
    lines = text_of(procedure.ab(View(snapshot=replace(BASE, results=grows), abilities=CAN), 140, 8)).splitlines()
    assert "1.1 to 1.5 times A" in lines[2] and "-0.4" not in lines[2]
    running = View(snapshot=replace(BASE, results=flipped()[:2]), abilities=CAN)
    assert "✓" in text_of(procedure.ab(running, 140, 8))
