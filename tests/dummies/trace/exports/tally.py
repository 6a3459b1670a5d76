"""An export that a test adds: how many records there are."""

from typing import BinaryIO

from loopscope.core.records import AnyRecord, Header
from loopscope.trace.exports.export import Export


class _Tally:
    def __init__(self, files: list[BinaryIO], header: Header) -> None:
        self._file = files[0]
        self._count = 0

    def feed(self, record: AnyRecord) -> None:
        self._count += 1

    def finish(self) -> None:
        self._file.write(b"%d records\n" % self._count)


EXPORT = Export("tally", 50, "how many records there are", _Tally, ending=".txt")
