"""Which rig is current, which ones drain."""

import pytest

from kit.tape import MS, S, hello
from loopscope.core.records import Hello, Pulse
from loopscope.model.rigs import SILENT_NS, Rigs


def pulse(**more: object) -> Pulse:
    return Pulse(**({"t_ns": S, "dt_ns": S // 10, "loop": "asyncio", "streams": 2, "dropped": 0} | more))


def test_the_latest_hello_is_current() -> None:
    """A takeover: the new rig is current, the old one drains until its bye."""
    rigs = Rigs()
    rigs.hello(hello(0, "rig-1", "asyncio"), 0)
    assert rigs.draining(S) == ()
    rigs.hello(hello(S, "rig-2", "uvloop"), S)
    assert (rigs.current.proc, rigs.current.name) == ("rig-2", "uvloop")
    assert rigs.draining(S) == ("asyncio",)
    rigs.bye("rig-1")
    assert rigs.draining(S) == ()


def test_the_latest_hello_counts_not_the_last_to_arrive() -> None:
    """Lines of two processes may change places on their way."""
    rigs = Rigs()
    rigs.hello(hello(S, "rig-2", "uvloop"), S)
    rigs.hello(hello(0, "rig-1", "asyncio"), 0)
    assert rigs.current.proc == "rig-2"
    assert rigs.draining(S) == ("asyncio",)


def test_a_rig_that_died_without_a_bye_stops_draining() -> None:
    """Five seconds of silence are as good as a bye."""
    rigs = Rigs()
    rigs.hello(hello(0, "rig-1"), 0)
    rigs.hello(hello(S, "rig-2"), S)
    assert rigs.draining(SILENT_NS) == ("asyncio",)
    assert rigs.draining(SILENT_NS + 1) == ()


def test_a_rig_that_never_said_hello_is_still_a_rig() -> None:
    """A recording without its head: the process that sends pulses is the measured one."""
    rigs = Rigs()
    rig = rigs.of("rig-9", S)
    rigs.pulse(rig, pulse(loop="uvloop"))
    assert rigs.current is rig
    assert rig.name == "uvloop"


def test_dropped_samples_of_all_rigs_add_up() -> None:
    """Each rig counts from its own start; a rig that ended keeps its count, also when its name is used again."""
    rigs = Rigs()
    for proc, dropped in (("rig-1", 5), ("rig-2", 7)):
        rigs.hello(hello(0, proc), 0)
        rigs.pulse(rigs.of(proc, 0), pulse(dropped=dropped))
    rigs.bye("rig-1")
    assert rigs.dropped == 12
    rigs.hello(hello(S, "rig-1"), S)
    assert rigs.dropped == 12


def test_only_signals_that_are_missing_have_words() -> None:
    """What is ok needs no word; why a signal cannot be had is kept, made safe."""
    record = hello()
    rigs = Rigs()
    signals = {"elu": "ok", "runq": "no \x1b[1mschedstat"}
    rigs.hello(type(record)(t_ns=0, proc="rig-1", role="rig", pid=1, perf_ns=0, wall_ns=0, signals=signals), 0)
    assert rigs.current.words == {"runq": "no ·[1mschedstat"}


def test_the_number_of_rigs_is_bounded() -> None:
    """A thousand takeovers keep 160 rigs, and the sum of what all of them dropped."""
    rigs = Rigs()
    for number in range(1_000):
        rigs.hello(hello(number, f"rig-{number}"), number)
        rigs.pulse(rigs.of(f"rig-{number}", number), pulse(dropped=1))
    assert rigs.dropped == 1_000
    assert len(rigs.draining(1_000)) <= 159
    assert rigs.started == 1_000
    assert rigs.current.proc == "rig-999"


@pytest.mark.parametrize("spoke", [(), ("rig-1",), ("rig-1", "rig-2"), ("rig-2", "rig-1")])
def test_a_hello_behind_pulses_of_its_rig_makes_it_no_second_rig(spoke: tuple[str, ...]) -> None:
    """Where servers start slowly, pulses reach the file before the hello, which is older than they: nothing drains."""
    rigs = Rigs()
    for proc in spoke:
        rigs.of(proc, 200 * MS)
    for number, proc in enumerate(("rig-1", "rig-2")):
        info = {"loop": "uvloop", "group": "1"}
        rigs.hello(Hello(t_ns=0, proc=proc, role="rig", pid=1, perf_ns=0, wall_ns=0, info=info), (50 + number) * MS)
    assert rigs.procs == ("rig-1", "rig-2")
    assert rigs.current is rigs.of("rig-1", 300 * MS)
    assert rigs.older(300 * MS) == []
