"""A-B-B-A with real children: a planted difference comes back, and the lever is as it was, whatever ends it."""

import json
import signal
import subprocess
import sys

import pytest

from kit.processes import PATIENCE_S, sessions_children, wait_until
from loopscope.core.records import Lever
from loopscope.experiments import ab
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.settings import levers
from loopscope.settings.levers.loop import loops_here

SMALL = ("--embedded", "--tokens", "64")


@pytest.mark.timing
@pytest.mark.parametrize("loop", loops_here())
def test_read_batching_costs_the_delay_that_it_must(loop: str, tmp_path) -> None:
    """Every 50 ms: half of that on average, and CPU saved; a request ends some ms later, so that little is lost."""
    trace = tmp_path / "ab.jsonl"
    command = [
        sys.executable,
        "-m",
        "loopscope",
        "ab",
        "batch=off,read:50ms",
        "--pairs",
        "4",
        "--seconds",
        "1.5",
        "--loop",
        loop,
        *SMALL,
        "--json",
        "-o",
        str(trace),
    ]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    rows = {row["name"]: row for row in told["figures"]}
    assert rows["delay.p50"]["surely"] == 1
    assert 15 < rows["delay.p50"]["difference"]["mid"] < 40
    assert rows["cpu_us"]["b"] < rows["cpu_us"]["a"]
    assert rows["chunks_read"]["surely"] == 1
    assert rows["chunks_s"]["surely"] <= 0
    assert rows["chunks_s"]["b"] > 0.93 * rows["chunks_s"]["a"]
    assert len(rows["delay.p50"]["halves_a"]) == 4
    again = subprocess.run(
        [sys.executable, "-m", "loopscope", "report", str(trace), "--json"],
        capture_output=True,
        timeout=PATIENCE_S,
        check=True,
    )
    pulls = json.loads(again.stdout)["levers"]
    assert [pull["new"] for pull in pulls] == ["read:50ms", "off", "read:50ms", "off"]


@pytest.mark.timing
def test_a_finding_verifies_itself_by_its_lever() -> None:
    """A backlog that a throttle of 40 makes of 60 chunks/s: what it proposes gives 20 tok/s back, the delay goes."""
    command = [
        sys.executable,
        "-m",
        "loopscope",
        "ab",
        "--verify",
        "backlog",
        "--throttle",
        "40",
        "--embedded",
        "--rate",
        "60",
        "--tokens",
        "100000",
        "--pairs",
        "4",
        "--seconds",
        "1.5",
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert [told[name] for name in ("finding", "lever", "a", "b")] == ["backlog", "throttle", "40", "off"]
    assert told["words"].startswith("backlog proposes throttle=off; throttle=off against throttle=40: ")
    assert "decode rate higher by " in told["words"]
    rows = {row["name"]: row for row in told["figures"]}
    assert rows["tok_s.decode"]["surely"] == 1
    assert rows["tok_s.decode"]["difference"]["mid"] == pytest.approx(20, rel=0.15)
    assert rows["delay.p50"]["b"] < rows["delay.p50"]["a"] / 10


@pytest.mark.timing
def test_what_decodes_faster_costs_less_a_chunk() -> None:
    """Where decoding is most of what a chunk costs (50 come in one read), orjson must show: in each of the four pairs,
    and by more than a sixth. A neighbour that takes the core within a pair can hide it: three tries.
    """
    command = [
        sys.executable,
        "-m",
        "loopscope",
        "ab",
        "decoder=json,orjson",
        "--pairs",
        "4",
        "--seconds",
        "1",
        "--embedded",
        "--client",
        "streams",
        "--batch",
        "read:100ms",
        "--agents",
        "8",
        "--rate",
        "500",
        "--tokens",
        "2000",
        "--json",
    ]
    seen = []
    for _ in range(3):
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False, text=True)
        assert done.returncode == 0, done.stderr
        row = next(row for row in json.loads(done.stdout)["figures"] if row["name"] == "cpu_us")
        seen.append(row)
        if all(b < a for a, b in zip(row["halves_a"], row["halves_b"], strict=True)) and row["ratio"]["mid"] < 5 / 6:
            return
    raise AssertionError(seen)


def test_cancelled_in_the_screen_it_sets_the_lever_back() -> None:
    """And the session goes on."""
    source = LiveSource(SessionOptions(embedded=True, tokens=64, levers=levers.defaults()))
    pulled: list[str] = []
    source.listen(lambda record: pulled.append(record.new) if isinstance(record, Lever) else None)
    source.start()
    try:
        source.run(ab.PROCEDURE, lever="batch=off,read:50ms", pairs="4", seconds="1")
        assert wait_until(lambda: pulled)
        source.cancel()
        assert wait_until(lambda: not source.procedure().running)
        assert source.procedure().problem == "cancelled"
        assert source.options_now().levers["batch"] == "off"
    finally:
        source.stop()
    assert not sessions_children()


def test_ctrl_c_ends_it_with_130_and_a_whole_trace(tmp_path) -> None:
    """No process is left."""
    trace = tmp_path / "ab.jsonl"
    command = [sys.executable, "-m", "loopscope", "ab", "batch=off,read:50ms", *SMALL, "-o", str(trace)]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for line in child.stderr:
        if "B: batch" in line:
            break
    child.send_signal(signal.SIGINT)
    out, err = child.communicate(timeout=PATIENCE_S)
    assert child.returncode == 130
    assert not out
    assert "interrupted" in err
    assert '"k":"trailer"' in trace.read_text().splitlines()[-1]
    assert not sessions_children()


def test_bad_input_is_one_sentence() -> None:
    """Before anything starts."""
    for words, why in (
        (["loop=asyncio"], "not of the form"),
        ([], "what shall be flipped"),
        (["loop=asyncio,uvloop", "--pairs", "3"], "an even number"),
        (["loop=asyncio,uvloop", "--verify", "client-cpu"], "exclude each other"),
    ):
        command = [sys.executable, "-m", "loopscope", "ab", *words]
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False, text=True)
        assert done.returncode == 2
        assert why in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
