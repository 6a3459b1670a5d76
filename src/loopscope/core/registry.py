"""Things of one kind, one module each, found by looking into their package: no list of names is kept anywhere."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class Registry(Mapping[str, T], Generic[T]):
    """What the modules of ``package`` declare under the name ``member``, by the name of each; read at first use.

    ``member`` holds one thing, or a tuple of them. Modules without it are helpers. They stand in the order that
    ``place`` gives, then of their names.
    """

    def __init__(
        self,
        package: str,
        member: str,
        *,
        name: Callable[[T], str] = lambda thing: thing.name,  # type: ignore[attr-defined]
        place: Callable[[T], float] = lambda thing: getattr(thing, "place", 0),
    ) -> None:
        self._package = package
        self._member = member
        self._name = name
        self._place = place
        self._found: dict[str, T] | None = None

    def __getitem__(self, key: str) -> T:
        return self._all()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @contextmanager
    def holding(self, thing: T) -> Iterator[T]:
        """Hold one thing more for a while, as if its module stood in the package: for tests and plug-ins."""
        before = self._all()
        self._found = self._ordered([*before.values(), thing])
        try:
            yield thing
        finally:
            self._found = before

    def _all(self) -> dict[str, T]:
        if self._found is None:
            self._found = self._ordered(self._scan())
        return self._found

    def _scan(self) -> Iterator[T]:
        package = importlib.import_module(self._package)
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{self._package}.{found.name}")
            declared: Any = getattr(module, self._member, ())
            yield from declared if isinstance(declared, tuple) else (declared,)

    def _ordered(self, things: "Iterator[T] | list[T]") -> dict[str, T]:
        by_name = sorted(things, key=lambda thing: (self._place(thing), self._name(thing)))
        found = {self._name(thing): thing for thing in by_name}
        if len(found) < len(by_name):
            names = [self._name(thing) for thing in by_name]
            raise ValueError(f"{self._package} declares twice: {sorted(n for n in found if names.count(n) > 1)}")
        return found
