"""What a notebook or a build may import, through :mod:`loopscope` itself: traces, summaries, comparisons."""

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from loopscope.core.errors import InputError
from loopscope.core.records import AnyRecord, Header
from loopscope.core.text import plain
from loopscope.model.comparison import Comparison, whole_side
from loopscope.model.comparison import compare as set_side_by_side
from loopscope.model.summary_types import Summary
from loopscope.session.folding import Folded, fold_file
from loopscope.stats.intervals import CONFIDENCE
from loopscope.trace.exports.tables import TABLES, Column, Tabler
from loopscope.trace.reader import Outcome, Reading, read

if TYPE_CHECKING:
    import pandas

Columns = dict[str, NDArray[Any]]
_SCALE = {"s": 1e-9, "ms": 1e-6}


class Trace:
    """One trace file: iterate over its records, or take its tables as columns. Use it as a context manager, or not."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._reading: Reading | None = None
        with read(self.path) as reading:
            self.header: Header = reading.header
            """Where, when and with what the run was made."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[AnyRecord]:
        """Yield the records after the header, oldest first; each loop over a trace begins anew."""
        with read(self.path) as reading:
            self._reading = reading
            yield from reading

    def close(self) -> None:
        """Close the file of an iteration that was left early."""
        if self._reading is not None:
            self._reading.close()

    @property
    def outcome(self) -> Outcome | None:
        """How the last iteration went: what was damaged or missing; ``None`` before the first."""
        return None if self._reading is None else self._reading.outcome

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables that :meth:`columns` and :meth:`frame` know; docs/exports.md describes each column."""
        return tuple(TABLES)

    def columns(self, table: str) -> Columns:
        """Return a table as numpy arrays by column: times in s or ms as float, ``nan`` where nothing is known.

        Raises:
            InputError: there is no such table.
        """
        if table not in TABLES:
            raise InputError(f"there is no table {plain(table, 40)!r}; tables: {', '.join(TABLES)}")
        tabler = Tabler(self.header)
        rows: list[tuple[Any, ...]] = []
        for record in self:
            for name, made in tabler.feed(record):
                if name == table:
                    rows += made
        for name, made in tabler.finish():
            if name == table:
                rows += made
        cells = list(zip(*rows, strict=True)) if rows else [()] * len(TABLES[table])
        return {column.name: _array(column, values) for column, values in zip(TABLES[table], cells, strict=True)}

    def frame(self, table: str) -> "pandas.DataFrame":
        """Return a table as a pandas frame.

        Raises:
            InputError: there is no such table.
            ImportError: pandas is not installed; :meth:`columns` needs only numpy.
        """
        import pandas

        return pandas.DataFrame(self.columns(table))

    def summary(self) -> Summary:
        """Return the summary of the whole run: see :func:`summary`."""
        return summary(self.path)


def _array(column: Column, values: tuple[Any, ...]) -> NDArray[Any]:
    if column.kind == "text":
        return np.array(["" if value is None else plain(value, 500) for value in values], dtype=object)
    scale = _SCALE.get(column.kind)
    if column.kind == "int" and None not in values:
        return np.array(values, dtype=np.int64)
    numbers = np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    return numbers if scale is None else numbers * scale


def open_trace(path: str | Path) -> Trace:
    """Open a trace; ``path`` is a file that loopscope recorded.

    Raises:
        TraceError: it is no trace, or nothing of it can be read.
    """
    return Trace(path)


def summary(path: str | Path) -> Summary:
    """Return what ``loopscope replay FILE --json`` prints, as frozen, typed classes.

    Raises:
        TraceError: nothing of the file can be read.
    """
    return fold_file(path).summary


def compare(a: str | Path, b: str | Path, *, confidence: float = CONFIDENCE) -> Comparison:
    """Return what can be said of the differences of two runs, figure by figure, each with its interval.

    ``unlike`` of the result names what makes them different experiments; it is empty where they may be compared.

    Raises:
        TraceError: nothing of a file can be read.
    """
    return set_side_by_side(_side(fold_file(a)), _side(fold_file(b)), confidence)


def _side(folded: Folded) -> Any:
    words = [] if folded.outcome.whole else [plain(folded.outcome.words)]
    return whole_side(plain(folded.path.name, 60), folded.fold, folded.kept, folded.summary, words)
