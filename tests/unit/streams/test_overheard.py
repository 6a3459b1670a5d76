"""A program's own streams: the quick reading agrees with the decoder, and framing and dialect are found out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.streams.dialect import Account
from loopscope.streams.dialects import DIALECTS
from loopscope.streams.overheard import Overheard

STAMP = "2026-01-02T03:04:05.000000006Z"


def overheard(path: str = "/api/generate", kind: str = "application/x-ndjson") -> Overheard:
    """Give a reader of a stream."""
    return Overheard(json.loads, path, kind)


def native(**more: object) -> bytes:
    """Give a line of Ollama's."""
    return json.dumps({"model": "m", "created_at": STAMP, **more, "done": False}, separators=(",", ":")).encode()


def event(**more: object) -> bytes:
    """Give an event."""
    return b"data: " + json.dumps(more).encode()


DELTA = {"model": "gpt", "choices": [{"delta": {"content": "a"}}]}


@given(st.text(), st.one_of(st.none(), st.text()))
def test_the_quick_reading_says_what_the_decoder_says(response: str, thinking: str | None) -> None:
    """Content or none, and the stamp, whatever the text holds: quotes, member names, other scripts."""
    line = native(response=response, **({} if thinking is None else {"thinking": thinking}))
    expected = DIALECTS["ollama"].read(line, json.loads, Account())
    stream = overheard()
    assert stream.read(line) == stream.read(line) == expected  # decoded, then skimmed


@given(st.text())
def test_a_chat_line_has_its_content_one_floor_down(content: str) -> None:
    """The first line is decoded, the next ones are searched: both say whether there is content."""
    stream = overheard("/api/chat")
    line = native(message={"role": "assistant", "content": content})
    assert stream.read(line) == stream.read(line) == (bool(content), STAMP)
    assert stream.model == "m"


def test_a_text_that_looks_like_the_final_message_is_a_text() -> None:
    """A member's name with its quotes cannot stand in a JSON string."""
    stream = overheard()
    stream.read(native(response="x"))
    assert stream.read(native(response='{"done":true,"response":"","error":1}')) == (True, STAMP)
    assert not stream.account.done


def test_the_final_message_fills_the_account() -> None:
    """Token counts and durations are the server's."""
    stream = overheard()
    stream.read(native(response="x"))
    final = {"created_at": STAMP, "response": "", "done": True, "eval_count": 7, "total_duration": 9}
    assert stream.read(json.dumps(final).encode()) == (False, STAMP)
    account = stream.account
    assert (account.done, account.tokens, account.total_ns, stream.ends_openly) == (True, 7, 9, True)


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (b'{"error":"secret"}', "application/x-ndjson"),
        (b'data: {"error":{"message":"secret"}}', "text/event-stream"),
        (b'data: {"object":"error","message":"secret"}', "text/event-stream"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/chat/completions", "/mine"])
def test_an_error_line_is_the_server_s(line: bytes, kind: str, path: str) -> None:
    """An error in the stream is noted, without its text."""
    stream = overheard(path, kind)
    assert stream.read(line) == (False, None)
    assert stream.failed
    assert "secret" not in repr([getattr(stream, name) for name in stream.__slots__ if hasattr(stream, name)])


def test_lines_of_others_are_chunks() -> None:
    """Newline-delimited JSON that is not Ollama's: every line is a chunk; a line that is none is garbage."""
    stream = overheard("/mine")
    assert stream.read(b'{"step":1}') == (True, None)
    assert stream.read(b"") == stream.read(b"\r") == (False, None)
    assert not stream.garbage
    assert not stream.ends_openly
    assert stream.read(b"[1]") == stream.read(b"nonsense") == (False, None)
    assert stream.garbage


@pytest.mark.parametrize(
    ("path", "first", "dialect"),
    [
        ("/gateway", DELTA, "openai"),
        ("/gateway", {"type": "ping"}, "anthropic"),
        ("/gateway", {"type": "response.created", "response": {"model": "gpt"}}, "responses"),
        ("/gateway", {"content": "x", "stop": False}, "llamacpp"),
        ("/proxy/v1/messages", {"type": "message_start", "message": {"model": "gpt"}}, "anthropic"),
        ("/v1/messages", DELTA, "openai"),
        ("/gateway", {"anything": 1}, None),
    ],
)
def test_the_first_message_tells_the_dialect(path: str, first: dict[str, object], dialect: str | None) -> None:
    """Whatever the path is; where it fits the path, it is that."""
    stream = overheard(path, "text/event-stream")
    stream.read(event(**first))
    found = stream._dialect
    assert (found and found.name) == dialect
    if "gpt" in json.dumps(first):
        assert stream.model == "gpt"


def test_events_of_others_are_chunks() -> None:
    """An event of no dialect that we know counts as one chunk."""
    assert overheard("/mine", "text/event-stream").read(b'data: {"x":"y"}') == (True, None)


@pytest.mark.parametrize("kind", ["text/plain; charset=utf-8", "application/octet-stream", "application/json", ""])
def test_a_wrong_type_is_forgiven_where_the_path_is_known(kind: str) -> None:
    """The first line tells; without the path nothing is looked at."""
    stream = overheard("/v1/chat/completions", kind)
    assert (stream.is_stream, stream.may_be_stream) == (False, True)
    assert stream.read(b": hello") == (False, None)
    assert stream.read(event(**DELTA)) == (True, None)
    assert stream.is_stream
    lines = overheard("/api/chat", kind)
    assert lines.read(native(message={"content": "x"})) == (True, STAMP)
    assert not overheard("/page", kind).may_be_stream


@pytest.mark.parametrize("kind", ["text/plain", "application/json"])
def test_an_answer_in_one_piece_is_no_stream(kind: str) -> None:
    """Not Ollama's with ``done``, nor anybody's object; the words say what it was taken for."""
    for path, answer in (
        ("/api/chat", {"model": "m", "created_at": STAMP, "message": {"content": "x"}, "done": True}),
        ("/v1/chat/completions", {"choices": [{"message": {"content": "x"}}]}),
    ):
        stream = overheard(path, kind)
        assert stream.read(json.dumps(answer).encode()) == (False, None)
        assert not stream.is_stream
        assert ("in one piece" in stream.words) == (kind == "application/json")
        assert "text/plain" in stream.words or kind != "text/plain"
