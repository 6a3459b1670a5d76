"""Scenarios: what the agents ask for. One TOML file each, shipped beside this module or the operator's own."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from loopscope.core.errors import InputError
from loopscope.core.files import read_small
from loopscope.core.format import number
from loopscope.core.records import AgentSpec, Server
from loopscope.core.text import plain

DEFAULT = "pair"
MAX_TOKENS = 1_000_000
MAX_ROUNDS = 1000
MAX_BYTES = 1 << 20
WORKFLOWS = ("loop", "thread")
"""Where a workflow's file I/O is done: on the event loop, or in a thread beside it."""


class AgentPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[agent]]`` table: its prompt, ``tokens`` a request at most, ``pause_s`` between requests.

    ``workflow``: instead of one request, scan ``files`` files, ask about them, ask again with the answer, write a
    report; its file I/O ``loop`` or ``thread``.
    """

    name: str
    prompt: str
    tokens: int = 256
    pause_s: float = 0.0
    options: dict[str, int | float | str | bool] = {}
    workflow: str = ""
    files: int = 32


class Emulated(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[embedded]``: how the emulated pair behaves in this scenario; names and units as ``loopscope emulate`` has
    them. ``None``: as it is without a scenario.
    """

    rate: float | None = None
    """Tokens/s of one stream alone."""
    share_factor: float | None = None
    """How many times as long every gap is while the other server computes."""
    overhead_ms: float | None = None
    """Time of each request outside prompt and decoding."""
    load_ms: float | None = None
    parallel: int | None = None
    prefill_rate: float | None = None
    timing: str | None = None

    def args(self) -> tuple[str, ...]:
        """Give the emulator's options."""
        known = {field: getattr(self, field) for field in self.__struct_fields__}
        return tuple(
            word
            for name, value in known.items()
            if value is not None
            for word in (f"--{name.replace('_', '-')}", value if isinstance(value, str) else f"{value:g}")
        )


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario file. With more agents than tables the tables are used again in turn."""

    words: str = ""
    agent: list[AgentPlan]
    counts: list[int] = []
    """How many agents in each set of rounds; empty: one for each table."""
    rounds: int = 5
    warm_up: int = 1
    """Rounds before anything counts."""
    solo: int = 2
    """Requests of each agent alone, for what its work takes without company."""
    pause_s: float = 0.5
    """Before each round."""
    servers: int = 0
    """How many of the servers are used; 0: all."""
    cold: bool = False
    """Unload the models before each round."""
    embedded: Emulated = Emulated()

    @property
    def agent_counts(self) -> list[int]:
        """How many agents there are in each set of rounds."""
        return self.counts or [len(self.agent)]


def _shipped() -> Path:
    return Path(__file__).parent / "scenarios"


def names() -> list[str]:
    """Names of the shipped scenarios."""
    return sorted(path.stem for path in _shipped().glob("*.toml"))


def load(name: str) -> Scenario:
    """Read a shipped scenario by its name, or any by the path of its file.

    Raises:
        InputError: there is none, or it is no scenario; says where and why.
    """
    path = _shipped() / f"{name}.toml" if re.fullmatch(r"[\w-]+", name) else Path(name)
    try:
        table: dict[str, Any] = tomllib.loads(read_small(path, MAX_BYTES, "a scenario").decode("utf-8"))
        scenario = msgspec.convert(table, Scenario)
    except FileNotFoundError as error:
        shipped = ", ".join(names())
        raise InputError(f"there is no scenario {plain(name)!r}; shipped: {shipped}; or give a file") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, RecursionError) as error:
        raise InputError(f"scenario {plain(name)!r} cannot be used: {plain(str(error))}") from error
    if not scenario.agent:
        raise InputError(f"scenario {name!r} has no [[agent]]")
    for plan in scenario.agent:
        if not 1 <= plan.tokens <= MAX_TOKENS or not 0 <= plan.pause_s <= 3600:
            raise InputError(
                f"scenario {name!r}: agent {plain(plan.name)!r} needs tokens from 1 to {MAX_TOKENS} and a pause_s from"
                " 0 to 3600"
            )
        if plan.workflow not in ("", *WORKFLOWS) or not 1 <= plan.files <= 10_000:
            raise InputError(
                f"scenario {name!r}: agent {plain(plan.name)!r} needs a workflow of {', '.join(WORKFLOWS)} (or none)"
                " and 1 to 10000 files"
            )
    for what, value, low, high in (
        ("rounds", scenario.rounds, 1, MAX_ROUNDS),
        ("warm_up", scenario.warm_up, 0, MAX_ROUNDS),
        ("solo", scenario.solo, 0, MAX_ROUNDS),
        ("pause_s", scenario.pause_s, 0, 3600),
        ("servers", scenario.servers, 0, 1024),
        *(("counts", count, 1, 1024) for count in scenario.counts),
    ):
        if not low <= value <= high:
            raise InputError(f"scenario {name!r}: {what} from {low} to {high}, not {number(value)}")
    return scenario


def specs(
    scenario: Scenario, servers: Sequence[Server], numbers: Sequence[int], *, tokens: int = 0, api: str = ""
) -> list[AgentSpec]:
    """Give the agents of these numbers, spread over the servers in turn.

    ``tokens`` > 0 overrides the scenario's, ``api`` the dialect that each server's family begins with.
    """
    made = []
    for place in numbers:
        plan = scenario.agent[place % len(scenario.agent)]
        server = place % (min(scenario.servers, len(servers)) or len(servers))
        name = plain(plan.name, 24)
        made.append(
            AgentSpec(
                agent=place,
                name=name if place < len(scenario.agent) else f"{name}-{place + 1}",
                server=server,
                model=servers[server].model,
                prompt=plan.prompt.strip(),
                tokens=tokens or plan.tokens,
                api=api or servers[server].api,
                options=plan.options,
                pause_s=plan.pause_s,
                workflow=plan.workflow,
                files=plan.files if plan.workflow else 0,
            )
        )
    return made
