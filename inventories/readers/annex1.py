"""Submissions under the air convention: the NFR template (Annex I) with its masses, activities and GNFR column.

One sheet for each year. Masses stand by NFR class in kt, t, kg or g of toxic equivalents; fuels in TJ (net) in six
columns of activity. Notation keys (NO not occurring, NE not estimated, NA not applicable, IE included elsewhere, C
confidential, NR not required) are kept apart from zero.

References
----------
ECE/EB.AIR/125, reporting guidelines 2014, annex I; NFR 2019-1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import open_input
from ghg.core.units import factor as unit_factor
from ghg.core.workbooks import open_book, sheet_rows

__all__ = ["Submission", "read"]

Array = npt.NDArray[np.float64]
POLLUTANTS = {"NOx": "NOx", "NMVOC": "NMVOC", "SOx": "SO2", "NH3": "NH3", "PM2.5": "PM2.5", "PM10": "PM10",
              "TSP": "TSP", "BC": "BC", "CO": "CO", "Hg": "Hg"}  # fmt: skip
ACTIVITIES = ("Liquid Fuels", "Solid Fuels", "Gaseous Fuels", "Biomass", "Other Fuels")
KEYS = ("NO", "NE", "NA", "IE", "C", "NR")
HEADER, UNITS, FIRST = 12, 13, 14  # rows of the template
MOST = 10_000  # rows of a sheet; the template has some 150
TOTAL = "NATIONAL TOTAL"


@dataclass(frozen=True)
class Submission:
    """One year of a submission.

    Parameters
    ----------
    party : str
        ISO code as the workbook has it.
    year : int
        Year.
    nfr, gnfr, name : str (class,)
        NFR code, GNFR letter, name.
    memo : bool (class,)
        Whether the class is outside the national total.
    mass : mapping
        Species -> kg (class,), NaN where a notation key stands.
    keys : mapping
        Species -> notation key (class,), empty where there is a number.
    energy : mapping
        Column of activity -> J (class,), NaN where a key stands.
    total : mapping
        Species -> reported national total [kg].
    """

    party: str
    year: int
    nfr: npt.NDArray[np.str_]
    gnfr: npt.NDArray[np.str_]
    name: npt.NDArray[np.str_]
    memo: npt.NDArray[np.bool_]
    mass: dict[str, Array]
    keys: dict[str, npt.NDArray[np.str_]]
    energy: dict[str, Array]
    total: dict[str, float]


def read(path: str | Path, year: int) -> Submission:
    """Read one year.

    Parameters
    ----------
    path : str or Path
        The workbook.
    year : int
        Sheet.

    Raises
    ------
    InputError
        No such workbook or sheet, another template, a cell that is neither number nor notation key, a class twice, a
        negative mass.
    """
    given = open_input(path)
    try:
        rows = _rows(given, year)
    except InputError:
        raise
    except Exception as error:  # openpyxl raises whatever its parts raise
        raise InputError("this is no xlsx workbook, or a damaged one", where=str(given)) from error
    try:
        return _submission(rows, year, f"{given.name}, sheet {year}")
    except (IndexError, TypeError) as error:  # rows shorter than the template has them
        raise InputError("this is not the NFR template (Annex I)", where=f"{given.name}, sheet {year}",
                         found=str(error)) from error  # fmt: skip


def _rows(given: Path, year: int) -> list[list[Any]]:
    book = open_book(given)
    try:
        if str(year) not in book.sheetnames:
            years = [n for n in book.sheetnames if n.isdigit()]
            found = f"{years[-1]} to {years[0]}" if years else ", ".join(book.sheetnames[:5])
            raise InputError(f"the workbook has no sheet {year}", where=given.name, found=found)
        rows = [list(r) for r in sheet_rows(book[str(year)], where=f"{given.name}, sheet {year}", most=MOST,
                                            values_only=True)]  # fmt: skip
        wide = max(map(len, rows), default=0)
        return [row + [None] * (wide - len(row)) for row in rows]
    finally:
        book.close()


def _submission(rows: list[list[Any]], year: int, where: str) -> Submission:
    if len(rows) < FIRST or not str(rows[UNITS - 1][1] or "").startswith("NFR"):
        raise InputError("this is not the NFR template (Annex I)", where=where, need="'NFR Code' in row 13, column B")
    header = [re.sub(r"\s*\(.*", "", str(c or ""), flags=re.S).strip() for c in rows[HEADER - 1]]
    missing = [n for n in (*POLLUTANTS, *ACTIVITIES) if n not in header]
    if missing:
        raise InputError("columns of the NFR template are missing", where=where, found=", ".join(missing))
    place = {name: header.index(name) for name in (*POLLUTANTS, *ACTIVITIES)}
    units = [str(c or "").split()[0] if c else "" for c in rows[UNITS - 1]]
    body, numbers = [], []
    for i, row in enumerate(rows[FIRST - 1 :], FIRST):
        if row[1] and re.match(r"^[A-Pz]_\w", str(row[0] or "")):
            body.append(row)
            numbers.append(i)
    nfr = np.array([str(r[1]).strip() for r in body])
    if len(set(nfr.tolist())) < len(nfr):
        twice = next(c for c in nfr.tolist() if nfr.tolist().count(c) > 1)
        raise InputError("a class stands there twice", where=where, found=twice)
    gnfr = np.array([str(r[0]).split("_")[0] for r in body])
    total_row = next((r for r in rows if str(r[1] or "").strip() == TOTAL), None)
    mass, keys, total = {}, {}, {}
    for name, ours in POLLUTANTS.items():
        scale = unit_factor(units[place[name]], "kg", name=name)
        mass[ours], keys[ours] = _column(body, numbers, place[name], scale, name, where)
        if total_row is not None and isinstance(total_row[place[name]], int | float):
            total[ours] = float(total_row[place[name]]) * scale
    energy = {}
    for name in ACTIVITIES:
        scale = unit_factor(units[place[name]], "J", name=name)
        energy[name], _ = _column(body, numbers, place[name], scale, name, where)
    names = np.array([" ".join(str(r[2] or "").split()) for r in body])
    memo = np.isin(gnfr, ["N", "O", "P", "z"])
    party = str(rows[3][1] or "").strip()
    return Submission(party, year, nfr, gnfr, names, memo, mass, keys, energy, total)


def _column(
    body: list[list[Any]], numbers: list[int], place: int, scale: float, name: str, where: str
) -> tuple[Array, npt.NDArray[np.str_]]:
    values, keys = np.full(len(body), np.nan), []
    for i, row in enumerate(body):
        cell = row[place]
        key = ""
        if isinstance(cell, int | float) and not isinstance(cell, bool):
            values[i] = cell * scale
            if cell < 0:
                raise InputError(f"{name} is negative", where=f"{where}, row {numbers[i]}", found=f"{cell}")
        else:
            key = str(cell or "NE").strip()
            if any(part not in KEYS for part in re.split(r"[,/; ]+", key)):
                raise InputError(f"{name} is neither a number nor a notation key", where=f"{where}, row {numbers[i]}",
                                 found=f"'{cell}'", need=", ".join(KEYS))  # fmt: skip
        keys.append(key)
    return values, np.array(keys)
