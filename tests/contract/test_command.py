"""The command as it is installed: help, version, and wrong input, each in a child of its own."""

import subprocess
import sys

import pytest

from loopscope import __version__
from loopscope.cli.main import VERBS


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "loopscope", *words],
        capture_output=True, text=True, check=False, timeout=60, stdin=subprocess.DEVNULL,
    )  # fmt: skip


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
    ],
)
def test_wrong_input_is_one_sentence_and_2(words: tuple[str, ...], tmp_path: object) -> None:
    """Whatever is wrong with the input is said in one line on standard error, without a traceback."""
    done = command(*words)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.startswith("loopscope")
    assert done.stderr.count("\n") == 1
