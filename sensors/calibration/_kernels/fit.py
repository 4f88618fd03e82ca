"""Kernel of polynomial fits with errors in both variables, many at once.

All arrays contiguous float64 without NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def _ordinary(x, y, b):
    """Start from the ordinary line in b: with exact y the weights need a slope to start with."""
    mean_x = 0.0
    mean_y = 0.0
    for i in range(x.size):
        mean_x += x[i] / x.size
        mean_y += y[i] / x.size
    sxx = 0.0
    sxy = 0.0
    for i in range(x.size):
        sxx += (x[i] - mean_x) ** 2
        sxy += (x[i] - mean_x) * (y[i] - mean_y)
    b[1] = sxy / sxx
    b[0] = mean_y - b[1] * mean_x


@kernel
def _normal(x, y, vx, vy, xi, b, a, w, e):
    """Fill normal matrix and right side a (3, 4), weights w and residuals e at the points xi; return chi squared."""
    m = a.shape[0]
    for j in range(m):
        for k in range(m + 1):
            a[j, k] = 0.0
    total = 0.0
    for i in range(x.size):
        p = b[0] + xi[i] * (b[1] + xi[i] * b[2])
        dp = b[1] + 2.0 * b[2] * xi[i]
        w[i] = 1.0 / (vy[i] + dp * dp * vx[i])
        e[i] = y[i] - p - dp * (x[i] - xi[i])
        total += w[i] * e[i] * e[i]
        fi = 1.0
        for j in range(m):
            fk = 1.0
            for k in range(m):
                a[j, k] += w[i] * fi * fk
                fk *= xi[i]
            a[j, m] += w[i] * fi * e[i]
            fi *= xi[i]
    return total


@kernel
def _gauss_jordan(a, inv):
    """Solve a (m, m + 1), positive definite, in its last column, with the inverse beside it; tell if it could."""
    m = a.shape[0]
    for i in range(m):
        for j in range(m):
            inv[i, j] = 1.0 if i == j else 0.0
    for i in range(m):
        pivot = a[i, i]
        if not pivot > 1e-12 * abs(a[0, 0]):
            return False
        for j in range(m + 1):
            a[i, j] /= pivot
        for j in range(m):
            inv[i, j] /= pivot
        for k in range(m):
            if k != i:
                q = a[k, i]
                for j in range(m + 1):
                    a[k, j] -= q * a[i, j]
                for j in range(m):
                    inv[k, j] -= q * inv[i, j]
    return True


@kernel
def _odr_row(x, y, vx, vy, degree, tolerance, most, beta, cov, chi2, steps, row):
    """Fit one row; see :func:`odr_rows`."""
    m = degree + 1
    x, y, vx, vy = x[row], y[row], vx[row], vy[row]
    xi = np.empty(x.size)
    e = np.empty(x.size)
    w = np.empty(x.size)
    a = np.zeros((m, m + 1))
    inv = np.zeros((m, m))
    b = np.zeros(3)
    size = 0.0
    for i in range(x.size):
        xi[i] = x[i]
        size = max(size, abs(y[i]))
    if degree > 0:
        _ordinary(x, y, b)
    settled = -1
    before = np.inf
    total = 0.0
    for step in range(most):
        total = _normal(x, y, vx, vy, xi, b, a, w, e)
        if not _gauss_jordan(a, inv):
            break
        change = 0.0
        for j in range(m):
            change = max(change, abs(a[j, m]))
        for i in range(x.size):
            dp = b[1] + 2.0 * b[2] * xi[i]
            rest = e[i]
            fi = 1.0
            for j in range(m):
                rest -= fi * a[j, m]
                fi *= xi[i]
            xi[i] = x[i] + vx[i] * dp * w[i] * rest
        for j in range(m):
            b[j] += a[j, m]
        if change <= tolerance * size or (step > 5 and change >= before and change <= 1e3 * tolerance * size):
            settled = step + 1
            break
        before = change
    steps[row] = settled
    chi2[row] = total
    for i in range(3):
        beta[row, i] = b[i]
        for j in range(3):
            cov[row, i, j] = inv[i, j] if i < m and j < m else 0.0


@kernel
def odr_rows(lo, hi, x, y, vx, vy, degree, tolerance, most, beta, cov, chi2, steps):
    """Fit y = P(xi) with x = xi + e, y = P(xi) + f to each of the rows lo to hi by orthogonal distance regression.

    For :func:`ghg.core.jit.spread`.

    Gauss-Newton on coefficients and true abscissae at once, the latter eliminated (Boggs, Byrd & Schnabel 1987, SIAM
    J. Sci. Stat. Comput. 8, 1052-1078); for a straight line it has the solution of York et al. (2004).

    Parameters
    ----------
    x, y, vx, vy : (rows, n)
        Points and variances; vx or vy may be zero, not both.
    degree : int
        1 or 2 (0 for the mean).
    tolerance : float
        Relative change of the coefficients at which a row has settled.
    most : int
        Most iterations.
    beta : (rows, 3)
        Filled: coefficients.
    cov : (rows, 3, 3)
        Filled: covariance for the stated variances, not inflated by the scatter.
    chi2 : (rows,)
        Filled: weighted sum of squared residuals.
    steps : int64 (rows,)
        Filled: iterations, -1 where the row did not settle or the points do not fix the coefficients.
    """
    for row in range(lo, hi):
        _odr_row(x, y, vx, vy, degree, tolerance, most, beta, cov, chi2, steps, row)
