"""The live source: starts the processes, records, folds, pulls levers."""

import contextlib
import dataclasses
import threading
from collections.abc import Sequence

from loopscope import __version__
from loopscope.core.clock import now_ns, take_anchor
from loopscope.core.errors import InputError, LoopscopeError, RefusedError, WorkerError
from loopscope.core.records import AgentSpec, AgentState, AnyRecord, Bye, Header, Lever, Server
from loopscope.model.snapshot import Snapshot
from loopscope.session.calibration_store import kept, results
from loopscope.session.discover import NoPair, find_pair, resolve
from loopscope.session.embedded import EmbeddedPair
from loopscope.session.emulator_truth import EmulatorTruth
from loopscope.session.hostfacts import commit, host_facts
from loopscope.session.options import SessionOptions
from loopscope.session.preflight import doubt
from loopscope.session.rigs import Rigs
from loopscope.session.running import RunningSource
from loopscope.session.source import Abilities
from loopscope.session.throttler import Throttler
from loopscope.settings import levers as lever_settings
from loopscope.settings import scenario as scenarios
from loopscope.settings.levers.placement import follows_agents, loops_of
from loopscope.settings.levers.throttle import Throttle, parse_throttle
from loopscope.wire.worker import Worker


class LiveSource(RunningSource):
    """A session on servers: rigs, perhaps emulators, telemetry."""

    abilities = Abilities(levers=True, procedures=True)

    def __init__(self, options: SessionOptions) -> None:
        options.check()
        self._options = options
        self._scenario = scenarios.load(options.scenario)
        self._levers = dict(options.levers)
        self._busy: dict[str, str] = {}
        self._failed = ""
        self._lock = threading.Lock()
        super().__init__(
            title="live",
            record=options.record,
            overwrite=options.overwrite,
            findings=options.findings,
            thresholds=options.thresholds,
        )
        self._pair: EmbeddedPair | None = None
        self._truth = EmulatorTruth(self._hub.emit)
        self._rigs = Rigs(
            on_line=self._hub.put, on_death=self._rig_died, drain_s=options.drain_s, plants=options.plants
        )
        self._throttler = Throttler(self._hub.fold, self._rigs.adapt, self._hub.emit)
        self._own = {"agents": self._set_agents, "throttle": self._set_throttle}
        """Levers in which the session itself has a part; of all others the rigs are told."""
        self.listen(self._throttler.heard)
        self._servers: list[Server] = []
        self._halted = False
        self._words = ""

    def _start(self) -> None:
        self._step("starting the measured process, looking for servers")
        rigs = self._rigs.begin(self._levers["loop"], self._levers["client"], self._loops(self._levers))
        kind = self._find_servers()
        self._step(f"measuring the idle floor of {self._levers['loop']}")
        for rig in rigs:
            rig.wait_ready()
        self._step("starting the agents")
        if self._stopping:
            raise WorkerError("stopped while starting")
        anchor = take_anchor()
        specs = self._specs(range(int(self._levers["agents"])))
        self._check(self._levers, specs)
        self._hub.open(
            Header(
                t_ns=now_ns(),
                proc="session",
                loopscope=__version__,
                anchor_perf_ns=anchor.perf_ns,
                anchor_wall_ns=anchor.wall_ns,
                source=kind,
                words=self._words,
                host=host_facts(),
                commit=commit(),
                servers=self._servers,
                agents=specs,
                levers=self._levers,
                scenario=self._options.scenario,
            )
        )
        emulators = self._pair.workers if self._pair else []
        for emulator in emulators:
            self._hub.put(emulator.hello_line)
        self._rigs.admit(rigs)
        self._tell_calibrations()
        if self._pair is None:
            self._truth.begin(self._servers)
            self._truth.start()
        self._rigs.serve(rigs, self._servers, self._levers)
        self._throttler.set(parse_throttle(self._levers["throttle"]), Throttle())
        if not self._options.idle:
            self._rigs.start_agents(specs)

    def _find_servers(self) -> str:
        options = self._options
        if options.urls:
            self._servers = resolve(options.urls, options.family, options.model)
            self.title = ", ".join(server.url for server in self._servers)
            self._words = doubt(self._servers)
            return "urls"
        if not options.embedded:
            found = find_pair(options.model)
            if not isinstance(found, NoPair):
                self._servers = found
                self.title = f"2 servers, {found[0].words}, {found[0].model}"
                self._words = doubt(found)
                return "ollama"
            self._words = found.reason
        self._step("starting two emulated servers" if self._options.emulators == 2 else "starting emulated servers")
        self._pair = EmbeddedPair(
            model=options.model,
            rate=options.rate,
            more=(*self._scenario.embedded.args(), *options.emulator_args),
            each=options.each_emulator,
            host=options.embedded_host,
            count=options.emulators,
            api=options.family,
            on_line=self._hub.put,
            on_end=self._emulator_ended,
        )
        self._pair.start()
        self._servers = self._pair.servers()
        self.title = "embedded pair"
        return "embedded"

    def _specs(self, numbers: range) -> list[AgentSpec]:
        return scenarios.specs(
            self._scenario, self._servers, numbers, tokens=self._options.tokens, api=self._options.api
        )

    # What the children tell

    def _heard(self, record: AnyRecord) -> None:
        if isinstance(record, AgentState) and record.state == "gone":
            self._rigs.agent_gone(record.proc, record.agent)

    def _rig_died(self, proc: str, words: str) -> None:
        self._lost("rig", words)
        if self._stopping:
            return
        self._problem = f"{words}; press u to start a new one"
        # It says no more for itself: its agents would go on "streaming" at their last rate.
        for spec in self._rigs.agents_of(proc):
            self._hub.emit(
                AgentState(
                    t_ns=now_ns(),
                    proc=proc,
                    agent=spec.agent,
                    state="gone",
                    server=spec.server,
                    words=f"{proc} ended by itself",
                )
            )
        self._hub.emit(Bye(t_ns=now_ns(), proc=proc))
        if not self._rigs.any_alive() and not self._busy:
            self._failed = words

    @property
    def failed(self) -> str:
        """See :attr:`RunningSource.failed`: every rig has ended by itself, and none is starting."""
        return self._failed

    def _emulator_ended(self, proc: str, code: int) -> None:
        if self._pair is not None and not any(w.stopping for w in self._pair.workers if w.proc == proc):
            self._lost("emulator", f"{proc} ended by itself (exit code {code}): its agents retry")

    def _tell_calibrations(self) -> None:
        """Put what is kept of this machine into the trace, so that a replay expects what was expected live."""
        if self._hub.folding:
            for calibration in kept():
                for record in results(calibration):
                    self._hub.emit(record)

    # What the operator asks

    @property
    def servers(self) -> tuple[Server, ...]:
        """The servers as they were found; empty before the start."""
        return tuple(self._servers)

    @property
    def scenario(self) -> scenarios.Scenario:
        """What the agents do."""
        return self._scenario

    def specs(self, count: int) -> list[AgentSpec]:
        """Give the first ``count`` agents of the scenario, as this session would start them."""
        return self._specs(range(count))

    def start_agents(self, specs: Sequence[AgentSpec]) -> None:
        """Begin to stream with agents of a procedure, which end by themselves; the operator's are halted meanwhile."""
        self._rigs.start_agents(list(specs))

    def lag_floors_ns(self) -> dict[str, int]:
        """Give the idle floor of each rig's heartbeat, by the rig's name, where it is known."""
        hellos = {worker.proc: worker.hello for worker in self._rigs.workers()}
        return {
            proc: hello.lag_floor_ns
            for proc, hello in hellos.items()
            if hello is not None and hello.lag_floor_ns is not None
        }

    def halt_agents(self) -> list[int]:
        """Let the operator's agents finish; give their numbers."""
        with self._lock:
            if self._halted or self._options.idle:
                return []
            self._halted = True
            numbers = list(range(int(self._levers["agents"])))
        self._rigs.stop_agents(numbers)
        return numbers

    def resume_agents(self) -> None:
        """Start again as many agents as the lever says, if they were halted."""
        with self._lock:
            halted, self._halted = self._halted, False
            count = int(self._levers["agents"])
        if halted and not self._stopping:
            self._rigs.start_agents(self._specs(range(count)))

    def options_now(self) -> SessionOptions:
        """Give the options with the levers as they are now, and nothing to record to."""
        with self._lock:
            return dataclasses.replace(self._options, levers=dict(self._levers), record=None, overwrite=False)

    def _dress(self, snapshot: Snapshot) -> Snapshot:
        with self._lock:
            busy = {"throttle": self._throttler.words} | self._busy
        levers = tuple(dataclasses.replace(view, busy=busy.get(view.name, "")) for view in snapshot.levers)
        return dataclasses.replace(
            snapshot, levers=levers, problem=self._problem or self._recording_problem or snapshot.problem
        )

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """Pull a lever: at once, or by a takeover in the background. Raises InputError."""
        new = lever_settings.canonical(lever, value)
        with self._lock:
            old = self._levers[lever]
            alive = self._rigs.alive()
            at_once = lever_settings.LEVERS[lever].at_once
            if (new == old and (at_once or alive)) or self._stopping:
                return
            if not at_once:
                self._check(self._levers | {lever: new}, self._specs(range(int(self._levers["agents"]))))
            resizes = lever_settings.LEVERS[lever].is_load and follows_agents(self._levers["placement"])
            takes_over = not at_once or resizes
            self._loops(self._levers | {lever: new})
            if not takes_over:
                self._levers[lever] = new
            elif self._busy:
                words = next(iter(self._busy.values()))
                raise InputError(f"a takeover is under way ({words}); try again when it is done")
            else:
                self._busy[lever] = f"starting for {lever} {new}"
        if takes_over:
            change = self._resize if resizes else self._take_over
            threading.Thread(target=change, args=(lever, old, new, by), name="takeover", daemon=True).start()
            return
        self._own.get(lever, self._set_in_rigs)(lever, old, new, by)

    def _set_in_rigs(self, lever: str, old: str, new: str, by: str) -> None:
        """Pull a lever that is the rigs' own business."""
        self._mark_lever(lever, old, new, by, lever_settings.no_effect(lever, self._levers))
        self._rigs.set_lever(lever, new)

    def _set_agents(self, lever: str, old: str, new: str, by: str) -> None:
        before, after = int(old), int(new)
        if self._halted:
            self._mark_lever(lever, old, new, by, "from the end of the procedure on")
            return
        self._mark_lever(lever, old, new, by, f"{abs(after - before)} {'more' if after > before else 'fewer'}")
        if after > before:
            self._rigs.start_agents(self._specs(range(before, after)))
        else:
            self._rigs.stop_agents(list(range(after, before)))

    def _set_throttle(self, lever: str, old: str, new: str, by: str) -> None:
        self._mark_lever(lever, old, new, by, self._throttle_words(new))
        self._throttler.set(parse_throttle(new), parse_throttle(old))
        self._rigs.set_throttle(new)

    def _throttle_words(self, value: str) -> str:
        throttle, rigs = parse_throttle(value), len(self._rigs.current)
        if throttle.kind != "shared" or rigs < 2:
            return ""
        return f"{throttle.rate_hz / rigs:g}/s for each of {rigs} processes"

    def _check(self, levers: dict[str, str], specs: Sequence[AgentSpec]) -> None:
        urls = (server.url for server in self._servers)
        if words := lever_settings.refused(levers, (spec.api for spec in specs), urls):
            raise RefusedError(words)

    def _mark_lever(self, name: str, old: str, new: str, by: str, words: str) -> None:
        self._hub.emit(Lever(t_ns=now_ns(), proc="session", name=name, old=old, new=new, by=by, words=words))

    def _loops(self, levers: dict[str, str]) -> int:
        return loops_of(levers["placement"], int(levers["agents"]))

    def _ready(self, workers: list[Worker]) -> bool:
        """Wait for rigs and let the trace know them; ``False`` when the session ends meanwhile."""
        try:
            for worker in workers:
                worker.wait_ready()
        except LoopscopeError:
            self._rigs.end(workers)
            raise
        if self._stopping:
            self._rigs.end(workers)
            return False
        self._rigs.admit(workers)
        return True

    def _take_over(self, lever: str, old: str, new: str, by: str) -> None:
        """Start rigs that have the lever's new value, and hand the agents over to them."""
        try:
            wanted = self._levers | {lever: new}
            workers = self._rigs.begin(wanted["loop"], wanted["client"], self._loops(wanted))
            if not self._ready(workers):
                return
            names, before = _names(workers), _names(self._rigs.current)
            take = "take" if len(workers) > 1 else "takes"
            with self._lock:
                self._levers[lever] = new
                self._busy[lever] = f"{names} ({lever} {new}) {take} over, {before} drains"
                self._problem = ""
            self._mark_lever(lever, old, new, by, f"restarted on {new}: {names} {take} over, agent by agent")
            self._failed = ""
            self._rigs.take_over(workers, {lever: new})
        except LoopscopeError as error:
            self._lost("takeover", f"the takeover by {new} failed, {old} goes on: {error}")
        finally:
            with self._lock:
                self._busy.pop(lever, None)

    def _resize(self, lever: str, old: str, new: str, by: str) -> None:
        """More or fewer agents where each has a process of its own."""
        before, after = int(old), int(new)
        try:
            if after > before:
                workers = self._rigs.more(after - before)
                if not self._ready(workers):
                    return
                self._rigs.join(workers)
            with self._lock:
                self._levers[lever] = new
            self._mark_lever(lever, old, new, by, f"{abs(after - before)} {'more' if after > before else 'fewer'}")
            if after > before:
                self._rigs.start_agents(self._specs(range(before, after)))
            else:
                self._rigs.stop_agents(list(range(after, before)))
                self._rigs.wait_drained()
                self._rigs.retire()
        except LoopscopeError as error:
            self._lost("takeover", f"there are still {old} agents: {error}")
        finally:
            with self._lock:
                self._busy.pop(lever, None)

    def _stop_others(self, stack: contextlib.ExitStack) -> None:
        # The rigs go first: their agents must not see the servers end.
        if self._pair is not None:
            stack.callback(self._pair.stop)
        stack.callback(self._truth.stop)
        stack.callback(self._rigs.stop)


def _names(workers: list[Worker]) -> str:
    if not workers:
        return "none"
    return workers[0].proc if len(workers) == 1 else f"{workers[0].proc} to {workers[-1].proc}"
