"""What is installed is whole: the wheel holds everything that a checkout has, and finds it there."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def build(source: Path, target: str, into: Path) -> Path:
    """Build with hatchling alone: no network, no pip, nothing written into the source."""
    child = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)],
        cwd=source,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert child.returncode == 0, child.stderr
    (built,) = into.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(ROOT, "wheel", tmp_path_factory.mktemp("wheel"))


def data_files(folder: str) -> set[str]:
    root = ROOT / folder
    return {
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_themes_and_recordings_are_in_the_wheel(wheel: Path) -> None:
    """Every theme and every recording of the checkout lies in the package's data folder."""
    names = zipfile.ZipFile(wheel).namelist()
    for folder in ("themes", "recordings"):
        start = f"loopscope/_data/{folder}/"
        assert {name.removeprefix(start) for name in names if name.startswith(start)} == data_files(folder)


def test_every_file_of_the_package_is_in_the_wheel(wheel: Path) -> None:
    """Modules, style sheets and scenarios alike; and nothing of tests or benchmarks."""
    names = set(zipfile.ZipFile(wheel).namelist())
    package = ROOT / "src"
    ours = {
        path.relative_to(package).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"loopscope"}


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    """Command, licence, readme and lowest Python are in its metadata."""
    archive = zipfile.ZipFile(wheel)
    text = {name.rpartition("/")[2]: name for name in archive.namelist() if ".dist-info/" in name}
    metadata = archive.read(text["METADATA"]).decode()
    assert "Requires-Python: >=3.11" in metadata
    assert "License-Expression: MIT" in metadata
    assert "# loopscope" in metadata
    assert "loopscope = loopscope.cli:main" in archive.read(text["entry_points.txt"]).decode()
    assert "loopscope contributors" in archive.read(text["LICENSE"]).decode()


def test_an_installed_wheel_finds_its_files(wheel: Path, tmp_path: Path) -> None:
    """Run from the wheel's own files, far from any checkout, loopscope finds its themes and recordings."""
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    code = (
        "import loopscope; from loopscope.settings.places import themes_dirs, recordings_dir;"
        "print(loopscope.__file__); print(themes_dirs()[0]); print(recordings_dir())"
    )
    child = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert child.returncode == 0, child.stderr
    init, themes, recordings = map(Path, child.stdout.splitlines())
    site = tmp_path / "site" / "loopscope"
    assert init == site / "__init__.py"
    assert (themes, recordings) == (site / "_data" / "themes", site / "_data" / "recordings")


def test_a_source_package_builds_the_same_wheel(wheel: Path, tmp_path: Path) -> None:
    """A wheel built from the source package holds the same files as one built from the checkout."""
    sdist = build(ROOT, "sdist", tmp_path / "sdist")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (source,) = (tmp_path / "source").iterdir()
    again = build(source, "wheel", tmp_path / "wheel")
    assert set(zipfile.ZipFile(again).namelist()) == set(zipfile.ZipFile(wheel).namelist())
