"""The rigs of a session: the one that serves new requests, and older ones that finish theirs.

A running loop cannot be swapped. A takeover starts a new rig, then hands the agents over one by one: the old rig lets
an agent finish the request under way (for ``drain_s`` at most; what it then cuts is counted as ``taken``), and as soon
as that agent is gone there the new rig starts it. So no agent ever has two streams, and none waits for another's drain.
"""

import threading
from collections.abc import Callable, Sequence

from loopscope.core.commands import Plan, SetLever, StartAgents, StopAgents
from loopscope.core.records import AgentSpec, Server
from loopscope.wire.worker import Worker


class Rigs:
    """Starts rigs, gives them agents, hands agents from one to the next. Callable from any thread.

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
        self._count = 0
        self._servers: list[Server] = []
        self._levers: dict[str, str] = {}
        self._running: dict[int, AgentSpec] = {}
        self._draining: dict[str, set[int]] = {}
        self._drained = threading.Condition(self._lock)
        self._old: list[Worker] = []
        self._begun: list[Worker] = []
        self.current: Worker | None = None

    def begin(self, loop: str, client: str) -> Worker:
        """Start a rig process on this loop with this client (without waiting for it)."""
        with self._lock:
            self._count += 1
            proc = f"rig-{self._count}"
            replaces = self.current.proc if self.current else ""
        worker = Worker(
            "loopscope.rig", proc, ["--loop", loop, "--client", client, "--replaces", replaces, *self._plants],
            on_line=self._on_line, on_end=lambda code: self._ended(worker, code),
        )  # fmt: skip
        with self._lock:
            self._begun.append(worker)
        worker.start()
        return worker

    def serve(self, worker: Worker, servers: list[Server], levers: dict[str, str]) -> None:
        """Make a rig that is ready the current one, with its servers and levers, no agent yet."""
        with self._lock:
            self._servers, self._levers = servers, dict(levers)
            worker.send(Plan(servers=servers, agents=[], levers=self._levers))
            self.current = worker

    def start_agents(self, specs: list[AgentSpec]) -> None:
        """Begin to stream with these agents on the current rig."""
        with self._lock:
            for spec in specs:
                self._running[spec.agent] = spec
            draining = set().union(*self._draining.values()) if self._draining else set()
            # An agent that still drains elsewhere is started when it is gone there.
            now = [spec for spec in specs if spec.agent not in draining]
            if self.current is not None and now:
                self.current.send(StartAgents(agents=now))

    def stop_agents(self, numbers: list[int]) -> None:
        """Let these agents finish and end."""
        with self._lock:
            for number in numbers:
                self._running.pop(number, None)
            if self.current is not None:
                self._draining.setdefault(self.current.proc, set()).update(numbers)
                self.current.send(StopAgents(agents=numbers, drain_s=self._drain_s))

    def set_lever(self, name: str, value: str) -> None:
        """Change a lever that acts at once, on every rig that still streams."""
        with self._lock:
            self._levers[name] = value
            for worker in [*self._old, *([self.current] if self.current else [])]:
                worker.send(SetLever(name=name, value=value))

    def agent_gone(self, proc: str, number: int) -> None:
        """Be told that an agent has ended on a rig: its successor may start."""
        with self._lock:
            waiting = self._draining.get(proc)
            if waiting is None or number not in waiting:
                if (ended := self._running.get(number)) is not None and ended.requests:
                    del self._running[number]  # it has done what it was for: no takeover shall start it again
                return
            waiting.discard(number)
            spec = self._running.get(number)
            if spec is not None and self.current is not None:
                self.current.send(StartAgents(agents=[spec]))
            self._drained.notify_all()

    def take_over(self, worker: Worker) -> None:
        """Hand every agent from the current rig to ``worker`` (which is ready); returns when the old rig has ended."""
        with self._lock:
            old, specs = self.current, list(self._running.values())
            self.serve(worker, self._servers, self._levers)
            if old is None or not old.alive():
                worker.send(StartAgents(agents=specs))
                return
            self._old.append(old)
            numbers = {spec.agent for spec in specs}
            self._draining.setdefault(old.proc, set()).update(numbers)
            old.send(StopAgents(agents=sorted(numbers), drain_s=self._drain_s))
            self._drained.wait_for(
                lambda: not self._draining.get(old.proc) or not old.alive(), timeout=self._drain_s + 2
            )
            left = self._draining.pop(old.proc, set())
        old.stop()
        with self._lock:
            self._old.remove(old)
            late = [self._running[number] for number in left if number in self._running]
            if late:
                worker.send(StartAgents(agents=late))

    def stop(self) -> None:
        """End every rig, also one that is still starting."""
        with self._lock:
            workers = [worker for worker in self._begun if worker.alive()]
        for worker in workers:
            worker.stop()

    def _ended(self, worker: Worker, code: int) -> None:
        if worker.stopping or worker.hello is None:
            return
        with self._lock:
            if worker not in self._old:  # whom a takeover waits for, it looks after itself
                self._draining.pop(worker.proc, None)
            self._drained.notify_all()
        why = f"signal {-code}" if code < 0 else f"exit code {code}"
        self._on_death(worker.proc, f"{worker.proc} ended by itself ({why}){worker.last_words()}")
