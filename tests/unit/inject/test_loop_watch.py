"""The program's loops: met when they run, their waiting counted, nothing read after they have ended."""

import asyncio
import importlib.util
import selectors
import time

import pytest

from loopscope.inject.loop_watch import LoopWatch, WatchedLoop
from loopscope.probe.loop_meter import TimedSelector, adopt_selector


class OwnLoop(asyncio.SelectorEventLoop):
    """A class of our own, so that patching it touches no other test."""


def test_a_selector_in_use_is_adopted_with_what_it_holds() -> None:
    """The loop's self-pipe stays registered, and waiting is counted from then on."""
    loop = asyncio.SelectorEventLoop()
    try:
        selector = loop._selector  # type: ignore[attr-defined]
        before = dict(selector.get_map())
        adopted = adopt_selector(selector)
        assert adopted is selector
        assert dict(adopted.get_map()) == before
        loop.run_until_complete(asyncio.sleep(0.05))
        assert 0.03e9 < adopted.idle_ns() < 5e9
        assert adopt_selector(selector) is adopted
    finally:
        loop.close()


def test_another_kind_of_selector_is_left_alone() -> None:
    """A program that chose its selector keeps it."""
    with selectors.SelectSelector() as selector:
        if type(selector) is selectors.DefaultSelector:
            pytest.skip("here this is the platform's own")
        assert adopt_selector(selector) is None
        assert not isinstance(selector, TimedSelector)


def test_a_loop_is_met_each_time_it_runs() -> None:
    """Two runs of one loop are one loop; between them it is idle, and it beats only while it runs."""
    met: list[WatchedLoop] = []
    watch = LoopWatch(met.append)
    watch.patch(OwnLoop)
    loop = OwnLoop()
    loop.run_until_complete(asyncio.sleep(0.12))
    watched = met[0]
    assert not watched.running
    assert watched.beats.take_beats()
    before_ns = watched.idle_ns()
    time.sleep(0.02)
    assert watched.idle_ns() - before_ns >= 20_000_000
    loop.run_until_complete(asyncio.sleep(0))
    assert met == [watched, watched]
    loop.close()
    frozen_ns = watched.idle_ns()
    assert watched.idle_ns() >= frozen_ns
    assert watched.tasks() == 0
    assert watch.problem == ""


def test_a_loop_that_cannot_run_says_so_itself() -> None:
    """The hook adds nothing to the error that a closed loop raises."""
    watch = LoopWatch(lambda watched: None)

    class Closed(asyncio.SelectorEventLoop):
        pass

    watch.patch(Closed)
    loop = Closed()
    loop.close()
    with pytest.raises(RuntimeError, match="closed"):
        loop.run_forever()


def test_a_probe_that_fails_does_not_break_the_program() -> None:
    """Whatever goes wrong in meeting a loop is noted, and the loop runs."""

    def fail(watched: WatchedLoop) -> None:
        raise OSError("no more threads")

    class Hindered(asyncio.SelectorEventLoop):
        pass

    watch = LoopWatch(fail)
    watch.patch(Hindered)
    loop = Hindered()
    assert loop.run_until_complete(asyncio.sleep(0, "done")) == "done"
    loop.close()
    assert watch.problem == "OSError: no more threads"


@pytest.mark.skipif(importlib.util.find_spec("uvloop") is None, reason="no uvloop here")
def test_uvloop_is_met_and_outlived() -> None:
    """Its counter is read while it runs, and never after it was closed."""
    import uvloop

    class Own(uvloop.Loop):
        pass

    met: list[WatchedLoop] = []
    watch = LoopWatch(met.append)
    watch.patch(Own)
    loop = Own()
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    del loop
    watched = met[0]
    assert watched.counts_idle
    assert watched.idle_ns() > 30_000_000
