"""Mass emission of a stack from its channels, hour by hour, with flags, methods and uncertainty."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError, UnitError
from ghg.core.flags import Flag, Method, Reason
from ghg.core.gases import gas as gas_of
from ghg.core.units import STATE_20C, factor
from ghg.core.variables import SPECS, attributes
from sensors.config import ComponentUncertainty, StackConfig, Uncertainty
from sensors.defaults import components, diluent_cap, f_factors, scale_to_tier, unverified
from sensors.measured import emission_variables, unverified_note
from sensors.stack import _kernels
from sensors.stack.channels import Channel, Channels, needs_gas_law, needs_moisture, open_channels
from sensors.stack.part75 import AIR_O2, CONSTANT, cap_o2

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["stack_emission"]

# Rows of the kernel's table and the unit in which their absolute uncertainties enter
_ROWS = ("flow", "concentration", "moisture", "temperature", "pressure", "f_factor", "volume_state")
_UNITS = {"flow": "m3 s-1", "moisture": "1", "temperature": "K", "pressure": "Pa", "diluent": "1"}
ROUNDING_TONS = 0.05  # half of 0.1 short ton per hour


def stack_emission(records: xr.Dataset, stack: StackConfig) -> xr.Dataset:
    """Compute the mass emission of a stack from concentration and flow.

    Parameters
    ----------
    records : Dataset
        dims (source, time) with ``time_bounds`` and, each with ``units``: ``co2`` or ``concentration``
        (attribute ``humidity`` "dry" or "wet"; mass concentrations also the reference state), or ``o2``
        for the diluent route; ``flow`` (attributes ``reference_temperature`` [K], ``reference_pressure``
        [Pa], ``reference_state`` "dry" or "wet", or ``reference_state`` "actual") or ``velocity``;
        ``temperature``, ``pressure``, ``h2o``, ``operating_time`` where needed.
    stack : StackConfig
        Method, constants, uncertainties and limits.

    Returns
    -------
    Dataset
        MEASURED: ``emission`` [kg s-1] over the interval, ``emission_u_random``, ``emission_u_systematic``
        and its components, ``emission_flag``, ``emission_reason``, ``emission_method``, and the channels in
        canonical units. Nothing is dropped: negative and absurd values are computed, kept and flagged bad; a
        missing
        input gives NaN and the flag missing.

    Raises
    ------
    InputError or ErrorList
        Channels, units, humidity or reference states that are missing or of the wrong kind.

    References
    ----------
    40 CFR 75 Appendix F, F-2, F-11, F-14A, F-14B; HJ 75-2017; JCGM 100:2008 equation (10).
    """
    records = _two_dimensional(records)
    channels = open_channels(records, stack)
    parts = _components(channels, stack)
    modes, constants, names = _physics(channels, stack, parts)
    emission, random, systematic = _run(channels, stack, modes, constants, parts, names)
    flag, reason, method = _quality(channels, stack, emission)
    return _dataset(
        records,
        channels,
        stack,
        parts,
        {
            "emission": emission,
            "random": random,
            "systematic": dict(zip(names, systematic, strict=True)),
            "flag": flag,
            "reason": reason,
            "method": method,
        },
    )


def _two_dimensional(records: xr.Dataset) -> xr.Dataset:
    if "time" not in records.dims or "time_bounds" not in records:
        raise InputError("the records have no time with bounds", need="time and time_bounds")
    return (
        records
        if "source" in records.dims
        else records.expand_dims(source=["stack"]).assign(time_bounds=records["time_bounds"])
    )


def _components(channels: Channels, stack: StackConfig) -> dict[str, ComponentUncertainty]:
    """Return the uncertainties of the inputs that enter."""
    known = (*_ROWS, "diluent")
    every = components(stack.method, overrides=stack.uncertainty, known=known)
    used = {"flow", "diluent" if stack.diluent else "concentration"}
    if needs_moisture(channels.gas, channels.flow, stack):
        used.add("moisture")
    if needs_gas_law(channels.gas, channels.flow) != 0:
        used |= {"temperature", "pressure"}
    if stack.diluent:
        used.add("f_factor")
    used |= {"volume_state"} & set(stack.uncertainty)
    chosen = {n: c for n, c in every.items() if n in used}
    for name in ("flow", "diluent" if stack.diluent else "concentration"):
        chosen.setdefault(name, ComponentUncertainty())
    return chosen if stack.mrr_tier is None else scale_to_tier(chosen, stack.mrr_tier)


def _density(stack: StackConfig) -> float:
    """Return the density of the pure gas [kg m-3] at 20 degC, 101325 Pa, by the rule or the gas law."""
    if stack.method == "part75" and stack.constant == "regulation":
        return CONSTANT * 100.0 * factor("short_ton", "kg") / factor("ft3", "m3")
    return gas_of(stack.species).molar_mass / STATE_20C.molar_volume


def _weight(gas: Channel, flow: Channel, stack: StackConfig) -> float:
    """Return K: kg of gas per m3 of flow and unit of concentration, before p/T and moisture.

    At actual conditions the kernel multiplies by p/T (or T/p), so K then holds the T/p of the other state.
    """
    density = _density(stack) if gas.units == "1" else 1.0
    gas_ratio = 1.0 if gas.state is None else gas.state.temperature_K / gas.state.pressure_Pa
    flow_ratio = 1.0 if flow.state is None else flow.state.pressure_Pa / flow.state.temperature_K
    return density * gas_ratio * flow_ratio


def _physics(
    channels: Channels, stack: StackConfig, parts: dict[str, ComponentUncertainty]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], list[str]]:
    """Return modes and constants of the kernel, and the names of the systematic rows in order."""
    gas, flow = channels.gas, channels.flow
    mode = _kernels.DIRECT
    ratio = 0.0
    if stack.diluent:
        mode = _kernels.OXYGEN_DRY if gas.humidity == "dry" else _kernels.OXYGEN_WET
        fd, fc = stack.f_factors or f_factors(stack.fuel or "")
        ratio = fc / fd
    moisture = {("dry", "wet"): 1, ("wet", "dry"): -1}.get((gas.humidity, flow.humidity), 0)
    modes = np.array([mode, needs_gas_law(gas, flow), moisture], np.int64)
    constants = np.array([_weight(gas, flow, stack), ratio, AIR_O2 / 100.0])
    order = ["flow", "diluent" if stack.diluent else "concentration", *_ROWS[2:]]
    return modes, constants, [name for name in order if name in parts]


def _numbers(part: Uncertainty | None, name: str, units: str) -> tuple[float, float]:
    """Return relative and absolute standard uncertainty, the latter in the unit of the kernel."""
    if part is None:
        return 0.0, 0.0
    absolute = part.standard_absolute
    if absolute and not units:
        raise UnitError(
            f"the uncertainty of {name} is relative",
            where=f"uncertainty.{name}",
            found=f"{part.absolute} {part.units}",
            need="relative",
        )
    if absolute:
        absolute *= factor(part.units, units, name=f"uncertainty.{name}")
    return part.standard_relative, absolute


def _run(
    channels: Channels,
    stack: StackConfig,
    modes: Any,
    constants: Any,
    parts: dict[str, ComponentUncertainty],
    names: list[str],
) -> tuple[Any, Any, Any]:
    shape = channels.gas.values.shape
    u, slots = np.zeros((7, 4)), np.full(7, -1, np.int64)
    for slot, name in enumerate(names):
        row = _ROWS.index("concentration" if name == "diluent" else name)
        units = channels.gas.units if name == "concentration" else _UNITS.get(name, "")
        u[row, :2] = _numbers(parts[name].systematic, name, units)
        u[row, 2:] = _numbers(parts[name].random, name, units)
        slots[row] = slot
    gas = channels.gas.values
    if stack.diluent and stack.diluent_cap != "none":
        gas = cap_o2(gas * 100.0, stack.diluent_cap) / 100.0
    flat = [
        np.ascontiguousarray(x).ravel()
        for x in (
            gas,
            channels.flow.values,
            *(
                channel.values if channel is not None else channels.flow.values
                for channel in (channels.temperature, channels.pressure, channels.h2o)
            ),
        )
    ]
    share = np.ones(gas.size) if channels.operating_time is None else channels.operating_time.values.ravel()
    emission, random = np.empty(gas.size), np.empty(gas.size)
    systematic = np.empty((len(names), gas.size))
    _kernels.emission_budget(*flat, share, modes, constants, u, slots, emission, random, systematic)
    if stack.method == "part75" and stack.rounding:
        emission = _regulated(flat, share, channels, stack, constants)
        unit = factor("short_ton h-1", "kg s-1")
        random = np.hypot(random, ROUNDING_TONS * unit * share / math.sqrt(3.0))
    idle = share == 0.0  # a stack at rest emits nothing, whatever its channels show
    emission[idle], random[idle] = 0.0, 0.0
    systematic[:, idle] = 0.0
    return emission.reshape(shape), random.reshape(shape), systematic.reshape(len(names), *shape)


def _regulated(flat: list[Any], share: Any, channels: Channels, stack: StackConfig, constants: Any) -> Any:
    """Return the emission [kg s-1] by the chain of Part 75 with every rounding of the regulation."""
    gas, flow, temperature, pressure, moisture = flat
    state = channels.flow.state
    cubic_foot, ton = factor("ft3", "m3"), factor("short_ton", "kg")
    t_over_p = temperature / pressure if state is None else state.temperature_K / state.pressure_Pa
    scfh = flow * 3600.0 / cubic_foot * (STATE_20C.temperature_K / STATE_20C.pressure_Pa) / t_over_p
    equation = {
        (False, "wet"): _kernels.F11,
        (False, "dry"): _kernels.F2,
        (True, "dry"): _kernels.F14A,
        (True, "wet"): _kernels.F14B,
    }[stack.diluent, channels.gas.humidity]
    constant = CONSTANT if stack.constant == "regulation" else _density(stack) * cubic_foot / ton / 100.0
    rate, mass = np.empty(gas.size), np.empty(gas.size)
    _kernels.part75_chain(gas * 100.0, scfh, moisture * 100.0, share, equation, constant, constants[1], 1, rate, mass)
    return mass * factor("short_ton h-1", "kg s-1")


def _quality(channels: Channels, stack: StackConfig, emission: Any) -> tuple[Any, Any, Any]:
    """Return flags, reasons and methods; limits are in canonical units."""
    flag = np.full(emission.shape, int(Flag.GOOD), np.int8)
    reason = np.zeros(emission.shape, np.int32)
    limits = dict(stack.limits)
    for channel in channels.present():
        values = channel.for_limits()
        key = channel.name if channel.name in limits else "co2"  # other gases: a volume fraction
        low, high = limits["co2" if key == "concentration" and channel.units == "1" else key]
        outside = (values < low) | (values > high)
        reason[outside] |= int(Reason.OUT_OF_RANGE)
        flag[outside] = np.maximum(flag[outside], int(Flag.BAD))
        negative = values < 0.0
        reason[negative] |= int(Reason.NEGATIVE)
        flag[negative] = np.maximum(flag[negative], int(Flag.SUSPECT))
        if channel.flag is not None:
            flag = np.maximum(flag, channel.flag.astype(np.int8))
        if channel.reason is not None:
            reason |= channel.reason.astype(np.int32)
    method = channels.method
    if method is None:
        method = np.full(emission.shape, int(Method.DILUENT if stack.diluent else Method.DIRECT), np.int8)
    substituted = method == int(Method.SUBSTITUTE)
    reason[substituted] |= int(Reason.SUBSTITUTED)
    flag[substituted] = np.maximum(flag[substituted], int(Flag.SUSPECT))
    if channels.operating_time is not None:
        idle = channels.operating_time.values == 0.0
        flag[idle], reason[idle] = int(Flag.GOOD), int(Reason.NOT_OPERATING)
    if stack.diluent and stack.diluent_cap != "none":
        _, greatest = diluent_cap(stack.diluent_cap)
        reason[channels.gas.values * 100.0 > greatest] |= int(Reason.CLIPPED)
    missing = np.isnan(emission)
    flag[missing] = int(Flag.MISSING)
    reason[missing] |= int(Reason.MISSING)
    return flag, reason, method


def _dataset(
    records: xr.Dataset,
    channels: Channels,
    stack: StackConfig,
    parts: dict[str, ComponentUncertainty],
    found: dict[str, Any],
) -> xr.Dataset:
    extra: dict[str, Any] = {"species": stack.species}
    if stack.shared_components:
        extra["shared_components"] = " ".join(stack.shared_components)
    if stack.method == "part75" and stack.rounding:
        extra["rounding"] = ROUNDING_TONS * factor("short_ton h-1", "kg s-1")
    values = (found["emission"], found["random"], found["systematic"])
    marks = (found["flag"], found["reason"], found["method"])
    result = _carried(records).assign(emission_variables(values, marks, **extra))
    notes = [*channels.notes, *unverified_note(unverified(parts))]
    before = str(result.attrs.get("notes", ""))
    result.attrs["notes"] = "; ".join([*([before] if before else []), *notes])
    result.attrs["stack_method"] = stack.method + (", CO2 from O2" if stack.diluent else "")
    return result


def _carried(records: xr.Dataset) -> xr.Dataset:
    """Return the records with their channels in canonical units."""
    from ghg.core.units import convert

    result = records.drop_vars([v for v in records.data_vars if str(v).startswith("emission")]).copy()
    for name in result.data_vars:
        units = result[name].attrs.get("units")
        if name in SPECS and units is not None and units != SPECS[str(name)].units:
            need = SPECS[str(name)].units
            try:
                values = convert(result[name].values.astype(np.float64), units, need, name=str(name))
            except UnitError:
                continue  # `concentration` as a volume fraction stays in its own unit
            attrs = {**attributes(str(name)), **result[name].attrs, "units": need}
            result[name] = (result[name].dims, values, attrs)
    return result
