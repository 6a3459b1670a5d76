"""Differences of pairs, tried A-B-B-A: how often "surely" is said where there is nothing."""

import numpy as np
import pytest

from loopscope.stats.pairs import ALIKE_AT_ONCE, ALIKE_BY_VISIT, joint, pairs_interval, widening

RUNS = 2_000


def halves(draw: np.random.Generator, pairs: int, *, visit: float, slow: float, drift: float) -> np.ndarray:
    """Values of the halves of A B B A A B B A ..., where A and B are the same."""
    number = 2 * pairs
    own = draw.normal(0, 1 if visit < 1 else 0.05, number)
    level = np.repeat(draw.normal(0, visit, pairs + 1), 2)[1 : number + 1]
    noise = np.zeros(number)
    for place in range(1, number):
        noise[place] = slow * noise[place - 1] + draw.normal()
    return own + level + (noise if slow else 0) + drift * np.arange(number)


def differences(values: np.ndarray) -> np.ndarray:
    first, second = values[0::2], values[1::2]
    turned = np.arange(first.size) % 2 == 1
    return np.where(turned, first - second, second - first)


@pytest.mark.parametrize("pairs", [4, 6, 12])
@pytest.mark.parametrize(
    ("alike", "noise"),
    [
        (ALIKE_AT_ONCE, {"visit": 0.0, "slow": 0.0, "drift": 0.0}),
        (ALIKE_AT_ONCE, {"visit": 0.0, "slow": 0.6, "drift": 0.0}),
        (ALIKE_AT_ONCE, {"visit": 0.0, "slow": 0.9, "drift": 0.0}),
        (ALIKE_AT_ONCE, {"visit": 0.0, "slow": 0.0, "drift": 0.5}),
        (ALIKE_BY_VISIT, {"visit": 0.5, "slow": 0.0, "drift": 0.0}),
        (ALIKE_BY_VISIT, {"visit": 3.0, "slow": 0.0, "drift": 0.0}),
    ],
    ids=["white", "slow", "very slow", "drift", "process", "process alone"],
)
def test_the_same_twice_is_seldom_told_apart(pairs: int, alike: float, noise: dict[str, float]) -> None:
    """A against A: in at most 5 % of the cases (and chance) the interval leaves out zero."""
    draw = np.random.default_rng(pairs)
    wrong = 0
    for _ in range(RUNS):
        found = pairs_interval(differences(halves(draw, pairs, **noise)), alike=alike)
        wrong += found.excludes(0.0)
    assert wrong / RUNS <= 0.065


def test_without_the_widening_a_shared_process_would_be_taken_for_a_difference() -> None:
    """What the worst case is for: three times too often otherwise."""
    draw = np.random.default_rng(1)
    noise = {"visit": 3.0, "slow": 0.0, "drift": 0.0}
    wrong = sum(pairs_interval(differences(halves(draw, 6, **noise)), alike=0.0).excludes(0.0) for _ in range(RUNS))
    assert wrong / RUNS > 0.1


def test_a_difference_that_is_there_is_found_under_a_drift() -> None:
    """Twice the noise, a drift of the same size a half: found nearly always, and of the right size."""
    draw = np.random.default_rng(2)
    found = []
    for _ in range(300):
        values = halves(draw, 8, visit=0.0, slow=0.0, drift=0.5)
        order = np.array([0, 1, 1, 0] * 4)
        found.append(pairs_interval(differences(values + 3.0 * order)))
    assert np.mean([one.low > 0 for one in found]) > 0.95
    assert np.mean([one.mid for one in found]) == pytest.approx(3.0, abs=0.1)


def test_too_few_pairs_say_nothing() -> None:
    """Two are none; what is not known does not count as a pair."""
    assert pairs_interval([1.0, 2.0]) is None
    assert pairs_interval([1.0, 2.0, float("nan")]) is None
    assert pairs_interval([1.0, 2.0, 3.0]) is not None


def test_many_figures_need_a_higher_confidence_each() -> None:
    """Of a table of twelve figures all are right in 95 % of the cases."""
    assert joint(0.95, 1) == pytest.approx(0.95)
    assert joint(0.95, 10) == pytest.approx(0.995)
    assert widening(6, 0.0) == 1.0
