"""A file of a station before the parts of the toolkit that read it; checkers judge one in tests/real/test_neon.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core import netcdf
from ghg.core.errors import InputError
from ghg.core.provenance import Record
from ghg.facility.config import FacilityJob
from ghg.facility.job import compare_job
from inversion.readers.observations import read_observations
from sensors.config import NetcdfReader, StackJob
from sensors.config.station import StationJob
from sensors.stack.job import run as measure
from sensors.station.job import run
from tests.station_logs import job_of, simulate, text_of
from tests.terminal import inside


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("judged")
    station = simulate(1.0, every=10.0)
    log = folder / "CFADS2283-20231115-000000Z-DataLog_User.dat"
    log.write_bytes(text_of(station["time"], station["columns"]))
    given: Any = job_of([log], station["assigned"])
    given["site"] |= {"code": "SIM", "elevation": 120.0, "institution": "nobody"}
    job = StationJob(**given)
    record = Record("sensors calibrate", job, command=["ghg", "sensors", "calibrate"])
    ds = run(job, record=record)
    netcdf.write(ds, folder / "station.nc", record=record)
    return folder / "station.nc"


def test_what_other_parts_need_is_in_the_file(written: Path) -> None:
    ds = netcdf.read(written)
    for name in ("co2", "co2_u_random", "co2_u_systematic", "co2_flag", "time_bounds"):
        assert name in ds
    assert ds["co2"].attrs["units"] == "umol mol-1" and ds["co2"].attrs["humidity"] == "dry"
    assert ds["co2"].attrs["standard_name"] == "mole_fraction_of_carbon_dioxide_in_dry_air"
    assert ds["co2"].attrs["calibration_scale"] == "WMO CO2 X2019"
    assert (float(ds["latitude"]), float(ds["longitude"]), float(ds["altitude"])) == (50.0, 8.0, 120.0)
    assert float(ds["intake_height"][0]) == 10.0


def test_an_inversion_reads_it_as_it_is(written: Path) -> None:
    ds, found = netcdf.read(written), read_observations(written, species="co2")
    x, flag = ds["co2"].values[0], ds["co2_flag"].values[0]
    use = np.isfinite(x) & (flag < 4)
    np.testing.assert_allclose(found.value, x[use] * 1e-6, rtol=1e-12)
    u = np.hypot(ds["co2_u_random"].values, ds["co2_u_systematic"].values)[0, use]
    np.testing.assert_allclose(found.error, u * 1e-6, rtol=1e-12)
    np.testing.assert_array_equal(found.time, ds["time"].values[use])
    assert found.site == "SIM" and found.species == "co2"


def stack_job(written: Path, folder: Path, seconds: float = 3600.0, **reader: Any) -> dict[str, Any]:
    """Return the measured side: the station's gas, and a table with 20 m3/s of dry flow at 0 degC."""
    begin = netcdf.read(written)["time"].values[0]
    stamps = begin + (np.arange(26) * seconds * 1e9).astype("m8[ns]")
    rows = [f"{str(t)[:19].replace('T', ' ')},20.0" for t in stamps]
    (folder / "flow.csv").write_text("when,flow\n" + "\n".join(rows) + "\n")
    state = {"temperature": "0 degC", "humidity": "dry"}
    channels = {"format": "table", "files": ["flow.csv"],
                "time": {"column": "when", "timezone": "UTC", "label": "start", "interval": seconds},
                "columns": {"flow": {"column": "flow", "units": "m3/s", "state": state}}}  # fmt: skip
    stack = {"method": "hj75", "uncertainty": {"flow": {"systematic": {"relative": 0.02}}}}
    return {"reader": {"format": "netcdf", "files": [str(written)], "channels": channels, **reader}, "stack": stack}


def test_flow_times_the_calibrated_gas_is_an_emission(written: Path, tmp_path: Path) -> None:
    """x * flow / molar volume * molar mass (22.413969 L mol-1 at 0 degC and 101325 Pa, CODATA; 44.009 g mol-1)."""
    station, ds = netcdf.read(written), measure(StackJob(**stack_job(written, tmp_path)), base=tmp_path)
    x = station["co2"].values[0]
    expected = x * 1e-6 * 20.0 / 0.022413969 * 0.044009
    got = ds["emission"].values[0]
    np.testing.assert_allclose(got[: x.size], expected, rtol=5e-5)
    assert ds.sizes["time"] == 26 and (ds["emission_flag"].values[0, x.size :] == 9).all()
    u = station["co2_u_systematic"].values[0] / x
    stated = ds["emission_u_systematic_concentration"].values[0, : x.size] / expected
    np.testing.assert_allclose(stated[np.isfinite(x)], np.sqrt(np.nanmean(u**2)), rtol=1e-3)


