"""Rows become columns, and the sender's ticks make lines of them."""

import socket
import time
from typing import Any

import pytest

from loopscope.core import codec
from loopscope.core.clock import Anchor
from loopscope.core.codec import decode
from loopscope.core.records import Chunks, Pulse
from loopscope.probe.sample_buffer import SampleBuffer
from loopscope.probe.sender import SLICE_ROWS, Sender, columns
from loopscope.probe.usage import GcClock, ThreadUsage
from loopscope.probe.wires import Wire, Wires


def _sender(samples: SampleBuffer, wires: Wires) -> tuple[Sender, bytearray]:
    sent = bytearray()
    sender = Sender(
        sent.extend,
        samples,
        loop_name="asyncio",
        idle_ns=None,
        usage=ThreadUsage(),
        gc_clock=GcClock(),
        wires=lambda: wires,
        streams=lambda: 0,
        tasks=lambda: 0,
    )
    return sender, sent


def test_columns_give_back_the_rows() -> None:
    """Received, sent and handled times of every row can be had back from the record, to the nanosecond."""
    anchor = Anchor(perf_ns=1_000_000_000, wall_ns=1_795_229_881_000_000_000)
    rows = [
        (0, 1_123_456_999, "2026-11-21T02:58:01.123456789Z", 1_123_457_500, True),
        (1, 1_123_456_000, None, 1_123_460_000, False),
        (0, 1_200_000_000, "not a stamp", 1_200_000_001, False),
        (0, 1_200_000_000, 17, 1_200_000_002, False),
    ]
    record: Any = codec.make("chunks", t_ns=5, **columns(rows, anchor))  # type: ignore[arg-type]
    received, at_ns = [], record.base_ns
    for step_ns in record.recv:
        at_ns += step_ns
        received.append(at_ns)
    assert received == [row[1] for row in rows]
    assert record.delay == [210, None, None, None]
    assert [r + h for r, h in zip(received, record.handled, strict=True)] == [row[3] for row in rows]
    assert record.first == [0]
    assert record.agent == [0, 1, 0, 0]


def test_stamps_without_a_fraction_are_pointed_out() -> None:
    """An agent all of whose stamps are whole seconds is listed, one with a fraction or no stamp is not."""
    rows = [
        (0, 100, "2026-11-21T02:58:01Z", 110, True),
        (0, 200, "2026-11-21T02:58:02Z", 210, False),
        (1, 300, "2026-11-21T02:58:02Z", 310, True),
        (1, 400, "2026-11-21T02:58:02.5Z", 410, False),
        (2, 500, None, 510, True),
    ]
    assert columns(rows, Anchor(0, 0))["whole"] == [0]


@pytest.mark.parametrize(
    ("rows", "turns"), [(0, 0), (20, 0), (SLICE_ROWS, 0), (SLICE_ROWS + 1, 1), (3 * SLICE_ROWS, 2)]
)
def test_the_loop_has_its_turn_between_slices(monkeypatch: pytest.MonkeyPatch, rows: int, turns: int) -> None:
    """Every row is sent once; the GIL is given away between two slices, and not where a tick has one only."""
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    samples = SampleBuffer("rig-1", lines=codec)
    for at in range(rows):
        samples.chunk((0, 1_000 + at, None, 2_000 + at, at == 0))
    sender, sent = _sender(samples, Wires())
    sender.finish()
    records = [decode(line) for line in bytes(sent).splitlines()]
    assert sum(len(record.recv) for record in records if isinstance(record, Chunks)) == rows
    assert sum(isinstance(record, Pulse) for record in records) == 1
    assert len(slept) == turns


def test_what_waits_in_the_sockets_is_told() -> None:
    """The bytes unread of all connections together; one that is closed counts for nothing."""
    pytest.importorskip("fcntl")
    wires = Wires()
    # The sender first: nobody may get the number of the one that is closed.
    sender, sent = _sender(SampleBuffer("rig-1", lines=codec), wires)
    pairs = [socket.socketpair() for _ in range(3)]
    for number, (ours, theirs) in enumerate(pairs):
        wire = Wire()
        wire.fd = ours.fileno()
        wires.add(wire)
        theirs.sendall(b"x" * (10 + number))
    pairs[2][0].close()
    sender.finish()
    for pair in pairs:
        for end in pair:
            end.close()
    (pulse,) = [record for line in bytes(sent).splitlines() if isinstance(record := decode(line), Pulse)]
    assert pulse.backlog_bytes == 21
