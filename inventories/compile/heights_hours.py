"""The hours of layers: cells that emit, one after another, so that no year of a grid lies in memory."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from inventories.compile.heights import Clock, Plumes
from inventories.conservation import attach, exact_sum
from inventories.dataset import annual_mass, seconds_of_year, species_of
from inventories.grid import fields
from inventories.grid.names import NITROGEN, as_nitrogen
from inventories.species import variable_name
from inventories.temporal import _kernels
from inventories.temporal.calendars import year_hours
from inventories.temporal.gather import CELL, gather_template
from inventories.vertical.layers import VerticalProfile, layer_shares

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["write_layer_hours"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Terms:
    """What emits: sectors by profile, plumes by their own shares.

    Parameters
    ----------
    rest : mapping
        Variable -> (sector, cell) means of the year, kg m-2 s-1.
    share : (sector, layer) array
        Vertical profiles.
    factor : mapping
        Variable -> (hour, zone, sector) factors.
    sectors : list of str
        Sectors of `rest` and `factor`.
    mass : mapping
        Variable -> (source,) masses of the plumes [kg].
    plumes, clock
        See :mod:`inventories.compile.heights`.
    """

    rest: dict[str, Array]
    share: Array
    factor: dict[str, Array]
    sectors: list[str]
    mass: dict[str, Array]
    plumes: Plumes | None
    clock: Clock

    def hours(
        self, name: str, cell: int, area: float, rising: Mapping[int, Array], bits: int
    ) -> tuple[npt.NDArray[np.float32], Array]:
        """Return the hours of a cell (hour, layer) in kg m-2 s-1, and what rounding leaves over by layer."""
        factor, zone = self.factor[name], self.clock.zone(cell)
        hours, layers = factor.shape[0], self.share.shape[1]
        there = np.flatnonzero(self.rest[name][:, cell])
        rates = [self.rest[name][k, cell] * self.share[k] for k in there.tolist()]
        factors = [np.broadcast_to(factor[:, zone, k, None], (hours, layers)) for k in there.tolist()]
        for i, share in rising.items():
            if (mass := self.mass[name][i]) > 0.0 and self.plumes is not None:
                k = self.sectors.index(str(self.plumes.ds["sector"].values[i]))
                rates.append(np.full(layers, mass / (area * 3600.0 * hours)))
                factors.append(factor[:, zone, k, None] * share)
        out, carry = np.zeros((hours, layers), np.float32), np.zeros(layers)
        if rates:
            each = np.arange(layers + 1)
            _kernels.expand(0, layers, np.stack(rates), each, each[:-1],
                            np.ascontiguousarray(np.stack(factors, axis=2)), bits, hours - 1, carry, out)  # fmt: skip
        return out, carry


def write_layer_hours(
    mean: xr.Dataset, rest: xr.Dataset, ds: xr.Dataset, profiles: Mapping[str, VerticalProfile],
    plumes: Plumes | None, clock: Clock, target: tuple[Path, Record, int, int],
) -> xr.Dataset:  # fmt: skip
    """Write the hours in layers, of the cells that emit alone (CF-1.11 8.2).

    Parameters
    ----------
    mean : Dataset
        :func:`inventories.compile.heights.layered`, whose masses the hours keep.
    rest, ds, profiles, plumes, clock
        As there.
    target : tuple
        Path, provenance, bits of the significand that are kept (0 for all) and compression.

    Returns
    -------
    Dataset
        Coordinates and ledger of the file: what came in is the mass in the layers.
    """
    from ghg.core.stream import stream

    path, record, bits, level = target
    terms = _terms(rest, ds, profiles, plumes, clock, mean)
    mean = as_nitrogen(mean)
    names, layers, whole = fields.emissions(mean), mean.sizes["height"], fields.grid_of(mean).area.ravel()
    emits = np.any([mean[n].values.reshape(layers, -1).any(axis=0) for n in names], axis=0)
    cells = np.flatnonzero(emits) if emits.any() else np.zeros(1, np.int64)
    template = _template(mean, names, cells, int(ds["year"]))
    put: dict[str, list[float]] = {name: [] for name in names}
    owed: dict[str, list[float]] = {name: [] for name in names}
    with stream(template, names, path, record=record, level=level) as out:
        for cell in cells.tolist():
            own = [] if plumes is None else np.flatnonzero(plumes.cell == cell).tolist()
            rising = {i: plumes.shares(i) for i in own} if plumes is not None else {}
            for name in names:
                block, left = terms.hours(name, cell, whole[cell], rising, bits)
                out.put(name, block)
                put[name].append(float(block.sum(dtype=np.float64)) * whole[cell] * 3600.0)
                owed[name].append(float(left.sum()) * whole[cell] * 3600.0)
        length = seconds_of_year(int(ds["year"]))
        entries = {fields.species_of(n): [exact_sum(mean[n].values.reshape(layers, -1) * whole) * length,
                                          math.fsum(put[n]), 0.0, math.fsum(owed[n])] for n in names}  # fmt: skip
        ledger = attach(template, entries, "kg", f"layers in the hours of {int(ds['year'])}")
        record.step(f"{layers} layers in {template.sizes['time']} hours, {cells.size} cells")
        out.replace(ledger[["ledger_mass"]])
    return ledger.drop_vars(names)


def _terms(
    rest: xr.Dataset, ds: xr.Dataset, profiles: Mapping[str, VerticalProfile], plumes: Plumes | None, clock: Clock,
    mean: xr.Dataset,
) -> _Terms:  # fmt: skip
    edges = np.append(mean["height_bounds"].values[:, 0], mean["height_bounds"].values[-1, 1])
    sectors = rest["sector"].values.astype(str).tolist()
    values, factor, mass = {}, {}, {}
    for species in species_of(ds):
        token = variable_name(species)
        key, scale = (f"{token}_n", NITROGEN) if species == "NOx" else (token, 1.0)
        values[key] = scale * np.asarray(rest[token].values, float).reshape(len(sectors), -1)
        factor[key] = clock.factors(sectors, fields.species_of(token))
        mass[key] = np.zeros(0) if plumes is None else scale * np.nan_to_num(annual_mass(plumes.ds, species))
    share = np.stack([layer_shares(profiles[s], edges) for s in sectors])
    return _Terms(values, share, factor, sectors, mass, plumes, clock)


def _template(mean: xr.Dataset, names: list[str], cells: npt.NDArray[np.int64], year: int) -> xr.Dataset:
    from ghg.core.stream import placeholder

    hours, dims = year_hours(year), fields.dimensions(mean)
    bounds = np.stack([hours, hours + np.timedelta64(1, "h")], axis=1)
    words = {"standard_name": "time", "long_name": "start of the hour, UTC", "bounds": "time_bounds"}
    empty = placeholder((mean.sizes["height"], hours.size, *(mean.sizes[d] for d in dims)))
    out = mean.drop_vars([*names, "time", "time_bounds"]).assign_coords(
        time=("time", hours, words), time_bounds=(("time", "nv"), bounds))  # fmt: skip
    out = out.assign({n: (("height", "time", *dims), empty, mean[n].attrs) for n in names})
    out = gather_template(out, names, cells, dims)
    for name in names:  # CF-1.11 2.4: time before height, other dimensions left of both
        out[name] = out[name].transpose(CELL, "time", "height")
    return attach(out, {fields.species_of(n): [0.0] * 4 for n in names}, "kg", "")
