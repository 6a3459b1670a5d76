"""One agent against servers that do what a test says, on both loops, with the real clients."""

import asyncio
import json
from collections.abc import Callable

import pytest

from kit.agents import Watched, requests_of, states_of, stream
from kit.servers import END, HEAD, Handler, chunk, final, line, read_request, sends, serving
from loopscope.core.records import AgentSpec, AgentState, Server
from loopscope.rig.agent import Agent
from loopscope.rig.clients import make_client
from loopscope.rig.clients.base import Client
from loopscope.rig.levers import Levers

OnLoop = Callable[..., object]


def test_a_good_stream_is_counted_to_the_chunk(on_loop: OnLoop, kind: type[Client]) -> None:
    """Three lines with content are three chunks; the server's account is taken; stamps go up."""
    samples = Watched("rig-1")
    with serving(sends(HEAD, chunk(line("a")), chunk(line("b")), chunk(line("c")), chunk(final(4)) + END)) as url:
        on_loop(stream(kind, url, samples))
    request = requests_of(samples)[0]
    assert (request.outcome, request.chunks, request.tokens, request.total_ns) == ("ok", 3, 4, 40)
    rows = [row for row in samples.chunks if row[1] <= (request.last_ns or 0)]
    assert len(rows) == 3
    assert [row[4] for row in rows] == [True, False, False]
    # On a machine that stands still for 5 ms two of them come in one read.
    assert request.start_ns < request.first_ns == rows[0][1] <= rows[1][1] <= rows[2][1] <= request.end_ns
    assert all(row[3] >= row[1] for row in rows)


def test_lines_of_one_read_share_their_received_stamp(on_loop: OnLoop, kind: type[Client]) -> None:
    """Two HTTP chunks in one segment came in one read: same stamp, and reads are counted at the socket."""
    samples = Watched()
    reads = (HEAD + chunk(line("a")), chunk(line("b")) + chunk(line("c")), chunk(final()) + END)
    with serving(sends(*reads, apart_s=0.05)) as url:
        on_loop(stream(kind, url, samples))
    first, second, third = samples.chunks[:3]
    assert first[1] < second[1] == third[1]
    assert requests_of(samples)[0].reads == 3


def test_a_kept_connection_is_not_connected_again(on_loop: OnLoop, kind: type[Client]) -> None:
    """The first request tells what connecting took, the next ones used the kept connection: 0."""
    samples = Watched()
    with serving(sends(HEAD, chunk(line()), chunk(final()) + END)) as url:
        on_loop(stream(kind, url, samples, ends=2))
    first, second = requests_of(samples)[:2]
    assert first.connect_ns
    assert second.connect_ns == 0


def test_a_kept_connection_that_closes_under_a_request_is_no_failure(on_loop: OnLoop, kind: type[Client]) -> None:
    """The server closes a kept connection just as it is used again: the request goes out once more and is answered."""

    async def answers_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(HEAD + chunk(line()) + chunk(final(1)) + END)
        await writer.drain()
        await read_request(reader)

    samples = Watched()
    with serving(answers_once) as url:
        on_loop(stream(kind, url, samples, ends=4))
    assert {request.outcome for request in requests_of(samples)} == {"ok"}
    assert all(request.chunks == 1 for request in requests_of(samples))


