"""Kalman filter and fixed-interval smoother of the response d = level + day + slope z + curve z^2 + cylinder.

States: level (random walk), day (a stationary first-order process), slope (random walk), curve (constant), and one
constant for each cylinder: the error of its assigned value, known to its stated uncertainty before anything is read. A
state that is not wanted starts with a variance of zero and stays zero. Transition and noise are diagonal: phi =
exp(-dt/tau) for day, 1 for all others; Q is what the caller allows level and slope in each step (their diffusion, and
what a service may have done), and s_day^2 (1 - phi^2). Observations are scalar: one visit of one cylinder. Several
right-hand sides share the gains: column 0 holds the data, the others one indicator for each cylinder, so that the
smoothed columns are the sensitivities of the response to the assigned values.

All arrays float64 without NaN; times in seconds, ascending.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def _forecast(p, f, day, level, slope):
    """Carry the covariance `p` over one step: `f` is phi of the day process."""
    for j in range(p.shape[0]):
        p[1, j] *= f
        p[j, 1] *= f
    p[0, 0] += level
    p[1, 1] += day * (1.0 - f * f)
    p[2, 2] += slope


@kernel
def _seen(p, h, tank, g):
    """Write P h' into `g` for an observation of a cylinder, and return h P h'."""
    own = 4 + tank
    for i in range(p.shape[0]):
        g[i] = p[i, 0] * h[0] + p[i, 1] * h[1] + p[i, 2] * h[2] + p[i, 3] * h[3] + p[i, own]
    return g[0] * h[0] + g[1] * h[1] + g[2] * h[2] + g[3] * h[3] + g[own]


@kernel
def log_likelihood(t, h, tank, d, var, skip, tau, day, level, slope, prior):
    """Return the Gaussian log-likelihood of the observations but for the first `skip` (diffuse start).

    Parameters
    ----------
    t, d, var : (n,)
        Times, observations, their variances.
    h : (n, 4)
        Observation vectors (1, 1, z, z^2).
    tank : int64 (n,)
        Cylinder of each observation.
    skip : int
        Observations that only find the start.
    tau, day : float
        Time constant [s] and variance of the day process.
    level, slope : (n,)
        Variance that level and slope gain on the way to each observation.
    prior : (4 + tanks,)
        Variances at the start.
    """
    m = prior.size
    p = np.zeros((m, m))
    x = np.zeros(m)
    g = np.empty(m)
    for j in range(m):
        p[j, j] = prior[j]
    total = 0.0
    for k in range(t.size):
        if k > 0:
            f = np.exp(-(t[k] - t[k - 1]) / tau)
            x[1] *= f
            _forecast(p, f, day, level[k], slope[k])
        s = var[k] + _seen(p, h[k], tank[k], g)
        y = d[k] - x[4 + tank[k]]
        for i in range(4):
            y -= h[k, i] * x[i]
        if k >= skip:
            total -= 0.5 * (np.log(s) + y * y / s)
        for i in range(m):
            q = g[i] / s
            x[i] += q * y
            for j in range(m):
                p[i, j] -= q * g[j]
    return total


@kernel
def mean_variance(t, seen, h, tank, var, tau, day, level, slope, prior, weight, z):
    """Return the variance of the mean of offset + slope z + curve z^2 over the nodes, given all observations.

    The sum is carried as one more state, so that the covariance of the response between all nodes is in it.

    Parameters
    ----------
    t, seen, h, tank, var, tau, day, level, slope, prior :
        As for :func:`smooth`.
    weight : (n,)
        Of each node; sums to one.
    z : float
        Where the response is wanted.
    """
    m = prior.size
    p = np.zeros((m, m))
    c = np.zeros(m)  # covariance of the sum with the states
    total = 0.0
    g = np.empty(m)
    for j in range(m):
        p[j, j] = prior[j]
    a = np.array([1.0, 1.0, z, z * z])
    for k in range(t.size):
        if k > 0:
            f = np.exp(-(t[k] - t[k - 1]) / tau)
            c[1] *= f
            _forecast(p, f, day, level[k], slope[k])
        if weight[k] > 0.0:
            w = weight[k]
            inside = 0.0
            for i in range(4):
                total += 2.0 * w * a[i] * c[i]
                for j in range(4):
                    inside += a[i] * a[j] * p[i, j]
            total += w * w * inside
            for j in range(m):
                for i in range(4):
                    c[j] += w * a[i] * p[i, j]
        if seen[k]:
            s = var[k] + _seen(p, h[k], tank[k], g)
            q = c[4 + tank[k]]
            for i in range(4):
                q += h[k, i] * c[i]
            total -= q * q / s
            for i in range(m):
                c[i] -= q * g[i] / s
                for j in range(m):
                    p[i, j] -= g[i] * g[j] / s
    return total


@kernel
def _update(x, p, h, tank, d, var, gain, inno):
    """Take one observation into `x` and `p`; fill its gain and innovations over their variance, return 1 / variance."""
    s = var + _seen(p, h, tank, gain)
    for c in range(d.size):
        y = d[c] - x[4 + tank, c]
        for i in range(4):
            y -= h[i] * x[i, c]
        inno[c] = y / s
        for i in range(gain.size):
            x[i, c] += gain[i] * y / s
    for i in range(gain.size):
        for j in range(gain.size):
            p[i, j] -= gain[i] * gain[j] / s
    for i in range(gain.size):
        gain[i] /= s
    return 1.0 / s


@kernel
def _update_parts(own, r, h, var, go, gr):
    """Take one observation into the covariance without cylinders and into its part `r` from observation noise."""
    so = var
    hrh = 0.0
    for i in range(4):
        go[i] = 0.0
        gr[i] = 0.0
        for j in range(4):
            go[i] += own[i, j] * h[j]
            gr[i] += r[i, j] * h[j]
        so += h[i] * go[i]
        hrh += h[i] * gr[i]
    for i in range(4):
        for j in range(4):
            own[i, j] -= go[i] * go[j] / so
            r[i, j] += (-go[i] * gr[j] - gr[i] * go[j] + go[i] * go[j] * (hrh + var) / so) / so


@kernel
def smooth(t, seen, h, tank, d, var, tau, day, level, slope, prior, coef, cov, share):
    """Smooth the response to every node.

    Parameters
    ----------
    t : (n,)
        Times of nodes: observations, and times at which the response is wanted.
    seen : bool (n,)
        Whether there is an observation.
    h, tank, d, var : (n, 4), (n,), (n, columns), (n,)
        As above; what stands at nodes without observation is not used.
    coef : (n, 3, columns)
        Filled: offset (level + day), slope, curve.
    cov : (n, 6)
        Filled: covariance of the three, errors of the cylinders included: aa, ab, bb, ac, bc, cc.
    share : (n,)
        Filled: share of the variance of the filtered offset, cylinders apart, that comes from the noise of the
        observations; the rest comes from drift.

    Notes
    -----
    Modified Bryson-Frazier smoother (Bierman 1973, J. Optim. Theory Appl. 12, 465-466): no matrix is inverted. Of each
    covariance only the rows of the response are kept: memory grows with the number of cylinders, not its square.
    """
    n = t.size
    m = prior.size
    columns = d.shape[1]
    xs = np.zeros((n, 4, columns))  # forecast states
    ps = np.zeros((n, 4, m))  # rows of the forecast covariances
    gain = np.zeros((n, m))
    inno = np.zeros((n, columns))  # innovations over their variance
    inverse = np.zeros(n)  # 1 / variance of the innovation
    x = np.zeros((m, columns))
    p = np.zeros((m, m))
    r = np.zeros((4, 4))  # part of p that comes from observation noise
    own = np.zeros((4, 4))  # part of p as if the cylinders had no error
    gr = np.empty(4)
    go = np.empty(4)
    for j in range(m):
        p[j, j] = prior[j]
    for j in range(4):
        own[j, j] = prior[j]
    for k in range(n):
        if k > 0:
            f = np.exp(-(t[k] - t[k - 1]) / tau)
            for c in range(columns):
                x[1, c] *= f
            for j in range(4):
                r[1, j] *= f
                r[j, 1] *= f
            _forecast(p, f, day, level[k], slope[k])
            _forecast(own, f, day, level[k], slope[k])
        for i in range(4):
            for c in range(columns):
                xs[k, i, c] = x[i, c]
            for j in range(m):
                ps[k, i, j] = p[i, j]
        if seen[k]:
            inverse[k] = _update(x, p, h[k], tank[k], d[k], var[k], gain[k], inno[k])
            _update_parts(own, r, h[k], var[k], go, gr)
        total = own[0, 0] + 2.0 * own[0, 1] + own[1, 1]
        noise = r[0, 0] + 2.0 * r[0, 1] + r[1, 1]
        share[k] = min(max(noise / total, 0.0), 1.0) if total > 0.0 else 1.0
    _backward(t, seen, h, tank, tau, xs, ps, gain, inno, inverse, coef, cov)


@kernel
def _adjoint(lam, big, hk, gain, inno, inverse, lh):
    """Carry the adjoint through an observation: (I - K H)' L (I - K H) + H' H / s."""
    m = gain.size
    hlh = 0.0
    for i in range(m):
        lh[i] = 0.0
        for j in range(m):
            lh[i] += big[i, j] * gain[j]
        hlh += gain[i] * lh[i]
    for c in range(inno.size):
        kl = 0.0
        for i in range(m):
            kl += gain[i] * lam[i, c]
        for i in range(m):
            lam[i, c] -= hk[i] * (kl + inno[c])
    for i in range(m):
        for j in range(m):
            big[i, j] += -hk[i] * lh[j] - lh[i] * hk[j] + hk[i] * hk[j] * (hlh + inverse)


@kernel
def _response(x, p, lam, big, coef, cov, tmp, one):
    """Fill the smoothed response of a node, x - P lam, and its covariance, P - P L P, from rows of the forecast."""
    m = p.shape[1]
    for c in range(lam.shape[1]):
        for i in range(4):
            one[i, 0] = x[i, c]
            for j in range(m):
                one[i, 0] -= p[i, j] * lam[j, c]
        coef[0, c] = one[0, 0] + one[1, 0]
        coef[1, c] = one[2, 0]
        coef[2, c] = one[3, 0]
    for i in range(4):
        for j in range(m):
            tmp[i, j] = 0.0
            for q in range(m):
                tmp[i, j] += p[i, q] * big[q, j]
    for i in range(4):
        for j in range(4):
            one[i, j] = p[i, j]
            for q in range(m):
                one[i, j] -= tmp[i, q] * p[j, q]
    cov[0] = one[0, 0] + 2.0 * one[0, 1] + one[1, 1]
    cov[1] = one[0, 2] + one[1, 2]
    cov[2] = one[2, 2]
    cov[3] = one[0, 3] + one[1, 3]
    cov[4] = one[2, 3]
    cov[5] = one[3, 3]


@kernel
def _backward(t, seen, h, tank, tau, xs, ps, gain, inno, inverse, coef, cov):
    n, _, columns = xs.shape
    m = gain.shape[1]
    lam = np.zeros((m, columns))
    big = np.zeros((m, m))
    lh = np.empty(m)
    hk = np.zeros(m)
    tmp = np.empty((4, m))
    one = np.empty((4, 4))
    for k in range(n - 1, -1, -1):
        if seen[k]:
            for i in range(4):
                hk[i] = h[k, i]
            hk[4 + tank[k]] = 1.0
            _adjoint(lam, big, hk, gain[k], inno[k], inverse[k], lh)
            hk[4 + tank[k]] = 0.0
        _response(xs[k], ps[k], lam, big, coef[k], cov[k], tmp, one)
        if k > 0:
            f = np.exp(-(t[k] - t[k - 1]) / tau)
            for c in range(columns):
                lam[1, c] *= f
            for i in range(m):
                big[1, i] *= f
                big[i, 1] *= f
