"""Things of one kind, one module each, found by looking into their package: no list of names is kept anywhere."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

T = TypeVar("T")
_LAST = 1000


class Registry(Mapping[str, T], Generic[T]):
    """What the modules of ``package`` declare under the name ``member``, by the name of each; read at first use.

    ``member`` holds one thing, or a tuple of them. Modules without it are helpers. Things stand in the order of their
    ``place``, or of their module's ``PLACE``; in one place, of modules' names and as declared.
    """

    def __init__(
        self,
        package: str,
        member: str,
        *,
        name: Callable[[T], str] = lambda thing: thing.name,  # type: ignore[attr-defined]
    ) -> None:
        self._package = package
        self._member = member
        self._name = name
        self._found: dict[str, tuple[int, T]] | None = None

    def __getitem__(self, key: str) -> T:
        return self._all()[key][1]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    @contextmanager
    def holding(self, thing: T) -> Iterator[T]:
        """Hold one thing more for a while, as if its module stood in the package: for tests and plug-ins.

        One of the same name gives it its place meanwhile.
        """
        before = self._all()
        name = self._name(thing)
        place = before[name][0] if name in before else getattr(thing, "place", _LAST)
        self._found = self._ordered([*({**before, name: (place, thing)}).values()])
        try:
            yield thing
        finally:
            self._found = before

    def _all(self) -> dict[str, tuple[int, T]]:
        if self._found is None:
            self._found = self._ordered(list(self._scan()))
        return self._found

    def _scan(self) -> Iterator[tuple[int, T]]:
        package = importlib.import_module(self._package)
        for found in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f"{self._package}.{found.name}")
            declared: Any = getattr(module, self._member, ())
            for thing in declared if isinstance(declared, tuple) else (declared,):
                yield getattr(thing, "place", getattr(module, "PLACE", _LAST)), thing

    def _ordered(self, things: list[tuple[int, T]]) -> dict[str, tuple[int, T]]:
        names = [self._name(thing) for _, thing in things]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"{self._package} declares twice: {', '.join(twice)}")
        return {self._name(thing): (place, thing) for place, thing in sorted(things, key=lambda placed: placed[0])}
