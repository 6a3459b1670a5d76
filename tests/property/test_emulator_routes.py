"""Whatever a request's body holds, every route answers and the server lives."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.emulators import Emulated, emulator
from loopscope.emulator.routes import ROUTES


@pytest.fixture(scope="module")
def served() -> Iterator[Emulated]:
    """A flat-out server, so that whatever is asked for ends soon."""
    with emulator("--rate", "0", "--text", "tricky", "--tokens", "20") as one:
        yield one


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("gemma3")
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3))
NAMES = st.sampled_from(
    [
        "model",
        "prompt",
        "messages",
        "stream",
        "options",
        "keep_alive",
        "format",
        "raw",
        "context",
        "system",
        "think",
        "stop",
        "response_format",
        "stream_options",
        "max_tokens",
        "temperature",
        "suffix",
        "shift",
        "fault",
        "after",
        "for",
        "times",
        "name",
        "seed",
    ]
)
OPTIONS = st.dictionaries(
    st.sampled_from(["num_predict", "seed", "temperature", "stop", "num_ctx", "num_gpu", "use_mmap"]),
    VALUES | st.integers(-2, 50),
    max_size=4,
)
LIKELY = {
    "model": st.just("gemma3") | VALUES,
    "prompt": st.text(max_size=20) | VALUES,
    "messages": st.lists(st.fixed_dictionaries({"role": st.just("user"), "content": VALUES}) | VALUES, max_size=3),
    "options": OPTIONS | VALUES,
    "max_tokens": st.integers(0, 30) | VALUES,
    "stream": st.booleans() | VALUES,
}
METHODS = st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"])
# Faults that close the port or stop a stream for long are asked for by other tests.
BODIES = st.fixed_dictionaries(LIKELY) | st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=5)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(sorted(ROUTES)), method=st.sampled_from(["GET", "POST", "DELETE", "PUT", "HEAD"]), body=BODIES
)
def test_every_route_answers_any_body(served: Emulated, path: str, method: str, body: dict[str, object]) -> None:
    """A status that means something, a body that is whole, and the next request is served."""
    told = served.ask(method, path, json.dumps(body).encode())
    assert told.status in (200, 400, 404, 405, 500, 503)
    if told.headers.get("Content-Type", "").startswith("application/json") and method != "HEAD":
        json.loads(told.body)
    served.server.faults.clear()
    assert served.stats()["streams"] == 0
