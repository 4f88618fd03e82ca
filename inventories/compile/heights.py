"""Layers of a compilation: plumes of stacks where there is weather, profiles of sectors for all else; mass is kept.

References
----------
EPA (1995), ISC3 user's guide vol 2, EPA-454/B-95-003b: final rise and gradients of the potential temperature in stable
air (1.1.4, Briggs), and buoyancy-induced dispersion, rise / 3.5 after Pasquill 1976 (1.1.5.4). A plume is spread evenly
over 3.5 of those standard deviations about its height, which is a depth equal to its rise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.tables import ColumnSpec, read_table
from inventories.compile.rows import converted
from inventories.compile.sections import Column, LayersSection, WeatherSection
from inventories.conservation import attach, exact_sum
from inventories.dataset import STACK, annual_mass, seconds_of_year, species_of
from inventories.grid import fields
from inventories.grid.points import locate
from inventories.species import variable_name
from inventories.temporal.calendars import year_hours
from inventories.temporal.zones import Profiles, Zones, hourly_factors
from inventories.vertical.layers import VerticalProfile, in_layers, plume_shares, read_vertical
from inventories.vertical.plume_rise import plume_rise

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["Clock", "Plumes", "Weather", "layered", "plumes_of", "profiles_by_sector", "read_weather", "without"]

Array = npt.NDArray[np.float64]
STABLE = {"A": 0.0, "B": 0.0, "C": 0.0, "D": 0.0, "E": 0.020, "F": 0.035}  # K m-1, ISC3


@dataclass(frozen=True, eq=False)
class Weather:
    """Hourly weather at the tops of stacks: region ("" for all) -> wind [m s-1], temperature [K], gradient [K m-1]."""

    by_region: dict[str, tuple[Array, Array, Array]]

    def of(self, region: str) -> tuple[Array, Array, Array]:
        """Return the weather of a region.

        Raises
        ------
        InputError
            The table has none for it.
        """
        found = self.by_region.get(region, self.by_region.get(""))
        if found is None:
            raise InputError("there is no weather for the region of a stack", found=f"'{region}'",
                             need="one of " + ", ".join(sorted(self.by_region)))  # fmt: skip
        return found


@dataclass(frozen=True, eq=False)
class Clock:
    """When a source emits: factors of the hours by sector, species and zone of its cell."""

    profiles: Profiles
    zones: Zones
    year: int

    def factors(self, sectors: list[str], species: str) -> Array:
        """Return factors (hour, zone, sector) of mean one."""
        return hourly_factors(self.profiles, self.year, sectors, species, self.zones)

    def zone(self, cell: int) -> int:
        """Return the number of the zone of a flat cell."""
        return 0 if self.zones.index is None else int(np.asarray(self.zones.index).reshape(-1)[cell])


@dataclass(frozen=True, eq=False)
class Plumes:
    """Sources whose plumes rise.

    Parameters
    ----------
    rows : (n,) int array
        Rows of the inventory; `cell` is the flat cell of each, -1 outside the grid.
    ds : Dataset
        These rows.
    weather : Weather
        Weather.
    edges : (m + 1,) array
        Edges of the layers [m].
    """

    rows: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int64]
    ds: xr.Dataset
    weather: Weather
    edges: Array

    def shares(self, i: int) -> Array:
        """Return the part of source number i in each layer (hour, layer); what rises above the last is in none."""
        stack = {name.removeprefix("stack_"): float(self.ds[name].values[i]) for name in STACK}
        wind, temperature, gradient = self.weather.of(str(self.ds["region"].values[i]))
        rise = plume_rise(stack["diameter"], stack["velocity"], stack["temperature"], wind=wind,
                          air_temperature=temperature, gradient=gradient)  # fmt: skip
        return plume_shares(stack["height"] + rise, rise, self.edges)


def read_weather(section: WeatherSection, base: Path, year: int) -> Weather:
    """Read a table of hourly weather.

    Raises
    ------
    InputError
        Hours of the year are missing or doubled, a class of stability is not one of A to F, or a value is none.
    """
    path = base / section.file
    numbers: dict[str, Column] = {"wind": section.wind, "temperature": section.temperature}
    if section.gradient is not None:
        numbers["gradient"] = section.gradient
    specs = {name: ColumnSpec(one.column, unit=one.unit or None) for name, one in numbers.items()}
    specs["time"] = ColumnSpec(section.time, kind="time")
    for name, column in (("stability", section.stability), ("region", section.region)):
        if column:
            specs[name] = ColumnSpec(column, kind="text")
    frame: Any = read_table(path, specs, timezone=section.timezone)
    values = {name: converted(frame, name, one.unit, one.column, {"wind": "m s-1", "temperature": "K",
                                                                  "gradient": "K m-1"}[name], path.name)
              for name, one in numbers.items()}  # fmt: skip
    if section.stability:
        classes = frame["stability"].fillna("").astype(str).str.strip().str.upper()
        if (odd := ~classes.isin(list(STABLE))).any():
            raise InputError("a class of stability is not known", where=f"{path.name}, row {frame.index[odd][0]}",
                             found=f"'{classes[odd].iloc[0]}'", need="A to F")  # fmt: skip
        values["gradient"] = classes.map(STABLE).to_numpy(float)
    labels = frame["region"].astype(str).str.strip().to_numpy() if section.region else np.full(len(frame), "")
    time = frame["time"].to_numpy().astype("M8[h]")
    return Weather({str(one): _hours(values, time, labels == one, year, f"{path.name}{f', {one}' * bool(one)}")
                    for one in np.unique(labels)})  # fmt: skip


def _hours(values: dict[str, Array], time: Any, rows: Any, year: int, where: str) -> tuple[Array, Array, Array]:
    """Return the weather of the hours of a year, in order."""
    hours = year_hours(year).astype("M8[h]")
    own = time[rows]
    inside = (own >= hours[0]) & (own <= hours[-1])
    if (missing := np.setdiff1d(hours, own)).size or np.unique(own[inside]).size != inside.sum():
        what = f"{missing.size} hours missing, the first {missing[0]}Z" if missing.size else "an hour stands twice"
        raise InputError("the weather does not cover the hours of the year", where=where, found=what,
                         need=f"{hours.size} hours of {year} (UTC)")  # fmt: skip
    order = np.argsort(own[inside])
    found = tuple(values[n][rows][inside][order] for n in ("wind", "temperature", "gradient"))
    if bad := [n for n, v in zip(("wind", "temperature", "gradient"), found, strict=True) if not np.isfinite(v).all()]:
        raise InputError("the weather of an hour is missing", where=where, found=", ".join(bad))
    if (found[0] < 0.0).any():
        raise InputError("a wind is negative", where=where, found=f"{found[0].min():g} m s-1")
    return found  # type: ignore[return-value]


def plumes_of(
    ds: xr.Dataset, grid: Any, section: LayersSection, base: Path, memo: bool, record: Record | None = None
) -> tuple[Plumes | None, list[str]]:
    """Return the sources whose plumes rise, and what is said of those whose stacks are not known.

    Raises
    ------
    InputError
        There is weather and no stack.
    """
    if section.weather is None:
        return None, []
    if record is not None:
        record.use(base / section.weather.file, "weather")
    weather = read_weather(section.weather, base, int(ds["year"]))
    named = [name for name in STACK if name in ds]
    full = np.all([np.isfinite(ds[name].values) for name in named], axis=0) if named else np.zeros(ds.sizes["source"])
    full = full.astype(bool) & (ds["kind"].values.astype(str) == "point")
    full &= memo | ~np.asarray(ds["memo"].values, bool)
    if not full.any():
        raise InputError("there is weather for plumes, and no source has a stack", where="key 'layers.weather'",
                         need="stack in an [[activity]] table: height, diameter, velocity, temperature")  # fmt: skip
    some = np.any([np.isfinite(ds[name].values) for name in named], axis=0) & ~full
    notes = [f"{int(full.sum())} plumes rise by the weather"]
    if some.any():
        notes.append(f"{int(some.sum())} stacks are not known whole: they follow the profile of their sector")
    rows = np.flatnonzero(full)
    lon, lat = (np.asarray(ds[n].values, float)[rows] for n in ("lon", "lat"))
    cell = locate(grid, lon, lat)
    return Plumes(rows, cell, ds.isel(source=rows), weather, np.asarray(section.edges, float)), notes


def without(ds: xr.Dataset, plumes: Plumes | None) -> xr.Dataset:
    """Return the inventory with nothing emitted by plumes, and without its budget."""
    out = ds.drop_vars([n for n in ds.data_vars if str(n).startswith("budget_")])
    if plumes is None:
        return out
    for name in species_of(ds):
        variable = ds[variable_name(name)]
        values = variable.values.copy()
        values[plumes.rows] = 0.0
        out[variable_name(name)] = (variable.dims, values, variable.attrs)
    return out


def profiles_by_sector(
    rest: xr.Dataset, section: LayersSection, base: Path, record: Record | None = None
) -> dict[str, VerticalProfile]:
    """Return the vertical profile of each sector; one whose sources are all plumes needs none.

    Raises
    ------
    InputError
        A sector that emits has none.
    """
    tables: Mapping[str, VerticalProfile] = {}
    if section.profiles:
        if record is not None:
            record.use(base / section.profiles, "vertical profiles")
        tables = read_vertical(base / section.profiles)
    found = {}
    for sector in rest["sector"].values.astype(str).tolist():
        name = section.map.get(sector, sector)
        if name in tables:
            found[sector] = tables[name]
        elif any((rest[n].sel(sector=sector).values != 0.0).any() for n in fields.emissions(rest)):
            raise InputError("there is no vertical profile for a sector", where="key 'layers.profiles'",
                             found=f"'{name}'", need="one of " + ", ".join(sorted(tables)) if tables else "a table",
                             hint="name one for it in layers.map")  # fmt: skip
        else:
            found[sector] = VerticalProfile([section.edges[-1]], [1.0])
    return found


def layered(
    ds: xr.Dataset, rest: xr.Dataset, profiles: Mapping[str, VerticalProfile], plumes: Plumes | None,
    edges: list[float], clock: Clock | None,
) -> xr.Dataset:  # fmt: skip
    """Return the mean of the year in layers.

    Parameters
    ----------
    ds : Dataset
        The inventory.
    rest : Dataset
        :func:`without` on the grid, with its ledger.
    profiles : mapping
        Profiles of the sectors of `rest`.
    plumes : Plumes, optional
        Sources whose plumes rise; their part of a layer is the mean over the hours, weighed by what they emit in each.
    edges : list of float
        Edges of the layers [m].
    clock : Clock, optional
        When sources emit.

    Returns
    -------
    Dataset
        ``emission_<species>`` (time, height, *grid); the ledger of the whole inventory: ``outside`` the grid, or above
        the last edge.
    """
    out = in_layers(rest, profiles, edges)
    book, above = rest["ledger_mass"].to_pandas(), out["ledger_mass"].to_pandas()
    area, length = fields.grid_of(rest).area.ravel(), seconds_of_year(int(ds["year"]))
    names = species_of(ds)
    share = None if plumes is None else mean_shares(plumes, names, clock)
    entries = {}
    for k, name in enumerate(names):
        token = variable_name(name)
        key = fields.species_of(token)
        came, _, outside, held = book.loc[key]
        outside += above.loc[key, "outside"]
        values = out[token].values.copy()
        if plumes is not None and share is not None:
            mass, there = np.nan_to_num(annual_mass(plumes.ds, name)), plumes.cell >= 0
            parts = mass[there, None] * share[k, there]
            flat = values.reshape(len(edges) - 1, -1)
            for cell, part in zip(plumes.cell[there].tolist(), parts, strict=True):
                flat[:, cell] += part / (area[cell] * length)
            came += exact_sum(mass)
            outside += exact_sum(mass[~there]) + exact_sum(mass[there] * (1.0 - share[k, there].sum(axis=1)))
        out[token] = (out[token].dims, values, out[token].attrs)
        entries[key] = [came, exact_sum(values.reshape(-1, area.size) * area * length), outside, held]
    out.attrs["title"] = str(ds.attrs.get("title", ""))
    return attach(out, entries, "kg", f"{len(edges) - 1} layers up to {edges[-1]:g} m, "
                  f"{0 if plumes is None else plumes.rows.size} plumes by their rise")  # fmt: skip


def mean_shares(plumes: Plumes, names: list[str], clock: Clock | None) -> Array:
    """Return the part of the year's mass of each source in each layer (species, source, layer)."""
    share = np.zeros((len(names), plumes.rows.size, plumes.edges.size - 1))
    weight = [_weights(plumes, name, clock) for name in names]
    for i in np.flatnonzero(plumes.cell >= 0).tolist():
        hours = plumes.shares(i)
        for k in range(len(names)):
            own = weight[k](i)
            share[k, i] = hours.mean(axis=0) if own is None else own @ hours / own.size
    return share


def _weights(plumes: Plumes, name: str, clock: Clock | None) -> Callable[[int], Array | None]:
    """Return the function from the number of a source to the factors of its hours."""
    if clock is None:
        return lambda i: None
    sectors = plumes.ds["sector"].values.astype(str).tolist()
    names = sorted(set(sectors))
    factor = clock.factors(names, fields.species_of(variable_name(name)))
    return lambda i: np.ascontiguousarray(factor[:, clock.zone(plumes.cell[i]), names.index(sectors[i])])
