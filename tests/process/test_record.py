"""``loopscope record`` with real processes: what was sent is what is counted, and nothing is left behind."""

import itertools
import json
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from kit.processes import PATIENCE_S, children_of, end, exists, record_until, run, start, wait_for_children, wait_until
from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Header, Hello, Lever, Request, Trailer, Truth


def _records(path: Path) -> list[object]:
    return [decode(line) for line in path.read_bytes().splitlines()]


def ended(count: int) -> Callable[[bytes], bool]:
    """So many requests have ended well."""
    return lambda data: data.count(b'"outcome":"ok"') >= count


def ends_well_in(group: str) -> Callable[[bytes], bool]:
    """A request of this generation of the measured process has ended well."""

    def holds(data: bytes) -> bool:
        records = [decode(line) for line in data.split(b"\n")[:-1]]
        here = {one.proc for one in records if isinstance(one, Hello) and one.info.get("group") == group}
        return any(isinstance(one, Request) and one.proc in here and one.outcome == "ok" for one in records)

    return holds


def _sent_and_seen(path: Path) -> tuple[int, int]:
    """Chunks that the emulators say they sent, chunks that the trace holds."""
    last: dict[str, Truth] = {}
    seen = 0
    for record in _records(path):
        if isinstance(record, Truth):
            last[record.proc] = record
        elif isinstance(record, Chunks):
            seen += len(record.agent)
    return sum(truth.chunks for truth in last.values()), seen


