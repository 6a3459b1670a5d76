"""CPU package power from energy counters in a folder made for the test."""

from pathlib import Path

import pytest

from loopscope.telemetry.rapl import Rapl

S = 1_000_000_000


def zone(root: Path, name: str, words: str, energy_uj: int = 0, wrap_uj: int = 1_000_000_000) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "name").write_text(words + "\n")
    (folder / "max_energy_range_uj").write_text(f"{wrap_uj}\n")
    (folder / "energy_uj").write_text(f"{energy_uj}\n")
    return folder / "energy_uj"


def test_power_is_the_mean_since_the_last_reading_over_all_packages(tmp_path: Path) -> None:
    """Two packages add up; what lies inside a package, and the board that contains them, is not counted twice."""
    first = zone(tmp_path, "intel-rapl:0", "package-0", 1_000_000)
    second = zone(tmp_path, "intel-rapl:1", "package-1", 5_000_000)
    core = zone(tmp_path, "intel-rapl:0:0", "core", 0)
    board = zone(tmp_path, "intel-rapl:2", "psys", 0)
    rapl = Rapl(tmp_path)
    assert rapl.reason == ""
    assert rapl.watts(10 * S) is None
    first.write_text("21000000")
    second.write_text("15000000")
    core.write_text("9000000")
    board.write_text("90000000")
    assert rapl.watts(12 * S) == 15.0


def test_counter_that_wraps_gives_no_negative_power(tmp_path: Path) -> None:
    """A counter that starts again is continued past its range."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0", 98_000_000, wrap_uj=100_000_000)
    rapl = Rapl(tmp_path)
    rapl.watts(0)
    counter.write_text("3000000")
    assert rapl.watts(1 * S) == 5.0


def test_absence_is_told(tmp_path: Path) -> None:
    """No folder, no package and a broken counter each have their reason."""
    assert "no energy counters" in Rapl(tmp_path / "none").reason
    zone(tmp_path, "intel-rapl:0", "psys")
    assert "no energy counters" in Rapl(tmp_path).reason
    zone(tmp_path, "intel-rapl:1", "package-0").write_text("nonsense")
    assert "cannot be read" in Rapl(tmp_path).reason


def test_counter_of_another_user_names_the_way_out(tmp_path: Path) -> None:
    """Where only root may read, the reason says what to do about it."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0")
    read = Path.read_text

    def refuse(path: Path, *args: str) -> str:
        if path == counter:
            raise PermissionError(13, "Permission denied")
        return read(path, *args)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_text", refuse)
        rapl = Rapl(tmp_path)
    assert "root alone" in rapl.reason
    assert rapl.watts(0) is None


def test_counter_that_vanishes_ends_the_power_with_a_reason(tmp_path: Path) -> None:
    """A counter that can no longer be read is a reason from then on, not an exception."""
    counter = zone(tmp_path, "intel-rapl:0", "package-0")
    rapl = Rapl(tmp_path)
    rapl.watts(0)
    counter.unlink()
    assert rapl.watts(1 * S) is None
    assert "no longer" in rapl.reason
