"""The object that --json prints."""

import json

import pytest

from kit.tape import MS, ZERO, Rig, S, bye, calm, header, hello, lever, merged
from loopscope.core.codec import as_dict
from loopscope.core.records import Loss, Power, Request, Truth
from loopscope.model.fold import Fold
from loopscope.model.summary import summary


def folded(*streams: object) -> Fold:
    fold = Fold()
    for record in merged(*streams):
        fold.feed(record)
    return fold


def test_the_shape_that_programs_rely_on() -> None:
    """Every name of the contract is there, and JSON holds it all."""
    result = json.loads(json.dumps(as_dict(summary(folded(*calm(12.0)))), allow_nan=False))
    assert {"source", "duration_s", "agents", "loop", "ceiling", "segments", "power", "observer"} <= set(result)
    assert {
        "name",
        "endpoint",
        "requests",
        "errors",
        "chunks",
        "tokens",
        "tok_s",
        "ttft_ms",
        "itl_ms",
        "gap_ms",
        "delay_ms",
    } <= set(result["agents"][0])
    for name in ("ttft_ms", "itl_ms", "gap_ms", "delay_ms"):
        assert {"p50", "p99"} <= set(result["agents"][0][name])
    assert {"name", "elu", "cpu", "lag_ms"} <= set(result["loop"])
    assert {"p50", "p99", "max", "floor"} <= set(result["loop"]["lag_ms"])
    assert {"now_chunks_s", "at_least_chunks_s", "headroom"} <= set(result["ceiling"])
    segment = result["segments"][0]
    assert {"t0_s", "t1_s", "levers", "settle_s", "agents", "loop", "ceiling"} <= set(segment)
    assert set(segment["agents"][0]) == set(result["agents"][0])
    assert set(segment["loop"]) == set(result["loop"])


def test_figures_are_over_the_whole_run() -> None:
    """Not over the last ten seconds: two minutes of which only the first half had a stall."""

    def lag(t: int) -> list[int]:
        return [30_100_000 if t == 20 * S else 100_000]

    result = as_dict(summary(folded(*calm(60.0, lag=lag))))
    assert result["loop"]["lag_ms"]["max"] == pytest.approx(30.0)
    assert result["loop"]["lag_ms"]["floor"] == pytest.approx(0.1)
    assert result["agents"][0]["gap_ms"]["n"] == 5950 - 24 - 24
    assert result["agents"][0]["chunks"] == 5950
    assert result["agents"][0]["tok_s"] == pytest.approx(100.0)
    assert result["ceiling"]["now_chunks_s"] == pytest.approx(200.0)
    assert result["duration_s"] == 60.0


def test_tokens_per_chunk_are_in_the_rate() -> None:
    """Two tokens a chunk at 100 chunks/s: 200 tok/s, for the agent, the run and the segment."""
    result = as_dict(summary(folded(*calm(9.0, tokens=lambda chunks: 2 * chunks))))
    assert result["agents"][0]["tok_s"] == pytest.approx(200.0)
    assert result["tok_s"] == pytest.approx(200.0)
    assert result["segments"][0]["tok_s"] == pytest.approx(200.0)
    assert result["agents"][0]["tokens"] == 2 * 768


