"""Standard output as a place to write: ``-``, a reader that goes, a full disk, none at all."""

import subprocess
import sys
from pathlib import Path

import pytest

from loopscope.cli.main import main

START = [sys.executable, "-m", "loopscope"]


def test_a_reader_that_goes_is_no_traceback() -> None:
    """As with any program of a pipe: the exit code of SIGPIPE."""
    with subprocess.Popen(
        [*START, "report", "calm-pair", "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read().decode()
    assert process.returncode == 141
    assert "Traceback" not in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_sentence() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([*START, "replay", "calm-pair", "--json"], stdout=full, stderr=subprocess.PIPE)
    assert done.returncode == 1
    assert done.stderr.decode().count("\n") == 1
    assert b"cannot be written" in done.stderr


def test_an_export_goes_to_standard_output(capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    assert main(["export", "calm-pair", "--to", "openmetrics", "-o", "-"]) == 0
    assert capfdbinary.readouterr().out.endswith(b"# EOF\n")
    assert not Path("-").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["export", "calm-pair", "--to", "csv", "-o", "-"],
        ["record", "-o", "-"],
        ["ab", "loop=asyncio,uvloop", "-o", "-"],
    ],
)
def test_what_cannot_go_there_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    try:
        code = main(words)
    except SystemExit as ended:
        code = int(ended.code or 0)
    assert code == 2
    assert "standard output" in capsys.readouterr().err
