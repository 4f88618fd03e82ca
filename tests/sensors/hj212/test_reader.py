"""From stored messages to the common Dataset and to an emission."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Reason
from sensors import read
from sensors.config import Hj212Reader, StackJob
from sensors.hj212.frame import Frame, encode, split_packets
from sensors.stack.job import run

HEADER = {"QN": "20240101000000000", "ST": "31", "PW": "123456", "MN": "88888880000114", "Flag": "5"}
STATE = {"temperature": "0 degC", "humidity": "dry"}
CHANNELS: dict[str, Any] = {
    "concentration": {"code": "a05001", "state": STATE},
    "velocity": {"code": "a01011"},
    "temperature": {"code": "a01012"},
    "pressure": {"code": "a01013", "gauge": True},
    "h2o": {"code": "a01014"},
}
VALUES = {"a05001": 180_000.0, "a01011": 12.0, "a01012": 50.0, "a01013": -0.2, "a01014": 12.0}


def hour(day: int, hour: int, *, values: dict[str, Any] | None = None, letters: dict[str, str] | None = None,
         command: str = "2061", station: str = HEADER["MN"]) -> Frame:  # fmt: skip
    values, letters = {**VALUES, **(values or {})}, letters or {}
    groups = [(("DataTime", f"202401{day:02d}{hour:02d}0000"),)]
    groups += [((f"{c}-Min", str(v)), (f"{c}-Avg", str(v)), (f"{c}-Max", str(v)), (f"{c}-Flag", letters.get(c, "N")))
               for c, v in values.items() if v is not None]  # fmt: skip
    return Frame({**HEADER, "CN": command, "MN": station}, tuple(groups))


def config(path: Path, **changes: Any) -> Hj212Reader:
    given = {"format": "hj212", "files": str(path), "label": "start", "channels": CHANNELS, **changes}
    return Hj212Reader.model_validate(given)


def stored(path: Path, *frames: Frame) -> Path:
    path.write_bytes(b"".join(encode(p) for f in frames for p in split_packets(f)))
    return path


def test_hours_become_an_emission(tmp_path: Path) -> None:
    """HJ 75: mass flow is concentration times the flow brought to 0 degC, 101.325 kPa and dry gas."""
    path = stored(tmp_path / "a.txt", *(hour(1, h) for h in range(24)))
    job = StackJob.model_validate({"reader": config(path), "stack": {"method": "hj75", "area": "28.3 m2",
                                   "barometric_pressure": "100.2 kPa"}})  # fmt: skip
    ds = run(job)
    normal = 12.0 * 28.3 * 273.15 / 323.15 * (100.2 - 0.2) / 101.325 * (1 - 0.12)
    np.testing.assert_allclose(ds["emission"].values, np.full((1, 24), 0.18 * normal), rtol=1e-12)
    assert str(ds["time_bounds"].values[0, 0]).startswith("2023-12-31T16:00")  # Beijing is eight hours ahead
    assert ds["source"].values.tolist() == [HEADER["MN"]]
    assert np.all(ds["emission_flag"] == Flag.GOOD)


def test_the_letters_become_flags(tmp_path: Path) -> None:
    letters = ["N", "M", "S", "D", "C", "T", "B", "x"]
    frames = [hour(1, h, letters={"a05001": letter}) for h, letter in enumerate(letters)]
    ds = read(config(stored(tmp_path / "a.txt", *frames)))
    assert ds["concentration_flag"].values[0].tolist() == [1, 4, 3, 4, 4, 4, 4, 3]
    reasons = [0, Reason.MAINTENANCE, Reason.MANUAL, Reason.FAULT, Reason.CALIBRATION, Reason.ABOVE_RANGE,
               Reason.COMMUNICATION, 0]  # fmt: skip
    assert ds["concentration_reason"].values[0].tolist() == [int(r) for r in reasons]
    assert np.all(ds["velocity_flag"] == Flag.GOOD)
    job = {"reader": config(tmp_path / "a.txt"), "stack": {"method": "hj75", "area": "1 m2",
           "barometric_pressure": "100 kPa"}}  # fmt: skip
    emission = run(StackJob.model_validate(job))
    assert emission["emission_flag"].values[0].tolist() == [1, 4, 3, 4, 4, 4, 4, 3]
    assert emission["emission_reason"].values[0, 3] & int(Reason.FAULT)


def test_a_source_that_stands_still_emits_nothing(tmp_path: Path) -> None:
    still = dict.fromkeys(VALUES, "F")
    path = stored(tmp_path / "a.txt", hour(1, 0), hour(1, 1, letters=still), hour(1, 2))
    job = {"reader": config(path), "stack": {"method": "hj75", "area": "1 m2", "barometric_pressure": "100 kPa"}}
    ds = run(StackJob.model_validate(job))
    assert ds["emission"].values[0, 1] == 0.0 and ds["emission"].values[0, 0] > 0.0
    assert ds["emission_reason"].values[0, 1] == int(Reason.NOT_OPERATING)


def test_gaps_repetitions_and_damage_are_marked(tmp_path: Path) -> None:
    frames = [
        hour(1, 0),
        hour(1, 0),
        hour(1, 2),
        hour(1, 2, values={"a05001": 170_000.0}),
        hour(1, 3, values={"a01011": None}),
    ]
    data = b"".join(map(encode, frames))
    broken = bytearray(encode(hour(1, 4)))
    broken[-4] = ord("0") if broken[-4] != ord("0") else ord("1")
    path = tmp_path / "a.txt"
    path.write_bytes(data + b"noise" + bytes(broken))
    ds = read(config(path))
    assert ds.sizes["time"] == 5
    assert ds["concentration_flag"].values[0].tolist() == [
        Flag.GOOD,
        Flag.MISSING,
        Flag.SUSPECT,
        Flag.GOOD,
        Flag.SUSPECT,
    ]
    assert ds["concentration_reason"].values[0].tolist() == [0, Reason.GAP, Reason.DUPLICATE, 0, Reason.COMMUNICATION]
    assert ds["concentration"].values[0, 2] == 170_000.0
    assert math.isnan(ds["velocity"].values[0, 3]) and ds["velocity_reason"].values[0, 3] == Reason.MISSING
    assert "1 messages: the checksum" in ds.attrs["notes"] and "5 bytes" in ds.attrs["notes"]
    with pytest.raises(InputError, match="checksum"):
        read(config(path, strict=True))


def test_packets_of_one_message_are_one_record(tmp_path: Path) -> None:
    more = {f"a9{i:04d}": float(i) for i in range(40)}
    frame = hour(1, 0, values=more)
    assert len(split_packets(frame)) > 1
    ds = read(
        config(stored(tmp_path / "a.txt", frame), channels={**CHANNELS, "co2": {"code": "a90039", "units": "percent"}})
    )
    assert ds["co2"].values.tolist() == [[39.0]] and ds["velocity"].values.tolist() == [[12.0]]


def test_two_stations_and_other_commands(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.txt", hour(1, 0), hour(1, 0, station="B"), hour(1, 1, command="2051"), hour(1, 1))
    assert read(config(path))["source"].values.tolist() == ["88888880000114", "B"]
    assert read(config(path, stations="B")).sizes == {"source": 1, "time": 1, "bounds": 2}
    assert read(config(path, data="minute", interval=600)).sizes["time"] == 1
    with pytest.raises(InputError, match=r"no message holds day data.*CN 2061.*CN 2031"):
        read(config(path, data="day"))


def test_end_labels_and_months_of_days(tmp_path: Path) -> None:
    ds = read(config(stored(tmp_path / "a.txt", hour(1, 1), hour(1, 2)), label="end"))
    assert str(ds["time"].values[0]).startswith("2023-12-31T16:00")
    days = stored(tmp_path / "b.txt", *(hour(d, 0, command="2031") for d in (1, 2)))
    ds = read(config(days, data="day"))
    assert np.diff(ds["time_bounds"].values).astype("timedelta64[h]").astype(int).tolist() == [[24], [24]]


def test_what_must_be_stated(tmp_path: Path) -> None:
    path = stored(tmp_path / "a.txt", hour(1, 0))
    with pytest.raises(ConfigError, match=r"channels\.concentration: the unit of methane must be stated.*million"):
        read(config(path, channels={"concentration": {"code": "a05002", "state": STATE}}))
    with pytest.raises(ConfigError, match="factor code is not known"):
        read(config(path, channels={"concentration": {"code": "zz", "state": STATE}}))
    with pytest.raises(InputError, match=r"channels\.o2: no message holds a19001"):
        read(config(path, channels={"o2": {"code": "a19001", "humidity": "dry"}}))
    with pytest.raises(ValueError, match="state the interval of minute data"):
        config(path, data="minute")
    (tmp_path / "b.txt").write_text("no message at all")
    with pytest.raises(InputError, match=r"b\.txt: the file holds no HJ 212 message"):
        read(config(tmp_path / "b.txt"))
