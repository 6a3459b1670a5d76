"""Hooks that are put in when, and only when, the program imports a library: the probe itself imports none of them."""

import importlib.abc
import importlib.machinery
import importlib.util
import sys
from collections.abc import Callable, Sequence
from types import ModuleType

Patch = Callable[[ModuleType], None]


class _Loader(importlib.abc.Loader):
    """The module's own loader, and then the patch."""

    def __init__(self, inner: importlib.abc.Loader, patch: Patch) -> None:
        self._inner = inner
        self._patch = patch

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        """As the inner loader does."""
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module under its own loader (so that it finds its resources), then patch it."""
        if module.__spec__ is not None:
            module.__spec__.loader = self._inner
        module.__loader__ = self._inner
        self._inner.exec_module(module)
        self._patch(module)


class ImportHooks(importlib.abc.MetaPathFinder):
    """Patches modules by name once they have been imported; those that are loaded already, at once."""

    def __init__(self) -> None:
        self._waiting: dict[str, Patch] = {}

    def when_imported(self, name: str, patch: Patch) -> None:
        """Call ``patch(module)`` after the import of the top-level module ``name``."""
        module = sys.modules.get(name)
        if module is not None:
            patch(module)
            return
        self._waiting[name] = patch
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Find a module that waits for its patch by the other finders; others are none of our business."""
        patch = self._waiting.pop(fullname, None)
        if patch is None:
            return None
        spec = importlib.util.find_spec(fullname)  # we do not answer for it any more
        if spec is None or spec.loader is None:
            self._waiting[fullname] = patch  # not installed: the program may try again
            return None
        spec.loader = _Loader(spec.loader, patch)
        return spec
