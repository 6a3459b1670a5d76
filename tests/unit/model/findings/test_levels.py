"""``--warn`` and ``--allow``: which findings are told, and how loud."""

import pytest

from loopscope.core.errors import InputError
from loopscope.model.findings import RULES, levels_from


def test_without_orders_each_rule_has_its_own_level() -> None:
    """What limits nobody is a note; everything else warns."""
    levels = levels_from([])
    assert {name for name, level in levels.items() if level == "note"} == {"server-bound", "throughput"}
    assert set(levels) == set(RULES)


def test_the_last_word_on_a_name_counts() -> None:
    """``--allow all --warn errors,vram`` leaves two; the other way round none."""
    levels = levels_from([("allow", "all"), ("warn", "errors, vram")])
    assert {name for name, level in levels.items() if level == "warn"} == {"errors", "vram"}
    assert set(levels_from([("warn", "errors"), ("allow", "all")]).values()) == {"allow"}


def test_a_note_can_be_made_a_warning() -> None:
    """``--warn throughput`` raises it."""
    assert levels_from([("warn", "throughput")])["throughput"] == "warn"


@pytest.mark.parametrize("names", ["lag", "errors,", "", "ERRORS"])
def test_an_unknown_name_is_told_with_those_that_there_are(names: str) -> None:
    """One sentence that lists every finding."""
    with pytest.raises(InputError, match="findings: all, errors, cold-start") as caught:
        levels_from([("warn", names)])
    assert all(name in str(caught.value) for name in RULES)
