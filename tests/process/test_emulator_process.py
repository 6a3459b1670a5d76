"""The emulator as a process: held by a session, and run by hand."""

import http.client
import json
import os
import queue
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from kit import processes
from kit.processes import PATIENCE_S
from loopscope.core.codec import decode
from loopscope.core.errors import WorkerError
from loopscope.core.records import Bye, Truth
from loopscope.wire.worker import Worker

FAST = ["--port", "0", "--rate", "1000", "--prefill-rate", "0", "--parallel", "0"]


class Held:
    """An emulator with a session around it."""

    def __init__(self, *words: str, proc: str = "emulator-1") -> None:
        self.lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
        self.ended: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.worker = Worker("loopscope.emulator", proc, [*FAST, *words], on_line=self.lines.put, on_end=self.ended.put)
        self.worker.start()
        self.hello = self.worker.wait_ready()

    def post(self, **options: int) -> list[dict[str, object]]:
        """One stream, whole."""
        link = http.client.HTTPConnection("127.0.0.1", int(self.hello.info["port"]), timeout=PATIENCE_S)
        link.request("POST", "/api/generate", json.dumps({"model": "gemma3", "prompt": "p", "options": options}))
        lines = [json.loads(line) for line in link.getresponse().read().splitlines()]
        link.close()
        return lines


@pytest.fixture
def held() -> Iterator[Held]:
    """One emulator."""
    one = Held()
    yield one
    one.worker.stop()


def test_session_gets_hello_truth_and_bye(held: Held) -> None:
    """The hello says where and what; truth comes by itself each second and once more before the bye."""
    info = held.hello.info
    assert held.hello.role == "emulator"
    assert info["url"] == f"http://127.0.0.1:{info['port']}"
    assert (info["model"], info["rate_tok_s"]) == ("gemma3", "1000")
    held.post(num_predict=40)
    truths = (decode(line) for line in iter(lambda: held.lines.get(timeout=PATIENCE_S), b""))
    first = next(truth for truth in truths if isinstance(truth, Truth) and truth.messages == 41)
    assert (first.proc, first.requests, first.chunks, first.messages, first.tokens) == ("emulator-1", 1, 40, 41, 40)
    assert first.late_p99_ns is not None and first.late_p99_ns >= (first.late_p50_ns or 0) >= 0
    assert first.watts is not None and 20 <= first.watts <= 150
    held.worker.stop()
    assert held.ended.get(timeout=PATIENCE_S) == 0
    rest = []
    while not held.lines.empty():
        rest.append(decode(held.lines.get()))
    assert isinstance(rest[-2], Truth) and rest[-2].chunks == 40
    assert isinstance(rest[-1], Bye)


def test_cut_leash_ends_it_at_once(held: Held) -> None:
    """End of its standard input means that the session is gone."""
    process = held.worker._process
    assert process is not None and process.stdin is not None
    process.stdin.close()
    assert process.wait(PATIENCE_S) == 0


def test_killed_session_leaves_no_emulator() -> None:
    """kill -9 of whoever started it: it ends by itself, with a stream under way."""
    code = (
        "import sys, time\n"
        "from loopscope.wire.worker import Worker\n"
        "w = Worker('loopscope.emulator', 'emulator-1', ['--port', '0'], on_line=lambda line: None)\n"
        "w.start(); w.wait_ready(); print(w.pid, flush=True); time.sleep(60)\n"
    )
    session = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert session.stdout is not None
    pid = int(session.stdout.readline())
    assert processes.exists(pid)
    session.kill()
    session.wait()
    session.stdout.close()
    assert processes.wait_until(lambda: not processes.exists(pid))


def test_taken_port_is_told_to_the_session(held: Held) -> None:
    """The session hears the sentence, not a time-out."""
    with pytest.raises(WorkerError, match=f"port {held.hello.info['port']} on 127.0.0.1 is taken"):
        Held("--port", held.hello.info["port"], proc="emulator-2")


