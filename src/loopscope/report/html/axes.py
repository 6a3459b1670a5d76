"""Where things stand in a chart: the axis of time that all share, and the vertical one of each."""

from math import ceil, floor, log10

import numpy as np

from loopscope.core.format import number, share
from loopscope.report import ticks
from loopscope.report.timeline import Chart, Timeline

WIDTH, LEFT, RIGHT = 1000.0, 64.0, 16.0
TOP, BOTTOM, PLOT = 10.0, 22.0, 100.0
"""Above, below, and height of the part that is drawn into."""
_SHARE_ENDS = (0.02, 0.1, 0.2, 0.5, 1.0)


class Span:
    """The axis of time."""

    def __init__(self, lines: Timeline) -> None:
        self.lines = lines
        self.end = max(lines.end_s, lines.step_s, 1e-3)

    def x(self, t_s: float) -> float:
        """Place of a moment."""
        return LEFT + min(max(t_s / self.end, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def ticks(self) -> list[float]:
        """Moments with a number."""
        return [mark for mark in ticks.linear(0.0, self.end, 9) if mark <= self.end]


class Axis:
    """The vertical axis of a chart."""

    def __init__(self, chart: Chart) -> None:
        self.height = PLOT
        self.scale = chart.scale
        known = np.concatenate([curve.values for curve in chart.curves])
        known = known[np.isfinite(known)]
        most = ticks.bounded(float(known.max(initial=0.0)))
        if self.scale == "share":
            self.low = 0.0
            self.high = next((end for end in _SHARE_ENDS if most <= end), float(ceil(most)))
            self.step = self.high / 2
        elif self.scale == "log":
            above = known[known > 0]
            least = float(np.quantile(above, 0.02)) if above.size else 0.1
            # Less than a tenth of a millisecond of lag is the timer's doing, and would fill half of the chart.
            self.low = float(floor(log10(max(least, 0.1 if chart.name == "lag" else 1e-3))))
            self.high = max(float(ceil(log10(max(most, 1e-3)))), self.low + 1)
            self.step = max(1.0, ceil((self.high - self.low) / 4))
        else:
            self.step = ticks.nice(max(most, 1e-3) / 3)
            self.low, self.high = 0.0, self.step * ceil(max(most, 1e-3) / self.step * 0.999)

    def y(self, value: float) -> float:
        """Place of a value; what lies outside is drawn at the edge."""
        if self.scale == "log":
            value = log10(value) if value > 0 else self.low
        part = (value - self.low) / (self.high - self.low)
        return TOP + self.height * (1 - min(max(part, 0.0), 1.0))

    def ticks(self) -> list[tuple[float, str]]:
        """Values with a line, and what stands beside it."""
        steps = round((self.high - self.low) / self.step)
        marks = [self.low + self.step * place for place in range(steps + 1)]
        if self.scale == "log":
            return [(10.0**mark, number(10.0**mark)) for mark in marks]
        return [(mark, share(mark) if self.scale == "share" and mark else tick(mark)) for mark in marks]


def tick(value: float) -> str:
    """Say a number at an axis."""
    return number(value)
