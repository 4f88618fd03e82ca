"""The particle kernel: Langevin steps in SI, no labels. NaN in the meteorology ends a particle where it meets it.

Each particle has its own random stream, and sums go over a fixed number of blocks in order: results do not depend on
the number of threads.
"""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel

BLOCKS = 8  # sums of a block are added in order, whatever the number of threads
# columns of the surface table
HEIGHT, USTAR, INVERSE_L, DENSITY, SCALE, Z0 = range(6)
# rows of the settings
(START, DURATION, DIRECTION, LAG, FRACTION, LOW, HIGH, STEP, LONGEST, LEAST, SCHEME, SU, SV, SW, TL, CORIOLIS) = range(
    16
)
HANNA, CONSTANT = 0, 1
# columns of the final state
LON, LAT, Z, AGE, ENDED = range(5)
INSIDE, WEST, EAST, SOUTH, NORTH, TOP, BROKEN = range(7)


@kernel
def _rotl(x, k):
    return (x << np.uint64(k)) | (x >> np.uint64(64 - k))


@kernel
def _uniform(state):
    """Advance xoshiro256++ (Blackman and Vigna 2021) and return a number in (0, 1)."""
    result = _rotl(state[0] + state[3], 23) + state[0]
    t = state[1] << np.uint64(17)
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= t
    state[3] = _rotl(state[3], 45)
    return (float(result >> np.uint64(11)) + 0.5) * 1.1102230246251565e-16


@kernel
def _normals(state):
    """Return two independent standard normal numbers (Marsaglia and Bray 1964)."""
    while True:
        a, b = 2.0 * _uniform(state) - 1.0, 2.0 * _uniform(state) - 1.0
        s = a * a + b * b
        if 0.0 < s < 1.0:
            break
    c = math.sqrt(-2.0 * math.log(s) / s)
    return a * c, b * c


@kernel
def turbulence(z, surface, settings):
    """Return sigma_u, sigma_v, sigma_w, d sigma_w/dz, and the Lagrangian times of u, v, w at height z.

    Hanna (1982) as Stohl et al. (2005, ACP 5, 2461) write it in their equations for neutral (h/|L| < 1), unstable and
    stable boundary layers; above the boundary layer weak turbulence.
    """
    if settings[SCHEME] == CONSTANT:
        t = settings[TL]
        return settings[SU], settings[SV], settings[SW], 0.0, t, t, t
    h, ustar, inverse_l = surface[HEIGHT], max(surface[USTAR], 1e-2), surface[INVERSE_L]
    if z >= h:
        return 0.3, 0.3, 0.1, 0.0, 300.0, 300.0, 100.0
    zeta = z / h
    if abs(h * inverse_l) < 1.0:
        decay = settings[CORIOLIS] / ustar
        su = 2.0 * ustar * math.exp(-3.0 * decay * z)
        sw = 1.3 * ustar * math.exp(-2.0 * decay * z)
        t = 0.5 * z / sw / (1.0 + 15.0 * decay * z)
        return su, sw, sw, -2.0 * decay * sw, t, t, t
    if inverse_l < 0.0:
        wstar2 = ustar * ustar * (-h * inverse_l / 0.4) ** (2.0 / 3.0)
        su = ustar * (12.0 - 0.5 * h * inverse_l) ** (1.0 / 3.0)
        cube = max(zeta, 1e-4) ** (1.0 / 3.0)
        variance = 1.2 * wstar2 * (1.0 - 0.9 * zeta) * cube * cube + (1.8 - 1.4 * zeta) * ustar * ustar
        sw = math.sqrt(variance)
        slope = (1.2 * wstar2 * (2.0 / (3.0 * cube) - 1.5 * cube * cube) - 1.4 * ustar * ustar) / h
        t = 0.15 * h / su
        if -z * inverse_l < 1.0:
            tw = 0.1 * z / (sw * (0.55 + 0.38 * z * inverse_l))
        elif zeta < 0.1:
            tw = 0.59 * z / sw
        else:
            tw = 0.15 * h / sw * (1.0 - math.exp(-5.0 * zeta))
        return su, su, sw, 0.5 * slope / sw, t, t, tw
    rest = max(1.0 - zeta, 1e-2)
    su, sw = 2.0 * ustar * rest, 1.3 * ustar * rest
    slope = -1.3 * ustar / h if 1.0 - zeta > 1e-2 else 0.0
    root = math.sqrt(zeta)
    return su, sw, sw, slope, 0.15 * h / su * root, 0.07 * h / sw * root, 0.1 * h / sw * zeta**0.8


