"""Every client against a real emulator: what was sent is what is counted, and the same fault is the same outcome."""

import asyncio
import http.client
import itertools
import json
import os
import queue
import shutil
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kit.processes import PATIENCE_S, wait_until
from kit.servers import END, HEAD, chunk, final, line, sends, serving
from loopscope.core.errors import InputError
from loopscope.core.records import AgentSpec, Request, Server
from loopscope.model.snapshot import Snapshot
from loopscope.probe.sample_buffer import ChunkRow, SampleBuffer
from loopscope.rig.agent import Agent
from loopscope.rig.clients import client_class, make_client
from loopscope.rig.levers import Levers
from loopscope.rig.loops import make_loop
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.settings import levers
from loopscope.settings.clients import CLIENTS, clients_here
from loopscope.settings.levers.loop import loops_here
from loopscope.wire.worker import Worker

DIALECTS = ("ollama", "ollama-chat", "openai", "openai-completions")
PAIRS = [
    (client, dialect)
    for client, dialect in itertools.product(clients_here(), DIALECTS)
    if not CLIENTS[client].does_not_speak([dialect])
]
AGENTS, REQUESTS, TOKENS = 3, 2, 40


class Emulator:
    """A process, asked by HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, method: str, path: str, body: object = None) -> Any:
        link = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE_S)
        try:
            link.request(method, path, None if body is None else json.dumps(body))
            return json.loads(link.getresponse().read())
        finally:
            link.close()

    def chunks(self) -> int:
        """Chunks sent so far."""
        return int(self.ask("GET", "/emulator/stats")["chunks"])


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    """One that streams 2 000 tokens a second to each."""
    words = ["--port", "0", "--rate", "2000", "--prefill-rate", "0", "--parallel", "0"]
    worker = Worker("loopscope.emulator", "emulator-1", words, on_line=lambda _: None)
    worker.start()
    try:
        yield Emulator(worker.wait_ready().info["url"])
    finally:
        worker.stop()


def _stream(
    loop: str,
    client: str,
    url: str,
    *,
    api: str = "ollama",
    agents: int = 1,
    requests: int = 1,
    secure: bool = False,
    slow: bool = False,
) -> tuple[list[Request], list[ChunkRow]]:
    """Let agents stream, and give their requests and rows."""
    samples = SampleBuffer("rig-1")
    reads: list[int] = []

    async def main() -> None:
        dials = Levers()
        made = make_client(client_class(client), dials.gate, secure=secure)
        specs = [
            AgentSpec(
                agent=i, name="a", server=0, model="gemma3", prompt="p", tokens=TOKENS, requests=requests, api=api
            )
            for i in range(agents)
        ]
        await asyncio.gather(*(Agent(spec, Server(url=url), made, dials, samples).run() for spec in specs))
        reads.append(made.wires.reads)
        await made.close()

    with asyncio.Runner(loop_factory=lambda: make_loop(loop).loop) as runner:
        runner.run(main())
    told = [event for event in samples.events if isinstance(event, Request)]
    # No read is missed or counted twice; what came of a refusal, or of a head in pieces, is no stream's.
    assert sum(request.reads for request in told) <= reads[0]
    if all(request.chunks == TOKENS and request.status == 200 for request in told) and not slow:
        # A request is over with its last message: a read of its own for the end of the body is no more of it.
        assert reads[0] - sum(request.reads for request in told) <= len(told)
    return told, samples.chunks


@pytest.mark.parametrize(("client", "dialect"), PAIRS)
@pytest.mark.parametrize("loop", loops_here())
def test_what_was_sent_is_what_is_counted(server: Emulator, loop: str, client: str, dialect: str) -> None:
    """No request fails, and the emulator's own count of chunks is ours; reads are those of the sockets."""
    before = server.chunks()
    requests, rows = _stream(loop, client, server.url, api=dialect, agents=AGENTS, requests=REQUESTS)
    assert [(r.outcome, r.chunks, r.tokens) for r in requests] == [("ok", TOKENS, TOKENS)] * (AGENTS * REQUESTS)
    assert server.chunks() - before == len(rows) == AGENTS * REQUESTS * TOKENS
    assert all(0 < r.handle_ns < r.end_ns - r.start_ns for r in requests)
    assert all(row[3] >= row[1] for row in rows)
    # The first request of an agent connects, the second uses what the first has left.
    assert sum(bool(r.connect_ns) for r in requests) == AGENTS


