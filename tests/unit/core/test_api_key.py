"""The key that a server wants: from the environment or a command, never shown."""

import sys
from collections.abc import Iterator

import pytest

from loopscope.core import api_key
from loopscope.rig.quoting import harmless


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(api_key.KEY, "")
    monkeypatch.setenv(api_key.COMMAND, "")
    api_key.api_key.cache_clear()
    yield
    api_key.api_key.cache_clear()


def test_without_one_nothing_is_sent() -> None:
    """No header, so that servers see what they always saw."""
    assert api_key.authorization() == {}


def test_it_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a bearer token; what a server repeats of it is left out."""
    monkeypatch.setenv(api_key.KEY, " sesame-17 ")
    assert api_key.authorization() == {"authorization": "Bearer sesame-17"}
    assert "sesame" not in harmless("HTTP 401: who is sesame-17?", b"{}")


def test_it_comes_from_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run once; child processes inherit what it printed."""
    monkeypatch.setenv(api_key.COMMAND, f"'{sys.executable}' -c 'print(\"sesame\")'")
    assert api_key.authorization() == {"authorization": "Bearer sesame"}
    assert api_key.os.environ[api_key.KEY] == "sesame"


@pytest.mark.parametrize("command", ["false", "no-such-command-17", "'", "echo two words"])
def test_a_command_that_prints_no_key_gives_none(monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """The server then says that it wants one."""
    monkeypatch.setenv(api_key.COMMAND, command)
    assert api_key.authorization() == {}


@pytest.mark.parametrize("key", ["two words", "line\nend", "schlüssel"])
def test_what_cannot_be_a_header_is_none(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    """Nobody may put a header of their own in."""
    monkeypatch.setenv(api_key.KEY, key)
    assert api_key.authorization() == {}
