"""A scenario gives the operator's agents back, however it ends."""

import pytest

from loopscope.core.records import AgentSpec
from loopscope.experiments.rounds import ScenarioHost, run
from loopscope.session.procedure import CancelledError
from loopscope.settings.scenario import load


class _Host(ScenarioHost):
    """A session whose agents do not end while anybody looks."""

    scenario = load("pair")
    servers = ()

    def __init__(self) -> None:
        self.halted = False

    def listen(self, heard):  # type: ignore[no-untyped-def]
        return lambda: None

    def specs(self, count: int) -> list[AgentSpec]:
        return [AgentSpec(agent=number, name=f"a{number}", server=0) for number in range(count)]

    def halt_agents(self) -> list[int]:
        self.halted = True
        return [0, 1]

    def resume_agents(self) -> None:
        self.halted = False


class _Cancelled:
    """A task that is cancelled at its first wait."""

    def progress(self, done: float, words: str) -> None: ...

    def check(self) -> None: ...

    def wait(self, seconds: float) -> None:
        raise CancelledError


def test_cancelled_while_the_agents_finish_it_starts_them_again() -> None:
    """X a second after S: the session must not be left without agents."""
    host = _Host()
    with pytest.raises(CancelledError):
        run(host, _Cancelled(), {})
    assert not host.halted
