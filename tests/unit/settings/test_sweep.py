"""Sweep files: what they may say, and the order of the runs."""

from pathlib import Path

import pytest

from loopscope.core.errors import InputError
from loopscope.settings.sweep import cells, load, order

TEXT = """
scenarios = ["pair", "cold"]
models = ["m"]
rounds = 4
seed = 7
[levers]
loop = ["asyncio", "uvloop"]
batch = ["off", "read:50MS"]
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "s.toml"
    path.write_text(text, "utf-8")
    return path


def test_every_combination_is_run_once_a_round_in_an_order_of_its_own(tmp_path: Path) -> None:
    """8 combinations, 4 rounds: blocks of the same runs, in orders that differ; the same seed, the same order."""
    sweep = load(write(tmp_path, TEXT))
    runs = order(sweep)
    assert len(runs) == 32
    blocks = [[cell for cell, number in runs if number == wanted] for wanted in range(1, 5)]
    assert all(set(block) == set(cells(sweep)) for block in blocks)
    assert len({tuple(block) for block in blocks}) > 1
    assert runs == order(load(write(tmp_path, TEXT)))
    assert runs != order(load(write(tmp_path, TEXT.replace("seed = 7", "seed = 8"))))


def test_values_are_canonical(tmp_path: Path) -> None:
    """As everywhere: one way to say a value."""
    made = {dict(cell.levers)["batch"] for cell in cells(load(write(tmp_path, TEXT)))}
    assert made == {"off", "read:50ms"}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "scenarios = []",
        "scenarios = ['nosuch']",
        "scenarios = ['pair']\nrounds = 0",
        "nonsense = 1",
        "= [",
        "scenarios = ['pair']\n[levers]\nloop = []",
        "scenarios = ['pair']\n[levers]\nnosuch = ['a']",
        "scenarios = ['pair']\n[levers]\nloop = ['nosuch']",
        "scenarios = ['pair']\n[levers]\nagents = ['3']",
        "scenarios = ['n-agents']",
        "scenarios = ['pair']\nrounds = 1000\nmodels = " + str(list("1234567890a")),
    ],
)
def test_what_is_no_sweep_is_one_sentence(tmp_path: Path, text: str) -> None:
    """Before anything runs."""
    with pytest.raises(InputError):
        load(write(tmp_path, text))


def test_a_file_that_is_not_there_is_said_to_be(tmp_path: Path) -> None:
    """With its name."""
    with pytest.raises(InputError, match="none"):
        load(tmp_path / "none.toml")


def test_what_cannot_be_had_together_is_refused_before_the_first_run(tmp_path: Path) -> None:
    """A read size that one of the combinations cannot have."""
    text = TEXT.replace('batch = ["off", "read:50MS"]', 'client = ["streams"]\nread = ["auto", "4k"]')
    with pytest.raises(InputError, match="read=4k cannot be had with client=streams on loop=uvloop"):
        load(write(tmp_path, text))
