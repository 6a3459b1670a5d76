"""A model in memory: slots, waiters, loading, and who makes it load again."""

import itertools
import json
from time import perf_counter_ns

from kit.emulators import Emulated, Link, emulator
from kit.processes import wait_until
from loopscope.emulator.gpu import Gpu


def finals(links: list[Link]) -> list[dict[str, int]]:
    """Final messages of streams, which are then closed."""
    found = []
    for link in links:
        assert link.head()[0] == 200
        found.append(json.loads(link.chunks()[-1]))
        link.close()
    return found


def wait_ns(final: dict[str, int]) -> int:
    """What the queue took: total minus every part that is reported."""
    parts = ("load_duration", "prompt_eval_duration", "eval_duration")
    return final["total_duration"] - sum(final.get(part, 0) for part in parts)


def test_waiters_are_served_in_order_and_only_the_total_tells() -> None:
    """One slot: the n-th waits n streams; load, prompt and evaluation are those of a stream alone."""
    with emulator("--parallel", "1", "--rate", "1000") as one:
        links = []
        for number in range(4):
            links.append(one.link().post(options={"num_predict": 150}))
            assert wait_until(lambda n=number: one.server.ledger.streams == n + 1)
        assert one.stats()["waiting"] == 3
        done = finals(links)
        order = [request for request, *_ in one.log()["rows"]]
    assert order == sorted(order)
    assert {final["eval_duration"] for final in done} == {149_000_000}
    waits = [wait_ns(final) for final in done]
    assert waits == sorted(waits)
    assert waits[3] > 2 * 149_000_000
    assert all(final["load_duration"] < 149_000_000 for final in done)


def test_any_number_waits_once_the_model_is_loaded() -> None:
    """The limit of the queue is for a model that loads; afterwards nobody is refused."""
    with emulator("--parallel", "1", "--max-queue", "2", "--rate", "20000") as one:
        one.lines(options={"num_predict": 1})
        links = [one.link().post(options={"num_predict": 20}) for _ in range(12)]
        assert [final["eval_count"] for final in finals(links)] == [20] * 12


def test_too_many_waiters_are_refused_while_the_model_loads() -> None:
    """503 with Ollama's words; those who wait are served when it has loaded."""
    with emulator("--load-ms", "1000000", "--max-queue", "2") as one:
        links = []
        for number in range(2):
            links.append(one.link().post(options={"num_predict": 1}))
            assert wait_until(lambda n=number: one.server.ledger.streams == n + 1)
        told = one.ask("POST", "/api/generate", {"model": "gemma3", "prompt": "p"})
        assert told.status == 503
        assert told.json() == {"error": "server busy, please try again.  maximum pending requests exceeded"}
        (runner,) = one.server.runners.values()
        one.server.reactor.at(perf_counter_ns(), runner._finish_load)  # there is no need to wait for it
        one.server.reactor.wake()
        assert [final["eval_count"] for final in finals(links)] == [1, 1]
        assert one.stats()["streams"] == 0


def test_other_runner_options_make_it_load_again() -> None:
    """A change of num_ctx costs a load, a change of temperature does not; ps shows the window."""
    with emulator("--load-ms", "30") as one:
        loads = [
            one.lines(options={"num_predict": 1, **options})[-1]["load_duration"] >= 30_000_000
            for options in ({}, {"temperature": 0.1}, {"num_ctx": 4096}, {"num_ctx": 8192}, {"num_ctx": 8192}, {})
        ]
        assert loads == [True, False, False, True, False, True]
        one.lines(options={"num_predict": 1, "num_ctx": 2048})
        assert one.ask("GET", "/api/ps").json()["models"][0]["context_length"] == 2048


def test_reload_waits_for_those_who_still_run() -> None:
    """A request with other options neither cuts a stream nor is overtaken by one that would fit."""
    with emulator("--load-ms", "1", "--rate", "1000") as one:
        first = one.link().post(options={"num_predict": 60})
        first.head()
        second = one.link().post(options={"num_predict": 1, "num_ctx": 8192})
        assert wait_until(lambda: one.server.ledger.waiting == 1)
        third = one.link().post(options={"num_predict": 1})
        assert wait_until(lambda: one.server.ledger.waiting == 2)
        assert len(first.chunks()) == 61
        first.close()
        assert [final["eval_count"] for final in finals([second, third])] == [1, 1]
        assert [request for request, *_ in one.log()["rows"]][-2:] == [2, 3]


