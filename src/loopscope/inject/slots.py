"""Which row of the screen a request belongs to: one row for each stream that an origin carries at the same time.

A row is named by its client and a number ("httpx #2"). A task that streams again gets the row that it
had before, if that is free, else the lowest free one: so an agent that sends request after request keeps its row.
"""

from collections import Counter
from dataclasses import dataclass

MOST_ROWS = 1_024
"""As many as there can be agents; what streams beyond is not seen, and counted."""


@dataclass(slots=True, eq=False)
class Row:
    """One row. ``task`` is the task that used it last; ``free_ns`` since when it is free, 0 while in use."""

    agent: int
    name: str
    server: int
    """Number of its origin, in the order in which they were met."""
    origin: str
    task: int = 0
    free_ns: int = 0
    requests: int = 0
    state: str = ""
    model: str = ""


class Rows:
    """All rows, by client and origin."""

    def __init__(self) -> None:
        self.all: list[Row] = []
        self._of: dict[tuple[str, str], list[Row]] = {}
        self._servers: dict[str, int] = {}
        self._counts: Counter[str] = Counter()

    def take(self, client: str, origin: str, task: int) -> Row | None:
        """Give a row for a request that begins; ``None`` when there are too many."""
        rows = self._of.setdefault((client, origin), [])
        free = [row for row in rows if row.free_ns]
        row = next((row for row in free if task and row.task == task), free[0] if free else None)
        if row is None:
            if len(self.all) >= MOST_ROWS:
                return None
            self._counts[client] += 1
            server = self._servers.setdefault(origin, len(self._servers))
            row = Row(len(self.all), f"{client} #{self._counts[client]}", server, origin)
            rows.append(row)
            self.all.append(row)
        row.task, row.free_ns = task, 0
        return row

    def give_back(self, row: Row, at_ns: int) -> None:
        """The request has ended."""
        row.free_ns = at_ns
