"""The lanes above the charts: levers by number, marks, findings as bars from when to when."""

from collections.abc import Sequence
from itertools import pairwise

from loopscope.core.format import seconds
from loopscope.model.snapshot import FindingView, MarkView
from loopscope.report.html.axes import LEFT, WIDTH, Span
from loopscope.report.html.markup import Markup, element, joined

_LANE = 19.0
_MOST_LANES = 8
_MOST_MARKS = 200
_CLOSE = 20.0
"""Numbers of levers that are closer than that stand in two rows."""
_MOST_NUMBERS = 40
_LETTER = 6.3
"""Width of a letter of the small print, about."""


def lanes(span: Span, levers: Sequence[MarkView], marks: Sequence[MarkView], findings: Sequence[FindingView]) -> Markup:
    """Draw them; nothing where there is nothing to show."""
    rows: list[Markup] = []
    y = 0.0
    for part in (
        _levers(span, levers) if levers else None,
        _marks(span, marks) if marks else None,
        _findings(span, findings) if findings else None,
    ):
        if part is not None:
            rows.append(element("g", *part[0], transform=f"translate(0 {y:g})"))
            y += part[1]
    if not rows:
        return joined()
    lines = [element("line", x1=span.x(one.t_s), x2=span.x(one.t_s), y1=0, y2=y + 4, class_="pull") for one in levers]
    return element(
        "svg",
        *lines,
        *rows,
        viewBox=f"0 0 {WIDTH:g} {y + 4:g}",
        class_="lanes",
        role="img",
        aria_label="levers, marks and findings over time",
    )


def _name(text: str) -> Markup:
    return element("text", text, x=LEFT - 8, y=14, class_="lane")


def _levers(span: Span, levers: Sequence[MarkView]) -> tuple[list[Markup], float]:
    places = [span.x(one.t_s) for one in levers]
    close = any(b - a < _CLOSE for a, b in pairwise(places))
    rows, low = [_name("levers")], False
    for number, (one, x) in enumerate(zip(levers, places, strict=True), 1):
        low = close and not low
        tip = f"{number}: {one.label} at {seconds(one.t_s)}"
        at = 10 + 18 * low
        if len(levers) > _MOST_NUMBERS:
            rows.append(element("g", element("circle", cx=x, cy=at, r=4.0), class_="lever", data_tip=tip))
            continue
        inside = element("circle", cx=x, cy=at, r=9.0), element("text", number, x=x, y=at + 3.5)
        rows.append(element("g", *inside, class_="lever", data_tip=tip))
    return rows, _LANE * (2 if close else 1) + 4


def _marks(span: Span, marks: Sequence[MarkView]) -> tuple[list[Markup], float]:
    rows = [_name("marks")]
    rows += [
        element(
            "path",
            d=f"M{span.x(one.t_s):.1f} 4l5 12h-10z",
            class_=f"mark {one.kind}",
            data_tip=f"{seconds(one.t_s)}: {one.label}",
        )
        for one in marks[:_MOST_MARKS]
    ]
    return rows, _LANE


def _findings(span: Span, findings: Sequence[FindingView]) -> tuple[list[Markup], float]:
    names = list(dict.fromkeys(one.name for one in findings))
    rows = [_name("findings")]
    for lane, name in enumerate(names[:_MOST_LANES]):
        bars = [one for one in findings if one.name == name]
        rows += [
            _bar(span, one, following.since_s if following else None, lane * _LANE)
            for one, following in zip(bars, [*bars[1:], None], strict=True)
        ]
    height = _LANE * len(names[:_MOST_LANES])
    if len(names) > _MOST_LANES:
        rows.append(element("text", f"and {len(names) - _MOST_LANES} more below", x=LEFT, y=height + 13, class_="tick"))
        height += _LANE
    return rows, height


def _bar(span: Span, one: FindingView, following_s: float | None, y: float) -> Markup:
    """One bar with its name: inside, else behind it, else before it, else not at all."""
    begin = span.x(one.since_s)
    end = max(span.x(one.until_s if one.until_s is not None else span.end), begin + 3)
    free = span.x(following_s) if following_s is not None else WIDTH
    until = f"{seconds(one.until_s)}" if one.until_s is not None else "the end"
    wide = len(one.name) * _LETTER + 10
    text: Markup | None = None
    if end - begin > wide:
        text = element("text", one.name, x=begin + 5, y=y + 13.5, class_="inside")
    elif end + wide < free:
        text = element("text", one.name, x=end + 5, y=y + 13.5, class_="beside")
    elif following_s is None and begin - wide > LEFT:
        text = element("text", one.name, x=begin - 5, y=y + 13.5, class_="beside before")
    return element(
        "g",
        element("rect", x=begin, y=y + 2, width=end - begin, height=_LANE - 4, rx=3),
        text,
        class_=f"finding {'note' if one.severity == 'note' else 'warn'}",
        data_tip=f"{one.name}, {seconds(one.since_s)} to {until}: {one.sentence or one.name}",
    )
