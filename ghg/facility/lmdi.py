"""Exact split of the logarithm of a ratio over the inputs of both sides (LMDI-I)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

Array = npt.NDArray[np.float64]


def log_mean(a: Array, b: Array) -> Array:
    """Return the logarithmic mean (a - b)/ln(a/b), `a` where both are equal, 0 where one is 0."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    positive = (a > 0) & (b > 0)
    safe_b = np.where(positive, b, 1.0)
    log = np.log(np.where(positive, a, 1.0) / safe_b)
    equal = log == 0.0
    # b (exp(x) - 1)/x keeps its digits where a and b are nearly equal, (a - b)/x does not
    mean = safe_b * np.where(equal, 1.0, np.expm1(log) / np.where(equal, 1.0, log))
    return np.where(positive, mean, 0.0)


def lmdi(measured: Mapping[str, Array], accounted: Mapping[str, Array]) -> dict[str, float]:
    """Split ln of the ratio of two sums of products over their factors (LMDI-I, additive log form).

    Parameters
    ----------
    measured, accounted : mapping of float64 (n,)
        The same factors on both sides; their product over the names is the mass of each interval, and the sum
        over the intervals the total. Not negative.

    Returns
    -------
    dict
        Factor -> its part; the parts sum to ln(total measured / total accounted).

    Raises
    ------
    InputError
        The two sides have different factors, or one total is not positive.

    Notes
    -----
    Where one side of an interval is 0, the limit holds: the whole difference of the interval belongs to the factors
    that are 0 on one side only.

    References
    ----------
    Ang 2005, doi:10.1016/j.enpol.2003.10.010: weights L(V_i, W_i)/L(V, W).
    Ang 2004, doi:10.1016/S0301-4215(03)00076-4: why LMDI-I among the methods without residual.
    """
    if set(measured) != set(accounted) or not measured:
        found = f"{', '.join(measured)} and {', '.join(accounted)}"
        raise InputError("the two sides are not products of the same factors", found=found)
    left, right = ({k: np.atleast_1d(np.asarray(side[k], float)) for k in measured} for side in (measured, accounted))
    v, w = (np.prod(np.stack(np.broadcast_arrays(*side.values())), axis=0) for side in (left, right))
    if not (v.sum() > 0 and w.sum() > 0 and np.all(v >= 0) and np.all(w >= 0)):
        raise InputError("a split in logarithms needs masses that are not negative, and positive totals")
    weight = log_mean(v, w) / log_mean(np.array([v.sum()]), np.array([w.sum()]))[0]
    both = (v > 0) & (w > 0)
    vanishing = {k: (left[k] == 0) != (right[k] == 0) for k in left}
    sharers = np.maximum(np.sum(list(np.broadcast_arrays(*vanishing.values())), axis=0), 1)
    edge = np.where(both, 0.0, v - w) / log_mean(np.array([v.sum()]), np.array([w.sum()]))[0] / sharers
    parts = {}
    for name in left:
        ratio = np.where(both, left[name], 1.0) / np.where(both, right[name], 1.0)
        parts[name] = float(np.sum(np.where(both, weight * np.log(ratio), edge * vanishing[name])))
    return parts
