"""A trace with one of everything that exports show, at times that we know; and the export of it."""

from collections.abc import Iterable
from pathlib import Path

from kit.tape import MS, ZERO, Rig, S, header, hello, lever, merged
from loopscope.cli import main
from loopscope.core.codec import encode
from loopscope.core.records import (
    AnyRecord,
    Finding,
    Header,
    Loss,
    Mark,
    Phase,
    Power,
    Result,
    Stall,
    Trailer,
)

WALL = 1_800_000_000 * S
"""Unix time of the trace's beginning: 2027-01-15 08:00:00 UTC."""


def everything(seconds: float = 6.0, **more: object) -> list[AnyRecord]:
    """Two agents at 100 chunks/s from 0.5 s on, 100 a request and 200 ms between two, and one of each event."""
    rig = Rig(S // 2, int(seconds * S), length=100, pause=200 * MS, more_pulse={"backlog_bytes": 640})
    return merged(
        header(2, **({"anchor_perf_ns": ZERO, "anchor_wall_ns": WALL} | more)),
        hello(1),
        rig,
        Power(
            t_ns=ZERO + S,
            proc="telemetry",
            source="nvml",
            name="Card",
            watts=90.5,
            share=0.5,
            memory_used=1 << 30,
            memory_total=4 << 30,
        ),
        lever(2 * S, "loop", "asyncio", "uvloop", by="key", words="restarted"),
        Mark(t_ns=ZERO + 3 * S, proc="session", words="=here(1)"),
        Stall(
            t_ns=ZERO + 4 * S,
            proc="rig-1",
            start_ns=ZERO + 3900 * MS,
            dur_ns=80 * MS,
            why="callback",
            file="app/main.py",
            line=12,
            function="parse",
            stack=["app/main.py:12 parse"],
        ),
        Finding(
            t_ns=ZERO + 4100 * MS,
            proc="session",
            name="blocking-call",
            on=True,
            sentence="It blocks, often.",
            evidence="80 ms",
            lever="move it",
            figures={"worst_ms": 80.0},
        ),
        Finding(t_ns=ZERO + 4600 * MS, proc="session", name="blocking-call", on=False),
        Loss(t_ns=ZERO + 4700 * MS, proc="session", what="lines", count=3, words="the disk is full"),
        Phase(t_ns=ZERO + 4800 * MS, proc="session", what="ramp", settings={"rate": "5"}),
        Result(t_ns=ZERO + 4900 * MS, proc="session", what="ramp", words="done", figures={"full_chunks_s": 9.0}),
    )


def written(path: Path, records: Iterable[AnyRecord]) -> Path:
    """Write a trace that ends with its last record (a writer's trailer would have today's time)."""
    lines = list(records)
    end = Trailer(t_ns=max(record.t_ns for record in lines), proc="session", lines=len(lines))
    path.write_bytes(b"".join(map(encode, [*lines, end])))
    return path


def chunks(records: Iterable[AnyRecord]) -> int:
    """How many chunks the records tell of."""
    return sum(len(record.agent) for record in records if record.__class__.__name__ == "Chunks")


def exported(folder: Path, target: str, records: list[AnyRecord] | None = None, name: str = "run.jsonl") -> Path:
    """Export a trace as the command does; give what it wrote."""
    records = everything() if records is None else records
    assert isinstance(records[0], Header)
    path, out = written(folder / name, records), folder / f"out-{target}"
    assert main(["export", str(path), "--to", target, "-o", str(out)]) == 0
    return out
