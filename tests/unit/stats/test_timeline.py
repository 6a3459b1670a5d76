"""Time lines."""

import numpy as np

from loopscope.stats.timeline import RecentLine, WholeLine


def test_the_recent_line_keeps_its_last_steps() -> None:
    """Five steps into room for three: the last three stay, with their indexes."""
    line = RecentLine(3, ("a", "b"))
    for step in range(5):
        line.push(step, (float(step), -float(step)))
    index, values = line.lines()
    assert index.tolist() == [2, 3, 4]
    assert values["a"].tolist() == [2, 3, 4]
    assert values["b"].tolist() == [-2, -3, -4]


def test_steps_left_out_are_unknown() -> None:
    """A silence shows as a hole, not as a line through it; a long one leaves only the newest step."""
    line = RecentLine(4, ("a",))
    line.push(10, (1.0,))
    line.push(13, (2.0,))
    index, values = line.lines()
    assert index.tolist() == [10, 11, 12, 13]
    assert np.isnan(values["a"][1:3]).all()
    line.push(1_000_000, (3.0,))
    _, values = line.lines()
    assert values["a"][-1] == 3.0
    assert np.isnan(values["a"][:-1]).all()


def test_the_lines_given_are_copies() -> None:
    """What was handed out does not change when the line goes on."""
    line = RecentLine(2, ("a",))
    line.push(0, (1.0,))
    _, values = line.lines()
    line.push(1, (2.0,))
    assert values["a"].tolist() == [1.0]


def test_the_whole_line_grows_coarser() -> None:
    """Sixteen steps in room for eight: pairs are joined, means by mean and peaks by maximum."""
    line = WholeLine(8, ("mean", "peak"), frozenset({"peak"}))
    for step in range(16):
        line.push(step, (float(step), float(step)))
    index, values = line.lines()
    assert line.stride == 2
    assert index.tolist() == [0, 2, 4, 6, 8, 10, 12, 14]
    assert values["mean"].tolist() == [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5]
    assert values["peak"].tolist() == [1, 3, 5, 7, 9, 11, 13, 15]


def test_unknown_values_do_not_pull_a_mean_down() -> None:
    """A step without a value is left out of its neighbour's mean; only two of them are unknown together."""
    line = WholeLine(4, ("a",))
    for step, value in enumerate((1.0, np.nan, np.nan, np.nan, 5.0, 7.0, 8.0, 8.0)):
        line.push(step, (value,))
    _, values = line.lines()
    assert values["a"][0] == 1.0
    assert np.isnan(values["a"][1])
    assert values["a"][2:].tolist() == [6.0, 8.0]


def test_a_leap_of_days_costs_a_few_halvings() -> None:
    """However far the next step is, the line keeps its size and both ends."""
    line = WholeLine(16, ("a",))
    line.push(0, (1.0,))
    line.push(10_000_000, (2.0,))
    index, values = line.lines()
    assert len(index) <= 16
    assert values["a"][0] == 1.0
    assert values["a"][-1] == 2.0
