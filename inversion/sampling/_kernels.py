"""Sampling kernels: bounded Gaussians exactly, log-normal states by Hamiltonian steps, model errors by slices.

Plain float64 arrays; the random numbers come from a ``numpy.random.Generator`` of each chain. No value may be NaN.
"""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel

QUARTER = 0.5 * math.pi  # after a quarter of the period an unbounded draw does not remember where it began
FULL = 2.0 * math.pi


@kernel
def first_hit(place, speed, face, distance, last, skip):
    """Return when place cos(t) + speed sin(t) first meets a face . z + distance = 0, and which; infinity if never."""
    soonest, which = math.inf, -1
    for j in range(face.shape[0]):
        fa, fb = 0.0, 0.0
        for i in range(place.size):
            fa += face[j, i] * speed[i]
            fb += face[j, i] * place[i]
        u = math.hypot(fa, fb)
        if u <= abs(distance[j]) or u == 0.0:
            continue
        # fb cos t + fa sin t = u cos(t - phase) falls through -distance where t - phase = acos(-distance / u)
        t = math.atan2(fa, fb) + math.acos(-distance[j] / u)
        t -= FULL * math.floor(t / FULL)
        if j == last and (t < skip or t > FULL - skip):
            continue  # the face it has just left
        if t < soonest:
            soonest, which = t, j
    return soonest, which


@kernel
def bounded_normal(place, face, distance, random):
    """Move a draw of N(0, 1) with face . z + distance >= 0 to the next one (Pakman and Paninski 2014, section 2)."""
    m = place.size
    speed = np.empty(m)
    for i in range(m):
        speed[i] = random.standard_normal()
    rest, last, hits = QUARTER, -1, 0
    while True:
        t, which = first_hit(place, speed, face, distance, last, 1e-10)
        if t >= rest or hits >= 10_000:
            t, which = min(t, rest), -1
        c, s = math.cos(t), math.sin(t)
        dot, norm = 0.0, 0.0
        for i in range(m):
            p, v = place[i], speed[i]
            place[i] = p * c + v * s
            speed[i] = v * c - p * s
            if which >= 0:
                dot += face[which, i] * speed[i]
                norm += face[which, i] * face[which, i]
        if which < 0:
            return hits
        for i in range(m):
            speed[i] -= 2.0 * dot / norm * face[which, i]
        rest -= t
        last = which
        hits += 1


@kernel
def _variance(variance, sigma, group, i):
    """Return the variance of one observation; a group below zero has no model error."""
    return variance[i] + (sigma[group[i]] ** 2 if group[i] >= 0 else 0.0)


@kernel
def log_error(sigma, residual, variance, group, wanted):
    """Return the log likelihood of a model error, up to a constant, for the observations of one group."""
    total = 0.0
    for i in range(residual.size):
        if group[i] == wanted:
            r = variance[i] + sigma * sigma
            total -= 0.5 * (math.log(r) + residual[i] * residual[i] / r)
    return total


@kernel
def slice_error(sigma, residual, variance, group, wanted, low, high, width, random):
    """Draw a model error given the residuals, uniform in [low, high] before them (Neal 2003, figures 3 and 5)."""
    level = log_error(sigma, residual, variance, group, wanted) + math.log(1.0 - random.random())
    left = sigma - width * random.random()
    right = left + width
    while left > low and log_error(left, residual, variance, group, wanted) > level:
        left -= width
    while right < high and log_error(right, residual, variance, group, wanted) > level:
        right += width
    left, right = max(left, low), min(right, high)
    while True:
        new = left + (right - left) * random.random()
        if log_error(new, residual, variance, group, wanted) > level or right - left < 1e-14 * high:
            return new
        if new < sigma:
            left = new
        else:
            right = new


@kernel
def _residual(observed, design, x, out):
    for i in range(observed.size):
        total = observed[i]
        for j in range(x.size):
            total -= design[i, j] * x[j]
        out[i] = total


@kernel
def forward(lower, b, first):
    """Return the solution of L y = b for lower triangular L (m, m), where b is zero before `first`."""
    m = b.size
    y = np.zeros(m)
    for i in range(first, m):
        total = b[i]
        for k in range(first, i):
            total -= lower[i, k] * y[k]
        y[i] = total / lower[i, i]
    return y


