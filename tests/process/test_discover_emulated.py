"""Servers found where emulators run: as real processes, on real ports."""

import queue
import threading
from collections.abc import Iterator

import pytest

from loopscope.session.discover import find_pair, probe, resolve
from loopscope.session.probe import EMULATOR
from loopscope.session.servers_up import warm_up
from loopscope.wire.worker import Worker


@pytest.fixture(scope="module")
def urls() -> Iterator[list[str]]:
    """Two emulators with one model in common."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    extra = (["--model", "phi4"], ["--parallel", "3"])
    workers = [
        Worker("loopscope.emulator", f"emulator-{n}", ["--port", "0", "--model", "gemma3", *more], on_line=lines.put)
        for n, more in enumerate(extra, 1)
    ]
    for worker in workers:
        worker.start()
    try:
        yield [worker.wait_ready().info["url"] for worker in workers]
    finally:
        for worker in workers:
            worker.stop()


def test_pair_of_emulators_is_found_and_known_for_what_it_is(urls: list[str]) -> None:
    """They are used like two Ollama servers, but the words say that they are emulated."""
    found = find_pair(urls=urls)
    assert found
    assert [server.model for server in found] == ["gemma3:latest"] * 2
    assert all(EMULATOR in server.words for server in found)
    assert [server.words for server in resolve(urls, model="gemma3")] == [server.words for server in found]
    assert [probe(url).slots for url in urls] == [1, 3]


def test_warm_up_loads_the_model(urls: list[str]) -> None:
    """After a warm-up the model is in the server's memory."""
    said: list[str] = []
    assert warm_up(urls, "gemma3:latest", "30m", threading.Event(), said.append)
    assert len(said) == 2
    assert [[one.name for one in probe(url).loaded] for url in urls] == [["gemma3:latest"]] * 2
