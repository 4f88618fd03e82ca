"""Kernel of polynomial fits with errors in both variables, many at once.

All arrays contiguous float64 without NaN.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel, kernel_parallel, prange


@kernel
def _odr_row(x, y, vx, vy, degree, tolerance, most, beta, cov, chi2, steps, row):
    """Fit one row; see :func:`odr_rows`."""
    n = x.shape[1]
    m = degree + 1
    xi = np.empty(n)
    e = np.empty(n)
    w = np.empty(n)
    a = np.zeros((3, 4))
    inv = np.zeros((3, 3))
    b = np.zeros(3)
    size = 0.0
    mean_x = 0.0
    mean_y = 0.0
    for i in range(n):
        xi[i] = x[row, i]
        size = max(size, abs(y[row, i]))
        mean_x += x[row, i] / n
        mean_y += y[row, i] / n
    if degree > 0:  # the ordinary slope: with exact y the weights need one to start with
        sxx = 0.0
        sxy = 0.0
        for i in range(n):
            sxx += (x[row, i] - mean_x) ** 2
            sxy += (x[row, i] - mean_x) * (y[row, i] - mean_y)
        b[1] = sxy / sxx
        b[0] = mean_y - b[1] * mean_x
    settled = -1
    before = np.inf
    for step in range(most):
        for i in range(m):
            for j in range(4):
                a[i, j] = 0.0
        total = 0.0
        for i in range(n):
            p = b[0] + xi[i] * (b[1] + xi[i] * b[2])
            dp = b[1] + 2.0 * b[2] * xi[i]
            w[i] = 1.0 / (vy[row, i] + dp * dp * vx[row, i])
            e[i] = y[row, i] - p - dp * (x[row, i] - xi[i])
            total += w[i] * e[i] * e[i]
            fi = 1.0
            for j in range(m):
                fk = 1.0
                for k in range(m):
                    a[j, k] += w[i] * fi * fk
                    fk *= xi[i]
                a[j, 3] += w[i] * fi * e[i]
                fi *= xi[i]
        for i in range(m):  # Gauss-Jordan on the normal matrix, positive definite, with the inverse beside it
            for j in range(m):
                inv[i, j] = 1.0 if i == j else 0.0
        fixed = True
        for i in range(m):
            pivot = a[i, i]
            if not pivot > 1e-12 * abs(a[0, 0]):
                fixed = False
                break
            for j in range(4):
                a[i, j] /= pivot
            for j in range(m):
                inv[i, j] /= pivot
            for k in range(m):
                if k != i:
                    q = a[k, i]
                    for j in range(4):
                        a[k, j] -= q * a[i, j]
                    for j in range(m):
                        inv[k, j] -= q * inv[i, j]
        if not fixed:
            break
        change = 0.0
        for j in range(m):
            change = max(change, abs(a[j, 3]))
        for i in range(n):
            dp = b[1] + 2.0 * b[2] * xi[i]
            rest = e[i]
            fi = 1.0
            for j in range(m):
                rest -= fi * a[j, 3]
                fi *= xi[i]
            new = x[row, i] + vx[row, i] * dp * w[i] * rest
            xi[i] = new
        for j in range(m):
            b[j] += a[j, 3]
        if change <= tolerance * size or (step > 5 and change >= before and change <= 1e3 * tolerance * size):
            settled = step + 1
            break
        before = change
    steps[row] = settled
    chi2[row] = total
    for i in range(3):
        beta[row, i] = b[i] if i < m else 0.0
        for j in range(3):
            cov[row, i, j] = inv[i, j] if i < m and j < m else 0.0


@kernel_parallel
def odr_rows(x, y, vx, vy, degree, tolerance, most, beta, cov, chi2, steps):
    """Fit y = P(xi) with x = xi + e, y = P(xi) + f to every row by orthogonal distance regression.

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
    for row in prange(x.shape[0]):  # inside a parallel loop the body would take several times as long to compile
        _odr_row(x, y, vx, vy, degree, tolerance, most, beta, cov, chi2, steps, np.int64(row))
