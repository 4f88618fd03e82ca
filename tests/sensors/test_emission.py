"""Stack emission against the gas law written out, its uncertainty against slopes, and bad input."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import GhgError, InputError, UnitError
from ghg.core.flags import Flag, Method, Reason
from ghg.core.time import bounds_variable, period_bounds
from sensors import stack_emission
from sensors.config import StackConfig
from sensors.defaults import components, unverified
from sensors.stack import hj75

pytestmark = pytest.mark.kernel

R, M = 8.314462618, 44.009e-3
N = 6
NORMAL = {"reference_temperature": 273.15, "reference_pressure": 101325.0}
EPA = {"reference_temperature": 293.15, "reference_pressure": 101325.0, "reference_state": "wet"}


def records(**channels: tuple[Any, dict[str, Any]]) -> xr.Dataset:
    bounds = period_bounds("2024-03-01T00:00", f"2024-03-01T{N:02d}:00", by="hour")
    data = {
        name: (("source", "time"), np.broadcast_to(np.asarray(values, float), (1, N)).copy(), attrs)
        for name, (values, attrs) in channels.items()
    }
    ds = xr.Dataset(data, coords={"source": ["S1"]})
    ds["time_bounds"] = bounds_variable(bounds)
    return ds


def full(gas: str, gas_state: str, flow_state: str, humidity_gas: str, humidity_flow: str) -> xr.Dataset:
    ramp = np.linspace(1.0, 1.3, N)
    gas_attrs: dict[str, Any] = {"units": "percent", "humidity": humidity_gas}
    value = 12.0 * ramp
    if gas == "concentration":
        value = 210.0 * ramp
        gas_attrs = {"units": "g m-3", "humidity": humidity_gas}
        gas_attrs |= (
            {"reference_state": "actual"} if gas_state == "actual" else {**NORMAL, "reference_state": humidity_gas}
        )
    flow_attrs: dict[str, Any] = {"units": "m3 h-1"}
    flow_attrs |= (
        {"reference_state": "actual"} if flow_state == "actual" else {**NORMAL, "reference_state": humidity_flow}
    )
    return records(
        **{gas: (value, gas_attrs)},
        flow=(1.1e6 * ramp[::-1], flow_attrs),
        temperature=(np.linspace(50.0, 140.0, N), {"units": "degC"}),
        pressure=(np.linspace(985.0, 1012.0, N), {"units": "hPa"}),
        h2o=(np.linspace(6.0, 14.0, N), {"units": "percent"}),
        operating_time=(np.linspace(0.5, 1.0, N), {"units": "1"}),
    )


def by_hand(v: dict[str, Any], gas: str, gas_state: str, flow_state: str, hg: str, hf: str) -> Any:
    """Return kg/s: moles (or kg) per actual wet volume times actual wet volume flow, nothing else."""
    T, p, x = v["temperature"], v["pressure"], v["h2o"]
    wet = 1.0 - x
    c = v[gas]
    if gas == "co2":
        per_actual_wet = M * c * (wet if hg == "dry" else 1.0) * p / (R * T)
    else:
        per_actual_wet = c * (wet if hg == "dry" else 1.0)
        if gas_state == "normal":
            per_actual_wet = per_actual_wet * (273.15 / T) * (p / 101325.0)
    q = v["flow"]
    if flow_state == "normal":
        q = q * (T / 273.15) * (101325.0 / p) / (wet if hf == "dry" else 1.0)
    return per_actual_wet * q * v["operating_time"]


def plain(ds: xr.Dataset, gas: str) -> dict[str, Any]:
    return {
        gas: ds[gas].values[0] * (0.01 if gas == "co2" else 1e-3),
        "flow": ds.flow.values[0] / 3600.0,
        "temperature": ds.temperature.values[0] + 273.15,
        "pressure": ds.pressure.values[0] * 100.0,
        "h2o": ds.h2o.values[0] / 100.0,
        "operating_time": ds.operating_time.values[0],
    }


CASES = [
    ("co2", "normal", flow, hg, hf)
    for flow in ("normal", "actual")
    for hg in ("dry", "wet")
    for hf in ("dry", "wet")
    if not (flow == "actual" and hf == "dry")
] + [
    ("concentration", gs, fs, hg, hf)
    for gs in ("normal", "actual")
    for fs in ("normal", "actual")
    for hg in ("dry", "wet")
    for hf in ("dry", "wet")
    if not (fs == "actual" and hf == "dry") and not (gs == "actual" and hg == "dry")
]


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(c))
def test_every_combination_of_states(case: tuple[str, str, str, str, str]) -> None:
    ds = full(*case)
    out = stack_emission(ds, StackConfig(method="hj75"))
    np.testing.assert_allclose(out.emission.values[0], by_hand(plain(ds, case[0]), *case), rtol=1e-12)
    assert (out.emission_flag == Flag.GOOD).all()
    assert out.emission.attrs["species"] == "CO2" and out.emission.attrs["units"] == "kg s-1"


UNCERTAIN = {
    "flow": {"systematic": {"relative": 0.04}, "random": {"absolute": 5.0, "units": "m3 s-1"}},
    "moisture": {"systematic": {"absolute": 1.0, "units": "percent"}, "random": {"relative": 0.03}},
    "temperature": {"systematic": {"absolute": 2.0, "units": "K"}, "random": {"absolute": 0.5, "units": "K"}},
    "pressure": {"systematic": {"absolute": 2.0, "units": "hPa"}, "random": {"relative": 0.001}},
    "volume_state": {"systematic": {"relative": 0.002}},
}
INPUT = {"flow": "flow", "moisture": "h2o", "temperature": "temperature", "pressure": "pressure"}


def standard(part: dict[str, Any] | None, value: Any, to_si: float) -> Any:
    part = part or {}
    return np.hypot(part.get("relative", 0.0) * value, part.get("absolute", 0.0) * to_si)


@pytest.mark.parametrize("case", CASES, ids=lambda c: "-".join(c))
def test_uncertainty_against_finite_differences(case: tuple[str, str, str, str, str]) -> None:
    ds = full(*case)
    gas = case[0]
    unit = "percent" if gas == "co2" else "g m-3"
    spec = {
        **UNCERTAIN,
        "concentration": {
            "systematic": {"relative": 0.02, "absolute": 0.1, "units": unit},
            "random": {"relative": 0.01},
        },
    }
    out = stack_emission(ds, StackConfig.model_validate({"method": "hj75", "uncertainty": spec}))
    values = plain(ds, gas)
    to_si = {
        "flow": 1.0,
        "concentration": 0.01 if gas == "co2" else 1e-3,
        "moisture": 0.01,
        "temperature": 1.0,
        "pressure": 100.0,
    }
    variance: Any = 0.0
    names = str(out.emission_u_systematic.attrs["components"]).split()
    for name, key in {**INPUT, "concentration": gas}.items():
        slope = derivative(lambda v: by_hand(v, *case), values, key)
        u = standard(spec[name].get("systematic"), values[key], to_si[name])
        if np.all(np.abs(slope * values[key]) < 1e-6):  # kg s-1: this input does not enter
            assert name not in names
            continue
        np.testing.assert_allclose(out[f"emission_u_systematic_{name}"].values[0], np.abs(slope) * u, rtol=1e-6)
        variance = variance + (slope * standard(spec[name].get("random"), values[key], to_si[name])) ** 2
    np.testing.assert_allclose(out.emission_u_random.values[0], np.sqrt(variance), rtol=1e-6)
    np.testing.assert_allclose(out.emission_u_systematic_volume_state, 0.002 * out.emission, rtol=1e-12)
    whole = np.sqrt(sum(out[f"emission_u_systematic_{name}"] ** 2 for name in names))
    np.testing.assert_allclose(out.emission_u_systematic, whole, rtol=1e-12)


def derivative(f: Callable[[dict[str, Any]], Any], values: dict[str, Any], key: str) -> Any:
    step = 1e-5 * np.abs(values[key])
    up, down = {**values, key: values[key] + step}, {**values, key: values[key] - step}
    return (f(up) - f(down)) / (2.0 * step)


def part75_records(o2: bool = False, humidity: str = "wet") -> xr.Dataset:
    name, value = ("o2", 6.0) if o2 else ("co2", 12.0)
    cubic_foot = 0.3048**3
    return records(
        **{name: (value, {"units": "percent", "humidity": humidity})},
        flow=(25e6 * cubic_foot, {"units": "m3 h-1", **EPA}),
        h2o=(8.0, {"units": "percent"}),
    )


def tons(ds: xr.Dataset) -> float:
    return float(ds.emission.values[0, 0]) * 3600.0 / 907.18474


def test_part75_golden() -> None:
    """V12: F-11 171.0, F-2 157.3; F-14A then F-2: 13.1 % gives 5.7e-7 * 13.1 * 25e6 * 0.92 = 171.741."""
    stack = StackConfig(method="part75")
    assert tons(stack_emission(part75_records(), stack)) == pytest.approx(171.0, rel=1e-12)
    assert tons(stack_emission(part75_records(humidity="dry"), stack)) == pytest.approx(157.3, rel=1e-12)
    diluent = StackConfig(method="part75", diluent=True, fuel="bituminous")
    found = stack_emission(part75_records(o2=True, humidity="dry"), diluent)
    assert tons(found) == pytest.approx(171.7, rel=1e-12)
    assert (found.emission_method == Method.DILUENT).all()
    # F-14B: 100/20.9 * 0.1840491 * (19.228 - 6) = 11.6488 -> 11.6; 5.7e-7 * 11.6 * 25e6 = 165.3
    assert tons(stack_emission(part75_records(o2=True), diluent)) == pytest.approx(165.3, rel=1e-12)


def test_part75_rounding_and_constant_can_be_left_out() -> None:
    plain75 = StackConfig(method="part75", rounding=False)
    assert tons(stack_emission(part75_records(humidity="dry"), plain75)) == pytest.approx(157.32, rel=1e-9)
    exact = StackConfig(method="part75", rounding=False, constant="exact")
    ratio = tons(stack_emission(part75_records(), exact)) / 171.0
    # 44.009 g/mol at 68 degF and 101325 Pa: 1.8295 kg/m3, against 5.7e-7 ton/scf/% = 1.8261 kg/m3
    assert ratio == pytest.approx(M * 101325.0 / (R * 293.15) / (5.7e-5 * 907.18474 / 0.3048**3), rel=1e-12)
    assert ratio == pytest.approx(1.0018, abs=2e-4)


def test_part75_actual_flow_is_brought_to_68_fahrenheit() -> None:
    ds = part75_records()
    ds.flow.attrs = {"units": "m3 h-1", "reference_state": "actual"}
    ds["temperature"] = (("source", "time"), np.full((1, N), 120.0), {"units": "degC"})
    ds["pressure"] = (("source", "time"), np.full((1, N), 98.0), {"units": "kPa"})
    found = tons(stack_emission(ds, StackConfig(method="part75", rounding=False)))
    assert found == pytest.approx(171.0 * 293.15 / 393.15 * 98.0 / 101.325, rel=1e-9)
    rounded = tons(stack_emission(ds, StackConfig(method="part75")))
    assert rounded == pytest.approx(round(found, 1), rel=1e-12)


def test_oxygen_route_uncertainty() -> None:
    """dE/dO2 of F-14A is -E/(20.9 - O2), of F-14B it is -E/(20.9(1-h) - O2)."""
    spec = {
        "diluent": {"systematic": {"absolute": 0.3, "units": "percent"}, "random": {"relative": 0.0}},
        "flow": {"systematic": {"relative": 0.0}, "random": {"relative": 0.0}},
        "f_factor": {"systematic": {"relative": 0.01}},
        "moisture": {"systematic": {"absolute": 1.0, "units": "percent"}},
    }
    for humidity, free, moisture in (("dry", 14.9, 1.0 / 92.0), ("wet", 13.228, 0.209 / 13.228)):
        stack = StackConfig.model_validate(
            {
                "method": "part75",
                "rounding": False,
                "diluent": True,
                "fuel": "bituminous",
                "uncertainty": spec,
            }
        )
        out = stack_emission(part75_records(o2=True, humidity=humidity), stack)
        e = out.emission.values
        np.testing.assert_allclose(out.emission_u_systematic_diluent, e * 0.3 / free, rtol=1e-10)
        np.testing.assert_allclose(out.emission_u_systematic_f_factor, e * 0.01, rtol=1e-12)
        np.testing.assert_allclose(out.emission_u_systematic_moisture, e * moisture, rtol=1e-10)
        np.testing.assert_allclose(out.emission_u_random, 0.0, atol=0.0)


def test_velocity_times_area_is_the_flow_of_hj75() -> None:
    ds = full("concentration", "normal", "normal", "dry", "dry").drop_vars("flow")
    ds["velocity"] = (("source", "time"), np.full((1, N), 14.0), {"units": "m s-1"})
    stack = StackConfig(method="hj75", area="28.3 m2", velocity_coefficient=0.95)
    found = stack_emission(ds, stack).emission.values[0]
    from ghg.core.units import STATE_0C

    q = hj75.actual_flow((14.0, "m s-1"), (28.3, "m2"), 0.95)
    one = {name: (ds[name].values[0], ds[name].attrs["units"]) for name in ("temperature", "pressure", "h2o")}
    normal = hj75.normal_flow((q, "m3 s-1"), one["temperature"], one["pressure"], one["h2o"], STATE_0C)
    rate = hj75.mass_rate((ds.concentration.values[0], "g m-3"), (normal, "m3 s-1"))
    np.testing.assert_allclose(found, rate * ds.operating_time.values[0], rtol=1e-12)
    # 1000 m3/h at 50 degC, 100 kPa, 10 %: 1000 * 273.15/323.15 * 100/101.325 * 0.9 = 750.79 by hand
    hand = hj75.normal_flow((1000.0, "m3 h-1"), (50.0, "degC"), (100.0, "kPa"), (10.0, "percent"), STATE_0C)
    assert hand * 3600.0 == pytest.approx(750.79, abs=0.01)
    assert hj75.moisture_from_oxygen((5.4, "percent"), (6.0, "percent")) == pytest.approx(10.0)


def test_zero_and_twenty_degrees_differ_by_seven_percent() -> None:
    ds = full("co2", "normal", "normal", "dry", "dry")
    zero = stack_emission(ds, StackConfig(method="hj75")).emission
    ds.flow.attrs["reference_temperature"] = 293.15
    twenty = stack_emission(ds, StackConfig(method="hj75")).emission
    np.testing.assert_allclose(zero / twenty, 293.15 / 273.15, rtol=1e-12)


def drop(name: str, *keys: str) -> Callable[[xr.Dataset], None]:
    def change(ds: xr.Dataset) -> None:
        for key in keys:
            del ds[name].attrs[key]

    return change


def put(name: str, **attrs: Any) -> Callable[[xr.Dataset], None]:
    return lambda ds: ds[name].attrs.update(attrs)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop("co2", "humidity"), "co2.*dry or wet"),
        (put("co2", humidity="moist"), "co2.*dry or wet.*'moist'"),
        (drop("co2", "units"), "co2 has no unit"),
        (put("co2", units="kg"), "co2 has a unit of the wrong kind.*'kg'"),
        (drop("flow", "units"), "flow has no unit"),
        (put("flow", units="Nm3/h"), "flow.*ambiguous"),
        (put("flow", units="kg s-1"), "flow has a unit of the wrong kind"),
        (drop("flow", "reference_temperature"), "flow.*at which state.*reference_temperature"),
        (
            drop("flow", "reference_state", "reference_pressure"),
            "reference_pressure.*'dry', 'wet' or 'actual'",
        ),
        (put("flow", reference_temperature=20.0), "absurd reference state.*20"),
        (put("temperature", units="m"), "temperature has a unit of the wrong kind"),
        (drop("h2o", "units"), "h2o has no unit"),
    ],
)
def test_units_and_states_are_never_assumed(change: Callable[[xr.Dataset], None], message: str) -> None:
    ds = full("co2", "normal", "normal", "dry", "wet")
    change(ds)
    with pytest.raises(InputError, match=message) as caught:
        stack_emission(ds, StackConfig(method="hj75"))
    assert caught.value.exit_code == 2


def test_all_faults_are_reported_together() -> None:
    ds = full("co2", "normal", "normal", "dry", "wet")
    drop("co2", "humidity")(ds)
    drop("flow", "reference_temperature")(ds)
    with pytest.raises(GhgError, match=r"co2.*dry or wet.*flow.*at which state"):
        stack_emission(ds, StackConfig(method="hj75"))


@pytest.mark.parametrize(
    ("gone", "stack", "message"),
    [
        (["h2o"], {}, "no moisture"),
        (["temperature"], {"actual": True}, "no temperature"),
        (["pressure"], {"actual": True}, "no pressure"),
        (["flow"], {}, "no flow"),
        (["co2"], {}, "no concentration"),
        (["time_bounds"], {}, "no time"),
    ],
)
def test_channels_that_are_missing(gone: list[str], stack: dict[str, bool], message: str) -> None:
    ds = full("co2", "normal", "actual" if stack else "normal", "dry", "wet").drop_vars(gone)
    with pytest.raises(InputError, match=message):
        stack_emission(ds, StackConfig(method="hj75"))


def test_velocity_needs_area_and_gauge_pressure_the_barometer() -> None:
    ds = full("co2", "normal", "actual", "dry", "wet")
    ds.pressure.attrs["pressure_reference"] = "gauge"
    with pytest.raises(InputError, match="gauge pressure needs the barometric pressure"):
        stack_emission(ds, StackConfig(method="hj75"))
    ds["pressure"] = (
        ("source", "time"),
        np.full((1, N), -200.0),
        {"units": "Pa", "pressure_reference": "gauge"},
    )
    with_barometer = stack_emission(ds, StackConfig(method="hj75", barometric_pressure="100.2 kPa"))
    ds["pressure"] = (("source", "time"), np.full((1, N), 100.0), {"units": "kPa"})
    np.testing.assert_allclose(with_barometer.emission, stack_emission(ds, StackConfig(method="hj75")).emission)
    ds = ds.drop_vars("flow").assign(velocity=(("source", "time"), np.full((1, N), 14.0), {"units": "m s-1"}))
    with pytest.raises(InputError, match="velocity without cross-section"):
        stack_emission(ds, StackConfig(method="hj75"))


def test_part75_takes_fractions_and_wet_flow() -> None:
    with pytest.raises(UnitError, match="volume fractions"):
        stack_emission(full("concentration", "normal", "normal", "wet", "wet"), StackConfig(method="part75"))
    with pytest.raises(UnitError, match="wet gas"):
        stack_emission(full("co2", "normal", "normal", "wet", "dry"), StackConfig(method="part75"))


def test_negative_absurd_and_missing_values_are_kept_and_flagged() -> None:
    ds = full("co2", "normal", "actual", "dry", "wet")
    ds.co2.values[0, :3] = [-0.2, -3.0, 130.0]
    ds.flow.values[0, 3] = np.nan
    ds.pressure.values[0, 4] = -2.0  # a gauge pressure that was not declared
    out = stack_emission(ds, StackConfig(method="hj75"))
    assert out.emission_flag.values[0].tolist() == [
        Flag.SUSPECT,
        Flag.BAD,
        Flag.BAD,
        Flag.MISSING,
        Flag.BAD,
        Flag.GOOD,
    ]
    reason = [Reason(int(r)) for r in out.emission_reason.values[0]]
    assert Reason.NEGATIVE in reason[0] and Reason.OUT_OF_RANGE not in reason[0]
    assert Reason.NEGATIVE in reason[1] and Reason.OUT_OF_RANGE in reason[1]
    assert reason[2] == Reason.OUT_OF_RANGE
    assert Reason.MISSING in reason[3]
    assert Reason.OUT_OF_RANGE in reason[4]
    assert reason[5] == Reason(0)
    e = out.emission.values[0]
    assert e[0] < 0.0 and e[1] < 0.0 and e[2] > 0.0 and np.isnan(e[3])
    for name in ("emission_u_random", "emission_u_systematic"):
        u = out[name].values[0]
        assert np.isnan(u[3]) and (u[[0, 1, 2, 5]] > 0).all()


def test_a_stack_at_rest_emits_nothing() -> None:
    ds = full("co2", "normal", "normal", "dry", "dry")
    ds.operating_time.values[0, 0] = 0.0
    ds.co2.values[0, 0] = np.nan
    out = stack_emission(ds, StackConfig(method="hj75"))
    assert out.emission.values[0, 0] == 0.0 and out.emission_u_systematic.values[0, 0] == 0.0
    assert out.emission_flag.values[0, 0] == Flag.GOOD
    assert out.emission_reason.values[0, 0] == Reason.NOT_OPERATING


def test_diluent_cap_is_applied_only_when_asked_and_marked() -> None:
    ds = part75_records(o2=True, humidity="dry")
    ds.o2.values[0, 0] = 18.0
    plain = {"method": "part75", "diluent": True, "fuel": "bituminous", "rounding": False}
    free = stack_emission(ds, StackConfig.model_validate(plain))
    capped = stack_emission(ds, StackConfig.model_validate({**plain, "diluent_cap": "boiler"}))
    assert float(free.emission[0, 0] / free.emission[0, 1]) == pytest.approx(2.9 / 14.9)
    assert float(capped.emission[0, 0] / capped.emission[0, 1]) == pytest.approx(6.9 / 14.9)
    assert capped.emission_reason.values[0, :2].tolist() == [Reason.CLIPPED, 0]


def test_flags_and_methods_of_the_records_are_kept() -> None:
    ds = full("co2", "normal", "normal", "dry", "dry")
    ds["co2_flag"] = (("source", "time"), np.array([[1, 3, 4, 1, 1, 1]], np.int8))
    ds["emission_method"] = (("source", "time"), np.array([[1, 1, 1, 5, 1, 1]], np.int8))
    out = stack_emission(ds, StackConfig(method="hj75"))
    assert out.emission_flag.values[0].tolist() == [1, 3, 4, 3, 1, 1]
    assert Reason(int(out.emission_reason.values[0, 3])) == Reason.SUBSTITUTED
    assert out.emission_method.values[0].tolist() == [1, 1, 1, 5, 1, 1]


def test_records_without_source_and_canonical_units() -> None:
    ds = full("co2", "normal", "actual", "dry", "wet").isel(source=0, drop=True)
    out = stack_emission(ds, StackConfig(method="hj75", shared_components=("moisture",)))
    assert out.emission.dims == ("source", "time") and out.emission.attrs["shared_components"] == "moisture"
    assert out.temperature.attrs["units"] == "K" and float(out.temperature[0, 0]) == pytest.approx(323.15)
    assert out.flow.attrs["units"] == "m3 s-1" and out.flow.attrs["reference_state"] == "actual"


def test_tier_scales_to_its_limit() -> None:
    """EU 2018/2066 Annex VIII: tier 3 is 5 % at 95 %, so 2.551 % at k = 1, however it is shared out."""
    ds = full("co2", "normal", "normal", "dry", "dry")
    out = stack_emission(ds, StackConfig(method="hj75", mrr_tier=3))
    np.testing.assert_allclose(out.emission_u_systematic / out.emission, 0.05 / 1.96, rtol=1e-12)


def test_forms_of_uncertainty() -> None:
    parts = components("campd", "unknown")
    total = math.sqrt(sum(p.systematic.standard_relative**2 for p in parts.values() if p.systematic))
    # Quick 2014: sqrt(10.8**2 - 1.6**2)/2 = 5.34 %
    assert total == pytest.approx(math.sqrt(10.8**2 - 1.6**2) / 200.0, rel=2e-3)
    limit = components("hj75")["flow"].systematic
    assert limit is not None and limit.standard_relative == pytest.approx(0.1 / math.sqrt(3.0))
    assert unverified(components("campd", "unknown")) == []
    assert "flow" in unverified(components("hj75"))


def test_wrong_component_and_wrong_unit_of_an_uncertainty() -> None:
    ds = full("co2", "normal", "actual", "dry", "wet")
    bad = {"method": "hj75", "uncertainty": {"flwo": {"systematic": {"relative": 0.1}}}}
    with pytest.raises(InputError, match=r"unknown component.*flwo"):
        stack_emission(ds, StackConfig.model_validate(bad))
    bad = {"method": "hj75", "uncertainty": {"temperature": {"systematic": {"absolute": 3.0, "units": "kg"}}}}
    with pytest.raises(UnitError, match=r"temperature.*wrong kind"):
        stack_emission(ds, StackConfig.model_validate(bad))


def test_thread_counts_give_the_same_bits_and_read_only_input_works() -> None:
    from ghg.core import jit

    rng = np.random.default_rng(3)
    bounds = period_bounds("2023-01-01", "2025-01-01", by="hour")
    shape = (1, bounds.shape[0])
    ds = xr.Dataset(
        {
            "co2": (("source", "time"), rng.uniform(5, 14, shape), {"units": "percent", "humidity": "dry"}),
            "flow": (("source", "time"), rng.uniform(1e5, 1e6, shape), {"units": "m3 h-1", **EPA}),
            "h2o": (("source", "time"), rng.uniform(5, 12, shape), {"units": "percent"}),
        },
        coords={"source": ["a"]},
    )
    ds["time_bounds"] = bounds_variable(bounds)
    for name in ("co2", "flow", "h2o"):
        ds[name].values.setflags(write=False)
    before = jit.threads()
    try:
        answers = []
        for count in (1, min(2, before)):
            jit.threads(count)
            answers.append(stack_emission(ds, StackConfig(method="part75")))
    finally:
        jit.threads(before)
    for name in ("emission", "emission_u_random", "emission_u_systematic"):
        assert answers[0][name].values.tobytes() == answers[1][name].values.tobytes()
