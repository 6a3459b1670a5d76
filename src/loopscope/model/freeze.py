"""A fold as bytes, and back: so that a trace can be entered in the middle and shows what playing to there would show.

Nothing is left out that a later figure depends on, whatever the fold is made of: the walk goes over every object of
:mod:`loopscope.model` and :mod:`loopscope.stats` that the fold holds. The bytes come from files, too, and are trusted
no more than other bytes: they are plain data (msgpack in zstd), name only classes of those two packages, and whatever
does not fit raises :class:`~loopscope.core.errors.TraceError`. They fit only the very code that made them
(:func:`fold_id`): any other loopscope folds the records instead.
"""

import hashlib
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from enum import IntEnum
from functools import cache
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

import loopscope
from loopscope.core import zstd
from loopscope.core.codec import decode, encode
from loopscope.core.errors import TraceError
from loopscope.core.records import Header, Record
from loopscope.model.fold import Fold
from loopscope.model.view import Viewer

F = TypeVar("F", bound=Fold)

MOST_BYTES = 64 << 20
"""Unpacked; a fold of a thousand agents takes some 10 MB."""
_MOST_ARRAY_BYTES = 192 << 20
"""Of all arrays; histograms of a thousand agents are 35 MB, mostly zeros that take no memory."""
_MOST_DEPTH = 40
_LEVEL = 3
_OURS = ("loopscope.model.", "loopscope.stats.")
_LIST, _TUPLE, _DEQUE, _DICT, _SET, _ARRAY, _OBJECT, _SEEN, _RECORD, _HEADER, _NONE = range(11)
_DENSE, _SPARSE, _RISING = range(3)
_SPARSE_FROM = 64
_PLAIN = frozenset({int, float, bool, type(None)})
"""Types that need no look: as they stand in the bytes, so they stand in the fold."""
_MISFITS = (
    msgspec.DecodeError,
    msgspec.ValidationError,
    zstd.ZstdError,
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RecursionError,
    MemoryError,
)


@cache
def fold_id() -> str:
    """Name the code of the fold: two folds of the same name make the same of the same records. Empty: not known."""
    root = Path(loopscope.__file__).parent
    digest = hashlib.sha256(np.__version__.encode())
    try:
        for folder in ("core", "model", "settings", "stats"):
            for path in sorted((root / folder).rglob("*.py")):
                digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    except OSError:
        return ""
    return digest.hexdigest()[:16]


def freeze(fold: Fold) -> bytes:
    """Give a fold as bytes; the header is not in them.

    Raises:
        TraceError: it holds something that cannot be written down.
    """
    try:
        data = msgspec.msgpack.encode(_Freezer().value(fold))
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        raise TraceError(f"this fold cannot be written down: {error}") from error
    return zstd.compress(data, _LEVEL)


def thaw(data: bytes, header: Header, new_fold: Callable[[], Fold] = Fold) -> Fold:
    """Give the fold of such bytes, in the session of ``header``.

    Raises:
        TraceError: the bytes are no fold.
    """
    try:
        size = zstd.get_frame_info(data).decompressed_size
        if size is None or size > MOST_BYTES:
            raise ValueError("too large")
        unpack = zstd.bounded()
        plain = unpack.decompress(data, MOST_BYTES)
        if not unpack.eof:
            raise ValueError("cut off")
        fold = _Thawer(header, new_fold()).value(msgspec.msgpack.decode(plain), 0)
        if not isinstance(fold, Fold):
            raise TypeError("no fold")
    except _MISFITS as error:
        raise TraceError(f"a checkpoint does not fit: {type(error).__name__}") from error
    return fold


def _is_ours(kind: type) -> bool:
    return kind.__module__.startswith(_OURS)


def _names(item: Any) -> list[str]:
    """Names of an object's attributes."""
    return [each.name for each in fields(item)] if is_dataclass(item) else list(vars(item))


