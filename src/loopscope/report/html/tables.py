"""Tables of a page: every heading has its unit, and its definition where one points at it."""

from collections.abc import Sequence
from typing import Any

from loopscope.core.format import NONE, change, count, ms, rate, share
from loopscope.model.bin_history import Kept
from loopscope.model.fold import Fold
from loopscope.model.metrics import METRICS
from loopscope.model.stretch import Stretch
from loopscope.report.gates import span, unit
from loopscope.report.html.markup import Markup, defined, element, joined

UNKNOWN = "not enough data"
_MOST = 256
Cell = str | Markup | None
_TTFT = "from the start of a request, before connecting, to its first chunk with content"


def table(heads: Sequence[tuple[str, str, str]], rows: Sequence[Sequence[Cell]], text: Sequence[int] = (0,)) -> Markup:
    """Give a table of (title, unit, definition) and cells; ``None`` says that there is not enough data."""
    top = [
        element(
            "th",
            defined(title, means),
            element("small", f" {told}") if told else None,
            scope="col",
            class_="text" if place in text else None,
        )
        for place, (title, told, means) in enumerate(heads)
    ]
    body = [
        element(
            "tr",
            *(
                element(
                    "td",
                    element("span", NONE, class_="none", data_tip=UNKNOWN, tabindex="0") if cell is None else cell,
                    class_="text" if place in text else None,
                )
                for place, cell in enumerate(row)
            ),
        )
        for row in rows
    ]
    whole = element("table", element("thead", element("tr", *top)), element("tbody", *body))
    return element("div", whole, class_="scroll")


def _known(say: Any, value: float | None) -> str | None:
    return None if value is None else say(value)


def _means(name: str) -> str:
    return METRICS[name].meaning


def agents(rows: Sequence[dict[str, Any]]) -> Markup:
    """Who streamed, and how."""
    heads = (
        ("agent", "", "a worker that sends streaming requests, one after the other, to one server"),
        ("server", "", "where its requests go"),
        ("model", "", ""),
        ("requests", "", "ended, with or without an error; those cut by a takeover or the end are not among them"),
        ("errors", "", "requests that failed"),
        ("chunks", "", "whole messages with content from the server; not tokens"),
        ("tokens", "", "as the server reported them at the end of its requests"),
        ("rate", "tok/s", _means("tok_s.decode")),
        ("TTFT p50", "ms", _TTFT),
        ("TTFT p99", "ms", _TTFT),
        ("ITL p50", "ms", _means("itl.p50")),
        ("gap p50", "ms", _means("gap.p50")),
        ("gap p99", "ms", _means("gap.p99")),
        ("delay p50", "ms", _means("delay.p50")),
        ("delay p99", "ms", _means("delay.p99")),
        ("delay max", "ms", "the largest one, exact"),
    )
    body = [
        (
            one["name"],
            one["endpoint"].removeprefix("http://"),
            one["model"],
            count(one["requests"]),
            _errors(one["errors"]),
            count(one["chunks"]),
            count(one["tokens"]),
            _known(rate, one["tok_s"]),
            _known(ms, one["ttft_ms"]["p50"]),
            _known(ms, one["ttft_ms"]["p99"]),
            _known(ms, one["itl_ms"]["p50"]),
            _known(ms, one["gap_ms"]["p50"]),
            _known(ms, one["gap_ms"]["p99"]),
            _known(ms, one["delay_ms"]["p50"]),
            _known(ms, one["delay_ms"]["p99"]),
            _known(ms, one["delay_ms"]["max"]),
        )
        for one in rows[:_MOST]
    ]
    words = sorted({one["delay_words"] for one in rows if one["delay_words"]})
    notes = [element("p", f"delivery delay: {text}", class_="why") for text in words[:4]]
    if len(rows) > _MOST:
        notes.append(element("p", f"and {count(len(rows) - _MOST)} more agents", class_="why"))
    return joined(table(heads, body, (0, 1, 2)), *notes)


def _errors(number: int) -> Cell:
    return element("strong", count(number), class_="bad") if number else "0"


_IN_SEGMENTS = (
    "chunks_s",
    "tok_s.decode",
    "at_least",
    "elu",
    "cpu_us",
    "delay.p50",
    "delay.p99",
    "lag.p99",
    "gap.p99",
    "watts",
)


