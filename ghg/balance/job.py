"""The job of a balance: the inventory's table and ``totals.nc`` of an inversion, over the same whole period."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.balance.compare import compare, observed_alone
from ghg.balance.config import BalanceJob
from ghg.core.errors import InputError
from ghg.core.gases import carbon_to_co2, gas

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["run"]

_KG_PER_TG = 1e9


def run(job: BalanceJob, *, base: Path, record: Record | None = None) -> dict[str, Any]:
    """Return the comparison by region in Tg of the species per year, and TgC for CO2.

    Parameters
    ----------
    job : BalanceJob
        Inventory table (mass per year), posterior file, matching of names.
    base : Path
        Folder to which paths belong.
    record : Record, optional
        Provenance.

    Raises
    ------
    InputError
        Regions that do not match, wrong units, missing values.
    """
    names, values, u, totals = _inventory(job, base, record)
    wanted = [job.regions.get(name, name) for name in names]
    prior, cp, posterior, c, totals = _posterior(base / job.posterior, job.group, wanted, record)
    if totals["species"] != "CO2" and job.inventory.quantity == "carbon":
        raise InputError("carbon is understood for CO2 only", where="inventory.quantity", found=totals["species"])
    scale = carbon_to_co2() if job.inventory.quantity == "carbon" else 1.0
    a = values * scale
    correlation = np.full((len(names), len(names)), job.inventory.correlation)
    np.fill_diagonal(correlation, 1.0)
    ca = correlation * np.outer(u, u) * scale**2 / job.inventory.k**2
    notes = []
    if job.inventory_was_prior:
        posterior, c = observed_alone(prior, cp, posterior, c)
        notes.append(
            "the inventory was the prior of the inversion, so it is compared with what the observations alone say"
        )
    found = compare(names, a, ca, posterior, c)
    rows = found.table()
    if totals["species"] == "CO2":
        for row in rows:
            row |= {f"{k}_TgC": row[k] / carbon_to_co2() for k in ("inventory", "inversion", "joint", "joint_u")}
    if record is not None:
        record.step(f"compared {len(names)} regions: chi2 = {found.chi2:.2f}, p = {found.p:.2g}")
    return {"title": job.title, "species": totals["species"], "unit": f"Tg {gas(totals['species']).formula} per year",
            "sign": "positive: source to the atmosphere; negative: sink", "period": totals["period"],
            "group": job.group, "regions": rows, "chi2": found.chi2, "p": found.p, "notes": notes}  # fmt: skip


def _inventory(job: BalanceJob, base: Path, record: Record | None) -> tuple[list[str], Any, Any, dict[str, Any]]:
    """Return names, values and uncertainties in Tg per year."""
    from ghg.core.tables import ColumnSpec, read_table
    from ghg.core.units import check_units

    t = job.inventory
    check_units(t.units, "Tg", name="inventory.units")  # mass in a year, "Mt"; a rate would hide the length of the year
    path = base / t.file
    frame = read_table(path, {
        "region": ColumnSpec(t.region, kind="text"),
        "value": ColumnSpec(t.value, unit=t.units, quantity="Tg"),
        "u": ColumnSpec(t.uncertainty, unit=t.units, quantity="Tg"),
        **{f"where.{header}": ColumnSpec(header, kind="text") for header in t.where},
    })  # fmt: skip
    for header, text in t.where.items():
        frame = frame.loc[frame[f"where.{header}"] == text, :]
        if frame.empty:
            raise InputError("no row of the inventory is taken", where=f"inventory.where, {header}", found=text)
    if record is not None:
        record.use(path, "inventory")
    names = [str(n) for n in frame["region"]]
    if doubled := sorted({n for n in names if names.count(n) > 1}):
        raise InputError("a region stands more than once in the inventory", where=t.file, found=", ".join(doubled))
    return names, frame["value"].to_numpy(dtype=float), frame["u"].to_numpy(dtype=float), {}


def _posterior(
    path: Path, group: str, regions: list[str], record: Record | None
) -> tuple[Any, Any, Any, Any, dict[str, Any]]:
    """Return prior, its covariance, posterior and its covariance over the whole time, in Tg per year."""
    from ghg.core.netcdf import read

    ds = read(path)
    _check_totals(ds, str(path))
    if record is not None:
        record.use(path, "posterior")
    groups, places = ds["group"].values.astype(str), ds["region"].values.astype(str)
    if group not in groups:
        known = ", ".join(dict.fromkeys(groups.tolist()))
        raise InputError("there is no such group of blocks in the posterior", where="group", found=group, need=known)
    if unknown := [r for r in regions if r not in places]:
        known = ", ".join(dict.fromkeys(places.tolist()))
        raise InputError("regions of the inventory are not in the posterior", where=str(path), found=", ".join(unknown),
                         need=known, hint="match the names in [regions]")  # fmt: skip
    start, end = (ds[n].values.astype("datetime64[ns]") for n in ("period_start", "period_end"))
    seconds = (end - start).astype(np.int64) / 1e9
    matrix = np.array([np.where((groups == group) & (places == r), seconds, 0.0) for r in regions])
    matrix /= matrix.sum(axis=1, keepdims=True)
    whole = start.min(), end.max()
    factor = _year_seconds(*whole) / _KG_PER_TG
    prior, posterior = (factor * matrix @ ds[n].values for n in ("flux_total_prior", "flux_total"))
    cp, c = (
        factor**2 * matrix @ ds[n].values @ matrix.T for n in ("flux_total_prior_covariance", "flux_total_covariance")
    )
    about = {"species": str(ds.attrs.get("species", "CO2")), "period": [str(whole[0])[:10], str(whole[1])[:10]]}
    return prior, cp, posterior, c, about


def _check_totals(ds: xr.Dataset, where: str) -> None:
    """Raise where a file does not hold the totals of an inversion, one for each row."""
    vectors = ("flux_total", "flux_total_prior", "group", "region", "period_start", "period_end")
    need = (*vectors, "flux_total_covariance", "flux_total_prior_covariance")
    if missing := [n for n in need if n not in ds]:
        raise InputError("this is no file of totals", where=where, found="without " + ", ".join(missing),
                         need="totals.nc of ghg inversion run")  # fmt: skip
    rows = ds["flux_total"].size
    shapes = {n: (rows,) if n in vectors else (rows, rows) for n in need}
    odd = [n for n, shape in shapes.items() if ds[n].shape != shape]
    odd += [n for n in ("period_start", "period_end") if ds[n].dtype.kind != "M" or np.isnat(ds[n].values).any()]
    if odd or not (ds["period_end"].values > ds["period_start"].values).all():
        found = ", ".join(odd) or "periods without length"
        raise InputError("the totals do not belong together", where=where, found=found,
                         need="a flux, a group, a region and a period of each row, and their covariance")  # fmt: skip


def _year_seconds(start: Any, end: Any) -> float:
    """Return the mean length of the calendar years that a period covers [s]."""
    years = np.arange(start.astype("datetime64[Y]"), end.astype("datetime64[Y]") + 1)
    length = ((years + 1).astype("datetime64[D]") - years.astype("datetime64[D]")).astype(float) * 86400.0
    first = np.maximum(years.astype("datetime64[ns]"), start)
    last = np.minimum((years + 1).astype("datetime64[ns]"), end)
    inside = np.maximum((last - first).astype(np.int64) / 1e9, 0.0)
    return float(inside.sum() / (inside / length).sum())
