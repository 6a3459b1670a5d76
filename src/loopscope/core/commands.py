"""What a session may say to a child process: one JSON object a line on the child's standard input.

End of file on that pipe means "whoever started you is gone": the child ends by itself, see
:mod:`loopscope.wire.child`.
"""

import msgspec

from loopscope.core.errors import WorkerError
from loopscope.core.records import AgentSpec, Server


class Command(msgspec.Struct, frozen=True, tag_field="do", kw_only=True):
    """Base of every command."""


class Plan(Command, frozen=True, tag="plan", kw_only=True):
    """First command to a rig: what to measure and how. ``levers`` by name, see :mod:`loopscope.settings.levers`."""

    servers: list[Server]
    agents: list[AgentSpec]
    levers: dict[str, str]


class StartAgents(Command, frozen=True, tag="start", kw_only=True):
    """Begin to stream with these agents (specifications that were not in the plan may be new)."""

    agents: list[AgentSpec]


class StopAgents(Command, frozen=True, tag="stop", kw_only=True):
    """Let these agents finish the request under way, for ``drain_s`` seconds at most, then end them."""

    agents: list[int]
    drain_s: float = 10.0


class SetLever(Command, frozen=True, tag="lever", kw_only=True):
    """Change a lever that acts at once (throttle, batch, decoder)."""

    name: str
    value: str


class Quit(Command, frozen=True, tag="quit", kw_only=True):
    """Stop everything, hand out what is left, say ``bye``, end."""


AnyCommand = Plan | StartAgents | StopAgents | SetLever | Quit

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(AnyCommand)


def encode_command(command: Command) -> bytes:
    """Give the line of a command."""
    return _encoder.encode(command) + b"\n"


def decode_command(line: bytes) -> AnyCommand:
    """Give the command of a line.

    Raises:
        WorkerError: the line is no command.
    """
    try:
        command: AnyCommand = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise WorkerError(f"not a command: {error}") from error
    return command
