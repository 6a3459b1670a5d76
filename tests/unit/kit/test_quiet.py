"""What is said of a timing test: told, or too noisy to tell; and which kinds run when."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from kit import quiet
from kit.processes import wait_until
from kit.quiet import Noise, NoiseMeter

TESTS = Path(__file__).parents[2]
ONES = """
import pytest
from kit import quiet

@pytest.fixture(autouse=True)
def bound():
    quiet.BOUND = 100.0  # nothing is noisy, however busy this machine is

def test_exact(): pass

@pytest.mark.timing
def test_good(): pass

@pytest.mark.timing
def test_bad(): assert 1 == 2

@pytest.mark.timing
def test_noisy_and_good(): quiet.BOUND = -1.0

@pytest.mark.timing
def test_noisy_and_bad(): quiet.BOUND = -1.0; assert 1 == 2

@pytest.mark.timing
@pytest.mark.long
def test_long(): pass
"""


def _pytest(folder: Path, *words: str) -> str:
    (folder / "conftest.py").write_text((TESTS / "conftest.py").read_text("utf-8"), "utf-8")
    (folder / "test_ones.py").write_text(ONES, "utf-8")
    (folder / "pytest.ini").write_text(f"[pytest]\npythonpath = {TESTS}\naddopts = -m 'not timing'\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-v", "-p", "no:cacheprovider", "-n0", *words, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=folder, check=False).stdout


@pytest.mark.skipif(not quiet.known_here(), reason="this system does not tell how long threads waited")
def test_too_noisy_is_neither_passed_nor_failed_and_is_counted(tmp_path: Path) -> None:
    """A closing line says how many could be told."""
    told = _pytest(tmp_path, "-m", "timing")
    assert "test_good PASSED" in told
    assert "test_bad FAILED" in told
    assert "test_noisy_and_good NOISY" in told
    assert "test_noisy_and_bad NOISY" in told
    assert "timing: 2 could be told, 2 too noisy to tell" in told
    assert "1 failed, 1 passed, 2 deselected, 2 noisy" in told


def test_which_run_by_default_and_when_named(tmp_path: Path) -> None:
    """Without words the exact ones; the long ones only by their name."""
    assert "1 passed, 5 deselected" in _pytest(tmp_path)
    assert "1 passed, 5 deselected" in _pytest(tmp_path, "-m", "long")


def test_only_what_others_took_counts() -> None:
    """A wait behind oneself says nothing of others."""
    assert Noise(wall_s=10, own_s=20, wait_s=5, others_s=0).waited == 0
    assert Noise(wall_s=10, own_s=10, wait_s=5, others_s=10).waited == 0.25
    assert Noise(wall_s=10, own_s=0, wait_s=0, others_s=0).waited == 0


@pytest.mark.skipif(not quiet.known_here(), reason="this system does not tell how long threads waited")
def test_what_this_process_and_its_children_do_is_their_own() -> None:
    """CPU of a thread here and of a child."""
    meter = NoiseMeter()
    child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        assert wait_until(lambda: any(task[0] == child.pid and ran > 2e8 for task, (ran, _) in quiet._tasks()), 60)
        busy = threading.Thread(target=lambda: sum(range(3_000_000)))
        busy.start()
        busy.join()
        noise = meter.end()
    finally:
        child.kill()
        child.wait()
    assert noise.own_s > 0.2
    assert noise.wall_s > 0
