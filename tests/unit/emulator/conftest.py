"""One quick emulator for the tests of a module that only ask it questions."""

from collections.abc import Iterator

import pytest

from kit.emulators import Emulated, emulator


@pytest.fixture(scope="module")
def served() -> Iterator[Emulated]:
    """Any number of slots, 2 000 tok/s, no prefill."""
    with emulator() as one:
        yield one
