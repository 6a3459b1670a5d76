"""Where shipped files lie."""

from pathlib import Path

import pytest

from loopscope.settings import places


def test_a_checkout_finds_its_own() -> None:
    """Beside src stand the themes and the recordings."""
    assert (places.themes_dirs()[0] / "dark.toml").is_file()
    recordings = places.recordings_dir()
    assert recordings is not None and recordings.is_dir()


def test_a_wheel_finds_the_copies(tmp_path: Path) -> None:
    """In site-packages only the package's own data counts, not a folder of that name beside it."""
    package = tmp_path / "site-packages" / "loopscope"
    (package / "_data" / "themes").mkdir(parents=True)
    (tmp_path / "themes").mkdir()
    assert places._shipped("themes", package) == package / "_data" / "themes"
    assert places._shipped("recordings", package) is None


def test_the_users_folder_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a theme of the same name there wins."""
    monkeypatch.setattr(places, "user_dir", lambda: tmp_path)
    assert tmp_path / "themes" not in places.themes_dirs()
    (tmp_path / "themes").mkdir()
    assert places.themes_dirs()[-1] == tmp_path / "themes"