def test_the_last_moment_counts() -> None:
    """What lies in bins that are not over yet is summed up too, also an end within a bin."""
    records = calm(7.0)
    result = as_dict(summary(folded(*records)))
    assert result["chunks"] == 1_300
    assert result["measured_s"] == pytest.approx(6.25)
    odd = as_dict(summary(folded(header(), hello(), Rig(S // 2, 7 * S + 100 * MS))))
    assert odd["chunks"] == 1_320
    assert odd["measured_s"] == pytest.approx(6.35)
    assert odd["ceiling"]["now_chunks_s"] == pytest.approx(200.0)


def test_summing_up_changes_nothing() -> None:
    """A session may be summed up while it goes on: the snapshot is the same, and a second summary too."""
    records = calm(9.0)
    fold, other = folded(*records[:60]), folded(*records[:60])
    first = as_dict(summary(fold))
    assert fold.snapshot().ceiling == other.snapshot().ceiling
    assert as_dict(summary(fold)) == first
    for record in records[60:]:
        fold.feed(record)
        other.feed(record)
    assert as_dict(summary(fold)) == as_dict(summary(other))


def test_a_session_of_nothing() -> None:
    """No record, or a header alone: an object with nulls, no error."""
    for fold in (Fold(), folded(header())):
        result = as_dict(summary(fold))
        json.dumps(result, allow_nan=False)
        assert result["ceiling"]["at_least_chunks_s"] is None
        assert result["ceiling"]["words"] == "no chunks"
        assert result["power"] is None


def test_a_session_in_which_nothing_came_still_knows_its_loop() -> None:
    """Both servers refuse: no chunk, errors by agent, and the loop's figures over all the time there was."""
    failures = [
        Request(
            t_ns=ZERO + n * S,
            proc="rig-1",
            agent=n % 2,
            request=n,
            outcome="refused",
            words="connection refused",
            start_ns=ZERO + n * S - MS,
            end_ns=ZERO + n * S,
        )
        for n in range(1, 9)
    ]
    result = as_dict(summary(folded(header(), hello(), Rig(100 * MS, 10 * S, ()), *failures)))
    assert result["chunks"] == 0
    assert (result["requests"], result["errors"]) == (8, 8)
    assert [agent["errors"] for agent in result["agents"]] == [4, 4]
    assert result["loop"]["elu"] == pytest.approx(0.05)
    assert result["loop"]["lag_ms"]["p50"] == 0.0


def test_failures_before_the_first_chunk_are_counted() -> None:
    """Start-up is in no rate, but what failed in it did fail."""
    failed = Request(
        t_ns=ZERO + 200 * MS, proc="rig-1", agent=0, request=0, outcome="refused", start_ns=ZERO, end_ns=ZERO + 1
    )
    result = as_dict(summary(folded(*calm(8.0), failed)))
    assert result["errors"] == 1
    assert result["agents"][0]["errors"] == 1
    assert result["ceiling"]["now_chunks_s"] == pytest.approx(200.0)


def test_power_is_the_mean_of_the_run_or_null() -> None:
    """The label says what it is; a share is no power."""
    watts = [
        Power(t_ns=ZERO + n * S // 4, source="nvml", name="GPU 0", watts=100.0 if n < 20 else 200.0) for n in range(41)
    ]
    plain = header(source="urls", servers=[])
    power = as_dict(summary(folded(plain, hello(), Rig(S // 2, 10 * S), *watts)))["power"]
    assert power["watts"] == pytest.approx(150.0, rel=0.1)
    assert (power["source"], power["label"], power["simulated"]) == ("nvml", "GPU 0 power, W", False)
    share = [Power(t_ns=ZERO + n * S, source="cpu", share=0.25) for n in range(8)]
    power = as_dict(summary(folded(plain, hello(), Rig(S // 2, 8 * S), *share)))["power"]
    assert (power["watts"], power["share"]) == (None, pytest.approx(0.25))


def test_losses_truth_and_what_was_ignored() -> None:
    """What was lost is listed with its words, what emulators counted stands beside what agents saw."""
    lost = Loss(t_ns=ZERO + S, what="samples", count=7, words="no room\x1b[0m")
    told = [
        Truth(t_ns=ZERO + 9 * S, proc=f"emulator-{n}", requests=4, streams=1, chunks=950, tokens=950) for n in (1, 2)
    ]
    result = as_dict(summary(folded(*calm(9.0, more_pulse={"dropped": 2}), lost, *told)))
    assert result["losses"] == [{"t_s": 1.0, "what": "samples", "count": 7, "words": "no room·[0m"}]
    assert result["truth"] == {"servers": 2, "requests": 8, "chunks": 1_900, "tokens": 1_900}
    assert result["observer"]["dropped"] == 2
    assert as_dict(summary(folded(*calm(3.0))))["truth"] is None


def test_a_lever_and_its_effect() -> None:
    """Each pull with its time, both values and figures on both sides."""
    (pulled,) = as_dict(summary(folded(*calm(20.0), lever(8 * S, "decoder", "orjson", "json", words="at once"))))[
        "levers"
    ]
    assert (pulled["name"], pulled["old"], pulled["new"], pulled["t_s"]) == ("decoder", "orjson", "json", 8.0)
    assert pulled["before"]["tok_s"] == pytest.approx(100.0)
    assert pulled["after"]["at_least_chunks_s"] == pytest.approx(4_000)
    assert not pulled["cut_short"]


def test_a_rig_that_drains_neither_raises_nor_lowers_the_ceiling() -> None:
    """Its chunks count as chunks, but neither they nor its busy loop are set against the new one."""
    stream = (
        header(4),
        hello(),
        Rig(S // 2, 8 * S, elu=0.1),
        hello(8 * S, "rig-2", "uvloop"),
        lever(8 * S + 1, "loop", "asyncio", "uvloop"),
        Rig(8 * S, 16 * S, proc="rig-2", loop="uvloop", elu=0.02),
    )
    alone = as_dict(summary(folded(*stream, bye(8 * S + 2))))
    drained = as_dict(summary(folded(*stream, Rig(8 * S, 11 * S, (2, 3), elu=0.9, gap=2 * MS), bye(11 * S))))
    assert drained["chunks"] == alone["chunks"] + 3_000
    assert drained["loop"]["elu"] == pytest.approx(alone["loop"]["elu"])
    assert drained["ceiling"]["at_least_chunks_s"] == pytest.approx(alone["ceiling"]["at_least_chunks_s"])
    assert alone["loop"]["elu"] == pytest.approx((7.25 * 0.1 + 8 * 0.02) / 15.25, rel=0.01)


def test_a_segment_names_its_own_loop() -> None:
    """Before the takeover asyncio, after it uvloop, each with its own utilisation."""
    result = as_dict(
        summary(
            folded(
                header(),
                hello(),
                Rig(S // 2, 8 * S, elu=0.1),
                hello(8 * S, "rig-2", "uvloop"),
                lever(8 * S + 1, "loop", "asyncio", "uvloop"),
                bye(8 * S + 2),
                Rig(8 * S, 16 * S, proc="rig-2", loop="uvloop", elu=0.02),
            )
        )
    )
    assert [segment["loop"]["name"] for segment in result["segments"]] == ["asyncio", "uvloop"]
    assert [segment["loop"]["elu"] for segment in result["segments"]] == pytest.approx([0.1, 0.02])
    assert result["loop"]["name"] == "uvloop"


def test_delay_is_null_where_it_would_be_an_invention() -> None:
    """A server clock that is ahead: no delay anywhere in the object, but words."""
    result = as_dict(summary(folded(*calm(8.0, delay=-2 * MS))))
    assert result["delay_ms"]["p50"] is None
    assert "ahead" in result["delay_words"]
    assert result["agents"][0]["delay_ms"]["p99"] is None
    assert "ahead" in result["agents"][0]["delay_words"]
    assert result["segments"][0]["delay_ms"]["p50"] is None
