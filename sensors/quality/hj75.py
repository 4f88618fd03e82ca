"""HJ 75-2017: acceptance of velocity, temperature, moisture and oxygen monitors against the reference method."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.stats import t as student

from ghg.core.errors import InputError
from sensors.quality.criteria import criterion
from sensors.quality.result import Check, QualityResult, finite_values

__all__ = ["acceptance"]

STANDARD = "HJ 75-2017"
NAMES = {"relative_error": "percent", "relative_accuracy": "percent", "absolute_error": ""}


def acceptance(monitor: Any, reference: Any, parameter: str, *, subject: str = "") -> QualityResult:
    """Judge a monitor by pairs with the reference method.

    Parameters
    ----------
    monitor, reference : float (n,)
        Pairs, n >= 5 (9 for the relative accuracy): velocity [m s-1], temperature [degC], h2o [percent],
        o2 [percent, dry].
    parameter : {"velocity", "temperature", "h2o", "o2"}
        What is measured. The specification sets nothing for CO2.
    subject : str, optional
        For the result.

    Returns
    -------
    QualityResult
        ``values``: the statistic that is limited at the mean of the reference: relative error
        ``100 (m - r) / r`` of the means, relative accuracy ``100 (|d| + |cc|) / r``, or absolute error ``m - r``.

    Raises
    ------
    InputError
        An unknown parameter, too few pairs, unequal lengths or a zero reference.

    References
    ----------
    HJ 75-2017, 9.3.3; the limits are marked unverified until they are compared with the printed table.
    """
    rule = criterion("hj75")
    limits = criterion("hj75", parameter)
    m, r = (finite_values(v, parameter, rule["pairs"], "an acceptance test") for v in (monitor, reference))
    if m.size != r.size:
        raise InputError("the acceptance test has unequal numbers of values", where=parameter,
                         found=f"{m.size} and {r.size}")  # fmt: skip
    level = float(r.mean())
    part = limits["above"] if "split" not in limits or level > limits["split"] else limits["below"]
    statistic = part["statistic"]
    d = r - m
    if statistic == "absolute_error":
        value = -float(d.mean())
    elif level == 0.0:
        raise InputError("the mean of the reference method is zero", where=parameter)
    elif statistic == "relative_error":
        value = -100.0 * float(d.mean()) / level
    else:
        if m.size < 9:
            raise InputError("the relative accuracy needs nine pairs", where=parameter, found=str(m.size))
        cc = float(student.ppf(0.975, m.size - 1)) * float(d.std(ddof=1)) / math.sqrt(m.size)
        value = 100.0 * (abs(float(d.mean())) + abs(cc)) / abs(level)
    check = Check(statistic, value, part["limit"], NAMES[statistic] or limits["units"], rule["source"],
                  rule["verified"])  # fmt: skip
    values = {"pairs": m.size, "mean_monitor": float(m.mean()), "mean_reference": level, statistic: value}
    series = {"monitor": m.tolist(), "reference": r.tolist(), "used": np.ones(m.size, bool).tolist()}
    return QualityResult("acceptance", STANDARD, check.passed, (check,), check.name, values, series, limits["units"],
                         subject)  # fmt: skip
