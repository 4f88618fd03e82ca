"""Kalman filter and fixed-interval smoother of d = level + processes + slope z + curve z^2 + cylinder.

States: level (random walk), slope (random walk), curve (constant), stationary first-order processes that add to the
level, and one constant for each cylinder: the error of its assigned value, known to its stated uncertainty before
anything is read. A state that is not wanted starts with a variance of zero and stays zero. Transition and noise are
diagonal: phi = exp(-dt/tau) for a process, 1 for all others; Q is what the caller allows level and slope in each step
(their diffusion, and what a service may have done), and power (1 - phi^2). Observations are scalar: one visit of one
cylinder. Several right-hand sides share the gains: column 0 holds the data, the others one indicator for each cylinder,
so that the smoothed columns are the sensitivities of the response to the assigned values.

All arrays float64 without NaN; times in seconds, ascending.
"""

from __future__ import annotations

import numpy as np

from ghg.core.jit import kernel


@kernel
def _forecast(p, f, power, level, slope):
    """Carry the covariance `p` over one step: `f` is phi of each process."""
    for k in range(f.size):
        i = 3 + k
        for j in range(p.shape[0]):
            p[i, j] *= f[k]
            p[j, i] *= f[k]
        p[i, i] += power[k] * (1.0 - f[k] * f[k])
    p[0, 0] += level
    p[1, 1] += slope


@kernel
def _decay(step, tau, f):
    """Write phi of each process over `step` into `f`."""
    for k in range(tau.size):
        f[k] = np.exp(-step / tau[k])


@kernel
def _seen(p, h, q, tank, g):
    """Write P h' into `g` for an observation of a cylinder, and return h P h'; `q` states are of the response."""
    own = q + tank
    for i in range(p.shape[0]):
        g[i] = p[i, 0] * h[0] + p[i, 1] * h[1] + p[i, 2] * h[2] + p[i, own]
        for j in range(3, q):
            g[i] += p[i, j]
    total = g[0] * h[0] + g[1] * h[1] + g[2] * h[2] + g[own]
    for j in range(3, q):
        total += g[j]
    return total


@kernel
def log_likelihood(t, h, tank, d, var, skip, tau, power, level, slope, prior):
    """Return the Gaussian log-likelihood of the observations but for the first `skip` (diffuse start).

    Parameters
    ----------
    t, d, var : (n,)
        Times, observations, their variances.
    h : (n, 3)
        Observation vectors (1, z, z^2).
    tank : int64 (n,)
        Cylinder of each observation.
    skip : int
        Observations that only find the start.
    tau, power : (processes,)
        Time constants [s] and variances of the processes.
    level, slope : (n,)
        Variance that level and slope gain on the way to each observation.
    prior : (3 + processes + tanks,)
        Variances at the start.
    """
    m, q = prior.size, 3 + tau.size
    p = np.zeros((m, m))
    x = np.zeros(m)
    g = np.empty(m)
    f = np.empty(tau.size)
    for j in range(m):
        p[j, j] = prior[j]
    total = 0.0
    for k in range(t.size):
        if k > 0:
            _decay(t[k] - t[k - 1], tau, f)
            for j in range(f.size):
                x[3 + j] *= f[j]
            _forecast(p, f, power, level[k], slope[k])
        s = var[k] + _seen(p, h[k], q, tank[k], g)
        y = d[k] - x[q + tank[k]] - h[k, 0] * x[0] - h[k, 1] * x[1] - h[k, 2] * x[2]
        for i in range(3, q):
            y -= x[i]
        if k >= skip:
            total -= 0.5 * (np.log(s) + y * y / s)
        for i in range(m):
            a = g[i] / s
            x[i] += a * y
            for j in range(m):
                p[i, j] -= a * g[j]
    return total


