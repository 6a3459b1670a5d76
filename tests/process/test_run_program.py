"""``loopscope run``: programs of one's own, seen from outside; what the servers sent is what is counted."""

import json
import signal
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit.processes import PATIENCE_S, children_of, end, exists, run, start, wait_for_children, wait_until
from loopscope.core.codec import decode
from loopscope.core.records import Bye, Chunks, Header, Hello, Pulse, Request, Stall, Trailer
from loopscope.settings.levers.loop import loops_here
from loopscope.wire.worker import Worker

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="looks at processes through /proc"),
]
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """URL of an emulator of its own, 200 tok/s, any number of streams."""
    worker = Worker(
        "loopscope.emulator",
        "emulator-1",
        ["--port", "0", "--parallel", "0", "--rate", "200", "--prefill-rate", "0"],
        on_line=lambda line: None,
    )
    worker.start()
    try:
        yield worker.wait_ready().info["url"]
    finally:
        worker.stop()


def sent(url: str) -> int:
    """Chunks that the emulator has sent so far."""
    with urllib.request.urlopen(url + "/emulator/stats") as answer:
        count: int = json.load(answer)["chunks"]
    return count


def records(path: Path) -> list[object]:
    return [decode(line) for line in path.read_bytes().splitlines()]


def seen(path: Path) -> int:
    return sum(len(record.agent) for record in records(path) if isinstance(record, Chunks))


def requests(path: Path) -> list[Request]:
    return [record for record in records(path) if isinstance(record, Request)]


def program(folder: Path, text: str) -> Path:
    path = folder / "own_agents.py"
    path.write_text(text)
    return path


def words(folder: Path) -> list[str]:
    return ["run", "--record", str(folder / "run.jsonl"), "--output", str(folder / "out.txt"), "--json"]


def test_every_chunk_of_an_httpx_program_is_counted(tmp_path: Path, server: str) -> None:
    """The example with httpx on asyncio, unchanged: chunks, tokens and requests are the emulator's, none dropped."""
    before = sent(server)
    done = run(*words(tmp_path), str(EXAMPLES / "two_servers.py"), server, server, "--requests", "2", "--tokens", "60")
    assert done.returncode == 0, done.stderr
    trace = tmp_path / "run.jsonl"
    assert seen(trace) == sent(server) - before == 240
    assert [(r.outcome, r.chunks, r.tokens) for r in requests(trace)] == [("ok", 60, 60)] * 4
    assert {(r.agent, r.request) for r in requests(trace)} == {(0, 1), (0, 2), (1, 1), (1, 2)}
    result = json.loads(done.stdout)
    assert (result["source"], result["loop"]["name"]) == ("program", "asyncio")
    assert [agent["endpoint"] for agent in result["agents"]] == [server, server]
    assert result["observer"]["dropped"] == 0
    assert (tmp_path / "out.txt").read_text() == f"{server}: 120 tokens\n" * 2
    assert str(tmp_path / "out.txt") in done.stderr
    assert isinstance(records(trace)[-1], Trailer)


def test_every_chunk_of_an_aiohttp_program_is_counted(tmp_path: Path, server: str) -> None:
    """The example with aiohttp (on uvloop where there is one): delay and handling of each chunk are known."""
    before = sent(server)
    done = run(
        *words(tmp_path), str(EXAMPLES / "crowd.py"), server, "--agents", "5", "--requests", "2", "--tokens", "40"
    )
    assert done.returncode == 0, done.stderr
    trace = tmp_path / "run.jsonl"
    assert seen(trace) == sent(server) - before == 400
    assert [(r.outcome, r.chunks, r.tokens) for r in requests(trace)] == [("ok", 40, 40)] * 10
    rows = [record for record in records(trace) if isinstance(record, Chunks)]
    assert all(delay is not None and delay > -1e9 for record in rows for delay in record.delay)
    assert all(handled > 0 for record in rows for handled in record.handled)
    assert json.loads(done.stdout)["loop"]["name"] == loops_here()[-1]
    assert "400 chunks with text in 10 answers" in (tmp_path / "out.txt").read_text()


OFFICIAL = """
import asyncio, sys
import ollama, openai

async def native(url):
    parts = await ollama.AsyncClient(host=url).chat(
        model="gemma3", messages=[{"role": "user", "content": "hi"}], stream=True, options={"num_predict": 30})
    async for part in parts:
        pass

async def events(url):
    async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="secret") as client:
        parts = await client.chat.completions.create(
            model="gemma3", messages=[{"role": "user", "content": "hi"}], stream=True, max_tokens=30)
        async for part in parts:
            pass

async def main():
    await asyncio.gather(native(sys.argv[1]), events(sys.argv[1]))

LOOP
"""


