"""The probe in the program's process: hooks, pipe and sender put together."""

import asyncio
import atexit
import gc
import os
import platform
import signal
import sys
import threading

from loopscope.core import codec
from loopscope.core.clock import now_ns
from loopscope.core.commands import AnyCommand, Quit
from loopscope.core.records import Bye
from loopscope.inject.aiohttp_hooks import AiohttpHooks
from loopscope.inject.httpcore_hooks import HttpcoreHooks
from loopscope.inject.import_hooks import ImportHooks
from loopscope.inject.journal import Journal
from loopscope.inject.loop_watch import LoopWatch, WatchedLoop
from loopscope.inject.program_sender import ProgramSender
from loopscope.probe.heartbeat import Heartbeat, idle_floor_ns
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.usage import GcClock
from loopscope.probe.watchdog import Watchdog
from loopscope.probe.wires import Wires
from loopscope.wire.child import GRACE_S, ChildPipe


def measure_floor() -> int | None:
    """Median lateness (ns) of the heartbeat on an idle asyncio loop, in a thread of its own: the program's main thread
    must not find that it has had a loop before. Takes half a second.
    """
    floors: list[int | None] = []

    async def idle() -> None:
        samples = SampleBuffer()
        heart = Heartbeat(asyncio.get_running_loop(), samples)
        heart.start()
        floors.append(await idle_floor_ns(samples))
        heart.stop()

    thread = threading.Thread(target=lambda: asyncio.run(idle()), name="floor")
    thread.start()
    thread.join()
    return floors[0] if floors else None


_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has no other


class ProgramPipe(ChildPipe):
    """The pipe of a program. When nobody reads any more the leash ends it, together with what it has started."""

    def broken(self) -> None:
        """Lose the lines."""


class Probe:
    """Everything that listens to one program. Made before the program's code runs."""

    def __init__(self, pipe: ChildPipe, program: str) -> None:
        self._pipe = pipe
        self._program = program
        self._samples = SampleBuffer(pipe.proc, lines=codec)
        self._journal = Journal()
        self._wires = Wires()
        self._gc = GcClock()
        self._watch = LoopWatch(self._loop_runs)
        self._sender: ProgramSender | None = None
        self._watchdog: Watchdog | None = None
        self._floor_ns: int | None = None
        self._lock = threading.Lock()
        self._finished = False

    def install(self) -> None:
        """Say hello and put every hook in; libraries get theirs when the program imports them."""
        self._floor_ns = measure_floor()
        self._pipe.ready("program", {"program": self._program, "python": platform.python_version()})
        self._pipe.listen(self._obey, self._abandoned)
        self._gc.install()
        self._watch.patch(asyncio.BaseEventLoop)
        late = ImportHooks()
        late.when_imported("uvloop", self._watch.patch_uvloop)
        for module, label in (("httpcore", "httpx"), ("httpcore2", "httpx2")):
            late.when_imported(module, HttpcoreHooks(label, self._journal, self._wires).patch)
        late.when_imported("aiohttp", AiohttpHooks(self._journal, self._wires).patch)
        # After the program's own exit handlers and its threads: they may still stream.
        atexit.register(self.finish)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._forked)

    def finish(self) -> None:
        """Send what is left and say goodbye; a second call does nothing."""
        with self._lock:
            if self._finished:
                return
            self._finished = True
        if self._sender is not None:
            self._stop_watchdog()
            self._sender.finish()
        gc.callbacks.remove(self._gc)
        words = self._watch.problem
        self._pipe.send(Bye(t_ns=now_ns(), proc=self._pipe.proc, words=words))

    def _loop_runs(self, watched: WatchedLoop) -> None:
        """On the thread of a loop that is about to run."""
        with self._lock:
            if self._finished:
                return
            if self._sender is None:
                self._hello(watched)
                self._sender = ProgramSender(
                    self._pipe.send_lines,
                    self._samples,
                    self._journal,
                    self._wires,
                    self._watch,
                    watched,
                    self._gc,
                    self._hello,
                )
                self._sender.start()
            self._sender.newest = watched

    def _hello(self, watched: WatchedLoop) -> None:
        """Say which loop the figures are of, from now on, and watch what blocks it."""
        self._stop_watchdog()
        self._pipe.ready(
            "rig",
            info={
                "loop": watched.name,
                "loop_version": watched.version,
                "python": platform.python_version(),
                "program": self._program,
            },
            signals={
                "elu": watched.words or "ok",
                "loop_cpu": watched.usage.cpu_words or "ok",
                "runq": watched.usage.runq_words or "ok",
                "switches": watched.usage.switch_words or "ok",
                "stalls": watched.words or "ok",
                "lag": "ok" if self._floor_ns is not None else "the idle floor could not be measured",
                "backlog": "ok" if sys.platform != "win32" else "Windows has no FIONREAD for sockets of asyncio",
            },
            lag_floor_ns=self._floor_ns,
        )
        if watched.counts_idle and not self._finished:
            self._watchdog = Watchdog(
                ident=watched.ident,
                busy_since=watched.busy_since,
                idle_ns=watched.idle_ns,
                usage=watched.usage,
                gc_clock=self._gc,
                emit=self._samples.emit,
            )
            self._watchdog.start()

    def _stop_watchdog(self) -> None:
        watchdog, self._watchdog = self._watchdog, None
        if watchdog is not None:
            watchdog.finish()

    def _obey(self, command: AnyCommand) -> None:
        if isinstance(command, Quit):
            self._told_to_end()

    def _told_to_end(self) -> None:
        """The session ends: so shall the program, and whatever it has started; asked first, then made to."""
        self.finish()
        hard_end = threading.Timer(GRACE_S, _end_group, args=(_KILL,))
        hard_end.daemon = True
        hard_end.start()
        _end_group(signal.SIGTERM)

    def _abandoned(self) -> None:
        """The session is gone: nobody would see to it that a program ends which has been asked to."""
        _end_group(_KILL)

    def _forked(self) -> None:
        """In a child that the program forked: the pipe is not ours there, and nobody empties the journal."""
        self._journal.close()
        self._finished = True
        self._pipe.close()


def _end_group(number: signal.Signals) -> None:
    """Signal this process and, where we lead a process group of our own, everything in it."""
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), number)
    else:
        os.kill(os.getpid(), number)
