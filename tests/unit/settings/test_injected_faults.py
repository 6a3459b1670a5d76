"""Planted causes are checked before anything starts."""

import pytest

from loopscope.core.errors import InputError
from loopscope.settings.injected_faults import InjectedFault, parse_injected_fault


@pytest.mark.parametrize(
    ("text", "plant"),
    [
        ("block:40:2", InjectedFault("block", ms=40, hz=2)),
        ("busy:5:10", InjectedFault("busy", ms=5, hz=10)),
        ("spin:0.25", InjectedFault("spin", share=0.25)),
        ("gil:1", InjectedFault("gil", share=1)),
        ("gc:4", InjectedFault("gc", hz=4)),
        ("received:60:3", InjectedFault("received", ms=60, hz=3)),
        ("neighbours:2", InjectedFault("neighbours", count=2)),
        ("localhost:150", InjectedFault("localhost", ms=150)),
        ("buffer:4096", InjectedFault("buffer", count=4096)),
        ("spin:0.9@7.5", InjectedFault("spin", share=0.9, until_s=7.5)),
    ],
)
def test_a_cause_is_read(text: str, plant: InjectedFault) -> None:
    """Name and numbers."""
    assert parse_injected_fault(text) == plant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "block",
        "block:40",
        "block:0:2",
        "block:x:2",
        "spin:2",
        "spin:0",
        "gil:-1",
        "gc:nan",
        "gc:0",
        "melt:1",
        "neighbours:0",
        "neighbours:1.5",
        "neighbours:99",
        "buffer:-1",
        "localhost",
        "gc:4@",
        "gc:4@-1",
        "gc:4@x",
    ],
)
def test_what_is_none_is_refused_in_a_sentence(text: str) -> None:
    """The sentence repeats what was given."""
    with pytest.raises(InputError, match="--plant"):
        parse_injected_fault(text)
