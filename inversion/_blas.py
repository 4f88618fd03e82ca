"""The routines of BLAS and LAPACK that work in place, which numpy does not offer, and their threads.

With another number of threads these libraries add in another order, and the last digits change. A problem of a size
that one thread does quickly is given one; for others the number can be said in the job.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Any

import scipy.linalg.blas
import scipy.linalg.lapack
from threadpoolctl import threadpool_limits

blas: Any = scipy.linalg.blas
lapack: Any = scipy.linalg.lapack

__all__ = ["QUICK", "blas", "lapack", "one_thread", "threads_for"]

QUICK = 1e11  # multiplications and additions: three seconds of one core, or less


def one_thread() -> AbstractContextManager[Any]:
    """Let the libraries use one thread."""
    return threadpool_limits(1, "blas")


def threads_for(n: int, m: int, wanted: int | None) -> AbstractContextManager[Any]:
    """Let the libraries use the threads that are wanted, one for a small problem, or all.

    Parameters
    ----------
    n, m : int
        Observations and unknowns, which decide if no number is wanted: a dense solution takes about n^2 (m + n / 3)
        operations.
    wanted : int, optional
        Number of threads.
    """
    operations = float(n) ** 2 * (m + n / 3.0)
    return threadpool_limits(wanted or (1 if operations <= QUICK else None), "blas")
