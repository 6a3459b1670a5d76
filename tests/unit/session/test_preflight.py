"""Doubts before the run."""

import pytest

from loopscope.core.records import Server
from loopscope.session import preflight as module
from loopscope.session.preflight import doubt
from loopscope.session.vram import GIB

_PAIR = [Server(url=f"http://127.0.0.1:{port}", model="m") for port in (11434, 11435)]


@pytest.fixture(autouse=True)
def _card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "gpu_memory", lambda: 12 * GIB)
    monkeypatch.setattr(module, "probe_all", lambda urls: [])
    monkeypatch.setattr(module, "size_of", lambda found, model: 8 * GIB)


def test_a_model_that_does_not_fit_twice_is_pointed_out() -> None:
    """8 GiB twice on a card of 12 is a sentence with its figures."""
    assert "m takes 8.0 GiB, twice that does not fit into 12.0 GiB" in doubt(_PAIR)


@pytest.mark.parametrize(
    "servers",
    [
        _PAIR[:1],
        [_PAIR[0], Server(url="http://10.1.1.1:11434", model="m")],
        [_PAIR[0], Server(url="http://127.0.0.1:11435", model="other")],
        [Server(url=server.url, model="m", api="openai") for server in _PAIR],
    ],
)
def test_other_servers_raise_no_doubt(servers: list[Server]) -> None:
    """One server, another machine, two models or another kind of server: nothing is said, nothing is asked."""
    assert doubt(servers) == ""


def test_nothing_is_said_of_what_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a GPU, or without the model's size, there is no sentence."""
    monkeypatch.setattr(module, "size_of", lambda found, model: None)
    assert doubt(_PAIR) == ""
    monkeypatch.setattr(module, "gpu_memory", lambda: None)
    assert doubt(_PAIR) == ""
