"""Starting and ending the pair: nothing is left, whatever the death; what is missing is said in a sentence."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from kit.processes import PATIENCE_S, wait_until
from loopscope.core.errors import InputError
from loopscope.realpair import command, pair
from loopscope.realpair.pair import RealPair

LINUX_LIKE = pytest.mark.skipif(os.name != "posix", reason="signals between processes are POSIX")


def ended(process: psutil.Process) -> bool:
    """An orphan that has ended but was not yet collected by its new parent counts as ended."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def start(folder: Path, *args: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "loopscope.realpair", "--size", "tiny", "--cache", str(folder), *args]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def running(model_folder: Path) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command, up, and what it printed."""
    process = start(model_folder)
    assert process.stdout is not None and process.stderr is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        if line.startswith("Ctrl-C"):
            break
    yield process, lines
    process.kill()
    process.wait()
    process.stdout.close()
    process.stderr.close()


def test_command_prints_urls_that_answer_and_how_to_use_them(
    running: tuple[subprocess.Popen[str], list[str]],
) -> None:
    """Two URLs, each of which answers, and a loopscope command that holds both."""
    _, lines = running
    urls = [line.strip() for line in lines if line.strip().startswith("http://127.0.0.1:")]
    assert len(urls) == 2
    for url in urls:
        assert httpx.get(f"{url}/v1/models").json()["data"][0]["id"] == "random-tiny"
    assert f"  loopscope {urls[0]} {urls[1]} --api openai" in lines


@LINUX_LIKE
@pytest.mark.parametrize("within_s", [PATIENCE_S, pytest.param(2.0, marks=pytest.mark.timing)])
@pytest.mark.parametrize("death", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_no_server_outlives_the_command(
    running: tuple[subprocess.Popen[str], list[str]], death: signal.Signals, within_s: float
) -> None:
    """Ended by any signal, even one that it cannot catch, it leaves no server; two seconds later
    on a quiet machine."""
    process, _ = running
    servers = psutil.Process(process.pid).children()
    assert len(servers) == 2
    process.send_signal(death)
    code = process.wait(PATIENCE_S)
    assert code == (-signal.SIGKILL if death == signal.SIGKILL else 0)
    assert wait_until(lambda: all(map(ended, servers)), within_s)


@LINUX_LIKE
def test_server_that_dies_is_told_and_ends_the_other(running: tuple[subprocess.Popen[str], list[str]]) -> None:
    """A pair with one server is no pair: the command says so and ends with 1."""
    process, _ = running
    victim, other = psutil.Process(process.pid).children()
    victim.kill()
    assert process.wait(PATIENCE_S) == 1
    assert process.stderr is not None
    assert "ended by itself" in process.stderr.read()
    assert wait_until(lambda: ended(other))


def test_port_that_is_taken_is_a_sentence(real_pair: RealPair, model_folder: Path) -> None:
    """A port that somebody else holds is named, with exit code 2, and nothing is started."""
    port = real_pair.urls[0].rpartition(":")[2]
    process = start(model_folder, "--ports", port, "0")
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (2, "")
    assert f"port {port}" in err
    assert len(err.splitlines()) == 1


def test_port_given_twice_is_a_sentence() -> None:
    """Two servers cannot share one port."""
    with pytest.raises(InputError, match="given twice"):
        pair.check_ports([8080, 8080])


def test_missing_extra_tells_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the packages: one sentence with the pip command, exit code 2."""
    monkeypatch.setattr(pair.importlib.util, "find_spec", lambda name: None if name == "xllamacpp" else name)
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    assert command.main([]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "pip install 'loopscope[real]'" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("bad", [["--slots", "0"], ["--ports", "70000"], ["--ports", "x"], ["--size", "giant"]])
def test_wrong_arguments_are_refused(bad: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Values out of range end with 2 and name the flag."""
    with pytest.raises(SystemExit) as end:
        command.main(bad)
    assert end.value.code == 2
    assert bad[0] in capsys.readouterr().err


@LINUX_LIKE
def test_killed_server_breaks_its_stream_off(model_folder: Path) -> None:
    """A server killed mid-stream is a broken connection to its client, and the pair knows that it has ended."""
    with RealPair("medium", ports=(0,), folder=model_folder) as lone:
        body = {"prompt": "the", "max_tokens": 4000, "stream": True}
        with httpx.stream("POST", f"{lone.urls[0]}/v1/completions", json=body, timeout=PATIENCE_S) as answer:
            chunks = answer.iter_raw()
            assert next(chunks).startswith(b"data: ")
            os.kill(lone.pids[0], signal.SIGKILL)
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in chunks:
                    pass
        assert lone.ended.wait(PATIENCE_S)
