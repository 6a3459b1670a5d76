"""Whatever happens to the bytes of a trace, reading it raises TraceError or nothing, and what was good stays good."""

import random
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kit.packed import packed
from loopscope.core.codec import encode
from loopscope.core.errors import TraceError
from loopscope.core.records import (
    AgentState,
    AnyRecord,
    Chunks,
    Header,
    Lever,
    Loss,
    Mark,
    Power,
    Pulse,
    Request,
    Trailer,
)
from loopscope.trace.frames import MOST_GAPS
from loopscope.trace.reader import Outcome, last_ns, read

T0 = 10**12


def _records() -> list[AnyRecord]:
    records: list[AnyRecord] = [Header(t_ns=T0, proc="session", host={"os": "Linux"}, levers={"loop": "asyncio"})]
    for n in range(1, 30):
        t_ns = T0 + n * 10**8
        records += [
            Chunks(t_ns=t_ns, proc="rig-1", base_ns=t_ns, agent=[0, 1], recv=[0, 9], delay=[5, None], handled=[1, 2]),
            Pulse(t_ns=t_ns, proc="rig-1", dt_ns=10**8, loop="asyncio", active_ns=10**7, lag_ns=[n, n + 1]),
        ]
    records += [
        AgentState(t_ns=t_ns, proc="rig-1", agent=0, state="retrying", words="no connection"),
        Request(t_ns=t_ns, proc="rig-1", agent=0, request=1, outcome="ok", start_ns=T0, end_ns=t_ns, tokens=5),
        Lever(t_ns=t_ns, proc="session", name="loop", old="asyncio", new="uvloop"),
        Power(t_ns=t_ns, proc="telemetry", source="nvml", watts=70.5, share=0.5),
        Mark(t_ns=t_ns, proc="session", words="ende \u00fc"),
    ]
    return [*records, Trailer(t_ns=t_ns, lines=len(records))]


RECORDS = _records()
LINES = [encode(record) for record in RECORDS]
PLAIN = b"".join(LINES)


FIRST_FRAME_LINES = 40
_FRAMES = [packed(b"".join(part)) for part in (LINES[:FIRST_FRAME_LINES], LINES[FIRST_FRAME_LINES:-1], LINES[-1:])]
FIRST_FRAME_BYTES = len(_FRAMES[0])
PACKED = b"".join(_FRAMES)
"""The same lines in three frames, the trailer in the last, each with a checksum, as the writer makes them."""


