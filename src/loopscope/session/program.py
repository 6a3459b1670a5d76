"""The source over a program of the operator's own: it runs under the probe, its HTTP streams are the agents."""

import contextlib
import dataclasses
import os
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from loopscope import __version__
from loopscope.core.clock import now_ns, take_anchor
from loopscope.core.errors import InputError, WorkerError
from loopscope.core.records import AnyRecord, Header, Hello, Mark
from loopscope.core.text import plain
from loopscope.model.findings import levels_from
from loopscope.model.snapshot import Snapshot
from loopscope.session.hostfacts import commit, host_facts
from loopscope.session.output import Tail
from loopscope.session.running import RunningSource
from loopscope.session.source import Abilities
from loopscope.settings.thresholds import limits_from
from loopscope.wire.worker import Worker


@dataclass(frozen=True, slots=True)
class ProgramOptions:
    """What to run. ``program`` is the path of a script, or with ``module`` a name as for ``python -m``."""

    program: str
    args: tuple[str, ...] = ()
    module: bool = False
    output: Path | None = None
    """File for what the program prints; None: a new file in the folder for temporary files."""
    record: Path | None = None
    overwrite: bool = False
    findings: tuple[tuple[str, str], ...] = ()
    """As in :class:`loopscope.session.options.SessionOptions`."""
    thresholds: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The program's name, safe to show; never its folder, which a trace has no business to know."""
        return plain(self.program if self.module else Path(self.program).name, 60)

    def check(self) -> None:
        """Raise InputError for what cannot be run."""
        levels_from(self.findings)
        limits_from(self.thresholds)
        if self.module:
            return
        path = Path(self.program)
        if path.is_dir():
            raise InputError(f"{plain(self.program)} is a folder; give a script, or -m and the name of a module")
        if not path.is_file():
            raise InputError(f"there is no script {plain(self.program)}")


class ProgramSource(RunningSource):
    """A session over a program. There are no levers in it."""

    abilities = Abilities()

    def __init__(self, options: ProgramOptions) -> None:
        options.check()
        self._options = options
        self.ended = threading.Event()
        """The program has ended, see :attr:`exit_code`."""
        self.exit_code: int | None = None
        """As ``subprocess`` has it: below zero, a signal. ``None`` while it runs, or when we ended it."""
        self.output = _output_file(options.output)
        """Where the program's prints are."""
        self._tail = Tail(self.output)
        self._loop_ran = False
        super().__init__(
            title=options.name,
            record=options.record,
            overwrite=options.overwrite,
            findings=options.findings,
            thresholds=options.thresholds,
        )
        args = ["--output", str(self.output), *(["--module"] if options.module else []), options.program, *options.args]
        self._program = Worker(
            "loopscope.inject", "program", args, on_line=self._hub.put, on_end=self._program_ended, hold=True
        )

    @property
    def loop_ran(self) -> bool:
        """An event loop has run in the program."""
        return self._loop_ran

    def _start(self) -> None:
        self._step("starting the program with the probe in it")
        self._program.start()
        try:
            self._program.wait_ready()
        except WorkerError as error:
            # It says in one line what it could not load; ours is about processes.
            words = self._program.last_words().removeprefix(": ")
            raise InputError(words) if words and not self._stopping else error from error
        if self._stopping:
            raise WorkerError("stopped while starting")
        anchor = take_anchor()
        self._hub.open(
            Header(
                t_ns=now_ns(),
                proc="session",
                loopscope=__version__,
                anchor_perf_ns=anchor.perf_ns,
                anchor_wall_ns=anchor.wall_ns,
                source="program",
                words=f"a program of your own: {self._options.name}",
                host=host_facts(),
                commit=commit(),
            )
        )
        self._program.admit()

    def _heard(self, record: AnyRecord) -> None:
        if isinstance(record, Hello) and record.role == "rig":
            self._loop_ran = True

    def _program_ended(self, code: int) -> None:
        if self._program.hello is None:
            return
        if not self._stopping:
            self.exit_code = code
            self._hub.emit(Mark(t_ns=now_ns(), proc="session", words=f"{self._options.name} ended {how(code)}"))
        self.ended.set()

    def last_line(self) -> str:
        """The last line that the program printed, safe to show; empty when there is none."""
        return next((line.strip() for line in reversed(self._tail.lines()) if line.strip()), "")

    def tidy(self) -> bool:
        """Remove the output file if we chose it and nothing is in it; give whether there is one."""
        try:
            if self._options.output is None and not self.output.stat().st_size:
                self.output.unlink()
                return False
        except OSError:
            return False
        return True

    def failure(self) -> str:
        """What went wrong with the program, in a sentence; empty when nothing did, and while it runs."""
        name, code = self._options.name, self.exit_code
        if not self.ended.is_set() or code is None:
            return ""
        if code:
            last = self.last_line()
            return f"{name} ended {how(code)}{': ' + last if last else ''}"
        return "" if self._loop_ran else f"no event loop ran in {name}, so there is nothing to show"

    def _dress(self, snapshot: Snapshot) -> Snapshot:
        state = f"{self._options.name} {'ended' if self.ended.is_set() else 'prints'}"
        loop = dataclasses.replace(snapshot.loop, silent_s=0.0) if self.ended.is_set() else snapshot.loop
        problem = self._problem or self._recording_problem or self.failure() or snapshot.problem
        return dataclasses.replace(
            snapshot,
            source_words=f"{state} > {plain(str(self.output))}",
            source_reason="",
            problem=problem,
            loop=loop,
            output=self._tail.lines(),
        )

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """There are no levers over a program. Raises InputError."""
        raise InputError(f"{self._options.name} is your own program: loopscope has no lever {plain(lever, 20)} in it")

    def _stop_others(self, stack: contextlib.ExitStack) -> None:
        stack.callback(self._program.stop)


def how(code: int) -> str:
    """An exit code in words."""
    return f"with exit code {code}" if code >= 0 else f"by signal {-code}"


def _output_file(path: Path | None) -> Path:
    """Make the file for the program's output, empty; one that is there is written over.

    Raises:
        InputError: it cannot be written.
    """
    if path is None:
        handle, name = tempfile.mkstemp(prefix="loopscope-", suffix=".log")
        os.close(handle)
        return Path(name)
    try:
        path.write_bytes(b"")
    except OSError as error:
        raise InputError(f"--output {plain(str(path))} cannot be written: {error.strerror or error}") from error
    return path.resolve()
