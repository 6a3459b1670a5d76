"""The OpenMetrics text, as prometheus_client's strict parser reads it."""

from pathlib import Path

import msgspec
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from kit.exported import WALL, chunks, everything, exported
from kit.tape import ZERO, Rig, S, header, hello, merged
from loopscope.core.records import AgentSpec, AnyRecord, Server

Families = dict[str, list[tuple[str, dict[str, str], float, float]]]


def families(folder: Path, records: list[AnyRecord] | None = None) -> Families:
    """Samples by family: name, labels, value, time."""
    text = exported(folder, "openmetrics", records).read_text("utf-8")
    return {
        family.name: [(s.name, s.labels, s.value, float(s.timestamp)) for s in family.samples]
        for family in text_string_to_metric_families(text)
    }


def test_counters_end_at_what_the_trace_holds(tmp_path: Path) -> None:
    """Chunks, tokens and requests by agent; every point has the Unix time of the end of its second."""
    found = families(tmp_path)
    last = {labels["agent"]: value for _, labels, value, _ in found["loopscope_chunks"]}
    assert sum(last.values()) == chunks(everything())
    assert set(last) == {"agent-1", "agent-2"}
    assert {labels["agent"]: value for _, labels, value, _ in found["loopscope_tokens"]} == {
        "agent-1": 400,
        "agent-2": 400,
    }
    assert {labels["outcome"] for _, labels, _, _ in found["loopscope_requests"]} == {"ok"}
    times = sorted({time for *_, time in found["loopscope_chunks"]})
    assert times == [WALL / S + second for second in range(1, 7)]


def test_counters_never_fall_and_time_runs_forward(tmp_path: Path) -> None:
    """As Prometheus needs it, for each metric by itself."""
    for name, samples in families(tmp_path).items():
        before: dict[tuple[str, ...], tuple[float, float]] = {}
        for sample, labels, value, time in samples:
            key = (sample, *labels.values())
            if key in before:
                assert time > before[key][1], name
                if sample.endswith(("_total", "_count", "_sum", "_bucket")):
                    assert value >= before[key][0], name
            before[key] = (value, time)


def _quantile(buckets: dict[str, float], share: float) -> float:
    """Do what histogram_quantile() does: interpolate within the bucket that holds the rank."""
    rank, below, edge = share * buckets["+Inf"], 0.0, 0.0
    for name, count in buckets.items():
        if count >= rank:
            return edge + (float(name) - edge) * (rank - below) / (count - below)
        below, edge = count, float(name)
    raise AssertionError


def test_histograms_are_whole(tmp_path: Path) -> None:
    """Buckets add up to the count; delays of 0.5 ms and gaps of 10 ms lie where they belong; units are in the names."""
    found = families(tmp_path)
    all_chunks = chunks(everything())
    name = "loopscope_delivery_delay_seconds"
    bucket = {labels["le"]: value for _, labels, value, _ in found[f"{name}_bucket"]}
    assert bucket["+Inf"] == found[f"{name}_count"][-1][2] == all_chunks
    assert _quantile(bucket, 0.5) == pytest.approx(0.0005, rel=0.05)
    assert _quantile(bucket, 0.99) == pytest.approx(0.0005, rel=0.05)
    assert list(bucket.values()) == sorted(bucket.values())
    assert found[f"{name}_sum"][-1][2] == pytest.approx(all_chunks * 0.0005)
    gaps = {labels["le"]: value for _, labels, value, _ in found["loopscope_chunk_gap_seconds_bucket"]}
    assert gaps["+Inf"] == all_chunks - 10 - 2  # begun requests, lost lines
    assert _quantile(gaps, 0.5) == pytest.approx(0.01, rel=0.05)


def test_gauges_have_the_loop_and_the_power(tmp_path: Path) -> None:
    """Utilisation as a share, the card's watts, and a kind for each event."""
    found = families(tmp_path)
    assert {round(value, 3) for _, _, value, _ in found["loopscope_loop_utilisation_ratio"]} == {0.05}
    ((_, labels, watts, _),) = found["loopscope_power_watts"]
    assert (labels, watts) == ({"source": "nvml", "name": "Card"}, 90.5)
    events = {labels["kind"]: value for _, labels, value, _ in found["loopscope_events"]}
    assert events == {"lever": 1, "mark": 1, "stall": 1, "finding": 1, "loss": 1}


def test_labels_are_escaped(tmp_path: Path) -> None:
    """Quotes, backslashes and line ends in names come through as text."""
    spec = AgentSpec(agent=0, name='a"b\\c\nd', server=0)
    head = msgspec.structs.replace(header(1), agents=[spec])
    found = families(tmp_path, merged(head, hello(1), Rig(S, 2 * S, (0,))))
    assert {labels["agent"] for _, labels, _, _ in found["loopscope_chunks"]} == {'a"b\\c·d'}


def test_a_trace_without_wall_time_counts_from_zero(tmp_path: Path) -> None:
    """Times are then seconds since it began; an empty trace is an empty exposition."""
    found = families(tmp_path, merged(header(1), hello(1), Rig(S, 2 * S, (0,))))
    assert {time for *_, time in found["loopscope_chunks"]} == {2.0}
    (tmp_path / "empty").mkdir()
    assert set(families(tmp_path / "empty", [header(0)])) == {"loopscope_trace"}


def test_delays_of_another_host_are_not_counted(tmp_path: Path) -> None:
    """Its clock is not ours: there is no delivery delay, but chunks and gaps."""
    head = header(1, servers=[Server(url="http://10.0.0.7:11434")], source="urls", anchor_perf_ns=ZERO)
    found = families(tmp_path, merged(head, hello(1), Rig(S, 2 * S, (0,))))
    assert "loopscope_delivery_delay_seconds_count" not in found
    assert found["loopscope_chunk_gap_seconds_count"]
