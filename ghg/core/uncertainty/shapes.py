"""Shapes of systematic components: standardised distributions (JCGM 101, 6.4)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Shape", "fill_standard", "shape_of", "shape_scale"]

Array = npt.NDArray[np.float64]
Shape = tuple[str, float]


def shape_of(text: Any) -> Shape:
    """Return (kind, parameter) of a standardised distribution.

    Parameters
    ----------
    text : str or (str, float)
        "normal", "rectangular", "triangular", ("t", degrees of freedom above 2), or ("lognormal", standard
        deviation of the logarithm): a factor whose mean is the value and which is never negative.

    Raises
    ------
    InputError
        If the kind is unknown, the t distribution has no finite variance, or a log-normal one no width.
    """
    kind, freedom = (text, math.inf) if isinstance(text, str) else (str(text[0]), float(text[1]))
    if kind not in ("normal", "rectangular", "triangular", "t", "lognormal"):
        raise InputError(
            "unknown distribution",
            found=str(text),
            need="normal, rectangular, triangular, (t, dof) or (lognormal, sd of the logarithm)",
        )
    if kind == "lognormal":
        if not 0.0 < freedom < math.inf:
            raise InputError("a log-normal distribution needs the standard deviation of its logarithm",
                             found=str(text), need="a number above 0")  # fmt: skip
        return kind, freedom
    if kind != "t":
        return kind, math.inf
    if not freedom > 2.0:
        raise InputError("a t distribution needs more than 2 degrees of freedom", found=str(freedom))
    return ("normal", math.inf) if math.isinf(freedom) else (kind, freedom)


def shape_scale(shape: Shape) -> float:
    """Return the standard deviation of a standardised draw: sqrt(nu / (nu - 2)) for t (JCGM 101, 6.4.9.4)."""
    return math.sqrt(shape[1] / (shape[1] - 2.0)) if shape[0] == "t" else 1.0


def fill_standard(rng: np.random.Generator, shape: Shape, out: Array) -> None:
    """Fill `out` with draws of mean 0 and variance 1 (scale 1 for t)."""
    kind, freedom = shape
    if kind == "normal":
        rng.standard_normal(out=out)
    elif kind == "rectangular":
        rng.random(out=out)
        out -= 0.5
        out *= math.sqrt(12.0)
    elif kind == "triangular":
        rng.random(out=out)
        out += rng.random(out.size)
        out -= 1.0
        out *= math.sqrt(6.0)
    elif kind == "lognormal":
        rng.standard_normal(out=out)
        out *= freedom
        out -= 0.5 * freedom**2
        np.expm1(out, out=out)
        out /= math.sqrt(math.expm1(freedom**2))
    else:
        out[:] = rng.standard_t(freedom, out.size)
