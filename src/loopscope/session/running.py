"""What every source over running processes does the same: recorder, hub, judge, telemetry, start and stop."""

import contextlib
import dataclasses
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from loopscope.core.clock import now_ns
from loopscope.core.errors import InputError, WorkerError
from loopscope.core.records import AnyRecord, Header, Loss, Mark, Record
from loopscope.core.text import plain
from loopscope.model.findings import levels_from
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Snapshot
from loopscope.model.summary import summary
from loopscope.model.summary_types import Summary
from loopscope.session.finding_monitor import FindingMonitor
from loopscope.session.options import SessionOptions
from loopscope.session.overview import overview_of
from loopscope.session.pipeline import Pipeline
from loopscope.session.procedure import Procedure
from loopscope.session.procedure_runner import Runner
from loopscope.session.recorder import Recorder
from loopscope.session.rewind import Rewind, spare_recorder
from loopscope.session.source import Abilities, Overview, Playback, Progress
from loopscope.settings.thresholds import limits_from
from loopscope.wire.worker import Worker


class RunningSource(ABC):
    """See :class:`loopscope.session.source.Source`. One use: start, then stop.

    Raises:
        TraceError: ``record`` cannot be written; opened here, so that it is told before anything starts.
    """

    def __init__(
        self,
        *,
        title: str,
        record: Path | None,
        overwrite: bool,
        findings: tuple[tuple[str, str], ...],
        thresholds: tuple[str, ...],
    ) -> None:
        self.title = title
        self.recording = str(record) if record else ""
        self._problem = ""
        self._recording_problem = ""
        self._recorder = (
            Recorder(record, overwrite=overwrite, on_problem=self._recorder_says) if record is not None else None
        )
        self._past: Rewind | None = None
        self._spare: Path | None = None
        if record is not None and self._recorder is not None:
            self._look_back_in(record, self._recorder)
        judge = FindingMonitor(levels_from(findings), limits_from(thresholds))
        self._hub = Pipeline(self._recorder, on_record=self._tell, dress=self._dress, judge=judge)
        self._listening = threading.Lock()
        self._listeners: tuple[Callable[[AnyRecord], None], ...] = ()
        self._runner = Runner(self)
        self._telemetry = Worker(
            "loopscope.telemetry", "telemetry", on_line=self._hub.put, on_end=self._telemetry_ended, hold=True
        )
        self._starting = threading.Lock()
        self.steps: list[tuple[str, float]] = []
        self._stopping = False
        self._summary: Summary | None = None

    @abstractmethod
    def _start(self) -> None:
        """Start the other processes and open the hub; telemetry runs already."""

    @abstractmethod
    def _stop_others(self, stack: contextlib.ExitStack) -> None:
        """Push what ends the other processes; what is pushed last is ended first."""

    @abstractmethod
    def _heard(self, record: AnyRecord) -> None:
        """Be told of a record that has been folded, from the hub's thread."""

    @abstractmethod
    def _dress(self, snapshot: Snapshot) -> Snapshot:
        """Add to a snapshot what no record says."""

    abilities = Abilities()

    @property
    def failed(self) -> str:
        """Why nothing can stream any more, in one sentence; empty while something may."""
        return ""

    @property
    def fold(self) -> Fold:
        """All that has been folded: for reports, once the source has stopped."""
        return self._hub.fold

    @property
    def recording_problem(self) -> str:
        """What is wrong with the recording, in one sentence; empty when every line is in the file."""
        if (
            self._spare is not None
            or self._recorder is None
            or not (self._recorder.problem or self._recorder.lost_lines)
        ):
            return ""
        lost = self._recorder.lost_lines
        words = self._recorder.problem or f"{self.recording} did not take data for a while"
        return f"{words} ({lost} lines are missing)" if lost else words

    def _step(self, words: str) -> None:
        """Tell who waits for the start what it does from now on."""
        self.steps.append((words, time.monotonic()))

    def start(self) -> None:
        """Start every process. Raises LoopscopeError; nothing is left running then."""
        with self._starting:
            try:
                self._telemetry.start()
                self._start()
                # Telemetry may take its time (NVML, a slow driver): nobody waits for it.
                threading.Thread(target=self._greet_telemetry, name="telemetry-hello", daemon=True).start()
            except BaseException:
                self._stop_processes()
                raise

    def _greet_telemetry(self) -> None:
        try:
            self._telemetry.wait_ready()
        except WorkerError as error:
            if not self._stopping:
                self._hub.emit(Loss(t_ns=now_ns(), proc="session", what="telemetry", count=1, words=str(error)))
            return
        self._telemetry.admit()

    def _recorder_says(self, words: str) -> None:
        self._recording_problem = plain(words)

    def _lost(self, what: str, words: str) -> None:
        """Tell the operator and the trace that something is gone which nobody asked to end."""
        if not self._stopping:
            self._problem = plain(words)
            self._hub.emit(Loss(t_ns=now_ns(), proc="session", what=what, count=1, words=plain(words)))

    def _telemetry_ended(self, code: int) -> None:
        if self._telemetry.hello is not None and not self._telemetry.stopping:
            self._lost("telemetry", f"telemetry ended by itself (exit code {code}): no power or host figures any more")

    def ask(self, answer: Callable[[Snapshot], None]) -> None:
        """Answer once with a fresh snapshot, from a thread of ours."""
        if self._past is None or not self._past.ask(answer, self._dress):
            self._hub.ask(answer)

    def mark(self, words: str) -> None:
        """Put a word on the time line."""
        self._hub.emit(Mark(t_ns=now_ns(), proc="session", words=plain(words, 80)))

    # Procedures: what the operator asks, and what they ask of us

    def run(self, procedure: Procedure, /, **args: str) -> None:
        """Start a procedure. Raises InputError."""
        if not self.abilities.procedures:
            raise InputError("this session measures a program of its own: nothing can be set here to try it out")
        self._runner.run(procedure, args)

    def procedure(self) -> Progress | None:
        """How far the procedure is that runs, or how the last one ended."""
        return self._runner.view()

    def cancel(self) -> None:
        """Cancel the procedure that runs."""
        self._runner.cancel()

    def emit(self, record: Record) -> None:
        """Put a record of the session's own into the trace and the fold."""
        self._hub.emit(record)

    def listen(self, heard: Callable[[AnyRecord], None]) -> Callable[[], None]:
        """Have every record from now on told to ``heard``, from the hub's thread; call what is given to end that."""
        with self._listening:
            self._listeners = (*self._listeners, heard)

        def end() -> None:
            with self._listening:
                self._listeners = tuple(one for one in self._listeners if one is not heard)

        return end

    def only_listen(self) -> None:
        """Fold nothing from now on: nobody looks at snapshots, and what folds takes a core from what is measured."""
        self._hub.folding = False

    def options_now(self) -> SessionOptions:
        """Give the session's options with the levers as they are now. Raises InputError where it has none."""
        raise InputError("this session has no options of its own")

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        """Pull a lever. Raises InputError where there is none."""
        raise InputError("this session has no levers")

    def _tell(self, record: AnyRecord) -> None:
        self._heard(record)
        if self._past is not None and isinstance(record, Header):
            self._past.begin(record.t_ns)
        for heard in self._listeners:
            heard(record)

    def keep_past(self) -> None:
        """Make it possible to look back though nothing is recorded; to be said before :meth:`start`."""
        if self._past is None and (spare := spare_recorder(lambda words: None)) is not None:
            self._spare, self._recorder = spare
            self._hub.record_to(self._recorder)
            self._look_back_in(*spare)

    def _look_back_in(self, path: Path, recorder: Recorder) -> None:
        self._past = Rewind(path, recorder, lambda answer: self._hub.ask(answer))
        self.abilities = dataclasses.replace(self.abilities, playback=True)

    def playback(self) -> Playback | None:
        """Where the screen looks: now, or earlier. ``None`` where nothing is recorded."""
        return self._past.playback() if self._past is not None else None

    def play(self, playing: bool) -> None:
        """Pause: look at this moment while the session goes on. Play: go on from there."""
        if self._past is not None:
            self._past.play(playing)

    def seek(self, position_s: float) -> None:
        """Look at an earlier moment; the session goes on."""
        if self._past is not None:
            self._past.seek(position_s)

    def step(self, seconds: float) -> None:
        """Pause, and move what is shown by so much."""
        if self._past is not None:
            self._past.step(seconds)

    def set_speed(self, speed: float) -> None:
        """How fast the past is played. Raises InputError for what is no speed."""
        if self._past is not None:
            self._past.set_speed(speed)

    def set_loop(self, loop: bool) -> None:  # noqa: B027 - nothing to do here, nor in a subclass
        """Live: there is no end."""

    def now(self) -> None:
        """Look at the present again."""
        if self._past is not None:
            self._past.now()

    def overview(self) -> Overview | None:
        """The session so far at a glance."""
        return overview_of(self._hub.seconds)

    def _stop_processes(self) -> None:
        self._stopping = True
        with contextlib.ExitStack() as stack:  # each is ended, whatever happens to another
            stack.callback(self._telemetry.stop)
            self._stop_others(stack)

    def stop(self) -> Summary:
        """End every process, complete the file, give the summary. A second call gives the same."""
        if self._summary is None:
            self._runner.close()
            self._stop_processes()
            with self._starting:  # a start under way sees its processes gone, and ends
                self._stop_processes()
            if self._past is not None:
                self._past.now()
            self._hub.close()
            if self._spare is not None:
                self._spare.unlink(missing_ok=True)
            self._summary = summary(self._hub.fold)
        return self._summary
