"""The official openai client as judge."""

import asyncio
import json
from collections.abc import Iterator

import openai
import pytest

from kit.emulators import Emulated, emulator

HELLO = [{"role": "user", "content": "hello"}]
ASK = {"model": "gemma3", "messages": HELLO, "max_tokens": 12, "seed": 1}


@pytest.fixture(scope="module")
def served() -> Iterator[Emulated]:
    """One emulator."""
    with emulator("--model", "gemma3", "--model", "qwen3:4b", "--model", "nomic-embed-text") as one:
        yield one


@pytest.fixture
def client(served: Emulated) -> Iterator[openai.OpenAI]:
    """The client that blocks; it does not try again by itself."""
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as one:
        yield one


def test_chat_in_a_stream_and_whole(client: openai.OpenAI) -> None:
    """Contents, a finish reason, and the counts at the end where they are asked for."""
    events = list(client.chat.completions.create(**ASK, stream=True, stream_options={"include_usage": True}))
    texts = [event.choices[0].delta.content for event in events if event.choices and event.choices[0].delta.content]
    assert len(texts) == 12
    assert events[0].choices[0].delta.role == "assistant"
    assert events[-2].choices[0].finish_reason == "length"
    assert events[-1].usage is not None and events[-1].usage.completion_tokens == 12
    whole = client.chat.completions.create(**ASK)
    assert whole.choices[0].message.content == "".join(texts)
    assert whole.usage is not None and whole.usage.completion_tokens == 12


def test_text_in_a_stream_and_whole(client: openai.OpenAI) -> None:
    """The older endpoint."""
    ask = {"model": "gemma3", "prompt": "hello", "max_tokens": 6, "seed": 2}
    events = list(client.completions.create(**ask, stream=True))
    text = "".join(event.choices[0].text for event in events)
    whole = client.completions.create(**ask)
    assert whole.choices[0].text == text
    assert whole.choices[0].finish_reason == "length"


def test_models_are_listed_and_found(client: openai.OpenAI) -> None:
    """All of them, and one by name."""
    assert [model.id for model in client.models.list()] == ["gemma3:latest", "qwen3:4b", "nomic-embed-text:latest"]
    assert client.models.retrieve("gemma3").owned_by == "library"


def test_errors_are_the_clients_own(client: openai.OpenAI, served: Emulated) -> None:
    """Each status raises the exception that the client has for it."""
    with pytest.raises(openai.NotFoundError, match="model 'x' not found"):
        client.chat.completions.create(model="x", messages=HELLO)
    with pytest.raises(openai.BadRequestError, match="too short"):
        client.chat.completions.create(model="gemma3", messages=[])
    served.fault("500")
    with pytest.raises(openai.InternalServerError, match="model runner has unexpectedly stopped"):
        client.chat.completions.create(**ASK)


def test_asynchronous_client(served: Emulated) -> None:
    """Streams side by side through asyncio."""

    async def run() -> None:
        async with openai.AsyncOpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0) as client:

            async def one() -> int:
                stream = await client.chat.completions.create(**ASK, stream=True)
                return sum([1 async for event in stream if event.choices[0].delta.content])

            assert await asyncio.gather(*(one() for _ in range(8))) == [12] * 8
            whole = await client.chat.completions.create(**ASK)
            assert whole.choices[0].finish_reason == "length"
            with pytest.raises(openai.NotFoundError):
                await client.models.retrieve("x")

    asyncio.run(run())


TOOL = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}


def test_tool_call_in_a_stream_and_whole(client: openai.OpenAI) -> None:
    """Thoughts, then one call whose arguments fit the schema; its result is answered with text."""
    ask = {"model": "qwen3:4b", "messages": HELLO, "tools": [TOOL], "seed": 1}
    events = list(client.chat.completions.create(**ask, stream=True))
    thoughts = [getattr(event.choices[0].delta, "reasoning", None) for event in events]
    assert sum(map(bool, thoughts)) >= 12
    (call,) = [call for event in events for call in event.choices[0].delta.tool_calls or ()]
    assert call.function is not None and call.function.name == "weather"
    assert set(json.loads(call.function.arguments or "")) == {"city", "days"}
    assert events[-1].choices[0].finish_reason == "tool_calls"
    whole = client.chat.completions.create(**ask)
    (same,) = whole.choices[0].message.tool_calls or ()
    assert same.function.arguments == call.function.arguments
    assert whole.choices[0].finish_reason == "tool_calls"
    result = [*HELLO, whole.choices[0].message, {"role": "tool", "tool_call_id": same.id, "content": "rain"}]
    said = client.chat.completions.create(**ask | {"messages": result, "reasoning_effort": "none"})
    assert said.choices[0].message.content and not said.choices[0].message.tool_calls


