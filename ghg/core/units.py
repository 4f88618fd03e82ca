"""The one door to pint: CF unit strings in, plain numbers out, and no silent misreading.

Plain pint reads ``Nm3`` as number-metre cubed, ``kt`` as knot, ``ppt`` as picopint and ``Pg C`` as coulomb.
Here each is either defined rightly or refused with a sentence that says what to write instead.
Volumes of gas are never converted by their name: a :class:`ReferenceState` says at which temperature,
pressure and humidity a cubic metre is meant.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, wraps
from typing import Any, TypeVar

from ghg.core.errors import ErrorList, UnitError

__all__ = [
    "STATE_0C", "STATE_15C", "STATE_20C", "STATE_25C", "ReferenceState", "check_units", "convert", "factor",
    "is_compatible", "parse_quantity", "product_factor", "registry", "units", "volume_ratio",
]  # fmt: skip

T = TypeVar("T", bound=Callable[..., Any])

_DEFINITIONS = (
    "percent = 0.01 = % = pct",
    "ppm = 1e-6 = ppmv",
    "ppb = 1e-9 = ppbv",
    "ppt = 1e-12 = pptv",
    "kt = 1e6 kilogram = kilotonne",
    "Tt = 1e15 kilogram = teratonne",
    "mmBtu = 1e6 Btu_it = MMBtu",  # international-table Btu, as US energy statistics and 40 CFR 98 use
    "short_ton = 2000 pound",
    "long_ton = 2240 pound",
    "tce = 29.3076e9 joule",  # tonne of coal equivalent, 7000 kcal of 4.1868 kJ per kg (GB/T 2589)
    "wan_t = 1e7 kilogram",  # 10 000 tonnes, common in Chinese tables
)

# Refused before parsing: the name alone does not say what is meant. Keys are matched as whole words.
_REFUSED = {
    r"ton|tons|TON": "write t (1000 kg), short_ton (2000 lb) or long_ton (2240 lb)",
    r"mt|MT": "write t for tonnes or Mt for megatonnes",
    r"[NnSs]m\^?\*{0,2}3|[NnSs]cm[hmd]?|[NnSs]l(?:pm)?|[kK]?scf[hmd]?|[kK]?dscf[hmd]?|dscm[hmd]?|acfm|dscfm|MMscf":
        "write m3 or ft3 and state the reference temperature, pressure and humidity",
    r"tC|kgC|PgC|TgC|GtC|MtC|tCO2e?|kgCO2e?|GtCO2e?|MtCO2e?|CO2e?|CH4|N2O|Nmol":
        "keep the species out of the unit (attribute species); carbon and CO2 are converted explicitly",
}  # fmt: skip
_REFUSED_WORDS = [(re.compile(rf"(?<![A-Za-z_])(?:{words})(?![A-Za-z_0-9])"), why) for words, why in _REFUSED.items()]
_SPECIES_AFTER = re.compile(r"(?<=[A-Za-z])\s+C(?:O2|H4)?(?![A-Za-z_0-9])")
_EXPONENT = re.compile(r"(?<=[A-Za-z\)µ%])(?![A-Za-z])(?<![0-9\-\^\*][eE])(-?[0-9]+)(?![0-9A-Za-z])")
_FULLWIDTH = str.maketrans(
    {"³": "3", "²": "2", "⁻": "-", "¹": "1", "·": " ", "μ": "u", "µ": "u", "°": "deg", "％": "percent"}
)
_WORDS = {
    "万吨": "wan_t", "吨": "t", "千克": "kg", "公斤": "kg",
    "立方米": "m3", "小时": "h",
    "吉焦": "GJ", "百分比": "percent",
}  # fmt: skip


@cache
def registry() -> Any:
    """Return the one pint registry of the toolkit (built at first use)."""
    import logging

    import pint

    logger = logging.getLogger("pint.util")
    level = logger.level
    logger.setLevel(logging.ERROR)  # the redefinitions below are meant
    try:
        ureg = pint.UnitRegistry(cache_folder=None, on_redefinition="ignore", autoconvert_offset_to_baseunit=True)
        for definition in _DEFINITIONS:
            ureg.define(definition)
    finally:
        logger.setLevel(level)
    return ureg


def _refuse(text: str, name: str) -> None:
    for pattern, why in _REFUSED_WORDS:
        if match := pattern.search(text):
            raise UnitError(f"the unit of {name} is ambiguous", found=f"'{text}'", need="an unambiguous unit",
                            hint=f"'{match.group(0)}': {why}")  # fmt: skip
    if match := _SPECIES_AFTER.search(text):
        raise UnitError(f"the unit of {name} names a species", found=f"'{text}'", need="a plain unit",
                        hint=f"leave out '{match.group(0).strip()}' and state the species as an attribute")  # fmt: skip


def normalise(text: str) -> str:
    """Rewrite a CF or Chinese unit string into pint's grammar (``kg m-2 s-1`` -> ``kg*m**-2*s**-1``)."""
    text = text.strip().translate(_FULLWIDTH)
    for word, unit in _WORDS.items():
        text = text.replace(word, unit)
    text = text.replace("degrees_C", "degC").replace("Celsius", "degC").replace("%", "percent")
    text = _EXPONENT.sub(r"**\1", text)
    text = re.sub(r"\s*([*/])\s*", r"\1", text)
    return re.sub(r"(?<=[A-Za-z0-9_\)])\s+(?=[A-Za-z_\(])", "*", text)