def test_two_processes_share_a_card(tmp_path: object) -> None:
    """While both decode each is slower by the stated factor, and a killed one gives its share back."""
    words = ["--rate", "200", "--gpu", f"{tmp_path}/gpu", "--share-factor", "3"]
    one, two = Held(*words), Held(*words, proc="emulator-2")
    try:
        alone = one.post(num_predict=21)[-1]["eval_duration"]
        link = http.client.HTTPConnection("127.0.0.1", int(two.hello.info["port"]), timeout=PATIENCE_S)
        link.request("POST", "/api/generate", json.dumps(
            {"model": "gemma3", "prompt": "p", "options": {"num_predict": 100_000}}))  # fmt: skip
        link.getresponse().readline()
        assert processes.wait_until(lambda: one.post(num_predict=21)[-1]["eval_duration"] == 3 * alone)
        two.worker.kill()
        link.close()
        assert processes.wait_until(lambda: one.post(num_predict=21)[-1]["eval_duration"] == alone)
        assert alone == 20 * 5_000_000
    finally:
        one.worker.stop()
        two.worker.stop()


def by_hand(*words: str, **more: object) -> tuple[subprocess.Popen[str], str, int]:
    """Start the command; give the process, what it printed, and the port."""
    process = processes.start("emulate", "--port", "0", *words, **more)
    assert process.stdout is not None
    printed = ""
    while "stats" not in printed:
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        printed += line
    found = re.search(r"http://127\.0\.0\.1:(\d+)", printed)
    assert found
    return process, printed, int(found[1])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_by_hand_it_says_how_to_use_it_and_ends_with_0(number: signal.Signals) -> None:
    """What it serves, curl, OLLAMA_HOST, loopscope; then a clean end, with the account of what it did."""
    process, printed, port = by_hand("--model", "phi4", "--model", "own")
    try:
        url = f"http://127.0.0.1:{port}"
        for words in (f"curl -N {url}/api/generate", f"OLLAMA_HOST=127.0.0.1:{port}", f"loopscope {url}"):
            assert words in printed
        for words in ("phi4", "38 tok/s", "not in the table", "1 at a time"):
            assert words in printed
        os.kill(process.pid, number)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
        assert "ended: 0 requests" in out
        assert err == ""
    finally:
        process.kill()
        process.wait()


def test_listening_for_others_is_warned_of() -> None:
    """A sentence on the error output; it serves all the same."""
    process, _, _ = by_hand("--host", "0.0.0.0")
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert "warning: --host 0.0.0.0 lets everybody" in err


def test_mistakes_are_one_sentence_and_exit_2() -> None:
    """A taken port, a bad option, an unknown fault: no traceback, no listening server."""
    process, _, port = by_hand()
    try:
        for words, said in (
            (["--port", str(port)], f"port {port} on 127.0.0.1 is taken: choose another with --port"),
            (["--rate", "-3"], "--rate -3 is out of range"),
            (["--timing", "slow"], "timing 'slow' is not known"),
            (["--fault", "boom"], "there is no fault 'boom'"),
            (["--port", "x"], "invalid int value"),
            (["--gpu", "/no/such/folder/gpu"], "cannot share a GPU through"),
            (["--timing", "recorded:/no/such/file"], "cannot read /no/such/file"),
        ):
            result = processes.run("emulate", *(words if "--port" in words else ["--port", "0", *words]))
            assert result.returncode == 2
            assert said in result.stderr
            assert len(result.stderr.strip().splitlines()) == 1
            assert result.stdout == ""
    finally:
        process.terminate()
        process.communicate(timeout=PATIENCE_S)


def test_faults_are_listed_and_help_teaches() -> None:
    """--fault list names them all; --help has examples."""
    listed = processes.run("emulate", "--fault", "list")
    assert listed.returncode == 0
    assert {"stall", "rst", "whole-second"} <= {line.split()[0] for line in listed.stdout.splitlines()}
    helped = processes.run("emulate", "--help")
    assert helped.returncode == 0
    assert "examples:" in helped.stdout and "--share-factor" in helped.stdout
