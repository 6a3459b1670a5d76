"""A whole trace, folded for a report: the fold, its summary, the bins it was made of, and how reading went."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from loopscope.core.clock import NS_PER_S
from loopscope.core.errors import TraceError
from loopscope.core.records import Trailer
from loopscope.core.text import plain
from loopscope.model.bin_history import Kept
from loopscope.model.fold import Fold
from loopscope.model.summary import summary
from loopscope.model.summary_types import FileSummary, Summary
from loopscope.trace.reader import Outcome, last_ns, read

_EACH = 256
"""Records between two words of progress."""
_SMALL_BYTES = 1 << 20
"""A file as small as that is folded before its end could be looked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Folded:
    """One trace. ``fold`` is finished; ``summary`` is what ``replay --json`` prints."""

    path: Path
    fold: Fold
    kept: Kept
    outcome: Outcome
    summary: Summary

    @property
    def file(self) -> FileSummary:
        """How the file was: what of it was good, damaged, missing."""
        how = self.outcome
        return FileSummary(
            name=plain(self.path.name, 120),
            records=how.records,
            whole=how.whole,
            closed=how.closed,
            torn=how.torn,
            damaged_lines=how.damaged,
            missing_lines=how.missing,
            stopped=how.stopped or None,
            unreadable_stretches=how.gaps,
            unreadable_s=how.gap_ns / NS_PER_S,
            doubtful_frames=how.doubtful,
            words=how.words or None,
        )


def fold_file(path: str | Path, progress: Callable[[float], None] | None = None) -> Folded:
    """Fold a trace and keep what a report needs. ``progress`` is called with the share that is done.

    Raises:
        TraceError: nothing of the file can be read.
    """
    path = Path(path)
    fold = Fold()
    kept = Kept(fold.power)
    fold.ledger.hear = kept.hear
    with read(path) as reading:
        begin_ns = reading.header.t_ns
        length_ns = _length_ns(path, begin_ns) if progress is not None else 0
        for number, record in enumerate(reading):
            if not isinstance(record, Trailer):
                fold.feed(record)
            if progress is not None and length_ns and number % _EACH == 0:
                progress(min(max((record.t_ns - begin_ns) / length_ns, 0.0), 1.0))
    fold.ledger.hear = None  # the summary is made of a finished copy, which must not tell of its last bins as well
    result = summary(fold)
    fold.ledger.hear = kept.hear
    fold.finish()
    fold.ledger.hear = None
    return Folded(path, fold, kept, reading.outcome, result)


def _length_ns(path: Path, begin_ns: int) -> int:
    try:
        return last_ns(path) - begin_ns if path.stat().st_size > _SMALL_BYTES else 0
    except (OSError, TraceError):
        return 0
