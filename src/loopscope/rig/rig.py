"""The rig: agents on one loop, told what to do through the pipe."""

import asyncio
import contextlib
import platform
import sys
import threading
import traceback
from collections.abc import Sequence
from functools import partial

from loopscope.core import codec
from loopscope.core.clock import now_ns
from loopscope.core.commands import AnyCommand, Plan, Quit, SetLever, StartAgents, StopAgents
from loopscope.core.errors import InputError
from loopscope.core.records import AgentSpec, AgentState, Bye, Loss, Server
from loopscope.core.text import plain
from loopscope.probe.heartbeat import Heartbeat, idle_floor_ns
from loopscope.probe.loop_meter import self_test
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.sender import Sender
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.watchdog import Watchdog
from loopscope.probe.wires import Wires
from loopscope.rig.agent import Agent
from loopscope.rig.clients import make_client
from loopscope.rig.clients.base import Client
from loopscope.rig.floor import Floor
from loopscope.rig.injected_faults import InjectedFaults
from loopscope.rig.levers import Levers
from loopscope.rig.loops import MeteredLoop
from loopscope.rig.warm_up import warm_up
from loopscope.rig.workflow import WorkflowAgent
from loopscope.settings.injected_faults import InjectedFault
from loopscope.wire.child import ChildPipe

_CLOSE_S = 0.5
_NO_WIRES = Wires()


