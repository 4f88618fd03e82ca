"""Truncated rows of a real footprint file are named before an inversion, and kept where that is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from inversion.config import FootprintsJob
from inversion.readers import read_footprints
from inversion.receptors import integrated


def test_truncated_rows_are_named_or_kept(shared_data: Path) -> None:
    folder = shared_data / "inversion" / "formats"
    name = "MHD-10magl_NAME_UKV_TEST_inert_PARIS-format_201301.nc"
    whole = read_footprints(folder / name)
    job = FootprintsJob(site="MHD", file=name, format="auto")
    with pytest.raises(InputError, match=r"footprints are truncated .*44 of 49: 2013-01-01T00:00"):
        integrated(job, folder, whole.time)
    values, _ = integrated(job.model_copy(update={"truncated": "keep"}), folder, whole.time)
    np.testing.assert_allclose(values, whole.read().total.reshape(49, -1), rtol=1e-6)
