"""Commands travel as lines."""

import pytest

from loopscope.core.commands import Plan, Quit, SetLever, StartAgents, StopAgents, decode_command, encode_command
from loopscope.core.errors import WorkerError
from loopscope.core.records import AgentSpec, Server

_SPEC = AgentSpec(agent=1, name="a", server=0)


@pytest.mark.parametrize(
    "command",
    [
        Plan(servers=[Server(url="http://x")], agents=[_SPEC], levers={"batch": "off"}),
        StartAgents(agents=[_SPEC]),
        StopAgents(agents=[1]),
        SetLever(name="batch", value="off"),
        Quit(),
    ],
)
def test_every_command_survives_the_line(command: object) -> None:
    """A command that was sent is read as the same command."""
    assert decode_command(encode_command(command)) == command


@pytest.mark.parametrize("line", [b"", b"{}", b'{"do":"dance"}', b"\xff"])
def test_other_lines_are_refused(line: bytes) -> None:
    """What is no command raises the one error that the child reports."""
    with pytest.raises(WorkerError):
        decode_command(line)