@pytest.mark.parametrize("loop", loops_here())
def test_the_official_clients_are_seen_on_both_loops(tmp_path: Path, server: str, loop: str) -> None:
    """ollama and openai stand on httpx (or httpx2); uvloop.run and asyncio.run; no key is in the trace."""
    start_it = "asyncio.run(main())" if loop == "asyncio" else "import uvloop; uvloop.run(main())"
    path = program(tmp_path, OFFICIAL.replace("LOOP", start_it))
    before = sent(server)
    done = run(*words(tmp_path), str(path), server)
    assert done.returncode == 0, done.stderr + (tmp_path / "out.txt").read_text()
    trace = tmp_path / "run.jsonl"
    assert seen(trace) == sent(server) - before == 60
    assert [(r.outcome, r.chunks) for r in requests(trace)] == [("ok", 30), ("ok", 30)]
    assert json.loads(done.stdout)["loop"]["name"] == loop
    assert b"secret" not in trace.read_bytes()
    pulses = [record for record in records(trace) if isinstance(record, Pulse)]
    assert all(pulse.active_ns is not None and pulse.active_ns <= pulse.dt_ns for pulse in pulses)


FAILING = """
import asyncio, sys
import aiohttp, httpx

async def main():
    url = sys.argv[1]
    async with httpx.AsyncClient() as client:
        for target in ("http://127.0.0.1:9", url):
            try:
                (await client.post(target + "/api/generate", json={"model": "none"})).raise_for_status()
            except httpx.HTTPError as error:
                print(type(error).__name__)
        await client.get(url + "/api/tags")
        body = {"model": "gemma3", "prompt": "p", "options": {"num_predict": 500}}
        async with client.stream("POST", url + "/api/generate", json=body) as response:
            async for line in response.aiter_lines():
                break
    async with aiohttp.ClientSession() as session:
        try:
            await session.post("http://127.0.0.1:9/api/chat", json={})
        except aiohttp.ClientError as error:
            print(type(error).__name__)
    raise SystemExit(7)

asyncio.run(main())
"""


def test_failures_are_the_program_s_own_and_its_exit_code_is_handed_on(tmp_path: Path, server: str) -> None:
    """Refused, an error status, a stream that the program leaves; what is no stream is no request; exit code 7."""
    done = run(*words(tmp_path), str(program(tmp_path, FAILING)), server)
    assert done.returncode == 7
    outcomes = [(r.outcome, r.status) for r in requests(tmp_path / "run.jsonl")]
    assert outcomes == [("refused", None), ("http", 404), ("taken", 200), ("refused", None)]
    printed = (tmp_path / "out.txt").read_text().split()
    assert printed == ["ConnectError", "HTTPStatusError", "ClientConnectorError"]
    assert "own_agents.py ended with exit code 7" in done.stderr


BLOCKING = """
import asyncio, time

def grind():
    time.sleep(0.2)

async def main():
    for _ in range(3):
        await asyncio.sleep(0.05)
        grind()

asyncio.run(main())
"""


def test_what_blocks_the_loop_is_named(tmp_path: Path) -> None:
    """A program without any stream is looked at as well: its blocking function is in the trace."""
    done = run(*words(tmp_path), str(program(tmp_path, BLOCKING)))
    assert done.returncode == 0, done.stderr
    stalls = [record for record in records(tmp_path / "run.jsonl") if isinstance(record, Stall)]
    assert ("own_agents.py", "grind") in {(stall.file, stall.function) for stall in stalls}


def test_a_script_that_fails_at_once_tells_its_last_line(tmp_path: Path) -> None:
    """The traceback is in the output file, without our frames; its last line and exit code 1 are told."""
    done = run(*words(tmp_path), str(program(tmp_path, "def work():\n    raise ValueError('boom')\nwork()\n")))
    assert done.returncode == 1
    assert "own_agents.py ended with exit code 1: ValueError: boom" in done.stderr
    trace = (tmp_path / "out.txt").read_text()
    assert trace.startswith("Traceback")
    assert 'own_agents.py", line 2, in work' in trace
    assert "loopscope" not in trace


