"""The factor table: default factors with unit, range, source and edition, as data."""

from __future__ import annotations

import csv
import difflib
import math
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import attrgetter

from ghg.core.errors import InputError
from ghg.core.units import factor as unit_factor

# A 95 % range of a normal distribution is 2 x 1.96 standard uncertainties wide (2006 IPCC Guidelines vol 1 ch 3)
HALF_WIDTHS_95 = 1.959963984540054
WIDE = 4.0  # upper over lower end from which a range is read as factors

FUEL_CODES = {
    "BIT": "bituminous",
    "SUB": "subbituminous",
    "LIG": "lignite",
    "NG": "natural_gas",
    "DFO": "diesel",
    "RFO": "residual_oil",
    "ANT": "anthracite",
    "无烟煤": "anthracite",
    "烟煤": "bituminous",
    "褐煤": "lignite",
    "煤": "coal",
    "燃煤": "coal",
    "天然气": "natural_gas",
    "柴油": "diesel",
    "燃料油": "residual_oil",
    "熟料": "clinker",
    "电力": "electricity",
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
    source, edition, range_source : str
        Where it was read.
    valid_from, valid_to : str
        First and last day (ISO 8601) for which the source gives it; `valid_to` is empty while it is in force.
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
    valid_to: str
    range_source: str
    verified: bool

    def to(self, unit: str) -> float:
        """Return the value in another unit."""
        return self.value * unit_factor(self.unit, unit, name=f"{self.quantity} of {self.fuel}")

    @property
    def u_relative(self) -> float:
        """Relative standard uncertainty from the 95 % range.

        A range of factors (0.3 to 3 times) is that of a log-normal distribution, whose width is in its logarithm;
        any other is taken as symmetric (2006 IPCC Guidelines vol 1 ch 3).
        """
        if self.lower > 0.0 and self.upper / self.lower > WIDE:
            width = math.log(self.upper / self.lower) / (2.0 * HALF_WIDTHS_95)
            return math.sqrt(math.expm1(width**2))
        return (self.upper - self.lower) / (2.0 * HALF_WIDTHS_95 * self.value)


@cache
def table() -> tuple[DefaultFactor, ...]:
    """Return all rows of the factor table."""
    text = (resources.files("inventories.accounting") / "data" / "factors.csv").read_text(encoding="utf-8")
    return tuple(_row(row) for row in csv.DictReader(text.splitlines()))


def _row(row: dict[str, str]) -> DefaultFactor:
    value = float(row["value"])
    words = ("set", "fuel", "species", "quantity", "unit", "basis", "source", "edition", "valid_from", "valid_to",
             "range_source")  # fmt: skip
    return DefaultFactor(
        **{key: row[key] for key in words},
        value=value,
        lower=float(row["lower"] or value),
        upper=float(row["upper"] or value),
        verified=row["verified"] == "true",
    )


def fuels(factor_set: str) -> list[str]:
    """Return the fuels of a factor set."""
    return sorted({row.fuel for row in table() if row.set == factor_set})


def _code(text: str) -> str:
    return FUEL_CODES.get(text.strip().upper(), text.strip().lower().replace(" ", "_"))


def fuel_name(text: str, factor_set: str) -> str:
    """Return the fuel of that name or US energy code.

    Raises
    ------
    InputError
        The fuel has no factor in the set, or two fuels stand in one record.
    """
    known = fuels(factor_set)
    name = _code(text)
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


def known(factor_set: str, fuel: str, quantity: str) -> bool:
    """Tell whether a factor set has a default for a fuel, given by name or code."""
    names = {fuel, _code(fuel)}
    return any((row.set, row.quantity) == (factor_set, quantity) and row.fuel in names for row in table())


@cache
def default(factor_set: str, fuel: str, quantity: str, species: str = "", on: str = "9999") -> DefaultFactor:
    """Return one default factor.

    Parameters
    ----------
    factor_set, fuel, quantity, species : str
        What is wanted.
    on : str
        Day (ISO 8601): of several editions the newest that was in force is taken, or the oldest if none was.

    Raises
    ------
    InputError
        There is none.
    """
    rows = [r for r in table() if (r.set, r.fuel, r.quantity, r.species) == (factor_set, fuel, quantity, species)]
    if not rows:
        what = quantity.replace("_", " ") + (f" of {species}" if species else "")
        raise InputError(f"the set '{factor_set}' has no default {what} for {fuel}",
                         hint="give it in the configuration")  # fmt: skip
    rows.sort(key=attrgetter("valid_from"))
    return next((row for row in reversed(rows) if row.valid_from <= on), rows[0])
