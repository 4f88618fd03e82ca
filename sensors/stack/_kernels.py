"""Kernels of stack emission: plain float64 in SI, no units, no labels.

The emission of an interval is a product of its inputs,

    E = K * q * x(c, h) * (1 - h)**m * (p / T)**a * s

with flow q, concentration c (or oxygen, from which x is found), moisture h, temperature T, pressure p, and
the share s of the interval in operation. `m` is 1 when c is dry and q wet, -1 the other way round, else 0;
`a` is 1 when q is at actual conditions and c is not, -1 the other way round, else 0.

NaN rule: NaN in any input that is used gives NaN in all outputs of that interval.
"""

from __future__ import annotations

import math

import numpy as np

from ghg.core.jit import kernel, kernel_parallel, prange

# How the concentration is found (modes[0])
DIRECT, OXYGEN_DRY, OXYGEN_WET = 0, 1, 2
# Rows of the uncertainty table `u` and of `slots`
FLOW, CONCENTRATION, MOISTURE, TEMPERATURE, PRESSURE, F_FACTOR, VOLUME_STATE = range(7)
BLOCK = 4096  # intervals worked on while they stay in the first-level cache

# Part 75 equations of the chain kernel
F11, F2, F14A, F14B = 0, 1, 2, 3


@kernel
def _add(sensitivity, value, relative, absolute, relative_random, absolute_random, out, variance):
    """Write |sensitivity| * u to `out` and add the random variance; u**2 = (rel * value)**2 + abs**2."""
    n = sensitivity.size
    r2, a2 = relative * relative, absolute * absolute
    rr2, ra2 = relative_random * relative_random, absolute_random * absolute_random
    if absolute == 0.0:  # the common cases need no square root
        for j in range(n):
            out[j] = abs(sensitivity[j] * value[j]) * relative
    elif relative == 0.0:  # `0 * value` carries a NaN of the value
        for j in range(n):
            out[j] = abs(sensitivity[j]) * absolute + 0.0 * value[j]
    else:
        for j in range(n):
            out[j] = abs(sensitivity[j]) * math.sqrt(r2 * value[j] * value[j] + a2)
    if rr2 + ra2 > 0.0:
        for j in range(n):
            variance[j] += sensitivity[j] * sensitivity[j] * (rr2 * value[j] * value[j] + ra2)


@kernel
def _block(c, q, t, p, h, s, modes, constants, u, slots, emission, random, systematic, lo, hi, scratch):
    """Work on intervals lo to hi; `scratch` (5, n): weight, fraction, its two slopes, sensitivity."""
    n = emission.size
    mode, a, m = modes[0], modes[1], modes[2]
    k, ratio, air = constants[0], constants[1], constants[2]
    weight, x, slope_c, slope_h, sens = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    for j in range(n):
        weight[j] = k * s[j]
    if a == 1:
        for j in range(n):
            weight[j] *= p[j] / t[j]
    elif a == -1:
        for j in range(n):
            weight[j] *= t[j] / p[j]
    if m == 1:
        for j in range(n):
            weight[j] *= 1.0 - h[j]
    elif m == -1:
        for j in range(n):
            weight[j] /= 1.0 - h[j]
    if mode == 0:
        for j in range(n):
            x[j] = c[j]
            slope_c[j] = 1.0
            slope_h[j] = 0.0
    else:
        for j in range(n):
            moist = h[j] if mode == 2 else 0.0
            raw = ratio * (air * (1.0 - moist) - c[j]) / air
            # below zero there is no CO2 (F-14A, F-14B); NaN stays NaN
            x[j] = 0.0 if raw < 0.0 else raw
            slope_c[j] = -ratio / air
            slope_h[j] = -ratio if mode == 2 else 0.0
    for j in range(n):
        emission[j] = weight[j] * q[j] * x[j]
        random[j] = 0.0
    for j in range(n):
        sens[j] = weight[j] * x[j]
    _add(sens, q, u[0, 0], u[0, 1], u[0, 2], u[0, 3], systematic[slots[0]][lo:hi], random)
    for j in range(n):
        sens[j] = weight[j] * q[j] * slope_c[j]
    _add(sens, c, u[1, 0], u[1, 1], u[1, 2], u[1, 3], systematic[slots[1]][lo:hi], random)
    if slots[2] >= 0:
        for j in range(n):
            sens[j] = weight[j] * q[j] * (slope_h[j] - m * x[j] / (1.0 - h[j]))
        _add(sens, h, u[2, 0], u[2, 1], u[2, 2], u[2, 3], systematic[slots[2]][lo:hi], random)
    if slots[3] >= 0:
        for j in range(n):
            sens[j] = emission[j] / t[j]
        _add(sens, t, u[3, 0], u[3, 1], u[3, 2], u[3, 3], systematic[slots[3]][lo:hi], random)
    if slots[4] >= 0:
        for j in range(n):
            sens[j] = emission[j] / p[j]
        _add(sens, p, u[4, 0], u[4, 1], u[4, 2], u[4, 3], systematic[slots[4]][lo:hi], random)
    for row in range(5, 7):  # constants: only a relative part
        if slots[row] >= 0:
            out = systematic[slots[row]][lo:hi]
            for j in range(n):
                out[j] = abs(emission[j]) * u[row, 0]
                random[j] += (emission[j] * u[row, 2]) ** 2
    for j in range(n):
        random[j] = math.sqrt(random[j]) + 0.0 * emission[j]


