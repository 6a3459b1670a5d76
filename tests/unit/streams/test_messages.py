"""What lines mean: the quick reading agrees with the decoder, and other people's dialects count as they should."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.streams.dialects import DIALECTS, Account
from loopscope.streams.messages import Told, read_event, read_line, reader_for

STAMP = "2026-01-02T03:04:05.000000006Z"


def native(**more: object) -> bytes:
    return json.dumps({"model": "m", "created_at": STAMP, **more, "done": False}, separators=(",", ":")).encode()


@given(st.text(), st.one_of(st.none(), st.text()))
def test_the_quick_reading_says_what_the_decoder_says(response: str, thinking: str | None) -> None:
    """Content or none, and the stamp, whatever the text holds: quotes, member names, other scripts."""
    line = native(response=response, **({} if thinking is None else {"thinking": thinking}))
    told = Told(model="known")
    expected, stamp = DIALECTS["ollama"].read(line, json.loads, Account())
    assert read_line(line, told) == (expected, stamp)


@given(st.text())
def test_a_chat_line_has_its_content_one_floor_down(content: str) -> None:
    """The first line is decoded, the next ones are searched: both say whether there is content."""
    line = native(message={"role": "assistant", "content": content})
    told = Told()
    assert read_line(line, told) == (bool(content), STAMP)
    assert told.model == "m"
    assert read_line(line, told) == (bool(content), STAMP)


def test_a_text_that_looks_like_the_final_message_is_a_text() -> None:
    """A member's name with its quotes cannot stand in a JSON string."""
    told = Told(model="m")
    assert read_line(native(response='{"done":true,"response":""}'), told) == (True, STAMP)
    assert not told.account.done


def test_the_final_message_fills_the_account() -> None:
    """Token counts and durations are the server's."""
    told = Told(model="m")
    line = {"created_at": STAMP, "response": "", "done": True, "eval_count": 7, "total_duration": 9}
    assert read_line(json.dumps(line).encode(), told) == (False, STAMP)
    assert (told.account.done, told.account.tokens, told.account.total_ns, told.wants_end) == (True, 7, 9, True)


def test_an_error_line_is_the_server_s() -> None:
    """An error in the stream is noted, without its text."""
    for line, read in ((b'{"error":"secret"}', read_line), (b'data: {"error":{"message":"secret"}}', read_event)):
        told = Told()
        assert read(line, told) == (False, None)
        assert told.failed
        assert "secret" not in repr(told)


def test_lines_of_others_are_chunks() -> None:
    """Newline-delimited JSON that is not Ollama's: every line is a chunk; a line that is none is garbage."""
    told = Told()
    assert read_line(b'{"step":1}', told) == (True, None)
    assert read_line(b"", told) == (False, None)
    assert not told.garbage
    assert read_line(b"[1]", told) == read_line(b"nonsense", told) == (False, None)
    assert told.garbage


def test_events_of_openai() -> None:
    """Role events are no chunks, content is; usage and [DONE] fill the account."""
    told = Told()

    def event(**more: object) -> bytes:
        return b"data: " + json.dumps({"model": "gpt", **more}).encode()

    assert read_event(event(choices=[{"delta": {"role": "assistant", "content": ""}}]), told) == (False, None)
    assert read_event(event(choices=[{"delta": {"content": "a"}}]), told) == (True, None)
    assert read_event(event(choices=[], usage={"completion_tokens": 3, "prompt_tokens": 2}), told) == (False, None)
    assert read_event(b": ping", told) == read_event(b"", told) == (False, None)
    assert (told.account.tokens, told.account.done, told.model) == (3, False, "gpt")
    assert read_event(b"data: [DONE]", told) == (False, None)
    assert told.account.done


def test_events_of_others_are_chunks() -> None:
    """An event of another dialect counts as one chunk."""
    assert read_event(b'data: {"type":"content_block_delta"}', Told()) == (True, None)


@pytest.mark.parametrize(
    ("content_type", "reader"),
    [("application/x-ndjson", read_line), ("text/event-stream", read_event), ("application/json", None), ("", None)],
)
def test_the_content_type_decides(content_type: str, reader: object) -> None:
    """Only the types of streams are read."""
    assert reader_for(content_type) is reader
