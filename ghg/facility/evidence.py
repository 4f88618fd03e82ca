"""The checks that two sides offer for the search of a wrong input: over the whole period, and across a change.

Components are named ``measured.flow`` or ``accounted.fuel_mass``. All errors are counted by their effect on the mass of
their own side: a moisture that is too low makes the measured side too high, and shows as a positive error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError
from ghg.facility.reconcile import Attribution, Check, attribute
from ghg.facility.stack_line import concentration_off_line, line_series

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.uncertainty.totals import Total
    from ghg.facility.config import Reference
    from ghg.facility.independence import Independence
    from ghg.facility.sums import Sums

Array = npt.NDArray[np.float64]

# factors of the accounted chain: variable -> component
CHAIN = {
    "fuel_mass": "fuel_mass",
    "fuel_volume": "fuel_mass",
    "calorific_value": "calorific_value",
    "calorific_value_volume": "calorific_value",
    "carbon_content": "carbon_content",
    "emission_factor": "emission_factor",
    "oxidation_factor": "oxidation",
}
U_LINE = 0.01  # CO2-O2 line: spread of Fc/Fd in a class and the error of O2; a working value, not from a source
U_F_FACTOR = 0.01  # heat by the F factor of a class against fuel energy; a working value, not from a source
ORDINARY = 0.0  # ordinary error of a factor for which the budget states none
FEWEST_SIDE = 3  # periods on each side of a change

# component, slip (its words are in ghg/report/text), ln of the factor by which it changes the mass of its side
SLIPS = [
    ("flow", "volume_at_20_taken_for_0", math.log(293.15 / 273.15)),
    ("flow", "volume_at_0_taken_for_20", -math.log(293.15 / 273.15)),
    ("flow", "volume_at_25_taken_for_0", math.log(298.15 / 273.15)),
    ("flow", "volume_at_0_taken_for_25", -math.log(298.15 / 273.15)),
    ("fuel_mass", "tonnes_taken_for_short_tons", math.log(0.90718474)),
    ("fuel_mass", "short_tons_taken_for_tonnes", -math.log(0.90718474)),
    ("emission_factor", "subbituminous_taken_for_bituminous", math.log(93.28 / 97.17)),  # 40 CFR 98 table C-1
    ("emission_factor", "bituminous_taken_for_subbituminous", math.log(97.17 / 93.28)),
]


def levels(
    totals: tuple[Total, Total],
    sides: tuple[xr.Dataset, xr.Dataset],
    sums: Sums,
    finding: list[Independence],
    references: list[Reference],
) -> Attribution:
    """Search for a wrong input with everything known of the whole period.

    Parameters
    ----------
    totals : pair of Total
        Measured and accounted.
    sides : pair of Dataset
        MEASURED and ACCOUNTED on the paired periods.
    sums : Sums
        Of the channels over the paired periods (:func:`ghg.facility.stack_line.quantities`).
    finding : list of Independence
        Whether the measured heat input is computed from the emission.
    references : list of Reference
        Second determinations of single inputs.

    Raises
    ------
    ConfigError
        A reference names an input that neither side has.
    """
    measured, accounted = totals
    priors = {f"measured.{n}": u / measured.value for n, u in measured.u_systematic.items()}
    priors |= {f"accounted.{n}": u / accounted.value for n, u in accounted.u_systematic.items()}
    for name in _chain(sides[1]):
        priors.setdefault(f"accounted.{name}", ORDINARY)
    checks = [_totals_check(measured, accounted, priors)]
    checks += _line_check(sums, sides[1], priors)
    checks += _heat_check(sides, finding, priors)
    checks += _references(references, priors)
    return attribute(checks, priors, slips=SLIPS)


def _chain(accounted: xr.Dataset) -> list[str]:
    """Return the components of the accounted factors that vary or are given."""
    found = [component for variable, component in CHAIN.items()
             if variable in accounted and bool(accounted.variables[variable].notnull().any())]  # fmt: skip
    return list(dict.fromkeys(found))


def _totals_check(measured: Total, accounted: Total, priors: dict[str, float]) -> Check:
    signs = {name: 1.0 if name.startswith("measured.") else -1.0 for name in priors}
    u = math.hypot(measured.u_random / measured.value, accounted.u_random / accounted.value)
    return Check("totals", math.log(measured.value / accounted.value), u, signs, "measured against accounted total")


def _concentration(priors: dict[str, float]) -> str:
    return next((n for n in ("measured.concentration", "measured.diluent") if n in priors), "")


def _line_check(sums: Sums, accounted: xr.Dataset, priors: dict[str, float]) -> list[Check]:
    name = _concentration(priors)
    ln = concentration_off_line(sums, accounted) if name else None
    if ln is None:
        return []
    return [
        Check("co2_o2_line", ln, U_LINE, {name: 1.0}, "CO2 against the stoichiometric line through O2 for the fuel")
    ]


def _heat_check(
    sides: tuple[xr.Dataset, xr.Dataset], finding: list[Independence], priors: dict[str, float]
) -> list[Check]:
    """Compare the monitored heat with the fuel energy, where that heat is not computed from the measured CO2."""
    from ghg.core.time import seconds

    measured, accounted = sides
    if "heat_input" not in measured or "energy" not in accounted or any(f.heat_from_emission for f in finding):
        return []
    heat_input, fuel_energy = measured.variables["heat_input"], accounted.variables["energy"]
    if heat_input.attrs.get("calorific_basis") != fuel_energy.attrs.get("calorific_basis"):
        return []
    signs = {"measured.flow": 1.0, "accounted.fuel_mass": -1.0, "accounted.calorific_value": -1.0}
    signs = {name: sign for name, sign in signs.items() if name in priors}
    length = seconds(measured.variables["time_bounds"].values)
    heat = heat_input.sum("source", skipna=False).values * length
    energy = fuel_energy.sum("stream", skipna=False).values
    known = np.isfinite(heat) & np.isfinite(energy)
    if "measured.flow" not in signs or not (known.all() and heat.sum() > 0 and energy.sum() > 0):
        return []
    ln = math.log(heat.sum() / energy.sum())
    return [Check("heat", ln, U_F_FACTOR, signs, "monitored heat input against the energy of the fuel")]


def _references(references: list[Reference], priors: dict[str, float]) -> list[Check]:
    checks = []
    for i, one in enumerate(references):
        known = [n for n in priors if n == one.component or n.partition(".")[2] == one.component]
        if len(known) != 1:
            raise ConfigError(
                "a reference names an input that the two sides do not have" if not known
                else "a reference names an input that both sides have",
                where=f"comparison.reference[{i}].component",
                found=one.component,
                need=", ".join(known or priors),
            )  # fmt: skip
        source = one.source or "a second determination"
        text = f"{source}: recorded over reference {one.ratio:.4f}"
        checks.append(Check(f"reference_{i + 1}", math.log(one.ratio), one.u, {known[0]: 1.0}, text, source))
    return checks


def steps(
    index: int, totals: tuple[Total, Total], sides: tuple[xr.Dataset, xr.Dataset], sums: Sums
) -> Attribution | None:
    """Search for the input that changed at a change point, from what moved with it and what did not.

    Parameters
    ----------
    index : int
        First period after the change.
    totals, sides, sums :
        As in :func:`levels`.

    Returns
    -------
    Attribution or None
        None where a side of the change has fewer than three periods. Errors are changes: after over before.

    Notes
    -----
    Each series (emission and fuel per load, CO2 over its line, calorific value, carbon per energy ...) gives the
    difference of its mean logarithm after and before; the covariance of those differences is that of the series within
    the two parts, widened for its few degrees of freedom nu by nu/(nu - k - 1), as the mean of the inverse Wishart.
    """
    priors = {f"measured.{n}": 0.0 for n in totals[0].u_systematic}
    priors |= {f"accounted.{n}": 0.0 for n in (*totals[1].u_systematic, *_chain(sides[1]))}
    series = _monthly(sides, sums, priors)
    n = sides[0].sizes["time"]
    if not series or min(index, n - index) < FEWEST_SIDE:
        return None
    y = np.stack([values for _, values, _, _ in series])
    before, after = y[:, :index], y[:, index:]
    inner = np.hstack([before - before.mean(axis=1, keepdims=True), after - after.mean(axis=1, keepdims=True)])
    freedom, k = n - 2, len(series)
    if freedom <= k + 1:
        return None
    within = inner @ inner.T / (freedom - k - 1)
    covariance = within * (1.0 / index + 1.0 / (n - index))
    change = after.mean(axis=1) - before.mean(axis=1)
    checks = [
        Check(name, float(change[i]), float(np.sqrt(covariance[i, i])), signs, text)
        for i, (name, _, signs, text) in enumerate(series)
    ]
    return attribute(checks, priors, covariance, slips=SLIPS)


def _monthly(
    sides: tuple[xr.Dataset, xr.Dataset], sums: Sums, priors: dict[str, float]
) -> list[tuple[str, Array, dict[str, float], str]]:
    """Return the series in logarithms with the inputs in them; none is a combination of others."""
    measured, accounted = sides
    of_m = {n: 1.0 for n in priors if n.startswith("measured.")}
    of_a = {n: 1.0 for n in priors if n.startswith("accounted.")}
    m = measured.variables["emission"].sum("source").values
    a = accounted.variables["emission"].sum("stream").values
    load = _load(measured, sums)
    found: list[tuple[str, Array, dict[str, float], str]] = []
    if load is None:
        signs = {**of_m, **{n: -1.0 for n in of_a}}
        found.append(("totals", _ln(m / a), signs, "measured against accounted emission"))
    else:
        found.append(("emission_per_load", _ln(m / load), of_m, "measured emission per gross load"))
        found.append(("accounted_per_load", _ln(a / load), of_a, "accounted emission per gross load"))
    line = line_series(sums, accounted)
    if line is not None and _concentration(priors):
        found.append(("co2_o2_line", line, {_concentration(priors): 1.0}, "CO2 against the line through O2"))
    for variable, component in CHAIN.items():
        name = f"accounted.{component}"
        if component == "fuel_mass" or variable not in accounted or name not in priors:
            continue
        values = _ln(_main_stream(accounted, variable))
        found.append((component, values, {name: 1.0}, f"{component.replace('_', ' ')} of the main fuel"))
    return [one for one in found if np.all(np.isfinite(one[1])) and np.std(one[1]) > 1e-6]


def _ln(values: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log(values)


def _main_stream(accounted: xr.Dataset, variable: str) -> Array:
    main = int(accounted.variables["emission"].sum("time").values.argmax())
    return accounted.variables[variable].isel(stream=main).values


def _load(measured: xr.Dataset, sums: Sums) -> Array | None:
    """Return the gross load of the periods, summed over the intervals that have an emission; None if unknown."""
    from ghg.core.time import seconds

    if "load" not in sums:
        return None
    total = sums.by_period("load")
    return total / seconds(measured.variables["time_bounds"].values) if np.all(total > 0) else None
