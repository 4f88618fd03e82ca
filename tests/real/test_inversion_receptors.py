"""Truncated rows of real footprint files are named before an inversion, and kept where that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from inversion.config import FootprintsJob
from inversion.readers import read_footprints
from inversion.receptors import integrated

WHOLE = "MHD-10magl_UKV_hfo-1234zee_EUROPE_201401_test.nc"  # of the whole domain: every particle left it


@pytest.fixture
def folder(shared_data: Path) -> Path:
    return shared_data / "inversion" / "formats"


@pytest.mark.parametrize(
    "name", ["MHD-10magl_NAME_UKV_TEST_inert_PARIS-format_201301.nc", "TAC-100magl_TEST_201607.nc"]
)
def test_a_piece_of_a_larger_domain_is_not_taken_for_truncated(folder: Path, name: str) -> None:
    """These files hold a few cells of Europe, which 2 to 20 % of the particles leave through the sides."""
    whole = read_footprints(folder / name)
    assert whole.exits is not None and whole.short().size == 0
    values = integrated(FootprintsJob(site=whole.site, file=name, format="auto"), folder, whole.time).values
    np.testing.assert_allclose(values, whole.read().total.reshape(whole.size, -1), rtol=1e-6)


def test_a_row_whose_particles_were_lost_is_named_or_kept(folder: Path, tmp_path: Path) -> None:
    with xr.open_dataset(folder / WHOLE, decode_times=False) as ds:
        cut = ds.load()
    for name in [n for n in cut if str(n).startswith("particle_locations")]:
        cut[name].loc[{"time": cut["time"][2]}] *= 0.9  # a tenth of them was never followed to the end
    cut.to_netcdf(tmp_path / WHOLE)
    whole = read_footprints(tmp_path / WHOLE)
    assert read_footprints(folder / WHOLE).short().size == 0 and whole.short().tolist() == [2]
    job = FootprintsJob(site="MHD", file=WHOLE, format="auto")
    with pytest.raises(InputError, match=r"footprints are truncated .*1 of 5: 2014-01-01T"):
        integrated(job, tmp_path, whole.time)
    others = np.delete(whole.time, 2)
    assert integrated(job, tmp_path, others).values.shape[0] == 4
    values = integrated(job.model_copy(update={"truncated": "keep"}), tmp_path, whole.time).values
    np.testing.assert_allclose(values, whole.read().total.reshape(5, -1), rtol=1e-6)
