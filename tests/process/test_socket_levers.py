"""Read size and TCP options reach the rig, take over while it runs, and stand in the trace."""

import subprocess
import sys
import threading

import pytest

from kit.processes import PATIENCE_S, wait_until
from loopscope.core.errors import InputError
from loopscope.core.records import AnyRecord, Lever, Request
from loopscope.session.live import LiveSource
from loopscope.session.options import SessionOptions
from loopscope.settings.clients import clients_here
from loopscope.settings.levers import defaults
from loopscope.trace.reader import read


@pytest.mark.parametrize("client", [name for name in clients_here() if name in ("httpx", "streams")])
def test_reads_are_of_the_size_that_the_lever_says(client: str, tmp_path) -> None:
    """Every 0.2 s a read finds 20 KiB: it takes 4 KiB of them, and all once the lever is back at auto."""
    trace = tmp_path / "read.jsonl"
    levers = defaults() | {"client": client, "read": "4k", "tcp": "nagle", "batch": "read:200ms"}
    source = LiveSource(SessionOptions(embedded=True, rate=1000, tokens=400, drain_s=5, levers=levers, record=trace))
    told: list[Request] = []
    lock = threading.Lock()

    def heard(record: AnyRecord) -> None:
        if isinstance(record, Request) and record.outcome == "ok":
            with lock:
                told.append(record)

    def of(proc: str) -> list[Request]:
        with lock:
            return [request for request in told if request.proc == proc]

    source.listen(heard)
    source.start()
    try:
        assert wait_until(lambda: len(of("rig-1")) >= 2)
        with pytest.raises(InputError, match="valid: auto"):
            source.pull("read", "3k")
        source.pull("read", "auto")
        assert wait_until(lambda: any(request.bytes > request.reads * 4096 for request in of("rig-2")))
    finally:
        source.stop()
    assert all(request.bytes <= request.reads * 4096 for request in of("rig-1"))
    with read(trace) as reading:
        assert (reading.header.levers["read"], reading.header.levers["tcp"]) == ("4k", "nagle")
        pulls = [(record.name, record.old, record.new) for record in reading if isinstance(record, Lever)]
    assert pulls == [("read", "4k", "auto")]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["record", "-o", "x.jsonl", "--read", "64k", "--client", "streams", "--loop", "uvloop"], "cannot be had"),
        (["record", "-o", "x.jsonl", "--read", "256k", "--client", "streams"], "by itself"),
        (["record", "-o", "x.jsonl", "--read", "4k", "https://127.0.0.1:1"], "over TLS"),
        (["record", "-o", "x.jsonl", "--tcp", "nodelay"], "by itself"),
        (["ab", "read=auto,4k", "--client", "streams", "--loop", "uvloop", "--embedded"], "cannot be had"),
        (["ceiling", "--read", "4k", "--client", "streams", "--loop", "uvloop"], "cannot be had"),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="there is no uvloop")
def test_what_cannot_be_had_is_one_sentence(words: list[str], why: str, tmp_path) -> None:
    """Exit code 2, before anything starts, and no file."""
    command = [sys.executable, "-m", "loopscope", *words]
    done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False, text=True, cwd=tmp_path)
    assert done.returncode == 2
    assert why in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())
