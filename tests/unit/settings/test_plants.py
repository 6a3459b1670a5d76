"""Planted causes are checked before anything starts."""

import pytest

from loopscope.core.errors import InputError
from loopscope.settings.plants import Plant, parse_plant


@pytest.mark.parametrize(
    ("text", "plant"),
    [
        ("block:40:2", Plant("block", ms=40, hz=2)),
        ("busy:5:10", Plant("busy", ms=5, hz=10)),
        ("spin:0.25", Plant("spin", share=0.25)),
        ("gil:1", Plant("gil", share=1)),
        ("gc:4", Plant("gc", hz=4)),
    ],
)
def test_a_cause_is_read(text: str, plant: Plant) -> None:
    """Name and numbers."""
    assert parse_plant(text) == plant


@pytest.mark.parametrize(
    "text",
    ["", "block", "block:40", "block:0:2", "block:x:2", "spin:2", "spin:0", "gil:-1", "gc:nan", "gc:0", "melt:1"],
)
def test_what_is_none_is_refused_in_a_sentence(text: str) -> None:
    """The sentence repeats what was given."""
    with pytest.raises(InputError, match="--plant"):
        parse_plant(text)
