"""How a load is judged: who was the limit."""

import pytest

from loopscope.experiments.bench import Bench, Step, _Told, bench_options
from loopscope.experiments.gauge import Stretch
from loopscope.session.options import SessionOptions
from loopscope.stats.ceiling import Trend

S = 1_000_000_000
FLAT = Trend(0.0, 0.1, 1.0, 1.0)
GROWS = Trend(80.0, 2.0, 1.0, 160.0)


def stretch(chunks: int, **more: object) -> Stretch:
    given: dict[str, object] = {
        "seconds": 2.0,
        "chunks": chunks,
        "elu": 0.5,
        "cpu": 0.4,
        "runq": 0.02,
        "process": 0.5,
        "turns": chunks,
        "reads": chunks,
        "rigs": 1,
        "dropped": 0,
        "delay_p50_ms": 1.0,
        "delay_p99_ms": 2.0,
        "delay_max_ms": 3.0,
        "trend": FLAT,
        "late_trend": FLAT,
    }
    return Stretch(**(given | more))


def judged(sent: int, seen: Stretch, *, rate: float = 5_000.0, blocked: int = 0, in_time: bool = True) -> Step:
    bench = Bench(bench_options(SessionOptions(), streams=2))
    bench.rate = rate
    before = [_Told(0, 0, 0, 0, 0, 2, None)]
    return bench._judge(seen, before, [_Told(2 * S, sent, blocked, S, 0, 2, 100_000)], in_time)


def test_who_takes_what_is_sent_keeps_up() -> None:
    """10 000 chunks/s on the schedule, sent and taken."""
    step = judged(20_000, stretch(20_000))
    assert (step.asked, step.load.offered, step.load.delivered) == (10_000, 10_000, 10_000)
    assert not step.fell
    assert step.limited_by == ""
    assert step.load.cpu_us == pytest.approx(0.4 * 2e6 / 20_000)
    assert step.at_least == pytest.approx(20_000)
    assert step.server_cpu == 0.5


def test_streams_in_step_are_no_falling_behind() -> None:
    """Of 2 streams 2 chunks may fall out of the look; 1 % more may not."""
    assert not judged(200, stretch(197), rate=50.0).fell
    assert judged(20_000, stretch(19_700)).fell


def test_a_delay_that_keeps_growing_is_falling_behind() -> None:
    """Even where the counts still agree; one that has stopped growing is not."""
    assert judged(20_000, stretch(20_000, trend=GROWS, late_trend=GROWS)).limited_by == "client"
    assert not judged(20_000, stretch(20_000, trend=GROWS, late_trend=FLAT)).fell
    assert judged(20_000, stretch(20_000, trend=Trend(20.0, 9.0, 1, 1))).open


def test_a_server_that_sends_less_than_its_schedule_is_the_limit() -> None:
    """While its client reads; a client that makes it wait is the limit itself."""
    server = judged(15_000, stretch(15_000))
    assert (server.limited_by, server.fell) == ("server", False)
    client = judged(15_000, stretch(15_000), blocked=7)
    assert (client.limited_by, client.fell) == ("client", True)


def test_who_had_no_core_and_what_we_lost_ourselves_is_said() -> None:
    """Neither is the client's ceiling."""
    assert judged(20_000, stretch(15_000, runq=0.4)).limited_by == "core"
    assert judged(20_000, stretch(20_000, dropped=1)).limited_by == "instrument"
    assert judged(20_000, stretch(20_000), in_time=False).limited_by == "instrument"


def test_given_servers_are_judged_by_what_one_stream_gave() -> None:
    """They tell no counts: what is not taken makes the delay grow, and what is not sent is missing."""
    options = SessionOptions(urls=("http://127.0.0.1:1",))
    bench = Bench(options)
    bench.rate, bench.streams = 100.0, 4
    keeps = bench._judge(stretch(800), [], [], True)
    assert (keeps.fell, keeps.limited_by, keeps.load.offered) == (False, "", 400)
    server = bench._judge(stretch(500), [], [], True)
    assert (server.fell, server.limited_by) == (False, "server")
    client = bench._judge(stretch(700, trend=Trend(120.0, 2.0, 1, 240), late_trend=GROWS), [], [], True)
    assert (client.fell, client.limited_by) == (True, "client")
    assert client.load.offered == pytest.approx(350 / 0.88)


def test_nothing_is_not_known_instead_of_zero() -> None:
    """No chunk, no cost of one."""
    step = judged(0, stretch(0, elu=None, cpu=None, trend=None, delay_p50_ms=None))
    assert (step.load.cpu_us, step.load.reads, step.at_least, step.slope_ms_s) == (None, None, None, None)
    assert step.kept == 0.0
