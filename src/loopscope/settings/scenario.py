"""Scenarios: what the agents ask for. One TOML file each, shipped beside this module or the operator's own."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from loopscope.core.errors import InputError
from loopscope.core.records import AgentSpec, Server
from loopscope.core.text import plain

DEFAULT = "pair"
MAX_TOKENS = 1_000_000


class AgentPlan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[agent]]`` table: its prompt, ``tokens`` a request at most, ``pause_s`` between requests."""

    name: str
    prompt: str
    tokens: int = 256
    pause_s: float = 0.0
    options: dict[str, int | float | str | bool] = {}


class Scenario(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario file. With more agents than tables the tables are used again in turn."""

    words: str = ""
    agent: list[AgentPlan]


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
        table: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        scenario = msgspec.convert(table, Scenario)
    except FileNotFoundError as error:
        raise InputError(f"there is no scenario {name!r}; shipped: {', '.join(names())}; or give a file") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise InputError(f"scenario {name!r} cannot be used: {plain(str(error))}") from error
    if not scenario.agent:
        raise InputError(f"scenario {name!r} has no [[agent]]")
    for plan in scenario.agent:
        if not 1 <= plan.tokens <= MAX_TOKENS or not 0 <= plan.pause_s <= 3600:
            raise InputError(
                f"scenario {name!r}: agent {plain(plan.name)!r} needs tokens from 1 to {MAX_TOKENS} and a pause_s from"
                " 0 to 3600"
            )
    return scenario


def specs(
    scenario: Scenario, servers: Sequence[Server], numbers: Sequence[int], *, tokens: int = 0, api: str = ""
) -> list[AgentSpec]:
    """Give the agents of these numbers, spread over the servers in turn.

    ``tokens`` > 0 overrides the scenario's, ``api`` the dialect that each server's family begins with.
    """
    made = []
    for number in numbers:
        plan = scenario.agent[number % len(scenario.agent)]
        server = number % len(servers)
        name = plain(plan.name, 24)
        made.append(
            AgentSpec(
                agent=number, name=name if number < len(scenario.agent) else f"{name}-{number + 1}", server=server,
                model=servers[server].model, prompt=plan.prompt.strip(), tokens=tokens or plan.tokens,
                api=api or servers[server].api, options=plan.options, pause_s=plan.pause_s,
            )
        )  # fmt: skip
    return made
