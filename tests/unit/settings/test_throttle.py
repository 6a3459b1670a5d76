"""Values of the throttle: what they mean, and that each has one spelling."""

import pytest

from loopscope.core.errors import InputError
from loopscope.settings.levers import canonical
from loopscope.settings.levers.throttle import Throttle, parse_throttle


@pytest.mark.parametrize(
    ("text", "throttle", "word"),
    [
        ("off", Throttle(), "off"),
        ("0", Throttle(), "off"),
        ("60", Throttle("each", 60.0), "60"),
        ("60 tok/s", Throttle("each", 60.0), "60"),
        ("shared:120", Throttle("shared", 120.0), "shared:120"),
        ("Shared:12.5", Throttle("shared", 12.5), "shared:12.5"),
        ("adaptive:delay=20ms", Throttle("adaptive", target="delay", value=20.0), "adaptive:delay=20ms"),
        ("adaptive:delay=1.5s", Throttle("adaptive", target="delay", value=1500.0), "adaptive:delay=1500ms"),
        ("adaptive:eff=90%", Throttle("adaptive", target="eff", value=0.9), "adaptive:eff=90%"),
        ("adaptive: efficiency = 0.9", Throttle("adaptive", target="eff", value=0.9), "adaptive:eff=90%"),
    ],
)
def test_a_value_is_read_and_has_one_spelling(text: str, throttle: Throttle, word: str) -> None:
    """Which reads as the same again."""
    assert parse_throttle(text) == throttle
    assert canonical("throttle", text) == word
    assert parse_throttle(word) == throttle


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("fast", "valid: off; 60"),
        ("-1", "valid: off; 60"),
        ("nan", "valid: off; 60"),
        ("1e9", "valid: off; 60"),
        ("shared:", "valid: off; 60"),
        ("each:60", "valid: off; 60"),
        ("adaptive", "needs its target"),
        ("adaptive:60", "needs its target"),
        ("adaptive:lag=5ms", "needs its target"),
        ("adaptive:delay=0ms", "a delay from 0.1 ms"),
        ("adaptive:delay=5%", "a delay from 0.1 ms"),
        ("adaptive:eff=120%", "a share from 1"),
        ("adaptive:eff=20ms", "a share from 1"),
    ],
)
def test_what_is_none_is_refused_with_what_is(text: str, words: str) -> None:
    """In one sentence."""
    with pytest.raises(InputError, match=words):
        parse_throttle(text)
