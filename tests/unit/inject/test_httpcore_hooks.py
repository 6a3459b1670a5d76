"""Programs that stream with httpx, over HTTP/1.1 and HTTP/2: what the hooks write down, and what it comes to."""

import asyncio
import importlib
import json
import sys
from collections.abc import Iterator

import h2.config
import h2.connection
import h2.events
import pytest

from kit.servers import END, Handler, chunk, read_request, sends, serving
from loopscope.core.records import Request
from loopscope.inject.digest import Digest
from loopscope.inject.httpcore_hooks import HttpcoreHooks
from loopscope.inject.journal import Journal
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.wires import Wires

TEXT = b'data: {"model": "m", "choices": [{"delta": {"content": "x "}}]}\n\n'
USAGE = b'data: {"choices": [], "usage": {"completion_tokens": 3, "prompt_tokens": 2}}\n\ndata: [DONE]\n\n'


@pytest.fixture
def journal() -> Iterator[Journal]:
    """Hook into an httpcore of this test alone; httpx is imported afresh on top of it."""
    before = {name: sys.modules.pop(name) for name in list(sys.modules) if name.split(".")[0] in ("httpx", "httpcore")}
    written = Journal()
    HttpcoreHooks("httpx", written, Wires()).patch(importlib.import_module("httpcore"))
    yield written
    for name in [name for name in sys.modules if name.split(".")[0] in ("httpx", "httpcore")]:
        del sys.modules[name]
    sys.modules.update(before)


def over_http2(*pieces: bytes, status: str = "200") -> Handler:
    """Give a handler that speaks HTTP/2 from the first byte on, several streams at a time."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
        connection.initiate_connection()
        tasks = set()

        async def answer(stream: int) -> None:
            kind = ("content-type", "text/event-stream")
            connection.send_headers(stream, [(":status", status), kind])
            for piece in pieces:
                connection.send_data(stream, piece)
                writer.write(connection.data_to_send())
                await asyncio.sleep(0.01)
            connection.end_stream(stream)
            writer.write(connection.data_to_send())

        while data := await reader.read(65536):
            for event in connection.receive_data(data):
                if isinstance(event, h2.events.StreamEnded):
                    tasks.add(asyncio.ensure_future(answer(event.stream_id)))
            writer.write(connection.data_to_send())

    return handle


def seen(
    journal: Journal, handler: Handler, times: int = 1, path: str = "/v1/chat/completions", **client: bool
) -> list[Request]:
    """Let a program stream so many times at once; give the records of it."""
    httpx = importlib.import_module("httpx")

    async def one(asking: object, url: str) -> None:
        async with asking.stream("POST", url + path, json={"stream": True}) as response:  # type: ignore[attr-defined]
            async for _ in response.aiter_lines():
                pass

    async def program(url: str) -> None:
        async with httpx.AsyncClient(trust_env=False, **client) as asking:
            await asyncio.gather(*(one(asking, url) for _ in range(times)))

    with serving(handler) as url:
        asyncio.run(program(url))
    samples = SampleBuffer("program")
    digest = Digest(samples)
    digest.take(journal.take())
    digest.finish()
    return [event for event in samples.events if isinstance(event, Request)]


def test_streams_over_http2_are_counted_as_any(journal: Journal) -> None:
    """Two at once on one connection; the words say where they were stamped."""
    requests = seen(journal, over_http2(TEXT, TEXT, TEXT + USAGE), times=2, http1=False, http2=True)
    assert [(r.outcome, r.status, r.chunks, r.tokens) for r in requests] == [("ok", 200, 3, 3)] * 2
    assert all(r.words.startswith("HTTP/2") and r.start_ns < (r.first_ns or 0) < (r.last_ns or 0) for r in requests)


def test_a_refusal_over_http2_is_one(journal: Journal) -> None:
    """Its status is told."""
    (request,) = seen(journal, over_http2(b"{}", status="429"), http1=False, http2=True)
    assert (request.outcome, request.status) == ("http", 429)


def event(message: object) -> bytes:
    """Give one event."""
    return b"data: " + json.dumps(message).encode() + b"\n\n"


QUIET_START = event({"type": "message_start", "message": {"model": "m", "usage": {"input_tokens": 7}}}) + event(
    {"type": "ping"}
)
ANTHROPIC = (
    QUIET_START,
    *[event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x "}})] * 3,
    event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}})
    + event({"type": "message_stop"}),
)
RESPONSES = (
    event({"type": "response.created", "response": {"model": "m"}}),
    *[event({"type": "response.output_text.delta", "delta": "x "})] * 3,
    event({"type": "response.completed", "response": {"usage": {"output_tokens": 3}}}),
)
TOOLS = (
    event({"choices": [{"delta": {"role": "assistant", "content": None}}]}),
    *[event({"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "ab"}}]}}]})] * 3,
    USAGE,
)
SECOND = (
    b": hello\n\n",
    *[event({"choices": [{"index": 0, "delta": {}}, {"index": 1, "delta": {"content": "x"}}]})] * 3,
    USAGE,
)


@pytest.mark.parametrize(
    ("path", "kind", "parts"),
    [
        ("/v1/messages", b"text/event-stream", ANTHROPIC),
        ("/gateway", b"text/event-stream", ANTHROPIC),
        ("/v1/responses", b"text/event-stream", RESPONSES),
        ("/v1/chat/completions", b"text/event-stream", TOOLS),
        ("/v1/chat/completions", b"text/event-stream", SECOND),
        ("/v1/chat/completions", b"text/plain; charset=utf-8", TOOLS),
    ],
    ids=["messages", "messages elsewhere", "responses", "tool calls", "second choice", "as text"],
)
def test_every_dialect_is_read_along(journal: Journal, path: str, kind: bytes, parts: tuple[bytes, ...]) -> None:
    """Three chunks, three tokens; what comes before the first text is none of them."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: %s\r\nTransfer-Encoding: chunked\r\n\r\n" % kind

    async def late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head + chunk(parts[0]))
        await writer.drain()
        await asyncio.sleep(0.1)
        for part in parts[1:]:
            writer.write(chunk(part))
        writer.write(END)
        await writer.drain()

    (request,) = seen(journal, late, path=path)
    assert (request.outcome, request.chunks, request.tokens) == ("ok", 3, 3)
    assert (request.first_ns or 0) - request.start_ns > 100_000_000


def test_an_unknown_type_says_so(journal: Journal) -> None:
    """A page where a stream was expected is no answer in one piece."""
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<p/>"
    (request,) = seen(journal, sends(page))
    assert (request.outcome, request.chunks) == ("ok", 0)
    assert "content type text/html: not known as a stream" in request.words
