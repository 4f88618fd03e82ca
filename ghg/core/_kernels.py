"""Kernels for time (overlap of sorted intervals, correlated variances, bootstrap indices) and York iterations."""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def overlap_ranges(source_start, source_end, target_start, target_end, first, last):
    """For each target find the sources ``first[k]:last[k]`` that overlap it; both sorted and disjoint, ns."""
    n = source_start.size
    i = 0
    for k in range(target_start.size):
        while i < n and source_end[i] <= target_start[k]:
            i += 1
        first[k] = i
        j = i
        while j < n and source_start[j] < target_end[k]:
            j += 1
        last[k] = j
        if j > i:
            i = j - 1  # the last source may reach into the next target


@kernel
def overlap_weights(source_start, source_end, target_start, target_end, first, last, per_source, offsets, weights):
    """Write the overlaps of target k to ``weights[offsets[k]:offsets[k + 1]]``.

    In seconds, or as a fraction of the source interval when `per_source` is 1.
    """
    for k in range(target_start.size):
        for i in range(first[k], last[k]):
            lower = max(source_start[i], target_start[k])
            upper = min(source_end[i], target_end[k])
            whole = float(source_end[i] - source_start[i]) if per_source == 1 else 1.0e9
            weights[offsets[k] + i - first[k]] = float(upper - lower) / whole


@kernel
def weighted_rows(x, valid, first, last, offsets, weights, totals, norms):
    """Sum ``w x`` and ``w`` per row and target over the valid, known sources (NaN skipped by select)."""
    for row in range(x.shape[0]):
        for k in range(first.size):
            total = 0.0
            norm = 0.0
            for i in range(first[k], last[k]):
                usable = valid[row, i] and x[row, i] == x[row, i]
                w = weights[offsets[k] + i - first[k]]
                total += w * x[row, i] if usable else 0.0
                norm += w if usable else 0.0
            totals[row, k] = total
            norms[row, k] = norm


@kernel
def correlated_rows(u, valid, centre, tau, first, last, offsets, weights, variances):
    """Variance per row and target of sum_i w_i e_i, with sd u_i and correlation exp(-|t_i - t_j| / tau).

    ``tau`` and ``centre`` in seconds; tau = 0 means independent. One pass: S_i = a_i + rho_i S_(i-1),
    variance = sum a_i (2 S_i - a_i).
    """
    for row in range(u.shape[0]):
        for k in range(first.size):
            variance = 0.0
            carried = 0.0
            for i in range(first[k], last[k]):
                usable = valid[row, i] and u[row, i] == u[row, i]
                a = weights[offsets[k] + i - first[k]] * u[row, i] if usable else 0.0
                rho = 0.0
                if tau > 0.0 and i > first[k]:
                    rho = np.exp(-(centre[i] - centre[i - 1]) / tau)
                carried = a + rho * carried
                variance += a * (2.0 * carried - a)
            variances[row, k] = variance


@kernel
def worst_rows(flag, reason, valid, first, last, worst, reasons):
    """Worst flag of the valid sources (1 < 2 < 3), 9 if there is none; reasons of all sources OR-ed."""
    for row in range(flag.shape[0]):
        for k in range(first.size):
            flag_of = 0
            bits = 0
            for i in range(first[k], last[k]):
                flag_of = max(flag_of, flag[row, i]) if valid[row, i] else flag_of
                bits = bits | reason[row, i]
            worst[row, k] = flag_of if flag_of > 0 else 9
            reasons[row, k] = bits


@kernel
def method_rows(method, x, valid, first, last, offsets, weights, shares):
    """Share of every method 0..9 in the sum of w |x| (of w where all x are zero), per row and target."""
    methods = shares.shape[2]
    mass = np.empty(methods)
    time = np.empty(methods)
    for row in range(x.shape[0]):
        for k in range(first.size):
            mass[:] = 0.0
            time[:] = 0.0
            for i in range(first[k], last[k]):
                usable = valid[row, i] and x[row, i] == x[row, i]
                w = weights[offsets[k] + i - first[k]] if usable else 0.0
                m = method[row, i]
                m = m if 0 <= m < methods else methods - 1
                mass[m] += w * abs(x[row, i]) if usable else 0.0
                time[m] += w
            whole = mass.sum()
            span = time.sum()
            for m in range(methods):
                part = mass[m] if whole > 0.0 else time[m]
                of = whole if whole > 0.0 else max(span, 1e-300)
                shares[row, k, m] = part / of if span > 0.0 else np.nan


