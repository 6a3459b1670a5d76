"""Our agents on real llama.cpp servers: a session as a person would record it, held against the servers' counters."""

import json
from pathlib import Path

import httpx
import pytest
from kit.processes import run

from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Request
from loopscope.realpair.pair import RealPair
from loopscope.settings.levers import loops_here


def _generated(url: str) -> int:
    """Tokens that a server says it has generated since it started."""
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        if line.startswith("llamacpp:tokens_predicted_total "):
            return round(float(line.split()[1]))
    raise AssertionError("no counter of generated tokens")


@pytest.mark.parametrize("loop", loops_here())
def test_a_session_streams_from_two_real_servers(real_pair: RealPair, tmp_path: Path, loop: str) -> None:
    """Every request that ended has the tokens that were asked for, and the servers' own counters agree with the sum."""
    before = [_generated(url) for url in real_pair.urls]
    path = tmp_path / "real.jsonl"
    done = run(
        "record", *real_pair.urls, "--api", "openai", "-o", str(path), "--seconds", "3", "--tokens", "100", "--agents",
        "4", "--loop", loop, "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["source"] == "urls"
    assert [agent["errors"] for agent in result["agents"]] == [0] * 4
    # No stamp of the server: no delivery delay, and no figure made up in its place.
    assert all(agent["delay_ms"]["p50"] is None for agent in result["agents"])
    records = [decode(line) for line in path.read_bytes().splitlines()]
    requests = [record for record in records if isinstance(record, Request)]
    whole = [request for request in requests if request.outcome == "ok"]
    assert len(whole) >= 8
    assert {request.tokens for request in whole} == {100}
    # Byte tokens are held until a character is whole: fewer chunks than tokens, each of them counted once.
    assert all(0 < request.chunks <= 100 for request in whole)
    rows = sum(len(record.agent) for record in records if isinstance(record, Chunks))
    assert rows == sum(request.chunks for request in requests)
    cut = [request for request in requests if request.outcome == "taken"]
    generated = sum(_generated(url) for url in real_pair.urls) - sum(before)
    assert 100 * len(whole) <= generated <= 100 * (len(whole) + len(cut))
