"""Whatever a client sends, the parser says request or HTTP error, and text comes back as it was meant."""

import itertools
import json

from hypothesis import example, given
from hypothesis import strategies as st

from loopscope.emulator.answers import ApiError
from loopscope.emulator.go_encoding import go_string
from loopscope.emulator.gojson import read_object
from loopscope.emulator.http1 import HttpError, HttpRequest, RequestReader

REQUEST = b"POST /a?b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\r\n}\r\n0\r\n\r\n"
PIECES = st.lists(
    st.sampled_from(
        [
            b"GET / HTTP/1.1",
            b"\r\n",
            b"\n",
            b"Host: x",
            b"Content-Length: 3",
            b":",
            b" ",
            b"abc",
            b"\0",
            b"Transfer-Encoding: chunked",
            b"3\r\nabc\r\n",
            b"0\r\n\r\n",
            b"\xff",
        ]
    )
    | st.binary(max_size=8),
    max_size=20,
).map(b"".join)


def take(pieces: list[bytes]) -> HttpRequest | None:
    """Feed pieces and give the first request."""
    reader = RequestReader()
    for piece in pieces:
        reader.buffer += piece
        request = reader.next()
        if request is not None:
            return request
    return None


@given(st.binary(max_size=300) | PIECES)
@example(REQUEST)
def test_any_bytes_are_a_request_or_an_http_error(data: bytes) -> None:
    """Nothing else is raised, and the verdict has a status that can be answered."""
    try:
        take([data])
    except HttpError as error:
        assert 400 <= error.status < 600


@given(st.lists(st.integers(0, len(REQUEST)), max_size=8))
def test_request_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """Segments of any size give the same request."""
    edges = [0, *sorted(cuts), len(REQUEST)]
    request = take([REQUEST[a:b] for a, b in itertools.pairwise(edges)])
    assert request is not None
    assert (request.path, request.query, request.body) == ("/a", "b", b"{\r\n}")


@given(st.binary(max_size=200))
def test_any_body_is_an_object_or_a_400(body: bytes) -> None:
    """Nothing else is raised, and the words are one line."""
    try:
        assert isinstance(read_object(body, "R", {"a": "int"}), dict)
    except ApiError as error:
        assert error.status == 400
        assert error.words


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_text_reads_back(text: str) -> None:
    """Go's escaping is JSON."""
    assert json.loads(go_string(text)) == text