@pytest.mark.timing
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_two_agents_at_a_hundred_show_a_hundred(tmp_path: Path, loop: str) -> None:
    """Two agents that are offered 100 tok/s each show 100 +- 1, and nothing is dropped."""
    path = tmp_path / "run.jsonl"
    done = run("record", "--embedded", "-o", str(path), "--seconds", "5", "--rate", "100", "--loop", loop, "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["source"] == "embedded"
    assert result["loop"]["name"] == loop
    assert [agent["errors"] for agent in result["agents"]] == [0, 0]
    for agent in result["agents"]:
        assert agent["tok_s"] == pytest.approx(100, abs=1)
        assert 0 < agent["delay_ms"]["p50"] < agent["gap_ms"]["p50"]
    assert result["observer"]["dropped"] == 0
    records = _records(path)
    assert isinstance(records[0], Header)
    assert isinstance(records[-1], Trailer)


@pytest.mark.parametrize("api", ["ollama-chat", "openai", "openai-completions"])
def test_every_dialect_of_the_embedded_pair_streams(tmp_path: Path, api: str) -> None:
    """Whatever the agents speak, the embedded pair answers, with a token count and without an error."""
    path = tmp_path / "run.jsonl"
    done = record_until(path, ended(2), "--embedded", "--api", api, "--tokens", "50")
    assert done.returncode == 0, done.stderr
    for agent in json.loads(done.stdout)["agents"]:
        assert agent["errors"] == 0
        assert agent["requests"] >= 1
        assert agent["tokens"] == 50 * agent["requests"]
        # Only Ollama's own dialect stamps its chunks.
        assert (agent["delay_ms"]["p50"] is None) == api.startswith("openai")


def test_every_chunk_that_was_sent_is_counted(tmp_path: Path) -> None:
    """64 agents at 30 tok/s: every chunk that belongs to an ended request was sent and seen, none dropped."""
    path = tmp_path / "run.jsonl"
    done = record_until(path, ended(64), "--embedded", "--rate", "30", "--agents", "64", "--tokens", "40")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert len(result["agents"]) == 64
    assert result["observer"]["dropped"] == 0
    requests = [record for record in _records(path) if isinstance(record, Request)]
    whole = [request for request in requests if request.outcome == "ok"]
    assert len(whole) >= 64
    assert all(request.chunks == 40 == request.tokens for request in whole)
    sent, seen = _sent_and_seen(path)
    cut = [request for request in requests if request.outcome == "taken"]
    # What a cut stream still had in its socket when the session ended was sent and not seen: at most a few each.
    assert seen <= sent <= seen + 4 * len(cut)


@pytest.mark.parametrize(
    "pulls",
    [
        ("client=aiohttp", "client=streams"),
        ("client=streams", "placement=process"),
        ("placement=process:3", "placement=loop"),
    ],
)
def test_no_takeover_of_client_or_placement_loses_a_request(tmp_path: Path, pulls: tuple[str, str]) -> None:
    """Every request that the servers were sent has ended well or is told as cut by the end; chunks are all there."""
    path = tmp_path / "run.jsonl"
    words = ["--tokens", "60", "--agents", "4", "--at", "2", pulls[0], "--at", "5.5", pulls[1]]
    done = record_until(path, ends_well_in("3"), "--embedded", *words)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    records = _records(path)
    requests = [record for record in records if isinstance(record, Request)]
    assert {request.outcome for request in requests} == {"ok", "taken"}
    # One that was cut by the end before its server answered may not have reached it.
    answered = [request for request in requests if request.status is not None]
    assert len(answered) <= result["truth"]["requests"] <= len(requests)
    assert all(request.chunks == 60 for request in requests if request.outcome == "ok")
    hellos = [record for record in records if isinstance(record, Hello) and record.role == "rig"]
    last = {hello.proc for hello in hellos if hello.info["group"] == "3"}
    assert len(last) == {"placement=process": 4, "placement=loop": 1}.get(pulls[1], 1)
    assert {request.proc for request in requests if request.outcome == "taken"} <= last
    assert result["loop"]["client"] == hellos[-1].info["client"]
    for agent in range(4):
        spans = sorted((r.start_ns, r.end_ns) for r in requests if r.agent == agent)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


def test_levers_act_and_a_takeover_loses_nothing(tmp_path: Path) -> None:
    """Scripted levers are marked in order; after a takeover the other loop runs and no request was cut or failed."""
    path = tmp_path / "run.jsonl"
    words = ["--tokens", "60", "--at", "2", "loop=uvloop", "--at", "5", "batch=read:50ms"]
    done = record_until(path, lambda data: ended(1)(data.partition(b"read:50ms")[2]), "--embedded", *words)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    levers = [(r.name, r.old, r.new) for r in _records(path) if isinstance(r, Lever)]
    assert levers == [("loop", "asyncio", "uvloop"), ("batch", "off", "read:50ms")]
    assert result["loop"]["name"] == "uvloop"
    assert [segment["levers"]["loop"] for segment in result["segments"]] == ["asyncio", "uvloop", "uvloop"]
    requests = [record for record in _records(path) if isinstance(record, Request)]
    by_proc = {request.proc: [r for r in requests if r.proc == request.proc] for request in requests}
    assert set(by_proc) == {"rig-1", "rig-2"}
    assert {request.outcome for request in by_proc["rig-1"]} == {"ok"}
    # No agent ever had two streams.
    for agent in (0, 1):
        spans = sorted((r.start_ns, r.end_ns) for r in requests if r.agent == agent)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(spans))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_with_the_file_complete(tmp_path: Path, number: int) -> None:
    """Ctrl-C and its kin: exit 0, summary printed, trailer written, no process left."""
    path = tmp_path / "run.jsonl"
    process = start("record", "--embedded", "-o", str(path), "--json")
    try:
        children = wait_for_children(process, 4)
        assert wait_until(lambda: path.exists() and b'"k":"chunks"' in path.read_bytes())
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        assert json.loads(out)["source"] == "embedded"
        assert isinstance(_records(path)[-1], Trailer)
        assert not any(exists(pid) for pid in children)
    finally:
        end(process)


@pytest.mark.parametrize("within_s", [PATIENCE_S, pytest.param(2.0, marks=pytest.mark.timing)])
def test_nothing_outlives_kill_9(tmp_path: Path, within_s: float) -> None:
    """After kill -9 no child is left (after 2 s, on a quiet machine); the file holds all but the last second."""
    path = tmp_path / "run.jsonl"
    process = start("record", "--embedded", "-o", str(path))
    try:
        children = wait_for_children(process, 4)
        assert wait_until(lambda: path.exists() and b'"k":"chunks"' in path.read_bytes())
        process.kill()
        process.wait()
        assert wait_until(lambda: not any(exists(pid) for pid in children), within_s)
        assert any(isinstance(record, Chunks) for record in (decode(s) for s in path.read_bytes().split(b"\n")[:-1]))
    finally:
        end(process)


