"""What runs by itself: how its end is told."""

from dataclasses import dataclass

import pytest

from loopscope.session.source import Progress
from loopscope.ui.panes.procedure import outcome


@dataclass
class Told:
    """A result that has a sentence."""

    words: str


@pytest.mark.parametrize(
    ("result", "problem", "said"),
    [
        (Told("uvloop is higher"), "", "uvloop is higher"),
        ((Told("2 streams: 9,000"), Told("100 a stream: 8,000")), "", "2 streams: 9,000; 100 a stream: 8,000"),
        (None, "cancelled", "cancelled"),
        (object(), "", "done in 76 s"),
    ],
)
def test_the_end(result: object, problem: str, said: str) -> None:
    """A sentence, two of them, why there is none, or at least how long it took."""
    assert outcome(Progress("ramp", "Ramp", False, 1.0, "", 76.0, 60.0, result=result, problem=problem)) == said
