"""The response side of HTTP/1.1: whatever the pieces in which it comes, the same body, and its end is seen."""

import gzip
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.streams.http1_overheard import NotHttpError, Response

CHUNKED = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"6\r\nfirst\n\r\n7;ext=1\r\nsecond\n\r\n0\r\nTrailer: x\r\n\r\n"
)


def fed(data: bytes, cuts: list[int], method: str = "POST") -> tuple[Response, bytes]:
    response, body = Response(method), b""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    for begin, end in itertools.pairwise(places):
        body += b"".join(response.feed(data[begin:end]))
    return response, body


@given(st.lists(st.integers(min_value=0), max_size=12))
def test_a_chunked_body_is_the_same_however_it_is_cut(cuts: list[int]) -> None:
    """Framing and trailer are taken off, and the end is seen with the last byte, not before."""
    response, body = fed(CHUNKED, cuts)
    assert (body, response.complete, response.status) == (b"first\nsecond\n", True, 200)
    assert response.content_type == "application/x-ndjson"
    assert response.bytes == len(body)
    assert not fed(CHUNKED[:-1], cuts)[0].complete


def test_each_chunk_is_a_piece() -> None:
    """Two HTTP chunks that came in one read are two pieces."""
    assert Response("POST").feed(CHUNKED) == [b"first\n", b"second\n"]


def test_a_length_ends_a_body() -> None:
    """With a content length the body ends there, without one at the end of the connection."""
    response, body = fed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabcdef", [])
    assert (body, response.complete) == (b"abc", True)
    open_end, _ = fed(b"HTTP/1.1 200 OK\r\n\r\nabc", [])
    assert not open_end.complete
    open_end.end()
    assert open_end.complete


def test_a_connection_that_closes_early_completes_nothing() -> None:
    """The end of the connection in the middle of a chunked body, or of one with a length, is no end of the body."""
    for data in (CHUNKED[:-3], b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", b"HTTP/1.1 20"):
        response, _ = fed(data, [])
        response.end()
        assert not response.complete


def test_what_has_no_body_is_complete_with_its_head() -> None:
    """204, an empty length, an answer to HEAD; an interim response is passed over."""
    for head, method in ((b"204 No Content\r\n", "GET"), (b"200 OK\r\nContent-Length: 5\r\n", "HEAD")):
        response, _ = fed(b"HTTP/1.1 " + head + b"\r\n", [], method)
        assert response.complete
    response, body = fed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Made\r\nContent-Length: 1\r\n\r\nx", [])
    assert (response.status, body) == (201, b"x")


def test_compression_is_undone() -> None:
    """gzip is read through; a coding that we cannot read makes it no stream."""
    packed = gzip.compress(b"one\ntwo\n")
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n"
    response, body = fed(head % (b"gzip", len(packed)) + packed, [90, 100])
    assert (body, response.complete) == (b"one\ntwo\n", True)
    other, _ = fed(head % (b"br", 1) + b"x", [])
    assert other.content_type == "text/event-stream in br"


@pytest.mark.parametrize("data", [b"PRI * HTTP/2.0\r\n\r\n", b"\x00\x00\x12", b"HTTP/1.1 abc\r\n\r\n"])
def test_what_is_no_http_is_refused(data: bytes) -> None:
    """HTTP/2 and noise raise the one error that the digest knows."""
    with pytest.raises(NotHttpError):
        Response("GET").feed(data)


@given(st.binary(max_size=300))
def test_damage_raises_nothing_else(noise: bytes) -> None:
    """Whatever follows a good head, the parser ends with NotHttpError or goes on."""
    response = Response("GET")
    response.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    try:
        response.feed(noise)
    except NotHttpError:
        return
    assert response.status == 200
