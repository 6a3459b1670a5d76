"""Scenarios are read from TOML."""

from pathlib import Path

import pytest

from loopscope.core.errors import InputError
from loopscope.core.records import Server
from loopscope.settings.scenario import load, names, specs

_SERVERS = [Server(url="http://a", model="m1"), Server(url="http://b", model="m2", api="openai")]


@pytest.mark.parametrize("name", names())
def test_every_shipped_scenario_reads(name: str) -> None:
    """What is shipped can be used."""
    assert load(name).agent


def test_agents_are_spread_over_the_servers() -> None:
    """Agent i streams from server i modulo n, with that server's model and dialect; names stay distinct."""
    made = specs(load("pair"), _SERVERS, range(5))
    assert [spec.server for spec in made] == [0, 1, 0, 1, 0]
    assert made[1].model == "m2"
    assert made[1].api == "openai"
    assert len({spec.name for spec in made}) == 5


def test_tokens_can_be_overridden() -> None:
    """--tokens is stronger than the scenario."""
    assert {spec.tokens for spec in specs(load("pair"), _SERVERS, range(2), tokens=7)} == {7}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "no"),
        ("agent = 3", "cannot be used"),
        ("[[agent]]\nname='a'", "prompt"),
        ("words = [", "cannot be used"),
        ("[[agent]]\nname='a'\nprompt='p'\ntokens=0", "tokens from 1"),
        ("[[agent]]\nname='a'\nprompt='p'\nx=1", "x"),
    ],
)
def test_a_broken_file_says_why(tmp_path: Path, text: str, words: str) -> None:
    """A scenario that cannot be used is refused with the reason."""
    path = tmp_path / "broken.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        load(str(path))


def test_an_unknown_name_lists_the_shipped_ones() -> None:
    """A name that is none says which there are."""
    with pytest.raises(InputError, match="pair"):
        load("nothing-of-this-name")
