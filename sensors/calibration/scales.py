"""Calibration scales: values and uncertainties from one to another, by stated relations only."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from ghg.core.errors import InputError

__all__ = ["convert_scale", "relation"]

_SHORT = {"X2007": "WMO CO2 X2007", "X2019": "WMO CO2 X2019", "WMO-CO2-X2007": "WMO CO2 X2007",
          "WMO-CO2-X2019": "WMO CO2 X2019", "X2004A": "WMO CH4 X2004A", "WMO-CH4-X2004A": "WMO CH4 X2004A"}  # fmt: skip


@cache
def _conversions() -> list[dict[str, Any]]:
    text = (files("sensors.calibration") / "data" / "scales.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)["conversion"]


def _name(scale: str) -> str:
    return _SHORT.get(scale.strip(), scale.strip())


def relation(gas: str, found: str, need: str) -> tuple[float, float]:
    """Return slope and intercept of the conversion, chained over the table where needed.

    Raises
    ------
    InputError
        No relation between the two is known.
    """
    start, goal = _name(found), _name(need)
    reached: dict[str, tuple[float, float]] = {start: (1.0, 0.0)}
    steps = [(r["from"], r["to"], r["slope"], r["intercept"]) for r in _conversions() if r["gas"] == gas]
    steps += [(to, start_, 1.0 / k, -c / k) for start_, to, k, c in steps]
    grew = True
    while grew and goal not in reached:
        grew = False
        for one, two, k, c in steps:
            if one in reached and two not in reached:
                slope, intercept = reached[one]
                reached[two] = (k * slope, k * intercept + c)
                grew = True
    if goal not in reached:
        known = sorted({s for one, two, *_ in steps for s in (one, two)})
        raise InputError(f"no conversion between these scales of {gas} is known", found=f"{found} to {need}",
                         need="scales among " + (", ".join(known) or "none"))  # fmt: skip
    return reached[goal]


def convert_scale(values: Any, gas: str, found: str, need: str, uncertainty: Any = 0.0) -> tuple[Any, Any]:
    """Convert mole fractions and their uncertainties between calibration scales.

    Parameters
    ----------
    values : array
        Mole fractions in the usual unit of the gas (umol mol-1 for CO2, nmol mol-1 for CH4).
    gas : str
    found, need : str
        Scales, such as ``"WMO CO2 X2007"``.
    uncertainty : array
        Standard uncertainties: they get the slope, never the offset.

    Returns
    -------
    tuple
        Values and uncertainties. "Converted" is not "reprocessed": only the relation of the scales is applied.

    Raises
    ------
    InputError
        No relation is known.

    Examples
    --------
    >>> round(float(convert_scale(400.0, "co2", "X2007", "X2019")[0]), 3)
    400.174
    """
    slope, intercept = relation(gas, found, need)
    return np.asarray(values) * slope + intercept, np.asarray(uncertainty) * slope
