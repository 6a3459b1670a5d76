"""What is taken from the records of a round, and by how much each cause made a request end later."""

import pytest

from loopscope.core.records import AgentSpec, AgentState, AnyRecord, Chunks, ClockAnchor, Lever, Loss, Pulse, Request
from loopscope.experiments.one_round import Round, RoundHost, run_round
from loopscope.model.figure import figures
from loopscope.model.intake import Intake
from loopscope.session.procedure import Task

MS = 1_000_000
SPEC = AgentSpec(agent=0, name="one", server=0, requests=1)


class Script(RoundHost):
    """A session that says what it is told to once its agents are started."""

    def __init__(self, records: list[AnyRecord]) -> None:
        self.records = records
        self.heard: list[object] = []

    def listen(self, heard):  # type: ignore[no-untyped-def]
        self.heard.append(heard)
        return lambda: self.heard.remove(heard)

    def start_agents(self, specs) -> None:  # type: ignore[no-untyped-def]
        for record in self.records:
            for heard in self.heard:
                heard(record)  # type: ignore[operator]

    def lag_floors_ns(self) -> dict[str, int]:
        return {"rig-1": MS}


class Now(Task):
    """A task that never waits."""

    def progress(self, done: float, words: str) -> None: ...

    def check(self) -> None: ...

    def wait(self, seconds: float) -> None: ...


def state(word: str, t_ms: float) -> AgentState:
    return AgentState(t_ns=int(t_ms * MS), proc="rig-1", agent=0, state=word, name="one")


def request(**values: object) -> Request:
    made = {
        "t_ns": 1000 * MS,
        "proc": "rig-1",
        "agent": 0,
        "request": 1,
        "outcome": "ok",
        "start_ns": 0,
        "end_ns": 1000 * MS,
        "first_ns": 100 * MS,
        "last_ns": 1000 * MS,
        "chunks": 10,
        "tokens": 10,
        "prompt_tokens": 3,
        "total_ns": 900 * MS,
        "load_ns": 0,
        "prompt_ns": 50 * MS,
        "eval_ns": 800 * MS,
        "connect_ns": 2 * MS,
        "handle_ns": MS,
    }
    return Request(**(made | values))  # type: ignore[arg-type]


def last_row(delay_ms: float | None, handled_ms: float) -> Chunks:
    delay = None if delay_ms is None else int(delay_ms * MS)
    return Chunks(
        t_ns=999 * MS,
        proc="rig-1",
        base_ns=980 * MS,
        agent=[0, 0],
        recv=[0, 10 * MS],
        delay=[None, delay],
        handled=[0, int(handled_ms * MS)],
    )


def play(*records: AnyRecord) -> Round:
    return run_round(Script([state("starting", 0), *records, state("gone", 1001)]), Now(), [SPEC], limit_s=1.0)


def test_the_work_of_an_agent_is_what_its_records_say() -> None:
    """Wall time from start to gone, durations as reported, in seconds."""
    made = play(last_row(5, 0.1), request())
    assert made.problem == ""
    work = made.deeds[0].work()
    assert work.wall_s == pytest.approx(1.001)
    assert (work.total_s, work.load_s, work.prompt_s, work.eval_s) == (0.9, 0.0, 0.05, 0.8)
    assert work.connect_s == pytest.approx(0.002)
    assert work.loop_s == pytest.approx(0.005)
    assert work.handling_s == pytest.approx(0.0001)
    assert made.deeds[0].tok_s == pytest.approx(12.5)
    assert made.deeds[0].ttft_ms == 100


@pytest.mark.parametrize(
    ("delay_ms", "handled_ms", "values", "loop", "throttle", "batching"),
    [
        (80, 0.1, {"throttle_ns": 500 * MS}, 0.0, 0.08, 0.0),  # the throttle held reading up all that time
        (80, 0.1, {"throttle_ns": 30 * MS}, 0.05, 0.03, 0.0),  # no more than it did at all
        (80, 0.1, {"throttle_ns": 500 * MS, "last_ns": 900 * MS}, 0.0, 0.18, 0.0),  # before the last chunk and after it
        (40, 0.1, {"batch_ns": 900 * MS}, 0.0, 0.0, 0.04),  # read batching
        (1, 40.1, {"batch_ns": 900 * MS}, 0.0, 0.0, 0.041),  # decode batching: read at once, handled later
        (7, 0.1, {}, 0.007, 0.0, 0.0),  # nothing but the loop
        (-3, 0.1, {}, 0.0, 0.0, 0.0),  # the server's clock is ahead
        (None, 0.1, {}, 0.0, 0.0, 0.0),  # no stamp
    ],
)
def test_what_came_late_at_the_end_is_told_apart(
    delay_ms: float | None, handled_ms: float, values: dict[str, int], loop: float, throttle: float, batching: float
) -> None:
    """By the delay of the last chunk and by what held it up."""
    work = play(last_row(delay_ms, handled_ms), request(**values)).deeds[0].work()
    assert work.loop_s == pytest.approx(loop, abs=2e-4)
    assert work.throttle_s == pytest.approx(throttle, abs=2e-4)
    assert work.batching_s == pytest.approx(batching, abs=2e-4)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (request(outcome="cut", words="the stream broke off"), "failed: the stream broke off"),
        (request(tokens=0, chunks=0), "no tokens"),
        (ClockAnchor(t_ns=5 * MS, proc="rig-1", wall_ns=0, step_ns=-2000 * MS), "stepped by -2.00 s"),
        (Lever(t_ns=5 * MS, proc="session", name="batch", old="off", new="read:50ms"), "batch was set to read:50ms"),
        (Loss(t_ns=5 * MS, proc="session", what="rig", count=1, words="rig-1 ended by itself"), "rig-1 ended"),
    ],
)
def test_a_round_that_cannot_count_says_why(record: AnyRecord, words: str) -> None:
    """It is kept, with its reason."""
    extra = [] if isinstance(record, Request) else [request()]
    assert words in play(record, *extra).problem


def test_an_agent_that_does_not_end_is_named() -> None:
    """After the limit; nobody waits for ever."""
    made = run_round(Script([state("starting", 0)]), Now(), [SPEC], limit_s=0.2)
    assert "one did not end in time" in made.problem


def test_what_was_before_the_round_is_not_of_it() -> None:
    """A request and an end of the agent's former life say nothing."""
    records = [state("gone", -5), request(), state("starting", 0), last_row(1, 0.1), request(), state("gone", 1001)]
    made = run_round(Script(records), Now(), [SPEC], limit_s=1.0)
    assert len(made.deeds[0].requests) == 1
    assert made.start_ns == 0


def test_the_loop_is_metered_above_its_floor() -> None:
    """Shares of wall time."""
    intake = Intake({"rig-1": MS})
    for number in range(20):
        pulse = Pulse(
            t_ns=number * 100 * MS,
            proc="rig-1",
            dt_ns=100 * MS,
            loop="asyncio",
            active_ns=30 * MS,
            cpu_ns=20 * MS,
            lag_ns=[3 * MS] * 6,
            beat_ns=50 * MS,
        )
        intake.feed(pulse)
    intake.feed(last_row(5, 0.1))
    made = {name: found.value for name, found in figures(intake.aggregate(2.0)).items()}
    assert made["elu"] == pytest.approx(0.3)
    assert made["cpu"] == pytest.approx(0.2)
    assert made["lag.p99"] == pytest.approx(2.0, rel=0.006)
    assert made["chunks_s"] == 1.0