@kernel
def mean_variance(t, seen, h, tank, var, tau, power, level, slope, prior, weight, z):
    """Return the variance of the mean of offset + slope z + curve z^2 over the nodes, given all observations.

    The sum is carried as one more state, so that the covariance of the response between all nodes is in it.

    Parameters
    ----------
    t, seen, h, tank, var, tau, power, level, slope, prior :
        As for :func:`smooth`.
    weight : (n,)
        Of each node; sums to one.
    z : float
        Where the response is wanted.
    """
    m, q = prior.size, 3 + tau.size
    p = np.zeros((m, m))
    c = np.zeros(m)  # covariance of the sum with the states
    total = 0.0
    g = np.empty(m)
    f = np.empty(tau.size)
    for j in range(m):
        p[j, j] = prior[j]
    a = np.ones(q)
    a[1], a[2] = z, z * z
    for k in range(t.size):
        if k > 0:
            _decay(t[k] - t[k - 1], tau, f)
            for j in range(f.size):
                c[3 + j] *= f[j]
            _forecast(p, f, power, level[k], slope[k])
        if weight[k] > 0.0:
            w = weight[k]
            inside = 0.0
            for i in range(q):
                total += 2.0 * w * a[i] * c[i]
                for j in range(q):
                    inside += a[i] * a[j] * p[i, j]
            total += w * w * inside
            for j in range(m):
                for i in range(q):
                    c[j] += w * a[i] * p[i, j]
        if seen[k]:
            s = var[k] + _seen(p, h[k], q, tank[k], g)
            b = c[q + tank[k]] + h[k, 0] * c[0] + h[k, 1] * c[1] + h[k, 2] * c[2]
            for i in range(3, q):
                b += c[i]
            total -= b * b / s
            for i in range(m):
                c[i] -= b * g[i] / s
                for j in range(m):
                    p[i, j] -= g[i] * g[j] / s
    return total


@kernel
def _update(x, p, h, q, tank, d, var, gain, inno):
    """Take one observation into `x` and `p`; fill its gain and innovations over their variance, return 1 / variance."""
    s = var + _seen(p, h, q, tank, gain)
    for c in range(d.size):
        y = d[c] - x[q + tank, c] - h[0] * x[0, c] - h[1] * x[1, c] - h[2] * x[2, c]
        for i in range(3, q):
            y -= x[i, c]
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
    q = own.shape[0]
    for i in range(q):
        go[i] = own[i, 0] * h[0] + own[i, 1] * h[1] + own[i, 2] * h[2]
        gr[i] = r[i, 0] * h[0] + r[i, 1] * h[1] + r[i, 2] * h[2]
        for j in range(3, q):
            go[i] += own[i, j]
            gr[i] += r[i, j]
    so = var + h[0] * go[0] + h[1] * go[1] + h[2] * go[2]
    hrh = h[0] * gr[0] + h[1] * gr[1] + h[2] * gr[2]
    for i in range(3, q):
        so += go[i]
        hrh += gr[i]
    for i in range(q):
        for j in range(q):
            own[i, j] -= go[i] * go[j] / so
            r[i, j] += (-go[i] * gr[j] - gr[i] * go[j] + go[i] * go[j] * (hrh + var) / so) / so


@kernel
def _offset_variance(p, q):
    """Return the variance of level and processes together."""
    total = p[0, 0]
    for i in range(3, q):
        total += 2.0 * p[0, i]
        for j in range(3, q):
            total += p[i, j]
    return total


@kernel
def _keep(x, p, q, xs, ps):
    """Keep offset (level and processes), slope and curve of the states, and their rows of the covariance."""
    for c in range(x.shape[1]):
        xs[0, c], xs[1, c], xs[2, c] = x[0, c], x[1, c], x[2, c]
        for i in range(3, q):
            xs[0, c] += x[i, c]
    for j in range(p.shape[0]):
        ps[0, j], ps[1, j], ps[2, j] = p[0, j], p[1, j], p[2, j]
        for i in range(3, q):
            ps[0, j] += p[i, j]


