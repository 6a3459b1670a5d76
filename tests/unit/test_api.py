"""What programs may import."""

import subprocess
import sys
from importlib import resources

import numpy as np
import pytest

import loopscope
from loopscope.cli.replay import find

PUBLIC = {
    "__version__",
    "Comparison",
    "InputError",
    "LoopscopeError",
    "METRICS",
    "Metric",
    "Summary",
    "Trace",
    "TraceError",
    "compare",
    "open",
    "summary",
}


def test_the_public_names_are_these_and_each_can_be_had() -> None:
    assert set(loopscope.__all__) == PUBLIC
    assert all(getattr(loopscope, name) is not None for name in PUBLIC)
    assert set(dir(loopscope)) >= PUBLIC
    assert resources.files("loopscope").joinpath("py.typed").is_file()
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = loopscope.nothing  # type: ignore[attr-defined]


def test_the_import_alone_loads_nothing_else() -> None:
    """Rigs and measured programs import it."""
    told = "import sys, loopscope; print([name for name in sys.modules if name.startswith(('loopscope.', 'numpy'))])"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, text=True).stdout.strip() == "[]"


def test_records_columns_and_the_summary_of_a_trace_agree() -> None:
    trace = loopscope.open(find("calm-pair"))
    run = trace.summary()
    assert isinstance(run, loopscope.Summary)
    assert sum(1 for _ in trace) > 100
    assert trace.outcome is not None and trace.outcome.whole
    chunks = trace.columns("chunk_metrics")
    assert chunks["gap_ms"].dtype == np.float64
    assert len(chunks["t_s"]) >= run.chunks
    assert set(trace.columns("requests")["outcome"]) <= {"ok", "taken"}
    with pytest.raises(loopscope.InputError, match="no table 'nothing'"):
        trace.columns("nothing")


def test_a_run_does_not_differ_from_itself() -> None:
    found = loopscope.compare(find("calm-pair"), find("calm-pair"))
    assert found.unlike == ()
    assert {row.surely for row in found.rows} == {0}
    assert found.rows[0].metric.name in loopscope.METRICS


def test_what_is_no_trace_is_said_so() -> None:
    with pytest.raises(loopscope.TraceError):
        loopscope.open(__file__)
