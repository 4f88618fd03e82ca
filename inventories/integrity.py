"""Do the analyses behind an accounting look like analyses? Carbon against energy, repeated months, values at a default.

Carbon content and calorific value of one fuel are bound to each other: the carbon per energy of a coal varies by a few
per cent while both vary by tens. Two months of composite samples seldom give the same digits, and never in two
quantities at once. A laboratory does not find the default.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Finding", "examine"]

Array = npt.NDArray[np.float64]
ANALYSED = ("calorific_value", "carbon_content")
ALARM = 0.01  # p-value from which it is an alarm
LEAST = 0.05  # relative departure of carbon per energy below which a month is not called off the line
CARBON_TO_CO2 = 44.0 / 12.0  # the ratio of the accounting guidelines (2006 IPCC Guidelines vol 2 ch 2)


@dataclass(frozen=True)
class Finding:
    """One check of one stream.

    Parameters
    ----------
    stream : str
        The stream.
    detector : {"off_line", "repeated", "at_default"}
        What was looked for.
    subject : str
        The quantity.
    score, p : float
        Size of it, and the probability that honest analyses look like that.
    periods : tuple of str
        First days of the periods concerned.
    detail : str
        In words.
    alarm : bool
        p is below 0.01.
    """

    stream: str
    detector: str
    subject: str
    score: float
    p: float
    periods: tuple[str, ...]
    detail: str
    alarm: bool

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON."""
        return {**asdict(self), "periods": list(self.periods)}


def examine(ds: xr.Dataset) -> list[Finding]:
    """Examine the analyses of an accounting.

    Parameters
    ----------
    ds : Dataset
        ACCOUNTED: dims (species, stream, time) with ``time_bounds``; ``carbon_content``, ``calorific_value`` (or
        ``energy`` and ``fuel_mass``) where they were analysed.

    Returns
    -------
    list of Finding
        Alarms first; empty where nothing was analysed.

    Raises
    ------
    InputError
        The Dataset has no streams.
    """
    if "stream" not in ds.dims:
        raise InputError("this is no accounting", found=", ".join(map(str, ds.dims)), need="the dimension stream")
    found: list[Finding] = []
    for i, name in enumerate(ds["stream"].values):
        one = ds.isel(stream=i)
        values = _analysed(one)
        for check in (_repeated, _at_default, _off_line):
            found += check(str(name), one, values)
    return sorted(found, key=lambda f: (not f.alarm, f.p))


def _analysed(one: xr.Dataset) -> dict[str, Array]:
    """Return the quantities of a stream that vary between periods: a constant was no analysis."""
    values = {n: one[n].values for n in ANALYSED if n in one}
    if "calorific_value" not in values and {"energy", "fuel_mass"} <= set(one):
        values["calorific_value"] = one["energy"].values / np.where(one["fuel_mass"] > 0, one["fuel_mass"], np.nan)
    return {n: np.asarray(v, float) for n, v in values.items() if _varies(np.asarray(v, float))}


def _varies(values: Array) -> bool:
    known = values[np.isfinite(values)]
    return bool(known.size >= 6 and np.ptp(known) > 1e-9 * np.abs(known).max())


def _days(one: xr.Dataset, which: Any) -> tuple[str, ...]:
    starts = one["time_bounds"].values[:, 0]
    return tuple(str(starts[i].astype("datetime64[D]")) for i in np.flatnonzero(which))


def _resolution(values: Array) -> float:
    """Return the step in which values stand: the least difference, or a simple part of it."""
    differences = np.diff(np.sort(values))
    least = float(np.min(differences[differences > 1e-9 * np.abs(values).max()]))
    for part in range(1, 11):
        places = (values - values[0]) * part / least
        if np.all(np.abs(places - np.round(places)) < 0.02):
            return least / part
    return least


def _repeated(name: str, one: xr.Dataset, values: dict[str, Array]) -> list[Finding]:
    """Find periods that repeat the digits of another, beyond what the spread and the resolution let expect.

    Two independent values with spread s and resolution r agree with probability r/(2 sqrt(pi) s) (normal values);
    quantities that agree at once multiply their probabilities.
    """
    chances = {n: _chance(v) for n, v in values.items()}
    if not values:
        return []
    m = len(next(iter(values.values())))
    first, second = np.triu_indices(m, 1)
    equal = {n: np.isclose(v[first], v[second], rtol=1e-9, atol=0.0) for n, v in values.items()}
    together = np.all([equal[n] for n in values], axis=0) if len(values) > 1 else np.zeros(first.size, bool)
    found = []
    for subject, hits, chance in (
        *((n, equal[n], chances[n]) for n in values),
        (" and ".join(values), together, math.prod(chances.values())),
    ):
        count = int(hits.sum())
        if count and (subject in values or len(values) > 1):
            p = _poisson_tail(count, first.size * chance)
            where = np.zeros(m, bool)
            where[second[hits]] = where[first[hits]] = True
            words = f"{int(where.sum())} periods repeat another, {first.size * chance:.2g} pairs were to be expected"
            found.append(Finding(name, "repeated", subject, float(count), p, _days(one, where), words, p < ALARM))
    return found


