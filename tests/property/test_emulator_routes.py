"""Whatever a request's body holds, every route answers and the server lives."""

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kit.emulators import Emulated, emulator
from loopscope.emulator.models import CAPABILITIES, lookup_key, model_of
from loopscope.emulator.routes import ROUTES


@pytest.fixture(scope="module")
def served() -> Iterator[Emulated]:
    """A flat-out server, so that whatever is asked for ends soon."""
    able = [word for ability in CAPABILITIES for word in ("--capability", ability)]
    with emulator("--rate", "0", "--text", "tricky", "--tokens", "20", *able) as one:
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
        "tools",
        "logprobs",
        "top_logprobs",
        "input",
        "instructions",
        "text",
        "reasoning",
        "reasoning_effort",
        "thinking",
        "stop_sequences",
        "dimensions",
        "encoding_format",
        "truncate",
        "images",
        "max_output_tokens",
        "max_completion_tokens",
        "source",
        "destination",
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
TYPES = st.sampled_from(["text", "image", "tool_result", "input_image", "function_call_output", "enabled", "object"])
NESTED = st.dictionaries(
    st.sampled_from(["type", "text", "content", "format", "schema", "effort", "summary", "function", "name", "items"])
    | st.sampled_from(["parameters", "input_schema", "properties", "enum", "minItems", "json_schema", "output"]),
    TYPES | VALUES | st.dictionaries(st.sampled_from(["type", "properties", "name", "schema"]), TYPES | VALUES),
    max_size=4,
)
MORE = {
    "tools": st.lists(NESTED | VALUES, max_size=2) | VALUES,
    "format": NESTED | VALUES,
    "text": NESTED | VALUES,
    "reasoning": NESTED | VALUES,
    "thinking": NESTED | VALUES,
    "response_format": NESTED | VALUES,
    "input": st.text(max_size=9) | st.lists(NESTED | VALUES, max_size=3) | VALUES,
    "think": st.booleans() | VALUES,
    "logprobs": st.booleans() | VALUES,
    "top_logprobs": st.integers(-1, 21) | VALUES,
    "dimensions": st.integers(-1, 9) | VALUES,
    "encoding_format": st.sampled_from(["base64", "float"]) | VALUES,
    "stop_sequences": st.lists(st.text(max_size=3), max_size=2) | VALUES,
}
MODEL = model_of("gemma3", CAPABILITIES)
# Faults that close the port or stop a stream for long are asked for by other tests.
BODIES = st.fixed_dictionaries(LIKELY, optional=MORE) | st.dictionaries(NAMES | st.text(max_size=5), VALUES, max_size=5)


@settings(max_examples=120, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(sorted(ROUTES)),
    method=st.sampled_from(["POST", "POST", "POST", "GET", "DELETE", "PUT", "HEAD"]),
    body=BODIES,
)
def test_every_route_answers_any_body(served: Emulated, path: str, method: str, body: dict[str, object]) -> None:
    """A status that means something, a body that is whole, and the next request is served."""
    told = served.ask(method, path, json.dumps(body).encode())
    assert told.status in (200, 400, 404, 405, 500, 501, 503)
    if told.headers.get("Content-Type", "").startswith("application/json") and method != "HEAD":
        json.loads(told.body)
    served.server.faults.clear()
    served.server.models.clear()
    served.server.models[lookup_key("gemma3")] = MODEL
    assert served.stats()["streams"] == 0
