"""``loopscope servers up`` with a stand-in for ``ollama``: it starts, waits, warms up, and leaves nothing."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from kit.processes import PATIENCE_S, wait_until
from loopscope.session.discover import find_pair, probe

pytestmark = pytest.mark.skipif(os.name != "posix", reason="the stand-in is a script with a first line for POSIX")

FAKE = """\
import http.server, json, os, signal, subprocess, sys, time

assert sys.argv[1:] == ["serve"], sys.argv
mode = os.environ.get("FAKE_OLLAMA", "")
host, port = os.environ["OLLAMA_HOST"].split(":")
print("listening on", host, port, "parallel", os.environ.get("OLLAMA_NUM_PARALLEL"), flush=True)
if mode == "die":
    print("Error: no GPU \\x1b[31mtoday", flush=True)
    sys.exit(3)
if mode == "emulator":
    os.execv(sys.executable, [sys.executable, "-m", "loopscope.emulator", "--host", host, "--port", port])
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
runner = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if mode == "silent":
    time.sleep(600)
model = f"only-on-{port}:1" if mode == "apart" else "tiny:1"

class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body, status=200):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        models = {"models": [{"name": model, "size": 1 << 30}]}
        known = {"/api/version": {"version": "0.33.0"}, "/api/tags": models, "/api/ps": {"models": []}}
        self.answer(known.get(self.path, {}), 200 if self.path in known else 404)

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print("asked", json.dumps(asked), flush=True)
        if mode == "slow":
            time.sleep(600)
        self.answer({"done": True, "done_reason": "load"})

http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""

Up = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def ports() -> list[int]:
    """Two free ports."""
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        return [first.getsockname()[1], second.getsockname()[1]]


@pytest.fixture
def up(tmp_path: Path, ports: list[int]) -> Iterator[Up]:
    """Start ``loopscope servers up`` with the stand-in on PATH; whatever is left at the end is ended."""
    binary = tmp_path / "bin" / "ollama"
    binary.parent.mkdir()
    binary.write_text(f"#!{sys.executable}\n{FAKE}")
    binary.chmod(0o755)
    started: list[subprocess.Popen[str]] = []

    def start(*args: str, mode: str = "", path: str | None = None) -> subprocess.Popen[str]:
        environment = os.environ | {
            "PATH": str(binary.parent) if path is None else path,
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "HOME": str(tmp_path),
            "FAKE_OLLAMA": mode,
        }
        command = [sys.executable, "-m", "loopscope", "servers", "up", "--ports", *map(str, ports), *args]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.terminate()
            process.wait(PATIENCE_S)
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def read_until(process: subprocess.Popen[str], mark: str) -> list[str]:
    """Lines of its standard output up to the one with ``mark``."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if mark in line:
            return lines
    assert process.stderr is not None
    raise AssertionError(f"no {mark!r} in {lines}; {process.stderr.read()}")


def gone(process: psutil.Process) -> bool:
    """An orphan that has ended but was not yet collected by its new parent counts as gone."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def assert_gone(processes: list[psutil.Process], within_s: float = PATIENCE_S) -> None:
    assert wait_until(lambda: all(map(gone, processes)), within_s), [one for one in processes if not gone(one)]


