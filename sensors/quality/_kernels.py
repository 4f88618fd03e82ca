"""Kernels of the control charts: one pass over the readings; NaN in a reading gives NaN from there on."""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def cusum_sums(d, k_x, k_s, drift, spread):
    """Fill the sums of a CUSUM chart of drift and precision.

    Parameters
    ----------
    d : float64 (n,)
        Differences of the readings from the reference.
    k_x, k_s : float
        Constants of the chart, in the unit of `d` and its square.
    drift : float64 (n, 4)
        Filled: upper sum, lower sum, and the number of readings in each since it was last zero.
    spread : float64 (n,)
        Filled: sum of precision; the first reading adds none.
    """
    up, down, s = 0.0, 0.0, 0.0
    n_up, n_down = 0.0, 0.0
    for i in range(d.size):
        up += d[i] - k_x
        down += -d[i] - k_x
        n_up += 1.0
        n_down += 1.0
        if up <= 0.0:
            up, n_up = 0.0, 0.0
        if down <= 0.0:
            down, n_down = 0.0, 0.0
        if i > 0:
            step = d[i] - d[i - 1]
            s += 0.5 * step * step - k_s
            if s <= 0.0:
                s = 0.0
        drift[i, 0], drift[i, 1], drift[i, 2], drift[i, 3] = up, down, n_up, n_down
        spread[i] = s


@kernel
def ewma_values(d, weight, out):
    """Fill the exponentially weighted mean ``z = (1 - w) z + w d`` that begins at zero."""
    z = 0.0
    for i in range(d.size):
        z = (1.0 - weight) * z + weight * d[i]
        out[i] = z


@kernel
def shewhart_rules(z, out):
    """Mark, for each standardised reading, the zone rules it breaks, as bits.

    1: beyond 3; 2: two of three beyond 2 on one side; 4: four of five beyond 1 on one side; 8: eight on one side.
    """
    for i in range(z.size):
        mark = 0
        if abs(z[i]) > 3.0:
            mark |= 1
        for side in range(2):
            sign = 1.0 if side == 0 else -1.0
            two, four, eight = 0, 0, 0
            for j in range(max(0, i - 7), i + 1):
                x = sign * z[j]
                if j > i - 3 and x > 2.0:
                    two += 1
                if j > i - 5 and x > 1.0:
                    four += 1
                if x > 0.0:
                    eight += 1
            if two >= 2 and sign * z[i] > 2.0:
                mark |= 2
            if four >= 4 and sign * z[i] > 1.0:
                mark |= 4
            if eight >= 8:
                mark |= 8
        out[i] = mark


@kernel
def first_true(marks):
    """Return the index of the first mark that is not zero, -1 if there is none."""
    for i in range(marks.size):
        if marks[i] != 0:
            return i
    return -1


def empty_sums(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays that :func:`cusum_sums` fills."""
    return np.empty((n, 4)), np.empty(n)
