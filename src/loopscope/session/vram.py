"""Does a model fit twice into the memory of the GPUs? Two servers hold it twice."""

import queue
from collections.abc import Sequence

from loopscope.core.codec import decode
from loopscope.core.errors import TraceError, WorkerError
from loopscope.core.format import size
from loopscope.core.records import Power
from loopscope.session.probe import Found
from loopscope.wire.worker import Worker

GIB = 1 << 30
RESERVE_BYTES = GIB
"""What a card needs beside the models: display, driver, work buffers."""


def gib(size_bytes: int) -> str:
    """A size for people, in GiB."""
    return size(size_bytes)


def fits_twice(size_bytes: int, total_bytes: int, name: str = "the model") -> str:
    """Empty when two copies of the model fit into ``total_bytes`` of VRAM with 1 GiB to spare, else the sentence.

    ``size_bytes``: what one copy takes in VRAM; the file's size is a lower bound of it (the cache comes on top).
    """
    if 2 * size_bytes + RESERVE_BYTES <= total_bytes:
        return ""
    return (
        f"{name} takes {gib(size_bytes)}, twice that does not fit into {gib(total_bytes)} of VRAM (less 1 GiB reserve):"
        " one of the servers will use the CPU, or they push each other out"
    )


def size_of(servers: Sequence[Found], model: str) -> int | None:
    """Best known size of a model in bytes: in VRAM where a server has it loaded, else its file, else ``None``."""
    in_vram = [one.vram_bytes for server in servers for one in server.loaded if one.name == model and one.vram_bytes]
    on_disk = [one.size_bytes for server in servers for one in server.models if one.name == model and one.size_bytes]
    return max(in_vram or on_disk, default=None)


def gpu_memory(deadline_s: float = 3.0) -> int | None:
    """Memory of all NVIDIA GPUs together in bytes, asked of a telemetry process; ``None`` where there are none."""
    lines: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    worker = Worker("loopscope.telemetry", "telemetry", ["--interval-ms", "100"], on_line=lines.put)
    worker.start()
    try:
        if worker.wait_ready(deadline_s).signals.get("nvml") != "ok":
            return None
        totals: dict[str, int] = {}
        while True:
            record = decode(lines.get(timeout=deadline_s))
            if isinstance(record, Power):
                if record.name in totals:
                    break  # the second round begins: all have been seen
                totals[record.name] = record.memory_total or 0
        return sum(totals.values()) or None
    except (WorkerError, TraceError, queue.Empty):
        return None
    finally:
        worker.stop()
