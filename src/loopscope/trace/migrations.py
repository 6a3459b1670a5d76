"""Older formats, brought up to date one step at a time.

``STEPS[n]`` turns one line of format n, as plain JSON data, into a line of format n + 1. A file is walked through every
step from its own format to :data:`~loopscope.core.records.FORMAT`, so a step is written once and never touched again. A
small file of every format that was ever released stays in ``recordings/``.
"""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from loopscope.core.errors import TraceError
from loopscope.core.records import FORMAT, AnyRecord

Line = dict[str, Any]
Step = Callable[[Line], Line]


def _without_empty_rows(line: Line) -> Line:
    """Format 1 could list rows without content in a record of chunks. No release wrote any; a file that has some loses
    them here, and the row after one that began a request begins it."""
    if line.get("k") != "chunks":
        return line
    empty = set(line.pop("empty", ()))
    if not empty:
        return line
    agents, recv, first = line["agent"], line["recv"], set(line.get("first", ()))
    kept: list[int] = []
    steps: list[int] = []
    begun: list[int] = []
    begins: set[int] = set()
    waited = 0
    for row, agent in enumerate(agents):
        if row in first:
            begins.add(agent)
        waited += recv[row]
        if row in empty:
            continue
        if agent in begins:
            begun.append(len(kept))
            begins.discard(agent)
        kept.append(row)
        steps.append(waited)
        waited = 0
    columns = {name: [line[name][row] for row in kept] for name in ("agent", "delay", "handled")}
    return line | columns | {"recv": steps, "first": begun}


STEPS: Mapping[int, Step] = {1: _without_empty_rows}
"""Format 2 has more kinds, an index in its trailer, and no empty rows."""

_MISFITS = (msgspec.DecodeError, RecursionError, LookupError, AttributeError, ArithmeticError, TypeError, ValueError)
"""What the codec and a step may run into when a line is not what its format says."""

_as_line = msgspec.json.Decoder(Line)


class Migration:
    """Reads lines of format ``found`` as records of format ``current``.

    Raises:
        TraceError: the format is newer than ours, or older than the oldest that can be brought up to date.
    """

    def __init__(self, found: int, *, steps: Mapping[int, Step] = STEPS, current: int = FORMAT) -> None:
        if found > current:
            raise TraceError(f"it has format {found}, this loopscope reads up to {current}: update loopscope")
        missing = [number for number in range(found, current) if number not in steps]
        if found < 1 or missing:
            raise TraceError(f"it has format {found}, which this loopscope cannot read")
        self.found = found
        self._steps = [steps[number] for number in range(found, current)]

    @property
    def needed(self) -> bool:
        """Whether lines have to be changed at all."""
        return bool(self._steps)

    def record(self, line: bytes) -> AnyRecord:
        """Give the record of an old line.

        Raises:
            TraceError: the line is no record, before or after the steps.
        """
        try:
            data = _as_line.decode(line)
            for step in self._steps:
                data = step(data)
            record: AnyRecord = msgspec.convert(data, AnyRecord)
        except _MISFITS as error:
            raise TraceError(f"not a record of format {self.found}: {error}") from error
        return record
