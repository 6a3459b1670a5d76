"""The official openai client as judge."""

import asyncio
from collections.abc import Iterator

import openai
import pytest

from kit.emulators import Emulated, emulator

HELLO = [{"role": "user", "content": "hello"}]
ASK = {"model": "gemma3", "messages": HELLO, "max_tokens": 12, "seed": 1}


@pytest.fixture(scope="module")
def served() -> Iterator[Emulated]:
    """One emulator."""
    with emulator() as one:
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
    assert [model.id for model in client.models.list()] == ["gemma3:latest"]
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
