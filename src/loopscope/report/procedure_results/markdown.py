"""What procedures have found in a trace, as Markdown."""

from collections.abc import Iterator

from loopscope.core.format import points
from loopscope.experiments.round_results import ScenarioResult
from loopscope.report.evidence import CLIENT, LOSSES, alone, evidence, minus, words_of
from loopscope.report.markdown import escape, table
from loopscope.report.procedure_results import rows as result_rows
from loopscope.report.procedure_results.build import Found, RoundsFound, rounds_of
from loopscope.report.rounds import FORMULAS, over_words, row, title

_ROUNDS = (
    "round",
    "measured",
    "wall",
    "reported",
    "speed-up",
    "seconds",
    "Δ tok/s",
    "Δ TTFT ms",
    "contended",
    "",
)


def parts(found: Found) -> Iterator[str]:
    """Give a section for each procedure; nothing where none was run."""
    for one in found.rounds:
        yield "\n\n".join(rounds(one))
    if found.any_ceiling:
        yield "## Ceilings\n\n" + _ceilings(found)
    for ceiling in found.ceilings:
        if ceiling.what == "ramp" and ceiling.curve:
            heads = [_head(title, unit) for title, unit, _ in result_rows.POINT_HEADS]
            yield (
                f"### Ramp, {escape(result_rows.of(ceiling.settings))}\n\n{escape(ceiling.words)}.\n\n"
                + table(heads, result_rows.points(ceiling), left=(5,))
            )
    for flip in found.flips:
        heads = [_head(title, unit) for title, unit, _ in result_rows.FLIP_HEADS]
        told = table(heads, [result_rows.flip_row(one) for one in flip.rows], left=(0, 3, 4))
        yield (
            f"## A-B-B-A, {escape(result_rows.flip_title(flip))}\n\n{escape(result_rows.flip_words(flip))}.\n\n"
            + (told if flip.rows else "not enough data")
        )


def scenario(result: ScenarioResult) -> str:
    """Give rounds that have just been run, without a line end at the end."""
    told = [f"# loopscope: scenario {escape(result.name)}", escape(result.words)]
    for one in rounds_of(result):
        told += list(rounds(one, named=False))
    if result.notes:
        told.append("\n".join(f"- {escape(note)}" for note in result.notes))
    return "\n\n".join(part for part in told if part)


def rounds(one: RoundsFound, *, named: bool = True) -> Iterator[str]:
    """Give the parts of one set of rounds."""
    yield f"## {f'Rounds of {escape(one.scenario)}: ' if named else ''}{title(one)}"
    if named and one.words:
        yield escape(one.words)
    if told := alone(one):
        yield f"Alone: {escape(told)}."
    yield table(_ROUNDS, [row(made) for made in one.rounds], left=(9,))
    if not one.over:
        yield "Not enough data: no round counts."
        return
    yield table(
        ("efficiency", "mean (95 %), spread", "formula"),
        [(name, over_words(one.over.get(name)), words) for name, words in FORMULAS.items()],
        left=(0, 2),
    )
    if "measured" in one.over:
        yield "Where it went, in points of 100; the parts sum to what is missing:"
        yield table(("part", "points", "what it is", "evidence"), list(_waterfall(one)), left=(0, 2, 3))


def _waterfall(one: RoundsFound) -> Iterator[tuple[str, str, str, str]]:
    means = one.means
    known = {name: value for name in LOSSES if (value := means.get(name)) is not None}
    yield "alone", "100.0", "what the agents' work takes alone", ""
    for name, value in sorted(known.items(), key=lambda part: -part[1]):
        yield words_of(name), minus(value), LOSSES[name], "" if name == "client" else evidence(name, one)
        if name == "client":
            for part, words in CLIENT.items():
                if (amount := means.get(f"client_{part}")) is not None:
                    yield f"of it {part}", minus(amount), words, ""
    yield "measured", points(means["measured"]), FORMULAS["measured"], ""


def _head(title: str, unit: str) -> str:
    return f"{title}, {unit}" if unit else title


def _ceilings(found: Found) -> str:
    heads = [_head(title, unit) for title, unit, _ in result_rows.CEILING_HEADS]
    rows = list(result_rows.standings(found))
    named = dict.fromkeys(told[0] for told in rows)
    words = "\n".join(f"- {name}: {result_rows.STANDINGS[name]}" for name in named)
    words += "".join(f"\n- {escape(note)}" for note in dict.fromkeys(told[-1] for told in rows) if note)
    more = result_rows.others(found)
    rest = f"\n\n{result_rows.told_count(more)}." if more else ""
    return f"{table(heads, [told[:-1] for told in rows], left=(0, 4, 5, 6))}\n\n{words}{rest}"
