"""What procedures have found in a trace, in the terminal."""

import textwrap
from collections.abc import Iterator

from loopscope.report.grid import Column, lines
from loopscope.report.procedure_results import rows as result_rows
from loopscope.report.procedure_results.build import FlipFound, Found
from loopscope.report.rounds import set_lines

_CEILINGS = (
    Column("standing", left=True),
    Column("chunks/s"),
    Column("interval"),
    Column("full from", 3),
    Column("of", left=True),
    Column("limited by", 2, left=True),
    Column("when", 4, left=True),
)
_POINTS = (
    Column("offered/s"),
    Column("delivered/s"),
    Column("ELU"),
    Column("delay p50"),
    Column("delay p99"),
    Column("", left=True),
)
_FLIPS = (
    Column("figure", left=True),
    Column("A"),
    Column("B"),
    Column("unit", 2, left=True),
    Column("B against A", left=True),
    Column("drift of A", 3),
    Column("of B", 3),
)


def blocks(found: Found, width: int) -> Iterator[list[str]]:
    """Give a block of lines for each procedure; nothing where none was run."""
    for one in found.rounds:
        yield [f"rounds of {one.scenario}{f': {one.words}' if one.words else ''}", *set_lines(one, width)]
    if found.any_ceiling:
        rows = list(result_rows.standings(found))
        told = ["ceilings, each with its standing", *lines(_CEILINGS, [cells[:-1] for cells in rows], width)]
        notes = [(cells[0], "; ".join(filter(None, cells[-2:]))) for cells in rows]
        for note in dict.fromkeys(f"  {standing}: {words}" for standing, words in notes if words):
            told += textwrap.wrap(note, width, subsequent_indent="    ")
        if more := result_rows.others(found):
            told.append(result_rows.told_count(more))
        yield told
    for ceiling in found.ceilings:
        if ceiling.what == "ramp" and ceiling.curve:
            yield [
                f"ramp, {result_rows.of(ceiling.settings)}: delay in ms against the rate",
                *lines(_POINTS, result_rows.points(ceiling), width),
                *textwrap.wrap(ceiling.words, width),
            ]
    for flip in found.flips:
        yield list(_flip(flip, width))


def _flip(one: FlipFound, width: int) -> Iterator[str]:
    yield from textwrap.wrap(f"A-B-B-A, {result_rows.flip_title(one)}", width)
    rows = [result_rows.flip_row(row) for row in one.rows]
    yield from lines(_FLIPS, rows, width) if rows else ["not enough data"]
    yield from textwrap.wrap(f"{result_rows.flip_words(one)}.", width)
