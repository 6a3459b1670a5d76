"""The sections of a page on what procedures found: rounds, ceilings, A-B-B-A."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from loopscope.core.format import tenths
from loopscope.report.columns import UNKNOWN
from loopscope.report.evidence import alone
from loopscope.report.html.curve import curve
from loopscope.report.html.markup import Markup, defined, element, joined
from loopscope.report.html.tables import table
from loopscope.report.html.waterfall import waterfall
from loopscope.report.procedure_results import tables as result_tables
from loopscope.report.procedure_results.build import FlipFound, Found, RoundsFound
from loopscope.report.procedure_results.tables import FORMULAS, over_words
from loopscope.report.rounds import title


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its title, the small words beside that, what is inside."""

    title: str
    words: str
    inside: Sequence[Markup]


def sections(found: Found) -> Iterator[Section]:
    """Give a section for each procedure; nothing where none was run."""
    for one in found.rounds:
        yield Section(f"Rounds of {one.scenario}", title(one), list(_rounds(one)))
    if found.any_ceiling:
        yield Section("Ceilings", "each with its standing, and with what it belongs to", list(_ceilings(found)))
    for flip in found.flips:
        yield Section("A-B-B-A", result_tables.flip_title(flip), list(_flip(flip)))


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
    yield table(result_tables.ROUNDS, one.rounds[:256])


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


def _parts(one: RoundsFound) -> Markup:
    return element("div", table(result_tables.LOSS_PARTS, list(result_tables.loss_parts(one))), class_="wrapped")


def _ceilings(found: Found) -> Iterator[Markup]:
    yield element("div", table(result_tables.CEILINGS, list(result_tables.standings(found))), class_="wrapped")
    if more := result_tables.others(found):
        yield element("p", result_tables.told_count(more), class_="why")
    for one in found.ceilings:
        if one.what != "ramp":
            continue
        head = element("figcaption", f"ramp: {result_tables.of(one.settings)}", element("small", f" {one.words}"))
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
    yield element("p", f"{result_tables.flip_words(one)}.", class_="said")
    if not one.rows:
        yield element("p", UNKNOWN, class_="none")
        return
    yield element("div", table(result_tables.FLIPS, one.rows), class_="wrapped")
