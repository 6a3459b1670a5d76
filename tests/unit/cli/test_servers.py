"""``loopscope servers``: what it prints and what it refuses; starting servers is tested with real processes."""

import json
import socket

import pytest

from loopscope.cli import main, servers
from loopscope.core.records import Server
from loopscope.session.discover import PAIR_URLS, NoPair
from loopscope.session.probe import Found, Loaded, Model

GIB = 1 << 30


def ollama(url: str) -> Found:
    loaded = (Loaded("big:1", 5 * GIB, 5 * GIB, 4096),)
    return Found(url, "", "ollama", "Ollama", "0.33.0", (Model("big:1", 4 * GIB), Model("small:1", GIB)), loaded)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> dict[str, Found]:
    """The servers that there are, by URL; everywhere else nobody listens."""
    there: dict[str, Found] = {}
    monkeypatch.setattr(
        servers, "probe_all", lambda urls, *_: [there.get(url, Found(url, "nothing listens there")) for url in urls]
    )
    monkeypatch.setattr(servers, "find_pair", lambda: NoPair("no Ollama server answers"))
    monkeypatch.setattr(servers, "gpu_memory", lambda: None)
    return there


def test_overview_shows_the_pair_and_whoever_answers(
    world: dict[str, Found], capsys: pytest.CaptureFixture[str]
) -> None:
    """Both of Ollama's addresses are shown always, other usual ports only when somebody is there."""
    world["http://127.0.0.1:8080"] = Found("http://127.0.0.1:8080", "", "openai", "llama.cpp", "", (Model("x"),))
    assert main(["servers"]) == 0
    out = capsys.readouterr().out
    assert "127.0.0.1:11434" in out
    assert "127.0.0.1:11435" in out
    assert "127.0.0.1:8080" in out
    assert "127.0.0.1:8000" not in out
    assert "starts its embedded pair: no Ollama server answers." in out


def test_overview_names_the_model_and_what_does_not_fit_twice(
    world: dict[str, Found], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two Ollamas: the model that a session would use, and a warning for the one that is too big for the card."""
    world.update({url: ollama(url) for url in PAIR_URLS})
    monkeypatch.setattr(servers, "find_pair", lambda: [Server(url=url, model="big:1") for url in PAIR_URLS])
    monkeypatch.setattr(servers, "gpu_memory", lambda: 8 * GIB)
    assert main(["servers"]) == 0
    out = capsys.readouterr().out
    assert "uses both with big:1" in out
    assert "big:1 takes 5.0 GiB, twice that does not fit into 8.0 GiB" in out
    assert "small:1 takes" not in out


def test_json_is_one_document(world: dict[str, Found], capsys: pytest.CaptureFixture[str]) -> None:
    """--json prints the data and nothing else."""
    world[PAIR_URLS[0]] = ollama(PAIR_URLS[0])
    assert main(["servers", "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [server["reachable"] for server in data] == [True, False]


def test_address_that_was_asked_for_and_is_silent_is_a_failure(capsys: pytest.CaptureFixture[str]) -> None:
    """An address given by hand on which nobody listens: the reason in the table, exit code 1."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        assert main(["servers", url]) == 1
    assert "connection refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["up", "http://127.0.0.1:1"], "'up' takes no address"),
        (["up", "--json"], "--json"),
        (["--model", "x"], "belongs to"),
        (["--parallel", "2"], "belongs to"),
        (["http://me:secret@host"], "credentials"),
        (["up", "--ports", "0"], "--ports"),
        (["up", "--ports", "5", "5"], "port of its own"),
    ],
)
def test_wrong_words_are_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One sentence, exit code 2, no secret in it."""
    try:
        code: object = main(["servers", *words])
    except SystemExit as end:
        code = end.code
    assert code == 2
    err = capsys.readouterr().err
    assert said in err
    assert "secret" not in err
    assert len(err.splitlines()) == 1
