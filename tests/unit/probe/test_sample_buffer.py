"""Samples are bounded, counted and taken once."""

import threading

from loopscope.core.records import Mark
from loopscope.probe.sample_buffer import ROOM, SampleBuffer


def test_what_finds_no_room_is_counted() -> None:
    """Rows beyond the room are dropped and counted, exactly."""
    samples = SampleBuffer()
    for number in range(ROOM + 7):
        samples.chunk((0, number, None, number, False))
    assert len(samples.take_chunks()) == ROOM
    assert samples.dropped == 7
    assert samples.take_chunks() == []


def test_beats_and_events_are_bounded_too() -> None:
    """No kind of sample can fill the memory."""
    samples = SampleBuffer()
    mark = Mark(t_ns=0, words="")
    for number in range(ROOM + 1):
        samples.beat(number)
        samples.event(mark)
    assert (len(samples.take_beats()), len(samples.take_events()), samples.dropped) == (ROOM, ROOM, 2)


def test_a_taker_in_another_thread_gets_every_row_once() -> None:
    """While one thread appends, another takes: all rows arrive, in order, none twice."""
    samples = SampleBuffer()
    total = 50_000
    taken: list[int] = []
    done = threading.Event()

    def take() -> None:
        while not done.is_set() or samples.chunks:
            taken.extend(row[1] for row in samples.take_chunks())

    thread = threading.Thread(target=take)
    thread.start()
    for number in range(total):
        samples.chunk((0, number, None, number, False))
    done.set()
    thread.join()
    assert samples.dropped + len(taken) == total
    assert taken == sorted(set(taken))
