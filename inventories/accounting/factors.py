"""The factor table: default factors with unit, range, source and edition, as data."""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import resources
from operator import attrgetter
from pathlib import Path

from ghg.core.errors import InputError, UnitError
from ghg.core.units import factor as unit_factor
from ghg.core.units import is_compatible
from inventories.accounting import fuels as fuel_table

# A 95 % range of a normal distribution is 2 x 1.96 standard uncertainties wide (2006 IPCC Guidelines vol 1 ch 3)
HALF_WIDTHS_95 = 1.959963984540054
GRADES = {"A": 0.3, "B": 0.6, "C": 1.5, "D": 3.0}  # most of the wider half range over the value
WIDE = 4.0  # upper over lower end from which a range is read as factors

TABLES = ("factors.csv", "factors_species.csv")
MATERIALS = {
    "熟料": "clinker",
    "电力": "electricity",
    "水泥熟料": "clinker",
    "粗钢": "steel",
    "石灰": "lime",
    "合成氨": "ammonia",
}
FUEL_CODES = {**fuel_table.by_code(), **MATERIALS}
# the class of a source that gives no factor for a class or for its whole group: the guidebook's "other" class
SECTOR_OF = {"1A1": "1A1a", "1A2": "1A2gviii", "1A2f": "1A2gviii", "1A4": "1A4ai", "1A4a": "1A4ai", "1A4b": "1A4bi",
             "1A4c": "1A4ci", "1A5": "1A5a", "A": "1A1a", "B": "1A2gviii", "C": "1A4ai"}  # fmt: skip


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
    sector, technology, region : str
        Class (NFR), technology and region it is for; empty for any.
    grade : {"A", "B", "C", "D", "E", ""}
        Quality by the wider half of the 95 % range over the value, see :data:`GRADES`; E above.
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
    sector: str = ""
    technology: str = ""
    region: str = ""
    grade: str = ""

    @property
    def key(self) -> str:
        """Return what the factor is, so that two uses of it are known to be one quantity."""
        return "/".join(filter(None, (self.set, self.sector, self.fuel, self.technology, self.species, self.quantity,
                                      self.valid_from)))  # fmt: skip

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


_overlays: list[DefaultFactor] = []
# quantities of factors and the units they have
KINDS = {"emission_factor": ("kg J-1",), "emission_per_mass": ("1",), "carbon_per_energy": ("kg J-1",),
         "calorific_value": ("J kg-1", "J m-3"), "carbon_content": ("1",), "oxidation": ("1",),
         "grid_factor": ("kg J-1",), "cao": ("1",), "kiln_dust": ("1",)}  # fmt: skip


@cache
def _own() -> tuple[DefaultFactor, ...]:
    folder = resources.files("inventories.accounting") / "data"
    texts = [(folder / name).read_text(encoding="utf-8") for name in TABLES]
    return tuple(_row(row) for text in texts for row in csv.DictReader(text.splitlines()))


def table() -> tuple[DefaultFactor, ...]:
    """Return all rows of the factor tables that come with the toolkit, and of the overlays in use."""
    return (*_own(), *_overlays)


@contextmanager
def overlaid(paths: Sequence[Path]) -> Iterator[None]:
    """Use factor tables of the user; a row of theirs comes before one of the toolkit with the same key.

    Parameters
    ----------
    paths : sequence of Path
        CSV files with the columns of the toolkit's tables; set, fuel, quantity, value, unit and source are needed.

    Raises
    ------
    InputError
        A file is unreadable, a column or value is missing, a value is outside its range, or a unit cannot be read.
    """
    before = list(_overlays)
    _overlays.extend(row for path in paths for row in _read(path))
    _forget()
    try:
        yield
    finally:
        _overlays[:] = before
        _forget()


def _forget() -> None:
    for one in (_index, fuels, fuel_in, candidates, default):
        one.cache_clear()


