"""Each planted cause comes back under its own name, on asyncio and uvloop, with real processes."""

import pytest

from kit.processes import children_of
from loopscope.session.selftest import CASES, Case, run_case

# Left to ``loopscope doctor --selftest``, for time: they differ from others by numbers, or are a matter of the fold.
SLOW = {"own CPU 25 %", "own CPU 50 %", "block 5 ms", "slow server", "whole seconds"}


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.name not in SLOW], ids=lambda case: f"{case.name}-{case.loop}"
)
def test_a_planted_cause_comes_back(case: Case) -> None:
    """Sizes and names are those that were planted; a neighbour that takes the cores may spoil one try, not two."""
    import os

    result = run_case(case)
    if not result.ok:
        result = run_case(case)
    assert result.ok, result.words
    assert children_of(os.getpid()) == []
