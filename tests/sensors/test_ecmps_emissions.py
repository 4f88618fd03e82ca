"""ECMPS hourly emissions: reported mass and readings, method codes, and what a wrong file says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Method, Reason
from ghg.core.units import factor
from sensors.config import EcmpsReader, StackConfig, StackJob
from sensors.readers import read
from sensors.stack.emission import stack_emission
from sensors.stack.job import run

K = 5.7e-7  # short ton of CO2 per scf and percent: 40 CFR 75, Appendix F, equation F-11
SHORT_TON = 907.18474


def _hour(
    hour: int, co2: float | None = 12.0, flow: float | None = 60e6, share: float = 1.0, **more: Any
) -> dict[str, Any]:
    """Return an hour of a unit whose CO2 mass obeys equation F-11."""
    codes = {"CO2C": more.pop("co2_code", "01"), "FLOW": more.pop("flow_code", "01")}
    readings = [{"parameterCode": code, "unadjustedHourlyValue": value, "adjustedHourlyValue": None,
                 "modcCode": codes[code], "moistureBasis": None}
                for code, value in (("CO2C", co2), ("FLOW", flow)) if value is not None]  # fmt: skip
    derived = []
    if co2 is not None and flow is not None:
        derived = [{"parameterCode": "CO2", "adjustedHourlyValue": round(K * co2 * flow, 1), "modcCode": None},
                   {"parameterCode": "HI", "adjustedHourlyValue": 4000.0, "modcCode": None}]  # fmt: skip
    return {"unitId": "1", "stackPipeId": None, "date": "2021-07-01", "hour": hour, "operatingTime": share,
            "hourLoad": 400, "loadUnitsOfMeasureCode": "MW", "monitorHourlyValueData": readings,
            "derivedHourlyValueData": derived, **more}  # fmt: skip


def _file(folder: Path, *hours: dict[str, Any], name: str = "emissions.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"orisCode": 3, "year": 2021, "quarter": 3, "hourlyOperatingData": list(hours)}))
    return path


def _reader(path: Path, **more: Any) -> EcmpsReader:
    return EcmpsReader.model_validate({"format": "ecmps", "files": [str(path)], "timezone": "UTC-06:00", **more})


def test_reported_mass_is_rate_times_operating_time(tmp_path: Path) -> None:
    idle = _hour(3, None, None, 0.0, hourLoad=None)
    ds = read(_reader(_file(tmp_path, _hour(0), _hour(1, share=0.25), _hour(2, flow_code="08"), idle)))
    rate = round(K * 12.0 * 60e6, 1)  # 410.4 short ton per hour
    mass = (ds["emission"] * 3600.0).values[0] / SHORT_TON
    np.testing.assert_allclose(mass, [rate, rate / 4, rate, 0.0], rtol=1e-12)
    assert ds["time"].values[0] == np.datetime64("2021-07-01T06:00")  # local standard time, six hours behind
    assert ds["source"].values.tolist() == ["3/1"]
    assert ds["emission_method"].values[0].tolist() == [Method.DIRECT, Method.DIRECT, Method.SUBSTITUTE, Method.DIRECT]
    assert ds["emission_flag"].values[0].tolist() == [Flag.GOOD, Flag.GOOD, Flag.SUSPECT, Flag.GOOD]
    assert ds["emission_reason"].values[0, 2] & Reason.SUBSTITUTED
    assert ds["emission_reason"].values[0, 3] & Reason.NOT_OPERATING
    np.testing.assert_allclose(ds["gross_load"].values[0, :2], [400e6, 100e6])
    np.testing.assert_allclose(ds["heat_input"].values[0, 0], 4000 * factor("mmBtu", "J") / 3600)
    assert "90th percentile" in ds.attrs["notes"]


def test_the_readings_give_the_reported_mass_again(tmp_path: Path) -> None:
    path = _file(tmp_path, *(_hour(k, 11.0 + 0.1 * k, 55e6 + 1e6 * k, 1.0 if k % 2 else 0.5) for k in range(12)))
    reported = read(_reader(path))
    channels = read(_reader(path, take="channels", humidity="wet"))
    assert channels["flow"].attrs["reference_temperature"] == pytest.approx(293.15)
    again = stack_emission(channels, StackConfig(method="part75", h2o=0.0))
    step = 0.1 * SHORT_TON / 3600.0  # both are rounded to 0.1 ton
    np.testing.assert_allclose(again["emission"], reported["emission"], rtol=0.0, atol=step)


def test_an_over_range_and_a_negative_reading_are_kept_and_flagged(tmp_path: Path) -> None:
    path = _file(tmp_path, _hour(0, flow_code="20"), _hour(1, co2=0.0, co2_code="21"), _hour(2, co2_code="14"))
    ds = read(_reader(path, take="channels", humidity="wet"))
    assert ds["flow_flag"].values[0, 0] == Flag.SUSPECT and ds["flow_reason"].values[0, 0] == Reason.ABOVE_RANGE
    assert ds["co2_flag"].values[0, 1] == Flag.SUSPECT and ds["co2_reason"].values[0, 1] == Reason.NEGATIVE
    assert ds["co2_flag"].values[0, 2] == Flag.GOOD and ds["co2_reason"].values[0, 2] == Reason.CLIPPED
    assert "not read in the regulation: 14, 20, 21" in ds.attrs["notes"]
    emission = read(_reader(path))
    assert emission["emission_flag"].values[0].tolist() == [Flag.SUSPECT, Flag.SUSPECT, Flag.GOOD]


def test_the_adjusted_value_counts_and_the_basis_of_a_reading_is_read(tmp_path: Path) -> None:
    hour = _hour(0)
    hour["monitorHourlyValueData"][1]["adjustedHourlyValue"] = 61e6  # bias adjusted
    hour["monitorHourlyValueData"].append(
        {"parameterCode": "O2C", "unadjustedHourlyValue": 7.0, "modcCode": "01", "moistureBasis": "D"})  # fmt: skip
    ds = read(_reader(_file(tmp_path, hour), take="channels", humidity="wet"))
    assert ds["flow"].item() == 61e6 and ds["o2"].attrs["humidity"] == "dry" and ds["co2"].attrs["humidity"] == "wet"


def test_o2_beside_co2_does_not_make_co2_a_substitute(tmp_path: Path) -> None:
    o2 = {"parameterCode": "O2C", "unadjustedHourlyValue": 7.0, "modcCode": "12", "moistureBasis": "D"}
    both, alone = _hour(0), _hour(1, co2=None)
    for hour in (both, alone):
        hour["monitorHourlyValueData"].append(o2)
    alone["derivedHourlyValueData"] = both["derivedHourlyValueData"]
    ds = read(_reader(_file(tmp_path, both, alone)))
    assert ds["emission_method"].values[0].tolist() == [Method.DIRECT, Method.SUBSTITUTE]
    assert ds["emission_flag"].values[0].tolist() == [Flag.GOOD, Flag.SUSPECT]


def test_steam_is_an_amount_of_the_hour(tmp_path: Path) -> None:
    ds = read(_reader(_file(tmp_path, _hour(0, share=0.5, hourLoad=800, loadUnitsOfMeasureCode="KLBHR"))))
    assert "gross_load" not in ds and ds["steam_load"].item() == pytest.approx(800e3 * 0.45359237 * 0.5 / 3600.0)


def test_a_folder_may_hold_other_ecmps_files_and_several_quarters(tmp_path: Path) -> None:
    _file(tmp_path, _hour(0), name="q3.json")
    other = _hour(0, stackPipeId="CS1", unitId=None, date="2021-10-01")
    _file(tmp_path, other, name="q4.json")
    (tmp_path / "qa.json").write_text(json.dumps({"orisCode": 3, "testSummaryData": []}))
    ds = read(_reader(tmp_path))
    assert ds["source"].values.tolist() == ["3/1", "3/CS1"] and ds.sizes["time"] == 92 * 24 + 1
    assert ds["emission_flag"].values[1, 0] == Flag.MISSING
    only = read(_reader(tmp_path, location=["CS1"], facility=[3]))
    assert only["source"].values.tolist() == ["3/CS1"] and only.sizes["time"] == 1


def test_a_job_reads_them_like_any_records(tmp_path: Path) -> None:
    _file(tmp_path, _hour(0), _hour(1))
    job = StackJob.model_validate({"reader": {"format": "ecmps", "files": ["emissions.json"], "timezone": "UTC-06:00"}})
    assert run(job, base=tmp_path)["emission"].notnull().all()


@pytest.mark.parametrize(
    ("change", "more", "told"),
    [
        ({"hour": 24}, {}, "not an hour of the day"),
        ({"operatingTime": None}, {}, "operatingTime is missing"),
        ({"operatingTime": 60}, {}, "no share of the hour"),
        ({"date": "July"}, {}, "no readable time"),
        ({"unitId": None}, {}, "neither unit nor stack"),
        ({}, {"location": ["9"]}, "no hour is left"),
        ({"monitorHourlyValueData": [{"parameterCode": "FLOW", "modcCode": "77"}]}, {}, "code is not known"),
        ({"monitorHourlyValueData": [{"parameterCode": "FLOW", "unadjustedHourlyValue": "x"}]}, {}, "not a number"),
        ({"derivedHourlyValueData": {}}, {}, "not a list"),
    ],
)  # fmt: skip
def test_wrong_hours_are_refused_by_name(
    tmp_path: Path, change: dict[str, Any], more: dict[str, Any], told: str
) -> None:
    path = _file(tmp_path, {**_hour(0), **change})
    with pytest.raises(InputError, match=told):
        read(_reader(path, **more))


def test_what_cannot_be_known_is_asked_for(tmp_path: Path) -> None:
    path = _file(tmp_path, _hour(0))
    with pytest.raises(ConfigError, match="dry or wet"):
        read(_reader(path, take="channels"))
    with pytest.raises(ValueError, match="fixed offset"):
        _reader(path, timezone="America/Chicago")
    path.write_text(json.dumps({"orisCode": 3, "testSummaryData": []}))
    with pytest.raises(InputError, match="something else"):
        read(_reader(path))
    _file(tmp_path, _hour(0), {**_hour(0), "operatingTime": 0.5})
    with pytest.raises(InputError, match="two different records"):
        read(_reader(path))
