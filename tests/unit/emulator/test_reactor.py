"""One thread, one heap of due times."""

import socket
import threading
from selectors import EVENT_READ
from time import perf_counter_ns

from loopscope.emulator.reactor import PASS_STEPS, Reactor


def test_steps_come_in_the_order_they_are_due() -> None:
    """Never before their time, in order, again when they say so, each told when it was due."""
    reactor = Reactor()
    start = perf_counter_ns()
    seen: list[tuple[str, int]] = []

    def step(name: str, more: int) -> None:
        def run(due: int) -> int:
            nonlocal more
            assert perf_counter_ns() >= due
            seen.append((name, due - start))
            more -= 1
            return due + 2_000_000 if more else 0

        reactor.at(start + (1_000_000 if name == "b" else 2_000_000), run)

    step("a", 1)
    step("b", 2)

    def end(_due: int) -> int:
        reactor.stop()
        return 0

    reactor.at(start + 5_000_000, end)
    reactor.run()
    reactor.close()
    assert seen == [("b", 1_000_000), ("a", 2_000_000), ("b", 3_000_000)]


def test_overdue_steps_do_not_starve_the_sockets() -> None:
    """A step that is always due leaves the sockets their turn."""
    reactor = Reactor()
    one, two = socket.socketpair()
    calls = 0

    def busy(due: int) -> int:
        nonlocal calls
        calls += 1
        return due

    def ready(_mask: int) -> None:
        reactor.stop()

    mask = reactor.watch(two, EVENT_READ, ready)
    reactor.at(perf_counter_ns(), busy)
    one.send(b"x")
    reactor.run()
    assert calls <= 2 * PASS_STEPS
    assert reactor.watch(two, 0, ready, mask) == 0
    reactor.close()
    one.close()
    two.close()


def test_eager_callbacks_run_until_they_say_enough() -> None:
    """Each is called once a pass for as long as it returns true."""
    reactor = Reactor()
    left = {"a": 3, "b": 5}

    def burst(name: str) -> None:
        def run() -> bool:
            left[name] -= 1
            if not any(left.values()):
                reactor.stop()
            return left[name] > 0

        reactor.eager.append(run)

    burst("a")
    burst("b")
    reactor.run()
    reactor.close()
    assert left == {"a": 0, "b": 0}


def test_another_thread_can_end_an_idle_loop() -> None:
    """Nothing is due and no socket is ready, and still it ends at once; and stopping a closed one does no harm."""
    reactor = Reactor()
    thread = threading.Thread(target=reactor.run)
    thread.start()
    reactor.stop()
    thread.join(10)
    assert not thread.is_alive()
    reactor.close()
    reactor.wake()