def segments(rows: Sequence[dict[str, Any]], kept: Kept, fold: Fold) -> Markup:
    """Stretches between levers; each figure shows its interval when one points at it."""
    heads = [
        ("", "", "number of the segment, as 'loopscope compare --segments' counts"),
        ("from", "s", ""),
        ("to", "s", ""),
        ("after", "", "the lever that began it"),
        ("settling", "s", "left out of its figures: 1.5 s after a pull; for a takeover until the old rig is gone, too"),
        *(
            (METRICS[name].title, "" if not unit(METRICS[name]) else METRICS[name].unit, METRICS[name].meaning)
            for name in _IN_SEGMENTS
        ),
    ]
    body: list[list[Cell]] = []
    for number, one in enumerate(rows[:_MOST], 1):
        row: list[Cell] = [
            str(number),
            rate(one["t0_s"]),
            rate(one["t1_s"]),
            one["opened_by"] or "the start",
            rate(one["settle_s"]),
        ]
        stretch = Stretch(kept.of([number - 1]), fold.told(), fold.rigs.words)
        values = _segment_values(one)
        for name in _IN_SEGMENTS:
            text = values[name]
            found = None if text is None else stretch.interval(METRICS[name])
            if text is None:
                row.append(element("span", NONE, class_="none", data_tip=one["words"] or UNKNOWN, tabindex="0"))
            else:
                told = (
                    f"95 %: {span(METRICS[name], found)}{unit(METRICS[name])}" if found else "too short for an interval"
                )
                row.append(element("span", text, data_tip=told))
        body.append(row)
    return table(heads, body, (3,))


def _segment_values(one: dict[str, Any]) -> dict[str, str | None]:
    if one["loop"] is None:
        return dict.fromkeys(_IN_SEGMENTS)
    return {
        "chunks_s": _known(rate, one["chunks_s"]),
        "tok_s.decode": _known(rate, one["tok_s"]),
        "at_least": _known(rate, one["ceiling"]["at_least_chunks_s"]),
        "elu": _known(share, one["loop"]["elu"]),
        "cpu_us": _known(ms, one["loop"]["cpu_us_per_chunk"]),
        "delay.p50": _known(ms, one["delay_ms"]["p50"]),
        "delay.p99": _known(ms, one["delay_ms"]["p99"]),
        "lag.p99": _known(ms, one["loop"]["lag_ms"]["p99"]),
        "gap.p99": _known(ms, one["gap_ms"]["p99"]),
        "watts": _known(ms, one["watts"]),
    }


def levers(rows: Sequence[dict[str, Any]]) -> Markup:
    """What each pull did."""
    before = "up to 10 s before the pull -> up to 10 s after its settling time; one comparison, without an interval"
    heads = (
        ("", "", "its number in the charts"),
        ("at", "s", ""),
        ("lever", "", ""),
        ("from", "", ""),
        ("to", "", ""),
        ("decode rate", "tok/s", before),
        ("at least", "chunks/s", before),
        ("delay p99", "ms", before),
        ("lag p99", "ms", before),
        ("CPU a chunk", "us", before),
    )
    body: list[list[Cell]] = []
    for number, one in enumerate(rows[:_MOST], 1):
        row: list[Cell] = [str(number), rate(one["t_s"]), one["name"], one["old"], one["new"]]
        for say, name in (
            (rate, "tok_s"),
            (rate, "at_least_chunks_s"),
            (ms, "delay_p99_ms"),
            (ms, "lag_p99_ms"),
            (ms, "cpu_us_per_chunk"),
        ):
            row.append(_moved(say, name, one["before"], one["after"]))
        body.append(row)
    return table(heads, body, (2, 3, 4))


def _moved(say: Any, name: str, before: dict[str, Any] | None, after: dict[str, Any] | None) -> Cell:
    old, new = (before or {}).get(name), (after or {}).get(name)
    if old is None or new is None:
        return None
    moved = change(old, new)
    return joined(f"{say(old)} → {say(new)}", element("small", f" {moved}") if moved else None)


_WHY = {
    "callback": "one callback ran",
    "gc": "garbage collector",
    "turn": "many callbacks in one turn",
    "gil": "another thread held the GIL",
    "core": "the loop's thread had no core",
}


def stalls(places: Sequence[dict[str, Any]]) -> Markup:
    """Where the loop stood still."""
    heads = (
        ("why", "", "what kept the loop from its selector for over 25 ms"),
        ("where", "", "the line that held it"),
        ("times", "", ""),
        ("longest", "ms", ""),
        ("in all", "ms", ""),
    )
    body = [
        (
            _WHY.get(one["why"], one["why"]),
            one["where"] if one["why"] in ("callback", "gc") else "nobody's line",
            count(one["count"]),
            ms(one["worst_ms"]),
            ms(one["total_ms"]),
        )
        for one in places[:20]
    ]
    return table(heads, body, (0, 1))


def facts(rows: Sequence[tuple[str, str, str]]) -> Markup:
    """Names with values and definitions."""
    return element(
        "dl",
        *(
            element("div", element("dt", defined(name, means)), element("dd", told), class_="fact")
            for name, told, means in rows
        ),
        class_="facts",
    )
