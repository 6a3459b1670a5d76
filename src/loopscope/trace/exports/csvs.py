"""The tables as CSV files (RFC 4180, UTF-8, ``\\n``)."""

import csv
import io
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, BinaryIO

from loopscope.core.records import AnyRecord, Header
from loopscope.core.text import plain
from loopscope.trace.exports.export import Export
from loopscope.trace.exports.tables import TABLES, Tabler

NAMES = tuple(f"{name}.csv" for name in TABLES)
_FORMULA = frozenset("=+-@")
"""A spreadsheet takes a text that begins so for a formula."""
_MOST_TEXT = 500


class CsvExport:
    """Writes one file a table, in the order of :data:`NAMES`. ``finish`` must come last."""

    def __init__(self, files: list[BinaryIO], header: Header) -> None:
        self._tabler = Tabler(header)
        self._texts = [io.TextIOWrapper(file, "utf-8", newline="", write_through=True) for file in files]
        self._writers = {
            name: csv.writer(text, lineterminator="\n") for name, text in zip(TABLES, self._texts, strict=True)
        }
        self._cells = {name: [_CELLS[column.kind] for column in columns] for name, columns in TABLES.items()}
        for name, columns in TABLES.items():
            self._writers[name].writerow([column.name for column in columns])

    def feed(self, record: AnyRecord) -> None:
        """Take a record."""
        self._write(self._tabler.feed(record))

    def finish(self) -> None:
        """Write what is left; the files stay open."""
        self._write(self._tabler.finish())
        for text in self._texts:
            text.detach()

    def _write(self, parts: Iterable[tuple[str, list[tuple[Any, ...]]]]) -> None:
        for name, rows in parts:
            cells = self._cells[name]
            self._writers[name].writerows(
                ["" if value is None else cell(value) for cell, value in zip(cells, row, strict=True)] for row in rows
            )


@lru_cache(maxsize=4096)  # the same few names stand in every row of the chunks, and plain() looks at every character
def _text(value: str) -> str:
    safe = plain(value, _MOST_TEXT)
    return f"'{safe}" if safe[:1] in _FORMULA else safe


def _seconds(ns: int) -> str:
    # By integers: a float has no room for nanoseconds since 1970.
    sign, ns = ("-", -ns) if ns < 0 else ("", ns)
    return f"{sign}{ns // 1_000_000_000}.{ns % 1_000_000_000:09d}"


_CELLS: dict[str, Callable[[Any], str]] = {
    "s": _seconds,
    "ms": lambda ns: f"{ns / 1e6:.6f}",
    "int": str,
    "float": lambda value: f"{value:.6g}",
    "text": _text,
}


EXPORT = Export(
    "csv",
    10,
    "a folder: loop_lag.csv, chunk_metrics.csv, gpu_metrics.csv, ...",
    CsvExport,
    files=NAMES,
)
