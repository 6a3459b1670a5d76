"""docs/findings.md says what the rules and thresholds of the code say."""

import re
from pathlib import Path

import pytest

from loopscope.model.findings import RULES
from loopscope.settings.thresholds import THRESHOLDS

PAGE = (Path(__file__).parents[2] / "docs" / "findings.md").read_text("utf-8")


def rows(heading: str) -> dict[str, list[str]]:
    """Cells of the table under a heading, by the name in its first one."""
    part = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {cells[0].strip("`"): cells[1:] for cells in table}


def test_every_rule_is_described_and_no_other() -> None:
    """One row a rule, in the order in which rules are asked."""
    assert list(rows("The rules")) == list(RULES)


@pytest.mark.parametrize("name", RULES)
def test_a_row_says_how_loud_it_is_and_names_its_thresholds(name: str) -> None:
    """Level as in the code; every threshold that the rule reads stands in what it fires on, and no other."""
    told, means, fires, lever = rows("The rules")[name]
    assert told == {"warn": "warning", "note": "note"}[RULES[name].level]
    assert set(re.findall(r"`(\w+)`", fires)) & set(THRESHOLDS) == set(RULES[name].limits)
    assert means
    assert lever


def test_every_threshold_has_its_row() -> None:
    """Default, unit, meaning and source, as in the code."""
    table = rows("Thresholds")
    assert list(table) == list(THRESHOLDS)
    for name, threshold in THRESHOLDS.items():
        default, *rest = table[name]
        assert float(default) == threshold.default
        assert rest == [threshold.unit, threshold.means, threshold.source]


def test_every_planted_cause_stands_on_the_page_with_its_findings() -> None:
    """One row for each cause of the self-test: what must be found, and what may be, as the bench asks for it."""
    from loopscope.experiments.selftest import CASES

    told: dict[str, tuple[set[str], set[str]]] = {}
    part = PAGE.partition("## How they are held to it\n")[2].partition("\n## ")[0]
    for line in (line for line in part.splitlines() if line.startswith("| `")):
        causes, must, may, _ = (cell.strip() for cell in line.strip("|").split("|"))
        for cause in re.findall(r"`([^`]+)`", causes):
            told[cause] = (set(re.findall(r"`([^`]+)`", must)), set(re.findall(r"`([^`]+)`", may)))
    cases = {case.name: case for case in CASES if not case.ends}
    assert set(told) == set(cases)
    for name, (must, may) in told.items():
        assert must == cases[name].fires, name
        if name != "clock ahead":  # shares its row with its opposite
            assert may == cases[name].may, name