def version_at(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/version", timeout=PATIENCE_S) as answer:
        return str(json.load(answer)["version"])


@pytest.mark.parametrize("within_s", [PATIENCE_S, pytest.param(2.0, marks=pytest.mark.timing)])
@pytest.mark.parametrize(
    ("mode", "death"),
    [
        ("", signal.SIGINT),
        ("", signal.SIGTERM),
        ("", signal.SIGHUP),
        ("", signal.SIGKILL),
        ("stubborn", signal.SIGTERM),
        ("stubborn", signal.SIGKILL),
    ],
)
def test_servers_answer_while_it_runs_and_are_gone_after_it(
    up: Up, ports: list[int], mode: str, death: signal.Signals, within_s: float
) -> None:
    """Both answer once it says so; whatever ends it, they and the runners that they started go with it,
    within 2 s on a quiet machine."""
    process = up("--parallel", "3", mode=mode)
    lines = read_until(process, "Ctrl-C")
    assert [version_at(port) for port in ports] == ["0.33.0", "0.33.0"]
    assert any(f"127.0.0.1:{ports[1]}" in line and "Ollama 0.33.0" in line and "tiny:1" in line for line in lines)
    logs = [line.partition("its log: ")[2] for line in lines if "its log: " in line]
    assert len(logs) == 2
    assert "parallel 3" in Path(logs[0]).read_text()
    family = psutil.Process(process.pid).children(recursive=True)
    assert len(family) == 6  # for each server: keeper, ollama, runner
    process.send_signal(death)
    assert process.wait(PATIENCE_S) == (-signal.SIGKILL if death == signal.SIGKILL else 0)
    assert_gone(family, within_s)


def test_pair_that_it_starts_is_what_a_session_finds(up: Up, ports: list[int]) -> None:
    """Started as ollama would be, two emulators are a pair with their model loaded, and gone at the end."""
    process = up("--model", "gemma3", mode="emulator")
    read_until(process, "Ctrl-C")
    found = find_pair(urls=[f"http://127.0.0.1:{port}" for port in ports])
    assert found
    assert [server.model for server in found] == ["gemma3:latest"] * 2
    assert [[one.name for one in probe(server.url).loaded] for server in found] == [["gemma3:latest"]] * 2
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert not find_pair(urls=[server.url for server in found])


def test_server_that_is_there_already_is_left_alone(up: Up) -> None:
    """A second call finds both up, starts nothing, and its end does not touch them."""
    first = up()
    read_until(first, "Ctrl-C")
    second = up()
    read_until(second, "up already")
    assert second.wait(PATIENCE_S) == 0
    assert first.poll() is None


def test_model_is_loaded_and_kept(up: Up) -> None:
    """With --model each server is asked to load it: empty prompt, the given time, and it is said."""
    process = up("--model", "tiny:1", "--keep-alive", "7m")
    lines = read_until(process, "Ctrl-C")
    assert sum("tiny:1 is loaded on" in line for line in lines) == 2
    for log in (line.partition("its log: ")[2] for line in lines if "its log: " in line):
        assert '"prompt": "", "keep_alive": "7m"' in Path(log).read_text()


def test_loading_can_be_broken_off(up: Up) -> None:
    """Ctrl-C while a model loads ends it at once, and nothing is left."""
    process = up("--model", "tiny:1", mode="slow")
    assert process.stderr is not None
    assert "loading tiny:1" in process.stderr.readline()
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert_gone(family)


def test_model_that_is_not_there_is_a_sentence_and_nothing_is_pulled(up: Up) -> None:
    """A model that the servers lack: exit code 2, the way to get it, nothing left running."""
    process = up("--model", "gemma3")
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert "no model 'gemma3'" in err
    assert "ollama pull" in err


def test_servers_without_a_common_model_say_so(up: Up) -> None:
    """Two servers that keep different models are pointed out."""
    lines = read_until(up(mode="apart"), "Ctrl-C")
    assert any("no model in common" in line for line in lines)


def test_server_that_dies_at_once_is_told_with_its_last_words(up: Up, tmp_path: Path) -> None:
    """What it said last stands in the sentence, made printable, with the name of its log."""
    process = up(mode="die")
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "no GPU ·[31mtoday" in err
    assert str(tmp_path / "state") in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("victim", ["ollama", "loopscope.session.supervisor"])
def test_server_that_dies_later_is_told_and_the_other_is_stopped(up: Up, victim: str) -> None:
    """It does not sit there with half of what it started; not even when the keeper of a server is killed."""
    process = up()
    read_until(process, "Ctrl-C")
    family = psutil.Process(process.pid).children(recursive=True)
    next(one for one in family if victim in (one.name(), *one.cmdline())).kill()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "has ended" in err
    assert_gone(family)


def test_interrupted_while_waiting_leaves_nothing(up: Up) -> None:
    """A server that never answers is waited for with progress, and Ctrl-C ends the waiting."""
    process = up(mode="silent")
    assert process.stderr is not None
    assert "waiting for 127.0.0.1:" in process.stderr.readline()
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE_S) == 0
    assert_gone(family)


def test_no_binary_is_a_sentence(up: Up) -> None:
    """Without an ollama on PATH: what is missing, and what to do."""
    _, err = (process := up(path="")).communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "no 'ollama' on PATH" in err
    assert len(err.splitlines()) == 1


def test_port_held_by_something_else_is_a_sentence(up: Up, ports: list[int]) -> None:
    """A port on which no Ollama listens is named, with exit code 2; nothing is started."""
    with socket.create_server(("127.0.0.1", ports[0])):
        process = up()
        out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert f"127.0.0.1:{ports[0]} is taken" in err


@pytest.mark.parametrize(
    "bad", [["http://127.0.0.1:1"], ["--json"], ["--parallel", "0"], ["--keep-alive"], ["--no-such"]]
)
def test_wrong_arguments_are_a_sentence(up: Up, bad: list[str]) -> None:
    """What 'up' does not take is refused with 2 and no traceback."""
    process = up(*bad)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert len(err.splitlines()) == 1
