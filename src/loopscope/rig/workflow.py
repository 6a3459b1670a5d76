"""An agent that also works with files: scan, ask, ask again, write a report.

Its file I/O is done on the event loop (as much agent code does it, without meaning to) or in a thread beside it; what
that difference costs the other agents of the loop is what it is for. It works in a folder of its own that it fills
beforehand and removes at its end.
"""

import asyncio
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from loopscope.core.records import AgentSpec, Server
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients.base import Client
from loopscope.rig.levers import Levers

_FILE_BYTES = 16 << 10
_LINE = "{n:05d} ok  cpu {cpu:2d} %  mem {mem:2d} %  queue {queue:3d}\n"
_SHOWN_FILES = 16
"""Files that the prompt names: more would fill a context of 512 tokens."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scan has found."""

    files: int
    bytes: int
    digest: str


def fill(folder: Path, files: int) -> None:
    """Write the files that will be scanned: made-up logs, each 16 KiB."""
    for number in range(files):
        lines, size, n = [], 0, 0
        while size < _FILE_BYTES:
            line = _LINE.format(n=n, cpu=(number * 7 + n) % 100, mem=(number * 13 + n * 3) % 100, queue=n % 997)
            lines.append(line)
            size += len(line)
            n += 1
        (folder / f"node-{number:04d}.log").write_text("".join(lines), "ascii")


def scan(folder: Path) -> Scan:
    """Read every log of a folder: how many lines, and the busiest of each."""
    told: list[str] = []
    total = count = 0
    for path in sorted(folder.glob("*.log")):
        text = path.read_text("ascii")
        total += len(text)
        count += 1
        if len(told) < _SHOWN_FILES:
            told.append(f"{path.stem}: {text.count(chr(10))} lines, last {text.rstrip().rpartition(chr(10))[2]}")
    return Scan(count, total, "; ".join(told))


def report(folder: Path, agent: str, found: Scan, requests: int) -> None:
    """Write what was done: figures only, nothing that a model said is kept."""
    text = json.dumps({"agent": agent, "files": found.files, "bytes": found.bytes, "requests": requests}, indent=2)
    (folder / "report.json").write_text(text + "\n", "ascii")


class WorkflowAgent(Agent):
    """An agent whose turn is a whole workflow of two requests."""

    def __init__(self, spec: AgentSpec, server: Server, client: Client, levers: Levers, samples: SampleBuffer) -> None:
        super().__init__(spec, server, client, levers, samples)
        self._folder = tempfile.TemporaryDirectory(prefix="loopscope-files-", ignore_cleanup_errors=True)
        fill(Path(self._folder.name), spec.files)

    async def run(self) -> None:
        """See :meth:`Agent.run`; the folder goes with it."""
        try:
            await super().run()
        finally:
            self._folder.cleanup()

    async def _turn(self) -> str:
        folder = Path(self._folder.name)
        found = await self._file_work(lambda: scan(folder))
        prompt = f"{self.spec.prompt}\nThe logs: {found.digest}"
        failed = await self._ask(prompt)
        if failed or self._stop.is_set():
            return failed
        failed = await self._ask(f"{prompt}\nNow write the report: what to look at first, and why.")
        if not failed:
            await self._file_work(lambda: report(folder, self.spec.name, found, self._number))
        return failed

    async def _ask(self, prompt: str) -> str:
        self._body = json.dumps(self._dialect.body(msgspec.structs.replace(self.spec, prompt=prompt))).encode()
        return await self._one_request()

    async def _file_work(self, work: Callable[[], _T]) -> _T:
        return work() if self.spec.workflow == "loop" else await asyncio.to_thread(work)
