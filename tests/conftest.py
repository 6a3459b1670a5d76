"""What every test stands on: which kinds there are, and that nothing of the operator's own folders is touched.

Three kinds, by marker:

- *exact* (no marker; what ``pytest`` runs, a worker a core): right on any machine, however busy. It waits for events
  with generous limits, never for time to pass, and asserts on counts, ratios and fake clocks.
- *timing* (``@pytest.mark.timing``; ``pytest -m timing`` runs them, one at a time): asserts on how long something
  took, or on rates of real processes. The wait of its own processes for a core is measured meanwhile (``kit.quiet``):
  over the bound it has not passed and not failed, it is "too noisy to tell", and counted in a closing line.
- *long* (``@pytest.mark.long``; ``pytest -m long``): over 20 s by nature. Not run unless ``-m`` names it. With both
  markers a test is long, and how quiet it was is measured too.
"""

import os
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from kit import quiet

# How long an example takes is the machine's doing.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

METER = pytest.StashKey[quiet.NoiseMeter]()
NOISY = "noisy"


def pytest_configure(config: pytest.Config) -> None:
    """Declare the kinds."""
    config.addinivalue_line("markers", "timing: rests on the clock; measures how quiet the machine was (-m timing)")
    config.addinivalue_line("markers", "long: over 20 s by nature; only run when asked for (-m long)")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Give a worker a core, or none: what rests on the clock runs alone, and a file that is named needs no second."""
    named = [word for word in config.invocation_params.args if ".py" in str(word)]
    if named or "not timing" not in config.option.markexpr:
        return 0
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long ones, unless they are asked for."""
    if "long" in config.option.markexpr:
        return
    long = [item for item in items if item.get_closest_marker("long") is not None]
    if long:
        config.hook.pytest_deselected(items=long)
        items[:] = [item for item in items if item.get_closest_marker("long") is None]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Begin to measure how quiet it is."""
    if item.get_closest_marker("timing") is not None and quiet.known_here():
        item.stash[METER] = quiet.NoiseMeter()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Say of a timing test how quiet it was, and that nothing can be told where it was not."""
    report = yield
    meter = item.stash.get(METER, None)
    if meter is None or (report.when == "setup" and report.passed) or report.when == "teardown":
        return report
    del item.stash[METER]
    noise = meter.end()
    report.user_properties.append(("waited", noise.waited))
    if not report.skipped and noise.waited > quiet.BOUND:
        report.user_properties.append((NOISY, noise.words))
        report.outcome = "skipped"
        path, line, _ = report.location
        report.longrepr = (path, line or 0, f"too noisy to tell: {noise.words}")
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Count those that were too noisy apart."""
    if report.when != "teardown" and NOISY in dict(getattr(report, "user_properties", ())):
        return NOISY, "n", ("NOISY", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Close with how many timing tests could tell, and how quiet it was."""
    told = [
        dict(report.user_properties)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when != "teardown"
    ]
    waited = sorted(words["waited"] for words in told if "waited" in words)
    if not waited:
        return
    for report in terminalreporter.stats.get(NOISY, ()):
        terminalreporter.write_line(f"NOISY {report.nodeid}: {dict(report.user_properties)[NOISY]}")
    noisy = len(terminalreporter.stats.get(NOISY, ()))
    terminalreporter.write_line(
        f"timing: {len(waited) - noisy} could be told, {noisy} too noisy to tell; waiting for others: "
        f"median {waited[len(waited) // 2]:.3f}, most {waited[-1]:.3f} s a second (bound {quiet.BOUND})"
    )


@pytest.fixture(scope="session", autouse=True)
def folders_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Calibrations and prices that somebody keeps on this machine must not reach a test, nor a test's theirs."""
    root = tmp_path_factory.mktemp("home")
    before = {name: os.environ.get(name) for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    for name in before:
        os.environ[name] = str(root / name.lower())
    yield root
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
