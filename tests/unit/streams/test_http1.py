"""Responses of HTTP/1.1, in whatever pieces they come."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.streams.http1 import MOST_HEAD_BYTES, ProtocolError, Response

_CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def _fed(data: bytes, cuts: list[int]) -> tuple[Response, bytes]:
    response, body, start = Response(), b"", 0
    for cut in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        if cut > start:
            body += response.feed(data[start:cut])
            start = cut
    return response, body


@given(
    parts=st.lists(st.binary(min_size=1, max_size=40), max_size=8),
    trailers=st.booleans(),
    early=st.booleans(),
    cuts=st.lists(st.integers(0, 600), max_size=12),
)
def test_a_chunked_body_is_the_same_however_it_is_cut(
    parts: list[bytes], trailers: bool, early: bool, cuts: list[int]
) -> None:
    """Also with a 100 before it, chunk extensions and trailers; the connection may be kept."""
    data = (b"HTTP/1.1 100 Continue\r\n\r\n" if early else b"") + _CHUNKED
    data += b"".join(b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts)
    data += b"0\r\n" + (b"A: b\r\nC: d\r\n" if trailers else b"") + b"\r\n"
    response, body = _fed(data, cuts)
    assert (response.status, response.done, response.keep) == (200, True, True)
    assert body == b"".join(parts)


@given(body=st.binary(max_size=60), cuts=st.lists(st.integers(0, 120), max_size=6))
def test_bodies_of_a_length_and_until_close(body: bytes, cuts: list[int]) -> None:
    """A length ends the body and keeps the connection; without one its closing ends it."""
    response, got = _fed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), cuts)
    assert (response.done, response.keep, got) == (True, True, body)
    response, got = _fed(b"HTTP/1.1 200\r\n\r\n" + body, cuts)
    assert (response.done, got) == (False, body)
    response.eof()
    assert (response.done, response.keep) == (True, False)


@given(data=st.binary(max_size=200), head=st.booleans(), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_nonsense_is_refused_or_waited_for(data: bytes, head: bool, cuts: list[int]) -> None:
    """Whatever comes: bytes, or ProtocolError, and nothing else."""
    try:
        response, _ = _fed((_CHUNKED if head else b"") + data, cuts)
        response.eof()
    except ProtocolError:
        pass


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"what is HTTP?\r\n\r\n", "no answer in HTTP/1.1"),
        (b"HTTP/2 200\r\n\r\n", "no answer in HTTP/1.1"),
        (b"HTTP/1.1 banana\r\n\r\n", "no status line"),
        (b"HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", "a header line that is none"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", "a content length that is none"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "a content length that is none"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "other than chunked"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "changes the protocol"),
        (_CHUNKED + b"-1\r\n", "a chunk without a size"),
        (_CHUNKED + b"0x5\r\nhello\r\n", "a chunk without a size"),
        (_CHUNKED + b"1_0\r\n", "a chunk without a size"),
        (_CHUNKED + b"5" * 400, "a chunk without a size"),
        (_CHUNKED + b"3\r\nabcde\r\n", "does not end where it says"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * MOST_HEAD_BYTES, "a head of over"),
    ],
)
def test_what_breaks_the_protocol_is_said(data: bytes, words: str) -> None:
    """Each way has its words."""
    with pytest.raises(ProtocolError, match=words):
        Response().feed(data)


def test_a_length_beside_chunks_closes_the_connection() -> None:
    """Chunked wins, and the connection is not used again; neither is one with bytes after the end."""
    response = Response()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert response.feed(head + b"2\r\nab\r\n0\r\n\r\n") == b"ab"
    assert (response.done, response.keep) == (True, False)
    response = Response()
    assert response.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabc") == b"ab"
    assert (response.done, response.keep) == (True, False)


@pytest.mark.parametrize("data", [b"", b"HTTP/1.1 200", _CHUNKED, _CHUNKED + b"5\r\nab"])
def test_an_early_end_is_an_error(data: bytes) -> None:
    """A connection that closes before the body has ended."""
    response = Response()
    if data:
        response.feed(data)
    with pytest.raises(ProtocolError):
        response.eof()


@given(st.lists(st.integers(0, 120), max_size=6))
def test_lone_line_ends_are_taken_in_a_head(cuts: list[int]) -> None:
    """As every client does; the body may hold empty lines of either kind."""
    body = b"one\n\ntwo\r\n\r\n"
    response, read = _fed(b"HTTP/1.1 200 OK\nContent-Type: a/b\nContent-Length: %d\n\n%s" % (len(body), body), cuts)
    assert (response.status, response.header("content-type"), read, response.done) == (200, "a/b", body, True)
    crlf, read = _fed(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body), cuts)
    assert (crlf.status, read) == (200, body)


def test_the_headers_that_matter_are_kept() -> None:
    """Those of the response itself, not of an interim one; others are forgotten."""
    interim = b"HTTP/1.1 103 Early Hints\r\nLocation: /wrong\r\nContent-Type: x/y\r\n\r\n"
    response, _ = _fed(interim + b"HTTP/1.1 307 Go\r\nLOCATION: /There?Key=x\r\nSet-Cookie: c\r\n\r\n", [])
    assert response.header("location") == "/There?Key=x"
    assert response.header("content-type") == response.header("set-cookie") == ""


def test_an_answer_to_head_has_no_body() -> None:
    """Whatever length it names."""
    response = Response("HEAD")
    assert response.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n") == b""
    assert response.done
