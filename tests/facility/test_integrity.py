"""The verdict knows what the records say about themselves."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from ghg.core.flags import Flag, Method, Reason
from ghg.core.pieces import pieces_of
from ghg.core.time import bounds_variable
from ghg.facility.comparison import compare
from ghg.facility.integrity import Integrity, assess_integrity
from ghg.facility.measured import gather
from sensors.integrity.screen import screen
from sensors.measured import emission_variables
from tests.plants import MONTHS, ordinary, plant, settings


def hourly(rng: np.random.Generator, hours: int = 1500) -> xr.Dataset:
    edges = np.datetime64("2023-01-01", "ns") + np.arange(hours + 1) * np.timedelta64(1, "h")
    load = np.round(300 + 50 * np.sin(np.arange(hours) / 24 * 2 * np.pi) + 15 * rng.standard_normal(hours))
    rate = load * 0.25 * np.exp(0.006 * rng.standard_normal(hours))
    times = bounds_variable(np.stack([edges[:-1], edges[1:]], axis=1))
    marks = tuple(np.full((1, hours), v, t) for v, t in ((Flag.GOOD, np.int8), (0, np.int32), (Method.DIRECT, np.int8)))
    data = emission_variables((rate[None], 0.004 * rate[None], {"flow": 0.01 * rate[None]}), marks, species="CO2")
    data["gross_load"] = (("source", "time"), load[None], {"units": "W"})
    return xr.Dataset({**data, "time_bounds": times}, coords={"source": ["A"], "time": times.time})


def assessed(ds: xr.Dataset, accounted: xr.Dataset) -> Integrity:
    return assess_integrity(gather(pieces_of(ds), MONTHS, settings()), accounted, np.ones(12, bool))


def test_a_clean_record_has_no_reservations(rng: np.random.Generator) -> None:
    _, accounted = plant({n: np.ones(12) * 0 for n in ordinary(rng)}, rng)
    found = assessed(hourly(rng), accounted)
    assert found.reservations() == () and found.unit_years == pytest.approx(1500 / 8766)
    assert found.flags == {"good": 1.0} and found.substituted == {
        "share": 0.0,
        "mass_share": 0.0,
        "effect_percent": None,
    }


def test_alarms_flags_and_substitutes_are_told(rng: np.random.Generator) -> None:
    _, accounted = plant({n: np.ones(12) * 0 for n in ordinary(rng)}, rng)
    ds = hourly(rng)
    ds["emission"][0, 800:] *= 0.9
    ds["emission_flag"][0, :150] = int(Flag.SUSPECT)
    ds["emission_method"][0, 300:375] = int(Method.SUBSTITUTE)
    ds["emission_reason"][0, 300:375] = int(Reason.SUBSTITUTED)
    ds["emission"][0, 300:375] *= 1.5
    found = assessed(ds, accounted)
    assert len(screen(ds).alarms) == len(found.alarms) == 1 and 0.0 < found.alarm_mass_share < 0.2
    assert found.substituted["share"] == pytest.approx(0.05)
    assert found.substituted["effect_percent"] > 2.0
    assert found.reasons == {"substituted": pytest.approx(0.05)}
    text = "; ".join(found.reservations())
    assert "1 alarms" in text and "5.0% of the measured intervals are substituted" in text and "10.0%" in text


def test_what_a_regime_of_ours_adds_is_stated_with_its_uncertainty(rng: np.random.Generator) -> None:
    _, accounted = plant({n: np.ones(12) * 0 for n in ordinary(rng)}, rng)
    ds = hourly(rng)
    clean = float(ds["emission"].sum()) * 3600.0
    ds["emission"][0, 100:150] += 5.0
    added = xr.zeros_like(ds["emission"])
    added[0, 100:150] = 5.0
    ds = ds.assign(emission_substitution_bias=added, substitution_bias=("source", [5.0 * 50 * 3600.0]),
                   substitution_bias_u=("source", [90e3]))  # fmt: skip
    found = assessed(ds, accounted).substituted
    assert found["effect_percent"] == pytest.approx(100.0 * 900e3 / clean)
    assert found["effect_u_percent"] == pytest.approx(100.0 * 90e3 / clean)
    part = assessed(ds.isel(time=slice(0, 120)), accounted).substituted
    assert part["effect_percent"] == pytest.approx(
        100.0 * 360e3 / (float(ds["emission"][0, :120].sum()) * 3600 - 360e3)
    )
    assert "effect_u_percent" not in part  # known of the whole record only


def test_the_verdict_keeps_its_numbers_and_names_its_reservations(rng: np.random.Generator) -> None:
    measured, accounted = plant({n: np.ones(12) * 0 for n in ordinary(rng)}, rng)
    marked = measured.copy(deep=True)
    marked["emission_flag"][:] = int(Flag.SUSPECT)
    plain, told = (compare(m, accounted, settings(), "UTC") for m in (measured, marked))
    assert plain.ratio == told.ratio and plain.verdict.code == told.verdict.code
    assert plain.verdict.reservations == ()
    assert told.verdict.reservations == ("100.0% of the measured intervals are flagged suspect or bad",)
    assert told.integrity is not None and told.integrity.not_screened == "intervals"
    assert isinstance(told.integrity, Integrity) and told.verdict.as_dict()["reservations"]


def test_channels_that_say_the_same_are_one_line() -> None:
    same = {
        "source": "A",
        "detector": "copied",
        "detail": "the same as from X",
        "start": "s",
        "end": "e",
        "meaning": "m",
    }
    found = Integrity(alarms=[{**same, "subject": "co2"}, {**same, "subject": "flow"},
                              {**same, "subject": "co2", "start": "later"}])  # fmt: skip
    assert [g["subjects"] for g in found.grouped()] == [["co2", "flow"], ["co2"]]
    assert "m (co2, flow)" in found.reservations()[0]
