"""Default uncertainties and F factors: read from the data files, overridden by the job, scaled to a tier."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from ghg.core.errors import ConfigError
from sensors.statements import ComponentUncertainty

__all__ = ["components", "diluent_cap", "f_factors", "scale_to_tier", "unverified"]


@cache
def _data(name: str) -> dict[str, Any]:
    return tomllib.loads((files("sensors") / "data" / name).read_text(encoding="utf-8"))


def _read(*path: str) -> dict[str, ComponentUncertainty]:
    table: Any = _data("defaults.toml")
    for key in path:
        table = table[key]
    return {name: ComponentUncertainty.model_validate(parts) for name, parts in table.items()}


def components(
    *path: str,
    overrides: Mapping[str, ComponentUncertainty] | None = None,
    mrr_tier: int | None = None,
    known: tuple[str, ...] = (),
) -> dict[str, ComponentUncertainty]:
    """Return the uncertainties by component.

    Parameters
    ----------
    *path : str
        Section of ``defaults.toml``: ``("part75",)`` or ``("campd", "direct")``.
    overrides : mapping, optional
        Parts that replace the default.
    mrr_tier : {1, 2, 3, 4}, optional
        Scale all relative systematic parts by one factor, so that their root sum of squares is the maximum
        permissible uncertainty of the tier (95 %, EU 2018/2066 Annex VIII table 1) divided by 1.96.
    known : tuple of str
        Component names that may be overridden although they have no default.

    Raises
    ------
    ConfigError
        An override names an unknown component.
    """
    result = _read(*path)
    for name, change in (overrides or {}).items():
        if name not in result and name not in known:
            raise ConfigError(
                "an uncertainty names an unknown component",
                where="uncertainty",
                found=name,
                need=", ".join(sorted({*result, *known})),
            )
        before = result.get(name, ComponentUncertainty())
        result[name] = ComponentUncertainty(
            systematic=change.systematic or before.systematic, random=change.random or before.random
        )
    return result if mrr_tier is None else scale_to_tier(result, mrr_tier)


def scale_to_tier(parts: Mapping[str, ComponentUncertainty], tier: int) -> dict[str, ComponentUncertainty]:
    """Return the parts with their relative systematic parts scaled to a tier; see :func:`components`."""
    rule = _data("defaults.toml")["mrr"]
    limit, source = rule["tiers"][tier - 1], f"{rule['source']}, tier {tier}"
    whole = math.sqrt(sum(p.systematic.standard_relative**2 for p in parts.values() if p.systematic))
    if whole == 0.0:
        raise ConfigError("a tier cannot be shared out without relative systematic parts", where="mrr_tier")
    factor = limit / rule["coverage_factor"] / whole
    result = {}
    for name, part in parts.items():
        if part.systematic is not None and part.systematic.relative is not None:
            scaled = part.systematic.model_copy(
                update={"relative": part.systematic.relative * factor, "source": source, "verified": True}
            )
            part = part.model_copy(update={"systematic": scaled})
        result[name] = part
    return result


def unverified(parts: Mapping[str, ComponentUncertainty]) -> list[str]:
    """Return the components whose default was not read in its source."""
    return [
        name
        for name, part in parts.items()
        if any(p is not None and not p.verified for p in (part.systematic, part.random))
    ]


def f_factors(fuel: str) -> tuple[float, float]:
    """Return Fd [dscf/mmBtu] and Fc [scf/mmBtu] of a fuel.

    Raises
    ------
    ConfigError
        The fuel has no F factors.

    References
    ----------
    40 CFR 75 Appendix F, table 1; 40 CFR 60 Appendix A-7, Method 19, table 19-2.
    """
    fuels = _data("f_factors.toml")["fuels"]
    if fuel not in fuels:
        raise ConfigError(
            "the fuel has no F factors",
            where="fuel",
            found=fuel,
            need=", ".join(fuels),
            hint="or give f_factors = [Fd, Fc] of the fuel itself",
        )
    return fuels[fuel]["fd"], fuels[fuel]["fc"]


def diluent_cap(kind: str) -> tuple[float, float]:
    """Return least CO2 and greatest O2 [percent] of the diluent cap (Appendix F 3.3.4.1)."""
    cap = _data("f_factors.toml")["diluent_cap"][kind]
    return cap["co2"], cap["o2"]
