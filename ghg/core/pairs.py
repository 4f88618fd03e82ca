"""Pairs at the door of statistics: finite, of equal length, enough of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Array", "columns", "paired"]

Array = npt.NDArray[np.float64]


def columns(n: int, **values: npt.ArrayLike) -> list[Array]:
    """Return every value as float64 (n,), scalars repeated."""
    out = []
    for name, value in values.items():
        one = np.asarray(value, dtype=np.float64)
        if one.ndim > 1 or (one.ndim == 1 and one.size != n):
            raise InputError(f"{name} has another length than the data", found=str(one.shape), need=f"({n},)")
        out.append(np.broadcast_to(one, (n,)))
    return out


def paired(
    x: npt.ArrayLike, y: npt.ArrayLike, *, least: int, positive: bool = False, names: str = "x and y"
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Return the pairs of which both values are known, and which they are.

    Parameters
    ----------
    x, y : array, shape (n,)
        Values; NaN is missing.
    least : int
        Number of pairs needed.
    positive : bool
        Refuse values that are not positive (for logarithms and ratios).
    names : str
        What the two are, for messages.

    Raises
    ------
    InputError
        Lengths differ, too few pairs are left, or a value is not positive.
    """
    a, b = np.asarray(x, dtype=np.float64).ravel(), np.asarray(y, dtype=np.float64).ravel()
    if a.size != b.size:
        raise InputError(f"{names} have different lengths", found=f"{a.size} and {b.size}")
    known = np.isfinite(a) & np.isfinite(b)
    if known.sum() < least:
        raise InputError(f"too few pairs of {names}", found=str(int(known.sum())), need=f"at least {least}")
    if positive and not ((a[known] > 0) & (b[known] > 0)).all():
        row = int(np.flatnonzero(known & ~((a > 0) & (b > 0)))[0])
        raise InputError(
            f"a ratio of {names} needs positive values", where=f"pair {row}", found=f"{a[row]:g} and {b[row]:g}"
        )
    return np.ascontiguousarray(a[known]), np.ascontiguousarray(b[known]), known
