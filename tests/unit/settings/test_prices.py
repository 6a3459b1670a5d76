"""Prices come from the operator or not at all."""

from pathlib import Path

import pytest

from loopscope.core.errors import InputError
from loopscope.settings.prices import Prices, load_prices


def test_without_a_file_there_are_no_prices(tmp_path: Path) -> None:
    """No default, no guess."""
    assert load_prices(tmp_path / "prices.toml") == Prices()


def test_a_file_is_read_and_its_currency_made_plain(tmp_path: Path) -> None:
    """It is shown in the terminal."""
    path = tmp_path / "prices.toml"
    path.write_text('currency = "\\u001b[31mEUR"\nper_kwh = 0.3\n', "utf-8")
    made = load_prices(path)
    assert made.per_kwh == 0.3
    assert "\x1b" not in made.currency


@pytest.mark.parametrize("text", ["= [", "per_kwh = 'cheap'", "per_kwh = -1", "per_kwh = nan", "nosuch = 1"])
def test_what_cannot_be_used_says_why(tmp_path: Path, text: str) -> None:
    """One sentence."""
    path = tmp_path / "prices.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(InputError):
        load_prices(path)
