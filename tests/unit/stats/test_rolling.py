"""The sliding window of counts."""

import numpy as np

from loopscope.stats.loghist import BUCKETS
from loopscope.stats.rolling import RollingCounts


def flat(*places: tuple[int, int]) -> np.ndarray:
    return np.array([row * BUCKETS + bucket for row, bucket in places], dtype=np.int32)


def test_the_oldest_tick_leaves() -> None:
    """With three ticks of room the fourth pushes the first out."""
    rolling = RollingCounts(3)
    for bucket in range(4):
        rolling.push(flat((0, bucket)), 1)
    assert rolling.counts[0, :5].tolist() == [0, 1, 1, 1, 0]


def test_one_bucket_may_be_hit_often_in_a_tick() -> None:
    """Equal indexes in one tick add up, and leave together."""
    rolling = RollingCounts(1)
    rolling.push(flat((0, 7), (0, 7), (0, 7)), 1)
    assert rolling.counts[0, 7] == 3
    rolling.push(flat(), 1)
    assert rolling.counts.sum() == 0


def test_rows_may_be_added_while_it_slides() -> None:
    """A new agent gets its row; what older ones have in the window stays and leaves in time."""
    rolling = RollingCounts(2)
    rolling.push(flat((0, 1)), 1)
    rolling.push(flat((4, 2)), 5)
    assert rolling.counts[0, 1] == rolling.counts[4, 2] == 1
    rolling.push(flat(), 5)
    assert rolling.counts[0, 1] == 0
    assert rolling.counts[4, 2] == 1
