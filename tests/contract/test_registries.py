"""A lever, a client, a dialect, a finding, an export: one module laid into the package, and it is on every face."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import loopscope

TESTS = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def faces(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a copy of the package shows in which one module of each kind was laid."""
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(Path(loopscope.__file__).parent, root / "loopscope", ignore=shutil.ignore_patterns("_data"))
    shutil.copytree(TESTS / "dummies", root / "loopscope", dirs_exist_ok=True)
    child = subprocess.run(
        [sys.executable, "-m", "kit.faces"],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(root), str(TESTS))), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
        cwd=root,
    )
    assert child.returncode == 0, child.stderr
    shown: dict[str, str] = json.loads(child.stdout.splitlines()[-1])
    return shown


@pytest.mark.parametrize(
    ("face", "words"),
    [
        ("--help", "--gears V"),
        ("--help", "low, high (default: low); how fast the agents turn their pages"),
        ("ceiling --help", "--gears V[,..]"),
        ("options", '"gears": "high"'),
        ("keys", "gears z next gears: how fast the agents turn their pages"),
        ("keys", "gears-value Z enter gears: type them"),
        ("levers pane", " gears "),
        ("ledger", "gears low → high"),
        ("report", "gears"),
        ("rig", "1000.0"),
        ("rules", '""'),
    ],
)
def test_a_lever_is_on_every_face(faces: dict[str, str], face: str, words: str) -> None:
    """Help, options, keys, pane, ledger, report; the rig does what its module says."""
    assert words in faces[face]


def test_a_lever_is_in_the_summary(faces: dict[str, str]) -> None:
    """The pull with its effect, and the value of each stretch."""
    told = json.loads(faces["--json"])
    assert [(one["name"], one["old"], one["new"]) for one in told["levers"]] == [("gears", "low", "high")]
    assert [one["levers"]["gears"] for one in told["segments"]] == ["low", "high"]


@pytest.mark.parametrize(
    ("face", "words"),
    [
        ("--help", "httpx, httpx2, aiohttp, streams, ollama, parrot (default: httpx)"),
        ("ceiling --help", "ollama, parrot (default"),
        ("options", '"client": "parrot"'),
        ("doctor", '["parrot", true]'),
        ("rig", '"parrot"'),
    ],
)
def test_a_client_is_on_every_face(faces: dict[str, str], face: str, words: str) -> None:
    """Help, options, doctor; the rig finds its class."""
    assert words in faces[face]


@pytest.mark.parametrize(
    ("face", "words"), [("--help", "morse is /api/morse"), ("options", '"api": "morse"'), ("rig", '"/api/morse"')]
)
def test_a_dialect_is_on_every_face(faces: dict[str, str], face: str, words: str) -> None:
    """Help, options; the rig reads it."""
    assert words in faces[face]


@pytest.mark.parametrize("face", ["findings", "--json", "report"])
def test_a_finding_is_on_every_face(faces: dict[str, str], face: str) -> None:
    """The screen's list, the summary, the report: its name (by which it was asked for) or its sentence."""
    assert "full-moon" in faces[face]
    assert "The moon is full." in faces[face]


@pytest.mark.parametrize(
    ("face", "words"),
    [
        ("export --help", "--to tally           how many records there are"),
        ("export --help", "openmetrics, tally, asciicast"),
        ("export", " records\n"),
    ],
)
def test_an_export_is_on_every_face(faces: dict[str, str], face: str, words: str) -> None:
    """Help, and it writes."""
    assert words in faces[face]
