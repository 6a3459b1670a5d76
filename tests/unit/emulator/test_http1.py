"""Bytes in, requests out."""

import pytest

from loopscope.emulator.http1 import MAX_BODY_BYTES, MAX_HEAD_BYTES, HttpError, RequestReader, head


def read(data: bytes) -> RequestReader:
    """A reader that has been given these bytes."""
    reader = RequestReader()
    reader.buffer += data
    return reader


def test_request_with_a_body_is_read_whole() -> None:
    """Method, path, query, headers in lower case and body come out; what follows stays for the next request."""
    reader = read(b"POST /a/b?c=d HTTP/1.1\r\nHost: x\r\nX-Two: 1\r\nx-two: 2\r\nContent-Length: 3\r\n\r\nabcGET")
    request = reader.next()
    assert request is not None
    assert (request.method, request.path, request.query, request.body) == ("POST", "/a/b", "c=d", b"abc")
    assert request.headers["x-two"] == "1, 2"
    assert request.keep
    assert bytes(reader.buffer) == b"GET"


def test_nothing_comes_out_before_the_request_is_whole() -> None:
    """Byte by byte, the request appears with its last byte and not earlier."""
    data = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    data += b"3;a=b\r\nabc\r\nA\r\n0123456789\r\n0\r\nT: 1\r\n\r\n"
    reader = RequestReader()
    for byte in data[:-1]:
        reader.buffer.append(byte)
        assert reader.next() is None
        assert reader.busy
    reader.buffer.append(data[-1])
    request = reader.next()
    assert request is not None
    assert request.body == b"abc0123456789"
    assert not reader.busy


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01\x02\x00", 400),  # somebody speaks TLS
        (b"GET  / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\nHost: x\n\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET / FTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded: y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1" * 2000, 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", 413),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * MAX_HEAD_BYTES, 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * MAX_HEAD_BYTES + b"\r\n\r\n", 431),
    ],
)
def test_what_is_no_http_is_refused(data: bytes, status: int) -> None:
    """Each kind of malformed or oversized request has its status."""
    with pytest.raises(HttpError) as raised:
        read(data).next()
    assert raised.value.status == status
    assert raised.value.words.startswith(str(status))


@pytest.mark.parametrize(
    ("line", "connection", "keep"),
    [
        ("1.1", "", True),
        ("1.1", "close", False),
        ("1.1", "x, Close", False),
        ("1.0", "", False),
        ("1.0", "keep-alive", True),
    ],
)
def test_connection_header_decides_what_follows(line: str, connection: str, keep: bool) -> None:
    """HTTP/1.1 keeps the connection unless told otherwise, HTTP/1.0 the other way round."""
    request = read(f"GET / HTTP/{line}\r\nHost: x\r\nConnection: {connection}\r\n\r\n".encode()).next()
    assert request is not None
    assert request.keep is keep


def test_client_that_waits_for_permission_is_seen() -> None:
    """Expect: 100-continue is told as long as the body has not come."""
    reader = read(b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    assert reader.next() is None
    assert reader.wants_continue
    reader.buffer += b"ab"
    request = reader.next()
    assert request is not None
    assert not reader.wants_continue


def test_absolute_form_and_leading_empty_lines_are_understood() -> None:
    """A proxy's request line and a stray line end before it do no harm."""
    request = read(b"\r\n\r\nGET http://x:1/api/tags?a=1 HTTP/1.1\r\nHost: x\r\n\r\n").next()
    assert request is not None
    assert (request.path, request.query) == ("/api/tags", "a=1")


def test_head_of_a_stream_and_of_a_whole_answer() -> None:
    """A stream is chunked, and with HTTP/1.0 it is not; a whole answer has its length."""
    assert b"\r\nTransfer-Encoding: chunked\r\n" in head(200, "a/b", None)
    assert b"chunked" not in head(200, "a/b", None, version=0)
    whole = head(404, "a/b", 3, keep=False)
    assert whole.startswith(b"HTTP/1.1 404 Not Found\r\nContent-Type: a/b\r\nDate: ")
    assert whole.endswith(b"\r\nContent-Length: 3\r\nConnection: close\r\n\r\n")