def test_a_dead_rig_is_told(tmp_path: Path) -> None:
    """When the only measured process dies, the session ends with what failed; nobody has to interrupt it."""
    path = tmp_path / "run.jsonl"
    process = start("record", "--embedded", "-o", str(path), "--json")
    try:
        wait_for_children(process, 4)
        assert wait_until(lambda: path.exists() and b'"k":"chunks"' in path.read_bytes())
        rig = next(
            pid for pid in children_of(process.pid) if b"loopscope.rig" in Path(f"/proc/{pid}/cmdline").read_bytes()
        )
        os.kill(rig, signal.SIGKILL)
        assert wait_until(lambda: b"rig-1 ended by itself (signal 9)" in path.read_bytes())
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 1, err
        told = err if isinstance(err, str) else err.decode()
        assert "loopscope record: rig-1 ended by itself (signal 9)" in told
        result = json.loads(out)
        assert result["losses"]
        assert {agent["state"] for agent in result["agents"]} == {"gone"}
    finally:
        end(process)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--at", "1", "gears=3"],
            "there is no lever 'gears'; levers: throttle, loop, client, placement, batch, decoder, read, tcp, agents",
        ),
        (["--at", "1", "batch=sometimes"], "valid: off, decode:50ms"),
        (["--loop", "trio"], "valid: asyncio, uvloop"),
        (["--at", "soon", "batch=off"], "a number of seconds"),
        (["--at", "9", "batch=off", "--seconds", "5"], "the run ends after 5 s"),
        (["--agents", "0"], "a count from 1 to"),
        (["--seconds", "never"], "no length of time"),
        (["--rate", "5", "http://127.0.0.1:9"], "servers of your own"),
        (["--scenario", "none"], "shipped: "),
        (["http://user:secret@127.0.0.1:9"], "credentials"),
        (["--frobnicate"], "frobnicate"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_2(tmp_path: Path, words: list[str], message: str) -> None:
    """Every wrong word is told with what would be right, before anything starts or is written."""
    path = tmp_path / "run.jsonl"
    done = run("record", "-o", str(path), *words)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not path.exists() or not path.read_bytes()


@pytest.mark.parametrize("target", ["no/such/folder/run.jsonl", "."])
def test_an_output_that_cannot_be_written_is_told_first(tmp_path: Path, target: str) -> None:
    """An unwritable output ends it with a sentence before any process starts."""
    done = run("record", "--embedded", "-o", str(tmp_path / target))
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_disk_that_fills_up_is_told_at_the_end(tmp_path: Path) -> None:
    """When the file could not take everything, the run is measured to its end, and the command says so and fails."""
    path = tmp_path / "run.jsonl"
    limit = 30_000

    def small_files() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = run("record", "--embedded", "-o", str(path), "--seconds", "3", "--json", preexec_fn=small_files)
    assert done.returncode == 1
    assert "the recording is not complete" in done.stderr
    result = json.loads(done.stdout)
    assert "lines are missing" in done.stderr
    assert 0 < path.stat().st_size <= limit
    kept = [decode(line) for line in path.read_bytes().split(b"\n")[:-1]]
    assert result["chunks"] > sum(len(record.agent) for record in kept if isinstance(record, Chunks)) > 0


def test_a_server_that_is_not_there_is_an_error_of_its_agent(tmp_path: Path) -> None:
    """The session runs, the agent's requests fail with words, and the other agent streams on."""
    from kit.servers import END, HEAD, chunk, final, line, sends, serving

    path = tmp_path / "run.jsonl"
    with serving(sends(HEAD, chunk(line()), chunk(final(1)) + END)) as url:
        words = [url, "http://127.0.0.1:9", "--api", "ollama", "--model", "m"]
        done = record_until(path, lambda data: ended(2)(data) and data.count(b'"outcome":"refused"') > 1, *words)
    assert done.returncode == 1, done.stderr
    assert "http://127.0.0.1:9 failed at the end, for each of its 1 agent" in done.stderr
    result = json.loads(done.stdout)
    good, bad = result["agents"]
    assert good["errors"] == 0
    assert good["requests"] > 1
    assert bad["requests"] == bad["errors"] > 1
    words = {r.words for r in _records(path) if isinstance(r, Request) and r.agent == 1}
    assert any("http://127.0.0.1:9" in text for text in words)
