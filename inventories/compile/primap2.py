"""PRIMAP2's interchange format: a wide CSV with one row for each area, category and entity, and its YAML of meanings.

References
----------
PRIMAP2 documentation, interchange format (columns, ``attrs`` and ``dimensions`` in the YAML beside the CSV); entity
names and units of openscm-units; categories of IPCC 2006 as climate_categories writes them.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inventories.crosswalks import crosswalk
from inventories.dataset import annual_mass, species_of

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["write_interchange"]

# entity and unit as PRIMAP2 wants them: the gas is part of the unit; pollutants that openscm-units lacks are left out
ENTITIES = {"CO2": "CO2", "CH4": "CH4", "N2O": "N2O", "SF6": "SF6", "NF3": "NF3", "CF4": "CF4", "C2F6": "C2F6",
            "HFC23": "HFC23", "HFC32": "HFC32", "HFC125": "HFC125", "HFC134a": "HFC134a", "NOx": "NOx", "CO": "CO",
            "SO2": "SO2", "NH3": "NH3", "BC": "BC", "OC": "OC", "NMVOC": "NMVOC"}  # fmt: skip
UNIT = {"NMVOC": "VOC"}  # what openscm-units calls it


def write_interchange(ds: xr.Dataset, path: Path) -> None:
    """Write ``<name>.csv`` and ``<name>.yaml`` [Gg a year] by area, IPCC 2006 category and entity.

    Parameters
    ----------
    ds : Dataset
        Annual emissions; its classes go through the crosswalk to IPCC 2006, mass kept; memo items are left out.
    path : Path
        CSV file.
    """
    inside = ~np.asarray(ds["memo"].values, bool)
    taxonomy = str(ds.attrs.get("taxonomy", "GNFR"))
    table = crosswalk(taxonomy, "IPCC2006") if taxonomy != "IPCC2006" else None
    year = str(int(ds["year"]))
    rows: dict[tuple[str, str, str], float] = {}
    regions, classes = ds["region"].values.astype(str), ds["category"].values.astype(str)
    for name in species_of(ds):
        if name not in ENTITIES:
            continue
        mass = np.nan_to_num(annual_mass(ds, name))
        for region in np.unique(regions).tolist():
            by_class: dict[str, float] = {}
            for i in np.flatnonzero(inside & (regions == region) & (mass > 0)).tolist():
                code = _known(classes[i], table.rows) if table else classes[i]
                by_class[code] = by_class.get(code, 0.0) + float(mass[i])
            for code, value in (table.convert(by_class) if table else by_class).items():
                rows[region, code, name] = value
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["source", "area (ISO3)", "category (IPCC2006)", "entity", "unit", year])
        for (region, code, name), value in sorted(rows.items()):
            unit = f"Gg {UNIT.get(name, name)} / yr"
            writer.writerow(["ghg-toolkit", region, code, ENTITIES[name], unit, repr(value / 1e6)])
    path.with_suffix(".yaml").write_text(_yaml(path.name), encoding="utf-8")


def _known(code: str, rows: tuple[str, ...]) -> str:
    plain = code.replace(".", "")
    return next((r for r in rows if code == r or r.replace(".", "") == plain), code)


def _yaml(name: str) -> str:
    columns = ["source", "area (ISO3)", "category (IPCC2006)", "entity", "unit"]
    lines = [
        "attrs:",
        "  area: area (ISO3)",
        "  cat: category (IPCC2006)",
        f"data_file: {name}",
        "dimensions:",
        "  '*':",
    ]
    return "\n".join([*lines, *(f"  - {c}" for c in columns), "time_format: '%Y'", ""])
