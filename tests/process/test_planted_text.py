"""No word of an answer, a prompt or a key reaches a trace, a report, a log or the terminal, whatever breaks."""

import asyncio
import itertools
from pathlib import Path

import pytest

from kit.processes import run
from kit.servers import END, HEAD, chunk, line, read_request, serving
from loopscope.settings.clients import clients_here

PLANT = "heliotrope"
"""What the model says."""
TEXT = PLANT.encode()
_LINES = line(f"{PLANT} {PLANT} ") * 3
_OK = b"HTTP/1.1 200 OK\r\n"
HOSTILE = (
    _OK + b"Content-Length: 10\r\n\r\n" + _LINES,
    _OK + b"Content-Length: -5\r\n\r\n" + _LINES,
    _OK + b"Content-Length: 10\r\nContent-Length: " + TEXT + b"\r\n\r\n" + _LINES,
    HEAD + b"FFFFFFFFFFFFFFFFFFFF\r\n" + _LINES,
    HEAD + b"-1\r\n" + _LINES,
    HEAD + TEXT + b"\r\n" + _LINES,
    HEAD + chunk(_LINES)[:-2] + _LINES,
    HEAD + chunk(TEXT + b"\n") + END,
    HEAD + chunk(b'{"response": ' + TEXT + b"\n") + END,
    HEAD + chunk(b'["' + TEXT + b'"]\n') + END,
    HEAD + chunk(b'{"response":{"' + TEXT + b'":1},"done":false,"created_at":"' + TEXT + b'"}\n') + chunk(TEXT) + END,
    HEAD + chunk(b'{"error":{"' + TEXT + b'":"' + TEXT + b'"}}\n') + END,
    b"HTTP/1.1 200 " + TEXT + b"\r\n" + TEXT + b"\r\n\r\n" + _LINES,
    b"HTTP/1.1 " + TEXT + b"\r\n\r\n" + _LINES,
    b"HTTP/9.9 200 OK\r\n\r\n" + _LINES,
    _LINES,
    b"HTTP/1.1 307 T\r\nLocation: http://me:"
    + TEXT
    + b"@h/x?key="
    + TEXT
    + b"#"
    + TEXT
    + b"\r\nContent-Length: 0\r\n\r\n",
    _OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(_LINES) + _LINES,
    _OK + b"Set-Cookie: " + TEXT + b"\r\nContent-Type: " + TEXT + b"\r\nContent-Length: 3\r\n\r\n" + TEXT,
)


@pytest.mark.parametrize("client", clients_here())
def test_nothing_of_an_answer_is_written(tmp_path: Path, client: str) -> None:
    """Every hostile answer to every client: the trace, reports, what is printed."""
    answers, given = itertools.cycle(HOSTILE), []

    async def hostile(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        given.append(next(answers))
        writer.write(given[-1])
        await writer.drain()

    trace = tmp_path / "t.jsonl"
    with serving(hostile) as url:
        words = ("record", url, "--api", "ollama", "--model", "m", "--agents", "12", "--seconds", "2.5", "--json")
        printed = [run(*words, "--client", client, "-o", str(trace))]
    assert len(set(given)) == len(HOSTILE)
    texts = [trace.read_text("utf-8")]
    if client == "aiohttp":  # the one that quoted; what reports say comes from the trace
        page = tmp_path / "page.html"
        printed += [run("report", str(trace), *more) for more in ((), ("--html", str(page)))]
        texts.append(page.read_text("utf-8"))
    texts += [done.stdout + done.stderr for done in printed]
    assert '"outcome"' in texts[0]
    for text in texts:
        assert PLANT not in text
        assert "Traceback" not in text