@cache
def _unit(text: str, name: str = "value") -> Any:
    if not isinstance(text, str) or not text.strip():
        raise UnitError(f"{name} has no unit", need="a unit such as 'kg s-1'", hint="state it (use '1' for none)")
    _refuse(text, name)
    if text.strip() == "1":
        return registry().Unit("dimensionless")
    try:
        quantity = registry().Quantity(1.0, registry().Unit(normalise(text))) if _is_plain(text) else None
        if quantity is None:
            raise ValueError("number in unit")
    except Exception as error:
        raise UnitError(f"the unit of {name} cannot be read", found=f"'{text}'", need="a CF or SI unit",
                        hint="for example 'kg s-1', 'umol mol-1', 'm3 h-1', 'GJ t-1'") from error  # fmt: skip
    return quantity.units


def _is_plain(text: str) -> bool:
    return re.match(r"^\s*[0-9.]+\s", text) is None


def _mismatch(name: str, found: str, need: str) -> UnitError:
    return UnitError(f"{name} has a unit of the wrong kind", found=f"'{found}'", need=f"a unit convertible to '{need}'")


def is_compatible(found: str, need: str) -> bool:
    """Tell whether two unit strings measure the same kind of quantity."""
    return _unit(found).dimensionality == _unit(need).dimensionality


def check_units(found: str | None, need: str, *, name: str = "value") -> None:
    """Raise :class:`UnitError` unless `found` can be converted to `need`.

    Parameters
    ----------
    found : str or None
        The unit as stated; None means that none was stated.
    need : str
        A unit of the wanted kind.
    name : str
        Name of the quantity, for the message.
    """
    if found is None:
        raise UnitError(f"{name} has no unit", need=f"a unit convertible to '{need}'")
    if _unit(found, name).dimensionality != _unit(need).dimensionality:
        raise _mismatch(name, found, need)


@cache
def factor(found: str, need: str, *, name: str = "value") -> float:
    """Return the number by which a value in `found` is multiplied to be in `need`.

    Raises
    ------
    UnitError
        Unreadable or ambiguous unit, another dimension, or an offset scale (``degC``), which has no factor.
    """
    check_units(found, need, name=name)
    source, target = _unit(found, name), _unit(need)
    for unit in (source, target):
        if not registry().Quantity(1.0, unit)._is_multiplicative:
            raise UnitError(f"{name} is on an offset scale", found=f"'{found}'", need=f"'{need}'",
                            hint="use convert() for temperatures and delta_degC for differences")  # fmt: skip
    return float(registry().Quantity(1.0, source).to(target).magnitude)


