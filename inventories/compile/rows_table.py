"""The rows of a compilation as tables: what a source emits is no field on a grid, and CF has no name for kg s-1.

- ``inventory.csv``: one row for each source: labels, position, activity; for each species mass [kg], its own relative
  standard uncertainty and the quantities it shares with others (by number)
- ``inventory_shared.csv``: those quantities: number, name, relative standard uncertainty (k = 1)
- ``inventory_draws.csv``: drawn totals [kg], one row for each draw, species of one draw together
- ``inventory.json``: title, year, taxonomy, metric and notes

Numbers are written with all their digits: read back, the budget is the same.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.files import is_netcdf, open_input
from inventories.dataset import LEFT, STACK, annual, annual_mass, check_annual, species_of
from inventories.uncertainty.budget import Budget, attach, of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FILES", "read_rows_table", "write_rows_table"]

FILES = ("inventory.csv", "inventory_shared.csv", "inventory_draws.csv", "inventory.json")
TEXTS = ("source", "region", "sector", "category", "kind", "fuel", "table")
NUMBERS = {"lon": "longitude (degrees_east)", "lat": "latitude (degrees_north)",
           "activity_energy": "activity (J)",
           **{name: f"{name.replace('_', ' ')} ({unit})" for name, unit in STACK.items()}}  # fmt: skip
SHARED = "; "


def write_rows_table(ds: xr.Dataset, draws: Any, folder: Path) -> None:
    """Write the tables of a compilation.

    Parameters
    ----------
    ds : Dataset
        Annual emissions with their budget.
    draws : (species, draw) array or None
        Drawn totals [kg].
    folder : Path
        Existing folder.
    """
    budget = of_dataset(ds)
    columns: dict[str, Iterable[Any]] = {n: ds[n].values.astype(str).tolist() for n in TEXTS if n in ds.coords}
    columns["memo"] = ds["memo"].values.astype(int).tolist()
    for name, header in NUMBERS.items():
        if name in ds:
            columns[header] = _cells(ds[name].values)
    columns["u_activity (1)"] = _cells(budget.u_activity)
    for k, name in enumerate(budget.species):
        columns[f"{name} (kg)"] = _cells(annual_mass(ds, name))
        columns[f"{name} follows activity"] = budget.follows[k].astype(int).tolist()
        if LEFT + name in ds:
            columns[f"{name} left by controls (1)"] = _cells(ds[LEFT + name].values)
        columns[f"{name} u_own (1)"] = _cells(budget.u_own[k])
        columns[f"{name} shared"] = [SHARED.join(str(c) for c in row if c >= 0)
                                     for row in budget.shared[:, k, :].T.tolist()]  # fmt: skip
    _write(folder / FILES[0], list(columns), zip(*columns.values(), strict=True))
    shared = zip(range(len(budget.component)), budget.component, _cells(budget.u), strict=True)
    _write(folder / FILES[1], ["number", "quantity", "u (1)"], shared)
    if draws is not None:
        _write(folder / FILES[2], [f"{n} (kg)" for n in budget.species], (_cells(row) for row in np.asarray(draws).T))
    about = {"title": str(ds.attrs.get("title", "")), "year": int(ds["year"]), "species": list(budget.species),
             "taxonomy": str(ds["category"].attrs.get("taxonomy", "")), "slots": int(budget.shared.shape[0]),
             "gwp_metric": str(ds.attrs.get("gwp_metric", "")), "notes": str(ds.attrs.get("notes", ""))}  # fmt: skip
    text = json.dumps(about, ensure_ascii=False, indent=1)
    (folder / FILES[3]).write_text(text + "\n", encoding="utf-8")


def _cells(values: Any) -> list[str]:
    """Return numbers with all their digits; an empty cell is missing."""
    return ["" if v != v else repr(v) for v in np.asarray(values, float).tolist()]


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def read_rows_table(path: Path) -> xr.Dataset:
    """Return the Dataset of a compilation from its tables.

    Parameters
    ----------
    path : Path
        Folder of ``ghg inventories build``, or its ``inventory.csv``.

    Returns
    -------
    Dataset
        As :func:`inventories.compile.job.run` returned it.

    Raises
    ------
    InputError
        A table or a column is missing, or a cell is no number.
    """
    main = path / FILES[0] if path.is_dir() else path
    if is_netcdf(open_input(main)):  # as the toolkit wrote it until 2026
        from ghg.core.netcdf import read

        return read(main)
    try:
        about = json.loads(open_input(main.with_name(FILES[3])).read_text(encoding="utf-8"))
        shared, rows = _read(main.with_name(FILES[1])), _read(main)
        return _dataset(about, shared, rows)
    except (LookupError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise InputError("this is no table of a compilation", where=str(main), found=f"{type(error).__name__} {error}",
                         need="inventory.csv of ghg inventories build, with inventory_shared.csv and inventory.json "
                         "beside it") from error  # fmt: skip


def _read(path: Path) -> dict[str, list[str]]:
    with open_input(path).open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.reader(file))
    if any(len(row) != len(rows[0]) for row in rows):
        raise ValueError(f"rows of another length in {path.name}")
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(rows[0])}


def _numbers(cells: list[str]) -> Any:
    return np.array([float(c) if c else np.nan for c in cells])


def _dataset(about: dict[str, Any], shared: dict[str, list[str]], rows: dict[str, list[str]]) -> xr.Dataset:
    names, slots = tuple(map(str, about["species"])), int(about["slots"])
    if not 0 <= slots <= max(64, len(shared["quantity"])):
        raise ValueError(f"{slots} shared quantities of a row")
    mass = {n: _numbers(rows[f"{n} (kg)"]) for n in names}
    number = len(rows["source"])
    taken = np.full((slots, len(names), number), -1, np.int32)
    for k, name in enumerate(names):
        for i, cell in enumerate(rows[f"{name} shared"]):
            for slot, one in enumerate(cell.split(SHARED) if cell else ()):
                taken[slot, k, i] = int(one)
    budget = Budget(
        names, np.stack(list(mass.values())), np.array([rows[f"{n} follows activity"] for n in names], int) == 1,
        _numbers(rows["u_activity (1)"]), np.stack([_numbers(rows[f"{n} u_own (1)"]) for n in names]), taken,
        tuple(shared["quantity"]), _numbers(shared["u (1)"]),
    )  # fmt: skip
    ds = annual(mass, source=rows["source"], region=rows["region"], sector=rows["sector"], year=int(about["year"]),
                category=rows["category"], taxonomy=about["taxonomy"], kind=rows["kind"],
                lon=_numbers(rows[NUMBERS["lon"]]), lat=_numbers(rows[NUMBERS["lat"]]),
                stack={n: _numbers(rows[NUMBERS[n]]) for n in STACK if NUMBERS[n] in rows})  # fmt: skip
    for name in ("fuel", "table"):
        if name in rows:
            ds = ds.assign_coords({name: ("source", np.array(rows[name], str))})
    if (header := NUMBERS["activity_energy"]) in rows:
        words = {"long_name": "activity of the year where it is an energy", "units": "J"}
        ds["activity_energy"] = ("source", _numbers(rows[header]), words)
    for name in names:
        if (header := f"{name} left by controls (1)") in rows:
            ds[LEFT + name] = ("source", _numbers(rows[header]), {"units": "1"})
    check_annual(ds)
    if species_of(ds) != list(names):
        raise ValueError(f"species {', '.join(names)}")
    ds.attrs |= {k: about[k] for k in ("title", "gwp_metric", "notes") if about.get(k)}
    return attach(ds, budget)
