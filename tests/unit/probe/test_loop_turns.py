"""Since when libuv's loop is busy, worked out from its counters."""

import ctypes
from time import perf_counter_ns

from loopscope.probe.loop_turns import UvTurns


class _Library:
    """A libuv whose turns are ours to set."""

    turns = 0

    def uv_metrics_info(self, _loop: int, room: int) -> int:
        ctypes.c_uint64.from_address(room).value = self.turns
        return 0


class _Info:
    def __init__(self, library: _Library) -> None:
        self._library = library
        self.argtypes: list[object] = []

    def __call__(self, loop: int, room: int) -> int:
        return _Library.uv_metrics_info(self._library, loop, room)


def turns_of(library: _Library) -> UvTurns:
    library.uv_metrics_info = _Info(library)  # type: ignore[method-assign, assignment]
    return UvTurns(library, 0, lambda: 0)  # type: ignore[arg-type]


def test_the_first_look_knows_nothing_of_the_time_before() -> None:
    """A loop that is busy at the first look has not been busy since the clock's zero: that was a stall of days."""
    library = _Library()
    turns = turns_of(library)
    assert turns.busy_since() == 0


def test_a_turn_that_lasts_has_begun_by_the_last_look() -> None:
    """The same turn at two looks, no waiting between: busy since the first of them."""
    library = _Library()
    turns = turns_of(library)
    before_ns = perf_counter_ns()
    turns.busy_since()
    after_ns = perf_counter_ns()
    assert before_ns <= turns.busy_since() <= after_ns
