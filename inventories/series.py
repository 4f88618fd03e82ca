"""Time series of an inventory: base years recalculated after a change of method, gaps filled.

References
----------
2006 IPCC Guidelines vol 1 chapter 5 (time series consistency), 5.3.3: overlap (eq 5.1, compared with a reprint of the
chapter), surrogate data (proportional to them; the formula of the chapter was not seen, so no number of it is cited),
interpolation and trend extrapolation. The uncertainties are not the guidelines': they tell what the splice itself adds,
where its data tell. Those of the series stand beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from ghg.core.config import Model
from ghg.core.errors import InputError

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["SeriesJob", "Value", "extrapolate", "interpolate", "overlap", "run_series", "surrogate"]

Series = Mapping[int, float]
Method = Literal["overlap", "surrogate", "interpolation", "extrapolation"]


@dataclass(frozen=True)
class Value:
    """One year of a series: value, relative standard uncertainty that its splice adds (NaN: not known), and method."""

    value: float
    u: float
    method: str


def overlap(new: Series, old: Series, years: list[int]) -> dict[int, Value]:
    """Recalculate years that only the old method covers: y0 = x0 x mean of y / x over the years of both (eq 5.1).

    The uncertainty is the standard deviation of those ratios over their mean, which tells how constant they are.

    Raises
    ------
    InputError
        Fewer than two years are in both, the old method is nothing in one of them, or lacks a year.
    """
    both = sorted(set(new) & set(old))
    if len(both) < 2 or any(old[y] == 0.0 for y in both):
        raise InputError("the overlap of two methods needs two years of both, above zero", found=f"{both}")
    ratio = np.array([new[y] / old[y] for y in both])
    u = float(ratio.std(ddof=1) / abs(ratio.mean())) if ratio.mean() else np.nan
    _needed(old, years, "the old method")
    return {y: Value(value=float(old[y] * ratio.mean()), u=u, method="overlap (eq 5.1)") for y in years}


def surrogate(new: Series, proxy: Series, years: list[int]) -> dict[int, Value]:
    """Fill years by a proxy: y0 = yt x s0 / st, with the nearest year t that is known.

    Between two known years both are used, weighed by nearness; the uncertainty is half of how far the two disagree. One
    known year does not tell it.

    Raises
    ------
    InputError
        The proxy lacks a year or is zero in one that is known.
    """
    known = sorted(set(new) & set(proxy))
    if not known or any(proxy[y] == 0.0 for y in known):
        raise InputError("surrogate data need a year that is known, above zero", found=f"{known}")
    _needed(proxy, years, "the surrogate")
    found = {}
    for y in years:
        before, after = [k for k in known if k < y], [k for k in known if k > y]
        ends = [*before[-1:], *after[:1]]
        each = np.array([new[k] * proxy[y] / proxy[k] for k in ends])
        weight = np.array([1.0]) if len(ends) == 1 else np.array([ends[1] - y, y - ends[0]]) / (ends[1] - ends[0])
        value = float(each @ weight)
        u = float(np.ptp(each) / 2.0 / abs(value)) if len(ends) == 2 and value else np.nan
        found[y] = Value(value=value, u=u, method="surrogate")
    return found


def interpolate(new: Series, years: list[int]) -> dict[int, Value]:
    """Fill years between two known ones by a straight line; how far the truth lies from it is not known.

    Raises
    ------
    InputError
        A year lies beyond the known ones.
    """
    known = sorted(new)
    found = {}
    for y in years:
        if not known or not known[0] < y < known[-1]:
            raise InputError("interpolation needs a known year on either side", found=str(y),
                             need=f"{known[0]} to {known[-1]}" if known else "known years")  # fmt: skip
        value = float(np.interp(y, known, [new[k] for k in known]))
        found[y] = Value(value=value, u=np.nan, method="interpolation")
    return found


def extrapolate(new: Series, years: list[int]) -> dict[int, Value]:
    """Continue the trend: the straight line of least squares through the known years, with its standard error.

    Raises
    ------
    InputError
        Fewer than three years are known.
    """
    known = np.array(sorted(new), float)
    if known.size < 3:
        raise InputError("a trend needs three known years", found=str(known.size))
    y = np.array([new[int(k)] for k in known])
    middle = known.mean()
    slope = float(((known - middle) * y).sum() / ((known - middle) ** 2).sum())
    rest = y - y.mean() - slope * (known - middle)
    spread = float((rest**2).sum() / (known.size - 2))
    found = {}
    for year in years:
        value = float(y.mean() + slope * (year - middle))
        error = spread * (1.0 + 1.0 / known.size + (year - middle) ** 2 / ((known - middle) ** 2).sum())
        u = float(np.sqrt(error) / abs(value)) if value else np.nan
        found[year] = Value(value=value, u=u, method="extrapolation")
    return found


def _needed(series: Series, years: list[int], what: str) -> None:
    if missing := [y for y in years if y not in series]:
        raise InputError(f"{what} lacks a year", found=", ".join(map(str, missing)))


class SeriesTable(Model):
    """A long table: one row for each year and key."""

    file: str
    key: list[str] = Field(default_factory=lambda: ["region", "sector", "species"])
    year: str = "year"
    value: str = "value"
    unit: str = ""


class SeriesJob(Model):
    """``ghg inventories series``.

    Parameters
    ----------
    start, end : int
        First and last year that are wanted.
    new : SeriesTable
        The series by the method of now.
    old : SeriesTable, optional
        The series by the former method: for ``overlap``.
    surrogate : SeriesTable, optional
        Activity or other data that go with the emission: for ``surrogate``.
    methods : list
        By falling preference: the first that can fill a year does.
    """

    start: int
    end: int
    new: SeriesTable
    old: SeriesTable | None = None
    surrogate: SeriesTable | None = None
    methods: list[Method] = Field(default_factory=lambda: ["overlap", "surrogate", "interpolation", "extrapolation"])

    @model_validator(mode="after")
    def _sound(self) -> SeriesJob:
        if self.end < self.start:
            raise ValueError("end lies before start")
        return self


def run_series(job: SeriesJob, base: Path, record: Record | None = None) -> list[dict[str, Any]]:
    """Return the whole series: key, year, value, u_relative, method; the method of now is ``as compiled``.

    ``u_relative`` is what the splice adds: 0 as compiled, None where it is not known.

    Raises
    ------
    InputError
        A column is missing, a year is no whole number, a row stands twice, or no method can fill a year (named).
    """
    tables = {n: _read(t, base, record) for n, t in (("new", job.new), ("old", job.old), ("surrogate", job.surrogate))
              if t is not None}  # fmt: skip
    wanted = range(job.start, job.end + 1)
    rows = []
    for key in sorted(tables["new"]):
        new = tables["new"][key]
        gaps = [y for y in wanted if y not in new]
        filled = {y: Value(value=new[y], u=0.0, method="as compiled") for y in wanted if y in new}
        reasons: dict[int, str] = {}
        for method in job.methods:
            for y in [g for g in gaps if g not in filled]:
                try:
                    filled |= _fill(method, new, {n: t.get(key, {}) for n, t in tables.items()}, y)
                except InputError as error:
                    reasons[y] = str(error)
        if left := [y for y in gaps if y not in filled]:
            raise InputError("a year cannot be filled by any method", where=" ".join(key), found=str(left[0]),
                             hint=reasons.get(left[0], ""))  # fmt: skip
        names = job.new.key
        rows += [{**dict(zip(names, key, strict=True)), "year": y, "value": filled[y].value,
                  "u_relative": filled[y].u if np.isfinite(filled[y].u) else None, "method": filled[y].method}
                 for y in wanted]  # fmt: skip
    return rows


def _fill(method: Method, new: Series, others: Mapping[str, Series], year: int) -> dict[int, Value]:
    if method == "overlap":
        return overlap(new, others.get("old", {}), [year])
    if method == "surrogate":
        return surrogate(new, others.get("surrogate", {}), [year])
    return (interpolate if method == "interpolation" else extrapolate)(new, [year])


def _read(table: SeriesTable, base: Path, record: Record | None) -> dict[tuple[str, ...], dict[int, float]]:
    from ghg.core.tables import ColumnSpec, read_table

    path = base / table.file
    if record is not None:
        record.use(path, "time series")
    specs = {f"key.{k}": ColumnSpec(k, kind="text") for k in table.key}
    specs |= {"year": ColumnSpec(table.year), "value": ColumnSpec(table.value, unit=table.unit or None)}
    frame: Any = read_table(path, specs)
    years = frame["year"].to_numpy(float)
    if (odd := np.flatnonzero(years % 1 != 0)).size:  # an empty cell, NaN, is odd too
        raise InputError("a year is no whole number", where=f"{path.name}, row {frame.index[odd[0]]}",
                         found=f"{years[odd[0]]:g}")  # fmt: skip
    found: dict[tuple[str, ...], dict[int, float]] = {}
    keys = zip(*(frame[f"key.{k}"].astype(str).str.strip() for k in table.key), strict=True)
    for key, year, value in zip(keys, years.astype(int).tolist(), frame["value"].tolist(), strict=True):
        if value != value:
            continue
        series = found.setdefault(tuple(key), {})
        if year in series:
            raise InputError("two rows stand for one year", where=path.name, found=f"{' '.join(key)} {year}")
        series[year] = float(value)
    return found
