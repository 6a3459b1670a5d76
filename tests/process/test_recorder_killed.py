"""A recording session that dies by kill -9 leaves a file that opens."""

import subprocess
import sys
from pathlib import Path

import pytest

from loopscope.core.records import Header, Mark
from loopscope.trace.reader import read

CHILD = """
import sys, time
from loopscope.core.clock import now_ns
from loopscope.core.codec import encode
from loopscope.core.records import Header, Mark
from loopscope.session.recorder import Recorder

recorder = Recorder(sys.argv[1])
recorder.offer(encode(Header(t_ns=now_ns())))
number = 0
while True:
    recorder.offer(encode(Mark(t_ns=now_ns(), words=str(number))))
    number += 1
    if recorder.cpu_ns and number % 1000 == 0:
        print(number, flush=True)
    time.sleep(0.0001)
"""


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.zst"])
def test_a_killed_session_loses_only_its_last_moment(tmp_path: Path, name: str) -> None:
    """After kill -9 the file has a header and every mark up to some moment, in order, and says how it ended."""
    path = tmp_path / name
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path)], stdout=subprocess.PIPE, text=True)
    with child:
        assert child.stdout is not None
        counts = [int(child.stdout.readline()) for _ in range(4)]
        child.kill()
    with read(path) as reading:
        header, *marks = list(reading)
    assert isinstance(header, Header)
    numbers = [int(mark.words) for mark in marks if isinstance(mark, Mark)]
    assert numbers == list(range(len(marks)))
    # The first count was said after a write had ended, so at least one batch is on the disk.
    assert len(numbers) > 0
    assert counts[-1] >= 4000
    assert not reading.outcome.closed
    assert not reading.outcome.damaged
    assert "records are good" in reading.outcome.words
