"""Arrays that grow with the number of agents."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def grown(values: NDArray[T], size: int, *, axis: int = -1, fill: Any = 0) -> NDArray[T]:
    """Give the array itself when ``axis`` has ``size`` places, else a larger copy whose new places hold ``fill``."""
    old = values.shape[axis]
    if old >= size:
        return values
    shape = list(values.shape)
    shape[axis] = size
    # zeros() leaves untouched pages to the system: histograms of a thousand agents are 35 MB, mostly never touched.
    larger = np.full(shape, fill, dtype=values.dtype) if fill else np.zeros(shape, dtype=values.dtype)
    np.moveaxis(larger, axis, 0)[:old] = np.moveaxis(values, axis, 0)
    return larger


def roomy(size: int) -> int:
    """Give the next power of two: what grows one by one is copied only a few times."""
    return 1 << max(size - 1, 0).bit_length()


def count_at(counts: NDArray[np.int32], places: NDArray[np.integer], by: int = 1) -> None:
    """Add ``by`` to flat ``counts`` at each of ``places``, as often as it stands there."""
    # Indexes and values of the very types that numpy has a fast way for: 400 places take 3 us, else 31 us.
    np.add.at(counts, places.astype(np.intp, copy=False), np.full(places.size, by, dtype=np.int32))
