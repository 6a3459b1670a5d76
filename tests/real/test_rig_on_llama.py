"""Our agents on real llama.cpp servers: a session as a person would record it, held against the servers' counters."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import httpx
import pytest

from kit.processes import PATIENCE_S, end, run, start, wait_until
from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Request
from loopscope.realpair.pair import RealPair


def _generated(url: str) -> int:
    """Tokens that a server says it has generated since it started."""
    for line in httpx.get(f"{url}/metrics").text.splitlines():
        if line.startswith("llamacpp:tokens_predicted_total "):
            return round(float(line.split()[1]))
    raise AssertionError("no counter of generated tokens")


def _record(tmp_path: Path, *words: str, code: int = 0) -> tuple[dict[str, Any], list[Any]]:
    """Record a session; give its summary and its records."""
    path = tmp_path / "real.jsonl"
    done = run("record", *words, "-o", str(path), "--json")
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout), [decode(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("api", "loop"),
    [("openai", "asyncio"), ("openai", "uvloop"), ("openai-completions", "asyncio"), ("llamacpp", "uvloop")],
)
def test_a_session_streams_from_two_real_servers(real_pair: RealPair, tmp_path: Path, api: str, loop: str) -> None:
    """Every request that ended has the tokens that were asked for, and the servers' own counters agree with the sum."""
    before = [_generated(url) for url in real_pair.urls]
    result, records = _record(
        tmp_path, *real_pair.urls, "--api", api, "--seconds", "3", "--tokens", "100", "--agents", "4", "--loop", loop
    )
    assert result["source"] == "urls"
    assert [agent["errors"] for agent in result["agents"]] == [0] * 4
    # No stamp of the server: no delivery delay, and no figure made up in its place.
    assert all(agent["delay_ms"]["p50"] is None for agent in result["agents"])
    requests = [record for record in records if isinstance(record, Request)]
    whole = [request for request in requests if request.outcome == "ok"]
    assert len(whole) >= 8
    assert {request.tokens for request in whole} == {100}
    assert all(request.eval_ns and request.prompt_tokens for request in whole)
    # Byte tokens are held until a character is whole: fewer chunks than tokens, each of them counted once.
    assert all(0 < request.chunks <= 100 for request in whole)
    rows = sum(len(record.agent) for record in records if isinstance(record, Chunks))
    assert rows == sum(request.chunks for request in requests)
    cut = [request for request in requests if request.outcome == "taken"]
    generated = sum(_generated(url) for url in real_pair.urls) - sum(before)
    assert 100 * len(whole) <= generated <= 100 * (len(whole) + len(cut))


def test_more_streams_than_slots_wait_without_an_error(real_pair: RealPair, tmp_path: Path) -> None:
    """Twelve agents on two servers with two slots each: all are served in turn, and the wait shows in TTFT."""
    result, records = _record(
        tmp_path, *real_pair.urls, "--api", "openai", "--seconds", "4", "--tokens", "400", "--agents", "12"
    )
    assert [agent["errors"] for agent in result["agents"]] == [0] * 12
    requests = [record for record in records if isinstance(record, Request) and record.outcome == "ok"]
    assert {request.agent for request in requests} == set(range(12))
    ttft_ns = sorted(request.first_ns - request.start_ns for request in requests if request.first_ns)
    alone_ns = min(request.eval_ns for request in requests if request.eval_ns)
    # With three agents for each slot, most requests wait for others to be computed first.
    assert ttft_ns[len(ttft_ns) // 2] > alone_ns / 2


def test_a_server_that_is_killed_is_told_and_the_other_goes_on(model_folder: Path, tmp_path: Path) -> None:
    """kill -9 of one server mid-run: its agent says so in words and retries, the other agent streams on."""
    with RealPair("small", slots=2, folder=model_folder) as pair:
        path = tmp_path / "killed.jsonl"
        process = start("record", *pair.urls, "--api", "openai", "-o", str(path), "--tokens", "50", "--json")
        try:
            assert wait_until(lambda: path.exists() and path.read_bytes().count(b'"outcome":"ok"') > 8)
            os.kill(pair.pids[0], signal.SIGKILL)
            assert wait_until(lambda: b'"state":"retrying"' in path.read_bytes())
            good = path.read_bytes().count(b'"outcome":"ok"')
            assert wait_until(lambda: path.read_bytes().count(b'"outcome":"ok"') > good + 8)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_S)
        finally:
            end(process)
    # What died for good is no success, and is named on the way out.
    assert process.returncode == 1, err
    assert "failed at the end" in (err if isinstance(err, str) else err.decode())
    errors = [agent["errors"] for agent in json.loads(out)["agents"]]
    assert errors[0] > 0
    assert errors[1] == 0


def test_an_error_of_the_server_is_the_agents_in_words(real_pair: RealPair, tmp_path: Path) -> None:
    """A prompt that is longer than the context is refused by llama.cpp, and the agent shows its words."""
    scenario = tmp_path / "long.toml"
    scenario.write_text('[[agent]]\nname = "long"\nprompt = "' + "the river " * 6000 + '"\n')
    result, records = _record(
        tmp_path, *real_pair.urls, "--api", "openai", "--seconds", "2", "--scenario", str(scenario), code=1
    )
    assert all(agent["errors"] > 0 for agent in result["agents"])
    words = {record.words for record in records if isinstance(record, Request) and record.outcome != "taken"}
    assert all(text.startswith("HTTP 400: ") and "context" in text for text in words), words
