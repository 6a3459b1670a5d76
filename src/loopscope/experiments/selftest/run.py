"""Run one case: a session with its cause, the account of what was really done, and who else used the machine."""

import contextlib
import json
import os
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from loopscope.core.errors import LoopscopeError
from loopscope.core.records import AnyRecord, Chunks
from loopscope.core.records import Result as Outcome
from loopscope.experiments.selftest.case import Case, Evidence, Figures, judge
from loopscope.model.summary_types import Summary
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.session.program import ProgramOptions, ProgramSource
from loopscope.session.running import RunningSource
from loopscope.settings import levers
from loopscope.wire.worker import Worker

NOISY = 0.1
"""Cores that others used, from which on a case that does not come back says nothing of us."""
_TRIES = 3
_PROGRAM = Path(__file__).with_name("capped.py")
_MOST_ROWS = 65_536


@dataclass(frozen=True, slots=True)
class Result:
    """How a case went. ``verdict``: ``ok``; ``miss``; ``noisy``: it missed, but others used the machine meanwhile, so
    that it cannot be judged. ``words`` tell the sizes and what is wrong, for people.
    """

    name: str
    loop: str
    verdict: str
    findings: list[str] = field(default_factory=list)
    sizes: Figures = field(default_factory=dict)
    """What was measured, under ``true_...`` what is true, and under ``true_..._upto`` the end of a range."""
    words: str = ""
    wrong: list[str] = field(default_factory=list)
    others: float | None = None
    """Cores that other processes used meanwhile."""
    idle: Figures = field(default_factory=dict)
    """Of an idle case: ``elu`` and ``cpu``, which others on the same loop take as their ground."""

    @property
    def ok(self) -> bool:
        """It came back as it was planted."""
        return self.verdict == "ok"


def run_case(case: Case, idle: Figures | None = None, slack: float = 1.0) -> Result:
    """Run a case and judge it; what cannot run is a result too. While others use the machine, it is tried again."""
    for _ in range(_TRIES):
        result = _try(case, idle or {}, slack)
        if result.verdict != "noisy":
            break
    return result


def _try(case: Case, idle: Figures, slack: float) -> Result:
    machine = _Machine()
    try:
        evidence = observe(case, idle)
    except LoopscopeError as error:
        return Result(case.name, case.loop, "miss", words=str(error), wrong=[str(error)])
    others = machine.others()
    summary = evidence.summary
    findings = [one.name for one in summary.findings if one.severity == "warn"]
    if not summary.chunks:
        lost = "; ".join(loss.words for loss in summary.losses) or "its agents say nothing"
        wrong = [f"no chunk came: {lost}"]
        return Result(case.name, case.loop, "miss", findings, words=wrong[0], wrong=wrong, others=others)
    wrong = judge(case, evidence, slack)
    found = case.sizes(evidence)
    sizes = {size.name: size.found for size in found} | {f"true_{size.name}": size.truth for size in found}
    sizes |= {f"true_{size.name}_upto": size.upto for size in found}
    loop = summary.loop
    return Result(
        case.name,
        case.loop,
        "ok" if not wrong else "noisy" if others is not None and others >= NOISY else "miss",
        findings,
        {name: value for name, value in sizes.items() if value is not None},
        ", ".join(size.words for size in found),
        wrong,
        others,
        {} if case.plants else _known(elu=loop.elu, cpu=loop.cpu),
    )


def _known(**figures: float | None) -> Figures:
    return {name: value for name, value in figures.items() if value is not None}


def observe(case: Case, idle: Figures) -> Evidence:
    """Run the session of a case to its end. Raises LoopscopeError."""
    if case.program_streams:
        return Evidence(_program(case), idle=idle)
    source = _Bench(case)
    try:
        source.start()
        _act(source, case)
        delay_ms = source.delays()
    finally:
        summary = source.stop()
    return Evidence(summary, source.plants, delay_ms, idle=idle)