def product_factor(parts: Sequence[tuple[str, int]], need: str, *, name: str = "product") -> float:
    """Return the number by which a product of values in their units is multiplied to be in `need`.

    Parameters
    ----------
    parts : sequence of (str, int)
        Unit and power of each value: ``[("MW", 1), ("h", 1)]`` for megawatts times hours.
    need : str
        Unit of the product.
    name : str
        Name of the quantity, for the message.

    Raises
    ------
    UnitError
        A unit is unreadable, ambiguous or on an offset scale, or the product is of another kind.
    """
    total = registry().Quantity(1.0, "dimensionless")
    for text, power in parts:
        one = registry().Quantity(1.0, _unit(text, name))
        if not one._is_multiplicative:
            raise UnitError(f"{name} is on an offset scale", found=f"'{text}'")
        total = total * one**power
    if total.dimensionality != _unit(need).dimensionality:
        raise _mismatch(name, " x ".join(unit if power == 1 else f"({unit})^{power}" for unit, power in parts), need)
    return float(total.to(_unit(need)).magnitude)


def convert(values: Any, found: str | None, need: str, *, name: str = "value") -> Any:
    """Return `values` (number or array) converted from unit `found` to unit `need`, as plain numbers.

    Parameters
    ----------
    values : float or array
        Numbers in `found`.
    found, need : str
        Unit strings; offset temperatures are allowed.
    name : str
        Name of the quantity, for the message.

    Raises
    ------
    UnitError
        No unit, an unreadable or ambiguous unit, or one of another dimension.
    """
    check_units(found, need, name=name)
    assert found is not None
    source, target = _unit(found, name), _unit(need)
    if source == target:
        return values
    if all(registry().Quantity(1.0, u)._is_multiplicative for u in (source, target)):
        return values * factor(found, need, name=name)
    return registry().Quantity(values, source).to(target).magnitude


_QUANTITY = re.compile(r"^\s*([+-]?(?:\d[\d_,]*\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(.*?)\s*$")


def parse_quantity(text: str, need: str, *, name: str = "value") -> float:
    """Return the number in ``"12.3 GJ/t"`` converted to `need`.

    Raises
    ------
    UnitError
        No number, no unit, or a unit of another kind.
    """
    match = _QUANTITY.match(text)
    if match is None:
        raise UnitError(f"{name} is not a number with a unit", found=f"'{text}'", need=f"for example '1.0 {need}'")
    number, unit = match.groups()
    if not unit and need != "1":
        raise UnitError(f"{name} has no unit", found=f"'{text}'", need=f"for example '{text} {need}'")
    return float(convert(float(number.replace(",", "").replace("_", "")), unit or "1", need, name=name))


@dataclass(frozen=True)
class ReferenceState:
    """The state at which a volume of gas is counted.

    Parameters
    ----------
    temperature_K, pressure_Pa : float
        Reference temperature [K] and absolute pressure [Pa].
    humidity : {"dry", "wet"}
        Whether water vapour is counted.
    oxygen_percent : float, optional
        Reference oxygen [percent by volume, dry] when the volume is normalised to it.
    """

    temperature_K: float
    pressure_Pa: float
    humidity: str = "dry"
    oxygen_percent: float | None = None

    def __post_init__(self) -> None:
        if not (self.temperature_K > 0 and self.pressure_Pa > 0):
            raise UnitError("a reference state needs a positive temperature and pressure",
                            found=f"{self.temperature_K} K, {self.pressure_Pa} Pa")  # fmt: skip
        if self.humidity not in ("dry", "wet"):
            raise UnitError("the humidity of a reference state is not stated", found=f"'{self.humidity}'",
                            need="'dry' or 'wet'")  # fmt: skip

    def attributes(self) -> dict[str, str | float]:
        """Return the attributes that go beside a volume or volume flow in a Dataset."""
        attrs: dict[str, str | float] = {
            "reference_temperature": self.temperature_K,
            "reference_pressure": self.pressure_Pa,
            "reference_state": self.humidity,
        }
        if self.oxygen_percent is not None:
            attrs["reference_oxygen"] = self.oxygen_percent
        return attrs

    @property
    def molar_volume(self) -> float:
        """Ideal-gas molar volume [m3 mol-1] (CODATA 2018 R = 8.314462618 J mol-1 K-1)."""
        return 8.314462618 * self.temperature_K / self.pressure_Pa


