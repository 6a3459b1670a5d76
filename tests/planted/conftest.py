"""What the agents cost by themselves, measured once a loop: the ground on which planted sizes stand."""

import pytest

from loopscope.experiments.selftest import CASES, Result, run_case

_done: dict[str, Result] = {}


@pytest.fixture
def idle(request: pytest.FixtureRequest) -> Result:
    """The idle case on the loop of this test."""
    loop: str = request.getfixturevalue("case").loop
    if loop not in _done:
        _done[loop] = run_case(next(case for case in CASES if (case.name, case.loop) == ("idle", loop)), slack=2.0)
    return _done[loop]
