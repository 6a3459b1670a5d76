"""What clients may do to a connection, and that the server lives."""

import json
import socket

import pytest

from kit.emulators import Emulated, emulator
from kit.processes import wait_until
from loopscope.emulator import connection, server
from loopscope.emulator.http1 import MAX_BODY_BYTES, MAX_HEAD_BYTES

GET = b"GET /api/version HTTP/1.1\r\nHost: x\r\n\r\n".replace(b"x", b"127.0.0.1")


def test_connection_is_kept_for_the_next_request(served: Emulated) -> None:
    """Streams and whole answers one after another on one connection."""
    with served.link() as link:
        for _ in range(2):
            link.post(options={"num_predict": 2})
            assert link.head()[0] == 200
            assert len(link.chunks()) == 3
            link.send(GET)
            assert link.head()[0] == 200
            assert link.until(b"}") == b'{"version":"0.33.0"}'


def test_requests_sent_ahead_are_answered_in_order(served: Emulated) -> None:
    """A thousand at once: each gets its answer, none is nested in another."""
    with served.link() as link:
        link.post(options={"num_predict": 2}).send(GET * 1000 + b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert link.head()[0] == 200
        assert len(link.chunks()) == 3
        for _ in range(1000):
            assert link.head()[0] == 200
            link.until(b"}")
        assert link.head()[0] == 404


def test_sending_ahead_is_bounded_while_a_stream_runs() -> None:
    """What a client sends during its stream is kept up to a bound; then the server stops reading, and goes on later."""
    with emulator("--rate", "400") as one, one.link() as link:
        link.post(options={"num_predict": 100})
        link.head()
        link.sock.setblocking(False)
        try:
            while True:
                link.sock.send(GET * 1000)
        except BlockingIOError:
            link.sock.settimeout(20)
        (held,) = (c for c in one.server.connections if c.job is not None)
        assert len(held._reader.buffer) <= 2 * MAX_HEAD_BYTES
        assert len(link.chunks()) == 101
        assert link.head()[0] == 200


def test_close_is_honoured(served: Emulated) -> None:
    """Connection: close ends it after the answer, which says so."""
    with served.link() as link:
        link.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert link.head()[1]["connection"] == "close"
        assert link.rest() == b'{"version":"0.33.0"}'


def test_client_that_waits_for_permission_gets_it(served: Emulated) -> None:
    """100 Continue comes before the body does."""
    body = json.dumps({"model": "gemma3"}).encode()
    head = b"POST /api/show HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(
        body
    )
    with served.link() as link:
        link.send(head)
        assert link.head()[0] == 100
        link.send(body)
        assert link.head()[0] == 200


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\x16\x03\x01 hello", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * (2 * MAX_HEAD_BYTES), 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1) + b"z" * 100_000, 413),
    ],
)
def test_what_is_no_request_is_answered_and_closed(served: Emulated, data: bytes, status: int) -> None:
    """The client can read why, also when it had sent more than was read; then the connection ends."""
    with served.link() as link:
        link.send(data)
        found, headers = link.head()
        assert found == status
        assert headers["connection"] == "close"
        assert link.rest().startswith(str(status).encode())
    assert served.ask("GET", "/").status == 200


def test_slow_request_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that trickles its request in is cut after a while; one that is idle between requests is not."""
    monkeypatch.setattr(server, "SLOW_REQUEST_NS", 50_000_000)
    monkeypatch.setattr(server, "_SWEEP_NS", 10_000_000)
    with emulator() as one, one.link() as idle, one.link() as slow:
        idle.send(GET)
        idle.head()
        idle.until(b"}")
        slow.send(b"GET / HTTP/1.1\r\nX")
        assert slow.rest() == b""
        idle.send(GET)
        assert idle.head()[0] == 200


def test_refused_client_that_never_closes_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The moment that a refused client has to read its answer ends."""
    monkeypatch.setattr(connection, "LINGER_NS", 20_000_000)
    with emulator() as one, one.link() as link:
        link.send(b"nonsense\r\n\r\n")
        assert link.head()[0] == 400
        assert wait_until(lambda: not one.server.connections)


def test_half_of_a_request_and_gone(served: Emulated) -> None:
    """A client that leaves in the middle of its request leaves nothing behind."""
    before = len(served.server.connections)
    with served.link() as link:
        link.send(b"POST /api/generate HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        assert wait_until(lambda: len(served.server.connections) > before)
    assert wait_until(lambda: len(served.server.connections) <= before)


def test_large_whole_answer_waits_for_a_slow_reader() -> None:
    """An answer larger than the socket takes leaves in pieces, and whole."""
    with emulator("--rate", "0") as one, one.link(receive_buffer=4096) as link:
        link.post(stream=False, options={"num_predict": 1_000_000})
        _, headers = link.head()
        assert one.ask("GET", "/").status == 200
        link.until(b'"response":"')
        said = link.until(b'","done":true')
        assert len(said) > 4_000_000
        assert headers["transfer-encoding"] == "chunked", "Go tells the length of short answers only"
        assert one.stats()["outcomes"] == {"done": 1}


def test_a_thousand_streams_at_a_time() -> None:
    """All of them are under way at once, each gets its chunks, and each is let go when its client leaves."""
    count = 1000
    with emulator("--rate", "10") as one:
        links = [one.link().post(options={"num_predict": 1_000_000}) for _ in range(count)]
        assert wait_until(lambda: one.server.ledger.streams == count)
        for link in links:
            assert link.head()[0] == 200
            assert json.loads(link.chunk())["response"]
        assert wait_until(lambda: one.server.ledger.chunks > 3 * count)
        served: set[int] = set()
        since = 0
        while len(served) < count:
            rows = one.log(since=since)["rows"]  # a page of the log
            assert rows, served
            served |= {request for request, *_ in rows}
            since += len(rows)
        assert served == set(range(1, count + 1))
        for link in links:
            link.close()
        assert wait_until(lambda: one.server.ledger.outcomes == {"gone": count})
        assert one.stats()["streams"] == 0


def test_server_without_room_for_more_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of descriptors: those who are connected are served, the next one once there is room again."""
    with emulator() as one, one.link() as first:
        first.send(GET)
        first.head()
        listener = one.server._listener
        assert listener is not None

        class Full:
            tries = 0

            def __getattr__(self, name: str) -> object:
                return getattr(listener, name)

            def accept(self) -> tuple[socket.socket, object]:
                Full.tries += 1
                if Full.tries < 3:
                    raise OSError(24, "Too many open files")
                return listener.accept()

            def fileno(self) -> int:
                return listener.fileno()

        monkeypatch.setattr(one.server, "_listener", Full())
        one.server.reactor.wake()
        with one.link() as second:
            first.until(b"}")
            first.send(GET)
            assert first.head()[0] == 200
            second.send(GET)
            assert second.head()[0] == 200
        assert Full.tries >= 3
        monkeypatch.undo()
