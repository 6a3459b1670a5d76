"""When tokens come."""

from itertools import islice
from pathlib import Path

import pytest

from loopscope.core import zstd
from loopscope.core.codec import encode
from loopscope.core.errors import InputError
from loopscope.core.records import Chunks
from loopscope.emulator.timing import MAX_GAPS, Timing, parse_timing, read_gaps


def gaps(timing: Timing, count: int, rate: float = 100, seed: str = "a") -> list[int]:
    """The first gaps of a request."""
    source = timing.gap(rate, seed)
    assert source is not None
    return [source() for _ in range(count)]


def test_constant_needs_no_source() -> None:
    """Every gap is the same, so the stream counts by itself."""
    assert parse_timing("constant").gap(100, "a") is None


def test_lognormal_keeps_the_mean_rate_and_its_seed() -> None:
    """The mean gap is that of the rate, within a standard error or so; the same seed gives the same gaps."""
    timing = parse_timing("lognormal:0.5")
    drawn = gaps(timing, 20_000)
    assert abs(sum(drawn) / len(drawn) / 10_000_000 - 1) < 0.02
    assert len(set(drawn)) > 19_000
    assert gaps(timing, 50) == drawn[:50]
    assert gaps(timing, 50, seed="b") != drawn[:50]


def test_burst_gives_its_tokens_at_once_and_keeps_the_rate() -> None:
    """Four at a time at 100 tok/s: three gaps of nothing, then 40 ms."""
    assert gaps(parse_timing("burst:4"), 8) == [0, 0, 0, 40_000_000] * 2


def trace(path: Path, packed: bool = False) -> Path:
    """A trace of two agents: gaps 10, 20 ms and, in a second request, 5; for the other 7."""
    ms = 1_000_000
    records = [
        Chunks(
            t_ns=0,
            base_ns=0,
            agent=[1, 2, 1, 2, 1],
            recv=[0, 0, 10 * ms, -3 * ms, 23 * ms],
            delay=[None] * 5,
            handled=[0] * 5,
            first=[0, 1],
        ),
        Chunks(t_ns=0, base_ns=100 * ms, agent=[1, 1], recv=[0, 5 * ms], delay=[None] * 2, handled=[0] * 2, first=[0]),
    ]
    data = b"".join(map(encode, records)) + b'{"k":"from a later version"}\n{"k":"chunks","torn'
    path.write_bytes(zstd.compress(data) if packed else data)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_recorded_gaps_are_those_of_the_trace(tmp_path: Path, packed: bool) -> None:
    """Each request gives its gaps; the first chunk of a request has none, and a damaged tail does no harm."""
    ms = 1_000_000
    path = trace(tmp_path / ("a.jsonl.zst" if packed else "a.jsonl"), packed)
    assert set(read_gaps(path)) == {(10 * ms, 20 * ms), (7 * ms,), (5 * ms,)}
    timing = parse_timing(f"recorded:{path}")
    endless = gaps(timing, 12)
    assert sorted(endless[:4]) == sorted([10 * ms, 20 * ms, 7 * ms, 5 * ms])
    assert endless[:4] == endless[4:8]
    assert gaps(timing, 4, rate=0) == endless[:4], "a recording has its own rate"
    assert timing.rate(100) == pytest.approx(4 / 0.042)
    assert parse_timing("burst:3").rate(100) == 100
    assert len({tuple(islice(gaps(timing, 1, seed=str(n)), 1)) for n in range(30)}) > 1, "requests begin elsewhere"


def test_recording_without_chunks_or_file_is_said(tmp_path: Path) -> None:
    """One sentence for a file that is not there, is empty, or is no zstd."""
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    with pytest.raises(InputError, match="holds no chunks"):
        read_gaps(empty)
    with pytest.raises(InputError, match="cannot read"):
        read_gaps(tmp_path / "none.jsonl")
    bad = tmp_path / "bad.zst"
    bad.write_bytes(b"no zstd at all")
    with pytest.raises(InputError, match="is damaged"):
        read_gaps(bad)


def test_recording_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading stops once enough gaps are there."""
    assert MAX_GAPS == 1_000_000
    monkeypatch.setattr("loopscope.emulator.timing.MAX_GAPS", 2)
    assert sum(map(len, read_gaps(trace(tmp_path / "a.jsonl")))) < 4


@pytest.mark.parametrize(
    "text", ["", "poisson", "constant:3", "lognormal:x", "lognormal:9", "burst:0", "burst:1.5", "recorded", "recorded:"]
)
def test_unknown_timing_names_the_valid_ones(text: str) -> None:
    """Whatever is wrong, the sentence says what would be right."""
    with pytest.raises(InputError, match="lognormal:SIGMA"):
        parse_timing(text)
