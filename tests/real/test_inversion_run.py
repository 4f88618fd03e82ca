"""A run on the real files of Tacolneston, January 2019: observations, footprint, prior, boundary, countries."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.config import load_dict
from inversion.assemble import assemble
from inversion.config import InversionJob


@pytest.fixture(scope="module")
def tac(shared_data: Path) -> Path:
    return shared_data / "inversion" / "tac_ch4_2019"


def job(tac: Path, **changes: object) -> InversionJob:
    data: dict[str, object] = {
        "species": "CH4", "start": "2019-01-01", "end": "2019-01-02", "totals": "all",
        "observations": [{"file": str(tac / "obs_tac_ch4_185m_201901.nc"), "average": "1 hour", "hours": [0, 1]}],
        "footprints": [{"site": "TAC", "file": str(tac / "one_footprint_full_grid.nc"), "format": "name",
                        "units": "(nmol mol-1) / (mol m-2 s-1)"}],
        "background": {"curtains": str(tac / "bc_ch4_europe_cams_2019.nc"), "missing": "zero", "sigma": 0.02,
                       "by": "all"},
        "block": [{"name": "total", "prior": str(tac / "flux_total_ch4_europe_edgar7_2019.nc"), "by": "all",
                   "relative": 1.0}],
        "regions": {"file": str(tac / "country_EUROPE.nc"), "variable": "country"},
    }  # fmt: skip
    return load_dict(data | changes, InversionJob)


def test_the_first_hour_from_raw_files_gives_the_published_forward_model(tac: Path) -> None:
    """Observation, modelled enhancement and baseline as openghg_inversions wrote them into its merged file."""
    problem = assemble(job(tac), tac)
    assert problem.n == 1 and problem.background is not None
    assert 1e9 * problem.observed[0] == pytest.approx(1949.32526316, abs=1e-6)
    assert 1e9 * np.sqrt(problem.error.variance()[0]) == pytest.approx(1.89906312, rel=0.03)
    assert 1e9 * problem.background[0] == pytest.approx(1754.6295, abs=1e-4)
    assert 1e9 * (problem.prior_mean() - problem.background)[0] == pytest.approx(35.5636, abs=2e-4)
    assert problem.block("boundary").labels == ("north", "east", "south", "west")


def test_a_low_quantile_of_mace_head_is_the_background(tac: Path) -> None:
    mhd = {"file": str(tac / "obs_mhd_ch4_10m_201901.nc"), "average": "1 hour"}
    both = [{"file": str(tac / "obs_tac_ch4_185m_201901.nc"), "average": "1 hour", "hours": [0, 1]}, mhd]
    problem = assemble(job(tac, observations=both, background={"site": "MHD", "quantile": 0.2}), tac)
    assert problem.site.tolist() == ["TAC"] and problem.background is not None
    with xr.open_dataset(tac / "obs_mhd_ch4_10m_201901.nc") as ds:
        hourly = ds["ch4"].to_series().dropna().resample("1h").mean().dropna()
    near = hourly[hourly.index < "2019-01-02"]  # the window of three days, as far as it lies in the period of the job
    assert 1e9 * problem.background[0] == pytest.approx(np.quantile(near, 0.2), rel=1e-6)
