"""Speciation: NMVOC, NOx and PM of an inventory as the species of a mechanism, nothing lost.

A table says which part of a species becomes which other, by sector: parts of mass sum to one (NMVOC, PM), parts of
moles too (NOx counted as NO2 into NO and NO2, where mass changes with the molar mass and nitrogen stays).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import GhgError, InputError
from ghg.core.tables import ColumnSpec, read_table
from inventories.conservation import attach, exact_sum
from inventories.export.species import molar_mass
from inventories.grid import fields
from inventories.grid.regrid import seconds
from inventories.species import variable_name

__all__ = ["Part", "read_speciation", "speciate"]

Array = npt.NDArray[np.float64]
SUM_TOLERANCE = 1e-4  # published parts are rounded; they are scaled to one


@dataclass(frozen=True)
class Part:
    """One row of a speciation table.

    Parameters
    ----------
    species, sector : str
        What is split (``nox``, ``nmvoc``, ``pm25``) and in which sector; empty for all others.
    to : str
        Species it becomes.
    share : float
        Part of the mass, or of the moles.
    moles : bool
        Which of the two.
    molar_mass : float or None
        Of `to` [kg mol-1]: needed for moles, and by models that count moles.
    """

    species: str
    sector: str
    to: str
    share: float
    moles: bool = False
    molar_mass: float | None = None


def read_speciation(path: Path) -> list[Part]:
    """Read a table with the columns species, to and share (of mass) or mole_share, and sector, molar_mass (g/mol).

    Raises
    ------
    InputError
        A column is missing, a share is given twice or not at all, or is negative.
    """
    texts = {n: ColumnSpec(n, kind="text", required=n in ("species", "to")) for n in ("species", "to", "sector")}
    numbers = {n: ColumnSpec(n, required=False) for n in ("share", "mole_share", "molar_mass")}
    frame: Any = read_table(path, texts | numbers)
    found = []
    for number, row in frame.iterrows():
        where = f"{path.name}, row {number}"
        mass, moles = (float(row.get(n, np.nan)) for n in ("share", "mole_share"))
        if np.isnan(mass) == np.isnan(moles):
            raise InputError("a row of a speciation needs one share", where=where, need="share or mole_share")
        value = mass if np.isnan(moles) else moles
        if not value >= 0.0:
            raise InputError("a share of a speciation is negative", where=where, found=f"{value:g}")
        weight = float(row.get("molar_mass", np.nan))
        found.append(Part(_token(str(row["species"])), _text(row.get("sector")), str(row["to"]).strip().lower(), value,
                          bool(np.isnan(mass)), None if np.isnan(weight) else weight / 1000.0))  # fmt: skip
    return found


def _text(cell: Any) -> str:
    return "" if cell is None or cell != cell else str(cell).strip()


def _token(name: str) -> str:
    return variable_name(name).removeprefix("emission_")


def speciate(ds: xr.Dataset, table: Sequence[Part]) -> xr.Dataset:
    """Return gridded emissions with the species of a mechanism in the place of those that the table splits.

    Parameters
    ----------
    ds : Dataset
        Gridded emissions per area, NOx as NO2; sectors stay.
    table : sequence of Part
        See :func:`read_speciation`.

    Returns
    -------
    Dataset
        ``emission_<to>`` with the attribute ``molar_mass`` [kg mol-1] where the table gives one. The ledger has a row
        for each species that was split: out is the sum of what it became, NOx in mass of NO2.

    Raises
    ------
    InputError
        Parts of a species and sector do not sum to one, a sector has none, a molar mass is missing, or nothing of the
        table is in the file.
    """
    split = {p.species for p in table} & {fields.species_of(n) for n in fields.emissions(ds)}
    if not split:
        raise InputError("the file holds no species that the table splits",
                         found=", ".join(map(fields.species_of, fields.emissions(ds))),
                         need=", ".join(sorted({p.species for p in table})))  # fmt: skip
    ds = fields.rising(ds)
    grid = fields.grid_of(ds)
    ledger, made = {}, {}
    out = ds.drop_vars([n for n in ds.data_vars if any(
        str(n).startswith((f"emission_{s}_u_", f"origin_{s}")) or n == f"emission_{s}" for s in split)])  # fmt: skip
    for species in [fields.species_of(n) for n in fields.emissions(ds)]:
        array = ds[f"emission_{species}"]
        lead = tuple(str(d) for d in array.dims if d not in fields.dimensions(ds))
        length = seconds(ds, lead)
        area = grid.area * (1.0 if length is None else length.reshape(*length.shape, 1, 1))
        values = np.asarray(array.transpose(*lead, *fields.dimensions(ds)).values, np.float64)
        came = exact_sum(values * area)
        if species not in split:
            ledger[species] = [came, came, 0.0, 0.0]
            continue
        left = []
        for to, factor, part in _factors(ds, species, table, lead):
            add = values * factor
            count = _counted(species, part)
            left.append(exact_sum(add * area) * count)
            old = made.get(to)
            made[to] = (array.dims, add + (old[1] if old else 0.0), _attributes(species, part, array.attrs))
        ledger[species] = [came, float(np.sum(left)), 0.0, 0.0]
        if abs(came - ledger[species][1]) > 1e-12 * abs(came):
            raise GhgError("a speciation lost mass", where=species, found=f"{ledger[species][1]:.17g} of {came:.17g}")
    for to, (dims, values, attrs) in made.items():
        if f"emission_{to}" in out:
            raise InputError("a species is made that the file holds already", found=to, hint="leave it out of the file")
        out[f"emission_{to}"] = (dims, values, attrs)
    units = "kg" if "time_bounds" in ds.variables else "kg s-1"
    return attach(out, ledger, units, f"speciation of {', '.join(sorted(split))}")


def _factors(
    ds: xr.Dataset, species: str, table: Sequence[Part], lead: tuple[str, ...]
) -> list[tuple[str, Array, Part]]:
    """Return for each product its mass per mass of the species, shaped to multiply (*lead, y, x)."""
    sectors = [str(s) for s in ds["sector"].values] if "sector" in lead else [""]
    products = list(dict.fromkeys(p.to for p in table if p.species == species))
    rate = np.zeros((len(products), len(sectors)))
    first: dict[str, Part] = {}
    for k, sector in enumerate(sectors):
        rows = [p for p in table if p.species == species and p.sector == sector] or [
            p for p in table if p.species == species and p.sector == ""]  # fmt: skip
        if not rows:
            raise InputError("a sector has no speciation", where=species, found=f"'{sector}'", need="a row with it, or "
                             "one without a sector for all others")  # fmt: skip
        total = sum(p.share for p in rows)
        if abs(total - 1.0) > SUM_TOLERANCE:
            raise InputError("the parts of a speciation do not sum to one",
                             where=species + f", sector {sector}" * bool(sector), found=f"{total:g}")  # fmt: skip
        for p in rows:
            first.setdefault(p.to, p)
            rate[products.index(p.to), k] += p.share / total / _counted(species, p)
    shape = [len(sectors) if d == "sector" else 1 for d in lead] + [1, 1]
    return [(to, rate[i].reshape(shape), first[to]) for i, to in enumerate(products) if to in first]


def _counted(species: str, part: Part) -> float:
    """Return the mass of the species that a mass of a product stands for: another only where moles are split."""
    if not part.moles:
        return 1.0
    own = part.molar_mass or molar_mass(part.to)
    whole = molar_mass(species)
    if own is None or whole is None:
        raise InputError("moles cannot be split without molar masses", where=part.to, need="molar_mass")
    return whole / own


def _attributes(species: str, part: Part, attrs: dict[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in attrs.items() if k in ("grid_mapping", "cell_measures", "cell_methods")}
    words = fields.attributes(part.to)
    words.setdefault("comment", f"from {species.upper()} by {'moles' if part.moles else 'mass'}")
    known = {} if part.molar_mass is None else {"molar_mass": part.molar_mass}
    return {**words, **kept, **known}
