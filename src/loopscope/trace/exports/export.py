"""What an export is. Each format is one module of this package, which declares it as ``EXPORT``."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from loopscope.core.records import AnyRecord, Header


class Exporter(Protocol):
    """Takes the records of one trace, in their order. May have ``abandon()``, and ``left_out``, a count."""

    def feed(self, record: AnyRecord) -> None:
        """Take a record."""

    def finish(self) -> None:
        """Write what is left; the files stay open."""


@dataclass(frozen=True, slots=True)
class Export:
    """One format. ``make(files, header)`` begins to write: one file, or one for each name in ``files``."""

    name: str
    place: int
    """Where it stands among the others."""
    help: str
    """What ``--help`` says beside an example."""
    make: Callable[[list[BinaryIO], Header], Exporter]
    ending: str = ""
    """Of the file, where it is one."""
    files: tuple[str, ...] = ()
    """Names of the files, where it is a folder of them."""