@kernel
def _place(x, axis):
    """Return the index left of x on a regular axis (first, step, count) and the weight of the next one."""
    position = (x - axis[0]) / axis[1]
    i = min(max(math.floor(position), 0), int(axis[2]) - 2)
    return i, min(max(position - i, 0.0), 1.0)


@kernel
def _surface(fields, it, wt, iy, wy, ix, wx, out):
    for k in range(out.size):
        total = 0.0
        for a in range(2):
            ta = wt if a else 1.0 - wt
            for b in range(2):
                yb = wy if b else 1.0 - wy
                total += ta * yb * ((1.0 - wx) * fields[k, it + a, iy + b, ix] + wx * fields[k, it + a, iy + b, ix + 1])
        out[k] = total


@kernel
def _column(winds, it, wt, iy, wy, ix, wx, out):
    """Interpolate u, v, w at all levels to a place and time."""
    for k in range(3):
        for j in range(out.shape[1]):
            total = 0.0
            for a in range(2):
                ta = wt if a else 1.0 - wt
                for b in range(2):
                    yb = ta * (wy if b else 1.0 - wy)
                    total += yb * (
                        (1.0 - wx) * winds[k, it + a, j, iy + b, ix] + wx * winds[k, it + a, j, iy + b, ix + 1]
                    )
            out[k, j] = total


@kernel
def _wind(column, levels, z, z0):
    """Return u, v, w; below the lowest level u and v follow the logarithmic profile and w falls to zero."""
    if z < levels[0]:
        shape, lift = math.log1p(z / z0) / math.log1p(levels[0] / z0), z / levels[0]
        return shape * column[0, 0], shape * column[1, 0], lift * column[2, 0]
    j = levels.size - 1
    while j > 0 and levels[j] > z:
        j -= 1
    i = min(j + 1, levels.size - 1)
    t = (z - levels[j]) / (levels[i] - levels[j]) if i > j else 0.0
    u = (1.0 - t) * column[0, j] + t * column[0, i]
    v = (1.0 - t) * column[1, j] + t * column[1, i]
    return u, v, (1.0 - t) * column[2, j] + t * column[2, i]


@kernel
def _left(x, y, z, axes, top):
    """Return through which side a particle has left the domain, INSIDE if it has not."""
    if x < axes[0, 0]:
        return WEST
    if x > axes[0, 0] + axes[0, 1] * (axes[0, 2] - 1):
        return EAST
    if y < axes[1, 0]:
        return SOUTH
    if y > axes[1, 0] + axes[1, 1] * (axes[1, 2] - 1):
        return NORTH
    return TOP if z > top else INSIDE


@kernel
def _reflect(z, r, h, below):
    """Reflect at the ground, and at the top of the boundary layer what was below it."""
    for _ in range(4):
        if z < 0.0:
            z, r = -z, -r
        elif below and z > h:
            z, r = 2.0 * h - z, -r
        else:
            break
    return z, r


@kernel
def _turn(r, time, dt, drift, noise):
    """One exact step of the Langevin equation for r = velocity / sigma; the drift is the well-mixed one."""
    keep = math.exp(-dt / time)
    return keep * r + math.sqrt(max(0.0, 1.0 - keep * keep)) * noise + (1.0 - keep) * time * drift


@kernel
def _deposit(x, y, z, dt, age, surface, settings, grid, out):
    """Add residence time: weighted to a surface sensitivity, or plain in a layer (FRACTION = 0)."""
    if settings[FRACTION] > 0.0:
        depth = settings[FRACTION] * surface[HEIGHT]
        if z >= depth:
            return
        # mean density of the mixed depth, from the exponential profile
        mean = surface[DENSITY] * surface[SCALE] / depth * -math.expm1(-depth / surface[SCALE])
        amount = dt / (depth * mean)
    elif settings[LOW] <= z < settings[HIGH]:
        amount = dt
    else:
        return
    i = math.floor((y - grid[1, 0]) / grid[1, 1])
    j = math.floor((x - grid[0, 0]) / grid[0, 1])
    k = int(age / settings[LAG])
    if 0 <= i < out.shape[1] and 0 <= j < out.shape[2] and k < out.shape[0]:
        out[k, i, j] += amount


