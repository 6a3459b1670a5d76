"""The bench can fail: no judge takes a calm session for the cause that it looks for."""

import pytest

from kit.tape import calm
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.session.selftest import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.loop}")
def test_a_calm_session_is_only_calm(case: Case) -> None:
    """A session in which nothing was planted passes the calm case and none other."""
    fold = Fold()
    for record in calm():
        fold.feed(record)
    _, wrong = case.judge(summary(fold))
    assert bool(wrong) is (case.name != "calm"), wrong
