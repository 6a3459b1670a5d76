"""Lever values are read and written in one form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.errors import InputError
from loopscope.settings.levers import LEVERS, canonical, defaults, next_preset, parse_assignment
from loopscope.settings.levers.batch import parse_batch


@pytest.mark.parametrize(
    ("lever", "text", "value"),
    [
        ("batch", "off", "off"),
        ("batch", "50ms", "decode:50ms"),
        ("batch", "decode:50ms", "decode:50ms"),
        ("batch", "read:0.05s", "read:50ms"),
        ("batch", "1KiB", "decode:1KiB"),
        ("batch", "decode:1000b", "decode:1000B"),
        ("throttle", "60 tok/s", "60"),
        ("throttle", "0", "off"),
        ("throttle", "2.5", "2.5"),
        ("loop", "asyncio", "asyncio"),
        ("decoder", "JSON", "json"),
        ("agents", " 7 ", "7"),
    ],
)
def test_values_have_one_canonical_form(lever: str, text: str, value: str) -> None:
    """Whatever way it is written, a value travels in one form."""
    assert canonical(lever, text) == value


@pytest.mark.parametrize(
    ("lever", "text"),
    [
        ("batch", "read:1KiB"),
        ("batch", "soon"),
        ("batch", "decode:0ms"),
        ("batch", "decode:99s"),
        ("throttle", "-1"),
        ("throttle", "nan"),
        ("loop", "trio"),
        ("decoder", "pickle"),
        ("agents", "0"),
        ("agents", "9999999999"),
        ("agents", "²"),
        ("gears", "1"),
    ],
)
def test_what_is_not_valid_says_what_is(lever: str, text: str) -> None:
    """A refused value names the valid ones (or the levers, when there is none of that name)."""
    with pytest.raises(InputError, match=r"valid|levers:|from 1|takes a time"):
        canonical(lever, text)


@pytest.mark.parametrize("lever", list(LEVERS))
def test_defaults_and_presets_are_valid(lever: str) -> None:
    """Every default and everything a key can set is its own canonical form."""
    for value in (defaults()[lever], *LEVERS[lever].presets):
        assert canonical(lever, value) == value


def test_a_key_goes_round_its_presets() -> None:
    """Pressing a lever's key often enough comes back to where it began, from any value."""
    values = ["off"]
    for _ in LEVERS["batch"].presets:
        values.append(next_preset("batch", values[-1]))
    assert values[0] == values[-1]
    assert len(set(values)) == len(LEVERS["batch"].presets)
    assert next_preset("throttle", "17") == "off"


@given(st.text(max_size=20))
def test_any_text_is_a_batch_or_an_input_error(text: str) -> None:
    """No text makes the reader of batch values raise anything else."""
    try:
        batch = parse_batch(text)
    except InputError:
        return
    assert batch.kind in {"off", "decode", "read"}


def test_an_assignment_needs_its_sign() -> None:
    """lever=value is read; without the sign the form is told."""
    assert parse_assignment("batch=read:50ms") == ("batch", "read:50ms")
    with pytest.raises(InputError, match="lever=value"):
        parse_assignment("batch")
