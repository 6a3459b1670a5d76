"""Rounds of a scenario: warm up, each agent alone, then all together, again and again.

The operator's agents are halted meanwhile and start again afterwards. Nothing of the warm-up counts.
"""

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError, WorkerError
from loopscope.core.format import share
from loopscope.core.records import AgentSpec, AgentState, AnyRecord, Result, Server
from loopscope.experiments.one_round import Round, RoundHost, run_round
from loopscope.experiments.round_results import (
    AgentRound,
    RoundResult,
    RoundSet,
    ScenarioResult,
    agent_figures,
    figures_over,
    result_of,
)
from loopscope.session.procedure import Procedure, Task, phase
from loopscope.session.unload import unload
from loopscope.settings.scenario import MAX_ROUNDS, Scenario
from loopscope.stats.attribution import Work, average
from loopscope.stats.over import mean_of_all

_DRAIN_S = 15.0
_MOST_AGENTS = 16
"""Agents of which a trace is told one by one what they did."""


class ScenarioHost(RoundHost, Protocol):
    """A session that has a scenario."""

    @property
    def scenario(self) -> Scenario:
        """What the agents do."""

    @property
    def servers(self) -> Sequence[Server]:
        """The servers that they do it on."""

    def specs(self, count: int) -> list[AgentSpec]:
        """Give the first ``count`` agents of the scenario."""

    def halt_agents(self) -> list[int]:
        """Let the operator's agents finish; give their numbers."""

    def resume_agents(self) -> None:
        """Start them again."""


def run(host: ScenarioHost, task: Task, args: Mapping[str, str]) -> ScenarioResult:
    """Run the session's scenario.

    Raises:
        InputError: an argument that is none.
        WorkerError: nothing came of it: no round counts.
        CancelledError: by the operator.
    """
    rounds, solo, warm_up = check(args, host.scenario)
    try:
        _quiet(host, task)
        return _Run(host, task, rounds, solo, warm_up, args.get("called", "")).whole()
    finally:
        host.resume_agents()


def check(args: Mapping[str, str], scenario: Scenario) -> tuple[int, int, int]:
    """Give rounds, solo rounds and warm-up rounds of what a procedure is told, before anything starts.

    Raises:
        InputError: one of them is no such count.
    """
    return (
        _count(args, "rounds", scenario.rounds, 1),
        _count(args, "solo", scenario.solo, 0),
        _count(args, "warm_up", scenario.warm_up, 0),
    )


def _count(args: Mapping[str, str], name: str, default: int, least: int) -> int:
    word = args.get(name, str(default))
    if not (word.isascii() and word.isdigit() and least <= int(word[:9]) <= MAX_ROUNDS):
        raise InputError(f"{name}={word!r}: a count from {least} to {MAX_ROUNDS}")
    return int(word)


def _quiet(host: ScenarioHost, task: Task) -> None:
    """Halt the operator's agents and wait until they are gone: what they still stream would disturb the first round."""
    gone: set[int] = set()

    def heard(record: AnyRecord) -> None:
        if isinstance(record, AgentState) and record.state == "gone":
            gone.add(record.agent)

    end = host.listen(heard)
    try:
        halted = set(host.halt_agents())
        waited_s = 0.0
        while not halted <= gone and waited_s < _DRAIN_S:
            task.progress(0.0, f"waiting for {len(halted - gone)} agents to finish")
            task.wait(0.1)
            waited_s += 0.1
    finally:
        end()


