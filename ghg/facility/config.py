"""Configuration of a comparison: the plant, its two sides, and what counts as equal."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ghg.core.config import Model, quantity
from inventories.config import AccountingJob
from sensors.config import StackJob


class Facility(Model):
    """The plant.

    Parameters
    ----------
    name : str
        Name.
    id : str
        Code in a register.
    operator : str
        Who runs it.
    timezone : str
        Zone of the period boundaries.
    """

    name: str
    id: str = ""
    operator: str = ""
    timezone: str


class Reference(Model):
    """A second, independent determination of one input: it tells which input is wrong.

    Parameters
    ----------
    component : str
        The input: flow, concentration, moisture, fuel_mass, calorific_value, carbon_content ...; with its side
        (``measured.flow``) where both sides have one of that name.
    ratio : float
        Recorded over reference, counted by its effect on the mass of its side: a reference-method test, a weighing, a
        second laboratory.
    u : quantity
        Relative standard uncertainty (k = 1) of the ratio, for example ``"0.5 %"``.
    source : str
        Where it comes from.
    """

    component: str
    ratio: Annotated[float, Field(gt=0.1, lt=10.0)]
    u: quantity("1")  # type: ignore[valid-type]
    source: str = ""


class Comparison(Model):
    """How the two sides are compared.

    Parameters
    ----------
    start, end : str
        First day and day after the last, local.
    by : {"hour", "day", "month", "year"}
        Periods that are paired.
    species : str
        The gas.
    margin : quantity
        Difference up to which the two are equivalent, for example ``"5 %"``.
    coverage : float
        Coverage probability of intervals.
    minimum_coverage : quantity
        Share of the period that must be covered by both sides.
    draws, seed : int
        Monte Carlo draws and seed.
    reference : list of Reference
        Second determinations of single inputs.
    """

    start: str
    end: str
    by: Literal["hour", "day", "month", "year"] = "month"
    species: str = "CO2"
    margin: quantity("1") = 0.05  # type: ignore[valid-type]
    coverage: Annotated[float, Field(gt=0.5, lt=1.0)] = 0.95
    minimum_coverage: quantity("1") = 0.75  # type: ignore[valid-type]
    draws: Annotated[int, Field(ge=10_000, le=100_000_000)] = 1_000_000
    seed: int = 0
    reference: list[Reference] = Field(default_factory=list)


class FacilityJob(Model):
    """A comparison of measured and accounted emissions at one plant."""

    title: str = ""
    facility: Facility
    comparison: Comparison
    measured: StackJob
    accounted: AccountingJob
