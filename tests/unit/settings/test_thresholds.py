"""Thresholds: defaults, and what replaces them."""

import pytest

from loopscope.core.errors import InputError
from loopscope.settings.thresholds import THRESHOLDS, defaults, limits_from


def test_published_alert_levels_are_the_defaults() -> None:
    """TTFT 2 s, 80 tok/s, 5 % of requests at three times the solo TTFT, one GiB of memory free."""
    limits = defaults()
    assert limits["ttft_ms"] == 2_000
    assert limits["tok_s"] == 80
    assert (limits["contention_ratio"], limits["contention_share"]) == (3, 0.05)
    assert limits["vram_free_bytes"] == 1 << 30
    published = {name for name, threshold in THRESHOLDS.items() if threshold.source == "published alert level"}
    assert published == {"ttft_ms", "tok_s", "contention_ratio", "contention_share", "vram_free_bytes"}


def test_units_stand_in_the_names_and_shares_are_shares() -> None:
    """A share lies in [0, 1], and what has a unit that names end in says so."""
    for name, threshold in THRESHOLDS.items():
        if threshold.unit == "share":
            assert 0 < threshold.default < 1, name
        if threshold.unit in {"ms", "bytes"}:
            assert name.endswith(threshold.unit), name


def test_words_replace_defaults() -> None:
    """The last word counts, and what is not named stays."""
    limits = limits_from(["tok_s=30", "ttft_ms=500", "tok_s=40"])
    assert limits == defaults() | {"tok_s": 40.0, "ttft_ms": 500.0}


@pytest.mark.parametrize("word", ["speed=3", "tok_s", "tok_s=", "tok_s=fast", "tok_s=-1", "tok_s=nan", "tok_s=inf"])
def test_a_word_that_cannot_be_meant_is_told(word: str) -> None:
    """An unknown name lists the names, a wrong value says what would be one."""
    with pytest.raises(
        InputError, match="thresholds: full_elu" if word == "speed=3" else "a number from 0 on, in tok/s"
    ):
        limits_from([word])
