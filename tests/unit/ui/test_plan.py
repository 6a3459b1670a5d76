"""Where panes stand."""

import functools
from collections.abc import Callable

import pytest

from loopscope.ui import plan
from loopscope.ui.plan import Box


def cells(boxes: dict[str, Box]) -> list[tuple[int, int]]:
    """Every cell of every box."""
    return [(x, y) for b in boxes.values() for x in range(b.x, b.x + b.width) for y in range(b.y, b.y + b.height)]


@pytest.mark.parametrize("agents", [0, 1, 2, 16, 64, 1000])
def test_the_live_screen_is_filled_exactly(agents: int) -> None:
    """At any size no two panes overlap, no cell is left over, and every pane has room for a frame."""
    for width in (60, 79, 80, 99, 100, 120, 159, 160, 240):
        for height in (16, 17, 20, 23, 24, 30, 32, 33, 36, 44, 48, 60, 67):
            boxes = plan.live(width, height, agents)
            assert sorted(cells(boxes)) == [(x, y) for x in range(width) for y in range(height)], (width, height)
            assert all(b.height >= 3 and b.width >= 20 for n, b in boxes.items() if n not in {"header", "footer"})


def test_sizes_that_people_use() -> None:
    """160x48 and 120x36 show everything, 80x24 the essentials."""
    every = {"header", "ceiling", "levers", "agents", "throughput", "power", "lag", "gap", "delay", "footer"}
    assert set(plan.live(160, 48, 2)) == set(plan.live(120, 36, 2)) == every
    assert set(plan.live(80, 24, 2)) == {"header", "ceiling", "levers", "agents", "throughput", "lag", "footer"}
    assert plan.live(160, 48, 16)["agents"].height == 16 + 3


@pytest.mark.parametrize(("width", "height"), [(59, 48), (160, 15), (1, 1)])
def test_too_small_is_said(width: int, height: int) -> None:
    """Below 60 x 16 there is one pane, which says so."""
    assert set(plan.live(width, height, 2)) == set(plan.detail(width, height)) == {"small"}
    assert set(plan.loop(width, height)) == {"small"}


def test_one_pane_may_have_it_all() -> None:
    """An enlarged pane stands between header and footer; each that can be enlarged exists."""
    for name in plan.ZOOMABLE:
        assert plan.live(80, 24, 2, name)[name] == Box(0, 2, 80, 21)
        assert name in plan.live(160, 48, 2)


CHOSEN = functools.partial(plan.efficiency, chosen=True)
SIDE_BY_SIDE = [functools.partial(plan.loop, loops=2), functools.partial(plan.loop, loops=16)]


@pytest.mark.parametrize(
    "place",
    [plan.detail, plan.loop, *SIDE_BY_SIDE, plan.findings, plan.ceiling, plan.effects, plan.efficiency, CHOSEN],
)
def test_the_others_are_filled_exactly(place: Callable[[int, int], dict[str, Box]]) -> None:
    """No overlap and nothing left over at any size."""
    for width in (60, 80, 119, 120, 160, 240):
        for height in (16, 20, 24, 30, 36, 48, 67):
            boxes = place(width, height)
            assert sorted(cells(boxes)) == [(x, y) for x in range(width) for y in range(height)], (width, height)
