"""Rows of an inventory's table that are taken for a balance."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.balance.config import BalanceJob
from ghg.balance.job import run
from ghg.core.config import load_dict
from ghg.core.errors import InputError
from ghg.core.netcdf import write
from ghg.core.provenance import Record


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    k, plain = 2, {"units": "kg s-1", "long_name": "x"}
    day = np.array(["2023-01-01"] * k, "datetime64[ns]")
    ds = xr.Dataset(
        {"flux_total": ("total", [10.0, 20.0], plain), "flux_total_prior": ("total", [9.0, 19.0], plain),
         "flux_total_covariance": (("total", "other"), np.eye(k), {"units": "kg2 s-2", "long_name": "c"}),
         "flux_total_prior_covariance": (("total", "other"), 4.0 * np.eye(k), {"units": "kg2 s-2", "long_name": "c"})},
        {"group": ("total", ["total"] * k, {"long_name": "g"}), "region": ("total", ["a", "b"], {"long_name": "r"}),
         "period_start": ("total", day, {"long_name": "s"}),
         "period_end": ("total", day + np.timedelta64(365, "D"), {"long_name": "e"})},
        {"title": "t", "species": "CO2"},
    )  # fmt: skip
    write(ds, tmp_path / "totals.nc", record=Record("inversion run"))
    rows = [(r, s, m) for s, f in (("CO2", 1.0), ("CH4", 0.01)) for r, m in (("a", f * 3e8), ("b", f * 6e8))]
    text = "region,species,mass,u\n" + "".join(f"{r},{s},{m},{0.1 * m}\n" for r, s, m in rows)
    (tmp_path / "regions.csv").write_text(text)
    return tmp_path


def job(**where: str) -> BalanceJob:
    table = {"file": "regions.csv", "value": "mass", "uncertainty": "u", "units": "kg", "where": where}
    return load_dict({"posterior": "totals.nc", "inventory": table}, BalanceJob)


def test_only_rows_of_the_species_are_taken(folder: Path) -> None:
    found = run(job(species="CO2"), base=folder)
    assert [r["region"] for r in found["regions"]] == ["a", "b", "all regions"]
    assert found["regions"][0]["inventory"] == pytest.approx(0.3)
    assert found["regions"][0]["inversion"] == pytest.approx(10.0 * 365 * 86400 / 1e9)


def test_no_row_or_rows_of_two_species_are_refused(folder: Path) -> None:
    with pytest.raises(InputError, match=r"no row of the inventory is taken.*N2O"):
        run(job(species="N2O"), base=folder)
    with pytest.raises(InputError, match="more than once"):
        run(job(), base=folder)
