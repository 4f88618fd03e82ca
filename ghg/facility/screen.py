"""Many plants at once: who differs by how many sigma, with the false alarms of many tests held down.

One row is one plant and period. The z-score is ln(measured/accounted) over its standard uncertainty, and the
p-values of all plants are judged together (Benjamini and Hochberg 1995), since among a thousand honest plants
fifty lie outside their 95 % interval.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import NormalDist
from typing import Any

from pydantic import Field

from ghg.core.config import Model, quantity
from ghg.core.errors import InputError

__all__ = ["Plant", "ScreenJob", "false_discovery", "screen"]


class Mass(Model):
    """A column of masses; `u` is a relative standard uncertainty for all plants unless `u_column` gives it."""

    column: str
    unit: str
    u: quantity("1")  # type: ignore[valid-type]
    u_column: str | None = None


class Energy(Model):
    """A column of energies."""

    column: str
    unit: str


class ScreenJob(Model):
    """Screen the plants of one table.

    Parameters
    ----------
    file : str
        CSV, Excel or Parquet with one row for each plant.
    name : str
        Column with the plant.
    measured, accounted : Mass
        The two sides.
    heat_input : Energy, optional
        Monitored heat, gross: shows a measured side that is heat times a constant of gas or oil (G-4).
    false_discovery_rate : float
        Expected share of false alarms among the plants named.
    """

    file: str
    name: str
    measured: Mass
    accounted: Mass
    heat_input: Energy | None = None
    false_discovery_rate: float = Field(default=0.05, gt=0.0, lt=1.0)


@dataclass(frozen=True)
class Plant:
    """One line of the ranked list; masses in kg, percentages symmetric (Quick 2014)."""

    name: str
    measured_kg: float
    accounted_kg: float
    ratio: float
    symmetric_percent: float
    z: float
    p: float
    named: bool
    independence: str


def false_discovery(p: list[float], rate: float) -> list[bool]:
    """Tell which tests are positive at a false-discovery rate (Benjamini and Hochberg 1995, procedure (1))."""
    order = sorted(range(len(p)), key=p.__getitem__)
    last = max((rank for rank, i in enumerate(order, 1) if p[i] <= rate * rank / len(p)), default=0)
    positive = set(order[:last])
    return [i in positive for i in range(len(p))]


def screen(job: ScreenJob, base: Path) -> tuple[list[Plant], list[str]]:
    """Return the plants, the largest |z| first, and the rows that could not be judged.

    Raises
    ------
    InputError
        The table or a column cannot be read, or no row has both sides.
    """
    rows = _rows(job, base)
    judged, left = [], []
    for row in rows:
        usable = row["measured"] > 0 and row["accounted"] > 0
        (judged if usable else left).append(row)
    if not judged:
        raise InputError("no row has a positive mass on both sides", where=job.file)
    ln = [math.log(row["measured"]) - math.log(row["accounted"]) for row in judged]
    u = [math.hypot(row["u_measured"], row["u_accounted"]) for row in judged]
    z = [value / unc if unc > 0 else math.copysign(math.inf, value) for value, unc in zip(ln, u, strict=True)]
    p = [2.0 * (1.0 - NormalDist().cdf(abs(value))) for value in z]
    named = false_discovery(p, job.false_discovery_rate)
    plants = [_plant(*parts) for parts in zip(judged, z, p, named, strict=True)]
    notes = [f"{row['name']}: no positive mass on both sides" for row in left]
    return sorted(plants, key=lambda plant: -abs(plant.z)), notes


def _plant(row: dict[str, Any], z: float, p: float, named: bool) -> Plant:
    m, a = row["measured"], row["accounted"]
    return Plant(row["name"], m, a, m / a, 100.0 * (m - a) / ((m + a) / 2.0), z, p, named, _independence(row))


def _independence(row: dict[str, Any]) -> str:
    """Judge the constant CO2/heat of one total by its family; one record cannot show more."""
    from ghg.core.units import factor
    from ghg.facility.co2_per_heat import F15, FUEL_FLOW_FUELS, G4, nearest_fuel
    from ghg.facility.independence import SOLID

    heat = row.get("heat", math.nan)
    if not heat > 0:
        return "undetermined"
    k = row["measured"] / heat * factor("kg/J", "short_ton/mmBtu")
    if k >= SOLID:
        return "independent"
    by_fuel_flow, by_stack = nearest_fuel(k / G4, FUEL_FLOW_FUELS), nearest_fuel(k / F15, FUEL_FLOW_FUELS)
    return "not independent" if by_fuel_flow and not by_stack else "undetermined"


def _rows(job: ScreenJob, base: Path) -> list[dict[str, Any]]:
    from ghg.core.tables import ColumnSpec, read_table

    columns = {"name": ColumnSpec(job.name, kind="text")}
    for side in ("measured", "accounted"):
        mass = getattr(job, side)
        columns[side] = ColumnSpec(mass.column, mass.unit, "kg")
        if mass.u_column is not None:
            columns[f"u_{side}"] = ColumnSpec(mass.u_column)
    if job.heat_input is not None:
        columns["heat"] = ColumnSpec(job.heat_input.column, job.heat_input.unit, "J")
    frame = read_table(base / job.file, columns)
    for side in ("measured", "accounted"):
        if f"u_{side}" not in frame:
            frame[f"u_{side}"] = getattr(job, side).u
    return [{str(k): v for k, v in row.items()} for row in frame.to_dict("records")]


def as_rows(plants: list[Plant]) -> list[dict[str, Any]]:
    """Return the list as plain rows, for CSV, JSON and HTML."""
    return [{"rank": rank, **asdict(plant)} for rank, plant in enumerate(plants, 1)]