@kernel_parallel
def emission_budget(c, q, t, p, h, s, modes, constants, u, slots, emission, random, systematic):
    """Compute emission and its first-order uncertainty in one pass over the inputs.

    Parameters
    ----------
    c : float64 (n,)
        Concentration (volume fraction 1, or kg m-3), or oxygen fraction in the oxygen modes.
    q, t, p, h, s : float64 (n,)
        Flow m3 s-1, temperature K, pressure Pa, moisture 1, operating share 1. An input that `modes` does not
        use may be any array of that length.
    modes : int64 (3,)
        DIRECT, OXYGEN_DRY or OXYGEN_WET; a; m.
    constants : float64 (3,)
        K; Fc/Fd; oxygen of air (fraction).
    u : float64 (7, 4)
        Standard uncertainties of the inputs: relative and absolute, systematic then random.
    slots : int64 (7,)
        Row of `systematic` for each input, -1 for those not used; flow and concentration are always used.
    emission, random : float64 (n,)
        Filled: kg s-1 (for K in kg m-3 or 1).
    systematic : float64 (inputs, n)
        Filled: kg s-1.

    References
    ----------
    JCGM 100:2008, equation (10): first order, inputs independent.
    """
    n = emission.size
    blocks = (n + BLOCK - 1) // BLOCK
    for b in prange(blocks):
        lo = b * BLOCK
        hi = min(n, lo + BLOCK)
        scratch = np.empty((5, hi - lo))
        _block(
            c[lo:hi],
            q[lo:hi],
            t[lo:hi],
            p[lo:hi],
            h[lo:hi],
            s[lo:hi],
            modes,
            constants,
            u,
            slots,
            emission[lo:hi],
            random[lo:hi],
            systematic,
            lo,
            hi,
            scratch,
        )


@kernel
def _round_away(x, scale):
    """Round to 1/scale, halves away from zero.

    The regulation computes in decimals, where 0.05 is a tie; its double neighbour may lie a few units in the
    last place below, so a tie within 4e-15 (relative) counts as one.
    """
    y = abs(x) * scale
    return math.copysign(np.floor(y * (1.0 + 4e-15) + 0.5 + 1e-12), x) / scale


@kernel_parallel
def round_away(x, scale, out):
    """Round every value of `x` (n,) to 1/scale into `out`, halves away from zero; NaN stays NaN."""
    for i in prange(x.size):
        out[i] = _round_away(x[i], scale)


@kernel_parallel
def part75_chain(gas, flow, moisture, operating, equation, constant, ratio, rounding, rate, mass):
    """Compute hourly CO2 rate and mass by the Part 75 chain, in the units of the regulation.

    Parameters
    ----------
    gas : float64 (n,)
        CO2 percent wet (F11), dry (F2), or O2 percent dry (F14A) or wet (F14B).
    flow : float64 (n,)
        scfh, wet.
    moisture : float64 (n,)
        Percent; not read for F11.
    operating : float64 (n,)
        Share of the hour.
    equation : int
        F11, F2, F14A (then F-2) or F14B (then F-11).
    constant : float
        short ton per scf and percent: 5.7e-7.
    ratio : float
        Fc/Fd.
    rounding : int
        1: percent and rate to 0.1, halves away from zero.
    rate, mass : float64 (n,)
        Filled: short ton per hour, short ton.
    """
    for i in prange(gas.size):
        wet = (100.0 - moisture[i]) / 100.0 if equation != 0 else 1.0
        co2 = gas[i]
        if equation == 2:
            co2 = 100.0 * ratio * (20.9 - gas[i]) / 20.9
        elif equation == 3:
            co2 = 100.0 / 20.9 * ratio * (20.9 * wet - gas[i])
        if equation >= 2:
            co2 = 0.0 if co2 < 0.0 else co2
            if rounding == 1:
                co2 = _round_away(co2, 10.0)
        e = constant * co2 * flow[i]
        if equation == 1 or equation == 2:
            e *= wet
        if rounding == 1:
            e = _round_away(e, 10.0)
        rate[i] = e
        mass[i] = e * operating[i]