def _act(source: RunningSource, case: Case) -> None:
    start_s = time.monotonic()
    for at_s, lever, value in case.pulls:
        time.sleep(max(0.0, start_s + at_s - time.monotonic()))
        source.pull(lever, value, "script")
    time.sleep(max(0.0, start_s + case.seconds - time.monotonic()))


class _Bench(LiveSource):
    """A session that keeps what its plants say they did, and every chunk's delay."""

    def __init__(self, case: Case) -> None:
        self.plants: dict[str, Figures] = {}
        self._rows: dict[int, list[tuple[int, int | None]]] = {}
        super().__init__(
            SessionOptions(
                embedded=True,
                rate=case.rate,
                tokens=case.tokens,
                plants=case.plants,
                emulator_args=case.emulator,
                each_emulator=case.each_emulator,
                embedded_host=case.host,
                levers=levers.defaults() | {"loop": case.loop} | case.levers,
            )
        )

    def _heard(self, record: AnyRecord) -> None:
        super()._heard(record)
        if isinstance(record, Outcome) and record.what == "plant":
            figures = {name: value for name, value in record.figures.items() if value is not None}
            self.plants[record.settings.get("name", "")] = figures
        elif isinstance(record, Chunks):
            at_ns = record.base_ns
            for agent, step, delay in zip(record.agent, record.recv, record.delay, strict=False):
                at_ns += step
                self._rows.setdefault(agent, []).append((at_ns, delay))

    def delays(self) -> Figures:
        """Mean delay by the stamps and by the emulators' logs, where each server has one agent: the n-th chunk that
        a server has sent is then the n-th that its agent has received.
        """
        if len(self._rows) > len(self._servers) or self._pair is None:
            return {}
        found, truth = [], []
        for agent, worker in enumerate(self._pair.workers):
            url = worker.wait_ready().info["url"]
            with contextlib.suppress(OSError, ValueError):
                with urllib.request.urlopen(f"{url}/emulator/log?limit={_MOST_ROWS}", timeout=5) as answer:  # noqa: S310
                    log = json.load(answer)
                if log["first"]:
                    return {}
                for (at_ns, delay_ns), (_, _, sent_ns) in zip(
                    list(self._rows.get(agent, [])), log["rows"], strict=False
                ):
                    if delay_ns is not None:
                        found.append(delay_ns / 1e6)
                        truth.append((at_ns - sent_ns) / 1e6)
        return {"found": fmean(found), "truth": fmean(truth)} if found else {}


def _program(case: Case) -> Summary:
    """A program of somebody's own under the probe, before one emulator."""
    args = ["--port", "0", "--parallel", "0", "--rate", f"{case.rate:g}"]
    server = Worker("loopscope.emulator", "emulator-1", args, on_line=lambda line: None)
    with contextlib.ExitStack() as stack:
        server.start()
        stack.callback(server.stop)
        url = server.wait_ready().info["url"]
        program = ProgramSource(ProgramOptions(str(_PROGRAM), (url, case.loop, str(case.program_streams))))
        try:
            program.start()
            _act(program, case)
        finally:
            summary = program.stop()
            program.output.unlink(missing_ok=True)
    return summary


class _Machine:
    """What the machine does beside us, from when this is made."""

    def __init__(self) -> None:
        self._begin = tuple(_busy_s())

    def others(self) -> float | None:
        """Cores that others have used since; ``None``: this system does not tell."""
        if sys.platform != "linux":
            return None
        wall_s, busy_s, own_s = (now - before for now, before in zip(_busy_s(), self._begin, strict=True))
        return max(0.0, (busy_s - own_s) / wall_s)


def _busy_s() -> Iterator[float]:
    """Wall time, CPU of the whole machine, and ours with all children that have ended (s)."""
    times = os.times()
    busy_s = 0.0
    if sys.platform == "linux":
        ticks = Path("/proc/stat").read_text("ascii").split("\n", 1)[0].split()[1:9]
        user, nice, system, _idle, _wait, irq, softirq, steal = map(int, ticks)
        busy_s = (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")
    yield time.monotonic()
    yield busy_s
    yield times.user + times.system + times.children_user + times.children_system