@kernel
def backward(lower, b):
    """Return the solution of L' x = b for lower triangular L (m, m)."""
    m = b.size
    x = b.copy()
    for i in range(m - 1, -1, -1):
        x[i] /= lower[i, i]
        for k in range(i):
            x[k] -= lower[i, k] * x[i]
    return x


@kernel
def truncated_chain(
    observed, design, variance, group, mean, precision, lower, bounds, x, sigma, warm, random, xs, sigmas
):
    """One chain for y ~ N(D x, variance + sigma^2), x ~ N(mean, 1/precision) cut at lower, sigma ~ U(bounds).

    observed (n,), design (n, m), variance (n,), group (n,) int, mean (m,), precision (m, m), lower (m,) (-inf: none),
    bounds (g, 2), x (m,) and sigma (g,) the start; xs (draws, m) and sigmas (draws, g) are filled. Returns the mean
    number of reflections of a draw.
    """
    n = design.shape[0]
    residual, weight = np.empty(n), np.empty(n)
    cut = np.flatnonzero(np.isfinite(lower))
    width = 0.25 * (bounds[:, 1] - bounds[:, 0])
    pull = precision @ mean
    hits = 0.0
    chol, centre, face = precision, mean, np.empty((0, 0))
    for step in range(warm + xs.shape[0]):
        if step == 0 or sigma.size > 0:
            for i in range(n):
                weight[i] = 1.0 / _variance(variance, sigma, group, i)
            scaled = design * weight.reshape(n, 1)
            chol = np.linalg.cholesky(precision + design.T @ scaled)
            centre = backward(chol, forward(chol, pull + scaled.T @ observed, 0))
            # z = L' (x - centre) is N(0, 1); x_j = centre_j + (L'^-1 z)_j
            face = np.zeros((cut.size, mean.size))
            for a in range(cut.size):
                face[a, cut[a]] = 1.0
                face[a] = forward(chol, face[a], cut[a])
        place = chol.T @ (x - centre)
        hits += bounded_normal(place, face, centre[cut] - lower[cut], random)
        x[:] = centre + backward(chol, place)
        _residual(observed, design, x, residual)
        for g in range(sigma.size):
            before = sigma[g]
            sigma[g] = slice_error(before, residual, variance, group, g, bounds[g, 0], bounds[g, 1], width[g], random)
            if step < warm:  # a width of a few typical moves
                width[g] = max(0.9 * width[g] + 0.3 * abs(sigma[g] - before), 1e-6 * (bounds[g, 1] - bounds[g, 0]))
        if step >= warm:
            xs[step - warm] = x
            sigmas[step - warm] = sigma
    return hits / (warm + xs.shape[0])


@kernel
def _energy(q, root, centre, observed, design, variance, sigma, group, logarithmic, gradient, x):
    """Return the negative log density of the whitened state q and its gradient; x is the state itself."""
    n, m = design.shape
    value = 0.0
    for j in range(m):
        total = centre[j]
        for k in range(j + 1):
            total += root[j, k] * q[k]
        x[j] = math.exp(total) if logarithmic[j] else total
        gradient[j] = q[j]
        value += 0.5 * q[j] * q[j]
    slope = np.zeros(m)
    for i in range(n):
        r = observed[i]
        for j in range(m):
            r -= design[i, j] * x[j]
        w = 1.0 / _variance(variance, sigma, group, i)
        value += 0.5 * r * r * w
        for j in range(m):
            slope[j] -= design[i, j] * r * w
    for j in range(m):
        if logarithmic[j]:
            slope[j] *= x[j]
        for k in range(j + 1):
            gradient[k] += root[j, k] * slope[j]
    return value


@kernel
def _hamiltonian(q, step, length, metric, energy, random):
    """One Hamiltonian move in coordinates stretched by the metric's Cholesky factor; return what became of it."""
    root, centre, observed, design, variance, sigma, group, logarithmic = energy
    m = q.size
    gradient, x = np.empty(m), np.empty(m)
    value = _energy(q, root, centre, observed, design, variance, sigma, group, logarithmic, gradient, x)
    momentum = np.empty(m)
    for i in range(m):
        momentum[i] = random.standard_normal()
    start = value + 0.5 * np.dot(momentum, momentum)
    new = q.copy()
    count = max(1, round(length / step))
    momentum -= 0.5 * step * (metric.T @ gradient)
    for leap in range(count):
        new += step * (metric @ momentum)
        value = _energy(new, root, centre, observed, design, variance, sigma, group, logarithmic, gradient, x)
        if not math.isfinite(value):
            return 0.0, True
        momentum -= (step if leap < count - 1 else 0.5 * step) * (metric.T @ gradient)
    change = start - value - 0.5 * np.dot(momentum, momentum)
    accept = math.exp(min(0.0, change)) if math.isfinite(change) else 0.0
    if random.random() < accept:
        q[:] = new
    return accept, not change > -1000.0


