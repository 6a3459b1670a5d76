"""The ramp's search, on benches that are made of arithmetic: no process, no clock."""

import math
import random

import pytest

from loopscope.core.errors import InputError
from loopscope.core.records import Result
from loopscope.experiments import ramp
from loopscope.experiments.bench import Step, bench_options
from loopscope.experiments.calibration import expected_from, parse_streams, shapes_for
from loopscope.experiments.ramp_result import Ramp, setting_of
from loopscope.session.options import SessionOptions
from loopscope.session.procedure import CancelledError
from loopscope.session.procedure_runner import Handle
from loopscope.stats.ceiling import Costs, Load, saturation

COSTS = Costs(60.0, 40.0, 20.0, 0.0, 0)


class MadeBench:
    """A client that carries ``hard`` chunks/s and a server that sends ``server`` at most; ``noise`` disturbs."""

    def __init__(
        self,
        streams: int = 2,
        hard: float = 40_000.0,
        server: float = math.inf,
        noise: float = 0.0,
        runq: float = 0.0,
        pauses: tuple[int, ...] = (),
        server_runq: float = 0.0,
    ) -> None:
        self.streams, self.rate, self.hard, self.server = streams, 25.0, hard, server
        self.server_runq = server_runq
        self.noise, self.runq, self.random = noise, runq, random.Random(1)
        self.versions = {"python": "3"}
        self.pauses, self.taken = pauses, 0
        """Looks, by their number, at whose end the machine pauses: 5 % is not delivered in time."""
        self.told: list[object] = []
        self.drained = 0

    def set_rate(self, rate: float) -> None:
        self.rate = rate

    def set_streams(self, streams: int) -> None:
        self.streams = streams

    def drain(self, task: Handle, below_ms: float) -> None:
        self.drained += 1

    def phase(self, what: str, on: bool, number: int, words: str, settings: dict[str, str]) -> None:
        self.told.append((what, on, number))

    def emit(self, record: object) -> None:
        self.told.append(record)

    def take(self, task: Handle, settle_s: float, dwell_s: float) -> Step:
        task.check()
        asked = self.rate * self.streams
        offered = min(asked, self.server)
        hard = self.hard * (1 + self.random.uniform(-self.noise, self.noise)) * (1 - self.runq)
        self.taken += 1
        paused = self.taken in self.pauses
        fell = paused or offered > hard
        delivered = min(offered * (0.95 if paused else 1.0), hard)
        light = delivered < hard / 2
        load = Load(
            self.streams,
            offered,
            delivered,
            elu=min(1.0, 0.2 + 0.79 * delivered / hard),
            cpu_us=COSTS.us(1.0, 1.0) if light else 1e6 / hard,
            turns=1.0 if light else 0.1,
            reads=1.0 if light else 0.5,
            runq=self.runq,
            delay_p50_ms=1.0,
            delay_p99_ms=2.0,
        )
        short = offered < 0.97 * asked
        return Step(
            asked=asked,
            rate=self.rate,
            load=load,
            seconds=dwell_s,
            process_us=None,
            slope_ms_s=0.0,
            fell=fell,
            open=False,
            limited_by="client" if fell else "server" if short else "",
            late_p99_ms=0.1,
            server_cpu=0.1,
            server_runq=self.server_runq,
            slices=(delivered,) * 8,
        )


def climbed(bench: MadeBench, shape: str = "rate", rate: float = 100.0) -> Ramp:
    """Run a ramp on a bench."""
    knob = ramp.rate_knob(bench, bench.streams) if shape == "rate" else ramp.streams_knob(bench, rate)
    setting = setting_of(SessionOptions(), bench.streams, shape)
    return ramp.climb(bench, knob, Handle(), setting)


@pytest.mark.parametrize("pauses", [(2,), (4,), (5,), (3, 6)])
def test_a_pause_of_the_machine_is_no_ceiling(pauses: tuple[int, ...]) -> None:
    """A second look at the same load shows that the client keeps up with it."""
    found = climbed(MadeBench(32, 40_000.0, pauses=pauses))
    assert found.hard is not None
    assert found.hard.low <= 40_000 <= found.hard.high
    assert all(step.load.offered > 40_000 for step in found.steps if step.fell)


@pytest.mark.parametrize("hard", [1_500, 9_000, 40_000, 123_456])
@pytest.mark.parametrize("streams", [2, 32])
def test_a_planted_ceiling_is_found(hard: float, streams: int) -> None:
    """Within the interval, which is a tenth wide at most beside what one ramp cannot know."""
    found = climbed(MadeBench(streams, hard))
    assert found.hard is not None
    assert found.noise == ramp.LEAST_NOISE
    low, high = found.hard.low / (1 - found.noise), found.hard.high / (1 + found.noise)
    assert low <= hard <= high
    assert high / low < 1.11
    assert found.limited_by == "client"
    assert set(found.at) == {0.01, 0.1, 0.5}
    assert f"{streams} streams: hard ceiling" in found.words


