"""What stamps are worth: other hosts are estimated, whole seconds and bursts are said."""

import msgspec
import pytest

from kit.tape import MS, Rig, S, header, hello
from loopscope.core.codec import as_dict
from loopscope.core.records import AnyRecord, Chunks, Server
from loopscope.model.fold import Fold
from loopscope.model.summary import summary


def _fold(url: str, rig: Rig, change: dict[str, object] | None = None) -> Fold:
    made = Fold()
    servers = [Server(url=url, model="m")]
    records: list[AnyRecord] = [header(1, servers=servers, source="urls"), hello(), *rig.records()]
    for record in records:
        if isinstance(record, Chunks) and change:
            record = msgspec.structs.replace(record, **change)
        made.feed(record)
    return made


def test_delays_of_another_host_are_above_the_least_and_called_estimated() -> None:
    """A server whose clock is 40 s behind, with delays from 40.000 to 40.004 s, shows 0 to 4 ms."""
    rig = Rig(S // 2, 6 * S, (0,))
    made, n = Fold(), 0
    for record in [header(1, servers=[Server(url="http://10.0.0.7:11434")], source="urls"), hello(), *rig.records()]:
        if isinstance(record, Chunks):
            delays = [40 * S + (n + row) % 5 * MS for row in range(len(record.agent))]
            n += len(delays)
            record = msgspec.structs.replace(record, delay=delays)
        made.feed(record)
    agent = made.snapshot().agents[0]
    assert agent.delay_words.startswith("estimated")
    assert agent.delay_ms.max == pytest.approx(4.0)
    assert agent.delay_ms.p50 == pytest.approx(2.0, rel=0.01)
    assert as_dict(summary(made))["agents"][0]["delay_words"].startswith("estimated")


def test_delays_of_this_host_stay_as_they_are() -> None:
    """Here both clocks are the same one."""
    agent = _fold("http://127.0.0.1:9", Rig(S // 2, 6 * S, (0,), delay=3 * MS)).snapshot().agents[0]
    assert agent.delay_words == ""
    assert agent.delay_ms.max == pytest.approx(3.0)


def test_whole_seconds_give_no_delay_and_say_why() -> None:
    """Stamps without a fraction would show delays of up to a second that nobody had."""
    made = _fold("http://127.0.0.1:9", Rig(S // 2, 6 * S, (0,)), {"whole": [0]})
    agent = made.snapshot().agents[0]
    assert agent.delay_words.startswith("whole seconds")
    assert agent.delay_ms.n == agent.server_gap_ms.n == 0
    assert as_dict(summary(made))["agents"][0]["delay_words"].startswith("whole seconds")


def test_stamps_in_bursts_are_said() -> None:
    """A server that stamps five chunks at once has four of five with the stamp of the one before."""
    rig = Rig(S // 2, 6 * S, (0,))
    made, n = Fold(), 0
    for record in [header(1), hello(), *rig.records()]:
        if isinstance(record, Chunks):
            delays = [MS + (n + row) % 5 * rig.gap for row in range(len(record.agent))]
            n += len(delays)
            record = msgspec.structs.replace(record, delay=delays)
        made.feed(record)
    words = made.snapshot().agents[0].delay_words
    assert words.startswith("stamps in bursts: 8")


def test_the_loop_tells_switches_connections_and_waiting() -> None:
    """Context switches a second, collector by generation, open connections, share of time with a wait over 10 ms."""
    rig = Rig(
        S // 2,
        8 * S,
        (0,),
        lag=lambda t: [20 * MS, 100_000],
        more_pulse={"switches": 30, "preempted": 4, "gc_gen_ns": [MS, 0, 2 * MS], "gc_ns": 3 * MS, "connections": 7},
    )
    made = Fold()
    for record in [header(1), hello(), *rig.records()]:
        made.feed(record)
    loop = made.snapshot().loop
    assert (loop.switches_s, loop.preempted_s) == (pytest.approx(30), pytest.approx(4))
    assert loop.connections == 7
    assert loop.gc_generations == (pytest.approx(0.01), 0.0, pytest.approx(0.02))
    assert loop.waited_10ms == pytest.approx(0.5)
    assert loop.waited_50ms == 0.0
    told = as_dict(summary(made))["loop"]
    assert told["waited_10ms"] == pytest.approx(0.5)
    assert told["switches_s"] == pytest.approx(30)
