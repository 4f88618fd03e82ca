"""Records and the cells (source, time) of a grid they belong to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["first_of_each"]

Index = npt.NDArray[np.int64]


def first_of_each(cell: npt.NDArray[np.signedinteger]) -> tuple[Any, Index, Index]:
    """Return the first record of each cell.

    Parameters
    ----------
    cell : integers (n,)
        Cell of each record.

    Returns
    -------
    slice or int64 (m,), int64 (k,), int64 (k,)
        Records to use, in their order; those whose cell has been seen before; and for each of these the first record of
        its cell.
    """
    seen = np.zeros(int(cell.max(initial=-1)) + 1, bool)
    seen[cell] = True
    if np.count_nonzero(seen) == cell.size:
        return slice(None), np.empty(0, np.int64), np.empty(0, np.int64)
    order = np.argsort(cell, kind="stable")
    begins = np.concatenate([[True], cell[order][1:] != cell[order][:-1]])
    first = order[begins][np.cumsum(begins) - 1]
    return np.sort(order[begins]), order[~begins], first[~begins]
