"""What procedures have found in a trace, as Markdown."""

from collections.abc import Iterator

from loopscope.experiments.round_results import ScenarioResult
from loopscope.report.evidence import alone
from loopscope.report.markdown import escape, table
from loopscope.report.procedure_results import tables
from loopscope.report.procedure_results.build import Found, RoundsFound, rounds_of
from loopscope.report.rounds import title


def parts(found: Found) -> Iterator[str]:
    """Return a section for each procedure; nothing where none was run."""
    for one in found.rounds:
        yield "\n\n".join(rounds(one))
    if found.any_ceiling:
        yield "## Ceilings\n\n" + _ceilings(found)
    for ceiling in found.ceilings:
        if ceiling.what == "ramp" and ceiling.curve:
            yield (
                f"### Ramp, {escape(tables.of(ceiling.settings))}\n\n{escape(ceiling.words)}.\n\n"
                + table(tables.POINTS, ceiling.curve)
            )
    for flip in found.flips:
        yield (
            f"## A-B-B-A, {escape(tables.flip_title(flip))}\n\n{escape(tables.flip_words(flip))}.\n\n"
            + (table(tables.FLIPS, flip.rows) if flip.rows else "not enough data")
        )


def scenario(result: ScenarioResult) -> str:
    """Return rounds that have just been run, without a line end at the end."""
    told = [f"# loopscope: scenario {escape(result.name)}", escape(result.words)]
    for one in rounds_of(result):
        told += list(rounds(one, named=False))
    if result.notes:
        told.append("\n".join(f"- {escape(note)}" for note in result.notes))
    return "\n\n".join(part for part in told if part)


def rounds(one: RoundsFound, *, named: bool = True) -> Iterator[str]:
    """Return the parts of one set of rounds."""
    yield f"## {f'Rounds of {escape(one.scenario)}: ' if named else ''}{title(one)}"
    if named and one.words:
        yield escape(one.words)
    if told := alone(one):
        yield f"Alone: {escape(told)}."
    yield table(tables.ROUNDS, one.rounds)
    if not one.over:
        yield "Not enough data: no round counts."
        return
    yield table(tables.EFFICIENCIES, tables.efficiencies(one))
    if "measured" in one.over:
        yield "Where it went, in points of 100; the parts sum to what is missing:"
        yield table(tables.LOSS_PARTS, list(tables.loss_parts(one)))


def _ceilings(found: Found) -> str:
    rows = list(tables.standings(found))
    words = "\n".join(f"- {name}: {tables.STANDINGS[name]}" for name in dict.fromkeys(row.standing for row in rows))
    words += "".join(f"\n- {escape(note)}" for note in dict.fromkeys(row.note for row in rows) if note)
    more = tables.others(found)
    rest = f"\n\n{tables.told_count(more)}." if more else ""
    return f"{table(tables.CEILINGS, rows)}\n\n{words}{rest}"
