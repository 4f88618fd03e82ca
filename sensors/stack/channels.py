"""The door of the stack: every channel checked for unit, dry or wet and reference state, and made SI."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, InputError, UnitError
from ghg.core.units import STATE_20C, ReferenceState, check_units, convert, is_compatible, parse_quantity
from sensors.config import StackConfig

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Channel", "Channels", "open_channels"]

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Channel:
    """One input of the emission.

    Parameters
    ----------
    name : str
        Name in the records.
    values : float64 (source, time)
        In `units`.
    units : str
        Unit of the kernel: a fraction is 1.
    humidity : str
        "dry" or "wet"; empty where it has no meaning.
    state : ReferenceState, optional
        State of a volume; None is actual conditions.
    flag : int (source, time), optional
        Flags that came with the records.
    raw : float64 (source, time), optional
        The values against which limits are checked, where they are not `values` (velocity).
    reason : int (source, time), optional
        Reasons that came with the records.
    """

    name: str
    values: Array
    units: str
    humidity: str = ""
    state: ReferenceState | None = None
    flag: npt.NDArray[Any] | None = None
    raw: Array | None = None
    reason: npt.NDArray[Any] | None = None

    def for_limits(self) -> Array:
        """Return the values in the unit of the limits: fractions in percent, the rest as it is."""
        values = self.values if self.raw is None else self.raw
        return values * 100.0 if self.units == "1" and self.name != "operating_time" else values


@dataclass(frozen=True)
class Channels:
    """All inputs of one computation; `others` are carried along unchanged."""

    gas: Channel
    flow: Channel
    temperature: Channel | None = None
    pressure: Channel | None = None
    h2o: Channel | None = None
    operating_time: Channel | None = None
    method: npt.NDArray[Any] | None = None
    notes: list[str] = field(default_factory=list)

    def present(self) -> list[Channel]:
        """Return the channels there are."""
        parts = (self.gas, self.flow, self.temperature, self.pressure, self.h2o, self.operating_time)
        return [c for c in parts if c is not None]


def _array(records: xr.Dataset, name: str, found: str | None, need: str) -> Array:
    values = records[name].transpose("source", "time").values.astype(np.float64)
    return np.ascontiguousarray(convert(values, found, need, name=name), np.float64)


def _marks(records: xr.Dataset, name: str) -> dict[str, Any]:
    """Return flag and reason of a channel, those that came with the records."""
    return {
        partner: records[f"{name}_{partner}"].transpose("source", "time").values
        for partner in ("flag", "reason")
        if f"{name}_{partner}" in records
    }


def _humidity(attrs: Mapping[str, Any], name: str) -> str:
    found = str(attrs.get("humidity", ""))
    if found not in ("dry", "wet"):
        raise UnitError(
            f"{name} does not say whether it is dry or wet",
            where=name,
            found=f"humidity '{found}'" if found else "no attribute humidity",
            need="'dry' or 'wet'",
            hint="an analyser behind a cooler measures dry gas, one in the stack wet gas",
        )
    return found


def _state(attrs: Mapping[str, Any], name: str) -> ReferenceState | None:
    """Return the reference state of a volume, None for actual conditions."""
    word = str(attrs.get("reference_state", ""))
    if word == "actual":
        return None
    temperature, pressure = attrs.get("reference_temperature"), attrs.get("reference_pressure")
    missing = [
        text
        for text, value in (("reference_temperature [K]", temperature), ("reference_pressure [Pa]", pressure))
        if value is None
    ]
    if word not in ("dry", "wet"):
        missing.append("reference_state ('dry', 'wet' or 'actual')")
    if missing:
        raise UnitError(
            f"{name} does not say at which state its volume is counted",
            where=name,
            need=", ".join(missing),
            hint="0 degC and 20 degC differ by 7.3 %",
        )
    # refuse a number that is plainly not kelvin or pascal, such as 20 or 101.325
    if not (200.0 < float(temperature) < 400.0 and 5e4 < float(pressure) < 2e5):  # type: ignore[arg-type]
        raise UnitError(
            f"{name} has an absurd reference state",
            where=name,
            found=f"{temperature} K, {pressure} Pa",
            need="kelvin and pascal",
        )
    return ReferenceState(float(temperature), float(pressure), word)  # type: ignore[arg-type]


def _gas(records: xr.Dataset, stack: StackConfig) -> Channel:
    if stack.diluent:
        wanted = ("o2",)
    else:
        wanted = tuple(dict.fromkeys(("concentration", "co2" if stack.species == "CO2" else stack.species.lower())))
    found = [name for name in wanted if name in records]
    if len(found) != 1:
        raise InputError(
            "the records have no concentration" if not found else "the records have two concentrations",
            found=", ".join(map(str, records.data_vars)),
            need=" or ".join(wanted),
        )
    name = found[0]
    attrs = records[name].attrs
    check_units(attrs.get("units"), attrs.get("units", "percent"), name=name)
    units = str(attrs["units"])
    if is_compatible(units, "kg m-3") and not stack.diluent:
        state = _state(attrs, name)
        humidity = state.humidity if state is not None else _humidity(attrs, name)
        return Channel(name, _array(records, name, units, "kg m-3"), "kg m-3", humidity, state, **_marks(records, name))
    if name == "concentration" and not is_compatible(units, "1"):
        raise UnitError(
            f"{name} has a unit of the wrong kind",
            found=f"'{units}'",
            need="a mass per volume or a volume fraction",
        )
    humidity = _humidity(attrs, name)
    return Channel(name, _array(records, name, units, "1"), "1", humidity, STATE_20C, **_marks(records, name))


def _flow(records: xr.Dataset, stack: StackConfig) -> Channel:
    if "flow" in records:
        attrs = records["flow"].attrs
        check_units(attrs.get("units"), "m3 s-1", name="flow")
        state = _state(attrs, "flow")
        humidity = state.humidity if state is not None else "wet"
        return Channel(
            "flow",
            _array(records, "flow", attrs["units"], "m3 s-1"),
            "m3 s-1",
            humidity,
            state,
            **_marks(records, "flow"),
        )
    if "velocity" not in records:
        raise InputError(
            "the records have no flow",
            found=", ".join(map(str, records.data_vars)),
            need="flow, or velocity with the area of the stack",
        )
    if stack.area is None:
        raise InputError(
            "velocity without cross-section gives no flow", where="stack.area", need="for example '28.3 m2'"
        )
    area = parse_quantity(stack.area, "m2", name="area")
    if not area > 0.0:
        raise InputError("the cross-section is not positive", where="stack.area", found=stack.area)
    velocity = _array(records, "velocity", records["velocity"].attrs.get("units"), "m s-1")
    return Channel(
        "velocity",
        velocity * (area * stack.velocity_coefficient),
        "m3 s-1",
        "wet",
        None,
        raw=velocity,
        **_marks(records, "velocity"),
    )


def _pressure(records: xr.Dataset, stack: StackConfig) -> Channel | None:
    if "pressure" not in records:
        return None
    attrs = records["pressure"].attrs
    values = _array(records, "pressure", attrs.get("units"), "Pa")
    if str(attrs.get("pressure_reference", "absolute")) == "gauge":
        if stack.barometric_pressure is None:
            raise InputError(
                "a gauge pressure needs the barometric pressure",
                where="stack.barometric_pressure",
                need="for example '100.2 kPa'",
            )
        values = values + parse_quantity(stack.barometric_pressure, "Pa", name="barometric_pressure")
    return Channel("pressure", values, "Pa", **_marks(records, "pressure"))


def _plain(records: xr.Dataset, name: str, need: str) -> Channel | None:
    if name not in records:
        return None
    return Channel(name, _array(records, name, records[name].attrs.get("units"), need), need, **_marks(records, name))


def open_channels(records: xr.Dataset, stack: StackConfig) -> Channels:
    """Check all channels at once and return them in SI.

    Raises
    ------
    InputError or ErrorList
        Every fault: missing channels or units, dry or wet not stated, reference state not stated, and
        channels that the stated states make necessary.
    """
    faults: list[InputError] = []
    parts: dict[str, Any] = {}
    doors: dict[str, Any] = {
        "gas": lambda: _gas(records, stack),
        "flow": lambda: _flow(records, stack),
        "temperature": lambda: _plain(records, "temperature", "K"),
        "pressure": lambda: _pressure(records, stack),
        "h2o": lambda: _plain(records, "h2o", "1"),
        "operating_time": lambda: _plain(records, "operating_time", "1"),
    }
    for name, door in doors.items():
        try:
            parts[name] = door()
        except InputError as error:
            faults.append(error)
    if not faults:
        faults += _needed(parts, stack)
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    if "emission_method" in records:
        parts["method"] = records["emission_method"].transpose("source", "time").values.astype(np.int8)
    if parts["h2o"] is None and stack.h2o is not None:
        values = np.full(parts["gas"].values.shape, stack.h2o / 100.0)
        parts["h2o"] = Channel("h2o", values, "1")
        parts["notes"] = [f"moisture taken constant, {stack.h2o} percent"]
    return Channels(**parts)


def needs_moisture(gas: Channel, flow: Channel, stack: StackConfig) -> bool:
    """Tell whether moisture enters: dry against wet, or CO2 from wet oxygen."""
    return gas.humidity != flow.humidity or (stack.diluent and gas.humidity == "wet")


def needs_gas_law(gas: Channel, flow: Channel) -> int:
    """Return 1 when an actual flow meets a normal concentration, -1 the other way round, else 0."""
    normal_gas, normal_flow = gas.state is not None, flow.state is not None
    return int(normal_gas) - int(normal_flow)


def _needed(parts: dict[str, Any], stack: StackConfig) -> list[InputError]:
    gas, flow = parts["gas"], parts["flow"]
    faults = []
    if needs_moisture(gas, flow, stack) and parts["h2o"] is None and stack.h2o is None:
        faults.append(
            InputError(
                f"{gas.name} is {gas.humidity} and the flow {flow.humidity}, and there is no moisture",
                need="h2o in the records or stack.h2o",
            )
        )
    if needs_gas_law(gas, flow) != 0:
        for name in ("temperature", "pressure"):
            if parts[name] is None:
                faults.append(
                    InputError(
                        f"one of {gas.name} and flow is at actual conditions, and there is no {name}",
                        need=name,
                    )
                )
    if stack.method == "part75" and flow.humidity == "dry":
        faults.append(
            UnitError(
                "Part 75 takes the flow of wet gas",
                where="flow",
                found="reference_state 'dry'",
                need="'wet' or 'actual'",
                hint="use method hj75 for dry flows",
            )
        )
    if stack.method == "part75" and gas.units != "1":
        faults.append(
            UnitError(
                "Part 75 takes CO2 and O2 as volume fractions",
                where=gas.name,
                found="kg m-3",
                need="percent",
                hint="use method hj75 for mass concentrations",
            )
        )
    return faults
