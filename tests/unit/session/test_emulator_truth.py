"""Emulators that were given by URL are asked what they did."""

from collections.abc import Iterator

import pytest

from kit.emulators import Emulated, emulator
from loopscope.core.records import Server, Truth
from loopscope.session.emulator_truth import EmulatorTruth
from loopscope.session.probe import get_object


@pytest.fixture
def told() -> list[Truth]:
    """What has been emitted."""
    return []


@pytest.fixture
def asking(told: list[Truth]) -> Iterator[EmulatorTruth]:
    """One that asks."""
    truth = EmulatorTruth(told.append)
    yield truth
    truth.stop()


def server(one: Emulated) -> Server:
    """As a session has it."""
    return Server(url=one.url, api="ollama", model="gemma3")


def test_what_an_emulator_did_within_the_session_is_told_at_its_end(asking: EmulatorTruth, told: list[Truth]) -> None:
    """Not what it had done before."""
    with emulator() as one:
        one.lines(options={"num_predict": 7})
        asking.begin([server(one)])
        asking.start()
        one.lines(options={"num_predict": 5})
        with one.link() as link:
            link.post(options={"num_predict": 3})
            link.head()
            link.chunks()
        asking.stop()
    last = told[-1]
    assert (last.proc, last.requests, last.chunks, last.messages, last.tokens) == ("emulator-1", 2, 8, 10, 8)
    assert last.abandoned == 0
    assert last.watts is None, "its card is no card of this machine"
    assert last.cpu_ns > 0 and last.late_p99_ns is not None


def test_each_keeps_its_number_and_others_are_left_alone(
    asking: EmulatorTruth, told: list[Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second server is no emulator, the third does not answer."""
    with emulator() as one, emulator() as other:

        def answer(client: object, path: str, timeout_s: float) -> dict[str, object] | None:
            if str(getattr(client, "base_url", "")).startswith(one.url):
                return {"version": "0.33.0"}
            return get_object(client, path, timeout_s)  # type: ignore[arg-type]

        monkeypatch.setattr("loopscope.session.emulator_truth.get_object", answer)
        silent = Server(url="http://127.0.0.1:9", api="ollama", model="gemma3")
        asking.begin([server(one), silent, server(other)])
        asking.start()
        other.lines(options={"num_predict": 2})
        asking.stop()
    assert {record.proc for record in told} == {"emulator-3"}
    assert told[-1].chunks == 2


def test_one_that_begins_anew_counts_on(
    asking: EmulatorTruth, told: list[Truth], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counters that fell are those of another life; nonsense is no truth."""
    counts = {"emulator": "1", "requests": 5, "chunks": 50, "tokens": 50}
    answers = iter(
        [
            counts,
            counts | {"requests": 7, "chunks": 70, "tokens": 70},
            counts | {"requests": 1, "chunks": 4, "tokens": 4},
            counts | {"chunks": "many"},
            counts | {"requests": 2, "chunks": 9, "tokens": 9},
        ]
    )
    monkeypatch.setattr("loopscope.session.emulator_truth.get_object", lambda *_: next(answers))
    asking.begin([Server(url="http://127.0.0.1:9", api="ollama", model="gemma3")])
    for _ in range(4):
        asking._ask()
    assert [(record.requests, record.chunks) for record in told] == [(2, 20), (3, 24), (4, 29)]
