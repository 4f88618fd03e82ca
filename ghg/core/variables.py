"""The one registry of variables: name, canonical unit, CF name, dimensions, partners, documentation.

Checks at the doors, attributes in files, and the documentation of formats all come from here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ghg.core.errors import ErrorList, InputError, UnitError

if TYPE_CHECKING:
    import xarray as xr

PARTNERS = ("u_random", "u_systematic", "flag", "reason", "method", "coverage", "substituted_share")


@dataclass(frozen=True)
class Variable:
    """One variable of the common language.

    Parameters
    ----------
    name : str
        Name in Datasets and files.
    units : str
        Canonical CF unit.
    long_name : str
        Name in words.
    doc : str
        One line: what the number means, its sign and its reference.
    standard_name : str
        CF standard name, empty where there is none.
    dims : tuple of str
        Usual dimensions.
    positive : bool
        Whether negative values are absurd.
    partners : tuple of str
        Which partner variables exist (``<name>_u_random`` ...).
    """

    name: str
    units: str
    long_name: str
    doc: str
    standard_name: str = ""
    dims: tuple[str, ...] = ("source", "time")
    positive: bool = True
    partners: tuple[str, ...] = ()


SPECS: dict[str, Variable] = {}


def register(variable: Variable) -> Variable:
    """Add a variable to the registry; a name is given once only."""
    if variable.name in SPECS and SPECS[variable.name] != variable:
        raise ValueError(f"variable '{variable.name}' is registered already")
    SPECS[variable.name] = variable
    return variable


_UNCERTAIN = ("u_random", "u_systematic", "flag", "reason")
_STREAM = ("stream", "time")

for _v in (
    Variable("emission", "kg s-1", "mass emission rate", "Mean mass of the species (never of carbon) emitted per "
             "second over the interval.", partners=(*_UNCERTAIN, "method", "coverage", "substituted_share")),
    Variable("heat_input", "W", "heat input rate", "Mean chemical energy of the fuel per second; attribute "
             "calorific_basis says gross or net."),
    Variable("operating_time", "1", "operating share of the interval", "Share of the interval in operation."),
    Variable("gross_load", "W", "gross electric load", "Mean gross electric output over the interval."),
    Variable("net_load", "W", "net electric load", "Mean net electric output over the interval."),
    Variable("steam_load", "kg s-1", "steam load", "Mean steam output over the interval."),
    Variable("co2", "percent", "carbon dioxide in stack gas", "Volume fraction in the stack; attribute humidity says "
             "wet or dry.", partners=_UNCERTAIN),
    Variable("o2", "percent", "oxygen in stack gas", "Volume fraction in the stack; attribute humidity says wet "
             "or dry.", partners=_UNCERTAIN),
    Variable("h2o", "percent", "moisture of stack gas", "Volume fraction of water vapour in the wet gas.",
             partners=_UNCERTAIN),
    Variable("concentration", "kg m-3", "mass concentration in stack gas", "Mass of the species per volume at "
             "the stated reference state.", partners=_UNCERTAIN),
    Variable("flow", "m3 s-1", "volume flow of stack gas", "Volume flow at the reference state in the attributes "
             "reference_temperature, reference_pressure, reference_state.", partners=_UNCERTAIN),
    Variable("velocity", "m s-1", "velocity of stack gas", "Mean axial velocity in the measuring section.",
             partners=_UNCERTAIN),
    Variable("temperature", "K", "temperature of stack gas", "Temperature in the measuring section.",
             partners=_UNCERTAIN),
    Variable("pressure", "Pa", "absolute pressure of stack gas", "Absolute static pressure in the measuring section.",
             partners=_UNCERTAIN),
    Variable("energy", "J", "energy of the fuel burnt", "Energy of the fuel burnt in the interval; attribute "
             "calorific_basis says gross or net.", dims=_STREAM, partners=("u_random", "u_systematic")),
    Variable("fuel_mass", "kg", "mass of fuel burnt", "Mass of fuel, as received.", dims=_STREAM),
    Variable("fuel_volume", "m3", "volume of fuel burnt", "Volume of fuel burnt in the interval at the stated "
             "reference state.", dims=_STREAM),
    Variable("calorific_value", "J kg-1", "calorific value", "Energy per mass of fuel, as received; attribute "
             "calorific_basis says gross or net.", dims=_STREAM),
    Variable("calorific_value_volume", "J m-3", "calorific value per volume", "Energy per volume of fuel at the stated "
             "reference state.", dims=_STREAM),
    Variable("carbon_content", "1", "carbon content", "Mass of carbon per mass of fuel, as received.", dims=_STREAM),
    Variable("emission_factor", "kg J-1", "emission factor", "Mass of species emitted per energy of fuel.",
             dims=("species", *_STREAM)),
    Variable("oxidation_factor", "1", "oxidation factor", "Share of the fuel's carbon that is oxidised.", dims=_STREAM),
):  # fmt: skip
    register(_v)


_PARTNER = re.compile(rf"^(?P<base>.+?)_(?P<partner>{'|'.join(PARTNERS)})(?:_(?P<component>[a-z0-9_]+))?$")


def split_partner(name: str) -> tuple[str, str, str]:
    """Return base name, partner and component of ``emission_u_systematic_flow``; empty strings where absent."""
    match = _PARTNER.match(name)
    if match is None or name in SPECS:
        return name, "", ""
    return match["base"], match["partner"], match["component"] or ""


def spec(name: str) -> Variable:
    """Return the registered variable.

    Raises
    ------
    InputError
        The name is not registered.
    """
    if name not in SPECS:
        known = "one of " + ", ".join(sorted(SPECS))
        raise InputError("the variable is not in the registry", found=f"'{name}'", need=known)
    return SPECS[name]


def attributes(name: str, **extra: Any) -> dict[str, Any]:
    """Return the CF attributes of a variable or of one of its partners, with `extra` on top."""
    base, partner, component = split_partner(name)
    if base not in SPECS:
        return dict(extra)
    found = SPECS[base]
    attrs: dict[str, Any] = {"long_name": found.long_name, "units": found.units, "comment": found.doc}
    if found.standard_name:
        attrs["standard_name"] = found.standard_name
    if partner in ("u_random", "u_systematic"):
        kind = partner.removeprefix("u_") + (f" ({component.replace('_', ' ')})" if component else "")
        attrs["long_name"] = f"{found.long_name}, standard uncertainty, {kind}"
        attrs["comment"] = (
            "k = 1; independent between samples unless correlation_time is given."
            if partner == "u_random"
            else "k = 1; fully correlated over the record."
        )
        attrs.pop("standard_name", None)
    elif partner in ("coverage", "substituted_share"):
        attrs = {"long_name": f"{found.long_name}, {partner.replace('_', ' ')}", "units": "1"}
    elif partner:
        attrs = {"long_name": f"{found.long_name}, {partner}"}
    return {**attrs, **extra}


def check(ds: xr.Dataset, *names: str, where: str = "") -> None:
    """Check presence and units of variables; all faults are reported together.

    Raises
    ------
    ErrorList or InputError
        Missing variables, missing units, or units of another kind.
    """
    from ghg.core.units import check_units

    faults: list[InputError] = []
    for name in names:
        if name not in ds:
            present = ", ".join(sorted(map(str, ds.data_vars)))
            faults.append(InputError(f"variable '{name}' is missing", where=where, found=present, need=name))
            continue
        need = attributes(name).get("units")
        if need is None:
            continue
        try:
            check_units(ds[name].attrs.get("units"), str(need), name=name)
        except UnitError as error:
            faults.append(error)
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)


def describe(specs: Mapping[str, Variable] = SPECS) -> str:
    """Return the registry as a Markdown table, for the documentation of formats."""
    head = "| variable | units | dimensions | meaning |\n| --- | --- | --- | --- |\n"
    rows = (f"| `{v.name}` | `{v.units}` | {', '.join(v.dims)} | {v.doc} |" for v in specs.values())
    return head + "\n".join(rows) + "\n"
