"""Gridded emissions under CF standard names: in files NOx is mass of nitrogen, in memory mass of NO2.

Inventories count NOx as NO2; the only CF standard name of its emission counts nitrogen. A file says what its name
says, so NOx is written as ``emission_nox_n``, with the factor beside it, and every reader of ours turns it back.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import xarray as xr

from inventories.grid import fields

__all__ = ["NITROGEN", "as_nitrogen", "as_no2", "note", "unnamed"]

NITROGEN = 14.007 / (14.007 + 2 * 15.999)  # mass of nitrogen in NO2, IUPAC 2021 abridged atomic weights
_KIND = "emission|emi|zone_mean|factor|origin"
_NO2 = re.compile(rf"^({_KIND})_nox(?!_n(?:_|$))(?=_|$)")
_N = re.compile(rf"^({_KIND})_nox_n(?=_|$)")
_NAMED = f"tendency_of_atmosphere_mass_content_of_{fields.standard_names['nox_n']}_due_to_emission"


def as_nitrogen(ds: xr.Dataset) -> xr.Dataset:
    """Return emissions as files hold them: NOx as mass of nitrogen, with uncertainties and ledger.

    Parameters
    ----------
    ds : Dataset
        Gridded emissions; without NOx as NO2 they are returned as they are.

    Returns
    -------
    Dataset
        ``emission_nox`` becomes ``emission_nox_n``, x 14.007/46.005 (IUPAC 2021), under its standard name; its comment
        gives the factor, and the mass as NO2 where the Dataset has a ledger.
    """
    found = {n: _NO2.sub(r"\1_nox_n", n) for n in map(str, ds.variables) if _NO2.match(n)}
    out = _turned(ds, found, NITROGEN, {"nox": "nox_n"})
    for name in found.values():
        attrs = out[name].attrs
        if name.startswith(("factor_", "origin_")):
            continue
        partner = "_u_" in name or name.endswith("_standard_error")
        attrs["standard_name"] = f"{_NAMED} standard_error" if partner else _NAMED
        if partner:
            attrs["long_name"] = re.sub(r"_nox(?!_n(?:_|\b))", "_nox_n", str(attrs.get("long_name", name)))
            continue
        attrs["long_name"] = _words(str(attrs.get("long_name", "")))
        attrs["comment"] = f"mass of nitrogen: mass as NO2 x {NITROGEN:.6f}{_total(ds)}"
    return out


def as_no2(ds: xr.Dataset) -> xr.Dataset:
    """Return emissions as inventories count them: NOx of files (nitrogen) as mass of NO2."""
    found = {n: _N.sub(r"\1_nox", n) for n in map(str, ds.variables) if _N.match(n)}
    out = _turned(ds, found, 1.0 / NITROGEN, {"nox_n": "nox"})
    for name in found.values():
        attrs = out[name].attrs
        attrs.pop("standard_name", None)
        attrs["long_name"] = str(attrs.get("long_name", name)).replace("as nitrogen", "as NO2").replace("nox_n", "nox")
        if "comment" in attrs:
            attrs["comment"] = "mass counted as NO2"
    return out


def _turned(ds: xr.Dataset, found: dict[str, str], by: float, labels: dict[str, str]) -> xr.Dataset:
    out = ds.rename(found) if found else ds
    for name in found.values():
        variable = out[name]
        if variable.dtype.kind == "f" and not name.startswith(("factor_", "origin_")):
            values = (variable.values * by).astype(variable.dtype)
            out[name] = (variable.dims, values, dict(variable.attrs))
    for name in map(str, out.variables):
        if named := str(out[name].attrs.get("ancillary_variables", "")):
            out[name].attrs = {**out[name].attrs,
                               "ancillary_variables": " ".join(found.get(n, n) for n in named.split())}  # fmt: skip
    return _ledger(out, by, labels)


def _ledger(ds: xr.Dataset, by: float, labels: dict[str, str]) -> xr.Dataset:
    if "ledger_mass" not in ds:
        return ds
    old = ds["ledger_species"].values.astype(str).tolist()
    if not set(labels) & set(old):
        return ds
    scale = np.array([by if label in labels else 1.0 for label in old])[:, None]
    book = ds["ledger_mass"]
    out = ds.assign_coords(ledger_species=("ledger_species", [labels.get(one, one) for one in old],
                                           ds["ledger_species"].attrs))  # fmt: skip
    out["ledger_mass"] = (book.dims, book.values * scale, book.attrs)
    return out


def _words(long_name: str) -> str:
    plain = long_name.replace("(as NO2)", "").replace("NOX", "NOx").strip() or "emission of NOx"
    return plain if "as nitrogen" in plain else f"{plain} as nitrogen".replace("  ", " ")


def _total(ds: xr.Dataset) -> str:
    if "ledger_mass" not in ds or "nox" not in ds["ledger_species"].values.astype(str):
        return ""
    book: Any = ds["ledger_mass"]
    row = book.values[ds["ledger_species"].values.astype(str).tolist().index("nox")]
    return f"; in all {row[1]:.9g} {book.attrs.get('units', '')} as NO2".rstrip()


def unnamed(ds: xr.Dataset) -> list[str]:
    """Return the species of gridded emissions whose emission has no CF standard name (fluorinated gases, TSP, Hg)."""
    plain = [n for n in map(str, ds.data_vars) if n.startswith("emission_") and "_u_" not in n]
    there = [fields.species_of(n) for n in plain]
    if not there and "ledger_species" in ds:  # what is left of a streamed file
        there = ds["ledger_species"].values.astype(str).tolist()
    return [s for s in there if s != "nox" and "standard_name" not in fields.attributes(s)]


def note(ds: xr.Dataset) -> list[str]:
    """Return what is said when such species are written."""
    lacking = [s.upper() for s in unnamed(ds)]
    if not lacking:
        return []
    return [f"Note: CF has no standard name for the emission of {', '.join(lacking)}; the ACDD suite will ask for one"]
