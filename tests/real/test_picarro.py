"""Real Picarro logs: the parser against pandas, water by the bracketing rule, the self-broadening polynomial."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sensors.calibration.water import actual_water, bracketing_dry
from sensors.readers.picarro import read, serial_of

CO2, CH4 = (-0.012, -2.674e-4), (-0.00982, -2.393e-4)  # as read in the logs, notes on the analyser's script


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "sensors" / "picarro"


def test_every_number_is_read_as_pandas_reads_it(folder: Path) -> None:
    for path in sorted(folder.glob("*DataLog_User*")):
        ours, theirs = read([path]), pd.read_csv(path, sep=r"\s+")
        last = theirs["EPOCH_TIME"].cummax()
        theirs = theirs[theirs["EPOCH_TIME"].gt(last.shift(fill_value=0.0))]
        for name in ours.data_vars:
            np.testing.assert_array_equal(ours[name].values, theirs[name].to_numpy(float), err_msg=f"{path} {name}")
        assert serial_of(path.name) == "CFADS2283"
        stamp = (theirs["EPOCH_TIME"] * 1000).round().to_numpy("int64")
        assert (ours["time"].values.astype("datetime64[ms]").astype("int64") == stamp).all()


def test_dry_values_by_the_bracketing_water(folder: Path) -> None:
    """Every cycle of the second log of 2015 and of both logs of 2018, to 1e-9."""
    logs = [folder / "G2301_CFADS2283-20150831-181850Z-DataLog_User.dat.gz", *folder.glob("*2018*.dat")]
    compared = 0
    for path in logs:
        ds = read([path])
        for gas, (a, b) in (("CO2", CO2), ("CH4", CH4)):
            dry = bracketing_dry(ds[gas], ds["h2o_reported"], ds["species"], a, b)
            known = np.isfinite(dry)
            assert np.abs(dry / ds[f"{gas}_dry"].values - 1.0)[known].max() < 1e-9
            compared += int(known.sum())
    assert compared > 2 * 1200


def test_vectors_of_the_bracketing_rule(shared_data: Path) -> None:
    rows = list(
        csv.DictReader((shared_data / "sensors/gold/picarro_bookend_water_vectors.csv").read_text().splitlines())
    )
    for row in rows:
        v = {k: float(x) for k, x in row.items() if k != "file"}
        for gas, (a, b) in (("CO2", CO2), ("CH4", CH4)):
            dry = bracketing_dry([v[gas]] * 2, [v["h_prev"], v["h2o_reported"]], [3, 3], a, b)
            assert dry[1] == pytest.approx(v[f"{gas}_dry"], rel=1e-9)
        assert actual_water(v["h2o_reported"]) == pytest.approx(v["H2O"], abs=1e-10)


def test_self_broadening_to_its_printed_digits(folder: Path) -> None:
    ds = read([folder / "G2301_CFADS2283-20150831-171845Z-DataLog_User.dat.gz"])
    assert np.abs(actual_water(ds["h2o_reported"]) - ds["H2O"].values).max() < 2e-10
