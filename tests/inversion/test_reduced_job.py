"""Bases, bounded priors and inferred model errors asked for in a job: the same totals, or what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ghg.core.config import load
from ghg.core.errors import InputError
from ghg.core.netcdf import read
from ghg.core.provenance import Record
from ghg.report.inversion import write_report
from inversion.config import InversionJob
from inversion.job import check, run
from tests.inversion import example

FEW = ["solver.draws=150", "solver.warm=80", "solver.chains=2"]
SHORT = ["end=2019-02-01", "offset.0.by=all"]


def solved(folder: Path, name: str, *changes: str) -> dict[str, Any]:
    (folder / name).mkdir()
    job = load(folder / "job.toml", InversionJob, ["solver.deviation=false", *changes])
    return run(job, folder / name, base=folder, record=Record("run"))


def numbers(found: dict[str, Any], key: str) -> np.ndarray:
    return np.array([row[f"{key}_TgC_per_year"] for row in found["whole"]])


def test_a_basis_in_a_job_keeps_the_totals_and_maps_of_the_full_grid(tmp_path: Path) -> None:
    example.write(tmp_path)
    full = solved(tmp_path, "full")
    for kind in ("weighted", "regional"):
        found = solved(tmp_path, kind, f"block.0.basis={kind}", "block.0.groups=6")
        for key in ("prior", "prior_u", "posterior", "posterior_u"):
            np.testing.assert_allclose(numbers(found, key), numbers(full, key), rtol=1e-5)
        assert found["bases"][0]["cells"] == 48 and found["bases"][0]["error"]["A"] > 0.0
    assert found["bases"][0]["groups"] == 3 and found["solver"].startswith(("dual", "primal"))
    a, b = (read(tmp_path / name / "flux_land.nc") for name in ("full", "weighted"))
    np.testing.assert_allclose(b["flux"].values, a["flux"].values, rtol=1e-4, atol=1e-13)
    assert set(np.unique(b["group"].values)) == set(range(6))


def test_an_inferred_model_error_is_averaged_over_and_shown(tmp_path: Path) -> None:
    example.write(tmp_path)
    basis = ("block.0.basis=weighted", "block.0.groups=4")
    found = solved(
        tmp_path, "drawn", *basis, 'model_error.high="2 umol mol-1"', *FEW, "observations.withheld_sites=['B']"
    )
    exact = solved(tmp_path, "exact", "observations.withheld_sites=['B']")
    z = (numbers(found, "posterior") - numbers(exact, "posterior")) / numbers(exact, "posterior_u")
    assert np.abs(z).max() < 1.0  # another error, nearly the same answer
    error = found["sampler"]["model_error"]
    assert [e["group"] for e in error] == ["A"] and 0.0 < 1e6 * error[0]["mean"] < 0.5  # 0.3 is already in [[error]]
    rows = {r["site"]: r for r in found["sampler"]["fit"]}
    assert rows["B"]["withheld"] and rows["B"]["inside"] > 0.8 and not rows["A"]["withheld"]
    assert np.all(numbers(found, "posterior_low") < numbers(found, "posterior_high"))
    page = write_report(tmp_path / "drawn").read_text()
    assert "R-hat" in page and "closed form for Gaussian posteriors only" in page and "Aggregation error at A" in page
    assert "without_site" not in json.loads((tmp_path / "drawn" / "result.json").read_text())


def test_log_normal_fluxes_are_drawn_on_a_basis(tmp_path: Path) -> None:
    """Observations mirrored about the background: the truth is a source, 1.5 times the mirrored prior."""
    example.write(tmp_path)
    prior = read(tmp_path / "prior.nc")
    prior["flux"][:] = np.abs(prior["flux"].values)
    prior.to_netcdf(tmp_path / "positive.nc")
    table = pd.read_csv(tmp_path / "observations.csv")
    table.assign(co2=820.0 - table["co2"]).to_csv(tmp_path / "observations.csv", index=False)
    basis = ('block.0.prior="positive.nc"', "block.0.basis=weighted", "block.0.groups=4", "solver.method=lognormal")
    said = check(load(tmp_path / "job.toml", InversionJob, [*SHORT, *basis]), base=tmp_path)
    assert "'land' lognormal" in said["plan"] and "MB" in said["plan"] and said["adjoint"] < 1e-12
    found = solved(tmp_path, "log", *SHORT, *basis, *FEW, "solver.warm=300")
    assert found["solver"].startswith("sampled: 'land' lognormal")
    for row in found["whole"]:
        if row["region"] in ("south", "north"):
            rest = row["posterior_TgC_per_year"] - 1.5 * row["prior_TgC_per_year"]
            assert abs(rest) < 3.5 * row["posterior_u_TgC_per_year"] and row["direction"] == "source"
            assert 0.0 < row["posterior_low_TgC_per_year"] < row["posterior_high_TgC_per_year"]
    assert found["sampler"]["divergent"] == 0


def test_what_does_not_go_together_is_said(tmp_path: Path) -> None:
    example.write(tmp_path)
    for changes, words in (
        (["solver.method=dual", "block.0.distribution=truncated"], r"solver\.method.*'land' is not normal"),
        (["solver.method=cg", 'model_error.high="1 umol mol-1"'], "a model error to be inferred"),
        (["solver.method=lognormal"], "'land': a log-normal prior is positive"),
        (['model_error={low="2 umol mol-1", high="1 umol mol-1"}'], "must ascend"),
    ):
        with pytest.raises(InputError, match=words):
            check(load(tmp_path / "job.toml", InversionJob, changes), base=tmp_path)
