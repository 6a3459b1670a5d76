"""The Perfetto trace, read with Perfetto's own classes of its format, and held to the rules of its importer.

The trace processor itself is a program that the ``perfetto`` package downloads: where one is on PATH, it reads the
trace as well.
"""

import shutil
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest
from google.protobuf.unknown_fields import UnknownFieldSet
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace, TracePacket, TrackEvent

from kit.exported import WALL, chunks, everything, exported
from kit.tape import MS, TICK, ZERO, Rig, S, header, hello, merged
from loopscope.core.records import AnyRecord, Chunks, Request, Server, Stall
from loopscope.trace.exports.perfetto import LONGEST_DELAY_NS, MOST_LANES
from loopscope.trace.vet import BEFORE_NS

BEGIN = BEFORE_NS + LONGEST_DELAY_NS
"""Where the trace's beginning lies: its clock shows less than an hour there, and Perfetto has no times below zero."""


@dataclass
class Slice:
    """One slice of a track, with its depth below others."""

    name: str
    start: int
    end: int
    depth: int
    told: dict[str, Any]


@dataclass
class TraceCursor:
    """One track as Perfetto has it."""

    name: str
    parent: int
    counter: bool
    slices: list[Slice] = field(default_factory=list)
    instants: list[tuple[int, str, dict[str, Any]]] = field(default_factory=list)
    values: list[tuple[int, float]] = field(default_factory=list)


def known_only(message: Any) -> None:
    """Every field that was written is one of the format's, on every level."""
    assert not len(UnknownFieldSet(message)), message
    for descriptor, value in message.ListFields():
        if descriptor.message_type is None:
            continue
        for inner in value if descriptor.is_repeated else [value]:
            known_only(inner)


def annotations(event: TrackEvent) -> dict[str, Any]:
    """What is told of an event, by name."""
    told = {}
    for note in event.debug_annotations:
        kind = note.WhichOneof("value")
        assert note.name and kind in {"int_value", "double_value", "string_value"}
        told[note.name] = getattr(note, kind)
    return told


def imported(path: Path) -> dict[int, TraceCursor]:
    """Read a trace as the importer of the trace processor does: by time, in the file's order where times are equal.

    Raises AssertionError where it would drop or mend something: a track that is not described before its event, an end
    without a beginning, slices that do not nest, a slice on a counter's track, a name that was not interned.
    """
    trace = Trace.FromString(path.read_bytes())
    known_only(trace)
    tracks: dict[int, TraceCursor] = {}
    names: dict[int, str] = {}
    events: list[TracePacket] = []
    for packet in trace.packet:
        assert packet.trusted_packet_sequence_id == 1
        if packet.sequence_flags & TracePacket.SEQ_INCREMENTAL_STATE_CLEARED:
            assert not names, "one beginning"
            names.update({name.iid: name.name for name in packet.interned_data.event_names})
        if packet.HasField("track_descriptor"):
            described = packet.track_descriptor
            assert described.uuid and described.uuid not in tracks
            assert not described.parent_uuid or described.parent_uuid in tracks, "parents come first"
            assert described.name
            tracks[described.uuid] = TraceCursor(described.name, described.parent_uuid, described.HasField("counter"))
        if packet.HasField("track_event"):
            event = packet.track_event
            assert event.track_uuid in tracks, "described before its first event"
            if event.name_iid:
                assert packet.sequence_flags & TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
                assert event.name_iid in names
            events.append(packet)
    open_slices: dict[int, list[Slice]] = defaultdict(list)
    for packet in sorted(events, key=lambda packet: packet.timestamp):
        event, track = packet.track_event, tracks[packet.track_event.track_uuid]
        name = event.name or names.get(event.name_iid, "")
        opened = open_slices[event.track_uuid]
        assert track.counter == (event.type == TrackEvent.TYPE_COUNTER)
        if event.type == TrackEvent.TYPE_SLICE_BEGIN:
            assert name
            opened.append(Slice(name, packet.timestamp, -1, len(opened), annotations(event)))
            track.slices.append(opened[-1])
        elif event.type == TrackEvent.TYPE_SLICE_END:
            assert opened, "an end has a beginning"
            opened.pop().end = packet.timestamp
        elif event.type == TrackEvent.TYPE_INSTANT:
            track.instants.append((packet.timestamp, name, annotations(event)))
        else:
            assert event.type == TrackEvent.TYPE_COUNTER
            track.values.append((packet.timestamp, event.double_counter_value))
    assert not any(open_slices.values()), "every slice ends"
    return tracks


def named(tracks: dict[int, TraceCursor], name: str) -> list[TraceCursor]:
    return [track for track in tracks.values() if track.name.startswith(name)]


