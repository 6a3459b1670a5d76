"""What procedures have found in a trace, in the terminal."""

import textwrap
from collections.abc import Iterator

from loopscope.report.columns import UNKNOWN
from loopscope.report.grid import lines
from loopscope.report.procedure_results import tables
from loopscope.report.procedure_results.build import FlipFound, Found
from loopscope.report.rounds import set_lines


def blocks(found: Found, width: int) -> Iterator[list[str]]:
    """Return a block of lines for each procedure; nothing where none was run."""
    for one in found.rounds:
        yield [f"rounds of {one.scenario}{f': {one.words}' if one.words else ''}", *set_lines(one, width)]
    if found.any_ceiling:
        rows = list(tables.standings(found))
        told = ["ceilings, each with its standing", *lines(tables.CEILINGS, rows, width)]
        notes = [(row.standing, "; ".join(filter(None, (row.when, row.note)))) for row in rows]
        for note in dict.fromkeys(f"  {standing}: {words}" for standing, words in notes if words):
            told += textwrap.wrap(note, width, subsequent_indent="    ")
        if more := tables.others(found):
            told.append(tables.told_count(more))
        yield told
    for ceiling in found.ceilings:
        if ceiling.what == "ramp" and ceiling.curve:
            yield [
                f"ramp, {tables.of(ceiling.settings)}",
                *lines(tables.POINTS, ceiling.curve, width),
                *textwrap.wrap(ceiling.words, width),
            ]
    for flip in found.flips:
        yield list(_flip(flip, width))


def _flip(one: FlipFound, width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"A-B-B-A, {tables.flip_title(one)}", width)
    yield from lines(tables.FLIPS, one.rows, width) if one.rows else [UNKNOWN]
    yield from textwrap.wrap(f"{tables.flip_words(one)}.", width)