@kernel
def _forward(t, seen, h, tank, d, var, tau, power, level, slope, prior, xs, ps, gain, inno, inverse, share):
    """Filter, and keep what the way back needs; see :func:`smooth`."""
    m, q = prior.size, 3 + tau.size
    x = np.zeros((m, d.shape[1]))
    p = np.zeros((m, m))
    r = np.zeros((q, q))  # part of p that comes from observation noise
    own = np.zeros((q, q))  # part of p as if the cylinders had no error
    gr = np.empty(q)
    go = np.empty(q)
    f = np.empty(tau.size)
    for j in range(m):
        p[j, j] = prior[j]
    for j in range(q):
        own[j, j] = prior[j]
    for k in range(t.size):
        if k > 0:
            _decay(t[k] - t[k - 1], tau, f)
            for i in range(f.size):
                for c in range(d.shape[1]):
                    x[3 + i, c] *= f[i]
                for j in range(q):
                    r[3 + i, j] *= f[i]
                    r[j, 3 + i] *= f[i]
            _forecast(p, f, power, level[k], slope[k])
            _forecast(own, f, power, level[k], slope[k])
        _keep(x, p, q, xs[k], ps[k])
        if seen[k]:
            inverse[k] = _update(x, p, h[k], q, tank[k], d[k], var[k], gain[k], inno[k])
            _update_parts(own, r, h[k], var[k], go, gr)
        total = _offset_variance(own, q)
        noise = _offset_variance(r, q)
        share[k] = min(max(noise / total, 0.0), 1.0) if total > 0.0 else 1.0


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
def _response(x, p, q, lam, big, coef, cov, tmp):
    """Fill the smoothed response of a node, x - P lam, and its covariance, P - P L P, from its rows of the forecast."""
    m = p.shape[1]
    for c in range(lam.shape[1]):
        for i in range(3):
            coef[i, c] = x[i, c]
            for j in range(m):
                coef[i, c] -= p[i, j] * lam[j, c]
    for i in range(3):
        for j in range(m):
            tmp[i, j] = 0.0
        for a in range(m):
            for j in range(m):
                tmp[i, j] += p[i, a] * big[a, j]
    at = 0
    for j in range(3):
        for i in range(j + 1):
            value = p[i, j]
            if j == 0:  # the offset is level and processes
                for a in range(3, q):
                    value += p[i, a]
            for a in range(m):
                value -= tmp[i, a] * p[j, a]
            cov[at] = value
            at += 1


@kernel
def _backward(t, seen, h, tank, tau, xs, ps, gain, inno, inverse, coef, cov):
    """Carry the adjoint back and smooth the response of every node; see :func:`smooth`."""
    n, _, columns = xs.shape
    m, q = gain.shape[1], 3 + tau.size
    lam = np.zeros((m, columns))
    big = np.zeros((m, m))
    lh = np.empty(m)
    hk = np.zeros(m)
    tmp = np.empty((3, m))
    f = np.empty(tau.size)
    for i in range(3, q):
        hk[i] = 1.0
    for k in range(n - 1, -1, -1):
        if seen[k]:
            for i in range(3):
                hk[i] = h[k, i]
            hk[q + tank[k]] = 1.0
            _adjoint(lam, big, hk, gain[k], inno[k], inverse[k], lh)
            hk[q + tank[k]] = 0.0
        _response(xs[k], ps[k], q, lam, big, coef[k], cov[k], tmp)
        if k > 0:
            _decay(t[k] - t[k - 1], tau, f)
            for a in range(f.size):
                for c in range(columns):
                    lam[3 + a, c] *= f[a]
                for i in range(m):
                    big[3 + a, i] *= f[a]
                    big[i, 3 + a] *= f[a]


def smooth(t, seen, h, tank, d, var, tau, power, level, slope, prior, coef, cov, share):
    """Smooth the response to every node.

    Parameters
    ----------
    t : (n,)
        Times of nodes: observations, and times at which the response is wanted.
    seen : bool (n,)
        Whether there is an observation.
    h, tank, d, var : (n, 3), (n,), (n, columns), (n,)
        As above; what stands at nodes without observation is not used.
    coef : (n, 3, columns)
        Filled: offset (level and processes), slope, curve.
    cov : (n, 6)
        Filled: covariance of the three, errors of the cylinders included: aa, ab, bb, ac, bc, cc.
    share : (n,)
        Filled: share of the variance of the filtered offset, cylinders apart, that comes from the noise of the
        observations; the rest comes from drift.

    Notes
    -----
    Modified Bryson-Frazier smoother (Bierman 1973, J. Optim. Theory Appl. 12, 465-466): no matrix is inverted. Of each
    covariance only the rows of the response are kept: memory grows with the number of cylinders, not its square. The
    two ways are compiled apart: as one kernel the way back would be optimised a second time inside it.
    """
    n, m, columns = t.size, prior.size, d.shape[1]
    xs = np.zeros((n, 3, columns))  # forecast of the response
    ps = np.zeros((n, 3, m))  # its rows of the forecast covariances
    gain = np.zeros((n, m))
    inno = np.zeros((n, columns))  # innovations over their variance
    inverse = np.zeros(n)  # 1 / variance of the innovation
    _forward(t, seen, h, tank, d, var, tau, power, level, slope, prior, xs, ps, gain, inno, inverse, share)
    _backward(t, seen, h, tank, tau, xs, ps, gain, inno, inverse, coef, cov)