@pytest.mark.parametrize(
    ("fault", "outcome", "chunks"),
    [
        ({"fault": "cut", "after": 3}, "cut", 3),
        ({"fault": "rst", "after": 3}, "cut", None),
        ({"fault": "500"}, "http", 0),
        ({"fault": "503"}, "http", 0),
        ({"fault": "malformed", "after": 3}, "garbage", 3),
        ({"fault": "eof", "after": 3}, "no_done", 3),
        ({"fault": "error", "after": 3}, "server", 3),
        ({"fault": "stall", "after": 3, "for": 0.2}, "ok", TOKENS),
        ({"fault": "slow-headers", "for": 0.2}, "ok", TOKENS),
        ({"fault": "refuse"}, "refused", 0),
    ],
    ids=lambda value: value["fault"] if isinstance(value, dict) else None,
)
@pytest.mark.parametrize("client", clients_here())
@pytest.mark.parametrize("loop", loops_here())
def test_a_fault_is_the_same_with_every_client(
    server: Emulator, loop: str, client: str, fault: dict[str, Any], outcome: str, chunks: int | None
) -> None:
    """Outcome and number of chunks do not depend on who moves the bytes; a refusal is told with its status."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen: a port that refuses, for as long as it takes
        url = server.url
        if outcome == "refused":
            url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        else:
            assert "error" not in server.ask("POST", "/emulator/fault", fault)
        ((request, *_), _) = _stream(loop, client, url, slow=fault["fault"] == "slow-headers")
    assert request.outcome == outcome, request.words
    assert chunks is None or request.chunks == chunks
    assert request.status == (int(fault["fault"]) if outcome == "http" else None if outcome == "refused" else 200)


@pytest.mark.parametrize("client", clients_here())
@pytest.mark.parametrize("loop", loops_here())
@pytest.mark.skipif(shutil.which("openssl") is None, reason="the certificate is made by openssl")
def test_tls_streams_with_every_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, loop: str, client: str) -> None:
    """A server whose certificate is trusted is read as any other; one whose is not, is refused in words."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(
        [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-keyout",
            str(key),
            "-out",
            str(cert),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    answer = sends(HEAD, *(chunk(line(f"w{n} ")) for n in range(5)), chunk(final(5)) + END)
    with serving(answer, tls=context) as url:
        ((stranger,), _) = _stream(loop, client, url, secure=True)
        monkeypatch.setenv("SSL_CERT_FILE", str(cert))
        requests, rows = _stream(loop, client, url, requests=2, secure=True)
    assert stranger.outcome == "refused"
    assert "certificate" in stranger.words.lower()
    assert [(r.outcome, r.chunks) for r in requests] == [("ok", 5)] * 2
    assert len(rows) == 10


def test_the_official_client_is_refused_where_it_does_not_speak() -> None:
    """One sentence before anything streams, at the start and when the lever is pulled."""
    if "ollama" not in clients_here():
        pytest.skip("the ollama client is not installed")
    with pytest.raises(InputError, match="client=ollama speaks Ollama's own dialects only, not openai"):
        _session(api="openai", client="ollama").start()
    source = _session(api="openai", client="streams")
    source.start()
    try:
        with pytest.raises(InputError, match="take another client"):
            source.pull("client", "ollama")
    finally:
        source.stop()


def _session(api: str = "", **pulled: str) -> LiveSource:
    return LiveSource(SessionOptions(embedded=True, api=api, tokens=20, rate=100, levers=levers.defaults() | pulled))


def test_kill_9_of_one_of_several_rigs_loses_its_agents_only(tmp_path: Path) -> None:
    """Of two processes one dies: its two agents are lost, which is said; the others stream on, and the next takeover
    starts all four."""
    source = _session(placement="process:2", agents="4", client="streams")
    source.start()
    try:

        def seen() -> Snapshot:
            answers: queue.Queue[Snapshot] = queue.Queue()
            source.ask(answers.put)
            return answers.get(timeout=PATIENCE_S)

        def chunks() -> dict[int, int]:
            return {agent.agent: agent.chunks for agent in seen().agents}

        assert wait_until(lambda: len(chunks()) == 4 and all(chunks().values()))
        victim = source._rigs.current[1]
        os.kill(victim.pid, signal.SIGKILL)
        words = f"{victim.proc} ended by itself (signal 9); with it agents 1, 3, 1 other loops go on"
        assert wait_until(lambda: words in seen().problem), seen().problem
        before = chunks()
        assert wait_until(lambda: all(chunks()[agent] > before[agent] + 20 for agent in (0, 2)))
        source.pull("loop", loops_here()[-1])
        assert wait_until(lambda: all(chunks()[agent] > before[agent] + 20 for agent in range(4))), chunks()
        assert not seen().problem
    finally:
        source.stop()
