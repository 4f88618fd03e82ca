"""The fuels: their families, whether their carbon is biogenic, and net against gross calorific value.

A factor that a source gives for "solid fuels" holds for every solid fuel that has none of its own: the families, from
the narrowest to the widest, say where to look next.

References
----------
2006 IPCC Guidelines vol 2 ch 1 table 1.1 (definitions) and 1.4.1.2 (net calorific value about 5 % below gross for coal
and oil, about 10 % for gas). The ratio is quoted from memory of that section and held in the tests against the quotient
of two published CO2 factors of each fuel, per gross energy (40 CFR 98) and per net energy (IPCC).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources

__all__ = ["NET_PER_GROSS_U", "Fuel", "by_code", "families", "fuel", "table"]

# Standard uncertainty of net per gross, relative: the published CO2 factors of seven fuels give quotients within 3.3 %
# of the rounded ratios, see the tests
NET_PER_GROSS_U = 0.02


@dataclass(frozen=True)
class Fuel:
    """One fuel.

    Parameters
    ----------
    name : str
        Name in the factor tables.
    parents : tuple of str
        Families, from the narrowest to the widest.
    biogenic : bool
        Whether its carbon is of biomass: its CO2 is reported apart.
    net_per_gross : float
        Net over gross calorific value.
    words : tuple of str
        Chinese names and US energy codes.
    """

    name: str
    parents: tuple[str, ...]
    biogenic: bool
    net_per_gross: float
    words: tuple[str, ...]


@cache
def table() -> dict[str, Fuel]:
    """Return all fuels by name."""
    text = (resources.files("inventories.accounting") / "data" / "fuels.csv").read_text(encoding="utf-8")
    return {r["fuel"]: Fuel(r["fuel"], tuple(r["parents"].split()), r["biogenic"] == "1", float(r["net_per_gross"]),
                            (*r["chinese"].split(), *r["codes"].split()))
            for r in csv.DictReader(text.splitlines())}  # fmt: skip


@cache
def by_code() -> dict[str, str]:
    """Return fuels by Chinese name and US energy code."""
    return {word: one.name for one in table().values() for word in one.words}


def fuel(name: str) -> Fuel | None:
    """Return a fuel by name, None for what is no fuel (clinker, electricity)."""
    return table().get(name)


def families(name: str) -> tuple[str, ...]:
    """Return the name and its families, from the narrowest to the widest."""
    one = table().get(name)
    return (name,) if one is None else (name, *(p for p in one.parents if p != name))
