"""The Dataset of annual emissions that passes between compilation, uncertainty, gridding and export.

dims (source): one row of the inventory, a point, a line or an area (a region and sector).

- ``emission_<species>``: kg s-1, mean over the year ``year`` (annual mass = value x :func:`seconds_of_year`); attribute
  ``species`` holds the name; NaN is not estimated, 0 is none
- ``source``: label of the row, unique
- ``region``, ``sector``: country or region code, and GNFR letter (A to P)
- ``category``: class in the inventory's own taxonomy (attribute ``taxonomy``: NFR, CRT, ...)
- ``kind``: point, area or line
- ``lon``, ``lat``: degrees, NaN for areas
- ``memo``: true where the row is outside national totals
- ``year``: scalar
- ``left_<species>``: optional: share of the species that the controls of the row leave
- ``stack_height``, ...: optional: ``stack_diameter`` [m], ``stack_temperature`` [K], ``stack_velocity`` [m s-1]

Uncertainty is kept as a budget, not as a matrix: see :mod:`inventories.uncertainty.budget`.
"""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, GhgError, InputError
from inventories.species import species, variable_name

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["GNFR", "LEFT", "STACK", "annual", "annual_mass", "check_annual", "seconds_of_year", "species_of", "totals"]

# Gridded NFR aggregation, CLRTAP reporting guidelines (ECE/EB.AIR/125) annex V
GNFR = {
    "A": "PublicPower", "B": "Industry", "C": "OtherStationaryComb", "D": "Fugitive", "E": "Solvents",
    "F": "RoadTransport", "G": "Shipping", "H": "Aviation", "I": "Offroad", "J": "Waste", "K": "AgriLivestock",
    "L": "AgriOther", "M": "Other", "N": "Natural", "O": "AviCruise", "P": "IntShipping", "z": "Memo",
}  # fmt: skip
MEMO = ("N", "O", "P", "z")  # classes outside national totals
KINDS = ("point", "area", "line")
LEFT = "left_"
STACK = {"stack_height": "m", "stack_diameter": "m", "stack_temperature": "K", "stack_velocity": "m s-1"}
SECONDS_PER_DAY = 86400.0


def seconds_of_year(year: int) -> float:
    """Return the seconds of a calendar year (365 or 366 days)."""
    return SECONDS_PER_DAY * (366 if calendar.isleap(year) else 365)


def annual(
    emission: Mapping[str, npt.ArrayLike],
    *,
    source: Sequence[str],
    region: Sequence[str],
    sector: Sequence[str],
    year: int,
    category: Sequence[str] | None = None,
    taxonomy: str = "GNFR",
    kind: Sequence[str] | None = None,
    lon: npt.ArrayLike | None = None,
    lat: npt.ArrayLike | None = None,
    stack: Mapping[str, npt.ArrayLike] | None = None,
) -> xr.Dataset:
    """Return the Dataset of annual emissions.

    Parameters
    ----------
    emission : mapping
        Species -> mass of the year [kg], shape (source,).
    source, region, sector : sequence of str
        Labels; sectors are GNFR letters.
    year : int
        Calendar year.
    category, taxonomy : optional
        Class in the inventory's own taxonomy; the sector where not given.
    kind : sequence of str, optional
        point, area or line; a row with a position is a point where not given.
    lon, lat : array, optional
        Position [degrees], NaN where there is none.
    stack : mapping, optional
        See :data:`STACK`; metres, kelvin and metres per second.

    Raises
    ------
    ErrorList
        See :func:`check_annual`.
    """
    import xarray as xr

    n = len(source)
    nowhere = np.full(n, np.nan)
    x = nowhere if lon is None else np.asarray(lon, float)
    y = nowhere if lat is None else np.asarray(lat, float)
    shape = np.where(np.isfinite(x) & np.isfinite(y), "point", "area") if kind is None else np.asarray(kind, str)
    letters = np.asarray(sector, str)
    coords: dict[str, Any] = {
        "source": ("source", np.asarray(source, str), {"long_name": "row of the inventory"}),
        "region": ("source", np.asarray(region, str), {"long_name": "country or region"}),
        "sector": ("source", letters, {"long_name": "GNFR sector"}),
        "category": ("source", letters if category is None else np.asarray(category, str),
                     {"long_name": "class in the inventory's own taxonomy", "taxonomy": taxonomy}),
        "kind": ("source", shape, {"long_name": "point, area or line"}),
        "memo": ("source", np.isin(letters, MEMO), {"long_name": "outside national totals"}),
        "lon": ("source", x, {"units": "degrees_east", "standard_name": "longitude", "long_name": "longitude"}),
        "lat": ("source", y, {"units": "degrees_north", "standard_name": "latitude", "long_name": "latitude"}),
        "year": ((), int(year), {"long_name": "calendar year of the emissions", "units": "1"}),
    }  # fmt: skip
    rate = 1.0 / seconds_of_year(year)
    data: dict[str, Any] = {}
    for name, mass in emission.items():
        data[variable_name(name)] = ("source", np.asarray(mass, float) * rate, attributes(name))
    for name, values in (stack or {}).items():
        words = {"long_name": name.replace("_", " "), "units": STACK[name]}
        data[name] = ("source", np.asarray(values, float), words)
    return xr.Dataset(data, coords=coords, attrs={"taxonomy": taxonomy})


