"""Kernels for totals: monomial sums of a record, and the multilinear polynomial with these coefficients."""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

_LANES = 32  # intervals summed side by side; fixed, so that the order of additions is too
_DRAWS = 64  # draws evaluated side by side: half a polynomial of ten variables stays in the second cache


@kernel
def monomial_sums(emission, u, weights, sums, counts):
    """Add sum_t w_t E_t prod_{j in S} u_jt / E_t to ``sums[S]``, S being a bit mask over components.

    An interval whose emission is NaN is skipped and counted in ``counts[1]``; one whose emission is known but
    an uncertainty is NaN is skipped and counted in ``counts[2]``; the others are counted in ``counts[0]``.
    Where E_t = 0 the first-order terms are u_jt and the higher ones 0.
    """
    components, n = u.shape
    size = 1 << components
    products = np.zeros((size, _LANES))
    partial = np.zeros((size, _LANES))
    first = np.zeros((components, _LANES))
    ratio = np.zeros((components, _LANES))
    for start in range(0, n, _LANES):
        lanes = min(_LANES, n - start)
        if lanes < _LANES:  # the last tile is filled up with zeros
            products[0, :] = 0.0
            first[:, :] = 0.0
            ratio[:, :] = 0.0
        for lane in range(lanes):
            e = emission[start + lane]
            certain = 0.0
            for j in range(components):
                certain += 0.0 * u[j, start + lane]
            known = e == e
            usable = known and certain == certain
            w = weights[start + lane] if usable else 0.0
            e = e if usable else 0.0
            inverse = 1.0 / e if e != 0.0 else 0.0
            products[0, lane] = e * w
            for j in range(components):
                v = u[j, start + lane] if usable else 0.0
                first[j, lane] = v * w
                ratio[j, lane] = v * inverse
            counts[0] += 1 if usable else 0
            counts[1] += 0 if known else 1
            counts[2] += 1 if known and not usable else 0
        for lane in range(_LANES):
            partial[0, lane] += products[0, lane]
        for j in range(components):
            bit = 1 << j
            for lane in range(_LANES):  # w u itself, not w E (u / E): right for E = 0 too
                products[bit, lane] = first[j, lane]
                partial[bit, lane] += first[j, lane]
            by = ratio[j]
            for s in range(1, bit):
                lower, upper, total = products[s], products[bit + s], partial[bit + s]
                for lane in range(_LANES):
                    p = lower[lane] * by[lane]
                    upper[lane] = p
                    total[lane] += p
    for s in range(size):
        for lane in range(_LANES):
            sums[s] += partial[s, lane]


@kernel
def add_multilinear(sums, z, rows, out):
    """Add sum_S sums[S] prod_{j in S} z[rows[j], d] to ``out[d]`` (Horner's rule, one variable at a time)."""
    components = rows.size
    n = out.size
    if components == 0:
        for d in range(n):
            out[d] += sums[0]
        return
    half = 1 << (components - 1)
    work = np.empty((half, _DRAWS))
    for start in range(0, n, _DRAWS):
        lanes = min(_DRAWS, n - start)
        row = rows[components - 1]
        for s in range(half):
            for lane in range(lanes):
                work[s, lane] = sums[s] + sums[s + half] * z[row, start + lane]
        size = half
        for k in range(components - 2, -1, -1):
            size >>= 1
            row = rows[k]
            for s in range(size):
                for lane in range(lanes):
                    work[s, lane] += work[s + size, lane] * z[row, start + lane]
        for lane in range(lanes):
            out[start + lane] += work[0, lane]
