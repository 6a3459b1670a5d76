"""The official anthropic client as judge."""

from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from kit.emulators import Emulated, emulator

ASK: dict[str, Any] = {"model": "gemma3", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 80}
TOOL = {
    "name": "weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


@pytest.fixture(scope="module")
def served() -> Iterator[Emulated]:
    """One emulator with a model that only talks and one that thinks and calls tools."""
    with emulator("--model", "gemma3", "--model", "qwen3:4b") as one:
        yield one


@pytest.fixture
def client(served: Emulated) -> Iterator[anthropic.Anthropic]:
    """The client that blocks; it does not try again by itself."""
    with anthropic.Anthropic(base_url=served.url, api_key="none", max_retries=0) as one:
        yield one


@pytest.mark.parametrize(("model", "kinds"), [("gemma3", ["text"]), ("qwen3:4b", ["thinking", "text"])])
def test_message_in_a_stream_and_whole(client: anthropic.Anthropic, model: str, kinds: list[str]) -> None:
    """The client puts the events together to what the whole answer is; each token is an event."""
    ask = ASK | {"model": model, "extra_body": {"temperature": 0}}
    with client.messages.stream(**ask) as stream:
        deltas = sum(event.type == "content_block_delta" for event in stream)
        streamed = stream.get_final_message()
    whole = client.messages.create(**ask)
    assert [block.type for block in streamed.content] == kinds
    assert [block.model_dump(exclude_none=True) for block in streamed.content] == [
        block.model_dump(exclude_none=True) for block in whole.content
    ]
    assert (streamed.stop_reason, whole.stop_reason) == ("max_tokens", "max_tokens")
    assert streamed.usage.output_tokens == whole.usage.output_tokens == deltas == 80
    assert streamed.usage.input_tokens == whole.usage.input_tokens > 0


def test_stop_sequence_ends_the_turn(client: anthropic.Anthropic) -> None:
    """It is not part of the text."""
    message = client.messages.create(**ASK | {"stop_sequences": ["e"]})
    assert message.stop_reason == "end_turn"
    assert all("e" not in block.text for block in message.content if block.type == "text")


def test_tool_call_in_a_stream_and_whole(client: anthropic.Anthropic) -> None:
    """Thoughts, then a call with its input; the result of a tool is answered with text."""
    ask = ASK | {"model": "qwen3:4b", "tools": [TOOL], "extra_body": {"temperature": 0}}
    with client.messages.stream(**ask) as stream:
        streamed = stream.get_final_message()
    whole = client.messages.create(**ask)
    assert [block.type for block in streamed.content] == ["thinking", "tool_use"]
    call, same = streamed.content[-1], whole.content[-1]
    assert call.type == same.type == "tool_use"
    assert call.input == same.input and set(call.input) == {"city"}
    assert streamed.stop_reason == whole.stop_reason == "tool_use"
    result = {"type": "tool_result", "tool_use_id": call.id, "content": "rain"}
    messages = [*ASK["messages"], {"role": "user", "content": [result]}]
    said = client.messages.create(**ask | {"messages": messages, "thinking": {"type": "disabled"}})
    assert [block.type for block in said.content] == ["text"]


def test_errors_are_the_clients_own(client: anthropic.Anthropic) -> None:
    """Each status raises the exception that the client has for it."""
    with pytest.raises(anthropic.NotFoundError, match="model 'x' not found"):
        client.messages.create(**ASK | {"model": "x"})
    with pytest.raises(anthropic.BadRequestError, match="does not support tools"):
        client.messages.create(**ASK | {"tools": [TOOL]})
    with pytest.raises(anthropic.BadRequestError, match="max_tokens is required"):
        client.messages.create(**ASK | {"max_tokens": 0})
