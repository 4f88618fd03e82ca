"""The job of a compilation: tables and submissions -> the Dataset of annual emissions with its budget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from inventories.compile.config import InventoryJob

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["run"]


def run(config: InventoryJob, *, base: Path | None = None, record: Record | None = None) -> xr.Dataset:
    """Compile an inventory.

    Parameters
    ----------
    config : InventoryJob
        Tables, methods and species.
    base : Path, optional
        Folder to which relative paths belong.
    record : Record, optional
        Provenance.

    Returns
    -------
    Dataset
        See :mod:`inventories.dataset`, with the budget of :mod:`inventories.uncertainty.budget`, the fuel and activity
        of each row, and the attributes ``gwp_metric`` and ``notes``.

    Raises
    ------
    InputError
        Anything that is wrong with the tables, factors or classes; see :func:`inventories.compile.rows.read_rows` and
        :func:`inventories.compile.chains.add_rows`.
    """
    from inventories.accounting import factors
    from inventories.compile.chains import Builder, add_rows
    from inventories.compile.rows import read_rows
    from inventories.compile.submission import add_submission
    from inventories.crosswalks import gnfr_of
    from inventories.readers import annex1

    folder = base or Path()
    builder = Builder(tuple(config.species), config.year)
    for name in config.overlay:
        _use(record, folder / name, "factors of the user")
    with factors.overlaid([folder / name for name in config.overlay]):
        for table in config.activity:
            _use(record, folder / table.file, f"activity: {table.name}")
            rows = read_rows(table, folder)
            gnfr_of(config.taxonomy, np.unique(rows.sector).tolist())  # an unknown class before a missing factor
            add_rows(builder, rows)
        if config.annex1 is not None:
            path = folder / config.annex1.file
            _use(record, path, "submission (Annex I)")
            add_submission(builder, annex1.read(path, config.year), config.annex1)
    if record is not None:
        for step in dict.fromkeys(builder.methods):
            record.step(step)
    return _dataset(config, builder)


def _use(record: Record | None, path: Path, role: str) -> None:
    if record is not None and path.is_file():
        record.use(path, role)


def _dataset(config: InventoryJob, builder: Any) -> xr.Dataset:
    from inventories.crosswalks import gnfr_of
    from inventories.dataset import LEFT, annual, check_annual
    from inventories.uncertainty.budget import attach

    budget = builder.budget()
    category = builder.joined("category").tolist()
    ds = annual(
        {name: budget.mass[k] for k, name in enumerate(budget.species)},
        source=_labels(builder), region=builder.joined("region").tolist(),
        sector=gnfr_of(config.taxonomy, category), year=config.year, category=category, taxonomy=config.taxonomy,
        lon=builder.joined("lon"), lat=builder.joined("lat"), stack=_stacks(builder),
    )  # fmt: skip
    ds = ds.assign_coords(
        fuel=("source", builder.joined("fuel").astype(str), {"long_name": "fuel or material"}),
        table=("source", builder.joined("table").astype(str), {"long_name": "table the row comes from"}),
    )
    unit = builder.joined("amount_unit")
    energy = np.where(unit == "J", builder.joined("amount"), np.nan)
    words = {"long_name": "activity of the year where it is an energy", "units": "J"}
    ds["activity_energy"] = ("source", energy, words)
    left = builder.joined("left")
    for k, name in enumerate(budget.species):
        if (left[k] < 1.0).any():
            about = {"long_name": f"share of {name} that its controls leave", "units": "1"}
            ds[LEFT + name] = ("source", left[k], about)
    check_annual(ds)
    notes = "; ".join(dict.fromkeys(builder.notes))
    ds.attrs |= {"title": config.title or f"emissions of {config.year}", "gwp_metric": config.gwp,
                 **({"notes": notes} if notes else {})}  # fmt: skip
    return attach(ds, budget)


def _stacks(builder: Any) -> dict[str, Any]:
    from inventories.dataset import STACK

    found = {name: builder.joined(name) for name in STACK}
    return found if any(np.isfinite(values).any() for values in found.values()) else {}


def _labels(builder: Any) -> list[str]:
    """Return labels of rows; fuel and class are added where the source alone stands more than once."""
    source = builder.joined("source").astype(str)
    for extra in ("fuel", "category"):
        _, place, count = np.unique(source, return_inverse=True, return_counts=True)
        twice = count[place.ravel()] > 1
        if not twice.any():
            return source.tolist()
        more = np.char.add(np.char.add(source, " "), builder.joined(extra).astype(str))
        source = np.where(twice, more, source)
    values, count = np.unique(source, return_counts=True)
    if (count > 1).any():
        raise InputError("two tables hold the same source, fuel and class", found=f"'{values[count > 1][0]}'",
                         hint="count it in one of them only")  # fmt: skip
    return source.tolist()
