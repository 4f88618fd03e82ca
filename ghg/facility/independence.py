"""Is the measured side a measurement? Found from the data, whatever the flags say.

Two families of constants look alike and mean the opposite:

- Fuel flow and G-4 (40 CFR 75 Appendix G 2.3): CO2 = Fc x heat x 44 / (385 x 2000). CO2 is heat input times a
  constant, so it is accounting.
- Stack gas and F-15 (Appendix F 5.2.1): heat = flow x CO2 / (100 Fc), while F-11 gives CO2 = 5.7e-7 x flow x CO2, so
  that CO2 / heat = 5.7e-5 Fc. The *heat input* is computed from the measured CO2; CO2 itself is measured.

The constants differ by 44/(385 x 2000) / 5.7e-5 = 1.00251, which rounding blurs in one hour and not over many.
G-4 is open to gas and oil only, so a constant in the range of solid fuels belongs to the second family.

What counts as constant is judged by rounding alone (:mod:`ghg.facility.co2_per_heat`). One total of a year is
compared with the known constants, and called "consistent with" one; whether its ratio varies it cannot show.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.units import factor
from ghg.facility.co2_per_heat import (
    CHANCE,
    CONSTANT_SHARE,
    F15,
    FEWEST,
    FUEL_FLOW_FUELS,
    G4,
    Constant,
    constant_of,
    nearest_fuel,
)

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]

SOLID = 0.0865  # short ton/mmBtu; the highest oil factor (Fc 1420) is 0.0811, the lowest coal factor (Fc 1800) 0.1026
MOST = 1 << 20  # intervals of a source that are looked at: a constant shows in far fewer
PAIRS = 6  # periods needed to speak of a constant ratio between the two sides

_CONSTANT = "CO2 per heat input is {constant:.5f} short ton/mmBtu"
EVIDENCE = {
    "stated": "all values are stated as fuel flow or defaults",
    "no_heat": "without heat input the data cannot show how CO2 was found",
    "no_record": "no record has both CO2 and heat input beyond rounding",
    "hidden": f"{_CONSTANT}, and rounding hides whether it varies in {{n}} record(s)",
    "fuels_by_g4": (
        "CO2 is heat input times a constant of equation G-4 in {share:.0%} of {n} records, of more than one fuel: that "
        "is fuel accounting, whatever the flags say"
    ),
    "varies": (
        "CO2 per heat input varies beyond rounding ({share:.0%} of {n} records lie on {constant:.5f} short ton/mmBtu)"
    ),
    "solid_like_f15": (
        f"{_CONSTANT}, consistent with heat derived from CO2 by F-15 (Fc {{f_factor:.0f}} scf/mmBtu, {{fuel}}); {{n}} "
        "record(s) cannot show whether it varies. The mass is independent of fuel records, but not of its own heat "
        "input"
    ),
    "solid_unknown": (
        f"{_CONSTANT}, no known F factor (Fc {{f_factor:.0f}} scf/mmBtu); {{n}} record(s) cannot show whether it "
        "varies. The mass is independent of fuel records"
    ),
    "solid_by_f15": (
        "CO2 per heat input is constant at {constant:.5f} short ton/mmBtu within rounding: heat input is computed from "
        "the measured CO2 by F-15 (Fc {f_factor:.0f} scf/mmBtu {fuel}), so CO2 is measured and heat input is not a "
        "second measurement"
    ),
    "gas_either": f"{_CONSTANT} in {{n}} record(s), and rounding cannot tell fuel flow (G-4) from stack gas (F-15)",
    "gas_like_g4": (
        f"{_CONSTANT} in {{n}} record(s), consistent with fuel accounting by G-4 (Fc {{f_factor:.0f}}, {{fuel}}); "
        "whether it varies such a record cannot show, so hourly or daily ones are needed"
    ),
    "gas_by_g4": (
        "CO2 is heat input times {constant:.5f} short ton/mmBtu in {share:.0%} of {n} records: equation G-4 with Fc "
        "{f_factor:.0f} ({fuel}), that is fuel accounting, whatever the flags say"
    ),
    "gas_by_f15": (
        f"{_CONSTANT} in {{n}} record(s), as when heat is computed from stack CO2 by F-15 (Fc {{f_factor:.0f}}, "
        "{fuel})"
    ),
    "gas_unknown": f"{_CONSTANT} in {{n}} record(s), which fits no known F factor",
    "energy_is_heat": "the accounted fuel energy is the monitored heat input times a constant in every period",
    "energy_is_emission": (
        "the accounted fuel energy is the monitored heat input times a constant in every period, and that heat input "
        "was itself computed from the measured CO2"
    ),
    "same_emission": "the accounted emission is the measured one times a constant in every period",
}


@dataclass(frozen=True)
class Independence:
    """The finding for one source.

    Parameters
    ----------
    source : str
        Label.
    status : {"independent", "not independent", "undetermined"}
        Whether the measured mass is a measurement independent of fuel and heat.
    heat_from_emission : bool
        The heat input is computed from the measured emission, and is no second measurement.
    constant : float
        CO2 per heat [short ton/mmBtu]; NaN if unknown.
    share : float
        Share of records within rounding of the constant.
    f_factor : float
        Fc [scf/mmBtu] that the constant means in its family; NaN if none.
    fuel : str
        Fuel with that F factor, empty if none.
    n : int
        Records that could speak.
    code : str
        Key of `EVIDENCE`: what the finding rests on.
    """

    source: str
    status: str
    heat_from_emission: bool = False
    constant: float = float("nan")
    share: float = float("nan")
    f_factor: float = float("nan")
    fuel: str = ""
    n: int = 0
    code: str = "no_record"

    @property
    def evidence(self) -> str:
        """The finding in one sentence."""
        return EVIDENCE[self.code].format(**asdict(self))

    def as_dict(self) -> dict[str, Any]:
        """Return the finding for JSON, without numbers that are not known."""
        return {k: v for k, v in {**asdict(self), "evidence": self.evidence}.items() if v == v}


@dataclass(frozen=True)
class Witness:
    """What a record says about how its emission was found; that of a long one is taken piece by piece.

    Parameters
    ----------
    labels : tuple of str
        Sources.
    mass, hours : float64 (source, n)
        CO2 [short ton] and operating hours of the intervals that are looked at.
    heat : float64 (source, n), optional
        Heat input [mmBtu].
    methods : tuple of frozenset of int
        Methods of each source while it emits, of all intervals.
    """

    labels: tuple[str, ...]
    mass: Array
    hours: Array
    heat: Array | None
    methods: tuple[frozenset[int], ...]

    def findings(self) -> list[Independence]:
        """Return the finding for each source."""
        if self.heat is None:
            return [_no_heat(label, methods) for label, methods in zip(self.labels, self.methods, strict=True)]
        each = zip(self.labels, self.mass, self.heat, self.hours, self.methods, strict=True)
        return [_source(*one) for one in each]


def witness(measured: xr.Dataset, first: int = 0, size: int | None = None) -> Witness:
    """Return what a MEASURED Dataset says, or a piece of one.

    Parameters
    ----------
    measured : Dataset
        With ``emission`` [kg s-1] of CO2 and, where known, ``heat_input`` [W], dims (source, time).
    first, size : int, optional
        Where the piece begins in the whole, and intervals of the whole: of more than a million, every second, third
        ... is looked at.
    """
    from ghg.core.time import seconds

    every = -(-(size or measured.sizes["time"]) // MOST)
    some = slice(-first % every, None, every)
    length = seconds(measured.variables["time_bounds"].values)[some]

    def rows(name: str) -> Array:
        return measured.variables[name].transpose("source", "time").values[:, some]

    share = np.nan_to_num(rows("operating_time"), nan=1.0) if "operating_time" in measured else 1.0
    mass = rows("emission") * length * factor("kg", "short_ton")
    return Witness(
        tuple(str(s) for s in measured.variables["source"].values),
        mass,
        np.broadcast_to(length / 3600.0 * share, mass.shape),
        rows("heat_input") * length * factor("J", "mmBtu") if "heat_input" in measured else None,
        tuple(_methods(measured)),
    )


def joined(pieces: Sequence[Witness]) -> Witness:
    """Return what pieces of the same sources say together, one after another in time."""
    if len(pieces) == 1:
        return pieces[0]
    heats = [one.heat for one in pieces if one.heat is not None]
    return Witness(
        pieces[0].labels,
        np.concatenate([one.mass for one in pieces], axis=1),
        np.concatenate([one.hours for one in pieces], axis=1),
        np.concatenate(heats, axis=1) if heats else None,
        tuple(frozenset().union(*each) for each in zip(*(one.methods for one in pieces), strict=True)),
    )


def assess(measured: xr.Dataset, accounted: xr.Dataset | None = None) -> list[Independence]:
    """Assess every source of a MEASURED Dataset.

    Parameters
    ----------
    measured : Dataset
        With ``emission`` [kg s-1] of CO2 and, where known, ``heat_input`` [W], dims (source, time).
    accounted : Dataset, optional
        ACCOUNTED Dataset on the same intervals, to find an accounting computed from the monitored heat.

    Returns
    -------
    list of Independence
        One for each source.
    """
    said = witness(measured)
    found = said.findings()
    if accounted is None:
        return found
    heat = np.full(said.mass.shape, np.nan) if said.heat is None else said.heat
    return [_with_accounted(one, heat[i], said.mass[i], accounted) for i, one in enumerate(found)]


def _methods(measured: xr.Dataset) -> list[frozenset[int]]:
    """Return the methods of each source while it emits."""
    if "emission_method" not in measured:
        return [frozenset()] * measured.sizes["source"]
    rows = (measured.variables[n].transpose("source", "time").values for n in ("emission_method", "emission"))
    return [frozenset(np.unique(method[emission > 0]).tolist()) for method, emission in zip(*rows, strict=True)]


def _stated(methods: frozenset[int]) -> bool:
    """Tell whether the file itself says that nothing was measured: fuel flow, default, substitute by it, derived."""
    return bool(methods) and methods <= {3, 4, 6}


def _no_heat(label: str, methods: frozenset[int]) -> Independence:
    if _stated(methods):
        return Independence(label, "not independent", code="stated")
    return Independence(label, "undetermined", code="no_heat")


def _source(label: str, mass: Array, heat: Array, hours: Array, methods: frozenset[int]) -> Independence:
    c = constant_of(mass, heat, hours)
    if c.n == 0:
        return Independence(label, "undetermined")
    if _stated(methods):
        fuel = nearest_fuel(c.value / G4, FUEL_FLOW_FUELS)
        fc = c.value / G4 if fuel else math.nan
        return _finding(label, c, "stated", "not independent", f_factor=fc, fuel=fuel)
    if c.n >= FEWEST and c.share < CONSTANT_SHARE:
        if c.fuel_flow_share >= CONSTANT_SHARE and c.chance < CHANCE:
            return _finding(label, c, "fuels_by_g4", "not independent", share=c.fuel_flow_share)
        return _finding(label, c, "varies", "independent")
    if c.n >= FEWEST and not c.constant:
        return _finding(label, c, "hidden", "undetermined")
    return _solid(label, c) if c.value >= SOLID else _gas(label, c)


def _finding(label: str, c: Constant, code: str, status: str, **known: Any) -> Independence:
    values = {"constant": c.value, "share": c.share, "n": c.n, **known}
    return Independence(label, status, code=code, **values)


def _solid(label: str, c: Constant) -> Independence:
    fc = c.value / F15
    fuel = nearest_fuel(fc)
    code = "solid_by_f15" if c.constant else "solid_like_f15" if fuel else "solid_unknown"
    derived = c.constant or bool(fuel)
    return _finding(label, c, code, "independent", heat_from_emission=derived, f_factor=fc, fuel=fuel)


def _gas(label: str, c: Constant) -> Independence:
    """Tell the two families apart in the range of gas and oil."""
    reach = 4.0 * c.u + 5e-4  # rounding, and the digits of the F factors
    by_fuel_flow = nearest_fuel(c.value / G4, FUEL_FLOW_FUELS, reach)
    by_stack = nearest_fuel(c.value / F15, FUEL_FLOW_FUELS, reach)
    if by_fuel_flow:
        known = {"f_factor": c.value / G4, "fuel": by_fuel_flow}
        if by_stack:
            return _finding(label, c, "gas_either", "undetermined", **known)
        if c.constant:
            return _finding(label, c, "gas_by_g4", "not independent", **known)
        return _finding(label, c, "gas_like_g4", "undetermined", **known)
    if by_stack:
        known = {"f_factor": c.value / F15, "fuel": by_stack, "heat_from_emission": True}
        return _finding(label, c, "gas_by_f15", "independent" if c.constant else "undetermined", **known)
    return _finding(label, c, "gas_unknown", "undetermined")


def constant_ratio(a: Array, b: Array) -> bool:
    """Tell whether two series of at least six periods are one series times a constant.

    Notes
    -----
    Within 2e-4 (typed values have five digits and more), and only where the series move by more than 2 %: two steady
    series would prove nothing.
    """
    known = (a > 0) & (b > 0) & np.isfinite(a) & np.isfinite(b)
    if known.sum() < PAIRS:
        return False
    ratio = a[known] / b[known]
    moved = np.ptp(b[known]) > 0.02 * np.mean(b[known])
    return bool(moved and np.max(np.abs(ratio / np.median(ratio) - 1.0)) < 2e-4)


def _with_accounted(one: Independence, heat: Array, mass: Array, accounted: xr.Dataset) -> Independence:
    """Look for an accounted side computed from the monitor of this source."""
    if accounted.sizes["time"] != heat.size:
        return one
    energies = [np.full(heat.size, np.nan)]
    if "energy" in accounted:
        energy = accounted.variables["energy"].transpose("stream", "time").values
        energies = [np.nansum(energy, axis=0), *energy]
    emission = accounted.variables["emission"]
    emitted = emission.sum([d for d in emission.dims if d != "time"]).values
    length = _lengths(accounted)
    main = [e for e in energies if np.nansum(e) > 0.5 * np.nansum(energies[0])]
    if any(_same(e, heat, length) for e in main):
        return replace(
            one, status="not independent", code="energy_is_emission" if one.heat_from_emission else "energy_is_heat"
        )
    if _same(emitted * length, mass, length):
        return replace(one, status="not independent", code="same_emission")
    return one


def _same(a: Array, b: Array, length: Array) -> bool:
    """Judge amounts and rates: months of one flat amount, or of one flat rate, would prove nothing."""
    return constant_ratio(a, b) and constant_ratio(a / length, b / length)


def _lengths(ds: xr.Dataset) -> Array:
    from ghg.core.time import seconds

    return seconds(ds.variables["time_bounds"].values)
