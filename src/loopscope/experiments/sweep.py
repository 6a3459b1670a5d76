"""Run a sweep: one session a run, each result on the disk before the next begins, so that a kill costs one run."""

import dataclasses
import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from loopscope.core.errors import InputError, LoopscopeError
from loopscope.core.text import plain
from loopscope.experiments.round_results import RoundResult, ScenarioResult
from loopscope.experiments.rounds import PROCEDURE as SCENARIO
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.settings import levers as lever_settings
from loopscope.settings import scenario as scenarios
from loopscope.settings.sweep import Cell, Sweep, cells, order

VERSION = 1
_LOOK_S = 0.1


class SweepRun(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``figures``: efficiencies and losses as fractions, ``tok_s``, and those of the loop; ``left_out``: why
    it does not count.
    """

    settings: dict[str, str]
    round: int
    figures: dict[str, float | None] = {}
    seconds: float = 0.0
    left_out: str = ""


class _Head(msgspec.Struct, frozen=True, kw_only=True):
    sweep: int
    spec: Sweep


@dataclasses.dataclass(frozen=True, slots=True)
class SweepState:
    """How far a sweep is; ``eta_s`` is ``None`` until one run has been timed."""

    done: int
    total: int
    words: str
    eta_s: float | None


def read_runs(path: Path, sweep: Sweep) -> list[SweepRun]:
    """Read what an earlier start has finished; a torn last line is left out.

    Raises:
        InputError: the file is not of this sweep.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"cannot read {plain(str(path))}: it is not a file")
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise InputError(f"cannot read {plain(str(path))}: {error.strerror}") from error
    other = InputError(f"{plain(str(path))} is not of this sweep: choose another folder, or begin anew with --force")
    try:
        head = msgspec.json.decode(lines[0], type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise other from error
    if head.sweep != VERSION or head.spec != sweep:
        raise other
    found = []
    for line in lines[1:]:
        try:
            found.append(msgspec.json.decode(line, type=SweepRun))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return _latest(found)


def _latest(runs: list[SweepRun]) -> list[SweepRun]:
    """What failed is run again: the last word on a run counts."""
    return list({_key(run.settings, run.round): run for run in runs}.values())


def run_sweep(
    sweep: Sweep, path: Path, *, tell: Callable[[SweepState], None], stopped: Callable[[], bool]
) -> list[SweepRun]:
    """Run what is not done yet; each run is appended to ``path``. Gives all runs that are there, also when stopped.

    Raises:
        InputError: the file is of another sweep, or cannot be written.
    """
    runs = read_runs(path, sweep)
    # What failed before may be well now: it is run again, and its last word counts.
    done = {_key(run.settings, run.round) for run in runs if not run.left_out}
    todo = [(cell, number) for cell, number in order(sweep) if _key(cell.settings, number) not in done]
    total = len(todo) + len(done)
    took_s: list[float] = []
    try:
        with path.open("ab") as file:
            if not file.tell():
                _append(file.fileno(), msgspec.json.encode(_Head(sweep=VERSION, spec=sweep)))
            elif not path.read_bytes().endswith(b"\n"):
                _append(file.fileno(), b"")
            for position, (cell, number) in enumerate(todo):
                words = ", ".join(value for value in cell.settings.values() if value)
                mean_s = sum(took_s) / len(took_s) if took_s else None

                def state(
                    share: float, *, words: str = words, position: int = position, mean_s: float | None = mean_s
                ) -> None:
                    eta_s = None if mean_s is None else mean_s * (len(todo) - position - share)
                    tell(SweepState(len(done) + position, total, words, eta_s))

                state(0.0)
                if stopped():
                    break
                begun_s = time.monotonic()
                run = _run(sweep, cell, number, state, stopped)
                if run is None:
                    break
                took_s.append(time.monotonic() - begun_s)
                runs.append(run)
                _append(file.fileno(), msgspec.json.encode(run))
    except OSError as error:
        raise InputError(f"cannot write {plain(str(path))}: {error.strerror or error}") from error
    place = {_key(cell.settings, 0): n for n, cell in enumerate(cells(sweep))}
    return sorted(_latest(runs), key=lambda run: (place.get(_key(run.settings, 0), len(place)), run.round))


def _key(settings: dict[str, str], number: int) -> tuple[tuple[tuple[str, str], ...], int]:
    return tuple(sorted(settings.items())), number


def _append(descriptor: int, line: bytes) -> None:
    os.write(descriptor, line + b"\n")
    os.fsync(descriptor)


def _run(
    sweep: Sweep, cell: Cell, number: int, state: Callable[[float], None], stopped: Callable[[], bool]
) -> SweepRun | None:
    """Run one session; ``None`` when it was stopped meanwhile."""
    agents = scenarios.load(cell.scenario).agent_counts[0]
    levers = lever_settings.defaults() | dict(cell.levers) | {"agents": str(agents)}
    begun_s = time.monotonic()
    source = None
    try:
        options = SessionOptions(
            urls=tuple(sweep.urls),
            api=sweep.api,
            model=cell.model,
            tokens=sweep.tokens,
            embedded=sweep.embedded,
            scenario=cell.scenario,
            levers=levers,
            idle=True,
        )
        source = LiveSource(options)
        source.start()
        source.run(SCENARIO, rounds="1", solo=str(sweep.solo), warm_up=str(sweep.warm_up), called=cell.scenario)
        while (view := source.procedure()) is not None and view.running:
            if stopped():
                source.cancel()
                return None
            state(view.done)
            time.sleep(_LOOK_S)
        result, problem = (view.result, view.problem) if view is not None else (None, "it did not start")
    except LoopscopeError as error:
        result, problem = None, str(error)
    finally:
        if source is not None:
            source.stop()
    seconds = time.monotonic() - begun_s
    if not isinstance(result, ScenarioResult):
        return SweepRun(settings=cell.settings, round=number, seconds=seconds, left_out=problem or "no result")
    made = result.sets[0].rounds[0]
    return SweepRun(
        settings=cell.settings, round=number, figures=_figures(made), seconds=seconds, left_out=made.left_out
    )


def _figures(made: RoundResult) -> dict[str, float | None]:
    return made.figures() | made.loop() | {"tok_s": made.tok_s, "throughput_delta_tok_s": made.throughput_delta_tok_s}
