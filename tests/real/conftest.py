"""One pair of real llama.cpp servers for the whole run. Nobody here wrote them: they are the judges of our clients."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from loopscope.realpair.pair import RealPair

SLOTS = 2


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model files of this run lie."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def real_pair(model_folder: Path) -> Iterator[RealPair]:
    """Two servers with the small model (thousands of tokens a second) and two slots each."""
    with RealPair("small", slots=SLOTS, folder=model_folder) as pair:
        yield pair
