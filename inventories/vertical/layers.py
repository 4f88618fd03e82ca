"""Emissions in layers: profiles by sector on any layers, mass kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os import PathLike
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.files import open_input
from inventories.conservation import attach, exact_sum
from inventories.grid import fields
from inventories.grid.regrid import seconds

__all__ = ["VerticalProfile", "in_layers", "layer_shares", "plume_shares", "read_vertical"]

Array = npt.NDArray[np.float64]
SUM_TOLERANCE = 1e-3  # published shares are rounded


class VerticalProfile:
    """Shares of an emission by layer above the ground.

    Parameters
    ----------
    top : (n,) array
        Upper edges of the layers [m], rising; the first layer begins at the ground.
    share : (n,) array
        Part of the emission in each; scaled to one.

    Raises
    ------
    InputError
        Edges do not rise, a share is negative, or they do not sum to one within 0.001.
    """

    def __init__(self, top: npt.ArrayLike, share: npt.ArrayLike, name: str = "") -> None:
        edges, parts = np.append(0.0, np.asarray(top, np.float64)), np.asarray(share, np.float64)
        if edges.size != parts.size + 1 or not (np.diff(edges) > 0).all():
            raise InputError("the layers of a profile do not rise", where=name, found=f"{edges[1:].tolist()}")
        if not (parts >= 0).all() or abs(parts.sum() - 1.0) > SUM_TOLERANCE:
            raise InputError("a vertical profile does not sum to one", where=name, found=f"sum {parts.sum():g}",
                             need="shares of at least 0 that sum to 1")  # fmt: skip
        self.edges, self.share, self.name = edges, parts / parts.sum(), name


def read_vertical(path: str | PathLike[str]) -> dict[str, VerticalProfile]:
    """Read a table of profiles: one row for each sector (GNFR, or the first column), columns ``20m``, ``92m`` ... name
    the upper edges of the layers.

    Lines that begin with # are comments; columns are split by ; or ,.

    Raises
    ------
    InputError
        There is no column of a layer, a cell is no number, or a profile does not sum to one.
    """
    given = Path(open_input(path))
    try:
        text = given.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(
            "the table of vertical profiles is not UTF-8", where=given.name, hint="save it as UTF-8"
        ) from error
    lines = [one for one in text.splitlines() if one.strip() and one[0] != "#"]
    split = ";" if lines and ";" in lines[0] else ","
    rows = [[cell.strip().strip('"') for cell in line.split(split)] for line in lines]
    header = rows[0] if rows else []
    places = {i: float(m[1]) for i, cell in enumerate(header) if (m := re.fullmatch(r"(\d+(?:\.\d+)?)\s*m?", cell))}
    if not places:
        raise InputError("a table of vertical profiles has no layer", where=given.name, need="columns such as 20m")
    key = next((i for i, cell in enumerate(header) if cell.lower() == "gnfr"), 0)
    found = {}
    for number, row in enumerate(rows[1:], start=2):
        try:
            share = [float(row[i]) for i in places]
        except (ValueError, IndexError) as error:
            raise InputError(
                "a share of a vertical profile is no number", where=f"{given.name}, row {number}"
            ) from error
        found[row[key]] = VerticalProfile(list(places.values()), share, f"{given.name}, {row[key]}")
    return found


def layer_shares(profile: VerticalProfile, edges: npt.ArrayLike) -> Array:
    """Return the part of an emission in each layer of a model: evenly spread within the layers of its profile.

    Parameters
    ----------
    profile : VerticalProfile
        Shares.
    edges : (n + 1,) array
        Edges of the layers [m], from the ground (0) upwards; what lies above the last is in none.
    """
    sums = np.append(0.0, np.cumsum(profile.share))
    sums[-1] = 1.0
    return np.diff(np.interp(_edges(edges), profile.edges, sums))


def plume_shares(height: npt.ArrayLike, depth: npt.ArrayLike, edges: npt.ArrayLike) -> Array:
    """Return the part of plumes in each layer (plume, layer): evenly over `depth` about their height [m].

    A plume does not reach below the ground: it is moved up, not cut.
    """
    half = 0.5 * np.asarray(depth, np.float64)
    middle = np.maximum(np.asarray(height, np.float64), half)
    low, high = (middle - half)[..., None], (middle + half)[..., None]
    ends = _edges(edges)
    inside = (np.clip(ends, low, high) - low) / np.where(high > low, high - low, 1.0)
    point = np.where(high > low, inside, (ends > low).astype(float))
    return np.diff(point, axis=-1)


def _edges(edges: npt.ArrayLike) -> Array:
    found = np.asarray(edges, np.float64)
    if found.ndim != 1 or found.size < 2 or found[0] != 0.0 or not (np.diff(found) > 0).all():
        raise InputError("the edges of the layers do not rise from the ground", found=str(found.tolist()),
                         need="0 and at least one more")  # fmt: skip
    return found


def in_layers(
    ds: xr.Dataset,
    profiles: Mapping[str, VerticalProfile],
    edges: npt.ArrayLike,
    sectors: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Return gridded emissions in layers, sectors summed.

    Parameters
    ----------
    ds : Dataset
        Gridded emissions per area with a dimension ``sector``.
    profiles : mapping
        Profiles by sector; "" for all others.
    edges : (n + 1,) array
        Edges of the layers [m] above the ground, the first 0.
    sectors : mapping, optional
        Sector of the file -> sector of the profiles.

    Returns
    -------
    Dataset
        ``emission_<species>`` ([time,] height, *grid): emission within each layer, per area; what a profile has above
        the last edge is ``outside`` in the ledger.

    Raises
    ------
    InputError
        A sector has no profile, or the emissions have no sectors.
    """
    ds = fields.rising(ds)
    ends, grid = _edges(edges), fields.grid_of(ds)
    letters = [str(s) for s in ds["sector"].values] if "sector" in ds.coords else []
    share = np.array([layer_shares(_pick(profiles, (sectors or {}).get(s, s)), ends) for s in letters])
    dims, out = fields.coordinates(grid)
    words = {"standard_name": "height", "long_name": "height above the ground", "units": "m", "positive": "up",
             "axis": "Z", "bounds": "height_bounds"}  # fmt: skip
    out = out.assign_coords(height=("height", 0.5 * (ends[1:] + ends[:-1]), words),
                            height_bounds=(("height", "nv"), np.stack([ends[:-1], ends[1:]], axis=1)))  # fmt: skip
    for name in ("time", "time_bounds"):
        if name in ds.variables:
            out = out.assign_coords({name: ds[name]})
    ledger = {}
    for name in fields.emissions(ds):
        if "sector" not in ds[name].dims:
            raise InputError("layers need emissions by sector", where=name, found=str(ds[name].dims))
        lead = tuple(d for d in ("time",) if d in ds[name].dims)
        values = np.asarray(ds[name].transpose("sector", *lead, *fields.dimensions(ds)).values, np.float64)
        layered = np.moveaxis(np.tensordot(share, values, axes=(0, 0)), 0, len(lead))
        length = seconds(ds, lead)
        area = grid.area * (1.0 if length is None else length.reshape(*length.shape, 1, 1))
        above = np.tensordot(1.0 - share.sum(axis=1), values, axes=(0, 0))
        keep = {k: v for k, v in ds[name].attrs.items() if k not in ("ancillary_variables", "coordinates")}
        out[name] = ((*lead, "height", *dims), layered, keep)
        heavy = area[..., None, :, :] if lead else area
        ledger[fields.species_of(name)] = [exact_sum(values * area), exact_sum(layered * heavy),
                                           exact_sum(above * area), 0.0]  # fmt: skip
    units = "kg" if "time_bounds" in ds.variables else "kg s-1"
    return attach(out, ledger, units, f"{len(ends) - 1} layers up to {ends[-1]:g} m")


def _pick(profiles: Mapping[str, VerticalProfile], sector: str) -> VerticalProfile:
    found = profiles.get(sector) or profiles.get("")
    if found is None:
        raise InputError("there is no vertical profile for a sector", found=f"'{sector}'",
                         need="one of " + ", ".join(sorted(profiles)), hint="name one for it in sectors")  # fmt: skip
    return found