class _Run:
    """One run of a scenario, step by step."""

    def __init__(self, host: ScenarioHost, task: Task, rounds: int, solo: int, warm_up: int, name: str) -> None:
        self._host = host
        self._task = task
        self._scenario = host.scenario
        self._rounds = rounds
        self._solo = solo
        self._warm_up = warm_up
        self._name = name
        self._counts = self._scenario.agent_counts
        self._solos: dict[tuple[int, int], tuple[Work | None, AgentRound | None]] = {}
        self._notes: list[str] = []
        self._steps = self._warm_up + self._rounds * len(self._counts) + self._solo * len(self._solo_keys())
        self._step = 0

    def whole(self) -> ScenarioResult:
        """Run everything."""
        for number in range(1, self._warm_up + 1):
            specs = self._specs(max(self._counts))
            made = self._round("warm-up", number, self._warm_up, specs)
            if made.problem and number == self._warm_up:
                self._notes.append(f"the last warm-up round failed: {made.problem}")
        if self._warm_up:
            self._notes.append(f"{self._warm_up} warm-up round(s) count nowhere")
        self._alone()
        sets = tuple(self._set(count) for count in self._counts)
        if not any(one.counted for one in sets):
            why = next((made.left_out for one in sets for made in one.rounds if made.left_out), "no round was run")
            raise WorkerError(f"no round counts: {why}")
        return ScenarioResult(
            name=self._name, words=self._scenario.words, warm_up=self._warm_up, sets=sets, notes=tuple(self._notes)
        )

    def _specs(self, count: int) -> list[AgentSpec]:
        return [msgspec.structs.replace(spec, requests=1, pause_s=0.0) for spec in self._host.specs(count)]

    def _key(self, spec: AgentSpec) -> tuple[int, int]:
        """What makes two agents' work alone the same."""
        return spec.agent % len(self._scenario.agent), spec.server

    def _solo_keys(self) -> dict[tuple[int, int], AgentSpec]:
        found: dict[tuple[int, int], AgentSpec] = {}
        for spec in self._specs(max(self._counts)):
            found.setdefault(self._key(spec), spec)
        return found

    def _alone(self) -> None:
        for key, spec in self._solo_keys().items():
            works: list[Work] = []
            told: list[AgentRound] = []
            for number in range(1, self._solo + 1):
                made = self._round("solo", number, self._solo, [spec])
                if made.problem:
                    self._notes.append(f"a solo round of {spec.name} does not count: {made.problem}")
                    continue
                works.append(made.deeds[0].work())
                told.append(result_of(number, made, [None], [None]).agents[0])
            self._solos[key] = average(works), _mean(told)
            if not works:
                self._notes.append(f"{spec.name} was not measured alone: there is no 'measured' efficiency")

    def _set(self, count: int) -> RoundSet:
        specs = self._specs(count)
        solos = [self._solos.get(self._key(spec), (None, None)) for spec in specs]
        found = []
        for number in range(1, self._rounds + 1):
            self._task.wait(self._scenario.pause_s)
            made = self._round("round", number, self._rounds, specs)
            result = result_of(
                number, made, [work for work, _ in solos], [told.ttft_ms if told else None for _, told in solos]
            )
            self._tell(result, count)
            found.append(result)
        figures = figures_over(found)
        if found and "unsplit" in figures:
            self._notes.append("the servers report no durations: server and client parts of the loss are one")
        if (over_all := figures.get("measured")) is not None and over_all.mean > 1:
            self._notes.append(
                f"'measured' is {share(over_all.mean)}, over 100 %: the agents were slower alone than together, so the"
                " solo rounds carried the noise (or a cold start); more of them (--solo) tell which"
            )
        self._tell_agents(found, [told for _, told in solos], count)
        self._host.emit(
            Result(
                t_ns=now_ns(),
                proc="session",
                what="scenario",
                words=self._scenario.words,
                settings={"scenario": self._name, "agents": str(count), "rounds": str(len(found))},
                figures={name: over.mean for name, over in figures.items()},
            )
        )
        return RoundSet(agents=count, solo=tuple(told for _, told in solos), rounds=tuple(found), figures=figures)

    def _round(self, what: str, number: int, of: int, specs: list[AgentSpec]) -> Round:
        names = specs[0].name if len(specs) == 1 else f"{len(specs)} agents"
        words = {"solo": f"{names} alone", "warm-up": f"warm-up, {names}"}.get(what, f"round, {names} together")
        if self._scenario.cold and what == "round":
            for server in {spec.server for spec in specs}:
                unload(self._host.servers[server])
        wanted = sum(spec.tokens * (2 if spec.workflow else 1) for spec in specs)
        before, self._step = self._step, self._step + 1

        def tick(chunks: int) -> None:
            share = min(1.0, chunks / wanted)
            self._task.progress((before + share) / self._steps, f"{words} {number}/{of}")

        tick(0)
        with phase(self._host, what, number, of, words, {"agents": str(len(specs))}):
            return run_round(self._host, self._task, specs, tick=tick)

    def _tell(self, result: RoundResult, count: int) -> None:
        self._host.emit(
            Result(
                t_ns=now_ns(),
                proc="session",
                what="round",
                words=f"left out: {result.left_out}" if result.left_out else "",
                settings={"scenario": self._name, "agents": str(count), "round": str(result.number)},
                figures=result.told(),
            )
        )

    def _tell_agents(self, rounds: Sequence[RoundResult], alone: Sequence[AgentRound | None], count: int) -> None:
        for place, solo in enumerate(alone[:_MOST_AGENTS]):
            self._host.emit(
                Result(
                    t_ns=now_ns(),
                    proc="session",
                    what="agent",
                    settings={"scenario": self._name, "agents": str(count), "agent": rounds[0].agents[place].name},
                    figures=agent_figures(place, rounds, solo),
                )
            )


def _mean(told: Sequence[AgentRound]) -> AgentRound | None:
    if not told:
        return None

    return AgentRound(
        name=told[0].name,
        server=told[0].server,
        tokens=mean_of_all([one.tokens for one in told]),
        tok_s=mean_of_all([one.tok_s for one in told]),
        ttft_ms=mean_of_all([one.ttft_ms for one in told]),
        wall_s=mean_of_all([one.wall_s for one in told]),
    )


PROCEDURE = Procedure(
    "scenario",
    "Scenario rounds",
    "runs the session's scenario in rounds: each agent alone, then all together",
    run,
    about_s=60.0,
    args={
        "rounds": "how many",
        "solo": "requests of each agent alone",
        "warm_up": "rounds before anything counts",
        "called": "its name in the trace",
    },
)