def attributes(name: str) -> dict[str, str]:
    """Return the attributes of the variable of a species."""
    one = species(name)
    return {"long_name": f"emission of {one.long_name}", "units": "kg s-1", "species": one.name,
            "comment": "Mean mass of the species per second over the year; NaN is not estimated."}  # fmt: skip


def species_of(ds: xr.Dataset) -> list[str]:
    """Return the species a Dataset holds, in its order."""
    return [str(v.attrs["species"]) for n, v in ds.data_vars.items()
            if str(n).startswith("emission_") and "species" in v.attrs and v.dims[:1] == ("source",)]  # fmt: skip


def annual_mass(ds: xr.Dataset, name: str) -> npt.NDArray[np.float64]:
    """Return the mass of the year [kg] by source; NaN is not estimated."""
    variable = variable_name(name)
    if variable not in ds:
        raise InputError("the inventory does not hold the species", found=name, need=", ".join(species_of(ds)))
    return np.asarray(ds[variable].values, float) * seconds_of_year(int(ds["year"]))


def totals(ds: xr.Dataset, *, memo: bool = False) -> dict[str, float]:
    """Return the total mass of the year [kg] by species, memo items left out unless wanted alone."""
    rows = np.asarray(ds["memo"].values, bool) == memo
    return {name: float(np.nansum(annual_mass(ds, name)[rows])) for name in species_of(ds)}


def check_annual(ds: xr.Dataset, *, where: str = "") -> None:
    """Check that a Dataset is one of annual emissions.

    Raises
    ------
    ErrorList
        All faults: missing variables or coordinates, units, unknown sectors, doubled labels, negative emissions.
    """
    from ghg.core.units import check_units

    faults: list[GhgError] = []
    missing = [n for n in ("source", "region", "sector", "kind", "lon", "lat", "memo", "year") if n not in ds.coords]
    if missing:
        raise InputError("coordinates of annual emissions are missing", where=where, found=", ".join(missing))
    labels = ds["source"].to_index()
    if labels.has_duplicates:
        twice = sorted(set(map(str, labels[labels.duplicated()])))
        faults.append(InputError("a source stands there more than once", where=where, found=", ".join(twice[:3])))
    unknown = sorted(set(map(str, ds["sector"].values)) - set(GNFR))
    if unknown:
        faults.append(InputError("the sector is not one of GNFR", where=where, found=", ".join(unknown[:3]),
                                 need="one of " + ", ".join(GNFR)))  # fmt: skip
    odd = sorted(set(map(str, ds["kind"].values)) - set(KINDS))
    if odd:
        faults.append(InputError("the kind of a source is unknown", where=where, found=", ".join(odd),
                                 need=" or ".join(KINDS)))  # fmt: skip
    if not species_of(ds):
        faults.append(InputError("there is no emission", where=where, need="variables emission_<species>"))
    for name in species_of(ds):
        variable = ds[variable_name(name)]
        try:
            check_units(variable.attrs.get("units"), "kg s-1", name=str(variable.name))
        except InputError as error:
            faults.append(error)
        if (negative := np.asarray(variable.values) < 0).any():
            first = str(ds["source"].values[np.argmax(negative)])
            faults.append(InputError(f"an emission of {name} is negative", where=where, found=f"source '{first}'"))
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
