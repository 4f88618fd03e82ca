"""Statements that every configuration of the measured side uses: uncertainties and reference states."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["ComponentUncertainty", "Model", "State", "Uncertainty"]


class Model(BaseModel):
    """Common base: unknown keys are errors, and so are numbers that are not finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Uncertainty(Model):
    """One statement of uncertainty, and how it becomes a standard uncertainty.

    Parameters
    ----------
    relative : float, optional
        Fraction of the value (0.05 is 5 %).
    absolute : float, optional
        In `units`.
    units : str
        Unit of `absolute`.
    form : {"standard", "limit", "expanded"}
        ``standard``: taken as it is (k = 1). ``limit``: half-width of a rectangular distribution, divided by
        sqrt(3) (GUM 4.3.7): for acceptance limits. ``expanded``: divided by `coverage_factor`.
    coverage_factor : float
        For ``expanded``; 1.96 turns a 95 % interval into k = 1.
    source : str
        Where the number comes from.
    verified : bool
        Whether the number was read in its source.
    """

    relative: Annotated[float, Field(ge=0.0, lt=5.0)] | None = None
    absolute: Annotated[float, Field(ge=0.0)] | None = None
    units: str = ""
    form: Literal["standard", "limit", "expanded"] = "standard"
    coverage_factor: Annotated[float, Field(gt=0.0)] = 1.96
    source: str = ""
    verified: bool = True

    @model_validator(mode="after")
    def _one_of(self) -> Uncertainty:
        if self.relative is None and self.absolute is None:
            raise ValueError("give relative (a fraction) or absolute (with units)")
        if self.absolute is not None and not self.units:
            raise ValueError("an absolute uncertainty needs units")
        return self

    @property
    def divisor(self) -> float:
        """What the stated number is divided by to have k = 1."""
        return {"standard": 1.0, "limit": math.sqrt(3.0), "expanded": self.coverage_factor}[self.form]

    @property
    def standard_relative(self) -> float:
        """Relative standard uncertainty (zero if none was stated)."""
        return (self.relative or 0.0) / self.divisor

    @property
    def standard_absolute(self) -> float:
        """Absolute standard uncertainty in `units` (zero if none was stated)."""
        return (self.absolute or 0.0) / self.divisor


class ComponentUncertainty(Model):
    """The parts of one component; one left out keeps its default, ``relative = 0`` removes it."""

    systematic: Uncertainty | None = None
    random: Uncertainty | None = None


class State(Model):
    """Reference state of a volume of gas: nothing is assumed.

    Parameters
    ----------
    temperature : str
        With unit: ``"0 degC"``, ``"273.15 K"``, ``"68 degF"``.
    pressure : str
        With unit: ``"101.325 kPa"``, ``"29.92 inHg"``.
    humidity : {"dry", "wet"}
        Whether water vapour is counted.
    """

    temperature: str
    pressure: str = "101325 Pa"
    humidity: Literal["dry", "wet"]
