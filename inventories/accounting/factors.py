"""The factor table: default factors with unit, range, source and edition, as data."""

from __future__ import annotations

import csv
import difflib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from ghg.core.errors import InputError
from ghg.core.units import factor as unit_factor

# A 95 % range of a normal distribution is 2 x 1.96 standard uncertainties wide (2006 IPCC Guidelines vol 1 ch 3)
HALF_WIDTHS_95 = 1.959963984540054

FUEL_CODES = {
    "BIT": "bituminous",
    "SUB": "subbituminous",
    "LIG": "lignite",
    "NG": "natural_gas",
    "DFO": "diesel",
    "RFO": "residual_oil",
    "ANT": "anthracite",
}


@dataclass(frozen=True)
class DefaultFactor:
    """One row of the factor table; `value`, `lower` and `upper` are in `unit`.

    Parameters
    ----------
    set, fuel, species, quantity : str
        What the factor is for.
    value, lower, upper : float
        Value and 95 % range (equal to the value where the source gives none).
    unit, basis : str
        Unit, and gross or net calorific value.
    source, edition, valid_from, range_source : str
        Where it was read.
    verified : bool
        Whether value and range were found in the source.
    """

    set: str
    fuel: str
    species: str
    quantity: str
    value: float
    unit: str
    lower: float
    upper: float
    basis: str
    source: str
    edition: str
    valid_from: str
    range_source: str
    verified: bool

    def to(self, unit: str) -> float:
        """Return the value in another unit."""
        return self.value * unit_factor(self.unit, unit, name=f"{self.quantity} of {self.fuel}")

    @property
    def u_relative(self) -> float:
        """Relative standard uncertainty from the 95 % range, taken as symmetric."""
        return (self.upper - self.lower) / (2.0 * HALF_WIDTHS_95 * self.value)


@cache
def table() -> tuple[DefaultFactor, ...]:
    """Return all rows of the factor table."""
    text = (resources.files("inventories.accounting") / "data" / "factors.csv").read_text(encoding="utf-8")
    return tuple(_row(row) for row in csv.DictReader(text.splitlines()))


def _row(row: dict[str, str]) -> DefaultFactor:
    value = float(row["value"])
    return DefaultFactor(
        **{
            key: row[key]
            for key in (
                "set",
                "fuel",
                "species",
                "quantity",
                "unit",
                "basis",
                "source",
                "edition",
                "valid_from",
                "range_source",
            )
        },
        value=value,
        lower=float(row["lower"] or value),
        upper=float(row["upper"] or value),
        verified=row["verified"] == "true",
    )


def fuels(factor_set: str) -> list[str]:
    """Return the fuels of a factor set."""
    return sorted({row.fuel for row in table() if row.set == factor_set})


def fuel_name(text: str, factor_set: str) -> str:
    """Return the fuel of that name or US energy code.

    Raises
    ------
    InputError
        The fuel has no factor in the set, or two fuels stand in one record.
    """
    known = fuels(factor_set)
    name = FUEL_CODES.get(text.strip().upper(), text.strip().lower().replace(" ", "_"))
    if name in known:
        return name
    if any(mark in text for mark in "+&/,"):
        raise InputError("two fuels stand in one record", found=f"'{text}'", need="one stream for each fuel")
    near = difflib.get_close_matches(name, known, n=2, cutoff=0.4)
    raise InputError(
        f"the fuel has no factor in the set '{factor_set}'",
        found=f"'{text}'",
        need="one of " + ", ".join(known),
        hint=f"did you mean {' or '.join(near)}" if near else "give the factor in the configuration",
    )


def default(factor_set: str, fuel: str, quantity: str, species: str = "") -> DefaultFactor:
    """Return one default factor.

    Raises
    ------
    InputError
        There is none.
    """
    for row in table():
        if (row.set, row.fuel, row.quantity, row.species) == (factor_set, fuel, quantity, species):
            return row
    what = quantity.replace("_", " ") + (f" of {species}" if species else "")
    raise InputError(f"the set '{factor_set}' has no default {what} for {fuel}", hint="give it in the configuration")
