"""The measured side gathered piece by piece: pieces of any size give one comparison, in the memory of one piece."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core import aside, pieces
from ghg.core.errors import ErrorList, InputError
from ghg.core.pieces import Cut, Part, Pieces
from ghg.core.provenance import Record
from ghg.facility import independence
from ghg.facility.comparison import Comparison, compare, periods
from ghg.facility.config import FacilityJob
from ghg.facility.independence import assess
from ghg.facility.job import check, compare_job
from ghg.facility.measured import gather
from ghg.facility.result import as_dict
from sensors.readers import scratch
from sensors.stack.job import run_pieces
from tests.facility.test_comparison import accounted, measured, settings

HEAD = (
    "State,Facility Name,Facility ID,Unit ID,Date,Hour,Operating Time,Gross Load (MW),Steam Load (1000 lb/hr),"
    "CO2 Mass (short tons),CO2 Mass Measure Indicator,Heat Input (mmBtu)\n"
)


def plant(reader: dict[str, Any], stack: dict[str, Any] | None, tonnes: float, zone: str) -> FacilityJob:
    """Return a job of three months: `tonnes` of CO2 a month on the accounted side, which lacks nothing."""
    span = {"start": "2023-01-01", "end": "2023-04-01"}
    stream = {"name": "coal", "fuel": "bituminous", "method": "ipcc2006-tier3",
              "mass": {"unit": "t", "values": [tonnes / (25.0 * 0.095) * f for f in (1.0, 1.1, 0.95)]},
              "calorific_value": {"values": [25.0], "unit": "GJ/t", "basis": "net"},
              "emission_factor": {"values": [95.0], "unit": "kg/GJ"},
              "oxidation": {"values": [1.0], "unit": "1"}}  # fmt: skip
    given: dict[str, Any] = {
        "facility": {"name": "A", "timezone": zone},
        "comparison": {**span, "draws": 10_000},
        "measured": {"reader": reader, **({} if stack is None else {"stack": stack})},
        "accounted": {**span, "by": "month", "timezone": zone, "stream": [stream]},
    }
    return FacilityJob(**given)


def units(folder: Path) -> FacilityJob:
    """Hours of three units with substitutes; one has a gap, one a step, and one a month without records."""
    rng = np.random.default_rng(5)
    stamps = np.datetime64("2022-12-31T12") + np.arange(24 * 92)
    rows = []
    for unit in (1, 2, 3):
        load = np.round(
            300 + 50 * np.sin(np.arange(stamps.size) / 24 * 2 * np.pi) + 15 * rng.standard_normal(stamps.size)
        )
        heat = np.round(10.0 * load * np.exp(0.004 * rng.standard_normal(stamps.size)), 1)
        mass = np.round(0.1026 * heat * np.exp(0.006 * rng.standard_normal(stamps.size)), 1)
        if unit == 2:
            mass[1700:] = np.round(0.85 * mass[1700:], 1)
        for k, stamp in enumerate(stamps):
            if (unit == 3 and str(stamp)[:7] == "2023-02") or (unit, k) == (1, 77):
                continue
            flag = "Substitute" if 300 <= k < 330 else "Measured"
            rows.append(f"AZ,Cholla,113,{unit},{str(stamp)[:10]},{int(str(stamp)[11:])},1,{load[k]:g},,"
                        f"{mass[k]},{flag},{heat[k]}\n")  # fmt: skip
    (folder / "c.csv").write_text(HEAD + "".join(rows))
    return plant({"format": "campd", "files": ["c.csv"]}, None, 3 * 31 * 24 * 28.0, "Asia/Kolkata")


def one_stack(folder: Path, minutes: int = 60, days: int = 93) -> FacilityJob:
    """One source with CO2, O2, load and substitutes, in a zone where months end within an hour."""
    rng = np.random.default_rng(6)
    count = days * 1440 // minutes
    stamps = np.datetime64("2022-12-31T00:00") + np.arange(count) * np.timedelta64(minutes, "m")
    o2 = 6.0 + rng.standard_normal(count) * 0.3
    co2 = 18.4 * (20.9 - o2) / 20.9 * np.exp(0.01 * rng.standard_normal(count))
    load = 300.0 + 20.0 * rng.standard_normal(count)
    with (folder / "t.csv").open("w") as file:
        file.write("t,c,o,h,q,load,e,flag\n")
        for k, stamp in enumerate(stamps):
            q = "" if k % 97 == 5 else f"{1e6 * load[k] / 300:.1f}"
            file.write(f"{str(stamp).replace('T', ' ')},{co2[k]:.4f},{o2[k]:.4f},8,{q},{load[k]:.2f},"
                       f"{10 * load[k]:.1f},{'s' if k % 50 == 7 else 'm'}\n")  # fmt: skip
    state = {"temperature": "0 degC", "pressure": "101.325 kPa", "humidity": "dry"}
    reader = {
        "format": "table", "files": ["t.csv"], "method_column": "flag",
        "methods": {"m": "direct", "s": "substitute"},
        "time": {"column": "t", "timezone": "UTC", "label": "start", "interval": 60.0 * minutes},
        "columns": {
            "co2": {"column": "c", "units": "percent", "humidity": "dry"},
            "o2": {"column": "o", "units": "percent", "humidity": "dry"},
            "flow": {"column": "q", "units": "m3/h", "state": state},
            "gross_load": {"column": "load", "units": "MW"},
            "heat_input": {"column": "e", "units": "GJ/h", "calorific_basis": "net"},
        },
    }  # fmt: skip
    return plant(reader, {"method": "hj75"}, 1e6 * 0.132 * 1.964e-3 * 24 * 31, "Asia/Kolkata")


def outcome(found: Comparison, job: FacilityJob) -> dict[str, Any]:
    return json.loads(json.dumps(as_dict(found, job), default=float))


def same(one: Any, other: Any, where: str = "") -> None:
    if isinstance(one, dict):
        assert one.keys() == other.keys(), where
        for key in one:
            same(one[key], other[key], f"{where}.{key}")
    elif isinstance(one, list):
        assert len(one) == len(other), where
        for k, (a, b) in enumerate(zip(one, other, strict=True)):
            same(a, b, f"{where}[{k}]")
    elif isinstance(one, float):
        assert one == pytest.approx(other, rel=1e-11, abs=1e-12, nan_ok=True), where
    else:
        assert one == other, where


@pytest.mark.parametrize("make", [units, one_stack])
def test_pieces_of_any_size_give_one_comparison(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scratch, aside):
        monkeypatch.setattr(module, "IN_MEMORY", 1000)
    job = make(tmp_path)
    record = Record("facility compare", job)
    found = compare_job(job, tmp_path, record)
    whole = outcome(found, job)
    assert whole["integrity"]["unit_years"] > 0 and whole["integrity"]["substituted"]["effect_percent"] is not None
    for cells in (501, 3000):
        told = Record("facility compare", job)
        parts = compare_job(job, tmp_path, told, cut=Cut(cells))
        same(outcome(parts, job), whole)
        assert parts.measured.identical(found.measured) or make is one_stack
        assert told.steps == record.steps
    check(job, tmp_path)
    if make is units:  # a month that one unit lacks is left out, and the alarm of another is found with its mass
        assert len(whole["pairs"]) == 2 and whole["statistics"]["paired_share"] == pytest.approx(2 / 3)
        (alarm,) = (a for a in whole["integrity"]["alarms"] if a["detector"] == "step_ratio")
        assert alarm["source"] == "113-2" and 0.0 < alarm["mass_share"] <= whole["integrity"]["alarm_mass_share"] < 0.5
    else:
        assert whole["causes"]["terms"] and whole["integrity"]["reasons"]["substituted"] == pytest.approx(
            0.02, rel=0.05
        )


def test_minutes_are_compared_and_not_screened(tmp_path: Path) -> None:
    job = one_stack(tmp_path, minutes=30)
    whole = compare_job(job, tmp_path)
    assert whole.integrity is not None and whole.integrity.not_screened == "channels"
    same(outcome(compare_job(job, tmp_path, cut=Cut(700)), job), outcome(whole, job))


def test_a_long_record_is_judged_by_every_second_interval(rng: np.random.Generator, monkeypatch: Any) -> None:
    """Heat times a constant, and once a value that was measured: both are seen of pieces as of the whole."""
    edges = np.datetime64("2023-01-01", "ns") + np.arange(2001) * np.timedelta64(3600, "s")
    bounds = np.stack([edges[:-1], edges[1:]], axis=1)
    heat = np.round(1000.0 * rng.uniform(0.5, 1.5, 2000), 1) * 293071.07017  # W of mmBtu/h
    mass = 0.05941 * heat / 293071.07017 * 907.18474 / 3600.0
    ds = measured(mass, heat=heat, bounds=bounds)
    ds["emission_method"][0, :] = 3  # fuel flow, but for one interval
    ds["emission_method"][0, 1501] = 1
    (whole,) = assess(ds)
    monkeypatch.setattr(independence, "MOST", 1000)
    (half,) = assess(ds)
    assert whole.n == 2000 and half.n == 1000
    assert whole.status == half.status == "not independent" and half.code == whole.code == "gas_by_g4"
    parts = (Part(slice(0, 1), slice(a, b), ds.isel(time=slice(a, b)), True) for a, b in ((0, 777), (777, 2000)))
    cut = Pieces(1, pieces.Axis(2000, int(edges[0].astype(int)), 3600 * 10**9), parts)
    (found,) = gather(cut, periods(settings(), "UTC"), settings()).finding
    assert found == half


def test_a_record_outside_the_periods_has_none_of_them(tmp_path: Path) -> None:
    job = one_stack(tmp_path)
    span = {"start": "2024-01-01", "end": "2024-03-01"}
    late = job.model_copy(update={"comparison": job.comparison.model_copy(update=span)})
    for cut in (Cut(), Cut(501)):
        with pytest.raises(InputError, match="no period has both sides"):
            compare_job(late, tmp_path, cut=cut)


def test_faults_are_those_of_the_whole(tmp_path: Path) -> None:
    rate = np.linspace(80, 120, 12)
    wrong = measured(rate)
    wrong["emission"].attrs["units"] = "kg"
    with pytest.raises(ErrorList, match="measured: emission has a unit of the wrong kind"):
        compare(wrong, accounted(rate), settings(), "UTC")


def test_memory_is_that_of_a_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the days take a third more at the most once they are read; in one piece over twice as much."""
    for module in (scratch, aside):
        monkeypatch.setattr(module, "IN_MEMORY", 1000)
    monkeypatch.setattr(independence, "MOST", 1000)
    peaks: dict[Any, list[int]] = {4000: [], None: []}
    for days in (186, 186, 4 * 186):  # the first time for what is made once, and stays
        job = one_stack(tmp_path, minutes=30, days=days)
        for cells, seen in peaks.items():
            parts = run_pieces(job.measured, base=tmp_path, cut=Cut(cells))
            tracemalloc.start()
            gather(parts, periods(job.comparison, job.facility.timezone), job.comparison)
            seen.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    assert peaks[4000][2] < 1.33 * peaks[4000][1]
    assert peaks[None][2] > 2.0 * peaks[None][1]
