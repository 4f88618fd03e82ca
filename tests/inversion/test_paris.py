"""The layouts of PARIS hold what the posterior holds: sums of maps, exact deviations, covariance of countries."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from ghg.core.config import load_dict
from inversion.assemble import assemble, totals_of
from inversion.config import InversionJob
from inversion.paris import paris_concentrations, paris_fluxes
from inversion.solver import solve
from tests.inversion import example

TWO = example.JOB.replace("[[offset]]", '[[block]]\nname = "fossil"\nprior = "prior.nc"\nby = "all"\nrelative = 0.2\n'
                          'length = "100 km"\n[[offset]]')  # fmt: skip


def test_maps_countries_and_deviations_of_two_blocks_belong_together(tmp_path: Path) -> None:
    example.write(tmp_path)
    job = load_dict(tomllib.loads(TWO), InversionJob)
    problem = assemble(job, tmp_path)
    wanted = totals_of(job, problem, tmp_path)
    posterior = solve(problem, method="dual")
    totals = posterior.total(wanted)
    ds = paris_fluxes(posterior, totals, wanted)
    assert ds["time"].values[0] == np.datetime64("2019-01-16T12:00")
    year = totals.per_year()[: len(wanted.bounds)]
    mass = np.einsum("tij,kij,ij->tk", ds["flux_total_posterior"].astype(float), ds["country_fraction"].astype(float),
                     ds["cell_area"])  # fmt: skip
    np.testing.assert_allclose(ds["flux_total_posterior_country"], 0.044009 * mass * year[:, None], rtol=1e-4)
    variance = np.einsum("tkk->tk", ds["covariance_flux_total_posterior_country"])
    np.testing.assert_allclose(ds["stdev_flux_total_posterior_country"], np.sqrt(variance), rtol=1e-9)
    for period, cell in ((0, 10), (2, 27)):  # a column of the state for the sum of the blocks there
        columns = [np.zeros((b.elements, b.periods, 1)) for b in posterior.used.blocks]
        columns[0][cell, period] = columns[1][cell, 0] = 1.0
        found = posterior.project(columns)
        for name, value in (("prior", found.covariance), ("posterior", posterior.map_covariance(found)[0])):
            got = float(ds[f"stdev_flux_total_{name}"].values[period].ravel()[cell])
            assert got == pytest.approx(float(np.sqrt(value[0, 0])), rel=1e-5)


def test_concentrations_add_up(tmp_path: Path) -> None:
    example.write(tmp_path)
    job = load_dict(tomllib.loads(TWO), InversionJob)
    problem = assemble(job, tmp_path)
    posterior = solve(problem, method="dual")
    ds = paris_concentrations(posterior, totals_of(job, problem, tmp_path), 43200.0)
    regional = sum(problem.block(n).sensitivity.forward(np.ascontiguousarray(posterior.mean(n).T)[:, :, None])[:, 0]
                   for n in ("land", "fossil"))  # fmt: skip
    np.testing.assert_allclose(ds["mf_posterior"] - ds["mf_bc_posterior"], regional, atol=1e-15)
    assert ds["platform"].values[ds["number_of_identifier"].values].tolist() == problem.site.tolist()
    places = {
        (s, float(la), float(lo)) for s, la, lo in zip(problem.site, ds["latitude"], ds["longitude"], strict=True)
    }
    assert places == {("A", 50.0, -2.0), ("B", 52.0, 0.0)}  # where the footprints are centred
    assert ds["time"].values[0] == np.datetime64("2019-01-01T06:00")
