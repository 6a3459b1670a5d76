"""What slides."""

import numpy as np

from loopscope.model.bins import BINS_PER_S, ClosedBin, OpenBin, close
from loopscope.model.rows import Rows
from loopscope.model.window import WINDOW_BINS, Window


def filled(index: int, chunks: int, gap_ns: float = 1e7, agents: int = 1) -> ClosedBin:
    """A bin with so many chunks of the last of ``agents`` agents."""
    opened = OpenBin(index)
    values = np.full(chunks, gap_ns)
    slot = np.full(chunks, agents - 1, dtype=np.int16)
    nothing = np.zeros(chunks, dtype=np.int64)
    if chunks:
        opened.rows.append(Rows(slot, nothing, values, values, values, values, np.ones(chunks, dtype=np.bool_)))
    return close(opened, agents, 1 / BINS_PER_S, None)


def test_it_moves_every_half_second() -> None:
    """One bin alone waits for its neighbour, so that figures change twice a second and not more often."""
    window = Window()
    window.push(filled(0, 5))
    assert window.version == 0
    window.push(filled(1, 5))
    assert window.version == 1
    assert window.counts[0].counts.sum() == 10


def test_ten_seconds_stay() -> None:
    """Forty bins are in the window; the forty-first and its values have left."""
    window = Window()
    for index in range(WINDOW_BINS + 2):
        window.push(filled(index, 1))
    assert len(window.bins) == WINDOW_BINS
    assert window.counts[0].counts.sum() == WINDOW_BINS
    assert window.end == WINDOW_BINS + 2


def test_bins_left_out_count_as_time() -> None:
    """A silence of two seconds moves the window by two seconds; one of a day empties it."""
    window = Window()
    for index in range(4):
        window.push(filled(index, 1))
    window.push(filled(12, 1))
    window.push(filled(13, 1))
    assert [closed.index for closed in window.bins] == list(range(14))
    window.push(filled(400_000, 1))
    window.push(filled(400_001, 1))
    assert window.counts[0].counts.sum() == 2
    assert len(window.bins) == WINDOW_BINS


def test_the_peak_is_of_one_second() -> None:
    """The highest rate over any second so far, not of a single bin."""
    window = Window()
    for index, chunks in enumerate((5, 5, 50, 5, 5, 5, 5, 5, 5, 5)):
        window.push(filled(index, chunks))
    assert window.peak_chunks_s == 65


def test_the_newest_second_waits_until_it_is_over() -> None:
    """A spark line never ends in a slump that only means that the second is not over."""
    window = Window()
    for index in range(6):
        window.push(filled(index, 2))
    assert window.sparks()[0, -2:].tolist() == [0, 8]
    for index in range(6, 8):
        window.push(filled(index, 2))
    assert window.sparks()[0, -3:].tolist() == [0, 8, 8]


def test_agents_that_come_later_begin_later() -> None:
    """The bin of each agent's first chunk is kept: its rate counts from there."""
    window = Window()
    for index in range(4):
        window.push(filled(index, 1))
    for index in range(4, 8):
        window.push(filled(index, 1, agents=3))
    assert window.first_chunk == 0
    assert window.first_of_agent[0] == 0
    assert window.first_of_agent[1] > 10**9
    assert window.first_of_agent[2] == 4