def test_the_number_of_streams_is_raised_where_that_is_the_shape() -> None:
    """Each stream keeps its rate; the ceiling lies between two whole numbers of streams."""
    bench = MadeBench(2, 10_050)
    bench.rate = 100.0
    found = climbed(bench, "streams", 100.0)
    assert bench.rate == 100.0  # the knob does not touch it
    assert found.hard is not None
    assert found.hard.low <= 10_050 <= found.hard.high
    assert (found.setting.shape, found.setting.rate) == ("streams", 100.0)
    assert 90 <= found.setting.streams <= 110
    assert "streams of 100 chunks/s each" in found.words


def test_a_server_that_gives_no_more_is_named() -> None:
    """What it sends is no ceiling of the client: the interval stays open, and the words say so."""
    found = climbed(MadeBench(2, 50_000, server=20_000))
    assert found.limited_by == "server"
    assert found.hard is not None
    assert math.isinf(found.hard.high)
    assert found.hard.mid <= 20_000
    assert "the server is the limit" in found.words


def test_a_server_that_had_no_core_is_no_slow_one() -> None:
    """Rigs side by side use the cores up: what sends waits for one, and sends less for that."""
    found = climbed(MadeBench(2, 50_000, server=20_000, server_runq=0.5))
    assert (found.limited_by, found.runq) == ("core", 0.5)
    assert "the cores are used up: what sends had none for 50 % of the time" in found.words


def test_who_had_no_core_is_not_told_to_be_slow_at_once() -> None:
    """A step that fell behind while others had the core is taken again, and the words say what was taken."""
    bench = MadeBench(2, 40_000, noise=0.05, runq=0.3)
    found = climbed(bench)
    assert found.runq == 0.3
    assert found.hard is not None
    assert found.hard.low <= 40_000 * 0.7 * 1.05
    assert found.hard.high >= 40_000 * 0.95  # on a core of its own it would have carried that
    assert found.hard.mid == pytest.approx(40_000, rel=0.06)
    assert "others took" not in found.words  # the made bench calls it the client's doing


def test_every_step_and_the_outcome_are_told() -> None:
    """Each step is a phase that begins and ends, and a result; the last result is the outcome."""
    bench = MadeBench()
    found = climbed(bench)
    results = [record for record in bench.told if isinstance(record, Result)]
    phases = [record for record in bench.told if isinstance(record, tuple)]
    assert len(results) == len(found.steps) + 1
    assert len(phases) == 2 * len(found.steps)
    assert [result.settings["kind"] for result in results] == ["point"] * len(found.steps) + ["outcome"]
    assert results[-1].figures["hard_mid_chunks_s"] == found.hard.mid
    assert results[-1].settings["limited_by"] == "client"


def test_it_can_be_cancelled_at_each_step() -> None:
    """Between two steps at the latest."""
    handle = Handle(lambda done, words: handle.cancel() if done > 0.3 else None)
    with pytest.raises(CancelledError):
        ramp.climb(MadeBench(), ramp.rate_knob(MadeBench(), 2), handle, setting_of(SessionOptions(), 2, "rate"))


@pytest.mark.parametrize("hard", [2_000, 30_000])
def test_an_overload_lets_expect_the_ceiling(hard: float) -> None:
    """What an overload delivers, between what held and what fell; on a free core it may be more."""
    bench = MadeBench(2, hard, runq=0.2)
    steps = []
    for total in (hard / 4, hard / 2, hard * 1.5):
        bench.set_rate(total / 2)
        steps.append(bench.take(Handle(), 0, 1))
    found = expected_from(steps, steps[-1])
    assert found.mid == pytest.approx(hard)
    assert found.low <= hard <= found.high
    assert math.isinf(expected_from(steps[:2], steps[1]).high)


def test_options_of_a_bench() -> None:
    """Own emulator, the session's levers, no throttle."""
    now = SessionOptions(urls=("http://127.0.0.1:1",), levers=SessionOptions().levers | {"throttle": "5"})
    own = bench_options(now, streams=7, loop="uvloop")
    own.check()
    assert own.embedded
    assert (own.levers["agents"], own.levers["throttle"], own.levers["loop"]) == ("7", "off", "uvloop")


def test_what_is_no_number_of_streams_is_refused() -> None:
    """And what lies within the usual shapes needs no other."""
    assert parse_streams("2, 32") == (2, 32)
    for text in ("", "x", "0", "2,,3", "9999999"):
        with pytest.raises(InputError, match="streams="):
            parse_streams(text)
    assert shapes_for(8) == (2, 32)
    assert shapes_for(100) == (2, 32, 100)
    with pytest.raises(InputError, match="shape='x'"):
        ramp.run(_Host(), Handle(), {"shape": "x"})
    with pytest.raises(InputError, match="against=servers"):
        ramp.run(_Host(), Handle(), {"against": "servers"})
    with pytest.raises(InputError, match="rate='-1'"):
        ramp.run(_Host(), Handle(), {"rate": "-1"})


class _Host:
    def options_now(self) -> SessionOptions:
        return SessionOptions()

    def emit(self, record: object) -> None:
        raise AssertionError


def test_the_synthetic_costs_are_those_of_the_property_tests() -> None:
    """A guard on the planted client: it carries what its costs allow."""
    assert saturation(COSTS, 2, 600.0) == pytest.approx(1e6 / (20 + 40 / 600 + 60 / 1200))
