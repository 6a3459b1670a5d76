"""What procedures told a trace, put together again, in every face of a report."""

import json

import pytest

from kit.tape import ZERO, S, calm
from loopscope.core.records import Result
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.report.html.procedure_results import sections
from loopscope.report.procedure_results import data as result_data
from loopscope.report.procedure_results import markdown as result_markdown
from loopscope.report.procedure_results import text as result_text
from loopscope.report.procedure_results.build import Found, found_in

PARTS = {"imbalance": 0.1, "cold_start": 0.0, "prompt": 0.02, "decode": 0.4, "queue": 0.0, "client": -0.02}


def told(at_s: float, what: str, settings: dict[str, str], figures: dict[str, float | None], words: str = "") -> Result:
    return Result(t_ns=ZERO + int(at_s * S), proc="session", what=what, settings=settings, figures=figures, words=words)


def round_of(number: int, words: str = "", agents: str = "2", **more: float | None) -> Result:
    figures = {"measured": 0.5, "wall": 0.9, "reported": 0.8, "speedup": 1.0, **PARTS, "client_loop": -0.02, **more}
    settings = {"scenario": "pair", "agents": agents, "round": str(number)}
    return told(5 + number / 10, "round", settings, figures, words)


def found(*results: Result) -> Found:
    fold = Fold()
    for record in (*calm(4), *results):
        fold.feed(record)
    fold.finish()
    return found_in(fold, summary(fold))


def faces(one: Found) -> str:
    page = "".join(part for section in sections(one) for part in section.inside)
    text = "\n".join(line for block in result_text.blocks(one, 100) for line in block)
    return "\n".join(
        [
            text,
            "\n".join(result_markdown.parts(one)),
            page,
            json.dumps(result_data.data(one), allow_nan=False),
        ]
    )


def test_nothing_was_run_nothing_is_told() -> None:
    """No section; empty lists in the data."""
    one = found()
    assert [*sections(one), *result_text.blocks(one, 100), *result_markdown.parts(one)] == []
    assert result_data.data(one)["rounds"] == result_data.data(one)["ab"] == []


def test_rounds_are_a_table_and_a_sum_with_its_evidence() -> None:
    """Means over the rounds that count, the parts sum to the loss, and each agent's share stands beside."""
    agent = {"tok_s": 41.0, "alone_tok_s": 112.0, "tokens": 386.0, "wall_s": 9.0, "alone_wall_s": 4.0, **PARTS}
    end = told(6, "scenario", {"scenario": "pair", "agents": "2", "rounds": "2"}, {"measured": 0.5}, "two of them")
    one = found(
        round_of(1),
        round_of(2, "left out: one failed"),
        told(5.9, "agent", {"scenario": "pair", "agents": "2", "agent": "a"}, agent),
        told(5.9, "agent", {"scenario": "pair", "agents": "2", "agent": "a"}, agent),
        end,
    )
    (rounds,) = one.rounds
    assert (rounds.counted, rounds.finished, rounds.agents) == (1, True, 2)
    assert sum(rounds.means[name] for name in PARTS) == pytest.approx(1 - rounds.means["measured"])
    assert list(rounds.by_agent) == ["a", "a 2"]
    said = faces(one)
    for words in ("left out: one failed", "alone 112", "-40.0", "two of them", "measured", "wall", "reported"):
        assert words in said
    assert '<svg viewBox="0 0 1000' in said


def test_rounds_that_ended_early_or_do_not_count_say_so() -> None:
    """Two sets, the first cut off by the second; where no round counts there is no mean."""
    one = found(round_of(1), round_of(2), round_of(1, "left out: it broke", agents="4"))
    assert [made.finished for made in one.rounds] == [False, False]
    assert one.rounds[1].over == {}
    assert "ended early" in faces(one)
    assert "not enough data" in faces(one)


def test_standings_of_a_ceiling_are_kept_apart() -> None:
    """At least, calibrated, measured; of other levers nothing but that they are there; an open end is open."""
    settings = {"client": "httpx", "loop": "asyncio", "decoder": "orjson", "batch": "off", "placement": "loop"}
    point = {"offered_chunks_s": 100.0, "delivered_chunks_s": 100.0, "delay_p50_ms": 1.0, "delay_p99_ms": 2.0}
    hard = {"hard_lo_chunks_s": 900.0, "hard_mid_chunks_s": 1000.0, "hard_hi_chunks_s": None}
    dated = {**settings, "streams": "2", "date": "2026-11-21T14:00+00:00", "kind": "outcome", "limited_by": "client"}
    one = found(
        told(1, "calibration", dated, hard),
        told(1, "calibration", {**dated, "client": "aiohttp"}, hard),
        told(2, "ramp", {"kind": "point"}, point),
        told(2.1, "ramp", {"kind": "point"}, {**point, "fell": 1.0}),
        told(2.2, "ramp", {**settings, "streams": "2", "kind": "outcome", "limited_by": "server"}, hard, "a ramp"),
    )
    assert [(made.what, made.mine, len(made.curve)) for made in one.ceilings] == [
        ("calibration", True, 0),
        ("calibration", False, 0),
        ("ramp", True, 2),
    ]
    said = faces(one)
    for words in ("at least", "calibrated", "measured", "900 to ?", "2026-11-21 14:00", "the server", "fell behind"):
        assert words in said
    assert "1 kept calibration of other levers not shown" in said


def test_a_b_b_a_has_its_verdicts() -> None:
    """Each figure with what B does to it; surely better and worse look different; one cut off says so."""
    settings = {"lever": "batch", "a": "off", "b": "read:50ms", "pairs": "4"}
    row = {"a": 1.0, "b": 2.0, "difference": 1.0, "low": 0.5, "high": 1.5, "surely": 1.0}
    one = found(
        told(1, "ab", {**settings, "figure": "delay.p50", "unit": "ms"}, row, "delivery delay p50 higher by 1 ms"),
        told(1, "ab", {**settings, "figure": "elu", "unit": "share of time"}, {}, "ELU not enough data"),
        told(1.1, "ab", settings, {"seconds": 3.0}, "batch does something"),
        told(2, "ab", {**settings, "figure": "elu", "unit": "share of time"}, {}, "ELU cannot tell"),
    )
    assert [(flip.finished, len(flip.rows)) for flip in one.flips] == [(True, 2), (False, 1)]
    said = faces(one)
    for words in ("batch does something", '<span class="bad">higher by 1 ms</span>', "not enough data", "ended early"):
        assert words in said


def test_whatever_a_trace_says_is_text_and_finite() -> None:
    """Markup in a name, figures beyond any measure: shown as text, left out of the means."""
    evil = "<script>|x"
    one = found(
        told(1, "round", {"scenario": evil, "agents": evil, "round": evil}, {"measured": 1e308, "wall": 1e308}, evil),
        round_of(1, measured=1e308, wall=-1e308),
        told(2, "ab", {"lever": evil, "a": evil, "b": evil, "figure": evil, "unit": evil}, {"a": 1e308}, evil),
        told(3, "ramp", {"client": evil, "kind": "outcome"}, {"hard_mid_chunks_s": -1.0}, evil),
    )
    assert "<script>" not in "".join(part for section in sections(one) for part in section.inside)
    json.dumps(result_data.data(one), allow_nan=False)
    assert list(result_text.blocks(one, 60))
