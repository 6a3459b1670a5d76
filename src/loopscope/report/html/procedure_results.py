"""The sections of a page on what procedures found: rounds, ceilings, A-B-B-A."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loopscope.core.format import NONE, tenths
from loopscope.report.evidence import CLIENT, LOSSES, alone, evidence, minus, words_of
from loopscope.report.html.curve import curve
from loopscope.report.html.markup import Markup, defined, element, joined
from loopscope.report.html.tables import UNKNOWN, Cell, table
from loopscope.report.html.waterfall import waterfall
from loopscope.report.procedure_results import rows as result_rows
from loopscope.report.procedure_results.build import FlipFound, FlipRow, Found, RoundsFound
from loopscope.report.rounds import FORMULAS, over_words, row, title


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its title, the small words beside that, what is inside."""

    title: str
    words: str
    inside: Sequence[Markup]


_ROUNDS = (
    ("round", "", ""),
    *((name, "", words) for name, words in FORMULAS.items()),
    ("speed-up", "", "agents times measured: how many times as fast as one agent after the other"),
    ("wall time", "s", "from the first start to the last end"),
    ("Δ rate", "tok/s", "by how much the first agent decoded faster; of more than two: the fastest than the slowest"),
    ("Δ TTFT", "ms", "by how much the second agent's first chunk came later; of more than two: the last one's"),
    ("contended", "", "an agent waited over three times as long for its first chunk as alone"),
    ("", "", "why a round counts nowhere"),
)


def sections(found: Found) -> Iterator[Section]:
    """Give a section for each procedure; nothing where none was run."""
    for one in found.rounds:
        yield Section(f"Rounds of {one.scenario}", title(one), list(_rounds(one)))
    if found.any_ceiling:
        yield Section("Ceilings", "each with its standing, and with what it belongs to", list(_ceilings(found)))
    for flip in found.flips:
        yield Section("A-B-B-A", result_rows.flip_title(flip), list(_flip(flip)))


def _rounds(one: RoundsFound) -> Iterator[Markup]:
    if one.words:
        yield element("p", one.words, class_="why")
    if not one.over:
        yield element("p", "not enough data: no round counts", class_="none")
    else:
        yield element("div", *(_formula(name, one) for name in FORMULAS), class_="tiles three")
    if "measured" in one.over:
        words = "points of 100, means over the rounds that count; they sum to what is missing; point at a part"
        yield element("h3", "Where it went", element("small", words))
        yield element("div", waterfall(one), class_="wide")
        yield element("details", element("summary", "Each part and what it rests on"), _parts(one), class_="inner")
    elif one.over:
        yield element("p", "not enough data for where the rest went: not every agent was measured alone", class_="none")
    if told := alone(one):
        yield element("p", f"alone: {told}", class_="why")
    yield table(_ROUNDS, [_known(row(made)) for made in one.rounds[:256]], (9,))


def _formula(name: str, one: RoundsFound) -> Markup:
    over = one.over.get(name)
    shown = element("span", UNKNOWN, class_="none")
    if over is not None:
        mean = tenths(over.mean)
        shown = joined(element("b", mean), element("small", f" {over_words(over).removeprefix(mean)}"))
    return element(
        "div",
        element("h3", defined(name, FORMULAS[name])),
        element("p", shown),
        element("p", FORMULAS[name], class_="why"),
        class_="tile",
    )


def _known(cells: Sequence[str]) -> list[Cell]:
    return [None if cell == NONE else cell for cell in cells]


def _parts(one: RoundsFound) -> Markup:
    heads = (
        ("part", "", ""),
        ("points", "", "of 100; what is lost has a minus"),
        ("interval", "95 %", ""),
        ("what it is", "", ""),
        ("what it rests on", "", "each agent's part of it, together and alone"),
    )
    body: list[list[Cell]] = []
    for name, words in LOSSES.items():
        if name not in one.over:
            continue
        body.append(
            [
                words_of(name),
                minus(one.over[name].mean),
                _interval(one, name),
                words,
                "" if name == "client" else evidence(name, one),
            ]
        )
        if name == "client":
            body += [
                [f"of it {part}", minus(one.over[key].mean), _interval(one, key), told, ""]
                for part, told in CLIENT.items()
                if (key := f"client_{part}") in one.over
            ]
    return element("div", table(heads, body, (0, 3, 4)), class_="wrapped")


def _interval(one: RoundsFound, name: str) -> Cell:
    found = one.over[name].interval
    return None if found is None else f"{minus(found.high)} to {minus(found.low)}"


def _ceilings(found: Found) -> Iterator[Markup]:
    rows = list(result_rows.standings(found))
    body: list[list[Cell]] = []
    for cells in rows:
        note = element("small", cells[-1]) if cells[-1] else None
        first = defined(cells[0], result_rows.STANDINGS[cells[0]])
        body.append([first, *(cell or "" for cell in cells[1:4]), joined(cells[4], note), cells[5], cells[6]])
    yield element("div", table(result_rows.CEILING_HEADS, body, (0, 4, 5, 6)), class_="wrapped")
    if more := result_rows.others(found):
        yield element("p", result_rows.told_count(more), class_="why")
    for one in found.ceilings:
        if one.what != "ramp":
            continue
        head = element("figcaption", f"ramp: {result_rows.of(one.settings)}", element("small", f" {one.words}"))
        keys = (("k0", "p99"), ("k1", "p50"), ("kfell", "fell behind"))
        legend = (element("span", element("i", class_=f"key {look}"), words) for look, words in keys)
        drawn = curve(one) or element("p", f"{UNKNOWN} for a curve", class_="none")
        yield element(
            "figure",
            element("div", head, element("span", *legend, class_="legend"), class_="cap"),
            element("div", drawn, class_="wide"),
            class_="plot",
        )


def _flip(one: FlipFound) -> Iterator[Markup]:
    yield element("p", f"{result_rows.flip_words(one)}.", class_="said")
    if not one.rows:
        yield element("p", UNKNOWN, class_="none")
        return
    yield element(
        "div",
        table(result_rows.FLIP_HEADS, [_flip_cells(told) for told in one.rows], (0, 3, 4)),
        class_="wrapped",
    )


def _flip_cells(told: FlipRow) -> list[Cell]:
    cells: list[Cell] = list(_known(result_rows.flip_row(told)))
    good = told.surely * told.better
    look = "good" if good > 0 else "bad" if good < 0 else "sure" if told.surely else "none"
    cells[4] = element("span", told.verdict, class_=look)
    return cells
