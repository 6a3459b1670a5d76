"""The dialects that loopscope speaks, one file each; a file put here is found.

A file defines ``DIALECT``, a :class:`loopscope.streams.dialect.Dialect`.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from loopscope.streams.dialect import Dialect


def _found() -> dict[str, Dialect]:
    modules = [import_module(f"{__name__}.{info.name}") for info in iter_modules(__path__)]
    return {module.DIALECT.name: module.DIALECT for module in modules}


DIALECTS: dict[str, Dialect] = _found()
"""By name, in the order of their names."""

ENDINGS = tuple(sorted({dialect.ending for dialect in DIALECTS.values()}))
"""How paths end that carry a dialect."""


def dialect_at(path: str) -> Dialect | None:
    """Return the dialect that the path of a request tells; the longest ending wins."""
    fitting = [dialect for dialect in DIALECTS.values() if path.endswith(dialect.ending)]
    return max(fitting, key=lambda dialect: len(dialect.ending), default=None)


def dialect_of(message: dict[str, Any]) -> Dialect | None:
    """Return the dialect that a decoded message is of."""
    return next((dialect for dialect in DIALECTS.values() if dialect.knows(message)), None)