class Rig:
    """Owns the agents of one process. Every method runs on the loop's thread."""

    def __init__(
        self,
        pipe: ChildPipe,
        metered: MeteredLoop,
        kind: type[Client],
        replaces: str,
        plants: Sequence[InjectedFault] = (),
        *,
        group: str = "",
        floor: Floor | None = None,
    ) -> None:
        self._floor = floor or Floor()
        self._group = group
        self._kind = kind
        self._plants = list(plants)
        self._pipe = pipe
        self._metered = metered
        self._replaces = replaces
        self._samples = SampleBuffer(pipe.proc, lines=codec)
        self._levers = Levers(metered.park)
        self._servers: list[Server] = []
        self._agents: dict[int, Agent] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._client: Client | None = None
        self._quit = asyncio.Event()

    async def run(self) -> None:
        """Warm up, measure the idle floor if no other rig did, say hello, do as told until Quit or the session ends."""
        loop = asyncio.get_running_loop()
        await warm_up(self._kind)
        heart = Heartbeat(loop, self._samples)
        heart.start()
        usage, gc_clock = ThreadUsage(), GcClock()
        gc_clock.install()
        words = ""
        for _ in range(3):  # a neighbour that steals the core can spoil one try
            words = await self_test(self._metered.meter)
            if not words:
                break
        idle_ns = None if words else self._metered.meter.idle_ns
        floor = self._floor
        if not floor.of:
            idle_before_ns, start_ns = idle_ns() if idle_ns else 0, now_ns()
            lag_ns = await idle_floor_ns(self._samples)
            elu = 1 - (idle_ns() - idle_before_ns) / (now_ns() - start_ns) if idle_ns else None
            floor = Floor(lag_ns, elu)
        sender = Sender(
            self._pipe.send_lines,
            self._samples,
            loop_name=self._metered.name,
            idle_ns=idle_ns,
            usage=usage,
            gc_clock=gc_clock,
            wires=lambda: self._client.wires if self._client else _NO_WIRES,
            streams=lambda: sum(agent.streaming for agent in list(self._agents.values())),
            tasks=lambda: len(self._tasks),
            turns=self._metered.meter.turns,
        )
        watchdog = None
        if idle_ns is not None and self._metered.meter.busy_since is not None:
            watchdog = Watchdog(
                ident=threading.get_ident(),
                busy_since=self._metered.meter.busy_since,
                idle_ns=idle_ns,
                usage=usage,
                gc_clock=gc_clock,
                emit=self._samples.emit,
            )
        self._pipe.ready(
            "rig",
            info={
                "loop": self._metered.name,
                "loop_version": self._metered.version,
                "replaces": self._replaces,
                "group": self._group,
                "python": platform.python_version(),
                "client": self._kind.name,
                "client_version": self._kind.version,
                "floor": floor.of,
            },
            signals={
                "elu": words or "ok",
                "loop_cpu": usage.cpu_words or "ok",
                "runq": usage.runq_words or "ok",
                "switches": usage.switch_words or "ok",
                "stalls": "ok" if watchdog is not None else words or "this loop does not tell when it waits",
                "lag": "ok" if floor.lag_ns is not None or floor.of else "the idle floor could not be measured",
                "backlog": "ok" if sys.platform != "win32" else "Windows has no FIONREAD for sockets of asyncio",
            },
            lag_floor_ns=floor.lag_ns,
            elu_floor=floor.elu,
        )
        sender.start()
        if watchdog is not None:
            watchdog.start()
        plants = InjectedFaults(loop, self._plants, self._samples.event, self._pipe.proc)
        plants.start()
        self._pipe.listen(
            lambda command: self._from_thread(loop, command),
            lambda: self._from_thread(loop, Quit()),
        )
        await self._quit.wait()
        plants.stop()
        await self._end_all()
        if watchdog is not None:
            watchdog.finish()
        heart.stop()
        sender.finish()
        self._pipe.send(Bye(t_ns=now_ns(), proc=self._pipe.proc))

    def _from_thread(self, loop: asyncio.AbstractEventLoop, command: AnyCommand) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended already
            loop.call_soon_threadsafe(self._obey, command)

    def _obey(self, command: AnyCommand) -> None:
        if isinstance(command, Plan):
            self._servers = list(command.servers)
            for name, value in command.levers.items():
                self._set(name, value)
            secure = any(server.url.startswith("https:") for server in self._servers)
            self._client = make_client(self._kind, self._levers.gate, secure=secure)
            self._start(command.agents)
        elif isinstance(command, StartAgents):
            self._start(command.agents)
        elif isinstance(command, StopAgents):
            self._stop(command.agents, command.drain_s)
        elif isinstance(command, SetLever):
            self._set(command.name, command.value)
        else:
            self._quit.set()

    def _set(self, name: str, value: str) -> None:
        try:
            self._levers.set(name, value)
        except InputError as error:
            self._samples.event(Loss(t_ns=now_ns(), proc=self._pipe.proc, what="levers", count=1, words=str(error)))

    def _start(self, specs: list[AgentSpec]) -> None:
        if self._client is None:
            return
        for spec in specs:
            if spec.agent in self._tasks or not 0 <= spec.server < len(self._servers):
                continue
            kind = WorkflowAgent if spec.workflow else Agent
            agent = kind(spec, self._servers[spec.server], self._client, self._levers, self._samples)
            task = asyncio.get_running_loop().create_task(agent.run(), name=f"agent-{spec.agent}")
            self._agents[spec.agent], self._tasks[spec.agent] = agent, task
            task.add_done_callback(partial(self._ended, spec.agent))
        self._levers.agents = len(self._tasks)

    def _stop(self, numbers: list[int], drain_s: float) -> None:
        loop = asyncio.get_running_loop()
        for number in numbers:
            if (agent := self._agents.get(number)) is not None:
                agent.stop()
                # A stopped agent that is between requests ends at its next step, and cancelling it then does nothing.
                loop.call_later(drain_s, self._tasks[number].cancel)

    def _ended(self, number: int, task: asyncio.Task[None]) -> None:
        self._agents.pop(number, None)
        self._tasks.pop(number, None)
        self._levers.agents = len(self._tasks)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            traceback.print_exception(error, file=sys.stderr)
            words = plain(f"our own fault: {type(error).__name__}: {error}")
            self._samples.event(
                AgentState(t_ns=now_ns(), proc=self._pipe.proc, agent=number, state="gone", words=words)
            )

    async def _end_all(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._client is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._client.close()
