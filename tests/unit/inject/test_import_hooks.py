"""Hooks that wait for an import."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from loopscope.inject.import_hooks import ImportHooks


@pytest.fixture
def late() -> Iterator[ImportHooks]:
    patches = ImportHooks()
    yield patches
    if patches in sys.meta_path:
        sys.meta_path.remove(patches)


def test_a_module_is_patched_when_it_is_imported(
    late: ImportHooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, after its own code has run; it keeps its own loader."""
    (tmp_path / "late_example.py").write_text("value = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    seen: list[int] = []

    def patch(module: ModuleType) -> None:
        seen.append(module.value)
        module.value = 2

    late.when_imported("late_example", patch)
    assert seen == []
    module = importlib.import_module("late_example")
    try:
        assert (seen, module.value) == ([1], 2)
        assert type(module.__loader__).__name__ == "SourceFileLoader"
        assert module.__spec__ is not None
        assert module.__spec__.loader is module.__loader__
    finally:
        del sys.modules["late_example"]


def test_what_is_loaded_already_is_patched_at_once(late: ImportHooks) -> None:
    """No finder is needed for it."""
    seen: list[ModuleType] = []
    late.when_imported("json", seen.append)
    assert seen == [sys.modules["json"]]
    assert late not in sys.meta_path


def test_a_module_that_is_not_there_stays_missing(late: ImportHooks) -> None:
    """The program gets the ImportError that it would have got, each time."""
    late.when_imported("loopscope_no_such_module", lambda module: None)
    for _ in range(2):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("loopscope_no_such_module")
