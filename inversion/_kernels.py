"""Kernels of the inversion on plain arrays: sparse products and recursions in time.

NaN rule: NaN in any input goes to every output that depends on it; callers refuse NaN before.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel, kernel_parallel, prange

__all__ = ["ar1_backward", "ar1_forward", "csr_times", "exponential_times", "transpose"]


@kernel_parallel
def csr_times(indptr, column, values, x, out):
    """Add the product of a CSR matrix with x (columns, k) to out (rows, k).

    Rows are independent, each summed in the order of its values: the number of threads changes nothing.
    """
    k = x.shape[1]
    for i in prange(indptr.size - 1):
        for j in range(indptr[i], indptr[i + 1]):
            v = values[j]
            c = column[j]
            for m in range(k):
                out[i, m] += v * x[c, m]


@kernel
def transpose(indptr, column, values, columns):
    """Return the CSR parts (start, row, value) of the transposed matrix, rows ascending within each column."""
    start = np.zeros(columns + 1, np.int64)
    for j in range(column.size):
        start[column[j] + 1] += 1
    for c in range(columns):
        start[c + 1] += start[c]
    place = start[:-1].copy()
    row = np.empty(column.size, np.int32)
    turned = np.empty_like(values)
    for i in range(indptr.size - 1):
        for j in range(indptr[i], indptr[i + 1]):
            c = column[j]
            row[place[c]] = i
            turned[place[c]] = values[j]
            place[c] += 1
    return start, row, turned


@kernel_parallel
def ar1_forward(rho, innovation, x):
    """Turn independent normals into a Markov chain along the second axis, in place.

    x[i, t] <- rho[t] x[i, t-1] + innovation[t] x[i, t] for x (r, p, k), rho[0] = 0: the product with the lower
    Cholesky factor of the correlation.
    """
    r, p, k = x.shape
    for i in prange(r):
        for t in range(1, p):
            for m in range(k):
                x[i, t, m] = rho[t] * x[i, t - 1, m] + innovation[t] * x[i, t, m]


@kernel_parallel
def ar1_backward(rho, innovation, x):
    """Apply the transposed lower factor of :func:`ar1_forward` along the second axis of x (r, p, k), in place."""
    r, p, k = x.shape
    for i in prange(r):
        for t in range(p - 2, -1, -1):
            for m in range(k):
                x[i, t, m] += rho[t + 1] * x[i, t + 1, m]
        for t in range(1, p):
            for m in range(k):
                x[i, t, m] *= innovation[t]


@kernel
def exponential_times(rho, x, out):
    """Set out (n, k) to C x for the correlation C[i, j] = rho[min+1] ... rho[max] of points in order, in O(n).

    rho[i] is the correlation of point i with point i-1; 0 separates independent groups.
    """
    n, k = x.shape
    carry = np.zeros(k)
    for i in range(n):
        for m in range(k):
            carry[m] = rho[i] * carry[m] + x[i, m]
            out[i, m] = carry[m]
    carry[:] = 0.0
    for i in range(n - 2, -1, -1):
        for m in range(k):
            carry[m] = rho[i + 1] * (carry[m] + x[i + 1, m])
            out[i, m] += carry[m]