def test_idle_model_is_unloaded_when_its_time_is_up() -> None:
    """keep_alive of the last request counts; the next one loads it again; one that runs is left alone."""
    with emulator("--load-ms", "20", "--rate", "2000") as one:
        runner = one.server.runner(next(iter(one.server.models.values())))
        one.lines(options={"num_predict": 1}, keep_alive="10ms")
        assert wait_until(lambda: not runner.loaded)
        assert one.lines(options={"num_predict": 100}, keep_alive=0.01)[-1]["load_duration"] >= 20_000_000
        one.lines(options={"num_predict": 1}, keep_alive=0)
        assert wait_until(lambda: not runner.loaded)
        one.lines(options={"num_predict": 1}, keep_alive=-1)
        assert runner.loaded
        one.lines(options={"num_predict": 1})
        assert wait_until(lambda: runner.expires_ns > 0)
        assert 290 * 10**9 < runner.expires_ns - perf_counter_ns() <= 300 * 10**9
        assert len(one.server.reactor.heap) < 10, "one timer, however many requests"


def test_prompt_that_begins_as_before_is_not_evaluated_again() -> None:
    """With a cache: the count is whole, the time is that of the new part; one token is always evaluated."""
    with emulator("--prompt-cache", "--prefill-rate", "10000") as one:
        ask = {"raw": True, "options": {"num_predict": 1}}
        first = one.lines(prompt="a" * 400, **ask)[-1]
        again = one.lines(prompt="a" * 400, **ask)[-1]
        longer = one.lines(prompt="a" * 400 + "b" * 400, **ask)[-1]
    assert [final["prompt_eval_count"] for final in (first, again, longer)] == [100, 100, 200]
    assert [final["prompt_eval_duration"] for final in (first, again, longer)] == [10_000_000, 100_000, 10_000_000]


def test_two_models_have_slots_of_their_own() -> None:
    """One that is busy does not keep the other waiting."""
    with emulator("--model", "gemma3", "--model", "phi4", "--parallel", "1") as one:
        busy = one.link().post(options={"num_predict": 1_000_000})
        busy.head()
        assert len(one.lines(model="phi4", options={"num_predict": 2})) == 3
        names = {model["name"] for model in one.ask("GET", "/api/ps").json()["models"]}
        assert names == {"gemma3:latest", "phi4:latest"}
        busy.close()


def gap_changes(one: Emulated) -> list[int]:
    """Distances of the chunks' due times, in ms, each value once, in order."""
    due = [row[1] for row in one.log()["rows"]]
    steps = [round((b - a) / 1e6) for a, b in itertools.pairwise(due)]
    return [step for n, step in enumerate(steps) if n == 0 or step != steps[n - 1]]


def test_stream_slows_while_another_server_works_and_recovers(tmp_path_factory: object) -> None:
    """In the middle of a request: alone, shared, alone again, with exactly the stated factor."""
    path = tmp_path_factory.mktemp("gpu") / "gpu"  # type: ignore[attr-defined]
    with emulator("--rate", "500", "--gpu", str(path), "--share-factor", "3") as one:
        other = Gpu(path, 3.0)
        link = one.link().post(options={"num_predict": 100_000})
        link.head()
        for at_work in (True, False):
            rows = one.server.ledger.rows
            assert wait_until(lambda r=rows: one.server.ledger.rows > r + 10)
            other.work(at_work=at_work, now=perf_counter_ns())
            rows = one.server.ledger.rows
            if at_work:
                while one.server.ledger.rows < rows + 10:
                    other.look(perf_counter_ns())  # keeps its slot alive
        rows = one.server.ledger.rows
        assert wait_until(lambda: one.server.ledger.rows > rows + 10)
        link.close()
        assert gap_changes(one) == [2, 6, 2]
        other.close()


def test_server_that_dies_at_work_gives_the_card_back(tmp_path_factory: object) -> None:
    """It is slow for a second, then as fast as alone."""
    path = tmp_path_factory.mktemp("gpu") / "gpu"  # type: ignore[attr-defined]
    with emulator("--rate", "500", "--gpu", str(path), "--share-factor", "3") as one:
        dead = Gpu(path, 3.0)
        dead.work(at_work=True, now=perf_counter_ns())
        link = one.link().post(options={"num_predict": 100_000})
        link.head()

        def slowed() -> bool:
            dead.look(perf_counter_ns())  # alive until it has been seen
            return one.server.card.gpu.factor == 3.0

        assert wait_until(slowed)
        assert wait_until(lambda: one.server.card.gpu.factor == 1.0)
        link.close()
        dead.close()


def test_overhead_is_paid_by_each_request_and_told_as_load_time() -> None:
    """Two requests at once each take it, not one after the other; one whose client goes meanwhile leaves nothing."""
    with emulator("--overhead-ms", "40", "--rate", "1000", "--parallel", "0") as one:
        links = [one.link().post(options={"num_predict": 3}) for _ in range(2)]
        gone = one.link().post(options={"num_predict": 3})
        assert wait_until(lambda: one.server.ledger.streams == 3)
        gone.close()
        done = finals(links)
        assert all(final["load_duration"] >= 40_000_000 for final in done)
        assert all(wait_ns(final) < 40_000_000 for final in done)
        assert wait_until(lambda: one.server.ledger.streams == 0)
        (runner,) = one.server.runners.values()
        assert not runner.held
        assert one.stats()["tokens"] == 6
