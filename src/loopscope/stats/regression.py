"""Straight lines, planes and correlations: what one column of a table has to do with others.

Ordinary least squares; errors of the coefficients as in any textbook of regression (Draper and Smith, *Applied
Regression Analysis*): ``se(b)^2 = s^2 diag((X'X)^-1)`` with ``s^2`` the sum of squared residuals over n - p.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
LEAST_SPARE = 3
"""Rows that there must be beyond the coefficients: with fewer, a good fit says nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """``y = intercept + sum(slopes[name] * x[name])``, fitted to ``n`` rows.

    ``errors`` has the standard error of each coefficient (``intercept`` among them); ``r2`` is the share of the
    variance that the fit explains, ``None`` when y does not vary; ``spread`` the standard deviation of the residuals,
    with n - p in its denominator.
    """

    n: int
    intercept: float
    slopes: dict[str, float]
    errors: dict[str, float]
    r2: float | None
    spread: float
    residuals: Floats
    """Shape (n,): measured less fitted, in the order of the rows."""

    def at(self, values: Mapping[str, float]) -> float:
        """Give the fitted y for one x of each name."""
        return self.intercept + sum(slope * values[name] for name, slope in self.slopes.items())


def fit(y: ArrayLike, columns: Mapping[str, ArrayLike]) -> Fit | None:
    """Fit a plane to rows; rows with a value that is no finite number are left out.

    Columns that do not vary, or are sums of others, cannot be told apart from the intercept or from those: then, and
    with too few rows, there is no answer (``None``).
    """
    target = np.asarray(y, float)
    given = [np.asarray(column, float) for column in columns.values()]
    good = np.isfinite(target)
    for column in given:
        good &= np.isfinite(column)
    target = target[good]
    matrix = np.column_stack([np.ones(len(target)), *(column[good] for column in given)])
    rows, count = matrix.shape
    if rows < count + LEAST_SPARE:
        return None
    # Scaled, so that the rank does not depend on the units (bytes beside shares).
    scale = np.abs(matrix).max(axis=0)
    if not scale.all() or np.linalg.matrix_rank(matrix / scale, tol=1e-9 * rows) < count:
        return None
    q, r = np.linalg.qr(matrix / scale)
    coefficients = np.linalg.solve(r, q.T @ target) / scale
    residuals = target - matrix @ coefficients
    left = float(residuals @ residuals)
    spread = float(np.sqrt(left / (rows - count)))
    inverse = np.linalg.inv(r)
    errors = spread * np.sqrt((inverse**2).sum(axis=1)) / scale
    around = float(((target - target.mean()) ** 2).sum())
    return Fit(
        n=rows,
        intercept=float(coefficients[0]),
        slopes=dict(zip(columns, map(float, coefficients[1:]), strict=True)),
        errors=dict(zip(("intercept", *columns), map(float, errors), strict=True)),
        r2=1.0 - left / around if around > 0 else None,
        spread=spread,
        residuals=residuals,
    )


def pearson(x: ArrayLike, y: ArrayLike) -> float | None:
    """Linear correlation in [-1, 1] of the rows in which both are numbers; ``None`` below three rows, or where one does
    not vary.
    """
    a, b = np.asarray(x, float), np.asarray(y, float)
    good = np.isfinite(a) & np.isfinite(b)
    a, b = a[good], b[good]
    if len(a) < 3:
        return None
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return None if size <= 0 or not np.isfinite(size) else float(np.clip((a @ b) / size, -1.0, 1.0))


def spearman(x: ArrayLike, y: ArrayLike) -> float | None:
    """Rank correlation in [-1, 1]: Pearson's of the ranks, ties sharing their mean rank; ``None`` as there."""
    a, b = np.asarray(x, float), np.asarray(y, float)
    good = np.isfinite(a) & np.isfinite(b)
    return pearson(_ranks(a[good]), _ranks(b[good]))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2.0)[inverse], float)