@kernel
def _follow(state, random, winds, fields, axes, levels, top, earth, settings, grid, out):
    """Move one particle until its time is over or it leaves; `state` is lon, lat, z, age, how it ended."""
    x, y, z, age = state[LON], state[LAT], state[Z], 0.0
    surface, column = np.empty(fields.shape[0]), np.empty((3, levels.size))
    sign, degree = settings[DIRECTION], math.pi / 180.0
    ru, rv = _normals(random)
    rw, spare = _normals(random)
    have, fresh, ended = True, -1.0, INSIDE
    while age < settings[DURATION] - 1e-9:
        if age >= fresh:  # the meteorology of a place does not change within the longest step
            it, wt = _place(settings[START] + sign * age, axes[2])
            iy, wy = _place(y, axes[1])
            ix, wx = _place(x, axes[0])
            _surface(fields, it, wt, iy, wy, ix, wx, surface)
            _column(winds, it, wt, iy, wy, ix, wx, column)
            fresh = age + settings[LONGEST]
        mean_u, mean_v, mean_w = _wind(column, levels, z, surface[Z0])
        su, sv, sw, slope, tu, tv, tw = turbulence(z, surface, settings)
        tu, tv, tw = max(tu, settings[LEAST]), max(tv, settings[LEAST]), max(tw, settings[LEAST])
        end = (math.floor(age / settings[LAG] + 1e-9) + 1.0) * settings[LAG]  # of the lag interval
        dt = min(settings[STEP] * tw, settings[LONGEST], end - age, settings[DURATION] - age)
        h = surface[HEIGHT]
        below = z < h
        n1, n2 = _normals(random)
        if have:
            n3, have = spare, False
        else:
            n3, spare = _normals(random)
            have = True
        ru = _turn(ru, tu, dt, 0.0, n1)
        rv = _turn(rv, tv, dt, 0.0, n2)
        rw = _turn(rw, tw, dt, slope - sw / surface[SCALE], n3)
        speed = math.hypot(mean_u, mean_v)
        c, s = (mean_u / speed, mean_v / speed) if speed > 0.0 else (1.0, 0.0)
        u = sign * mean_u + su * ru * c - sv * rv * s
        v = sign * mean_v + su * ru * s + sv * rv * c
        _deposit(x, y, z, 0.5 * dt, age, surface, settings, grid, out)
        z += (sign * mean_w + sw * rw) * dt
        if not (math.isfinite(z) and math.isfinite(u) and math.isfinite(v)):
            ended = BROKEN
            break
        z, rw = _reflect(z, rw, h, below)
        x += u * dt / (earth * degree * max(math.cos(y * degree), 1e-3))
        y += v * dt / (earth * degree)
        _deposit(x, y, z, 0.5 * dt, age, surface, settings, grid, out)
        age += dt
        ended = _left(x, y, z, axes, top)
        if ended != INSIDE:
            break
    state[LON], state[LAT], state[Z], state[AGE], state[ENDED] = x, y, z, age, ended


@kernel
def follow(lo, hi, states, random, winds, fields, axes, levels, top, earth, settings, grid, out):
    """Move the particles of the blocks lo to hi, for :func:`ghg.core.jit.spread`.

    states (n, 5) in and out; random (n, 4) uint64; winds (3, nt, nz, ny, nx); fields (6, nt, ny, nx) in the order of
    the surface table; axes (3, 3): first, step and count of longitude, latitude [deg] and time [s]; levels (nz,) [m];
    grid (2, 2): west edge and step, south edge and step of the output cells; out (BLOCKS, lags, rows, columns).
    """
    n = states.shape[0]
    size = (n + BLOCKS - 1) // BLOCKS
    for block in range(lo, hi):
        for i in range(block * size, min(n, (block + 1) * size)):
            _follow(states[i], random[i], winds, fields, axes, levels, top, earth, settings, grid, out[block])