STATE_0C = ReferenceState(273.15, 101325.0)
STATE_15C = ReferenceState(288.15, 101325.0)
# 40 CFR 60.2 and 75: 68 degF and 29.92 inHg
STATE_20C = ReferenceState(293.15, 101325.0)
STATE_25C = ReferenceState(298.15, 101325.0)


def volume_ratio(found: ReferenceState, need: ReferenceState, h2o_percent: Any = None) -> Any:
    """Return volume at `need` divided by volume at `found`, for the same gas (ideal gas law).

    Parameters
    ----------
    found, need : ReferenceState
        The two states.
    h2o_percent : float or array, optional
        Water vapour [percent by volume of the wet gas], needed when one state is dry and the other wet.

    Raises
    ------
    UnitError
        Moisture is needed and not given, or the oxygen references differ.
    """
    if found.oxygen_percent != need.oxygen_percent:
        raise UnitError("volumes at different reference oxygen are not converted by the gas law",
                        found=f"{found.oxygen_percent}", need=f"{need.oxygen_percent}")  # fmt: skip
    ratio = need.temperature_K / found.temperature_K * found.pressure_Pa / need.pressure_Pa
    if found.humidity == need.humidity:
        return ratio
    if h2o_percent is None:
        raise UnitError(f"a {found.humidity} volume cannot be made {need.humidity} without the moisture")
    dry_share = 1.0 - h2o_percent / 100.0
    return ratio * dry_share if need.humidity == "dry" else ratio / dry_share


def units(returns: str | None = None, **needs: str) -> Callable[[T], T]:
    """Check and convert arguments at the door of a function that computes in plain numbers.

    Each named argument may be a DataArray with a ``units`` attribute or a ``(value, "unit")`` pair; the
    function receives plain numbers in the named unit. With `returns`, a DataArray result gets that unit as its
    attribute. All faulty arguments are reported together. The plain function stays reachable as
    ``function.plain``.

    Raises
    ------
    ErrorList
        One or more arguments without unit or with a unit of the wrong kind.
    """

    def decorate(function: T) -> T:
        signature = inspect.signature(function)
        unknown = set(needs) - set(signature.parameters)
        if unknown:
            raise TypeError(f"@units names arguments that {function.__name__} does not have: {sorted(unknown)}")

        @wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            bound = signature.bind(*args, **kwargs)
            faults: list[UnitError] = []
            for name, need in needs.items():
                if bound.arguments.get(name) is None:
                    continue
                try:
                    bound.arguments[name] = _argument(bound.arguments[name], need, name)
                except UnitError as error:
                    faults.append(error)
            if faults:
                raise faults[0] if len(faults) == 1 else ErrorList(faults)
            result = function(*bound.args, **bound.kwargs)
            if returns is not None and hasattr(result, "attrs"):
                result.attrs["units"] = returns
            return result

        wrapped.plain = function  # type: ignore[attr-defined]
        return wrapped  # type: ignore[return-value]

    return decorate


def _argument(value: Any, need: str, name: str) -> Any:
    attrs = getattr(value, "attrs", None)
    if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], str):
        return convert(value[0], value[1], need, name=name)
    if attrs is not None:
        converted = convert(value, attrs.get("units"), need, name=name)
        converted.attrs = {**attrs, "units": need}
        return converted
    raise UnitError(f"{name} has no unit", found=type(value).__name__, need=f"a value convertible to '{need}'",
                    hint="give a DataArray with a units attribute or a (value, 'unit') pair")  # fmt: skip
