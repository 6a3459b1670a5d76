"""Arrays that grow with the number of agents."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)


def grown(values: NDArray[T], size: int, *, axis: int = -1, fill: Any = 0) -> NDArray[T]:
    """Give the array itself when ``axis`` has ``size`` places, else a larger copy whose new places hold ``fill``."""
    missing = size - values.shape[axis]
    if missing <= 0:
        return values
    shape = list(values.shape)
    shape[axis] = missing
    return np.concatenate((values, np.full(shape, fill, dtype=values.dtype)), axis=axis)


def roomy(size: int) -> int:
    """Give the next power of two: what grows one by one is copied only a few times."""
    return 1 << max(size - 1, 0).bit_length()
