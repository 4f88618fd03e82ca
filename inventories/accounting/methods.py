"""From a stated stream to its chains of factors, by the rule it names."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from inventories.accounting import carbon, fuel, process
from inventories.accounting.case import Case
from inventories.accounting.engine import Array, Factor, Stream
from inventories.config import StreamConfig
from inventories.rules import METHODS

__all__ = ["stream"]

Chains = dict[str, tuple[Factor, ...]]


def stream(config: StreamConfig, bounds: npt.NDArray[np.datetime64], species: list[str]) -> Stream:
    """Return the chains of one stream.

    Parameters
    ----------
    config : StreamConfig
        The stream.
    bounds : datetime64 (time, 2)
        Intervals; the day in the middle of each chooses the edition of a default.
    species : list of str
        Gases wanted.

    Raises
    ------
    ConfigError, InputError
        Something the method needs is missing, a unit is of the wrong kind, a value is negative or absurd, or the
        fuel has no factor.
    """
    rule = METHODS[config.method]
    middle = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2
    case = Case(config, rule, middle.astype("datetime64[D]"))
    for need in rule.needs:
        if all(not getattr(config, name) for name in need.split("|")):
            raise ConfigError(f"the method '{config.method}' needs {need.replace('|', ' or ')}", where=case.where,
                              hint=rule.source)  # fmt: skip
    chains, energy, basis = _chains(case, species)
    chains = {gas: (*chain, *control(case, gas)) for gas, chain in chains.items()}
    if not chains:
        raise InputError("the method gives none of the species asked for", where=case.where, found=", ".join(species))
    notes = tuple(dict.fromkeys(case.notes))
    return Stream(config.name, config.fuel, config.method, chains, energy, basis, notes, rule.scope)


def control(case: Case, gas: str) -> tuple[Factor, ...]:
    """Return what is left of a species after its control: 1 minus the removed share.

    The share is efficiency times operating rate (EMEP/EEA guidebook part A ch 1; China, technical guidelines for
    emission inventories: E = A x EF x (1 - eta)). The stated uncertainty of the component "control" is of the rest.
    """
    removed = case.config.controls.get(gas)
    if removed is None:
        return ()
    share = case.stated(removed, "1", f"controls.{gas}", most=1.0)
    return (case.factor("control", 1.0 - share),)


def _chains(case: Case, species: list[str]) -> tuple[Chains, Array, str]:
    kind = case.rule.kind
    nothing = case.constant(np.nan)
    if kind == "energy":
        head, energy = fuel.activity(case)
        return {gas: fuel.chain(case, gas, head) for gas in species if fuel.emits(case, gas)}, energy, case.rule.basis
    if kind == "factor":
        found = {gas: one for gas in species if (one := process.by_factor(case, gas)) is not None}
        return found, nothing, ""
    if "CO2" not in species:
        return {}, nothing, ""
    if kind == "carbon":
        chain, energy, basis = carbon.chain(case)
        return {"CO2": chain}, energy, basis
    if kind == "clinker":
        return {"CO2": process.clinker(case)}, nothing, ""
    chain, _ = process.electricity(case)
    return {"CO2": chain}, nothing, ""  # bought energy is no fuel energy of the plant
