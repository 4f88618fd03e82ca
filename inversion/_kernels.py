"""Kernels of the inversion on plain arrays: sparse products and recursions in time.

Kernels whose first arguments are lo and hi work on items lo to hi of independent ones, for :func:`ghg.core.jit.spread`.

NaN rule: NaN in any input goes to every output that depends on it; callers refuse NaN before.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel

__all__ = [
    "add_pairs", "add_scaled", "add_whitened", "ar1_backward", "ar1_forward", "by_period", "csr_adjoint", "csr_times",
    "exponential_chain", "exponential_times", "flush_pairs", "fold_pairs", "scatter_rows", "serial_update", "sort_rows",
]  # fmt: skip


@kernel
def csr_times(lo, hi, indptr, column, values, x, out, band, rows):
    """Add the product of a CSR matrix with x (columns, k) to out (rows, k); columns ascend within each row.

    Each block of rows, counted by lo and hi, goes through the columns band by band, so that the part of x that is read
    stays in the cache. Rows are independent, each summed in the order of its values: neither blocks nor threads change
    anything.
    """
    k = x.shape[1]
    n = indptr.size - 1
    for b in range(lo, hi):
        first, last = b * rows, min((b + 1) * rows, n)
        place = indptr[first:last].copy()
        while True:
            least = x.shape[0]
            for i in range(first, last):
                if place[i - first] < indptr[i + 1]:
                    least = min(least, column[place[i - first]])
            if least == x.shape[0]:
                break
            end = (least // band + 1) * band
            for i in range(first, last):
                j = place[i - first]
                while j < indptr[i + 1] and column[j] < end:
                    v = values[j]
                    c = column[j]
                    if k == 1:  # no loop to set up
                        out[i, 0] += v * x[c, 0]
                    else:
                        for m in range(k):
                            out[i, m] += v * x[c, m]
                    j += 1
                place[i - first] = j


@kernel
def sort_rows(lo, hi, indptr, column, values):
    """Order the columns of each row ascending, in place; equal ones keep their order (merges of runs that double)."""
    longest = 0
    for i in range(lo, hi):
        longest = max(longest, indptr[i + 1] - indptr[i])
    columns_ahead = np.empty(longest, column.dtype)
    values_ahead = np.empty(longest, values.dtype)
    for i in range(lo, hi):
        first, n = indptr[i], indptr[i + 1] - indptr[i]
        width = 1
        while width < n:
            for start in range(0, n, 2 * width):
                middle, end = min(start + width, n), min(start + 2 * width, n)
                a, b = start, middle
                for k in range(start, end):
                    if b == end or (a < middle and column[first + a] <= column[first + b]):
                        columns_ahead[k], values_ahead[k] = column[first + a], values[first + a]
                        a += 1
                    else:
                        columns_ahead[k], values_ahead[k] = column[first + b], values[first + b]
                        b += 1
            for k in range(n):
                column[first + k], values[first + k] = columns_ahead[k], values_ahead[k]
            width *= 2


@kernel
def by_period(indptr, column, cells, periods):
    """Return where the values of each period are: (start, row, first), rows ascending; columns ascend in each row.

    The values of row[k] in the period t with start[t] <= k < start[t + 1] begin at first[k].
    """
    start = np.zeros(periods + 1, np.int64)
    for i in range(indptr.size - 1):
        j = indptr[i]
        while j < indptr[i + 1]:
            t = column[j] // cells
            start[t + 1] += 1
            while j < indptr[i + 1] and column[j] < (t + 1) * cells:
                j += 1
    for t in range(periods):
        start[t + 1] += start[t]
    place = start[:-1].copy()
    row = np.empty(start[periods], np.int32)
    first = np.empty(start[periods], np.int64)
    for i in range(indptr.size - 1):
        j = indptr[i]
        while j < indptr[i + 1]:
            t = column[j] // cells
            row[place[t]], first[place[t]] = i, j
            place[t] += 1
            while j < indptr[i + 1] and column[j] < (t + 1) * cells:
                j += 1
    return start, row, first


@kernel
def add_scaled(lo, hi, first, stop, column, values, begin, scale, slots, weight, out):
    """Add value x scale / weight of each value of some rows in one period to out[slot], (slots, cells).

    The values of row i begin at first[i] and end where their column reaches begin + cells, or at stop[i]. Slots are
    distinct, so that threads do not meet.
    """
    for i in range(lo, hi):
        a = slots[i]
        j = first[i]
        while j < stop[i] and column[j] - begin < scale.size:
            c = column[j] - begin
            out[a, c] += values[j] * scale[c] / weight[a]
            j += 1


@kernel
def add_whitened(lo, hi, first, stop, column, values, begin, scale, slots, lower, triangular, decay, out):
    """Set out[slot] to decay x out[slot] + (values x scale) L for each row in one period, L (cells, k).

    Where L is triangular its row c is zero after element c. Rows as in :func:`add_scaled`.
    """
    width = lower.shape[1]
    for i in range(lo, hi):
        one = out[slots[i]]
        if decay != 1.0:
            for k in range(width):
                one[k] *= decay
        j = first[i]
        while j < stop[i] and column[j] - begin < scale.size:
            c = column[j] - begin
            v = values[j] * scale[c]
            part = lower[c]
            for k in range(c + 1 if triangular else width):
                one[k] += v * part[k]
            j += 1


@kernel
def scatter_rows(lo, hi, first, stop, column, values, begin, out):
    """Add the values of some rows in one period to out (rows, cells); rows as in :func:`add_scaled`."""
    for i in range(lo, hi):
        j = first[i]
        while j < stop[i] and column[j] - begin < out.shape[1]:
            out[i, column[j] - begin] += values[j]
            j += 1


@kernel
def csr_adjoint(lo, hi, indptr, column, values, y, out, band, parts):
    """Add the product of a transposed CSR matrix with y (rows, k) to out (columns, k); columns ascend in each row.

    Each part takes columns of its own, band by band, so that what it adds to stays in the cache; each column is summed
    in the order of the rows: neither bands nor parts nor threads change anything.
    """
    n, k = y.shape
    step = (out.shape[0] + parts - 1) // parts
    for b in range(lo, hi):
        begin, stop = b * step, min((b + 1) * step, out.shape[0])
        place = np.empty(n, np.int64)
        ahead = np.empty(n, np.int64)  # the next column of each row
        for i in range(n):
            place[i] = indptr[i] + np.searchsorted(column[indptr[i] : indptr[i + 1]], begin)
            ahead[i] = column[place[i]] if place[i] < indptr[i + 1] else stop
        for first in range(begin, stop, band):
            end = min(first + band, stop)
            for i in range(n):
                if ahead[i] < end:
                    j, last = place[i], indptr[i + 1]
                    while j < last and column[j] < end:
                        v = values[j]
                        c = column[j]
                        if k == 1:
                            out[c, 0] += v * y[i, 0]
                        else:
                            for m in range(k):
                                out[c, m] += v * y[i, m]
                        j += 1
                    place[i] = j
                    ahead[i] = column[j] if j < last else stop


@kernel
def ar1_forward(lo, hi, rho, innovation, x):
    """Turn independent normals into a Markov chain along the second axis, in place.

    x[i, t] <- rho[t] x[i, t-1] + innovation[t] x[i, t] for x (r, p, k), rho[0] = 0: the product with the lower
    Cholesky factor of the correlation.
    """
    _, p, k = x.shape
    for i in range(lo, hi):
        for t in range(1, p):
            for m in range(k):
                x[i, t, m] = rho[t] * x[i, t - 1, m] + innovation[t] * x[i, t, m]


@kernel
def ar1_backward(lo, hi, rho, innovation, x):
    """Apply the transposed lower factor of :func:`ar1_forward` along the second axis of x (r, p, k), in place."""
    _, p, k = x.shape
    for i in range(lo, hi):
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


@kernel
def exponential_chain(rho, x):
    """Set x[i] <- rho[i] x[i - 1] + x[i] in place, x (n, k): a Markov chain from scaled independent normals."""
    n, k = x.shape
    for i in range(1, n):
        for m in range(k):
            x[i, m] += rho[i] * x[i - 1, m]


@kernel
def add_pairs(lo, hi, values, rows, columns, offset, flat):
    """Add values (a, b) of pairs of rows with columns, zeros left out, to the lower triangle of a matrix.

    Element (i, j), i >= j, of the matrix is flat[offset[j] + i]. No pair occurs twice, so that threads do not meet.
    Columns of -1 are left out.
    """
    for i in range(lo, hi):
        for j in range(columns.size):
            if columns[j] >= 0 and values[i, j] != 0.0:
                low, high = min(rows[i], columns[j]), max(rows[i], columns[j])
                flat[offset[low] + high] += values[i, j]


@kernel
def _rank(slots, size):
    """Return the place of each slot (size,) among some of them, -1 for the others."""
    rank = np.full(size, -1, np.int64)
    for k in range(slots.size):
        rank[slots[k]] = k
    return rank


@kernel
def fold_pairs(lo, hi, values, slots, product):
    """Add values (k, size) of pairs (slots[k], any slot) to the lower triangle of product, pairs of slots once."""
    rank = _rank(slots, product.shape[0])
    for k in range(lo, hi):
        a = slots[k]
        for b in range(product.shape[0]):
            if not 0 <= rank[b] < k:
                product[max(a, b), min(a, b)] += values[k, b]


@kernel
def flush_pairs(lo, hi, product, slots, rows, offset, flat):
    """Move the pairs of some slots with all from product to a matrix as in :func:`add_pairs`, and set them to zero.

    rows (size,) is the row of the matrix that each slot stands for, -1 for none.
    """
    rank = _rank(slots, product.shape[0])
    for k in range(lo, hi):
        a = slots[k]
        for b in range(product.shape[0]):
            if not 0 <= rank[b] < k:
                value = product[max(a, b), min(a, b)]
                if value != 0.0:
                    low, high = min(rows[a], rows[b]), max(rows[a], rows[b])
                    flat[offset[low] + high] += value
                    product[max(a, b), min(a, b)] = 0.0


@kernel
def serial_update(seen, misfit, variance, weights, transform):
    """Serial square-root update in the space of the members (Whitaker & Hamill 2002, eq. 10-13).

    seen (n, N) deviations of the predicted observations, misfit (n,), variance (n,) of the errors; weights (N,) and
    transform (N, N) are changed in place: mean += X weights, X <- X transform. X is the ensemble before the update.
    """
    n, size = seen.shape
    for i in range(n):
        hx = seen[i].copy()
        spread = np.dot(hx, hx) / (size - 1)
        total = spread + variance[i]
        shift = hx / ((size - 1) * total)
        alpha = 1.0 / (1.0 + np.sqrt(variance[i] / total))
        weights += misfit[i] * np.dot(transform, shift)
        gain = np.dot(transform, shift)
        for a in range(size):
            for b in range(size):
                transform[a, b] -= alpha * gain[a] * hx[b]
        move = misfit[i]
        for j in range(i + 1, n):
            common = np.dot(seen[j], shift)
            misfit[j] -= common * move
            for b in range(size):
                seen[j, b] -= alpha * common * hx[b]