def test_a_plant_takes_the_station_as_its_measured_side(written: Path, tmp_path: Path) -> None:
    measured = stack_job(written, tmp_path)
    kilograms = float(np.nanmean(measure(StackJob(**measured), base=tmp_path)["emission"].values) * 30 * 86400.0)
    stream = {"name": "gas", "fuel": "NG", "method": "part98-tier1", "mass": {"unit": "ft3", "values": [1e3]},
              "energy": {"unit": "mmBtu", "basis": "gross", "values": [kilograms / 53.06]}}  # fmt: skip
    span = {"start": "2023-11-01", "end": "2023-12-01"}
    given: dict[str, Any] = {"facility": {"name": "small", "timezone": "UTC"}, "measured": measured,
                             "comparison": {**span, "margin": 0.2, "draws": 10_000, "minimum_coverage": 0.01},
                             "accounted": {**span, "by": "month", "timezone": "UTC", "stream": [stream]}}  # fmt: skip
    job = FacilityJob(**given)
    found = compare_job(job, tmp_path)
    assert found.verdict.code == "equivalent"


def test_an_emission_is_read_as_it_was_written(written: Path, tmp_path: Path) -> None:
    record = Record("sensors emission", command=["ghg", "sensors", "emission"])
    job = StackJob(**stack_job(written, tmp_path))
    ds = measure(job, base=tmp_path, record=record)
    netcdf.write(ds, tmp_path / "emission.nc", record=record)
    assert {u.role for u in record._used.values()} == {"stack records"} and len(record._used) == 2
    reader = NetcdfReader(format="netcdf", files=("emission.nc",))
    again = measure(StackJob(reader=reader), base=tmp_path)
    for name in ("emission", "emission_u_random", "emission_u_systematic", "emission_flag"):
        np.testing.assert_array_equal(again[name].values, ds[name].values)


def test_wrong_files_and_intervals_are_refused(written: Path, tmp_path: Path) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"inlet": "90m"}, "inlet is not in the file"),
        ({"gas": "ch4"}, "neither an emission nor"),
        ({"channels": None}, "alone gives no emission"),
    ]
    for change, words in wrong:
        with pytest.raises(InputError, match=words):
            measure(StackJob(**stack_job(written, tmp_path, **change)), base=tmp_path)
    with pytest.raises(InputError, match="intervals of station and table differ"):
        measure(StackJob(**stack_job(written, tmp_path, seconds=1800.0)), base=tmp_path)
    with pytest.raises(InputError, match="overlap in time"):
        copy = tmp_path / "again.nc"
        copy.write_bytes(written.read_bytes())
        measure(StackJob(**stack_job(written, tmp_path, files=[str(written), str(copy)])), base=tmp_path)


def test_the_page_of_a_station(written: Path, tmp_path: Path) -> None:
    done = inside("sensors", "report", written, "-o", tmp_path / "page")
    assert done.returncode == 0, done.stderr
    names = {p.name for p in (tmp_path / "page").iterdir()}
    assert {f"co2-{k}.svg" for k in ("record", "cylinders", "targets", "allan", "baseline", "cycles")} < names
    page = (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 6 and "goal 0.1" in page and "T5" in page
    assert "manifest.json" in names  # so that --force may replace it
    done = inside("sensors", "report", written, "-o", tmp_path / "zh", "--lang", "zh")
    page = (tmp_path / "zh" / "report.html").read_text(encoding="utf-8")
    assert done.returncode == 0 and "留出的气瓶" in page and ">校准值 − 读数<" in page and "withheld" not in page
    for arguments, words in (((written, "--inlet", "90m"), "inlet is not in the file"),
                             ((tmp_path / "page" / "report.html",), "")):  # fmt: skip
        done = inside("sensors", "report", *arguments, "-o", tmp_path / "other")
        assert done.returncode == 2 and words in done.stderr and not (tmp_path / "other").exists()


def test_the_reading_before_calibration_is_kept(written: Path) -> None:
    """The simulated analyser reads (x - 0.35 - drift) / 1.002: calibration adds 0.35 + 0.002 x within its drift."""
    ds = netcdf.read(written)
    added = (ds["co2"] - ds["co2_reading"]).values
    assert np.nanmax(np.abs(added - 0.35 - 0.002 * ds["co2_reading"].values)) < 0.5
    assert (np.isfinite(ds["co2_reading"].values) == (ds["co2_n"].values > 0)).all()


def test_the_analysis_of_one_inlet_of_several(written: Path, tmp_path: Path) -> None:
    import xarray as xr

    ds = netcdf.read(written)
    two = xr.concat([ds, ds.assign_coords(inlet=["90m"])], "inlet", data_vars="minimal", coords="minimal",
                    compat="override")  # fmt: skip
    netcdf.write(two, tmp_path / "two.nc", record=Record("test", command=["ghg"]))
    arguments = ("sensors", "allan", tmp_path / "two.nc", "-n", "co2", "--format", "json")
    assert inside(*arguments, "--inlet", "90m").stdout == inside(*arguments[:2], written, *arguments[3:]).stdout != ""
    for more, words in (((), "several inlets"), (("--inlet", "9m"), "inlet is not in the file")):
        done = inside(*arguments, *more)
        assert done.returncode == 2 and words in done.stderr and "10m, 90m" in done.stderr
