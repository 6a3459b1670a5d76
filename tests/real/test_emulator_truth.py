"""A trace closes: chunks that an emulator sent are those that agents saw, and those that nobody read."""

import json
import subprocess
import sys
from pathlib import Path

from kit.emulators import emulator
from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Truth


def test_chunks_sent_are_chunks_seen_and_unread(tmp_path: Path) -> None:
    """By a session on the emulator's URL, whose agents are cut off at its end."""
    trace = tmp_path / "trace.jsonl"
    with emulator("--rate", "400") as one:
        one.lines(options={"num_predict": 9})
        command = [sys.executable, "-m", "loopscope", "record", one.url, "--agents", "4", "--tokens", "60"]
        done = subprocess.run([*command, "--seconds", "3", "--json", "-o", str(trace)], capture_output=True, timeout=60)
        stats = one.stats()
    assert done.returncode == 0, done.stderr
    records = [decode(line) for line in trace.read_bytes().splitlines()]
    last = [record for record in records if isinstance(record, Truth)][-1]
    seen = sum(len(record.recv) for record in records if isinstance(record, Chunks))
    assert json.loads(done.stdout)["truth"]["chunks"] == last.chunks == stats["chunks"] - 9
    assert last.abandoned is not None
    assert 0 <= last.chunks - seen <= last.abandoned <= 4 * 60
    assert seen > 1000