def read_all(content: bytes) -> tuple[list[AnyRecord], Outcome] | None:
    """Read as a user would, but for what the reader says of losses (none is in ``RECORDS``); ``None`` when the file was
    refused. Any other error than TraceError is the test's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "it.jsonl")
        path.write_bytes(content)
        try:
            assert last_ns(path) >= 0
            with read(path) as reading:
                found = list(reading)
        except TraceError as error:
            assert str(error)
            assert "\n" not in str(error)
            return None
    lost = [record for record in found if isinstance(record, Loss)]
    assert bool(lost) <= bool(reading.outcome.damaged or reading.outcome.gaps)
    assert sum(loss.count for loss in lost) <= reading.outcome.damaged + reading.outcome.gaps
    return [record for record in found if not isinstance(record, Loss)], reading.outcome


@given(st.binary(max_size=3000))
@example(b"\x28\xb5\x2f\xfd")
def test_random_bytes_are_refused_or_read(content: bytes) -> None:
    """Bytes without a header are refused, never half-read."""
    assert read_all(content) is None


@given(st.binary(max_size=3000), st.booleans())
def test_random_bytes_behind_a_header_cost_nothing_before_them(content: bytes, compressed: bool) -> None:
    """The good lines in front of rubbish are all read, and the rubbish never passes for a whole trace."""
    good = b"".join(LINES[:20])
    found = read_all(packed(good) + content if compressed else good + content)
    assert found is not None
    assert found[0][:20] == RECORDS[:20]
    assert not found[1].whole


@settings(max_examples=200)
@given(st.integers(0, len(PLAIN)))
def test_a_cut_file_yields_every_whole_line(cut: int) -> None:
    """After a cut anywhere, exactly the lines before it come out, and the cut is said unless it took nothing."""
    found = read_all(PLAIN[:cut])
    whole = PLAIN[: cut + 1].count(b"}\n") if cut < len(PLAIN) else len(LINES)
    if not whole:
        assert found is None
    else:
        assert found is not None
        assert found[0] == RECORDS[:whole]
        assert found[1].whole == (whole == len(LINES))


@settings(max_examples=200)
@given(st.integers(0, len(PACKED)))
def test_a_cut_compressed_file_yields_a_beginning(cut: int) -> None:
    """Whatever can be decompressed before the cut is a beginning of the trace, and all whole frames are in it."""
    found = read_all(PACKED[:cut])
    if found is not None:
        records, outcome = found
        assert records == RECORDS[: len(records)]
        assert outcome.whole == (len(records) == len(RECORDS))


@settings(max_examples=200)
@given(st.integers(0, len(PLAIN) - 1), st.integers(0, 7), st.booleans())
def test_a_flipped_bit_costs_two_lines_at_most(where: int, bit: int, compressed: bool) -> None:
    """One flipped bit damages one line, or joins two; in a compressed file the frames before it stay good."""
    content = bytearray(PACKED if compressed else PLAIN)
    content[where % len(content)] ^= 1 << bit
    found = read_all(bytes(content))
    if found is None:
        return
    records, outcome = found
    assert len(records) <= len(RECORDS)
    if not compressed:
        assert sum(record not in records for record in RECORDS) <= 2
        assert outcome.damaged <= 2 or outcome.stopped
    else:
        assert records == RECORDS or not outcome.whole
        if where % len(content) >= FIRST_FRAME_BYTES:
            assert records[:FIRST_FRAME_LINES] == RECORDS[:FIRST_FRAME_LINES]


MANY = [LINES[at : at + 7] for at in range(0, len(LINES), 7)]
PARTS = [packed(b"".join(part)) for part in MANY]


@settings(max_examples=300)
@given(st.integers(1, len(PARTS) - 1), st.data())
def test_a_damaged_frame_costs_no_other(number: int, data: st.DataObject) -> None:
    """Bits flipped in one frame, a piece cut out of it, or rubbish put in: all records of the others are read."""
    part = PARTS[number]
    start = data.draw(st.integers(0, len(part) - 1))
    end = data.draw(st.integers(start, len(part)))
    inserted = data.draw(st.binary(max_size=40))
    damaged = part[:start] + inserted + part[end:]
    found = read_all(b"".join([*PARTS[:number], damaged, *PARTS[number + 1 :]]))
    assert found is not None
    records, outcome = found
    assert records[: 7 * number] == RECORDS[: 7 * number]
    behind = RECORDS[7 * (number + 1) :]
    assert not behind or records[-len(behind) :] == behind
    assert records == RECORDS or not outcome.whole
    assert outcome.gaps <= 2
    if outcome.gaps:
        assert "cannot be read" in outcome.words


@pytest.mark.parametrize("lost", [1, 2, 3, 4])
def test_a_checksum_that_lost_bytes_costs_no_other_frame(lost: int) -> None:
    """The next frame begins that much earlier, and is found there."""
    found = read_all(b"".join([*PARTS[:1], PARTS[1][:-lost], *PARTS[2:]]))
    assert found is not None
    assert found[0] == RECORDS


def test_a_line_of_a_doubtful_frame_does_not_run_into_the_next() -> None:
    """Content that was damaged within its length, and has lost the end of its last line with it."""
    part = packed(b"".join(MANY[1])[:-1] + b"x")
    found = read_all(b"".join([*PARTS[:1], part[:-1] + bytes([part[-1] ^ 1]), *PARTS[2:]]))
    assert found is not None
    assert found[0][-len(RECORDS[14:]) :] == RECORDS[14:]


def test_a_hostile_row_of_beginnings_is_read_in_bounded_time() -> None:
    """Each four bytes say that a frame begins: only so many of them are tried."""
    found = read_all(PARTS[0] + b"\x28\xb5\x2f\xfd" * 100_000)
    assert found is not None
    assert found[0] == RECORDS[:7]
    assert found[1].gaps == MOST_GAPS
    assert found[1].stopped


@settings(max_examples=100)
@given(st.integers(0, 2**32 - 1))
def test_spliced_pieces_never_break_the_reader(seed: int) -> None:
    """Pieces of traces, plain and compressed, repeated, in any order: good lines come out or a sentence."""
    dice = random.Random(seed)
    pieces = [PLAIN, PACKED, LINES[0], b"\n", b"\x00" * 100, dice.randbytes(50)]
    content = LINES[0] if dice.random() < 0.5 else b""
    for _ in range(dice.randrange(1, 6)):
        piece = dice.choice(pieces)
        start = dice.randrange(len(piece))
        content += piece[start : start + dice.randrange(1, 4000)]
    found = read_all(content)
    if found is not None:
        assert isinstance(found[0][0], Header)
        assert found[1].records == len(found[0])


_json = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([1e308, -1e308, 0.1, 10**7, 2**63, -(2**64), "\x1b[2J", "\u202e", ""])
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=300)
@given(st.sampled_from(RECORDS), st.data())
def test_hostile_values_never_leave_the_reader(record: AnyRecord, data: st.DataObject) -> None:
    """Any member replaced by any JSON value: the line is refused, or every text in it is printable."""
    members = msgspec.json.decode(encode(record))
    name = data.draw(st.sampled_from(sorted(members)))
    members[name] = data.draw(_json)
    found = read_all(LINES[0] + msgspec.json.encode(members) + b"\n" + LINES[1])
    assert found is not None
    assert RECORDS[1] in found[0] or found[1].stopped or found[1].closed
    assert "\x1b" not in repr(found[0]).replace("\\x1b", "\x1b")