@pytest.mark.parametrize(
    ("handler", "outcome", "words"),
    [
        (sends(HEAD, chunk(line()), END), "no_done", "without its final message"),
        (sends(HEAD, chunk(line()), close=True), "cut", "after 1 chunks"),
        (sends(HEAD, chunk(line()[:20]), close=True), "cut", "broke off"),
        (sends(HEAD, chunk(line()), reset=True), "cut", "connection broke"),
        (sends(HEAD, chunk(line()), chunk(b"{nonsense\n"), END), "garbage", "not JSON"),
        (sends(HEAD, chunk(line()[:30]), END), "garbage", "not JSON"),
        (sends(HEAD, chunk(b'{"response":"\xff"}\n'), END), "garbage", "not JSON"),
        (sends(HEAD, chunk(b"[1]\n"), END), "garbage", "no object"),
        (sends(HEAD, chunk(line()), chunk(b'{"error":"out of memory"}\n'), END), "server", "out of memory"),
        (
            sends(b'HTTP/1.1 404 Not Found\r\nContent-Length: 31\r\n\r\n{"error":"model \'m\' not found"}\n'),
            "http",
            "HTTP 404: model 'm' not found",
        ),
        (sends(b"HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\n\x1b[31m"), "http", "HTTP 500: ·[31m"),
        (sends(b"what is HTTP?\r\n\r\n", close=True), "cut", "stream broke off"),
        (sends(b"", close=True), "cut", "disconnected"),
    ],
)
def test_a_failure_is_told_in_words_and_retried(
    on_loop: OnLoop, kind: type[Client], handler: Handler, outcome: str, words: str
) -> None:
    """Each way in which a stream fails has its outcome and its words, and the agent tries again after a pause."""
    samples = Watched()
    with serving(handler) as url:
        on_loop(stream(kind, url, samples, state="retrying"))
    request = requests_of(samples)[0]
    if kind.name == "ollama" and request.outcome == "no_done":
        # httpx under it reads what is no UTF-8 as U+FFFD: the line is a message then, and the final one is missing.
        outcome, words = "no_done", "without its final message"
    assert request.outcome == outcome
    assert words in request.words
    retry = [state for state in states_of(samples) if state.state == "retrying"]
    assert "trying again in 0.25 s" in retry[0].words


PROMPT, ANSWER = "the patient of room nine has", "and so the answer begins with this"


def _quoting(status: bytes, body: bytes) -> Handler:
    return sends(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))


def _quoted(text: str) -> bytes:
    return json.dumps({"error": text}).encode()


@pytest.mark.parametrize(
    "handler",
    [
        _quoting(b"500 Oops", _quoted(f"cannot answer {PROMPT!r}, Authorization: Bearer hunter22")),
        _quoting(b"500 Oops", f"what is: {PROMPT} ... Authorization: Basic hunter22==".encode()),
        _quoting(b"422 No", json.dumps({"detail": [{"input": {"prompt": PROMPT}, "api_key": "hunter22"}]}).encode()),
        _quoting(b"500 Oops", _quoted("upstream https://me:hunter22@10.0.0.1/v1?api_key=hunter22 failed")),
        _quoting(b"401 No", _quoted("Incorrect API key provided: sk-hunter22. x-api-key=hunter22 token: hunter22")),
        sends(HEAD, chunk(line()), chunk(_quoted(f"stopped at {PROMPT}; password=hunter22") + b"\n"), END),
        sends(HEAD, chunk(line()), chunk(b'"%s" is no JSON object\n' % ANSWER.encode()), END),
        sends(HEAD, chunk(line()), chunk(b'{"response": %s\n' % ANSWER.encode()), END),
        sends(ANSWER.encode() + b"\r\n\r\n", close=True),
    ],
)
def test_neither_prompts_nor_answers_nor_credentials_reach_a_record(
    on_loop: OnLoop, kind: type[Client], handler: Handler
) -> None:
    """Servers that send back what they were asked, headers that a proxy added, or half an answer where it does not
    belong: what is recorded of it has nothing of that in it."""
    samples = Watched()
    with serving(handler) as url:
        on_loop(stream(kind, url, samples, state="retrying", prompt=PROMPT))
    written = " ".join(str(record) for record in samples.events)
    assert requests_of(samples)[0].words
    for secret in (PROMPT, PROMPT[:20], ANSWER[:8], ANSWER[-20:], "hunter22"):
        assert secret not in written


@pytest.mark.parametrize("text", ["\u0085", "\u2028"])
def test_a_line_end_of_unicode_is_no_end_of_a_line(on_loop: OnLoop, kind: type[Client], text: str) -> None:
    """It belongs to the message, except for the ollama client, whose httpx breaks lines there: told as garbage."""
    samples = Watched()
    with serving(sends(HEAD, chunk(line(f"a{text}b")), chunk(final(1)) + END)) as url:
        on_loop(stream(kind, url, samples))
    request = requests_of(samples)[0]
    assert (request.outcome, request.chunks) == (("garbage", 0) if kind.name == "ollama" else ("ok", 1))