def test_a_script_without_a_loop_is_told(tmp_path: Path) -> None:
    """It runs to its end with its own arguments and an empty standard input; that nothing was to be seen is exit 1."""
    path = program(tmp_path, "import sys\nprint(sys.argv[1:], repr(sys.stdin.read()), __name__)\n")
    done = run(*words(tmp_path), str(path), "--json", "-o", "x")
    assert done.returncode == 1
    assert "no event loop ran in own_agents.py" in done.stderr
    assert (tmp_path / "out.txt").read_text() == "['--json', '-o', 'x'] '' __main__\n"
    assert isinstance(records(tmp_path / "run.jsonl")[0], Header)


def test_a_package_runs_as_with_m(tmp_path: Path) -> None:
    """``-m`` takes the package in the current folder, relative imports work, several loops one after another too."""
    package = tmp_path / "own_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "part.py").write_text("import asyncio\ndef go():\n    asyncio.run(asyncio.sleep(0.01))\n")
    (package / "__main__.py").write_text("from .part import go\ngo()\ngo()\nprint(__package__)\n")
    done = run(*words(tmp_path), "-m", "own_package", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "own_package\n"
    hellos = [record for record in records(tmp_path / "run.jsonl") if isinstance(record, Hello)]
    assert {"program", "rig"} == {hello.role for hello in hellos if hello.proc == "program"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs a script"),
        (["no_such_script.py"], "there is no script no_such_script.py"),
        (["."], "is a folder"),
        (["-m", "no_such_module"], "there is no module no_such_module"),
        (["--output", "/no/such/folder/out.txt", __file__], "cannot be written"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_2(arguments: list[str], message: str, tmp_path: Path) -> None:
    """What cannot be run is told before anything is."""
    done = run("run", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if "running headless" not in line]
    assert len(lines) == 1
    assert message in lines[0]


ENDLESS = """
import asyncio, subprocess, sys, httpx

async def main():
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    print(child.pid, flush=True)
    async with httpx.AsyncClient() as client:
        while True:
            body = {"model": "gemma3", "prompt": "p", "options": {"num_predict": 100}}
            async with client.stream("POST", sys.argv[1] + "/api/generate", json=body) as response:
                async for line in response.aiter_lines():
                    pass

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_of_the_program_outlives_the_session(tmp_path: Path, server: str, number: signal.Signals) -> None:
    """Ctrl-C ends the program and what it started, with the trace complete; kill -9 of the session leaves nothing."""
    trace = tmp_path / "run.jsonl"
    process = start(*words(tmp_path), str(program(tmp_path, ENDLESS)), server)
    try:
        children = wait_for_children(process, 2)
        assert wait_until(lambda: trace.exists() and b'"k":"chunks"' in trace.read_bytes())
        grandchild = int((tmp_path / "out.txt").read_text().split()[0])
        assert exists(grandchild)
        children = children_of(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert wait_until(lambda: not any(exists(pid) for pid in [*children, grandchild]))
        if number == signal.SIGINT:
            assert process.returncode == 0, err
            assert json.loads(out)["source"] == "program"
            assert isinstance(records(trace)[-1], Trailer)
            assert any(isinstance(record, Bye) and record.proc == "program" for record in records(trace))
    finally:
        end(process)


def test_two_lines_in_the_program_start_it_under_loopscope(tmp_path: Path, server: str) -> None:
    """``install()`` starts the program again under ``loopscope run``, once; there it does nothing."""
    import subprocess

    text = "import loopscope.probe\nprint('installed', loopscope.probe.install(), flush=True)\n" + OFFICIAL.replace(
        "LOOP", "asyncio.run(main())"
    )
    done = subprocess.run(
        [sys.executable, str(program(tmp_path, text)), server],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr
    assert "2 agents received 60 chunks" in done.stdout
    output = Path(done.stderr.strip().splitlines()[-1].rpartition(" ")[2])
    try:
        assert output.read_text() == "installed False\n"
    finally:
        output.unlink()


def test_the_module_is_the_same_as_the_verb(tmp_path: Path) -> None:
    """``python -m loopscope.probe script`` is ``loopscope run script``."""
    import subprocess

    path = program(tmp_path, "import asyncio\nasyncio.run(asyncio.sleep(0))\nraise SystemExit(3)\n")
    done = subprocess.run(
        [sys.executable, "-m", "loopscope.probe", str(path)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 3
    assert "own_agents.py ended with exit code 3" in done.stderr
    output = next(line for line in done.stderr.splitlines() if "output is in" in line)
    assert not Path(output.rpartition(" ")[2]).exists()  # it printed nothing
