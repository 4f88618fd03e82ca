"""Kalman filter and fixed-interval smoother of the response d = level + day + slope z + curve z^2.

States: level (random walk), day (a stationary first-order process), slope (random walk), curve (constant); the first
`m` of them are used. Transition and noise are diagonal: phi = 1, exp(-dt/tau), 1, 1 and
Q = q_level dt, s_day^2 (1 - phi^2), q_slope dt, 0. Observations are scalar. Several right-hand sides share the
gains: column 0 holds the data, the others one indicator for each cylinder, so that the smoothed columns are the
sensitivities of the response to the assigned values.

All arrays float64 without NaN; times in seconds, ascending.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def log_likelihood(t, h, d, var, m, tau, day, level, slope, prior):
    """Return the Gaussian log-likelihood of the observations but for the first `m` (diffuse start).

    Parameters
    ----------
    t, d, var : (n,)
        Times, observations, their variances.
    h : (n, 4)
        Observation vectors (1, 1, z, z^2).
    m : int
        States used.
    tau, day, level, slope : float
        Time constant [s], variance of the day process, diffusion of level and slope [per second].
    prior : (4,)
        Variances at the start.
    """
    p = np.zeros((4, 4))
    x = np.zeros(4)
    g = np.empty(4)
    phi = np.ones(4)
    for j in range(m):
        p[j, j] = prior[j]
    total = 0.0
    for k in range(t.size):
        if k > 0:
            dt = t[k] - t[k - 1]
            f = np.exp(-dt / tau)
            phi[1] = f
            x[1] *= f
            for i in range(m):
                for j in range(m):
                    p[i, j] *= phi[i] * phi[j]
            p[0, 0] += level * dt
            p[1, 1] += day * (1.0 - f * f)
            if m > 2:
                p[2, 2] += slope * dt
        s = var[k]
        y = d[k]
        for i in range(m):
            g[i] = 0.0
            for j in range(m):
                g[i] += p[i, j] * h[k, j]
            s += h[k, i] * g[i]
            y -= h[k, i] * x[i]
        if k >= m:
            total -= 0.5 * (np.log(s) + y * y / s)
        for i in range(m):
            x[i] += g[i] * y / s
            for j in range(m):
                p[i, j] -= g[i] * g[j] / s
    return total


@kernel
def smooth(t, seen, h, d, var, m, tau, day, level, slope, prior, coef, cov, share):
    """Smooth the response to every node.

    Parameters
    ----------
    t : (n,)
        Times of nodes: observations, and times at which the response is wanted.
    seen : bool (n,)
        Whether there is an observation.
    h, d, var : (n, 4), (n, columns), (n,)
        As above; what stands at nodes without observation is not used.
    coef : (n, 3, columns)
        Filled: offset (level + day), slope, curve.
    cov : (n, 6)
        Filled: covariance of the three: aa, ab, bb, ac, bc, cc.
    share : (n,)
        Filled: share of the variance of the filtered offset that comes from the noise of the observations; the rest
        comes from drift.

    Notes
    -----
    Modified Bryson-Frazier smoother (Bierman 1973, J. Optim. Theory Appl. 12, 465-466): no matrix is inverted.
    """
    n = t.size
    columns = d.shape[1]
    xs = np.zeros((n, m, columns))  # predicted states
    ps = np.zeros((n, m, m))  # predicted covariances
    x = np.zeros((m, columns))
    p = np.zeros((m, m))
    r = np.zeros((m, m))  # part of p that comes from observation noise
    g = np.empty(m)
    gr = np.empty(m)
    phi = np.ones(4)
    for j in range(m):
        p[j, j] = prior[j]
    for k in range(n):
        if k > 0:
            dt = t[k] - t[k - 1]
            f = np.exp(-dt / tau)
            phi[1] = f
            for c in range(columns):
                x[1, c] *= f
            for i in range(m):
                for j in range(m):
                    p[i, j] *= phi[i] * phi[j]
                    r[i, j] *= phi[i] * phi[j]
            p[0, 0] += level * dt
            p[1, 1] += day * (1.0 - f * f)
            if m > 2:
                p[2, 2] += slope * dt
        xs[k] = x
        ps[k] = p
        if seen[k]:
            s = var[k]
            hrh = 0.0
            for i in range(m):
                g[i] = 0.0
                gr[i] = 0.0
                for j in range(m):
                    g[i] += p[i, j] * h[k, j]
                    gr[i] += r[i, j] * h[k, j]
                s += h[k, i] * g[i]
                hrh += h[k, i] * gr[i]
            for c in range(columns):
                y = d[k, c]
                for i in range(m):
                    y -= h[k, i] * x[i, c]
                for i in range(m):
                    x[i, c] += g[i] * y / s
            for i in range(m):
                for j in range(m):
                    p[i, j] -= g[i] * g[j] / s
                    r[i, j] += (-g[i] * gr[j] - gr[i] * g[j] + g[i] * g[j] * (hrh + var[k]) / s) / s
        total = p[0, 0] + 2.0 * p[0, 1] + p[1, 1]
        noise = r[0, 0] + 2.0 * r[0, 1] + r[1, 1]
        share[k] = min(max(noise / total, 0.0), 1.0) if total > 0.0 else 1.0
    lam = np.zeros((m, columns))
    big = np.zeros((m, m))
    tmp = np.zeros((m, m))
    one = np.zeros((m, m))
    lh = np.empty(m)
    state = np.empty(m)
    for k in range(n - 1, -1, -1):
        if seen[k]:
            s = var[k]
            for i in range(m):
                g[i] = 0.0
                for j in range(m):
                    g[i] += ps[k, i, j] * h[k, j]
                s += h[k, i] * g[i]
            # adjoint through the observation: (I - K H)' L (I - K H) + H' H / s
            hlh = 0.0
            for i in range(m):
                lh[i] = 0.0
                for j in range(m):
                    lh[i] += big[i, j] * g[j] / s
                hlh += g[i] / s * lh[i]
            for c in range(columns):
                y = d[k, c]
                kl = 0.0
                for i in range(m):
                    y -= h[k, i] * xs[k, i, c]
                    kl += g[i] / s * lam[i, c]
                for i in range(m):
                    lam[i, c] -= h[k, i] * (kl + y / s)
            for i in range(m):
                for j in range(m):
                    tmp[i, j] = big[i, j] - h[k, i] * lh[j] - lh[i] * h[k, j] + h[k, i] * h[k, j] * (hlh + 1.0 / s)
            for i in range(m):
                for j in range(m):
                    big[i, j] = tmp[i, j]
        for c in range(columns):
            for i in range(m):
                state[i] = xs[k, i, c]
                for j in range(m):
                    state[i] -= ps[k, i, j] * lam[j, c]
            coef[k, 0, c] = state[0] + state[1]
            coef[k, 1, c] = state[2] if m > 2 else 0.0
            coef[k, 2, c] = state[3] if m > 3 else 0.0
        for i in range(m):
            for j in range(m):
                tmp[i, j] = 0.0
                for q in range(m):
                    tmp[i, j] += ps[k, i, q] * big[q, j]
        for i in range(m):
            for j in range(m):
                one[i, j] = ps[k, i, j]
                for q in range(m):
                    one[i, j] -= tmp[i, q] * ps[k, q, j]
        cov[k, 0] = one[0, 0] + 2.0 * one[0, 1] + one[1, 1]
        cov[k, 1] = one[0, 2] + one[1, 2] if m > 2 else 0.0
        cov[k, 2] = one[2, 2] if m > 2 else 0.0
        cov[k, 3] = one[0, 3] + one[1, 3] if m > 3 else 0.0
        cov[k, 4] = one[2, 3] if m > 3 else 0.0
        cov[k, 5] = one[3, 3] if m > 3 else 0.0
        if k > 0:
            f = np.exp(-(t[k] - t[k - 1]) / tau)
            phi[1] = f
            for c in range(columns):
                lam[1, c] *= f
            for i in range(m):
                for j in range(m):
                    big[i, j] *= phi[i] * phi[j]
