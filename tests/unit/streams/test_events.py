"""Server-sent events, line by line: what others send, and how it is taken."""

import json

import pytest

from loopscope.streams.dialect import Account, GarbageError, ServerError
from loopscope.streams.dialects import DIALECTS

_READ = DIALECTS["openai"].read
SAYS = b'{"choices":[{"delta":{"content":"x"}}]}'


def chunks(lines: list[bytes], account: Account | None = None) -> int:
    """Read lines; give how many of them are chunks."""
    account = account or Account()
    return sum(_READ(line, json.loads, account)[0] for line in lines)


@pytest.mark.parametrize(
    "line",
    [b"", b"\r", b"data:", b"data: ", b"data:\r", b": ping", b":", b"id: 3", b"retry: 10", b"event: x", b"data", b"x"],
)
def test_what_keeps_a_connection_alive_is_no_message(line: bytes) -> None:
    """Blank lines, comments, other fields, and data that is empty."""
    assert chunks([b"data: " + SAYS, line, b"data:" + SAYS + b"\r", line]) == 2


def test_data_of_several_lines_is_one_message() -> None:
    """JSON that is set over lines; its chunk counts when it is whole."""
    account = Account()
    pretty = json.dumps(json.loads(SAYS), indent=1).encode().split(b"\n")
    lines = [b"data: " + line for line in pretty]
    assert chunks(lines[:-1], account) == 0
    assert chunks(lines[-1:], account) == 1
    assert chunks([b"", b"data: " + SAYS], account) == 1


def test_data_that_never_becomes_json_is_garbage() -> None:
    """Told at the end of its event, and bounded before that."""
    with pytest.raises(GarbageError, match="not JSON"):
        chunks([b"data: one", b"data: two", b""])
    with pytest.raises(GarbageError, match="not JSON"):
        chunks([b"data: {"] * 1000)


def test_an_event_called_error_is_one() -> None:
    """Also where its data is no JSON, or has no member of that name."""
    for data in (b'{"error":{"message":"full"}}', b'{"message":"full"}', b"full"):
        with pytest.raises(ServerError, match=r"^full$"):
            chunks([b"event: error", b"data: " + data, b""])
    assert chunks([b"event: error", b"", b"data: " + SAYS]) == 1


@pytest.mark.parametrize("indent", [None, 2])
def test_a_document_in_the_place_of_events(indent: int | None) -> None:
    """An error with status 200 is told in its words; an answer in one piece is told as that."""
    with pytest.raises(ServerError, match=r"^overloaded$"):
        chunks(json.dumps({"error": {"message": "overloaded"}}, indent=indent).encode().split(b"\n"))
    whole = {"choices": [{"message": {"content": "secret"}}]}
    with pytest.raises(GarbageError, match="one JSON document") as caught:
        chunks(json.dumps(whole, indent=indent).encode().split(b"\n"))
    assert "secret" not in str(caught.value)


def test_the_end_marker_needs_no_space() -> None:
    """As the official client takes it."""
    for line in (b"data: [DONE]", b"data:[DONE]", b"data: [DONE]\r"):
        account = Account()
        chunks([line], account)
        assert account.done