def _read(path: Path) -> list[DefaultFactor]:
    from ghg.core.tables import ColumnSpec, read_table

    needed = ("set", "fuel", "quantity", "value", "unit", "source")
    others = ("species", "sector", "technology", "lower", "upper", "basis", "region", "grade", "edition", "valid_from",
              "valid_to", "range_source")  # fmt: skip
    specs = {n: ColumnSpec(n, kind="text", required=n in needed) for n in (*needed, *others)}
    frame = read_table(path, specs)
    rows = []
    for number, cells in frame.fillna("").iterrows():
        words = {n: str(cells.get(n, "")).strip() for n in (*needed, *others)}
        where = f"{path.name}, row {number}"
        if empty := [n for n in needed if not words[n]]:
            raise InputError("a factor is not complete", where=where, found=f"no {', '.join(empty)}")
        try:
            row = _row({**words, "verified": "true", "edition": words["edition"] or "user"})
        except ValueError as error:
            raise InputError("a value of a factor is not a number", where=where, found=words["value"]) from error
        if not row.lower <= row.value <= row.upper:
            raise InputError("a factor lies outside its own range", where=where,
                             found=f"{row.value:g} in [{row.lower:g}, {row.upper:g}]")  # fmt: skip
        if row.quantity not in KINDS:
            raise InputError("a quantity of a factor is not known", where=where, found=f"'{row.quantity}'",
                             need="one of " + ", ".join(KINDS))  # fmt: skip
        if not any(is_compatible(row.unit, need) for need in KINDS[row.quantity]):
            raise UnitError(f"the unit of a factor does not fit {row.quantity.replace('_', ' ')}", where=where,
                            found=f"'{row.unit}'", need=" or ".join(KINDS[row.quantity]))  # fmt: skip
        rows.append(row)
    return rows


def grade(value: float, lower: float, upper: float) -> str:
    """Return the quality grade of a 95 % range."""
    if not lower < upper:
        return ""
    half = max(upper / value - 1.0, 1.0 - lower / value) if lower > 0.0 else math.inf
    return next((letter for letter, most in GRADES.items() if half <= most), "E")


def _row(row: dict[str, str]) -> DefaultFactor:
    value = float(row["value"])
    lower, upper = float(row["lower"] or value), float(row["upper"] or value)
    words = ("set", "fuel", "species", "quantity", "unit", "basis", "source", "edition", "valid_from", "valid_to",
             "range_source")  # fmt: skip
    extra = {key: row.get(key) or "" for key in ("sector", "technology", "region")}
    return DefaultFactor(
        **{key: row[key] for key in words},
        value=value,
        lower=lower,
        upper=upper,
        verified=row["verified"] == "true",
        grade=row.get("grade") or grade(value, lower, upper),
        **extra,
    )


@cache
def _index() -> dict[tuple[str, str, str, str, str, str], tuple[DefaultFactor, ...]]:
    """Return rows by set, fuel, quantity, species, sector and technology, oldest first."""
    found: dict[tuple[str, str, str, str, str, str], list[DefaultFactor]] = {}
    age = attrgetter("valid_from")
    for r in (
        *sorted(_own(), key=age),
        *sorted(_overlays, key=age),
    ):  # those of the user are looked at first, from behind
        found.setdefault((r.set, r.fuel, r.quantity, r.species, r.sector, r.technology), []).append(r)
    return {key: tuple(rows) for key, rows in found.items()}


@cache
def fuels(factor_set: str) -> list[str]:
    """Return the fuels of a factor set."""
    return sorted({row.fuel for row in table() if row.set == factor_set})


def code(text: str) -> str:
    """Return the name of a fuel or material given by name, Chinese name or US energy code."""
    plain = text.strip()
    found = FUEL_CODES.get(plain) or FUEL_CODES.get(plain.upper())
    return found or plain.lower().replace(" ", "_")


