"""Whether a model fits twice."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopscope.core.codec import encode
from loopscope.core.errors import WorkerError
from loopscope.core.records import Hello, HostLoad, Power
from loopscope.session import vram
from loopscope.session.probe import Found, Loaded, Model
from loopscope.session.vram import GIB, fits_twice, gpu_memory, size_of


def test_boundary_is_twice_the_model_and_one_gibibyte() -> None:
    """Exactly at the edge it fits; one byte more and there is a sentence with the figures."""
    assert fits_twice(3 * GIB, 7 * GIB) == ""
    words = fits_twice(3 * GIB, 7 * GIB - 1, "gemma3")
    assert words.startswith("gemma3 takes 3.0 GiB, twice that does not fit into 7.0 GiB")


@given(st.integers(0, 1 << 45), st.integers(0, 1 << 45))
def test_more_memory_never_hurts(size: int, total: int) -> None:
    """A model that fits twice also fits twice into more."""
    if fits_twice(size, total) == "":
        assert fits_twice(size, total + GIB) == ""


def test_size_in_memory_counts_before_the_file() -> None:
    """What a server has loaded is known best; else the file's size; else nothing."""
    file_only = Found("http://a", models=(Model("m", 3 * GIB),))
    in_memory = Found("http://b", models=(Model("m", 3 * GIB),), loaded=(Loaded("m", 5 * GIB, 4 * GIB),))
    assert size_of([file_only, in_memory], "m") == 4 * GIB
    assert size_of([file_only], "m") == 3 * GIB
    assert size_of([file_only], "other") is None


class Telemetry:
    """Stands in for the telemetry process: says hello and then these lines."""

    signals: Mapping[str, str]
    totals: tuple[int | None, ...]
    fails: bool
    stopped = 0

    def __init__(self, *_: object, on_line: object, **__: object) -> None:
        self.on_line = on_line

    def start(self) -> None:
        for _ in range(2):
            for number, total in enumerate(self.totals):
                self.on_line(encode(Power(t_ns=0, source="nvml", name=f"GPU {number}", memory_total=total)))  # type: ignore[operator]
            self.on_line(encode(HostLoad(t_ns=0, cpu=[])))  # type: ignore[operator]

    def wait_ready(self, deadline_s: float) -> Hello:
        if self.fails:
            raise WorkerError("it did not come up")
        return Hello(t_ns=0, role="telemetry", pid=1, perf_ns=0, wall_ns=0, signals=dict(self.signals))

    def stop(self) -> None:
        type(self).stopped += 1


@pytest.mark.parametrize(
    ("signals", "totals", "fails", "memory"),
    [
        ({"nvml": "ok"}, (8 * GIB, 16 * GIB), False, 24 * GIB),
        ({"nvml": "ok"}, (None,), False, None),
        ({"nvml": "no driver"}, (), False, None),
        ({"nvml": "ok"}, (), True, None),
    ],
)
def test_memory_of_all_gpus_is_told_by_telemetry(
    monkeypatch: pytest.MonkeyPatch,
    signals: dict[str, str],
    totals: tuple[int | None, ...],
    fails: bool,
    memory: int | None,
) -> None:
    """Each GPU counts once; without GPUs, without memory figures or without telemetry there is no figure."""
    fake = type("Fake", (Telemetry,), {"signals": signals, "totals": totals, "fails": fails, "stopped": 0})
    monkeypatch.setattr(vram, "Worker", fake)
    assert gpu_memory(1.0) == memory
    assert fake.stopped == 1
