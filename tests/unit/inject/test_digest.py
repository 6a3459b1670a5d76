"""From entries to records: planted journals, and what must come of them."""

import json

from loopscope.core.records import AgentState, Request
from loopscope.inject.digest import Digest
from loopscope.inject.journal import ENDED, FAILED, READ, ROOM_BYTES, STARTED, Entry, Exchange, Journal
from loopscope.probe.sample_buffer import SampleBuffer

S = 1_000_000_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
STAMP = "2026-01-02T03:04:05Z"


def chunk(**more: object) -> bytes:
    line = json.dumps({"model": "m", "created_at": STAMP, **more}, separators=(",", ":")).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(line), line)


WORD = chunk(response="word", done=False)
LAST = chunk(response="", done=True, eval_count=2) + b"0\r\n\r\n"


def exchange(path: str = "/api/generate?key=secret", origin: str = "http://h:1", task: int = 0) -> Exchange:
    made = Exchange("httpx", "POST", origin, path, True)
    made.start_ns, made.task = S, task
    return made


def read(of: Exchange, at_ns: int, data: bytes, asked_ns: int = 0) -> Entry:
    return of, READ, at_ns, data, asked_ns


def digested(*entries: Entry, sweep_ns: int = 0) -> tuple[Digest, SampleBuffer]:
    samples = SampleBuffer("program")
    digest = Digest(samples)
    digest.take(list(entries))
    if sweep_ns:
        digest.sweep(sweep_ns)
    return digest, samples


def requests(samples: SampleBuffer) -> list[Request]:
    return [event for event in samples.events if isinstance(event, Request)]


def test_a_stream_is_a_row_with_its_chunks() -> None:
    """Received when the read returned, handled when the program asked again; the request ends with its last byte."""
    one = exchange()
    digest, samples = digested(
        (one, STARTED, S, None, 0),
        read(one, 2 * S, HEAD + WORD),
        read(one, 3 * S, WORD, asked_ns=2 * S + 5),
        read(one, 4 * S, LAST, asked_ns=3 * S + 7),
        (one, ENDED, 4 * S + 9, None, 0),
    )
    assert samples.chunks == [(0, 2 * S, STAMP, 2 * S + 5, True), (0, 3 * S, STAMP, 3 * S + 7, False)]
    (request,) = requests(samples)
    assert (request.outcome, request.chunks, request.reads, request.tokens, request.status) == ("ok", 2, 3, 2, 200)
    assert (request.start_ns, request.first_ns, request.last_ns, request.end_ns) == (S, 2 * S, 3 * S, 4 * S)
    assert request.handle_ns == 5 + 7 + 9
    states = [(e.state, e.name, e.url, e.model) for e in samples.events if isinstance(e, AgentState)]
    assert states == [
        ("waiting", "httpx #1", "http://h:1", ""),
        ("streaming", "httpx #1", "http://h:1", "m"),
        ("pausing", "httpx #1", "http://h:1", "m"),
    ]
    assert digest.streams == 0
    assert one.path == "/api/generate"


def test_streams_at_the_same_time_are_rows_of_their_own_and_a_task_keeps_its_row() -> None:
    """The second stream gets row 2; a task that comes again gets the row it had."""
    a, b, again = exchange(task=1), exchange(task=2), exchange(task=2)
    _, samples = digested(
        (a, STARTED, S, None, 0),
        (b, STARTED, S, None, 0),
        read(a, 2 * S, HEAD + LAST),
        (a, ENDED, 2 * S, None, 0),
        read(b, 2 * S, HEAD + LAST),
        (b, ENDED, 2 * S, None, 0),
        (again, STARTED, 3 * S, None, 0),
        read(again, 4 * S, HEAD + LAST),
        (again, ENDED, 4 * S, None, 0),
    )
    assert [(request.agent, request.request) for request in requests(samples)] == [(0, 1), (1, 1), (1, 2)]