@kernel
def bootstrap_indices(starts, switches, probability, out):
    """Indices of the stationary bootstrap, by row: jump to ``starts`` where ``switches`` < probability."""
    n = out.shape[1]
    for b in range(out.shape[0]):
        index = 0
        for t in range(n):
            index = index + 1 if index + 1 < n else 0
            jump = t == 0 or switches[b, t] < probability
            index = starts[b, t] if jump else index
            out[b, t] = index


@kernel
def york_rows(x, y, vx, vy, cxy, tolerance, most, out):
    """Fit a line to every row: ``out[row] = b, a, var b, var a, mean of adjusted x, S, iterations``.

    York et al. (2004), eq. 13a to 13d, written with variances ``vx, vy`` and covariance ``cxy`` in the place of
    weights, so that an exact coordinate (variance 0) needs no special case. ``iterations`` is -1 where the slope
    did not settle to `tolerance` within `most` steps.
    """
    rows, n = x.shape
    w = np.empty(n)
    beta = np.empty(n)
    for row in range(rows):
        mean_x = 0.0
        mean_y = 0.0
        for i in range(n):
            mean_x += x[row, i]
            mean_y += y[row, i]
        mean_x /= n
        mean_y /= n
        sxx = 0.0
        sxy = 0.0
        syy = 0.0
        for i in range(n):
            u = x[row, i] - mean_x
            v = y[row, i] - mean_y
            sxx += u * u
            sxy += u * v
            syy += v * v
        b = sxy / sxx  # the ordinary slope, as York et al. advise
        floor = tolerance * np.sqrt(syy / sxx)
        count = -1
        for step in range(most):
            total = 0.0
            mean_x = 0.0
            mean_y = 0.0
            for i in range(n):
                w[i] = 1.0 / (vy[row, i] + b * (b * vx[row, i] - 2.0 * cxy[row, i]))
                total += w[i]
                mean_x += w[i] * x[row, i]
                mean_y += w[i] * y[row, i]
            mean_x /= total
            mean_y /= total
            above = 0.0
            below = 0.0
            for i in range(n):
                u = x[row, i] - mean_x
                v = y[row, i] - mean_y
                beta[i] = w[i] * (u * vy[row, i] + b * v * vx[row, i] - (b * u + v) * cxy[row, i])
                above += w[i] * beta[i] * v
                below += w[i] * beta[i] * u
            before = b
            b = above / below
            if abs(b - before) <= tolerance * abs(b) + floor:
                count = step + 1
                break
        total = 0.0
        mean_x = 0.0
        mean_y = 0.0
        centre = 0.0
        for i in range(n):
            w[i] = 1.0 / (vy[row, i] + b * (b * vx[row, i] - 2.0 * cxy[row, i]))
            total += w[i]
            mean_x += w[i] * x[row, i]
            mean_y += w[i] * y[row, i]
        mean_x /= total
        mean_y /= total
        a = mean_y - b * mean_x
        for i in range(n):
            u = x[row, i] - mean_x
            v = y[row, i] - mean_y
            beta[i] = w[i] * (u * vy[row, i] + b * v * vx[row, i] - (b * u + v) * cxy[row, i])
            centre += w[i] * beta[i]
        centre /= total
        spread = 0.0
        chi2 = 0.0
        for i in range(n):
            spread += w[i] * (beta[i] - centre) ** 2
            chi2 += w[i] * (y[row, i] - b * x[row, i] - a) ** 2
        var_b = 1.0 / spread
        out[row, 0] = b
        out[row, 1] = a
        out[row, 2] = var_b
        out[row, 3] = 1.0 / total + (mean_x + centre) ** 2 * var_b
        out[row, 4] = mean_x + centre
        out[row, 5] = chi2
        out[row, 6] = count
