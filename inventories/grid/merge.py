"""Gridded inventories put together: the finer or better one where it has a say, the next one elsewhere.

Each cell of the target keeps which inventory it comes from. What a better inventory replaces is booked as withheld.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from inventories.conservation import attach, exact_sum
from inventories.grid import fields
from inventories.grid.grids import LonLat, Polygons, Projected
from inventories.grid.regions import mask
from inventories.grid.regrid import regrid, seconds
from inventories.grid.weights import remap

__all__ = ["Part", "merge"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Part:
    """One inventory of a mosaic.

    Parameters
    ----------
    name : str
        For the origin of cells.
    ds : Dataset
        Gridded emissions.
    regions : Polygons, optional
        Where it has a say, by fraction of cells; the whole of its grid where left out.
    total : mapping
        Species -> mass of the period of the file, kg, to which it is scaled as a whole (kg s-1 without time bounds).
    """

    name: str
    ds: xr.Dataset
    regions: Polygons | None = None
    total: dict[str, float] = field(default_factory=dict)


def merge(parts: Sequence[Part], target: LonLat | Projected) -> xr.Dataset:
    """Put inventories together, the first one before all others.

    Parameters
    ----------
    parts : sequence of Part
        By falling priority. A part has a say only for the species it holds.
    target : LonLat or Projected
        Grid of the result.

    Returns
    -------
    Dataset
        ``emission_<species>`` in kg m-2 s-1, and ``origin_<species>`` (grid): number of the part that gives most of a
        cell, -1 where none has a say. Sectors stay apart where all parts have them, else they are summed. The ledger
        books all parts: ``outside`` lies beyond the target, ``withheld`` is replaced by a part of higher priority or
        lies beyond the regions in which the part has a say.

    Raises
    ------
    InputError
        Fewer than two parts, names twice, other periods, or a total of a species without emission.
    """
    names = [one.name for one in parts]
    if len(parts) < 2 or len(set(names)) != len(names):
        raise InputError("a merger needs at least two inventories with names of their own", found=", ".join(names))
    placed = [_placed(one, target) for one in parts]
    _one_period(placed, names)
    apart = all("sector" in ds[n].dims for ds in placed for n in fields.emissions(ds))
    dims, out = fields.coordinates(target)
    if "time_bounds" in placed[0]:
        out = out.assign_coords(time=placed[0]["time"])
        out["time_bounds"] = placed[0]["time_bounds"]
    letters = sorted({str(s) for ds in placed for s in ds["sector"].values}) if apart else []
    if apart:
        out = out.assign_coords(sector=("sector", letters, {"long_name": "sector"}))
    every = dict.fromkeys(n for ds in placed for n in fields.emissions(ds))
    says = [_say(one, target) for one in parts]
    ledger = {}
    for name in every:
        species = fields.species_of(name)
        lead, total, origin, ledger[species] = _mosaic(name, placed, says, target, letters)
        out[name] = ((*lead, *dims), total, {**fields.attributes(species), "grid_mapping": "crs",
                                             "cell_measures": "area: cell_area",
                                             "ancillary_variables": f"origin_{species}"})  # fmt: skip
        out[f"origin_{species}"] = (dims[-2:], origin, _words(names, species))
    units = "kg" if "time_bounds" in out else "kg s-1"
    return attach(out, ledger, units, f"merger of {', '.join(names)}")


def _mosaic(
    name: str, placed: Sequence[xr.Dataset], says: Sequence[tuple[Array, Array]], target: LonLat | Projected,
    letters: Sequence[str],
) -> tuple[tuple[str, ...], Array, npt.NDArray[np.int32], list[float]]:  # fmt: skip
    """Return leading dimensions, emission, origin and ledger of a species: each part gets what those before it left."""
    free, most = np.ones(target.shape), np.zeros(target.shape)
    origin = np.full(target.shape, -1, np.int32)
    total, entries, lead = np.zeros(target.shape), np.zeros(4), ()
    for k, ds in enumerate(placed):
        if name not in ds:
            continue
        values, lead = _values(ds, name, letters)
        weight, claim = says[k]
        share = weight * free
        length = seconds(ds, lead)
        area = target.area * (1.0 if length is None else length.reshape(*length.shape, 1, 1))
        row = ds["ledger_mass"].sel(ledger_species=fields.species_of(name)).values
        entries += [row[0], exact_sum(values * share * area), row[2], exact_sum(values * (1.0 - share) * area)]
        total = total + values * share
        heavy = claim * free
        origin = np.where(heavy > most, k, origin).astype(np.int32)
        most, free = np.maximum(heavy, most), free * (1.0 - claim)
    return lead, total, origin, entries.tolist()


def _words(names: Sequence[str], species: str) -> dict:
    plain = ["".join(c if c.isalnum() or c in "_-.+@" else "_" for c in name) for name in names]
    return {"long_name": f"inventory that most of the {species} of a cell comes from", "grid_mapping": "crs",
            "flag_values": np.arange(-1, len(names), dtype=np.int32), "flag_meanings": " ".join(["none", *plain]),
            "coverage_content_type": "auxiliaryInformation"}  # fmt: skip


def _placed(part: Part, target: LonLat | Projected) -> xr.Dataset:
    """Return a part on the target, scaled to its totals."""
    ds = part.ds.drop_vars([n for n in part.ds.data_vars if "_u_" in str(n) or str(n) == "zone_index"])
    out = regrid(ds, target)
    for name, wanted in part.total.items():
        key = f"emission_{name}"
        if key not in out or not (came := float(out["ledger_mass"].sel(ledger_species=name).values[0])) > 0.0:
            raise InputError("a total is given for a species the inventory does not emit", where=part.name, found=name,
                             need=", ".join(map(fields.species_of, fields.emissions(out))))  # fmt: skip
        factor = wanted / came
        out[key] = (out[key].dims, out[key].values * factor, out[key].attrs)
        out["ledger_mass"].loc[{"ledger_species": name}] *= factor
    return out


def _one_period(placed: Sequence[xr.Dataset], names: Sequence[str]) -> None:
    first = placed[0]
    for ds, name in zip(placed[1:], names[1:], strict=True):
        same = ("time_bounds" in ds) == ("time_bounds" in first)
        if not same or (
            "time_bounds" in ds and not np.array_equal(ds["time_bounds"].values, first["time_bounds"].values)
        ):
            raise InputError("the inventories are of other periods", where=name, need=f"that of {names[0]}",
                             hint="state year for those without time")  # fmt: skip


def _say(part: Part, target: LonLat | Projected) -> tuple[Array, Array]:
    """Return the weight of a part's own emission in each cell, and the share of the cell it claims."""
    if part.regions is not None:
        share = np.clip(mask(target, part.regions)["share"].values.sum(axis=0), 0.0, 1.0)
        return share, share
    source = fields.grid_of(fields.rising(part.ds))
    covered = remap(source, target).flux(np.ones((1, *source.shape))).reshape(target.shape)
    claim = np.clip(np.where(covered > 1.0 - 1e-9, 1.0, covered), 0.0, 1.0)
    return np.ones(target.shape), claim


def _values(ds: xr.Dataset, name: str, letters: Sequence[str]) -> tuple[Array, tuple[str, ...]]:
    """Return the emission with its leading dimensions: all sectors where they stay apart, and time."""
    array = ds[name]
    if "sector" in array.dims:
        array = array.reindex(sector=list(letters)).fillna(0.0) if letters else array.sum("sector")
    lead = tuple(d for d in ("sector", "time") if d in array.dims)
    array = array.transpose(*lead, *fields.dimensions(ds))
    return np.asarray(array.values, np.float64), lead