def test_how_it_ended_is_told() -> None:
    """Each way in which a stream may end has its own outcome."""

    def outcome(*parts: bytes, end: int = ENDED, payload: object = None) -> str:
        one = exchange()
        entries = [read(one, (2 + i) * S, part) for i, part in enumerate(parts)]
        _, samples = digested((one, STARTED, S, None, 0), *entries, (one, end, 9 * S, payload, 0))
        return requests(samples)[0].outcome

    assert outcome(HEAD + WORD, LAST) == "ok"
    assert outcome(HEAD + WORD) == "taken"
    assert outcome(HEAD + WORD, b"") == "cut"
    assert outcome(HEAD + WORD + b"0\r\n\r\n") == "no_done"
    assert outcome(HEAD + b"3\r\nno\n\r\n0\r\n\r\n") == "garbage"
    assert outcome(HEAD + chunk(error="x")[:-2] + b"\r\n0\r\n\r\n") == "server"
    assert outcome(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n") == "http"
    assert outcome(end=FAILED, payload=("refused", "no connection")) == "refused"
    assert outcome(b"\x00\x01\x02nonsense") == "garbage"


def test_what_is_no_stream_is_no_agent() -> None:
    """A page that somebody fetches has no row, and its bytes are not written down any more."""
    page = exchange("/index.html")
    page.method = "GET"
    digest, samples = digested(
        (page, STARTED, S, None, 0), read(page, 2 * S, b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<p>")
    )
    assert page.muted
    assert (samples.events, samples.chunks, digest.streams) == ([], [], 0)


def test_a_stream_on_a_path_that_we_do_not_know_is_an_agent_from_its_head_on() -> None:
    """Its row begins late, its request does not."""
    own = exchange("/my/own")
    _, samples = digested(
        (own, STARTED, S, None, 0), read(own, 3 * S, HEAD + WORD), read(own, 4 * S, LAST), (own, ENDED, 4 * S, None, 0)
    )
    (request,) = requests(samples)
    assert (request.outcome, request.start_ns, request.chunks) == ("ok", S, 1)


def test_a_response_that_nobody_gives_back_is_closed() -> None:
    """Five seconds after its last byte the books are closed as of that byte; one that still runs is left open."""
    done, running = exchange(), exchange()
    entries = [
        (done, STARTED, S, None, 0),
        read(done, 2 * S, HEAD + WORD + LAST),
        (running, STARTED, S, None, 0),
        read(running, 2 * S, HEAD + WORD),
    ]
    digest, samples = digested(*entries, sweep_ns=6 * S)
    assert requests(samples) == []
    digest.sweep(7 * S + 1)
    assert [(r.outcome, r.end_ns) for r in requests(samples)] == [("ok", 2 * S)]
    assert digest.streams == 1


def test_the_end_of_the_program_ends_its_streams() -> None:
    """What streams then is taken, not an error of the server, and every row is gone."""
    one = exchange()
    digest, samples = digested((one, STARTED, S, None, 0), read(one, 2 * S, HEAD + WORD))
    digest.finish()
    assert [(r.outcome, r.words) for r in requests(samples)] == [("taken", "the program ended")]
    last = samples.events[-1]
    assert isinstance(last, AgentState)
    assert last.state == "gone"


def test_a_chunk_is_let_out_once_the_program_asks_for_more() -> None:
    """Also when nothing comes after it; what came after the program had asked waits for its next word."""
    one = exchange()
    digest, samples = digested((one, STARTED, S, None, 0), read(one, 2 * S, HEAD + WORD))
    assert samples.chunks == []
    one.asked_ns = 2 * S + 3
    asked = digest.asked()
    digest.take([read(one, 3 * S, WORD, asked_ns=one.asked_ns)])
    digest.handled(asked)
    assert samples.chunks == [(0, 2 * S, STAMP, 2 * S + 3, True)]
    digest.handled([(one, 3 * S + 1)])
    assert samples.chunks[1:] == [(0, 3 * S, STAMP, 3 * S + 1, False)]


def test_a_full_journal_drops_and_counts() -> None:
    """What found no room is counted, and the stream that it belonged to is closed as such, not read on in the middle
    of a line.
    """
    journal, one = Journal(), exchange()
    journal.note(one, STARTED)
    journal.bytes = ROOM_BYTES
    journal.read(one, 2 * S, HEAD)
    journal.read(one, 3 * S, WORD)
    assert (journal.dropped, len(journal.entries)) == (1, 1)
    digest, samples = digested(*journal.take(), sweep_ns=4 * S)
    assert [r.words for r in requests(samples)] == ["the probe had no room for this stream"]
    assert (journal.entries, journal.bytes, digest.streams) == ([], 0, 0)
