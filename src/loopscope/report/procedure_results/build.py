"""What procedures have found in a trace: rounds, ceilings, A-B-B-A; put together again from what they told it."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from loopscope.experiments.round_results import RoundSet, ScenarioResult, agent_figures
from loopscope.model.ceiling import key_of
from loopscope.model.fold import Fold
from loopscope.model.metrics import named
from loopscope.model.snapshot import CeilingView, ResultView
from loopscope.model.standing import CurvePoint, Standing
from loopscope.model.summary_types import Summary
from loopscope.stats.over import Over, over

Figures = Mapping[str, float | None]
_MOST = 1e12
_NOT_MEANT = ("contended",)
"""Figures of a round whose mean says nothing."""


@dataclass(frozen=True, slots=True)
class RoundFound:
    """One round. ``left_out``: why it counts nowhere."""

    number: str
    figures: Figures
    left_out: str = ""
    t_s: float | None = None


@dataclass(frozen=True, slots=True)
class RoundsFound:
    """Rounds of a scenario with the same agents."""

    scenario: str
    words: str
    agents: int | None
    rounds: tuple[RoundFound, ...]
    over: Mapping[str, Over]
    """Each figure over the rounds that count."""
    by_agent: Mapping[str, Figures] = field(default_factory=dict)
    finished: bool = True
    missing: int = 0
    """Rounds that are no longer kept: only so many results are."""

    @property
    def counted(self) -> int:
        """Rounds that count."""
        return sum(not one.left_out for one in self.rounds)

    @property
    def means(self) -> dict[str, float]:
        """Means over the rounds that count, by name."""
        return {name: one.mean for name, one in self.over.items()}


@dataclass(frozen=True, slots=True)
class CeilingFound:
    """One ceiling that was measured (a ramp) or calibrated, with all that it belongs to. Rates in chunks/s."""

    what: str
    t_s: float
    words: str
    settings: Mapping[str, str]
    hard: Standing | None
    full: Standing | None
    at_least: float | None
    runq: float | None
    curve: tuple[CurvePoint, ...]
    mine: bool = True
    """With levers that this session had, too."""


@dataclass(frozen=True, slots=True)
class FlipRow:
    """One figure of an A-B-B-A: its mean under A and B, the paired difference B - A with its interval, the verdict."""

    name: str
    title: str
    unit: str
    better: int
    a: float | None
    b: float | None
    difference: float | None
    low: float | None
    high: float | None
    verdict: str
    surely: int
    drift_a: float | None = None
    drift_b: float | None = None


@dataclass(frozen=True, slots=True)
class FlipFound:
    """One A-B-B-A."""

    lever: str
    a: str
    b: str
    pairs: str
    seconds: float | None
    words: str
    rows: tuple[FlipRow, ...]
    t_s: float
    finding: str = ""
    finished: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """All of it; what was not run is empty."""

    rounds: tuple[RoundsFound, ...] = ()
    ceilings: tuple[CeilingFound, ...] = ()
    flips: tuple[FlipFound, ...] = ()
    live: CeilingView = field(default_factory=CeilingView)
    """The standings at the end of the session, for its levers then."""
    at_least: float | None = None
    """Over the whole session."""

    @property
    def any_ceiling(self) -> bool:
        """A ramp was run, or a calibration is there for levers that this session had."""
        return any(one.mine for one in self.ceilings)


def found_in(fold: Fold, summary: Summary) -> Found:
    """Give what a folded trace holds of procedures."""
    snapshot = fold.snapshot()
    return Found(
        rounds=tuple(rounds_in(snapshot.results)),
        ceilings=tuple(_ceilings(fold, summary)),
        flips=tuple(_flips(snapshot.results)),
        live=snapshot.ceiling,
        at_least=summary.ceiling.at_least_chunks_s,
    )


# Rounds


def rounds_in(results: Iterable[ResultView]) -> Iterator[RoundsFound]:
    """Give every set of rounds that was told, oldest first; one that goes on, or was cancelled, is not ``finished``."""
    rounds: list[ResultView] = []
    agents: dict[str, Figures] = {}
    key: tuple[str | None, ...] = ()
    for told in results:
        if told.what not in ("round", "agent", "scenario"):
            continue
        mine = told.settings.get("scenario"), told.settings.get("agents")
        begins = told.what == "round" and told.settings.get("round") == "1"
        if rounds and (mine != key or begins):  # the one before was cancelled
            yield _set(rounds, agents, None)
            rounds, agents = [], {}
        key = mine
        if told.what == "round":
            rounds.append(told)
        elif told.what == "agent":
            agents[_label(told.settings.get("agent") or "an agent", agents)] = told.figures
        else:
            yield _set(rounds, agents, told)
            rounds, agents = [], {}
    if rounds:
        yield _set(rounds, agents, None)


def _label(name: str, others: Mapping[str, Figures]) -> str:
    """Agents may have the same name."""
    number, label = 1, name
    while label in others:
        number += 1
        label = f"{name} {number}"
    return label


def _set(rounds: list[ResultView], agents: dict[str, Figures], end: ResultView | None) -> RoundsFound:
    settings = end.settings if end is not None else rounds[0].settings
    kept = tuple(
        RoundFound(one.settings.get("round", "?"), one.figures, one.words.removeprefix("left out: "), one.t_s)
        for one in rounds
    )
    made = _count(end.settings.get("rounds")) if end is not None else None
    return RoundsFound(
        scenario=settings.get("scenario") or "a scenario",
        words=end.words if end is not None else "",
        agents=_count(settings.get("agents")),
        rounds=kept,
        over=over_all(kept),
        by_agent=agents,
        finished=end is not None,
        missing=max(0, (made or 0) - len(kept)),
    )


def over_all(rounds: Iterable[RoundFound]) -> dict[str, Over]:
    """Give each figure over the rounds that count; one that not all of them have is left out."""
    counted = [one.figures for one in rounds if not one.left_out and one.figures.get("wall") is not None]
    names = dict.fromkeys(name for figures in counted for name in figures if name not in _NOT_MEANT)
    values = {name: [value for one in counted if (value := _sane(one.get(name))) is not None] for name in names}
    return {name: over(held) for name, held in values.items() if held and len(held) == len(counted)}


def rounds_of(result: ScenarioResult) -> tuple[RoundsFound, ...]:
    """Give the same of rounds that have just been run."""
    return tuple(_of_set(result, one) for one in result.sets)


def _of_set(result: ScenarioResult, one: RoundSet) -> RoundsFound:
    kept = tuple(RoundFound(str(made.number), made.told(), made.left_out) for made in one.rounds)
    by_agent: dict[str, Figures] = {}
    for place, agent in enumerate(one.rounds[0].agents if one.rounds else ()):
        by_agent[_label(agent.name, by_agent)] = agent_figures(place, one.rounds, one.solo[place])
    return RoundsFound(
        scenario=result.name, words=result.words, agents=one.agents, rounds=kept, over=over_all(kept), by_agent=by_agent
    )


# Ceilings


def _ceilings(fold: Fold, summary: Summary) -> Iterator[CeilingFound]:
    had = {key_of(levers) for levers in _levers(fold, summary)}
    told = list(fold.ceilings.told)
    keys = [(key_of(one.settings), one.settings.get("streams", "")) for one, _ in told]
    newest = {key: place for place, key in enumerate(keys) if told[place][0].what == "calibration"}
    for place, (one, curve) in enumerate(told):
        calibrated = one.what == "calibration"
        if calibrated and newest[keys[place]] != place:
            continue  # a later one has taken its place
        yield CeilingFound(
            what=one.what,
            t_s=one.t_s,
            words=one.words,
            settings=one.settings,
            hard=_standing(one, "hard"),
            full=_standing(one, "full"),
            at_least=_sane(one.figures.get("at_least_chunks_s")),
            runq=_sane(one.figures.get("runq")),
            curve=curve,
            mine=not calibrated or keys[place][0] in had,
        )


def _levers(fold: Fold, summary: Summary) -> Iterator[Mapping[str, str]]:
    if fold.header is not None:
        yield fold.header.levers
    for segment in summary.segments:
        yield segment.levers


def _standing(told: ResultView, name: str) -> Standing | None:
    low, mid, high = (_sane(told.figures.get(f"{name}_{end}_chunks_s")) for end in ("lo", "mid", "hi"))
    if mid is None or mid <= 0:
        return None
    return Standing(
        mid,
        low,
        high,
        told.words,
        told.settings.get("date", ""),
        told.settings.get("limited_by", ""),
        told.settings.get("stale", ""),
    )


# A-B-B-A


def _flips(results: Iterable[ResultView]) -> Iterator[FlipFound]:
    rows: list[ResultView] = []
    key: tuple[str | None, ...] = ()
    for told in results:
        if told.what != "ab":
            continue
        mine = tuple(told.settings.get(name) for name in ("lever", "a", "b", "pairs"))
        if _begins_anew(rows, told, mine, key):
            yield _flip(rows, None)
            rows = []
        key = mine
        if "figure" in told.settings:
            rows.append(told)
        else:
            yield _flip(rows, told)
            rows = []
    if rows:
        yield _flip(rows, None)


def _begins_anew(
    rows: list[ResultView], told: ResultView, mine: tuple[str | None, ...], key: tuple[str | None, ...]
) -> bool:
    """Say whether another A-B-B-A begins before the one before has been summed up."""
    again = any(row.settings.get("figure") == told.settings.get("figure") for row in rows)
    return bool(rows) and (mine != key or again)


def _flip(rows: list[ResultView], end: ResultView | None) -> FlipFound:
    one = end if end is not None else rows[0]
    settings = one.settings
    return FlipFound(
        lever=settings.get("lever", "?"),
        a=settings.get("a", "?"),
        b=settings.get("b", "?"),
        pairs=settings.get("pairs", "?"),
        seconds=end.figures.get("seconds") if end is not None else None,
        words=end.words if end is not None else "",
        rows=tuple(_flip_row(row) for row in rows),
        t_s=one.t_s,
        finding=settings.get("finding", ""),
        finished=end is not None,
    )


def _flip_row(told: ResultView) -> FlipRow:
    name, figures = told.settings.get("figure", ""), told.figures
    metric = named(name)
    title = metric.title if metric is not None else name
    surely = figures.get("surely") or 0.0
    return FlipRow(
        name,
        title,
        told.settings.get("unit", ""),
        metric.better if metric is not None else 0,
        figures.get("a"),
        figures.get("b"),
        figures.get("difference"),
        figures.get("low"),
        figures.get("high"),
        told.words.removeprefix(title).strip() or "not enough data",
        (surely > 0) - (surely < 0),
        figures.get("drift_a"),
        figures.get("drift_b"),
    )


def _sane(value: float | None) -> float | None:
    """What a damaged or hostile file says beyond any measure is not known."""
    return value if value is not None and abs(value) < _MOST else None


def _count(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 7 else None
