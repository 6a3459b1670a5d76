"""What every test stands on: nothing of the operator's own folders is read or written."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


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
