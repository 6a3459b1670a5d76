"""Arrays that grow."""

import numpy as np

from loopscope.stats.arrays import count_at, grown, roomy


def test_an_array_that_is_large_enough_is_kept() -> None:
    """No copy where none is needed."""
    values = np.arange(6).reshape(2, 3)
    assert grown(values, 3) is values
    assert grown(values, 2, axis=0) is values


def test_new_places_hold_the_filling() -> None:
    """Old values keep their places along either axis."""
    values = np.arange(6.0).reshape(2, 3)
    assert grown(values, 5, fill=-1).tolist() == [[0, 1, 2, -1, -1], [3, 4, 5, -1, -1]]
    assert grown(values, 3, axis=0).tolist() == [[0, 1, 2], [3, 4, 5], [0, 0, 0]]


def test_room_is_a_power_of_two() -> None:
    """The next power of two, never less than asked for."""
    assert [roomy(n) for n in (0, 1, 2, 3, 64, 65, 1000)] == [1, 1, 2, 4, 64, 128, 1024]


def test_places_are_counted_as_often_as_they_stand() -> None:
    """Whatever the order and the type of the places; taking away is the reverse; none changes nothing."""
    counts = np.zeros(5, dtype=np.int32)
    count_at(counts, np.array([4, 1, 4, 4], dtype=np.int32))
    assert counts.tolist() == [0, 1, 0, 0, 3]
    count_at(counts, np.array([4, 1], dtype=np.int16), -1)
    count_at(counts, np.empty(0, dtype=np.int32))
    assert counts.tolist() == [0, 0, 0, 0, 2]
