"""The rigs of a session: those that serve new requests, and older ones that finish theirs.

A running loop cannot be swapped. A takeover starts one new rig or several side by side, then hands the agents over one
by one: the old rig lets an agent finish the request under way (for ``drain_s`` at most; what it then cuts is counted as
``taken``), and as soon as that agent is gone there its new rig starts it. So no agent ever has two streams, and none
waits for another's drain.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from itertools import count

from msgspec import structs

from loopscope.core.codec import encode
from loopscope.core.commands import Plan, Quit, SetLever, StartAgents, StopAgents
from loopscope.core.records import AgentSpec, Server
from loopscope.settings.levers.throttle import LEAST_HZ, Throttle, parse_throttle
from loopscope.wire.worker import Worker


class Rigs:
    """Starts rigs, gives them agents, hands agents from some to the next. Callable from any thread.

    ``on_line`` gets every line of every rig; ``on_death(proc, words)`` is called when a rig ends that should not have.
    """

    def __init__(
        self,
        *,
        on_line: Callable[[bytes], None],
        on_death: Callable[[str, str], None],
        drain_s: float,
        plants: Sequence[str] = (),
    ) -> None:
        self._plants = [word for text in plants for word in ("--plant", text)]
        self._on_line = on_line
        self._on_death = on_death
        self._drain_s = drain_s
        self._lock = threading.RLock()
        self._numbers = count(1)
        self._groups = count(1)
        self._servers: list[Server] = []
        self._levers: dict[str, str] = {}
        self._running: dict[int, AgentSpec] = {}
        self._home: dict[int, Worker] = {}
        """Which of the serving rigs has an agent."""
        self._draining: dict[str, set[int]] = {}
        self._drained = threading.Condition(self._lock)
        self._old: list[Worker] = []
        self._begun: list[Worker] = []
        self._group = 0
        self._kind = ("", "")
        self._adapted = Throttle()
        self.current: list[Worker] = []
        """The rigs that serve."""

    def alive(self) -> bool:
        """Say whether every rig that should serve does."""
        with self._lock:
            return bool(self.current) and all(worker.alive() for worker in self.current)

    def any_alive(self) -> bool:
        """Return whether a rig that should serve does: with none left nothing streams any more."""
        with self._lock:
            return not self.current or any(worker.alive() for worker in self.current)

    def agents_of(self, proc: str) -> list[AgentSpec]:
        """Return the agents that a rig had, as they were given to it."""
        with self._lock:
            return [
                self._running[agent]
                for agent, home in sorted(self._home.items())
                if home.proc == proc and agent in self._running
            ]

    def workers(self) -> list[Worker]:
        """Every rig so far, the ended ones too."""
        with self._lock:
            return list(self._begun)

    def begin(self, loop: str, client: str, number: int = 1) -> list[Worker]:
        """Start so many rig processes on this loop with this client (without waiting for them)."""
        with self._lock:
            self._group = next(self._groups)
            self._kind = (loop, client)
            replaces = ",".join(worker.proc for worker in self.current)
        return self._several(replaces, number)

    def more(self, number: int) -> list[Worker]:
        """Start more rigs like those that serve, to stand beside them."""
        return self._several("", number)

    def admit(self, workers: list[Worker]) -> None:
        """Pass on the hellos of rigs that are ready, then their lines; each with its idle floor, also where another rig
        measured that.
        """
        for worker in workers:
            hello = worker.hello
            if hello is None or hello.lag_floor_ns is not None:
                continue
            source = next((one.hello for one in self.workers() if one.proc == hello.info.get("floor")), None)
            if source is not None:
                worker.hello = structs.replace(hello, lag_floor_ns=source.lag_floor_ns, elu_floor=source.elu_floor)
                worker.hello_line = encode(worker.hello)
        for worker in workers:
            worker.admit()

    def _several(self, replaces: str, number: int) -> list[Worker]:
        """Start rigs. One of each loop measures its idle floor, the others take that one's.

        Half a second of each start would go into it, and of rigs that start together each would measure how the others
        start: floors of 0.4 to 1 ms where one alone has 0.07.
        """
        floor = self._known_floor(self._kind[0])
        started: list[Worker] = []
        for _ in range(number):
            started.append(self._one(replaces, floor))
            floor = floor or started[0].proc
        return started

    def _known_floor(self, loop: str) -> str:
        for worker in self.workers():
            hello = worker.hello
            if hello is None or hello.info.get("loop") != loop or hello.lag_floor_ns is None or hello.info.get("floor"):
                continue
            elu = "" if hello.elu_floor is None else f"{hello.elu_floor:.6f}"
            return f"{worker.proc}:{hello.lag_floor_ns}:{elu}"
        return ""

    def _one(self, replaces: str, floor: str) -> Worker:
        loop, client = self._kind
        worker = Worker(
            "loopscope.rig",
            f"rig-{next(self._numbers)}",
            [
                "--loop",
                loop,
                "--client",
                client,
                "--group",
                str(self._group),
                "--replaces",
                replaces,
                "--floor",
                floor,
                *self._plants,
            ],
            on_line=self._on_line,
            on_end=lambda code: self._ended(worker, code),
            hold=True,
        )
        with self._lock:
            self._begun.append(worker)
        worker.start()
        return worker

    def serve(self, workers: list[Worker], servers: list[Server], levers: dict[str, str]) -> None:
        """Make rigs that are ready the serving ones, with their servers and levers, no agent yet."""
        with self._lock:
            self._servers, self._levers = servers, dict(levers)
            for worker in workers:
                worker.send(Plan(servers=servers, agents=[], levers=self._levers | {"throttle": "off"}))
            self.current, self._home = list(workers), {}
            self._tell_throttle()

    def join(self, workers: list[Worker]) -> None:
        """Let rigs that are ready serve beside the others."""
        with self._lock:
            for worker in workers:
                worker.send(Plan(servers=self._servers, agents=[], levers=self._levers | {"throttle": "off"}))
            self.current = [*self.current, *workers]
            self._tell_throttle()

    def start_agents(self, specs: list[AgentSpec]) -> None:
        """Begin to stream with these agents."""
        with self._lock:
            for spec in specs:
                before = self._running.get(spec.agent)
                if before is not None and before.requests:
                    # A cancelled round's agent of that number is at work: a rig has room for one.
                    self._stop(spec.agent)
                self._running[spec.agent] = spec
            draining = set().union(*self._draining.values()) if self._draining else set()
            # An agent that still drains elsewhere is started when it is gone there.
            self._give([spec for spec in specs if spec.agent not in draining])

    def _give(self, specs: list[AgentSpec]) -> None:
        """Start agents on the rigs that serve: each where the fewest are."""
        given: dict[str, list[AgentSpec]] = {}
        alive = [worker for worker in self.current if worker.alive()] or self.current
        load = {worker.proc: 0 for worker in alive}
        for agent, worker in self._home.items():
            if agent in self._running and worker.proc in load:
                load[worker.proc] += 1
        for spec in specs:
            if not alive:
                return
            worker = min(alive, key=lambda one: load[one.proc])
            load[worker.proc] += 1
            self._home[spec.agent] = worker
            given.setdefault(worker.proc, []).append(spec)
        for worker in alive:
            if worker.proc in given:
                worker.send(StartAgents(agents=given[worker.proc]))

    def stop_agents(self, numbers: list[int]) -> None:
        """Let these agents finish and end."""
        with self._lock:
            for number in numbers:
                self._running.pop(number, None)
                self._stop(number)

    def _stop(self, number: int) -> None:
        worker = self._home.get(number)
        if worker is not None:
            self._draining.setdefault(worker.proc, set()).add(number)
            worker.send(StopAgents(agents=[number], drain_s=self._drain_s))

    def set_lever(self, name: str, value: str) -> None:
        """Change a lever that acts at once, on every rig that still streams."""
        with self._lock:
            self._levers[name] = value
            for worker in [*self._old, *self.current]:
                worker.send(SetLever(name=name, value=value))

    def set_throttle(self, value: str) -> None:
        """Change the throttle: each rig is told its own part of it."""
        with self._lock:
            self._levers["throttle"] = value
            self._tell_throttle()

    def adapt(self, rate_hz: float | None) -> None:
        """Set what the adaptive throttle allows each agent now (chunks/s; ``None``: anything)."""
        with self._lock:
            self._adapted = Throttle() if rate_hz is None else Throttle("each", rate_hz)
            self._tell_throttle()

    def _tell_throttle(self) -> None:
        """Tell each rig its throttle: of a shared one its share, of an adaptive one the rate that holds now."""
        throttle = parse_throttle(self._levers.get("throttle", "off"))
        workers = [*self._old, *(worker for worker in self.current if worker not in self._old)]
        if throttle.kind == "adaptive":
            throttle = self._adapted
        elif throttle.kind == "shared":
            throttle = Throttle("shared", max(throttle.rate_hz / max(len(self.current), 1), LEAST_HZ))
        for worker in workers:
            worker.send(SetLever(name="throttle", value=str(throttle)))

    def agent_gone(self, proc: str, number: int) -> None:
        """Be told that an agent has ended on a rig: its successor may start."""
        with self._lock:
            waiting = self._draining.get(proc)
            if waiting is None or number not in waiting:
                spec, home = self._running.get(number), self._home.get(number)
                if spec is not None and spec.requests and home is not None and home.proc == proc:
                    del self._running[number]  # it has done what it was for: no takeover may start it again
                return
            waiting.discard(number)
            spec = self._running.get(number)
            if spec is not None:
                self._give([spec])
            self._drained.notify_all()

    def take_over(self, workers: list[Worker], changed: Mapping[str, str]) -> None:
        """Hand every agent from the serving rigs to ``workers`` (which are ready, and get the levers ``changed``);
        returns when the old have ended.
        """
        with self._lock:
            self._levers |= changed
            before, homes, specs = self.current, self._home, list(self._running.values())
            old = [worker for worker in before if worker.alive()]
            self.serve(workers, self._servers, self._levers)
            self._old.extend(old)
            orphans: list[AgentSpec] = []
            for spec in specs:
                home = homes.get(spec.agent)
                if home is None or home not in old:
                    orphans.append(spec)
                else:
                    self._draining.setdefault(home.proc, set()).add(spec.agent)
            for worker in old:
                numbers = sorted(self._draining.get(worker.proc, ()))
                worker.send(StopAgents(agents=numbers, drain_s=self._drain_s))
            self._give(orphans)
            self._drained.wait_for(
                lambda: all(not self._draining.get(worker.proc) or not worker.alive() for worker in old),
                timeout=self._drain_s + 2,
            )
            left: set[int] = set().union(*(self._draining.pop(worker.proc, set()) for worker in old)) if old else set()
        self.end(old)
        with self._lock:
            self._old = [worker for worker in self._old if worker not in old]
            self._give([self._running[number] for number in sorted(left) if number in self._running])

    def retire(self) -> None:
        """End the serving rigs that no agent needs any more, but one."""
        with self._lock:
            needed = {worker.proc for agent, worker in self._home.items() if agent in self._running}
            needed |= {proc for proc, waiting in self._draining.items() if waiting}
            idle = [worker for worker in self.current if worker.proc not in needed]
            if len(idle) == len(self.current):
                idle = idle[1:]
            self.current = [worker for worker in self.current if worker not in idle]
            self._tell_throttle()
        self.end(idle)

    def wait_drained(self) -> None:
        """Wait until the agents that were told to stop have ended on the rigs that serve."""
        with self._lock:
            self._drained.wait_for(
                lambda: not any(self._draining.get(worker.proc) and worker.alive() for worker in self.current),
                timeout=self._drain_s + 2,
            )

    def stop(self) -> None:
        """End every rig, also one that is still starting."""
        with self._lock:
            workers = [worker for worker in self._begun if worker.alive()]
        self.end(workers)

    def end(self, workers: list[Worker]) -> None:
        """End rigs, all at the same time."""
        if len(workers) > 1:
            for worker in workers:
                worker.stopping = True
                worker.send(Quit())
        for worker in workers:
            worker.stop()

    def _ended(self, worker: Worker, code: int) -> None:
        if worker.stopping or worker.hello is None:
            return
        with self._lock:
            if worker not in self._old:  # whom a takeover waits for, it looks after itself
                self._draining.pop(worker.proc, None)
            lost = sorted(a for a, home in self._home.items() if home is worker and a in self._running)
            others = len(self.current) - 1 if worker in self.current else 0
            self._drained.notify_all()
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        words = f"{worker.proc} ended by itself ({why}){worker.last_words()}"
        if others:
            names = ", ".join(map(str, lost[:8])) + (" ..." if len(lost) > 8 else "")
            words += (
                f"; with it agents {names}, {others} other loops go on" if lost else f"; {others} other loops go on"
            )
        self._on_death(worker.proc, words)
