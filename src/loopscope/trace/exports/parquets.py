"""The tables as Parquet files, by pyarrow (an extra: it is 55 MB)."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, BinaryIO

from loopscope.core.errors import InputError
from loopscope.core.records import AnyRecord, Header
from loopscope.core.text import plain
from loopscope.trace.exports.export import Export
from loopscope.trace.exports.tables import TABLES, Tabler

NAMES = tuple(f"{name}.parquet" for name in TABLES)
_GROUP_ROWS = 1 << 16
"""Rows in one row group: what is kept in memory for each table."""
_MOST_TEXT = 500


class ParquetExport:
    """Writes one file a table, in the order of :data:`NAMES`. ``finish`` must come last.

    Raises:
        InputError: pyarrow is not installed.
    """

    def __init__(self, files: list[BinaryIO], header: Header) -> None:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ImportError as error:
            raise InputError(
                "Parquet needs pyarrow, which is not installed: python3 -m pip install 'loopscope[parquet]'"
            ) from error
        self._pa = pa
        self._tabler = Tabler(header)
        self._rows: dict[str, list[tuple[Any, ...]]] = {name: [] for name in TABLES}
        kinds = {
            "s": pa.float64(),
            "ms": pa.float64(),
            "int": pa.int64(),
            "float": pa.float64(),
            "text": pa.string(),
        }
        about = {"loopscope.format": str(header.format), "loopscope.release": header.loopscope}
        self._schemas = {
            # In microseconds: not every reader takes nanoseconds with a time zone, and t_s has them.
            name: pa.schema(
                [(column.name, kinds[column.kind]) for column in columns],
                about,
            )
            for name, columns in TABLES.items()
        }
        self._writers = {
            name: parquet.ParquetWriter(file, self._schemas[name], compression="zstd")
            for name, file in zip(TABLES, files, strict=True)
        }

    def feed(self, record: AnyRecord) -> None:
        """Take a record."""
        self._take(self._tabler.feed(record))

    def finish(self) -> None:
        """Write what is left and the files' ends; the files stay open."""
        self._take(self._tabler.finish())
        for name, writer in self._writers.items():
            self._flush(name)
            writer.close()

    def abandon(self) -> None:
        """Forget the files, which go away: a writer that is open would write its end into them when it is collected."""
        for writer in self._writers.values():
            writer.is_open = False

    def _take(self, parts: Iterable[tuple[str, list[tuple[Any, ...]]]]) -> None:
        for name, rows in parts:
            self._rows[name] += rows
            if len(self._rows[name]) >= _GROUP_ROWS:
                self._flush(name)

    def _flush(self, name: str) -> None:
        rows, self._rows[name] = self._rows[name], []
        if not rows:
            return
        pa, columns = self._pa, TABLES[name]
        arrays = [
            pa.array([_value(column.kind, cell) for cell in cells], field.type)
            for column, field, cells in zip(columns, self._schemas[name], zip(*rows, strict=True), strict=True)
        ]
        self._writers[name].write_table(pa.Table.from_arrays(arrays, schema=self._schemas[name]))


def _value(kind: str, cell: Any) -> Any:
    if cell is None:
        return None
    if kind == "s":
        return cell / 1e9
    if kind == "ms":
        return cell / 1e6
    return _text(cell) if kind == "text" else cell


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    return plain(value, _MOST_TEXT)


EXPORT = Export("parquet", 20, "the same tables (needs: pip install 'loopscope[parquet]')", ParquetExport, files=NAMES)
