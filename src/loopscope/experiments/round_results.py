"""What rounds of a scenario have come to: each round, and the figures over all that count."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from loopscope.experiments.one_round import Round
from loopscope.model.snapshot import Figure
from loopscope.stats import attribution
from loopscope.stats.attribution import Efficiency, Work, efficiency, scaled
from loopscope.stats.over import Over, mean_of_all, over

CONTENTION_TTFT = 3.0
"""A round is contended when an agent waits this many times as long for its first chunk as alone (published rule)."""
PARTS = (*attribution.PARTS, "unsplit")


LOOP = {
    "chunks_s": "chunks_s",
    "elu": "elu",
    "cpu": "cpu",
    "lag_p99_ms": "lag.p99",
    "gap_p50_ms": "gap.p50",
    "delay_p50_ms": "delay.p50",
    "delay_p99_ms": "delay.p99",
}
"""Which metric each figure of the loop is, in results of rounds and sweeps."""
_TOLD = ("elu", "lag_p99_ms", "delay_p99_ms")


@dataclass(frozen=True, slots=True)
class AgentRound:
    """One agent in one round, or alone."""

    name: str
    server: int
    tokens: float | None
    tok_s: float | None
    ttft_ms: float | None
    wall_s: float | None
    problem: str = ""


@dataclass(frozen=True, slots=True)
class RoundResult:
    """One concurrent round. ``left_out`` says why it does not count; empty when it does."""

    number: int
    agents: tuple[AgentRound, ...]
    wall_s: float
    efficiency: Efficiency | None
    throughput_delta_tok_s: float | None
    """By how many tokens/s the first agent was faster than the second; of more than two: the fastest than the
    slowest."""
    ttft_delta_ms: float | None
    """By how much the second agent's first chunk came later; of more than two: the last one's than the first one's."""
    contention: bool | None
    metrics: Mapping[str, Figure] = field(default_factory=dict)
    """Every metric over the round, by name."""
    left_out: str = ""

    @property
    def tok_s(self) -> float | None:
        """All tokens of the round, over its wall time."""
        tokens = [agent.tokens for agent in self.agents]
        known = [count for count in tokens if count is not None]
        return sum(known) / self.wall_s if len(known) == len(tokens) and self.wall_s > 0 else None

    def loop(self) -> dict[str, float | None]:
        """Give what the loop and the chunks looked like, by the names that results have."""
        none = Figure(None)
        return {member: self.metrics.get(name, none).value for member, name in LOOP.items()}

    def figures(self) -> dict[str, float | None]:
        """Give its efficiencies and losses by name, as fractions."""
        made = self.efficiency
        if made is None:
            return {}
        loss = made.loss.parts() if made.loss is not None else {}
        found: dict[str, float | None] = {
            "measured": made.measured,
            "wall": made.wall,
            "reported": made.reported,
            "speedup": made.speedup,
        }
        found |= {name: loss.get(name) for name in PARTS}
        return found | {f"client_{name}": value for name, value in (made.client or {}).items()}

    def told(self) -> dict[str, float | None]:
        """Give everything that a trace is told of it, by name with units."""
        return self.figures() | {
            "wall_s": self.wall_s,
            "round_tok_s": self.tok_s,
            "throughput_delta_tok_s": self.throughput_delta_tok_s,
            "ttft_delta_ms": self.ttft_delta_ms,
            "contended": None if self.contention is None else float(self.contention),
            **{member: value for member, value in self.loop().items() if member in _TOLD},
        }


@dataclass(frozen=True, slots=True)
class RoundSet:
    """All rounds with the same agents. ``figures``: those of :meth:`RoundResult.figures` over the rounds that count."""

    agents: int
    solo: tuple[AgentRound | None, ...]
    """What each agent did alone (means); ``None`` where no solo round counts."""
    rounds: tuple[RoundResult, ...]
    figures: Mapping[str, Over]

    @property
    def counted(self) -> int:
        """Rounds that count."""
        return sum(not one.left_out for one in self.rounds)


@dataclass(frozen=True, slots=True)
class ScenarioResult:
    """A whole scenario. ``warm_up`` rounds were run before and count nowhere."""

    name: str
    words: str
    warm_up: int
    sets: tuple[RoundSet, ...]
    notes: tuple[str, ...] = ()
    """What an operator must know of the figures: what was excluded, what cannot be told."""


def result_of(
    number: int, made: Round, solo: Sequence[Work | None], solo_ttft_ms: Sequence[float | None]
) -> RoundResult:
    """Judge one round against what its agents did alone."""
    agents = tuple(
        AgentRound(
            name=deed.spec.name,
            server=deed.spec.server,
            tokens=None if (tokens := deed.tokens) is None else float(tokens),
            tok_s=deed.tok_s,
            ttft_ms=deed.ttft_ms,
            wall_s=deed.wall_s,
            problem=deed.problem,
        )
        for deed in made.deeds
    )
    found = None
    if not any(deed.problem for deed in made.deeds) and made.wall_s > 0:
        works = [deed.work() for deed in made.deeds]
        alone = [None if one is None else scaled(one, work) for one, work in zip(solo, works, strict=True)]
        found = efficiency(works, alone, made.wall_s)
    ttfts = [agent.ttft_ms for agent in agents]
    return RoundResult(
        number=number,
        agents=agents,
        wall_s=made.wall_s,
        efficiency=found,
        throughput_delta_tok_s=_delta([agent.tok_s for agent in agents], lambda first, second: first - second),
        ttft_delta_ms=_delta(ttfts, lambda first, second: second - first),
        contention=_contended(ttfts, solo_ttft_ms),
        left_out=made.problem,
        metrics=made.metrics,
    )


def _delta(values: Sequence[float | None], of_two: Callable[[float, float], float]) -> float | None:
    known = [value for value in values if value is not None]
    if len(known) != len(values) or len(known) < 2:
        return None
    return of_two(known[0], known[1]) if len(known) == 2 else max(known) - min(known)


def _contended(ttfts_ms: Sequence[float | None], solo_ms: Sequence[float | None]) -> bool | None:
    pairs = [(now, alone) for now, alone in zip(ttfts_ms, solo_ms, strict=True) if now is not None and alone]
    return any(now > CONTENTION_TTFT * alone for now, alone in pairs) if pairs else None


def figures_over(rounds: Sequence[RoundResult]) -> dict[str, Over]:
    """Give each figure over the rounds that count; one that not all of them have is left out."""
    counted = [one.figures() for one in rounds if not one.left_out and one.efficiency is not None]
    names = dict.fromkeys(name for figures in counted for name in figures)
    found = {}
    for name in names:
        values = [value for figures in counted if (value := figures.get(name)) is not None]
        if len(values) == len(counted):
            found[name] = over(values)
    return found


def agent_figures(place: int, rounds: Sequence[RoundResult], alone: AgentRound | None) -> dict[str, float | None]:
    """Give one agent's figures beside what it did alone, and its own part of the loss (shares of N W): means over the
    rounds that count. It is the evidence behind the parts of the loss.
    """
    counted = [one for one in rounds if not one.left_out]
    deeds = [one.agents[place] for one in counted]
    losses = [
        one.efficiency.by_agent[place].parts() if one.efficiency is not None and one.efficiency.by_agent else {}
        for one in counted
    ]

    found = {
        name: mean_of_all([getattr(deed, name) for deed in deeds]) for name in ("tokens", "tok_s", "ttft_ms", "wall_s")
    }
    found |= {f"alone_{name}": None if alone is None else getattr(alone, name) for name in tuple(found)}
    return found | {name: mean_of_all([loss.get(name) for loss in losses]) for name in PARTS}
