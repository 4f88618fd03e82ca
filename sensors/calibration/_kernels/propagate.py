"""Kernels that carry the response and its uncertainty to the readings, and readings to intervals.

NaN rule: a reading that is NaN gives NaN everywhere; nothing else is NaN. Results do not depend on the number of
threads: every value is computed on its own.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

BLOCK = 65536


@kernel
def _form(v, j, w, z):
    """Return the quadratic form of row `j` and the next, mixed by `w`, at (1, z, z^2)."""
    z2 = z * z
    low = v[j, 0] + z * (2.0 * v[j, 1] + z * v[j, 2]) + z2 * (2.0 * v[j, 3] + 2.0 * z * v[j, 4] + z2 * v[j, 5])
    i = j + 1
    high = v[i, 0] + z * (2.0 * v[i, 1] + z * v[i, 2]) + z2 * (2.0 * v[i, 3] + 2.0 * z * v[i, 4] + z2 * v[i, 5])
    return max((1.0 - w) * low + w * high, 0.0)


@kernel
def apply_response(
    lo, hi, t, r, variance, node, coef, noise, drift, tank, centre, scale, x, gain, u_fit, u_drift, u_tank
):
    """Turn readings into calibrated values with the uncertainty of the response.

    For the blocks (of `BLOCK` readings) lo to hi of :func:`ghg.core.jit.spread`.

    Parameters
    ----------
    t, r, variance : (n,)
        Time [s], ascending; reading; variance of the readings inside the interval (their spread, not that of the
        mean), for the mean of a square.
    node : (k,)
        Times of the nodes [s], at least two, ascending; outside them the nearest counts.
    coef : (k, 3)
        Offset, slope and curve of d = x - r in z = (r - centre) / scale.
    noise, drift, tank : (k, 6)
        Covariances (aa, ab, bb, ac, bc, cc): from the noise of the cylinder readings, from drift between
        sequences, from the assigned values.
    x, gain, u_fit, u_drift, u_tank : (n,)
        Filled: value, dx/dr, standard uncertainties.
    """
    n = t.size
    last = node.size - 2
    for b in range(lo, hi):
        first = b * BLOCK
        j = min(max(np.searchsorted(node, t[first], side="right") - 1, 0), last)
        for i in range(first, min(n, first + BLOCK)):
            while j < last and node[j + 1] <= t[i]:
                j += 1
            step = node[j + 1] - node[j]
            w = (t[i] - node[j]) / step if step > 0.0 else 0.0
            w = min(max(w, 0.0), 1.0)
            z = (r[i] - centre) / scale
            slope = (1.0 - w) * coef[j, 1] + w * coef[j + 1, 1]
            curve = (1.0 - w) * coef[j, 2] + w * coef[j + 1, 2]
            offset = (1.0 - w) * coef[j, 0] + w * coef[j + 1, 0]
            x[i] = r[i] + offset + z * (slope + z * curve) + curve * variance[i] / (scale * scale)
            gain[i] = 1.0 + (slope + 2.0 * curve * z) / scale
            u_fit[i] = np.sqrt(_form(noise, j, w, z))
            u_drift[i] = np.sqrt(_form(drift, j, w, z))
            u_tank[i] = np.sqrt(_form(tank, j, w, z))


@kernel
def group_means(group, groups, weight, values, out):
    """Write weighted means of the rows of `values` (k, n) by ascending or mixed `group` to ``out`` (k, groups).

    Negative groups and weights of zero count nothing; a group without weight is NaN.
    """
    total = np.zeros(groups)
    out[:] = 0.0
    for i in range(group.size):
        g = group[i]
        w = weight[i]
        if g < 0 or w <= 0.0:
            continue
        total[g] += w
        for k in range(values.shape[0]):
            out[k, g] += w * values[k, i]
    for g in range(groups):
        for k in range(values.shape[0]):
            out[k, g] = out[k, g] / total[g] if total[g] > 0.0 else np.nan
