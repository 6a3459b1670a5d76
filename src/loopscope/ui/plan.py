"""Where each pane stands, for any size of the terminal: one pure function a screen."""

from collections.abc import Sequence
from dataclasses import dataclass

from loopscope.ui.panes.frames import MIN_HEIGHT, MIN_WIDTH


@dataclass(frozen=True, slots=True)
class Box:
    """Place of a pane, in cells."""

    x: int
    y: int
    width: int
    height: int


ZOOMABLE = ("throughput", "lag", "gap", "delay", "power", "agents", "levers", "ceiling")
"""Panes that may have the whole screen, in the order of the key."""


def live(width: int, height: int, agents: int, zoom: str = "") -> dict[str, Box]:
    """Panes of the live screen. Those that are not named have no room; below 60 x 16 there is only ``small``."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1)}
    top, room = 2, height - 3
    if zoom:
        return boxes | {zoom: Box(0, top, width, room)}
    # Below 30 rows the agents' table pays for the charts; with few agents it need not.
    if width >= 100 and room >= 21 + min(9, max(5, agents + 3)):
        return boxes | _large(width, top, room, agents)
    return boxes | _small(width, top, room, agents)


def _large(width: int, top: int, room: int, agents: int) -> dict[str, Box]:
    """Everything: ceiling and levers, agents, throughput and power, three histograms."""
    tall = room >= 42
    upper = (13 if agents <= 12 else 12) if tall else (10 if room >= 32 else 9)
    least = 7 if room >= max(34, upper + agents + 3 + 14) else 6
    # The charts keep at least two rows of `least`; what is left goes to the agents, and from them back to the charts.
    table = max(5, min(agents + 3, room - upper - 2 * least, 22))
    charts = room - upper - table
    first = (charts + 1) // 2
    y = top
    # At 160: the levers need 88 cells for both sides of four figures, the ceiling 72 for two large numbers.
    boxes = _split(("ceiling", "levers"), (9, 11), width, y, upper)
    y += upper
    boxes["agents"] = Box(0, y, width, table)
    y += table
    boxes |= _split(("throughput", "power"), (3, 1), width, y, first)
    y += first
    return boxes | _split(("lag", "gap", "delay"), (1, 1, 1), width, y, charts - first)


def _small(width: int, top: int, room: int, agents: int) -> dict[str, Box]:
    """The essentials: ceiling and levers, agents, and one row of charts."""
    upper = 9 if room >= 20 else (8 if room >= 17 else 5)
    chart = 6 if room >= 18 else 0
    wanted = max(4, agents + 3)
    if not chart:
        # What the agents do not need goes to the figures above them.
        upper = max(upper, min(9, room - wanted))
    table = room - upper - chart
    if table > wanted and chart:
        chart += table - wanted
        table = wanted
    boxes = _split(("ceiling", "levers"), (1, 1), width, top, upper)
    boxes["agents"] = Box(0, top + upper, width, table)
    if chart:
        names = ("throughput", "lag", "delay") if width >= 100 else ("throughput", "lag")
        boxes |= _split(names, (1,) * len(names), width, top + upper + table, chart)
    return boxes


def detail(width: int, height: int) -> dict[str, Box]:
    """Panes of an agent's detail."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1), "identity": Box(0, 2, width, 5)}
    room = height - 8
    middle = min(room, max(11, min(16, room // 2)))
    if room - middle < 5:
        middle = room
    names = ("quantiles", "rate") if width >= 120 else ("quantiles",)
    boxes |= _split(names, (1,) * len(names), width, 7, middle)
    if room > middle:
        boxes["requests"] = Box(0, 7 + middle, width, room - middle)
    return boxes


def loop(width: int, height: int, loops: int = 1) -> dict[str, Box]:
    """Panes of the event loop's screen; several loops that serve side by side have a table of their own."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1), "identity": Box(0, 2, width, 5)}
    y, room = 7, height - 8
    # Seven rows each. Where they cannot both have their bars, the figures of the second keep their words.
    upper = min(room, 9)
    boxes |= _split(("shares", "costs"), (1, 1) if width >= 110 else (2, 3), width, y, upper)
    y, room = y + upper, room - upper
    if loops > 1 and room >= 5:
        table = min(loops + 3, max(5, room // 3))
        boxes["loops"] = Box(0, y, width, table if room - table >= 5 else room)
        y, room = y + boxes["loops"].height, room - boxes["loops"].height
    if room >= 30:
        boxes |= _split(("lag", "delay"), (1, 1), width, y, 10)
        y, room = y + 10, room - 10
    if 0 < room < 5:
        # Too little for a table: the figures above have it.
        return boxes | _split(("shares", "costs"), (1, 1) if width >= 110 else (2, 3), width, 7, upper + room)
    first = room if room < 12 else (room + 1) // 2
    if room:
        boxes["places"] = Box(0, y, width, first)
    if room > first:
        boxes["latest"] = Box(0, y + first, width, room - first)
    return boxes


def findings(width: int, height: int) -> dict[str, Box]:
    """Panes of the list of findings."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1)}
    room = height - 3
    # The chosen one needs ten rows for its words at 80 columns; the list has the rest, and never less than four.
    closely = max(5, min(14, room - 6))
    return boxes | {
        "listing": Box(0, 2, width, room - closely),
        "closely": Box(0, 2 + room - closely, width, closely),
    }


def ceiling(width: int, height: int) -> dict[str, Box]:
    """Panes of the ceiling's screen."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1)}
    room = height - 3
    upper = 12 if room >= 34 else (9 if room >= 24 else 8)
    runs = 4 if room - upper >= 9 else 0
    chart = room - upper - runs
    boxes["standings"] = Box(0, 2, width, upper)
    names = ("curve", "costs") if width >= 110 else ("curve",)
    boxes |= _split(names, (3, 2)[: len(names)], width, 2 + upper, chart)
    if runs:
        boxes["procedure"] = Box(0, 2 + upper + chart, width, runs)
    return boxes


def effects(width: int, height: int) -> dict[str, Box]:
    """Panes of the ledger."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1), "best": Box(0, 2, width, 4)}
    room = height - 7
    runs = 4 if room >= 14 else 0
    found = min(16, max(5, (room - runs) // 2)) if room >= 14 else 0
    boxes["ledger"] = Box(0, 6, width, room - runs - found)
    if found:
        names = ("pull", "ab") if width >= 140 else ("pull",)
        boxes |= _split(names, (1,) * len(names), width, 6 + room - runs - found, found)
    if runs:
        boxes["procedure"] = Box(0, 6 + room - runs, width, runs)
    return boxes


def efficiency(width: int, height: int, *, chosen: bool = False) -> dict[str, Box]:
    """Panes of the rounds. In a small terminal a part has room for its evidence only where one was ``chosen``."""
    if width < MIN_WIDTH or height < MIN_HEIGHT:
        return {"small": Box(0, 0, width, height)}
    boxes = {"header": Box(0, 0, width, 2), "footer": Box(0, height - 1, width, 1)}
    room = height - 3
    wide = width >= 130
    upper = 9 if room >= 24 else (0 if chosen and not wide and room >= 19 else 5)
    # A row for each of the six parts, for the client's own, and for both ends; the evidence beside them may use more.
    middle = min(14 if wide and room >= 36 else (12 if upper else 11), max(5, room - upper - 4))
    left = room - upper - middle
    if left < 4:
        middle, left = room - upper, 0
    below = 0
    if not wide and left >= 4 and (chosen or left >= 20):
        below = left if left < 12 else min(12, left - 8)
    left -= below
    runs = 4 if left >= 9 else 0
    left -= runs
    if upper:
        boxes["formulas"] = Box(0, 2, width, upper)
    y = 2 + upper
    boxes |= _split(("waterfall", "part") if wide else ("waterfall",), (5, 4)[: 1 + wide], width, y, middle)
    y += middle
    if below:
        boxes["part"] = Box(0, y, width, below)
    y += below
    if left:
        boxes["rounds"] = Box(0, y, width, left)
    if runs:
        boxes["procedure"] = Box(0, y + left, width, runs)
    return boxes


def _split(names: Sequence[str], parts: Sequence[int], width: int, y: int, height: int) -> dict[str, Box]:
    total, boxes, x, given = sum(parts), {}, 0, 0
    for name, part in zip(names, parts, strict=True):
        given += part
        end = round(width * given / total)
        boxes[name] = Box(x, y, end - x, height)
        x = end
    return boxes