class _Freezer:
    """Walks a fold once. What is met again is named by its number, so that what was one object is one again."""

    def __init__(self) -> None:
        self._seen: dict[int, int] = {}
        self._held: list[object] = []

    def value(self, item: Any) -> Any:
        kind = type(item)
        if item is None or kind in (bool, int, float, str):
            return item
        if kind is tuple:
            return [_TUPLE, [self.value(each) for each in item]]
        if isinstance(item, IntEnum | np.integer):
            return int(item)
        if isinstance(item, np.floating):
            return float(item)
        if isinstance(item, Header):
            return [_HEADER]
        if isinstance(item, Record):
            return [_RECORD, encode(item)]
        if isinstance(item, Viewer) or callable(item):
            return [_NONE]
        if id(item) in self._seen:
            return [_SEEN, self._seen[id(item)]]
        self._seen[id(item)] = len(self._held)
        self._held.append(item)
        if kind is list:
            return [_LIST, [self.value(each) for each in item]]
        if kind is deque:
            return [_DEQUE, item.maxlen, [self.value(each) for each in item]]
        if kind is dict:
            return [_DICT, [[self.value(key), self.value(each)] for key, each in item.items()]]
        if kind in (set, frozenset):
            return [_SET, kind is frozenset, [self.value(each) for each in sorted(item)]]
        if kind is np.ndarray:
            return [_ARRAY, item.dtype.str, list(item.shape), *_packed(item)]
        return self._object(item)

    def _object(self, item: Any) -> Any:
        kind = type(item)
        if not _is_ours(kind):
            raise TypeError(f"{kind.__name__} is not of the fold")
        names = _names(item)
        return [_OBJECT, kind.__module__, kind.__qualname__, names, [self.value(getattr(item, name)) for name in names]]


def _packed(values: NDArray[Any]) -> list[Any]:
    """An array in the fewest bytes that say the same: counts are mostly zeros, buckets of a bin stand in order."""
    flat = np.ascontiguousarray(values).reshape(-1)
    if flat.dtype.kind == "b":
        return [_DENSE, "|u1", flat.astype(np.uint8).tobytes()]
    whole = flat
    if flat.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            whole = flat.astype(np.int64)
        if not np.array_equal(whole.astype(flat.dtype), flat) or np.signbit(flat[flat == 0]).any():
            return [_DENSE, flat.dtype.str, flat.tobytes()]
    if flat.size >= _SPARSE_FROM:
        used = np.flatnonzero(whole)
        if used.size * 4 < flat.size:
            return [_SPARSE, *_narrow(np.diff(used, prepend=0)), *_narrow(whole[used])]
        steps = np.diff(whole)
        if (steps >= 0).all():
            return [_RISING, int(whole[0]), *_narrow(steps)]
    return [_DENSE, *_narrow(whole)]


def _narrow(values: NDArray[Any]) -> list[Any]:
    low, high = (int(values.min()), int(values.max())) if values.size else (0, 0)
    kind = next(
        kind
        for kind in ("|u1", "<u2", "<u4", "<i4", "<i8", "<u8")
        if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max
    )
    return [kind, values.astype(kind).tobytes()]


