"""A-B-B-A on a session whose every chunk we know, in time of its own."""

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import pytest

from kit.tape import MS, ZERO, Rig, S, header, hello
from loopscope.core.errors import InputError, WorkerError
from loopscope.core.records import AnyRecord, Finding, Lever, Loss, Phase, Record, Result
from loopscope.experiments.ab import AbResult, check, judged, order, parse_flip, run
from loopscope.model.fold import Fold
from loopscope.model.snapshot import Figure
from loopscope.report.ab import data, render
from loopscope.session.options import SessionOptions
from loopscope.session.procedure import CancelledError


class FakeHost:
    """A session in virtual time, and the task that waits in it: ``plant(value, t)`` says how its rig does."""

    def __init__(self, lever: str, value: str, plant: Callable[[str, int], dict[str, object]]) -> None:
        self.fold = Fold()
        self.values = {lever: value, "agents": "2"}
        self.lever, self._plant = lever, plant
        self.told: list[Record] = []
        self.pulled: list[str] = []
        self.at = S // 2
        self.cancel_at: int | None = None
        self.words: list[str] = []
        self.refuse = False
        self._hearers: list[Callable[[AnyRecord], None]] = []
        for record in (header(levers=dict(self.values)), hello()):
            self._feed(record)

    def _feed(self, record: AnyRecord) -> None:
        self.fold.feed(record)
        for heard in self._hearers:
            heard(record)

    # What a procedure asks of its host

    def emit(self, record: Record) -> None:
        self.told.append(record)

    def options_now(self) -> SessionOptions:
        return SessionOptions(levers=dict(self.values))

    def listen(self, heard: Callable[[AnyRecord], None]) -> Callable[[], None]:
        self._hearers.append(heard)
        return lambda: self._hearers.remove(heard)

    def pull(self, lever: str, value: str, by: str = "key") -> None:
        self.pulled.append(value)
        if self.refuse:
            self._feed(Loss(t_ns=ZERO + self.at, proc="session", what="takeover", count=1, words="it failed"))
            return
        old, self.values[lever] = self.values[lever], value
        self._feed(Lever(t_ns=ZERO + self.at, proc="session", name=lever, old=old, new=value, by=by))

    # ... and of its task

    def progress(self, done: float, words: str) -> None:
        self.words.append(words)

    def check(self) -> None:
        if self.cancel_at is not None and self.at >= self.cancel_at:
            raise CancelledError

    def wait(self, seconds: float) -> None:
        self.check()
        until = self.at + S // 2
        for record in Rig(self.at, until, **self._plant(self.values[self.lever], self.at)).records():
            self._feed(record)
        self.at = until


