"""One chart of a trace, by name; and the distributions of a comparison."""

from loopscope.model.aggregate import Hist
from loopscope.model.stretch import Stretch
from loopscope.report import charts
from loopscope.report.charts import Distribution, Look
from loopscope.report.timeline import timeline
from loopscope.session.folding import Folded

OVER_TIME = ("throughput", "delay", "lag", "gap")


def draw(folded: Folded, kind: str, look: Look) -> list[str]:
    """Return the lines of a chart: one of :data:`OVER_TIME`, or ``cdf``."""
    if kind == "cdf":
        return distributions([(folded.path.name, Stretch(folded.kept.bins))], look)
    lines = timeline(folded.kept, folded.fold.snapshot().power.label, folded.summary.delay_words)
    chart = next(one for one in lines.charts if one.name == kind)
    return charts.over_time(lines, chart, list(folded.fold.marks), look)


def distributions(sides: list[tuple[str, Stretch]], look: Look) -> list[str]:
    """Return the distribution of the delivery delay of each side, over each other; of the gaps, where none is known."""
    usable = all(stretch.stamps().usable and stretch.hist(Hist.DELAY)[0].sum() for _, stretch in sides)
    which, title = (Hist.DELAY, "delivery delay") if usable else (Hist.GAP, "client gap (no delay is known)")
    found = [Distribution(label, *stretch.hist(which)) for label, stretch in sides]
    return charts.cumulative(title, found, look)