class _Thawer:
    """Builds what :class:`_Freezer` wrote. Attributes and their kinds must be those of a new fold's objects."""

    def __init__(self, header: Header, fold: Fold) -> None:
        self._header = header
        self._seen: list[Any] = []
        self._bytes = 0
        self._new = fold
        self._patterns: dict[type, Any] = {}
        self._shapes: dict[tuple[str, str], tuple[type, list[str], list[Any]]] = {}
        _collect(fold, self._patterns, 0)

    def value(self, item: Any, depth: int) -> Any:
        if not isinstance(item, list):
            if isinstance(item, str) and not (item.isprintable() and len(item) <= 500):
                raise ValueError("a text that is not plain")
            if isinstance(item, bytes | dict):
                raise TypeError("not a value")
            return item
        if depth > _MOST_DEPTH:
            raise RecursionError
        tag, *rest = item
        if tag == _TUPLE:
            return tuple(self._values(rest[0], depth))
        if tag == _HEADER:
            return self._header
        if tag == _RECORD:
            return decode(rest[0])
        if tag == _NONE:
            return None
        if tag == _SEEN:
            return self._seen[rest[0]]
        number = len(self._seen)
        self._seen.append(None)
        if tag == _ARRAY:
            self._seen[number] = self._array(*rest)
        elif tag == _LIST:
            made: list[Any] = []
            self._seen[number] = made
            made += self._values(rest[0], depth)
        elif tag == _DEQUE:
            held: deque[Any] = deque(maxlen=rest[0])
            self._seen[number] = held
            held += self._values(rest[1], depth)
        elif tag == _DICT:
            table: dict[Any, Any] = {}
            self._seen[number] = table
            table.update((self.value(key, depth + 1), self.value(each, depth + 1)) for key, each in rest[0])
        elif tag == _SET:
            values = self._values(rest[1], depth)
            self._seen[number] = frozenset(values) if rest[0] else set(values)
        elif tag == _OBJECT:
            self._object(number, *rest, depth=depth)
        else:
            raise ValueError("an unknown tag")
        return self._seen[number]

    def _values(self, items: list[Any], depth: int) -> list[Any]:
        # Most are numbers: 50 times and 50 gaps of each agent.
        return [each if type(each) in _PLAIN else self.value(each, depth + 1) for each in items]

    def _object(self, number: int, module: str, name: str, names: list[str], values: list[Any], *, depth: int) -> None:
        shape = self._shapes.get((module, name)) if depth else None
        kind, wanted, models = shape or self._shape(module, name, depth)
        if names != wanted or len(values) != len(names):
            raise AttributeError("other attributes")
        made: Any = object.__new__(kind)
        self._seen[number] = made
        for key, each, model in zip(names, values, models, strict=True):
            if type(each) in _PLAIN and type(model) in _PLAIN:
                object.__setattr__(made, key, each)
                continue
            value = self.value(each, depth + 1)
            if isinstance(model, Viewer):
                value = Viewer()
            elif model is not None and value is not None:
                _check(model, value)
            object.__setattr__(made, key, value)

    def _shape(self, module: str, name: str, depth: int) -> tuple[type, list[str], list[Any]]:
        """Look a class up: itself, its attributes, and what a new fold has in them."""
        found = sys.modules.get(module) if module.startswith(_OURS) else None
        kind = getattr(found, name, None)
        if not isinstance(kind, type) or kind.__module__ != module or issubclass(kind, Viewer | IntEnum | Record):
            raise TypeError("not a class of the fold")
        if not depth and isinstance(self._new, kind):
            kind = type(self._new)
        pattern = self._patterns.get(kind)
        wanted = [each.name for each in fields(kind)] if is_dataclass(kind) else None
        if wanted is None:
            if pattern is None:
                pattern = self._patterns[kind] = kind()
            wanted = list(vars(pattern))
        models = [getattr(pattern, key, None) if pattern is not None else None for key in wanted]
        shape = kind, wanted, models
        if depth:
            self._shapes[module, name] = shape
        return shape

    def _array(self, kind: str, shape: list[int], how: int, *parts: Any) -> NDArray[Any]:
        dtype = np.dtype(kind)
        if dtype.kind not in "bif" or any(size < 0 for size in shape):
            raise TypeError("not an array of the fold")
        size = prod(shape)
        self._bytes += size * dtype.itemsize
        if self._bytes > _MOST_ARRAY_BYTES:
            raise MemoryError
        if how == _DENSE:
            values = np.frombuffer(parts[1], dtype=parts[0])
        elif how == _SPARSE:
            values = np.zeros(size, dtype=dtype)
            places = np.cumsum(np.frombuffer(parts[1], dtype=parts[0]), dtype=np.int64)
            values[places] = np.frombuffer(parts[3], dtype=parts[2])
        else:
            values = np.empty(size, dtype=np.int64)
            values[0] = parts[0]
            np.cumsum(np.frombuffer(parts[2], dtype=parts[1]), out=values[1:])
            values[1:] += values[0]
        if values.size != size:
            raise ValueError("an array of another size")
        return values.astype(dtype, copy=not values.flags.writeable).reshape(shape)


def _collect(item: Any, patterns: dict[type, Any], depth: int) -> None:
    """Find the first object of each class of ours within a fold, to hold others against."""
    if depth > _MOST_DEPTH:
        return
    if isinstance(item, dict):
        for each in item.values():
            _collect(each, patterns, depth + 1)
    elif isinstance(item, list | tuple | deque):
        for each in item:
            _collect(each, patterns, depth + 1)
    elif _is_ours(type(item)) and not isinstance(item, IntEnum | Viewer) and type(item) not in patterns:
        patterns[type(item)] = item
        for name in _names(item):
            _collect(getattr(item, name), patterns, depth + 1)


def _check(model: Any, value: Any) -> None:
    """Refuse a value of another kind, or with other bounds, than a new fold has in its place."""
    if isinstance(model, bool | int | float):
        if not isinstance(value, bool | int | float):
            raise TypeError("a number is not one")
        return
    if type(model) is not type(value):
        raise TypeError("a value of another kind")
    if isinstance(model, deque) and model.maxlen != value.maxlen:
        raise ValueError("other bounds")
    if isinstance(model, np.ndarray) and (model.dtype != value.dtype or model.ndim != value.ndim):
        raise TypeError("another array")