def steady(value: str, t: int) -> dict[str, object]:
    """The same under any value, but for a little noise."""
    noise = (t // MS * 7919) % 97 / 97
    return {"delay": int((1.0 + 0.1 * noise) * MS), "cpu": 0.04 + 0.001 * noise, "elu": 0.05 + 0.002 * noise}


def slower(value: str, t: int) -> dict[str, object]:
    """Under read batching 25 ms later and for half of the CPU; the machine warms up all the while."""
    drift = t / S
    if value == "off":
        return steady(value, t) | {"delay": int((1.0 + 0.01 * drift) * MS), "cpu": 0.04}
    return steady(value, t) | {"delay": int((26.0 + 0.01 * drift) * MS), "cpu": 0.02}


def test_a_planted_difference_comes_back_with_its_size_and_sign() -> None:
    """Delay up by 25 ms, CPU down by half, throughput the same; the drift is shown and falls out."""
    host = FakeHost("batch", "off", slower)
    result = run(host, host, {"lever": "batch=off,read:50ms", "pairs": "6", "seconds": "3"})
    rows = {row.name: row for row in result.rows}
    assert rows["delay.p50"].surely == 1
    assert rows["delay.p50"].difference.mid == pytest.approx(25.0, rel=0.02)
    assert rows["delay.p50"].difference.low < 25.0 < rows["delay.p50"].difference.high
    assert rows["delay.p50"].verdict.startswith("higher by 2")
    assert rows["cpu_us"].surely == -1
    assert rows["cpu_us"].b == pytest.approx(rows["cpu_us"].a / 2, rel=0.01)
    assert rows["chunks_s"].surely == 0
    assert rows["chunks_s"].verdict.startswith("cannot tell")
    assert rows["delay.p50"].drift_a == pytest.approx(0.01 * 48, abs=0.12)
    assert rows["delay.p50"].drift_b > 0
    assert len(rows["delay.p50"].halves_a) == len(rows["delay.p50"].halves_b) == 6
    assert host.values["batch"] == "off"
    assert host.pulled == ["read:50ms", "off", "read:50ms", "off", "read:50ms", "off"]
    assert "delivery delay p50 higher" in result.words


def test_the_same_twice_cannot_be_told_apart() -> None:
    """Nothing is pulled, and no figure is said to differ."""
    host = FakeHost("loop", "asyncio", steady)
    result = run(host, host, {"lever": "loop=asyncio,asyncio"})
    assert not host.pulled
    assert [row.name for row in result.rows if row.surely] == []
    assert "cannot tell" in result.words
    assert any("the same" in note for note in result.notes)


def test_each_half_is_a_phase_and_each_figure_a_result() -> None:
    """What was done and found stands in the trace."""
    host = FakeHost("batch", "off", slower)
    result = run(host, host, {"lever": "batch=off,read:50ms", "pairs": "4", "seconds": "1"})
    steps = [record for record in host.told if isinstance(record, Phase) and record.on]
    assert [step.settings["half"] for step in steps] == ["A", "B", "B", "A", "A", "B", "B", "A"]
    assert [(step.number, step.of) for step in steps] == [(n, 8) for n in range(1, 9)]
    found = [record for record in host.told if isinstance(record, Result)]
    assert {record.settings.get("figure") for record in found} == {row.name for row in result.rows} | {None}
    assert found[-1].words == result.words
    fold = Fold()
    for record in (header(), *host.told):
        fold.feed(record)
    assert len(fold.snapshot().results) == len(found)


def test_cancelled_it_sets_the_lever_back() -> None:
    """In the middle of B."""
    host = FakeHost("batch", "off", slower)
    host.cancel_at = 8 * S
    with pytest.raises(CancelledError):
        run(host, host, {"lever": "batch=off,read:50ms"})
    assert host.pulled == ["read:50ms", "off"]
    assert host.values["batch"] == "off"
    assert host.fold.ledger.hear is None


def test_a_lever_that_somebody_else_pulls_makes_it_void() -> None:
    """Nothing is told of stretches that are not what they say; the lever is set back."""
    host = FakeHost("batch", "off", slower)
    wait = host.wait

    def meddled(seconds: float) -> None:
        wait(seconds)
        if host.at == 10 * S:
            host._feed(Lever(t_ns=ZERO + host.at, proc="session", name="decoder", old="orjson", new="json"))

    host.wait = meddled
    with pytest.raises(WorkerError, match="decoder=json was pulled meanwhile"):
        run(host, host, {"lever": "batch=off,read:50ms"})
    assert host.values["batch"] == "off"


def test_a_takeover_that_fails_is_told() -> None:
    """In its own words, not after 45 seconds."""
    host = FakeHost("loop", "asyncio", steady)
    host.refuse = True
    with pytest.raises(WorkerError, match="it failed"):
        run(host, host, {"lever": "loop=asyncio,uvloop"})


def test_the_last_pull_is_what_is_flipped_when_nothing_is_named() -> None:
    """Its old value is A."""
    host = FakeHost("batch", "off", slower)
    with pytest.raises(InputError, match="no lever was pulled yet"):
        run(host, host, {})
    host.pull("batch", "read:50ms")
    host.wait(0.5)
    result = run(host, host, {"pairs": "4", "seconds": "1"})
    assert (result.lever, result.a, result.b) == ("batch", "off", "read:50ms")
    assert host.values["batch"] == "read:50ms"


def test_a_finding_has_its_own_lever_flipped() -> None:
    """Where it names one; else it is said what it proposes."""
    host = FakeHost("batch", "off", slower)
    told = {"name": "client-cpu", "on": True, "sentence": "full", "lever": "batch=read:50ms"}
    host._feed(Finding(t_ns=ZERO + host.at, **told))
    result = run(host, host, {"verify": "client-cpu", "pairs": "4", "seconds": "1"})
    assert (result.lever, result.a, result.b, result.finding) == ("batch", "off", "read:50ms", "client-cpu")
    assert result.words.startswith("client-cpu proposes batch=read:50ms")
    host._feed(Finding(t_ns=ZERO + host.at, **(told | {"name": "gil-held", "lever": "a process of its own"})))
    with pytest.raises(InputError, match="a process of its own"):
        run(host, host, {"verify": "gil-held"})
    with pytest.raises(InputError, match="'gc-pauses' does not hold"):
        run(host, host, {"verify": "gc-pauses"})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("loop", "not of the form"),
        ("loop=asyncio", "not of the form"),
        ("loop=asyncio,uvloop,asyncio", "not of the form"),
        ("speed=1,2", "no lever 'speed'"),
        ("loop=asyncio,trio", "'trio' is not known"),
    ],
)
def test_what_cannot_be_flipped_is_said_in_one_sentence(text: str, words: str) -> None:
    """And names what there is."""
    with pytest.raises(InputError, match=words):
        parse_flip(text)


