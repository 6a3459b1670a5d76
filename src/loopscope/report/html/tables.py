"""Tables of a page: every heading has its unit, and its definition where one points at it."""

from collections.abc import Iterable, Sequence

from loopscope.core.format import NONE
from loopscope.report.columns import UNKNOWN, Column, Row, Table
from loopscope.report.facts import Fact
from loopscope.report.html.markup import Markup, defined, element, joined


def table(columns: Table[Row], rows: Sequence[Row]) -> Markup:
    """Return a table; a column that may go and has no cell is left out."""
    kept = [column for column in columns if not column.rank or any(column.cell(row) for row in rows)]
    top = [
        element(
            "th",
            defined(column.title, column.meaning),
            element("small", f" {column.unit}") if column.unit else None,
            scope="col",
            class_="text" if column.left else None,
        )
        for column in kept
    ]
    body = [
        element("tr", *(element("td", _cell(column, row), class_="text" if column.left else None) for column in kept))
        for row in rows
    ]
    whole = element("table", element("thead", element("tr", *top)), element("tbody", *body))
    return element("div", whole, class_="scroll")


def _cell(column: Column[Row], row: Row) -> Markup | str:
    text = column.cell(row)
    tip = column.tip(row) if column.tip is not None else ""
    if text is None:
        return element("span", NONE, class_="none", data_tip=tip or UNKNOWN, tabindex="0")
    look = column.look(row) if column.look is not None else ""
    shown: Markup | str = text
    if look or tip:
        shown = element("span", text, class_=look or None, data_tip=tip or None)
    note = column.note(row) if column.note is not None else ""
    return joined(shown, element("small", f" {note}")) if note else shown


def facts_list(facts: Iterable[Fact]) -> Markup:
    """Return names with values and definitions."""
    return element(
        "dl",
        *(
            element("div", element("dt", defined(one.name, one.meaning)), element("dd", one.value), class_="fact")
            for one in facts
        ),
        class_="facts",
    )