def _chance(values: Array) -> float:
    known = values[np.isfinite(values)]
    spread = max(float(np.std(known, ddof=1)), 1e-300)
    return min(1.0, _resolution(known) / (2.0 * math.sqrt(math.pi) * spread))


def _poisson_tail(count: int, mean: float) -> float:
    from scipy.stats import poisson

    return float(poisson.sf(count - 1, mean))


def _at_default(name: str, one: xr.Dataset, values: dict[str, Array]) -> list[Finding]:
    """Find analysed quantities that stand at the default of a factor set, to all their digits."""
    from inventories.accounting.factors import fuel_in, table

    factors = {"calorific_value": "J/kg", "carbon_content": "1"}
    fuel = str(one.coords["fuel"].values) if "fuel" in one.coords else ""
    found = []
    for subject, v in values.items():
        for row in {r.value: r for r in table() if r.quantity == subject and r.fuel == fuel_in(fuel, r.set)}.values():
            at = np.isclose(v, row.to(factors[subject]), rtol=1e-9, atol=0.0)
            if at.any():
                p = _poisson_tail(int(at.sum()), 2.0 * at.size * _chance(v))  # twice: the mode of a normal is higher
                words = f"{int(at.sum())} periods have the default {row.value:g} {row.unit} of {row.set}"
                found.append(Finding(name, "at_default", subject, float(at.sum()), p, _days(one, at), words, p < ALARM))
    return found


def _off_line(name: str, one: xr.Dataset, values: dict[str, Array]) -> list[Finding]:
    """Find periods whose carbon per energy leaves the range of the fuel, or the unit's own line."""
    if "carbon_content" not in values or "emission" not in one or "energy" not in one:
        return []
    ratio = _carbon_per_energy(one)
    known = np.isfinite(ratio)
    if known.sum() < 6:
        return []
    found = []
    ln = np.log(np.where(known, ratio, np.nan))
    centre = float(np.nanmedian(ln))
    spread = max(1.4826 * float(np.nanmedian(np.abs(ln - centre))), 0.005)
    z = np.abs(ln - centre) / spread
    away = known & (np.abs(ln - centre) > LEAST)
    if away.any():
        worst = int(np.argmax(np.where(away, z, 0.0)))
        p = min(1.0, float(known.sum()) * math.erfc(z[worst] / math.sqrt(2.0)))
        words = f"{100.0 * math.expm1(ln[worst] - centre):+.1f} % from the median of {math.exp(centre):.2f} kg C/GJ"
        found.append(Finding(name, "off_line", "carbon per energy", float(z[worst]), p, _days(one, away), words,
                             p < ALARM))  # fmt: skip
    span = _range(one)
    if span is not None:
        out = known & ((ratio < span[0]) | (ratio > span[1]))
        if out.any():
            words = f"{span[0]:.1f} to {span[1]:.1f} kg C/GJ is the 95 % range of the fuel (IPCC 2006)"
            # one coal in twenty lies outside, and all months of a plant burn much the same coal
            share = float(out.sum()) / float(known.sum())
            found.append(Finding(name, "off_line", "carbon per energy of the fuel", share, 0.05, _days(one, out), words,
                                 False))  # fmt: skip
    return found


def _carbon_per_energy(one: xr.Dataset) -> Array:
    """Return the carbon burnt per energy [kg/GJ], unburnt carbon counted in, of the CO2 of a stream."""
    from ghg.core.time import seconds

    species = [str(s) for s in np.atleast_1d(one["species"].values)] if "species" in one.coords else ["CO2"]
    emission = (
        one["emission"].isel(species=species.index("CO2")) if "species" in one["emission"].dims else one["emission"]
    )
    mass = emission.values * seconds(one["time_bounds"].values)
    burnt = one["oxidation_factor"].values if "oxidation_factor" in one else 1.0
    energy = np.where(one["energy"].values > 0.0, one["energy"].values, np.nan)
    return mass / energy / CARBON_TO_CO2 / burnt * 1e9


def _range(one: xr.Dataset) -> tuple[float, float] | None:
    """Return the 95 % range of carbon per net energy [kg/GJ] of the fuel in the 2006 IPCC Guidelines."""
    from inventories.accounting.factors import default, fuel_in, known

    if one["energy"].attrs.get("calorific_basis", "net") != "net" or "fuel" not in one.coords:
        return None
    fuel = fuel_in(str(one.coords["fuel"].values), "ipcc2006")
    if not fuel or not known("ipcc2006", fuel, "carbon_per_energy"):
        return None
    row = default("ipcc2006", fuel, "carbon_per_energy")
    return (row.lower, row.upper) if row.upper > row.lower else None