@kernel
def _metric(q, root, centre, design, variance, sigma, group, logarithmic):
    """Return M with M M' the inverse of the Gauss-Newton Hessian of the whitened state at q."""
    n, m = design.shape
    slope = np.zeros((n, m))
    for j in range(m):
        total = centre[j]
        for k in range(j + 1):
            total += root[j, k] * q[k]
        factor = math.exp(total) if logarithmic[j] else 1.0
        for i in range(n):
            for k in range(j + 1):
                slope[i, k] += design[i, j] * factor * root[j, k]
    hessian = np.eye(m)
    for i in range(n):
        w = 1.0 / _variance(variance, sigma, group, i)
        for j in range(m):
            for k in range(m):
                hessian[j, k] += w * slope[i, j] * slope[i, k]
    return np.ascontiguousarray(np.linalg.inv(np.linalg.cholesky(hessian)).T)


@kernel
def hamiltonian_chain(
    observed, design, variance, group, centre, root, logarithmic, bounds, q, sigma, warm, random, xs, sigmas
):
    """One chain where some elements of the state are exp of a normal: centre and root are of the normal.

    Arguments as for :func:`truncated_chain`; root (m, m) lower Cholesky factor of the prior covariance, logarithmic
    (m,) bool, q (m,) the whitened start. Returns acceptance, step and the number of divergent moves after the warm-up.
    """
    n, m = design.shape
    residual, gradient, x = np.empty(n), np.empty(m), np.empty(m)
    width = 0.25 * (bounds[:, 1] - bounds[:, 0])
    metric = _metric(np.zeros(m), root, centre, design, variance, sigma, group, logarithmic)
    mean_q, mean_sigma, counted = np.zeros(m), np.zeros(sigma.size), 0.0
    # dual averaging (Hoffman and Gelman 2014, section 3.2.1), begun again where the metric changes
    target, t = 0.95, 0.0
    step, mean_log, distance = 0.25, 0.0, 0.0
    accepted, divergent = 0.0, 0
    for turn in range(warm + xs.shape[0]):
        energy = (root, centre, observed, design, variance, sigma, group, logarithmic)
        length = QUARTER * (0.6 + 0.8 * random.random())  # jitter against resonance
        accept, bad = _hamiltonian(q, step, length, metric, energy, random)
        _energy(q, root, centre, observed, design, variance, sigma, group, logarithmic, gradient, x)
        _residual(observed, design, x, residual)
        for g in range(sigma.size):
            before = sigma[g]
            sigma[g] = slice_error(before, residual, variance, group, g, bounds[g, 0], bounds[g, 1], width[g], random)
            if turn < warm:
                width[g] = max(0.9 * width[g] + 0.3 * abs(sigma[g] - before), 1e-6 * (bounds[g, 1] - bounds[g, 0]))
        if turn >= warm:
            xs[turn - warm] = x
            sigmas[turn - warm] = sigma
            accepted += accept
            divergent += bad
            continue
        t += 1.0
        distance = (1.0 - 1.0 / (t + 10.0)) * distance + (target - accept) / (t + 10.0)
        step = min(1.0, math.exp(math.log(2.5) - math.sqrt(t) / 0.05 * distance))
        share = t**-0.75
        mean_log = share * math.log(step) + (1.0 - share) * mean_log
        counted += 1.0
        mean_q += (q - mean_q) / counted
        mean_sigma += (sigma - mean_sigma) / counted
        if turn in (warm // 8, warm // 4, warm // 2):
            metric = _metric(mean_q, root, centre, design, variance, mean_sigma, group, logarithmic)
            mean_q[:], mean_sigma[:], counted = 0.0, 0.0, 0.0
            t, distance, step = 0.0, 0.0, min(step, 0.5)
        if turn == warm - 1:
            step = math.exp(mean_log)
    return accepted / max(1, xs.shape[0]), step, divergent
