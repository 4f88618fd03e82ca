"""The MEASURED Dataset: the variables around an emission, and the uncertainty of reported emissions."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Method, Reason, flag_attributes
from ghg.core.variables import attributes
from sensors.defaults import components
from sensors.statements import ComponentUncertainty

__all__ = ["COMPONENTS", "Part", "emission_variables", "reported_uncertainty", "unverified_note"]

Part = npt.NDArray[np.float64]
SECTIONS = {
    Method.DIRECT: "direct",
    Method.DILUENT: "diluent",
    Method.FUEL_FLOW: "fuel_flow",
    Method.DEFAULT: "default",
    Method.SUBSTITUTE: "substitute",
    Method.DERIVED: "direct",
    Method.UNKNOWN: "unknown",
}
COMPONENTS = ("flow", "concentration", "diluent", "moisture", "heat_input", "f_factor", "substitution")


def emission_variables(
    values: tuple[Part, Part, Mapping[str, Part]], marks: tuple[Any, Any, Any], **extra: Any
) -> dict[str, Any]:
    """Return ``emission`` and its partners, ready for a Dataset.

    Parameters
    ----------
    values : tuple
        Emission, random uncertainty, and systematic ones by component: float64 (source, time), kg s-1.
    marks : tuple
        Flags, reasons and methods (source, time).
    **extra
        Attributes of ``emission``: species, rounding, shared_components.
    """
    dims = ("source", "time")
    emission, random, systematic = values
    total = np.zeros(emission.shape) + 0.0 * emission  # NaN where the emission is
    for part in systematic.values():
        np.hypot(total, part, out=total)
    names = " ".join(systematic)
    partners = "emission_flag emission_reason emission_method"
    attrs = attributes("emission", cell_methods="time: mean", ancillary_variables=partners, **extra)
    data: dict[str, Any] = {
        "emission": (dims, emission, attrs),
        "emission_u_random": (dims, random, attributes("emission_u_random")),
        "emission_u_systematic": (dims, total, attributes("emission_u_systematic", components=names)),
    }
    for name, part in systematic.items():
        data[f"emission_u_systematic_{name}"] = (dims, part, attributes(f"emission_u_systematic_{name}"))
    for name, meaning, mark in zip(("flag", "reason", "method"), (Flag, Reason, Method), marks, strict=True):
        data[f"emission_{name}"] = (
            dims,
            mark,
            {**attributes(f"emission_{name}"), **flag_attributes(meaning)},
        )
    return data


def unverified_note(names: list[str]) -> list[str]:
    """Return the note on defaults that were not read in their source, if there are any."""
    return [f"default uncertainties not read in their source: {', '.join(sorted(names))}"] if names else []


def reported_uncertainty(
    emission: Any,
    method: Any,
    changes: Mapping[str, ComponentUncertainty],
    mrr_tier: int | None,
    occurring: Collection[int] | None = None,
) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.float64], list[str]]:
    """Return the uncertainty of reported emissions, by the method of each value.

    Parameters
    ----------
    emission : float64 (source, time)
        kg s-1.
    method : int8 (source, time)
        See :class:`ghg.core.flags.Method`.
    changes : mapping
        Overrides by component.
    mrr_tier : int, optional
        See :func:`sensors.defaults.components`.
    occurring : collection of int, optional
        Methods that occur in the whole of which these are a piece; those that are here by default.

    Returns
    -------
    dict of float64 (source, time); float64 (source, time); list of str
        Systematic standard uncertainties by component and the random one [kg s-1]; components whose default
        was not read in its source.
    """
    unknown = sorted(set(changes) - set(COMPONENTS))
    if unknown:
        raise ConfigError(
            "an uncertainty names an unknown component",
            where="uncertainty",
            found=", ".join(unknown),
            need=", ".join(COMPONENTS),
        )
    present = [Method(m) for m in sorted(np.unique(method).tolist() if occurring is None else occurring)]
    size = max(int(m) for m in Method) + 1
    tables = {name: np.zeros(size) for name in COMPONENTS}
    random = np.zeros(size)
    doubtful: dict[str, None] = {}
    for way in present:
        own = components("campd", SECTIONS[way])
        overrides = {name: part for name, part in changes.items() if name in own}
        for name, part in components("campd", SECTIONS[way], overrides=overrides, mrr_tier=mrr_tier).items():
            if part.systematic is not None:
                tables[name][int(way)] = _relative(part.systematic, name)
                if not part.systematic.verified:
                    doubtful[name] = None
            if part.random is not None:
                random[int(way)] = math.hypot(random[int(way)], _relative(part.random, name))
    size_of = np.abs(emission)
    ways = [int(m) for m in present]
    parts = {name: _scaled(table, method, size_of) for name, table in tables.items() if table[ways].any()}
    return parts, _scaled(random, method, size_of), sorted(doubtful)


def _scaled(table: Part, method: Any, size: Any) -> Part:
    """Return the relative uncertainty of each method times the size of the emission."""
    found = table[method]
    found *= size
    return found


def _relative(part: Any, name: str) -> float:
    if part.absolute is not None:
        raise InputError(
            "reported totals take relative uncertainties only",
            where=f"uncertainty.{name}",
            found=f"{part.absolute} {part.units}",
            need="relative",
        )
    return part.standard_relative
