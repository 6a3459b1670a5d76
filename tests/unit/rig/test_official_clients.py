"""OpenAI's and Ollama's own clients as judges: a stream that they take to its end is one that an agent takes."""

import asyncio
import json
from collections.abc import Callable

import ollama
import openai
import pytest

from kit.agents import Watched, requests_of, stream
from kit.servers import END, HEAD, Handler, chunk, final, line, sends, serving
from loopscope.rig.clients import client_class

EVENTS = HEAD.replace(b"application/x-ndjson", b"text/event-stream")


def delta(finish: str | None = None, **said: object) -> bytes:
    """Give one event as OpenAI sends it."""
    choice = {"index": 0, "delta": said, "finish_reason": finish}
    message = {"id": "i", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(message).encode() + b"\n\n"


X, STOP, DONE = delta(content="x "), delta("stop"), b"data: [DONE]\n\n"
WIDE = X.replace(b"x ", "\u4f60".encode())
OPENAI = {
    "as it should be": (X, X, STOP, DONE),
    "CRLF": tuple(part.replace(b"\n", b"\r\n") for part in (X, X, STOP, DONE)),
    "CR": tuple(part.replace(b"\n", b"\r") for part in (X, X, STOP, DONE)),
    "no space": (X.replace(b"data: ", b"data:"), X, STOP, DONE.replace(b" ", b"")),
    "comments": (b": ping\n\n", X, b":\n\n", X, STOP, DONE),
    "lines of data": (X, X.replace(b", ", b",\ndata: "), STOP, DONE),
    "names of events": (b"event: x\n" + X, b"id: 7\n" + X, STOP, DONE),
    "calls of tools": (delta(tool_calls=[{"index": 0, "id": "c", "function": {"arguments": "{"}}]), X, STOP, DONE),
    "cut in a letter": (
        X,
        X.replace(b"x ", "\u4f60".encode())[:-30],
        X.replace(b"x ", "\u4f60".encode())[-30:],
        STOP,
        DONE,
    ),
    "no end marker": (X, X, STOP),
    "after the end marker": (X, X, STOP, DONE, b"data: nonsense\n\n"),
    "no JSON": (X, b"data: nonsense\n\n", X, STOP, DONE),
    "an error": (X, b'data: {"error": {"message": "full"}}\n\n', STOP, DONE),
}


async def _by_openai(url: str) -> bool:
    async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="k", max_retries=0) as client:
        try:
            said = await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "p"}], stream=True
            )
            async for _ in said:
                pass
        except (openai.OpenAIError, ValueError):
            return False
    return True


async def _by_ollama(url: str) -> bool:
    client = ollama.AsyncClient(url)
    try:
        async for _ in await client.generate("m", "p", stream=True):
            pass
    except (ollama.ResponseError, ValueError):
        return False
    finally:
        await client.close()
    return True


def _judged(handler: Handler, judge: Callable[..., object], api: str) -> tuple[object, str, int]:
    """Give the judge's verdict, and outcome and chunks of ours."""
    samples = Watched()
    with serving(handler) as url:
        verdict = asyncio.run(judge(url))  # type: ignore[arg-type]
        asyncio.run(stream(client_class("httpx"), url, samples, api=api))
    request = requests_of(samples)[0]
    return verdict, request.outcome, request.chunks


@pytest.mark.parametrize("name", OPENAI)
def test_openais_client_agrees(name: str) -> None:
    """What it reads to the end is ok with us, what it raises for is not."""
    verdict, outcome, chunks = _judged(sends(EVENTS, *map(chunk, OPENAI[name]), END), _by_openai, "openai")
    assert verdict == (outcome == "ok"), outcome
    assert chunks == 2 or not verdict


OLLAMA = {
    "as it should be": (line("a"), line("b"), final(2)),
    "two in a chunk": (line("a") + line("b"), final(2)),
    "one in two chunks": (line("a")[:30], line("a")[30:], line("b"), final(2)),
    "thinking": (line("").replace(b'"response":""', b'"response":"","thinking":"x"'), line("b"), final(2)),
    "an error": (line("a"), b'{"error":"full"}\n'),
    "an error of null": (line("a"), line("b").replace(b"}", b',"error":null}'), final(2)),
    "no JSON": (line("a"), b"nonsense\n", final(2)),
}


@pytest.mark.parametrize("name", OLLAMA)
def test_ollamas_client_agrees(name: str) -> None:
    """Beyond it we take blank lines and U+0085 in a text; an end without the final message we tell, and it does not."""
    verdict, outcome, chunks = _judged(sends(HEAD, *map(chunk, OLLAMA[name]), END), _by_ollama, "ollama")
    assert verdict == (outcome == "ok"), outcome
    assert chunks == 2 or not verdict