def test_schema_is_kept_in_a_stream(client: openai.OpenAI) -> None:
    """The pieces make one JSON text with the members of the schema."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}, "tags": {"type": "array", "items": {}}}}
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    ask = {"model": "gemma3", "messages": HELLO, "response_format": form}
    events = list(client.chat.completions.create(**ask, stream=True))
    text = "".join(event.choices[0].delta.content or "" for event in events)
    assert set(json.loads(text)) == {"name", "tags"}
    assert len(events) > 10


def test_logprobs_come_with_each_token(client: openai.OpenAI) -> None:
    """One entry a chunk, with as many alternatives as were asked for; whole, all of them."""
    ask = ASK | {"logprobs": True, "top_logprobs": 2}
    *events, _ = client.chat.completions.create(**ask, stream=True)
    entries = [entry for event in events if (found := event.choices[0].logprobs) for entry in found.content or ()]
    assert [entry.token for entry in entries] == [event.choices[0].delta.content for event in events]
    assert {len(entry.top_logprobs) for entry in entries} == {2}
    whole = client.chat.completions.create(**ask).choices[0].logprobs
    assert whole is not None and whole.content == entries


def test_other_name_of_the_limit(client: openai.OpenAI) -> None:
    """The newer name counts as well."""
    ask = {"model": "gemma3", "messages": HELLO, "max_completion_tokens": 3}
    whole = client.chat.completions.create(**ask)
    assert whole.usage is not None and whole.usage.completion_tokens == 3


@pytest.mark.parametrize("model", ["gemma3", "qwen3:4b"])
def test_responses_in_a_stream_and_whole(client: openai.OpenAI, model: str) -> None:
    """Events are numbered without a hole, the deltas make the text, and the last event has the whole response."""
    ask = {"model": model, "input": "hello", "max_output_tokens": 80, "temperature": 0}
    events = list(client.responses.create(**ask, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    kinds = [event.type for event in events]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed" and last.response.output_text == text
    assert last.response.usage is not None and last.response.usage.output_tokens == 80
    assert ("response.reasoning_summary_text.delta" in kinds) == (model == "qwen3:4b")
    whole = client.responses.create(**ask)
    assert whole.output_text == text
    assert [item.type for item in whole.output] == [item.type for item in last.response.output]


def test_responses_call_tools(client: openai.OpenAI) -> None:
    """The call is an item of its own; its arguments come in one delta."""
    tool = {"type": "function", **TOOL["function"]}  # type: ignore[dict-item]
    events = list(client.responses.create(model="qwen3:4b", input="hello", tools=[tool], stream=True))  # type: ignore[call-overload]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    (call,) = [item for item in events[-1].response.output if item.type == "function_call"]
    (delta,) = [event.delta for event in events if event.type == "response.function_call_arguments.delta"]
    assert delta == call.arguments
    assert set(json.loads(delta)) == {"city", "days"}


def test_embeddings_packed_and_as_numbers(client: openai.OpenAI) -> None:
    """The client asks for base64 by itself; both are the same vectors, of length 1; a model for text has none."""
    ask = {"model": "nomic-embed-text", "input": ["one", "two"]}
    packed = client.embeddings.create(**ask).data
    plain = client.embeddings.create(**ask, encoding_format="float").data
    assert [len(one.embedding) for one in packed] == [768, 768]
    for one, other in zip(packed, plain, strict=True):
        assert one.embedding == pytest.approx(other.embedding, abs=1e-7)
    assert sum(value * value for value in plain[0].embedding) == pytest.approx(1, abs=1e-5)
    with pytest.raises(openai.APIStatusError, match="does not support embeddings"):
        client.embeddings.create(model="gemma3", input="x")