@pytest.mark.parametrize(
    "asked", [{"pairs": "5"}, {"pairs": "2"}, {"pairs": "x"}, {"seconds": "0"}, {"seconds": "nan"}]
)
def test_lengths_that_tell_nothing_are_refused(asked: dict[str, str]) -> None:
    """An odd number leaves the drift in, two pairs tell nothing."""
    with pytest.raises(InputError, match=next(iter(asked))):
        check(asked)


def test_the_order_balances_a_drift() -> None:
    """A B B A A B B A: the mean place of A is that of B."""
    places = list(order(6))
    assert "".join(which for _, which in places) == "ABBA" * 3
    assert sum(n for n, (_, which) in enumerate(places) if which == "A") * 2 == sum(range(12))


def figures(chunks_s: float, delay: float | None, watts: float | None = None) -> dict[str, Figure]:
    values = {"chunks_s": chunks_s, "tok_s.decode": chunks_s / 2, "delay.p50": delay, "watts": watts}
    return {name: Figure(value) for name, value in values.items()}


def test_what_is_not_known_is_no_figure_and_what_is_known_too_seldom_is_not_enough_data() -> None:
    """No zero, no guess; energy says whose it is."""
    a = [figures(100.0 + n, 1.0 if n < 2 else None, 50.0) for n in range(4)]
    b = [figures(100.0 + n, 2.0, 50.0) for n in range(4)]
    result = judged("batch", "off", "read:50ms", 3.0, a, b, power="SIMULATED GPU power, W")
    rows = {row.name: row for row in result.rows}
    assert "lag.p99" not in rows
    assert rows["delay.p50"].verdict == "not enough data"
    assert rows["delay.p50"].difference is None
    assert rows["tok_s.decode"].a == pytest.approx(50.75)
    assert any("SIMULATED" in note for note in result.notes)


def test_what_grows_under_one_value_is_told_by_its_ratio() -> None:
    """A delay that climbs under A has no steady difference, but is always a hundred times that under B."""
    a = [figures(100.0 + n, 100.0 * 2.0**n) for n in range(6)]
    b = [figures(100.0 + n % 2, 1.0 + 0.1 * n) for n in range(6)]
    row = next(row for row in judged("throttle", "50", "off", 3.0, a, b).rows if row.name == "delay.p50")
    assert not row.difference.low > 0
    assert row.difference.high > 0
    assert row.surely == -1
    assert row.verdict.startswith("lower by a factor of ")
    factor, low, high = (float(part) for part in re.findall(r"[0-9.]+", re.sub(r"(?<=\d) (?=\d)", "", row.verdict)))
    assert factor == pytest.approx(1 / row.ratio.mid, rel=0.01)
    assert low < factor < high
    assert row.ratio.high < 0.1


@pytest.mark.parametrize("pairs", [4, 6])
def test_the_same_under_noise_is_told_apart_in_one_table_of_twenty_at_most(pairs: int) -> None:
    """A against A, figures that scatter like delays (log-normal): both looks together keep to it."""
    draw = np.random.default_rng(3)
    wrong = 0
    for _ in range(400):
        held = [
            [
                dict(zip(NAMES, map(Figure, draw.lognormal(0, 0.5, len(NAMES)).tolist()), strict=True))
                for _ in range(pairs)
            ]
            for _ in "AB"
        ]
        wrong += any(row.surely for row in judged("batch", "off", "off", 3.0, *held).rows)
    assert wrong / 400 <= 0.06


NAMES = ("chunks_s", "tok_s.decode", "delay.p50", "delay.p99", "lag.p99", "gap.p99", "cpu_us", "elu")


def test_a_report_is_text_and_one_object() -> None:
    """Both hold every figure; nothing that JSON has no word for."""
    host = FakeHost("batch", "off", slower)
    result: AbResult = run(host, host, {"lever": "batch=off,read:50ms", "pairs": "4", "seconds": "1"})
    text = render(result, 120)
    assert all(row.title in text for row in result.rows)
    assert max(map(len, text.splitlines()[: -len(result.notes) - 1])) <= 120
    told = data(dataclasses.replace(result))
    assert told["figures"][0]["difference"]["low"] <= told["figures"][0]["difference"]["high"]
    assert told["finding"] is None