def below(tracks: dict[int, TraceCursor], parent: TraceCursor, name: str) -> list[TraceCursor]:
    (number,) = [number for number, track in tracks.items() if track is parent]
    return [track for track in tracks.values() if track.parent == number and track.name == name]


def drawn(tracks: dict[int, TraceCursor], name: str) -> list[Slice]:
    """All slices of a name, by their start."""
    found = [one for track in tracks.values() for one in track.slices if one.name == name]
    return sorted(found, key=lambda one: one.start)


def test_each_agent_has_a_track_with_its_requests_and_chunks(tmp_path: Path) -> None:
    """Requests nest their parts; each chunk is two slices that meet at its receipt; nothing is left out."""
    tracks = imported(exported(tmp_path, "perfetto"))
    assert [track.name for track in named(tracks, "agent-")] == [
        "agent-1 (emulated-7b at http://127.0.0.1:9001)",
        "agent-2 (emulated-7b at http://127.0.0.1:9002)",
    ]
    for agent in named(tracks, "agent-"):
        requests = [one for one in agent.slices if one.depth == 0]
        assert [one.name for one in requests] == [f"request {n} ok" for n in range(4)]
        assert [one.name for one in agent.slices[:3]] == ["request 0 ok", "to the first chunk", "streaming"]
        assert requests[0].told["tokens"] == 100
        assert requests[0].start == BEGIN + 300 * MS
        lanes = below(tracks, agent, "chunks")
        delivered = [one for lane in lanes for one in lane.slices if one.name == "delivery"]
        handled = [one for lane in lanes for one in lane.slices if one.name == "handling"]
        assert len(delivered) == len(handled) == chunks(everything()) / 2
        assert {one.end - one.start for one in delivered} == {500_000}
        assert {one.end - one.start for one in handled} == {20_000}
        assert {one.end for one in delivered} == {one.start for one in handled}


def test_counters_and_events_are_there(tmp_path: Path) -> None:
    """Chunks by the second add up; loop, lag, backlog, power; an instant for each event; a slice for the stall."""
    tracks = imported(exported(tmp_path, "perfetto"))
    (rate,) = named(tracks, "chunks/s")
    assert sum(value for _, value in rate.values) == chunks(everything())
    assert rate.values[-1] == (BEGIN + 6 * S, 0)
    assert {value for _, value in named(tracks, "ELU")[0].values} == {0.05}
    assert {value for _, value in named(tracks, "lag, ms")[0].values} == {0}
    assert {value for _, value in named(tracks, "backlog")[0].values} == {640}
    assert named(tracks, "power, W: Card (nvml)")[0].values == [(BEGIN + S, 90.5)]
    assert [(at - BEGIN, name) for at, name, _ in named(tracks, "levers")[0].instants] == [(2 * S, "loop=uvloop")]
    assert [name for _, name, _ in named(tracks, "marks")[0].instants] == ["=here(1)"]
    began, ceased = named(tracks, "findings")[0].instants
    assert (began[1], began[2]["sentence"], began[2]["worst_ms"]) == ("blocking-call", "It blocks, often.", 80)
    assert ceased[1] == "blocking-call has ceased"
    assert [name for _, name, _ in named(tracks, "losses")[0].instants] == ["3 lines lost"]
    assert [name for _, name, _ in named(tracks, "procedures")[0].instants] == ["ramp begins", "ramp: done"]
    (stall,) = named(tracks, "stalls")[0].slices
    assert (stall.name, stall.start - BEGIN, stall.end - stall.start) == (
        "callback app/main.py:12 parse",
        3900 * MS,
        80 * MS,
    )


def test_the_wall_clock_is_told(tmp_path: Path) -> None:
    """One snapshot of both clocks; none where the trace has no wall time."""
    for wall, more in ((WALL, {}), (0, {"anchor_wall_ns": 0})):
        name = f"{wall}.jsonl"
        out = exported(tmp_path, "perfetto", everything(**more), name)
        packets = [p.clock_snapshot for p in Trace.FromString(out.read_bytes()).packet if p.HasField("clock_snapshot")]
        clocks = [{clock.clock_id: clock.timestamp for clock in snapshot.clocks} for snapshot in packets]
        assert clocks == ([{6: BEGIN, 1: WALL}] if wall else [])
        out.unlink()


def test_late_chunks_lie_side_by_side(tmp_path: Path) -> None:
    """Chunks that wait together overlap: each is drawn whole, on as many tracks as it takes, and no more."""
    tracks = imported(exported(tmp_path, "perfetto", merged(header(1), hello(1), Rig(S, 2 * S, (0,), delay=45 * MS))))
    assert len(drawn(tracks, "delivery")) == 100
    assert {one.end - one.start for one in drawn(tracks, "delivery")} == {45 * MS}
    assert len(named(tracks, "chunks")) - len(named(tracks, "chunks/s")) == 5


