"""The command as it is installed: help, version, and wrong input, each in a child of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from loopscope import __version__
from loopscope.cli.main import VERBS


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loopscope", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def test_the_version_is_the_package_s() -> None:
    """``--version`` prints one line and ends with 0."""
    done = command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"loopscope {__version__}\n", "")


def test_the_help_names_every_verb() -> None:
    """``--help`` ends with 0 and lists what there is to do."""
    done = command("--help")
    assert done.returncode == 0, done.stderr
    assert all(f"  {verb}" in done.stdout for verb in VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str) -> None:
    """``VERB --help`` ends with 0 and says what the verb does and takes."""
    done = command(verb, "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: loopscope" in done.stdout
    assert "--" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("--no-such-option",),
        ("recrod",),
        ("nonsense", "--json"),
        ("replay", "no-such-trace"),
        ("replay", "/"),
        ("replay", "--json", "pyproject.toml"),
        ("record",),
        ("record", "-o", "/no/such/folder/run.jsonl"),
        ("record", "-o", "run.jsonl", "--loop", "trio"),
        ("record", "-o", "run.jsonl", "--at", "5", "loop=trio"),
        ("record", "-o", "run.jsonl", "--seconds", "nan"),
        ("record", "-o", "run.jsonl", "--rate", "inf"),
        ("record", "-o", "run.jsonl", "--scenario", "/dev/zero"),
        ("record", "-o", "run.jsonl", "ftp://127.0.0.1"),
        ("report", "/dev/zero"),
        ("report", "a" * 5000),
        ("report", "calm-pair", "-o", "/no/such/folder/report.md"),
        ("report", "calm-pair", "-o", "/dev/full"),
        ("report", "calm-pair", "--html", "/"),
        ("compare", "calm-pair"),
        ("compare", "calm-pair", "calm-pair", "--confidence", "nan"),
        ("export", "calm-pair", "--to", "perfetto", "-o", "/"),
        ("scenario", "/dev/zero"),
        ("scenario", "tr116", "--rounds", "0"),
        ("scenario", "tr116", "--solo", "-1"),
        ("scenario", "tr116", "--tokens", "-1"),
        ("scenario", "tr116", "--rate", "nan"),
        ("scenario", "tr116", "ftp://127.0.0.1"),
        ("scenario", "tr116", "--json", "--md"),
        ("scenario", "tr116", "-o", "/no/such/folder/run.jsonl"),
        ("sweep", "/"),
        ("sweep", "/dev/zero"),
        ("audit", "/"),
        ("audit", "/dev/zero"),
        ("audit", "a" * 5000),
        ("ceiling", "--rate", "nan"),
        ("ceiling", "--streams", "0"),
        ("ceiling", "ftp://127.0.0.1"),
        ("calibrate", "--client", ","),
        ("doctor", "--selftest", "--cause", "nonsense"),
        ("emulate", "--rate", "nan"),
        ("servers", "up", "--ports", "0"),
        ("run", "no-such-script.py"),
        ("ab", "loop=asyncio"),
        ("ab", "loop=asyncio,uvloop", "--pairs", "3"),
        ("ab", "--verify", "nonsense"),
    ],
)
def test_wrong_input_is_one_sentence_and_2(words: tuple[str, ...], tmp_path: object) -> None:
    """Whatever is wrong with the input is said in one line on standard error, without a traceback."""
    done = command(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("loopscope")
    assert done.stderr.count("\n") == 1
    assert len(done.stderr) < 1000


def test_a_pipe_that_nobody_writes_to_is_no_input(tmp_path: Path) -> None:
    """Scenario, sweep, table, trace: none of them waits for ever."""
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    for words in (("scenario",), ("sweep",), ("audit",), ("report",), ("record", "-o", "x.jsonl", "--scenario")):
        done = command(*words, str(pipe))
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
        assert "it is not a file" in done.stderr


def test_a_report_leaves_what_was_there_until_it_is_whole(tmp_path: Path) -> None:
    """It goes beside its place first; nothing of that is left."""
    out = tmp_path / "report.md"
    out.write_text("before", "utf-8")
    assert command("report", "calm-pair", "--md", "-o", str(out)).returncode == 0
    assert out.read_text("utf-8").startswith("# loopscope")
    assert list(tmp_path.iterdir()) == [out]


def test_whoever_reads_our_output_may_go() -> None:
    """``| head -1``: no traceback."""
    words = [sys.executable, "-m", "loopscope", "report", "calm-pair", "--json"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.readline()
        child.stdout.close()
        assert b"Traceback" not in child.stderr.read()