@cache
def fuel_in(text: str, factor_set: str) -> str:
    """Return the fuel of that name, Chinese name or US energy code; empty where a set knows neither it nor a family."""
    name = code(text)
    return name if any(one in fuels(factor_set) for one in fuel_table.families(name)) else ""


def fuel_name(text: str, factor_set: str) -> str:
    """Return the fuel of that name, Chinese name or US energy code.

    Raises
    ------
    InputError
        Neither the fuel nor a family of it has a factor in the set, or two fuels stand in one record.
    """
    if name := fuel_in(text, factor_set):
        return name
    if any(mark in text for mark in "+&/,"):
        raise InputError("two fuels stand in one record", found=f"'{text}'", need="one stream for each fuel")
    known = fuels(factor_set)
    near = difflib.get_close_matches(code(text), known, n=2, cutoff=0.4)
    raise InputError(
        f"the fuel has no factor in the set '{factor_set}'",
        found=f"'{text}'",
        need="one of " + ", ".join(known),
        hint=f"did you mean {' or '.join(near)}" if near else "give the factor in the configuration",
    )


def of_user(factor_set: str, fuel: str, quantity: str, species: str = "", sector: str = "", way: str = "") -> bool:
    """Tell whether the default of a fuel in its class and technology is an overlay of the user."""
    rows = candidates(factor_set, code(fuel), quantity, species, sector, way)
    return bool(rows) and rows[-1] in _overlays


def known(factor_set: str, fuel: str, quantity: str, species: str = "") -> bool:
    """Tell whether a factor set has a default for a fuel, given by name or code."""
    return candidates(factor_set, fuel, quantity, species) != ()


@cache
def candidates(
    factor_set: str, fuel: str, quantity: str, species: str = "", sector: str = "", technology: str = ""
) -> tuple[DefaultFactor, ...]:
    """Return the editions of the nearest default.

    That of the technology comes before that of any, that of the class before its group, of the fuel before its
    families.
    """
    sectors = [sector, SECTOR_OF.get(sector, ""), ""] if sector else [""]
    for way in dict.fromkeys((technology, "")):
        for place in dict.fromkeys(sectors):
            for name in dict.fromkeys((fuel, *fuel_table.families(code(fuel)))):
                rows = _index().get((factor_set, name, quantity, species, place, way))
                if rows:
                    return rows
    return ()


@cache
def default(
    factor_set: str, fuel: str, quantity: str, species: str = "", on: str = "9999", sector: str = "",
    technology: str = "",
) -> DefaultFactor:  # fmt: skip
    """Return one default factor.

    Parameters
    ----------
    factor_set, fuel, quantity, species : str
        What is wanted.
    on : str
        Day (ISO 8601): of several editions the newest that was in force is taken, or the oldest if none was.
    sector, technology : str
        Class (NFR) and technology, where the set tells them apart.

    Raises
    ------
    InputError
        There is none.
    """
    rows = candidates(factor_set, fuel, quantity, species, sector, technology)
    if not rows:
        what = quantity.replace("_", " ") + (f" of {species}" if species else "")
        raise InputError(f"the set '{factor_set}' has no default {what} for {fuel}" + (f" in {sector}" * bool(sector)),
                         hint=_nearest(factor_set, fuel, quantity, species))  # fmt: skip
    return next((row for row in reversed(rows) if row.valid_from <= on), rows[0])


def _nearest(factor_set: str, fuel: str, quantity: str, species: str) -> str:
    """Return which fuels and classes do have the factor."""
    rows = [r for r in table() if (r.set, r.quantity, r.species) == (factor_set, quantity, species)]
    near = difflib.get_close_matches(fuel, sorted({r.fuel for r in rows}), n=3, cutoff=0.4)
    classes = sorted({r.sector for r in rows if r.fuel in fuel_table.families(fuel) and r.sector})
    if classes:
        return "it has one in " + ", ".join(classes[:6])
    return f"it has one for {' and '.join(near)}" if near else "give it in the configuration"