def test_more_than_can_be_drawn_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A stream whose every chunk waits for a minute fills the tracks; the rest is said, the counter whole."""
    rig = Rig(S, 10 * S, (0,), delay=LONGEST_DELAY_NS, length=10_000)
    tracks = imported(exported(tmp_path, "perfetto", merged(header(1), hello(1), rig)))
    assert len(drawn(tracks, "delivery")) == MOST_LANES
    assert sum(value for _, value in named(tracks, "chunks/s")[0].values) == 900
    assert f"{900 - MOST_LANES} slices are not drawn" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("delay", "host"), [(None, "127.0.0.1"), (-MS, "127.0.0.1"), (MS, "10.0.0.7"), (61 * S, "::1")]
)
def test_a_delay_that_is_none_is_not_drawn(delay: int | None, host: str, tmp_path: Path) -> None:
    """No stamp, a clock ahead, a clock of another host, one that is a minute off: only the handling is there."""
    head = header(1, servers=[Server(url=f"http://{host}:1" if "." in host else f"http://[{host}]:1")], source="urls")
    tracks = imported(exported(tmp_path, "perfetto", merged(head, hello(1), Rig(S, 2 * S, (0,), delay=delay))))
    assert not drawn(tracks, "delivery")
    assert len(drawn(tracks, "handling")) == 100


def test_whatever_the_times_are_the_slices_nest(tmp_path: Path) -> None:
    """Requests that overlap, end before they begin, have their first chunk after their end; stalls told twice or late;
    a trace whose clock begins at nought."""
    shift = ZERO
    records: list[AnyRecord] = [header(1), hello(1)]
    times = [(0, 5, 1, 3), (2, 9, 20, 4), (9, 3, None, None), (8, 12, 9, 8), (8, 12, 9, 11)]
    for n, (start, end, first, last) in enumerate(times):
        records.append(
            Request(
                t_ns=ZERO + n,
                proc="rig-1",
                agent=0,
                request=n,
                outcome="ok",
                start_ns=ZERO + start * S,
                end_ns=ZERO + end * S,
                first_ns=None if first is None else ZERO + first * S,
                last_ns=None if last is None else ZERO + last * S,
            )
        )
    for over, start, length in [(False, 1, 3), (False, 1, 4), (True, 1, 5), (True, 2, 1), (False, 8, 1)]:
        stall = Stall(t_ns=ZERO + 9, proc="rig-1", start_ns=ZERO + start * S, dur_ns=length * S, over=over)
        records.append(stall)
    records.append(
        Chunks(
            t_ns=ZERO,
            proc="rig-1",
            base_ns=ZERO - 3000 * S,
            agent=[0, 0],
            recv=[0, 5],
            delay=[9 * S, 0],
            handled=[-5, 10**9],
        )
    )
    early = [_moved(record, -shift) for record in records]
    for n, given in enumerate((records, early)):
        tracks = imported(exported(tmp_path, "perfetto", given, f"{n}.jsonl"))
        (tmp_path / "out-perfetto").unlink()
        assert len([one for track in tracks.values() for one in track.slices if one.name.startswith("request")]) == 5
        assert len(named(tracks, "stalls")[0].slices) == 2
        assert len(named(tracks, "stalls")[0].instants) == 1
        assert len(drawn(tracks, "delivery")) == 2


def _moved(record: AnyRecord, by: int) -> AnyRecord:
    names = [name for name in ("t_ns", "start_ns", "end_ns", "first_ns", "last_ns", "base_ns") if hasattr(record, name)]
    return msgspec.structs.replace(
        record, **{name: value + by for name in names if (value := getattr(record, name)) is not None}
    )


@pytest.mark.skipif(shutil.which("trace_processor_shell") is None, reason="Perfetto's trace processor is not on PATH")
def test_the_trace_processor_reads_it(tmp_path: Path) -> None:
    """Perfetto's own engine finds every slice and mends nothing."""
    from perfetto.trace_processor import TraceProcessor, TraceProcessorConfig

    out = exported(tmp_path, "perfetto")
    config = TraceProcessorConfig(bin_path=shutil.which("trace_processor_shell"))
    with TraceProcessor(trace=str(out), config=config) as engine:
        rows = engine.query("select count(*) as n from slice where name = 'delivery'")
        assert next(iter(rows)).n == chunks(everything())
        bad = engine.query("select name, value from stats where severity in ('error', 'data_loss') and value > 0")
        assert not [(row.name, row.value) for row in bad]


def test_ticks_are_as_long_as_they_are(tmp_path: Path) -> None:
    """A utilisation is shown at the end of its tick."""
    tracks = imported(exported(tmp_path, "perfetto"))
    assert named(tracks, "ELU")[0].values[0][0] == BEGIN + 6 * TICK
