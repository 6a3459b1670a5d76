"""Where the files lie that ship with loopscope, and where the operator may put their own.

In a checkout and in an editable install they stand beside ``src``; in a wheel they were copied into the package
(``force-include`` in pyproject.toml). The user's folder comes last, so that a file of the same name there wins.
"""

from pathlib import Path

import platformdirs

_PACKAGE = Path(__file__).resolve().parents[1]


def _shipped(name: str, package: Path = _PACKAGE) -> Path | None:
    root = package.parents[1]
    checkout = root / name
    # A folder called "themes" two levels above site-packages could be anybody's: only beside our pyproject it is ours.
    if package.parent.name == "src" and (root / "pyproject.toml").is_file() and checkout.is_dir():
        return checkout
    wheel = package / "_data" / name
    return wheel if wheel.is_dir() else None


def user_dir() -> Path:
    """Give the operator's configuration folder; it need not exist."""
    return Path(platformdirs.user_config_dir("loopscope", appauthor=False))


def data_dir() -> Path:
    """Give the folder for what loopscope itself keeps (calibrations); it need not exist."""
    return Path(platformdirs.user_data_dir("loopscope", appauthor=False))


def themes_dirs() -> list[Path]:
    """Folders with themes, in the order in which they are read (a later file replaces an earlier one of its name)."""
    folders = [_shipped("themes"), user_dir() / "themes"]
    return [folder for folder in folders if folder is not None and folder.is_dir()]


def recordings_dir() -> Path | None:
    """Folder with the traces that ship, or ``None`` where they were left out of the installation."""
    return _shipped("recordings")
