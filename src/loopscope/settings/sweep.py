"""Sweeps: which models, scenarios and lever values are run, how often, in which order. One TOML file each."""

import itertools
import random
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loopscope.core.errors import InputError
from loopscope.core.files import read_small
from loopscope.core.text import plain
from loopscope.settings import levers as lever_settings
from loopscope.settings import scenario as scenarios

MAX_RUNS = 10_000
MAX_BYTES = 1 << 20


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sweep file. A run is one session: warm-up, each agent alone, one concurrent round."""

    words: str = ""
    scenarios: list[str]
    models: list[str] = msgspec.field(default_factory=lambda: [""])
    """Empty: the one that is there."""
    levers: dict[str, list[str]] = {}
    rounds: int = 3
    """Runs of each combination."""
    solo: int = 1
    warm_up: int = 1
    seed: int = 1
    """Of the order."""
    embedded: bool = False
    urls: list[str] = []
    api: str = ""
    tokens: int = 0
    """Tokens a request; 0: as each scenario says."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination. ``levers`` holds those that the sweep varies, or sets."""

    scenario: str
    model: str
    levers: tuple[tuple[str, str], ...]

    @property
    def settings(self) -> dict[str, str]:
        """Everything that is set, by name."""
        return {"scenario": self.scenario, "model": self.model, **dict(self.levers)}


def load(path: str | Path) -> Sweep:
    """Read a sweep file and check every word of it.

    Raises:
        InputError: it cannot be read, or names what there is not; says where and why.
    """
    name = plain(str(path))
    try:
        sweep = msgspec.convert(tomllib.loads(read_small(path, MAX_BYTES, "a sweep").decode("utf-8")), Sweep)
    except (OSError, ValueError, RecursionError) as error:  # also what TOML, UTF-8 and msgspec complain of
        why = (isinstance(error, OSError) and error.strerror) or str(error)
        raise InputError(f"{name} cannot be used as a sweep: {plain(why)}") from error
    for what, value, low, high in (
        ("rounds", sweep.rounds, 1, 1000),
        ("solo", sweep.solo, 0, 1000),
        ("warm_up", sweep.warm_up, 0, 1000),
    ):
        if not low <= value <= high:
            raise InputError(f"{name}: {what} from {low} to {high}, not {value}")
    if not sweep.scenarios or not sweep.models or not all(sweep.levers.values()):
        raise InputError(f"{name}: scenarios, models and each lever need at least one value")
    for word in sweep.scenarios:
        if len(counts := scenarios.load(word).counts) > 1:
            raise InputError(f"{name}: scenario {plain(word)!r} has {len(counts)} numbers of agents; a sweep needs one")
    if (runs := len(list(cells(sweep))) * sweep.rounds) > MAX_RUNS:
        raise InputError(f"{name} asks for {runs} runs; {MAX_RUNS} at most")
    return sweep


def cells(sweep: Sweep) -> Iterator[Cell]:
    """Give every combination, in the order of the file. Raises InputError: no such lever or value, or not together."""
    for word in sweep.levers:
        if lever_settings.is_load(word):
            raise InputError("the scenario says how many agents there are: 'agents' is no lever of a sweep")
    values = {
        name: [lever_settings.canonical(name, word) for word in words] for name, words in sorted(sweep.levers.items())
    }
    for scenario, model, *chosen in itertools.product(sweep.scenarios, sweep.models, *values.values()):
        levers = tuple(zip(values, chosen, strict=True))
        if words := lever_settings.refused(lever_settings.defaults() | dict(levers)):
            raise InputError(words)
        yield Cell(scenario, model, levers)


def order(sweep: Sweep) -> list[tuple[Cell, int]]:
    """Give all runs: in each round every combination once, in an order that the seed decides.

    Blocks, so that what drifts over hours (temperature, other load) meets every combination alike.
    """
    draw = random.Random(sweep.seed)  # noqa: S311 - no secret
    runs = []
    for number in range(1, sweep.rounds + 1):
        block = list(cells(sweep))
        draw.shuffle(block)
        runs += [(cell, number) for cell in block]
    return runs