def test_nobody_there_is_refused(on_loop: OnLoop, kind: type[Client]) -> None:
    """Without a server the outcome names the URL."""
    samples = Watched()
    on_loop(stream(kind, "http://127.0.0.1:9", samples))
    request = requests_of(samples)[0]
    assert request.outcome == "refused"
    assert "http://127.0.0.1:9" in request.words


@pytest.mark.parametrize("batch", ["off", "decode:20ms", "decode:1KiB", "read:20ms"])
@pytest.mark.parametrize("decoder", ["json", "orjson"])
def test_no_lever_loses_a_chunk(on_loop: OnLoop, kind: type[Client], batch: str, decoder: str) -> None:
    """With every kind of batching and both decoders, every chunk of a stream is counted once."""
    samples = Watched()
    lines = [chunk(line(f"w{i} ")) for i in range(20)]
    with serving(sends(HEAD, *lines, chunk(final(20)) + END)) as url:
        on_loop(stream(kind, url, samples, {"batch": batch, "decoder": decoder}))
    request = requests_of(samples)[0]
    assert (request.outcome, request.chunks) == ("ok", 20)
    # The ollama client decodes by itself, at once.
    assert (request.batch_ns > 0) == (batch != "off" and not (kind.name == "ollama" and batch.startswith("decode")))


def test_read_batching_lets_the_socket_coalesce(on_loop: OnLoop, kind: type[Client]) -> None:
    """read:50ms needs fewer reads than there are chunks; decode batching does not change the reads."""
    lines = [chunk(line(f"w{i} ")) for i in range(30)]
    reads = {}
    for batch in ("read:50ms", "decode:50ms"):
        samples = Watched()
        with serving(sends(HEAD, *lines, chunk(final(30)) + END)) as url:
            on_loop(stream(kind, url, samples, {"batch": batch}))
        reads[batch] = requests_of(samples)[0].reads
    assert reads["read:50ms"] < 15 < reads["decode:50ms"]


def test_a_throttled_agent_waits_in_the_client(on_loop: OnLoop, kind: type[Client]) -> None:
    """At 100 chunks/s, 30 chunks that are there at once take the client about 0.2 s of throttle wait (the bucket
    holds a tenth of a second)."""
    samples = Watched()
    with serving(sends(HEAD + b"".join(chunk(line()) for _ in range(30)), chunk(final(30)) + END)) as url:
        on_loop(stream(kind, url, samples, {"throttle": "100"}))
    request = requests_of(samples)[0]
    assert request.chunks == 30
    assert request.throttle_ns > 100_000_000


@pytest.mark.parametrize("batch", ["off", "decode:20ms", "decode:1KiB", "read:20ms"])
def test_the_throttle_holds_with_every_kind_of_batching(on_loop: OnLoop, kind: type[Client], batch: str) -> None:
    """60 chunks that come one after another take at least half a second at 100 a second, however they are taken in."""
    samples = Watched()
    lines = [chunk(line()) for _ in range(60)]
    with serving(sends(HEAD, *lines, chunk(final(60)) + END, apart_s=0)) as url:
        on_loop(stream(kind, url, samples, {"throttle": "100", "batch": batch}))
    request = requests_of(samples)[0]
    assert request.chunks == 60
    # 0.6 s less the tenth of a second that the bucket holds.
    assert request.end_ns - request.start_ns > 490_000_000
    assert request.throttle_ns > 0


def test_an_agent_that_is_cancelled_counts_its_request_as_taken(on_loop: OnLoop, kind: type[Client]) -> None:
    """Cut by a takeover: the request under way is told as taken, not as an error of the server."""

    async def run(url: str, samples: Watched) -> None:
        dials = Levers()
        client = make_client(kind, dials.gate, secure=False)
        spec = AgentSpec(agent=0, name="a", server=0, model="m")
        task = asyncio.ensure_future(Agent(spec, Server(url=url), client, dials, samples).run())
        await samples.until(lambda: bool(samples.chunks))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await client.close()

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(HEAD + chunk(line()))
        await reader.read()

    samples = Watched()
    with serving(stalls) as url:
        on_loop(run(url, samples))
    assert [(r.outcome, r.chunks) for r in requests_of(samples)] == [("taken", 1)]
    assert isinstance(samples.events[-1], AgentState)
    assert samples.events[-1].state == "gone"
