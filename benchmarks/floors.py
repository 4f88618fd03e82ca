"""What the machine allows, measured in the same run: bytes moved and products of matrices."""

from __future__ import annotations

import functools

import numpy as np
from timing import least

from ghg.core.jit import kernel, kernel_parallel, prange

TRIAD = "bytes at the rate of a triad"
GEMM = "operations at the rate of a matrix product"


@kernel_parallel
def _triad(a, b, c, s):
    """Write a = b + s c."""
    for i in prange(a.size):
        a[i] = b[i] + s * c[i]


@kernel
def _triad_alone(a, b, c, s):
    """Write a = b + s c in one thread, which waits for no other: on a busy machine the faster way."""
    for i in range(a.size):
        a[i] = b[i] + s * c[i]


def moving(size: float) -> float:
    """Return the seconds in which the machine moves `size` bytes (two thirds read, one third written).

    Arrays of that size are moved, up to 768 MB, so that what fits a cache is compared with a cache.
    """
    one = int(np.clip(size, 24e3, 768e6)) // 24
    a, b, c = (np.zeros(one) for _ in range(3))
    return min(least(lambda k=k: k(a, b, c, 2.0), 7) for k in (_triad, _triad_alone)) * size / (24.0 * one)


@functools.cache
def gemm_rate() -> float:
    """Return the float64 operations a second of NumPy's product of two 1,500 x 1,500 matrices."""
    a = np.random.default_rng(0).random((1500, 1500))
    return 2 * 1500**3 / least(lambda: a @ a, 4)


def products(operations: float) -> float:
    """Return the seconds for `operations` at the rate of a matrix product."""
    return operations / gemm_rate()
