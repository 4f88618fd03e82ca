"""Kernels of the comparison statistics: pairwise slopes, block bootstrap, change points.

All arrays are contiguous float64 or int64 without NaN; the doors in the modules beside this one see to that.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def pair_slopes(x, y, out):
    """Write the slopes of all pairs with different x (ascending) to `out` and return their number."""
    n = x.size
    k = 0
    for i in range(n):
        for j in range(i + 1, n):
            if x[j] > x[i]:
                out[k] = (y[j] - y[i]) / (x[j] - x[i])
                k += 1
    return k


@kernel
def merge_count(values, work):
    """Sort `values` in place and return the number of pairs i < j with values[j] <= values[i]."""
    n = values.size
    pairs = 0
    width = 1
    while width < n:
        start = 0
        while start < n:
            middle = min(start + width, n)
            end = min(start + 2 * width, n)
            i = start
            j = middle
            k = start
            while i < middle and j < end:
                if values[j] <= values[i]:
                    pairs += middle - i
                    work[k] = values[j]
                    j += 1
                else:
                    work[k] = values[i]
                    i += 1
                k += 1
            while i < middle:
                work[k] = values[i]
                i += 1
                k += 1
            while j < end:
                work[k] = values[j]
                j += 1
                k += 1
            start = end
        values[:] = work
        width *= 2
    return pairs


@kernel
def slopes_up_to(x, y, slope, work, again):
    """Count the pairs with different x whose slope is at most `slope`; x ascending, ties of x by ascending y.

    A pair has a slope of at most b where y - b x does not rise from its first to its second point.
    """
    n = x.size
    for i in range(n):
        work[i] = y[i] - slope * x[i]
    pairs = merge_count(work, again)
    same = 0  # repeated points are level at any slope and are no pairs
    run = 0
    for i in range(1, n):
        run = run + 1 if x[i] == x[i - 1] and y[i] == y[i - 1] else 0
        same += run
    return pairs - same


@kernel
def slope_of_rank(x, y, rank, scale, steps, work, again):
    """Return the `rank`-th smallest pairwise slope (from 1) by bisection, without storing the pairs.

    O(n log n) a step. `scale` is any slope of the size of the data.
    """
    low = -scale
    while slopes_up_to(x, y, low, work, again) >= rank:
        low *= 2.0
    high = scale
    while slopes_up_to(x, y, high, work, again) < rank:
        high *= 2.0
    for _ in range(steps):
        middle = 0.5 * (low + high)
        if middle <= low or middle >= high:
            break
        if slopes_up_to(x, y, middle, work, again) >= rank:
            high = middle
        else:
            low = middle
    return high


@kernel
def bootstrap_ratio(above, below, starts, lengths, used, ratios):
    """Ratios of totals of stationary-bootstrap replicates, from circular prefix sums.

    ``above, below`` (n + 1) are prefix sums with a leading 0. Blocks (``starts, lengths``) are consumed in order; a
    replicate takes blocks until it has n values and cuts the last. Returns the number of replicates completed;
    ``used[0]`` is the number of blocks they took.
    """
    n = above.size - 1
    done = 0
    k = 0
    for r in range(ratios.size):
        need = n
        top = 0.0
        bottom = 0.0
        while need > 0 and k < starts.size:
            take = min(lengths[k], need)
            begin = starts[k]
            need -= take
            whole = take // n
            take -= whole * n
            end = begin + take
            over = max(end - n, 0)
            end = min(end, n)
            top += above[end] - above[begin] + above[over] + whole * above[n]
            bottom += below[end] - below[begin] + below[over] + whole * below[n]
            k += 1
        if need > 0:
            break
        ratios[r] = top / bottom if bottom > 0.0 else np.nan
        done += 1
        used[0] = k
    return done


@kernel
def optimal_partition(y, w, penalty, shortest, cost, last):
    """Fill the least penalised cost of y[:t] and the start of its last segment, for every t.

    Cost of a segment: sum w (y - weighted mean)^2. Optimal partitioning (Jackson et al. 2005), O(n^2).
    """
    n = y.size
    sw = np.zeros(n + 1)
    sy = np.zeros(n + 1)
    sq = np.zeros(n + 1)
    for t in range(n):
        sw[t + 1] = sw[t] + w[t]
        sy[t + 1] = sy[t] + w[t] * y[t]
        sq[t + 1] = sq[t] + w[t] * y[t] * y[t]
    cost[0] = -penalty
    last[0] = 0
    for t in range(1, n + 1):
        cost[t] = np.inf
        last[t] = 0
        for s in range(t - shortest + 1):
            part = sy[t] - sy[s]
            value = cost[s] + penalty + (sq[t] - sq[s]) - part * part / (sw[t] - sw[s])
            if value < cost[t]:
                cost[t] = value
                last[t] = s


@kernel
def scan_rows(y, w, shortest, out):
    """Greatest squared standardised contrast of the means before and after a month, for every row of `y`."""
    rows, n = y.shape
    for r in range(rows):
        whole = 0.0
        total = 0.0
        for t in range(n):
            whole += w[r, t]
            total += w[r, t] * y[r, t]
        mean = total / whole
        part = 0.0
        swept = 0.0
        best = 0.0
        for t in range(n - shortest):
            part += w[r, t]
            swept += w[r, t] * (y[r, t] - mean)
            value = swept * swept * whole / (part * (whole - part))
            best = value if t + 1 >= shortest and value > best else best
        out[r] = best


@kernel
def bridge_rows(bound, variance, nodes, weights):
    """Probability that a discrete Brownian motion stays within +-bound_k at each k and ends at 0, over its density.

    ``variance[k]`` is the increment's variance before step k (one more than bounds: the last leads back to 0).
    Gauss-Legendre `nodes, weights` on (-1, 1).
    """
    m = nodes.size
    steps = bound.size
    here = np.zeros(m)
    ahead = np.zeros(m)
    for k in range(steps):
        for i in range(m):
            z = bound[k] * nodes[i]
            density = 0.0
            if k == 0:
                density = np.exp(-0.5 * z * z / variance[0]) / np.sqrt(2.0 * np.pi * variance[0])
            else:
                for j in range(m):
                    step = z - bound[k - 1] * nodes[j]
                    density += weights[j] * bound[k - 1] * here[j] * np.exp(-0.5 * step * step / variance[k])
                density /= np.sqrt(2.0 * np.pi * variance[k])
            ahead[i] = density
        here[:] = ahead
    end = 0.0
    total = 0.0
    for k in range(steps + 1):
        total += variance[k]
    for j in range(m):
        z = bound[steps - 1] * nodes[j]
        end += weights[j] * bound[steps - 1] * here[j] * np.exp(-0.5 * z * z / variance[steps])
    return end / np.sqrt(2.0 * np.pi * variance[steps]) * np.sqrt(2.0 * np.pi * total)
