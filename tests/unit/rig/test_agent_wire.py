"""What servers, proxies and gateways really send: each case as it was reported, and what an agent makes of it.

The page docs/wire.md has the table of them.
"""

import asyncio
import gzip
import json
import zlib
from collections.abc import Callable

import pytest

from kit.agents import Watched, requests_of, states_of, stream
from kit.servers import END, HEAD, Handler, chunk, final, line, read_request, sends, serving
from loopscope.core.records import Request
from loopscope.rig.clients import client_class
from loopscope.rig.clients.base import Client
from loopscope.settings.clients import clients_here

OnLoop = Callable[..., object]
EVENTS = HEAD.replace(b"application/x-ndjson", b"text/event-stream")
DONE = b"data: [DONE]\n\n"


@pytest.fixture(params=[name for name in clients_here() if name != "ollama"])
def speaks_all(request: pytest.FixtureRequest) -> type[Client]:
    """Every client that speaks every dialect."""
    return client_class(request.param)


def event(message: object) -> bytes:
    """Give one event."""
    return b"data: " + json.dumps(message).encode() + b"\n\n"


def delta(finish: str | None = None, **said: object) -> bytes:
    """Give one event of OpenAI's."""
    return event({"model": "m", "choices": [{"index": 0, "delta": said, "finish_reason": finish}]})


def usage(tokens: int) -> bytes:
    """Give the event with the counts."""
    return event({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": tokens}})


def whole(status: bytes, body: bytes, more: bytes = b"") -> Handler:
    """Give a handler that answers in one piece."""
    return sends(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), more, body))


def asked(kind: type[Client], handler: Handler, api: str = "openai", ends: int = 1, state: str = "") -> list[Request]:
    """Let one agent ask until so many requests have ended; give them."""
    samples = Watched()
    with serving(handler) as url:
        asyncio.run(stream(kind, url, samples, ends=ends, state=state, api=api))
    if state:
        assert any(found.state == state for found in states_of(samples))
    return requests_of(samples)


