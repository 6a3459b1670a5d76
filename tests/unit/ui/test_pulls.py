"""What a key makes of a lever."""

from dataclasses import replace

import pytest

from loopscope.core.errors import InputError
from loopscope.model.snapshot import Snapshot
from loopscope.ui.pulls import Pulls
from ui.fakes import FakeSource


def snapshot(**levers: str) -> Snapshot:
    """A snapshot with some levers set."""
    source = FakeSource(2, history=False)
    source.levers |= levers
    return source.snapshot()


def test_a_key_goes_round_the_presets() -> None:
    """throttle: off, 60, off; batch through its four."""
    pulls = Pulls()
    assert pulls.next(snapshot(throttle="off"), "throttle") == "60"
    assert pulls.next(snapshot(throttle="60"), "throttle") == "off"
    assert pulls.next(snapshot(batch="decode:1KiB"), "batch") == "off"


def test_a_typed_value_joins_the_round() -> None:
    """off, 60, the typed value, off."""
    pulls = Pulls()
    assert pulls.typed("throttle", "45 tok/s") == "45"
    assert pulls.next(snapshot(throttle="60"), "throttle") == "45"
    assert pulls.next(snapshot(throttle="45"), "throttle") == "off"
    assert pulls.next(snapshot(throttle="off"), "throttle") == "60"


def test_a_wrong_value_is_refused_with_the_valid_ones() -> None:
    """The error names what may be typed, and the round stays as it was."""
    pulls = Pulls()
    with pytest.raises(InputError, match="valid: off"):
        pulls.typed("throttle", "fast")
    assert pulls.next(snapshot(throttle="60"), "throttle") == "off"


def test_quick_presses_add_up() -> None:
    """Three presses before the next snapshot ask for three agents more; a value never shown is forgotten."""
    pulls, now = Pulls(), snapshot(agents="2")
    for wanted in ("3", "4", "5"):
        assert pulls.step(now, 1) == wanted
        pulls.asked(now, "agents", wanted)
    later = replace(now, t_s=now.t_s + 60)
    assert pulls.step(later, 1) == "3"


def test_agents_stay_within_bounds() -> None:
    """Never below one."""
    assert Pulls().step(snapshot(agents="1"), -1) == "1"


def test_each_judgement_is_told_once() -> None:
    """What was known when the screen opened is not told; a pull is told when its effect is there, and only then."""
    source, pulls = FakeSource(2), Pulls()
    assert pulls.judged(source.snapshot()) == []
    source.pull("throttle", "60")
    assert pulls.judged(source.snapshot()) == []
    source.tick += 60
    assert [effect.new for effect in pulls.judged(source.snapshot())] == ["60"]
    assert pulls.judged(source.snapshot()) == []