X = delta(content="x ")
END_OF_OPENAI = delta("stop") + usage(3) + DONE
GOOD = {
    "empty data keeps the connection alive": (X, chunk(b"data:\n\n"), X, b"data: \n\n" + X, END_OF_OPENAI),
    "comments, other fields, no space": (
        b": ping\n\nretry: 10\n\n",
        X.replace(b": {", b":{"),
        b"id: 1\n" + X,
        X + END_OF_OPENAI,
    ),
    "lines end in CRLF": tuple(part.replace(b"\n", b"\r\n") for part in (X, X, X, END_OF_OPENAI)),
    "lines end in CR": tuple(part.replace(b"\n", b"\r") for part in (X, X, X, END_OF_OPENAI)),
    "data of several lines": (X, X, X.replace(b", ", b",\ndata:"), END_OF_OPENAI),
    "no blank lines": (X[:-1], X[:-1], X[:-1], END_OF_OPENAI),
    "calls of tools": (delta(role="assistant"), *[delta(tool_calls=[{"index": 0}])] * 3, END_OF_OPENAI),
    "reasoning": (delta(reasoning_content="x"), delta(reasoning="x"), X, END_OF_OPENAI),
    "the second choice": (
        *[event({"choices": [{"index": 0, "delta": {}}, {"index": 1, "delta": {"content": "x"}}]})] * 3,
        END_OF_OPENAI,
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_the_official_client_takes_is_taken(speaks_all: type[Client], name: str) -> None:
    """Three chunks, three tokens, ok, without a word."""
    handler = sends(EVENTS, *(part if part[:1].isdigit() else chunk(part) for part in GOOD[name]), END)
    request = asked(speaks_all, handler)[0]
    assert (request.outcome, request.words, request.chunks, request.tokens) == ("ok", "", 3, 3)


def test_crlf_and_blank_lines_are_no_messages(kind: type[Client]) -> None:
    """Heartbeats of newline-delimited JSON; Ollama's own client takes a blank line for broken JSON."""
    lines = (line("a").replace(b"\n", b"\r\n"), b"\r\n", line("b"), b"\n", final(2).replace(b"\n", b"\r\n"))
    request = asked(kind, sends(HEAD, *map(chunk, lines), END), "ollama")[0]
    expected = ("garbage", 1) if kind.name == "ollama" else ("ok", 2)
    assert (request.outcome, request.chunks) == expected


def test_a_reason_for_its_end_stands_in_for_the_end_marker(speaks_all: type[Client]) -> None:
    """It is whole; the words say what was missing. Without a reason it is not."""
    request = asked(speaks_all, sends(EVENTS, chunk(X), chunk(delta("stop") + usage(1)), END))[0]
    assert (request.outcome, request.tokens) == ("ok", 1)
    assert "no final message" in request.words
    assert asked(speaks_all, sends(EVENTS, chunk(X), END))[0].outcome == "no_done"


def test_an_end_marker_ends_it_though_the_connection_stays_open(kind: type[Client]) -> None:
    """The request ends with the answer, not with the connection, and the next one follows."""

    async def holds_open(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        for part in (HEAD, chunk(line("a")), chunk(final(1))):
            writer.write(part)
            await writer.drain()
        await reader.read()  # until the client hangs up

    first, second = asked(kind, holds_open, "ollama", ends=2)[:2]
    assert (first.outcome, first.chunks, second.outcome) == ("ok", 1, "ok")
    assert first.end_ns - (first.last_ns or 0) < second.start_ns - (first.last_ns or 0)


def test_an_error_in_the_stream_is_told_in_the_servers_words(speaks_all: type[Client]) -> None:
    """In the shape of older vLLM, followed by the end marker as if nothing had been."""
    error = event({"object": "error", "message": "CUDA out of memory", "code": 500})
    request = asked(speaks_all, sends(EVENTS, chunk(error), chunk(DONE), END), state="retrying")[0]
    assert (request.outcome, request.words) == ("server", "the server says: CUDA out of memory")


@pytest.mark.parametrize("indent", [None, 2])
def test_an_error_with_status_200_is_an_error(speaks_all: type[Client], indent: int | None) -> None:
    """Its words are told; so is an answer that came in one piece, of which no word is."""
    overloaded = json.dumps({"error": {"message": "model is overloaded"}}, indent=indent).encode()
    request = asked(speaks_all, whole(b"200 OK", overloaded), state="retrying")[0]
    assert (request.outcome, request.words) == ("server", "the server says: model is overloaded")
    answer = json.dumps({"choices": [{"message": {"content": "secret"}}]}, indent=indent).encode()
    request = asked(speaks_all, whole(b"200 OK", answer))[0]
    assert request.outcome == "garbage"
    assert "one JSON document" in request.words


def test_empty_answers_fail_and_are_paused_after(kind: type[Client]) -> None:
    """Thousands of them a second told nothing, and were ok."""
    request = asked(kind, sends(HEAD, chunk(final(0)), END), "ollama", state="retrying")[0]
    assert request.outcome == "empty"
    assert "the answer is empty" in request.words


@pytest.mark.parametrize("coding", [b"gzip", b"deflate"])
def test_compression_that_nobody_asked_for_is_undone(kind: type[Client], coding: bytes) -> None:
    """As a proxy flushes it, chunk by chunk."""
    packer = zlib.compressobj(wbits=31 if coding == b"gzip" else 15)
    parts = [packer.compress(part) + packer.flush(zlib.Z_SYNC_FLUSH) for part in (line("a"), line("b"), final(2))]
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: %s\r\n\r\n" % coding)
    request = asked(kind, sends(head, *map(chunk, (*parts, packer.flush())), END), "ollama")[0]
    assert (request.outcome, request.chunks, request.tokens) == ("ok", 2, 2)


def test_compression_that_cannot_be_undone_has_a_name(kind: type[Client]) -> None:
    """And so has what to do."""
    head = HEAD.replace(b"\r\n\r\n", b"\r\nContent-Encoding: br\r\n\r\n")
    request = asked(kind, sends(head, chunk(b"\x1b\x03"), END), "ollama")[0]
    assert request.outcome == "garbage"
    assert "compressed (content-encoding: br)" in request.words
    assert "proxy" in request.words


def test_a_bomb_is_bounded(kind: type[Client]) -> None:
    """300 MiB of zeros on 300 KiB of wire are one line that is too long, long before they are unpacked."""
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    body = gzip.compress(bytes(300 << 20), 1)
    request = asked(kind, sends(head % len(body) + body, close=True), "ollama")[0]
    assert (request.outcome, request.words) == ("garbage", "a line of over 8 MiB")


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (b"/moved/v1/chat?key=secret", "redirects to /moved/v1/chat;"),
        (b"https://me:secret@there.lan/api?token=secret#secret", "redirects to https://there.lan/api;"),
    ],
)
def test_a_redirect_is_told_and_not_followed(kind: type[Client], location: bytes, told: str) -> None:
    """Where to, without what may be a key; prompts go where the operator said."""
    handler = whole(b"307 Temporary Redirect", b"", b"Location: %s\r\n" % location)
    request = asked(kind, handler, "ollama")[0]
    assert (request.outcome, request.status) == ("http", 307)
    assert told in request.words
    assert "secret" not in request.words


def test_a_missing_key_is_told_with_what_to_do(kind: type[Client]) -> None:
    """Which variable it is put into."""
    request = asked(kind, whole(b"401 Unauthorized", b'{"error": {"message": "missing key"}}'), "ollama")[0]
    assert request.words.startswith("HTTP 401: missing key; it wants a key: ")
    assert "LOOPSCOPE_API_KEY" in request.words


DEEP = {
    "objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
    "lists": b"[" * 200_000 + b"\n",
    "in a member": b'{"response":' + b"[" * 100_000 + b"]" * 100_000 + b',"done":false}\n',
}


@pytest.mark.parametrize("name", DEEP)
def test_what_is_nested_too_deep_fails_the_request_not_the_agent(kind: type[Client], name: str) -> None:
    """The agent tries again: its own exceptions are errors, too."""
    requests = asked(kind, sends(HEAD, chunk(DEEP[name]), END), "ollama", ends=2)
    assert {request.outcome for request in requests[:2]} == {"garbage"}
    assert all(request.words for request in requests[:2])


def test_a_line_without_end_is_bounded(kind: type[Client]) -> None:
    """Also in the library that has no bound of its own."""

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD)
        while True:
            writer.write(chunk(b"x" * (1 << 20)))
            await writer.drain()

    request = asked(kind, endless, "ollama")[0]
    assert (request.outcome, request.words) == ("garbage", "a line of over 8 MiB")
    assert request.bytes < 64 << 20


def test_messages_and_responses_are_dialects_of_agents(speaks_all: type[Client]) -> None:
    """A ping is no chunk; the counts are the server's."""
    start = event({"type": "message_start", "message": {"usage": {"input_tokens": 7, "output_tokens": 1}}})
    text = event({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "x "}})
    end = event({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 5}})
    stop = event({"type": "message_stop"})
    parts = (start, event({"type": "ping"}), text, text, end + stop)
    request = asked(speaks_all, sends(EVENTS, *map(chunk, parts), END, apart_s=0.03), "anthropic")[0]
    assert (request.outcome, request.chunks, request.tokens, request.prompt_tokens) == ("ok", 2, 5, 7)
    assert (request.first_ns or 0) - request.start_ns > 60e6

    created = event({"type": "response.created", "response": {}})
    said = event({"type": "response.output_text.delta", "delta": "x "})
    done = event({"type": "response.completed", "response": {"usage": {"input_tokens": 7, "output_tokens": 5}}})
    request = asked(speaks_all, sends(EVENTS, *map(chunk, (created, said, said, done)), END), "responses")[0]
    assert (request.outcome, request.chunks, request.tokens, request.prompt_tokens) == ("ok", 2, 5, 7)
