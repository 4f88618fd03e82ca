"""One stream being accounted: its configuration, its rule, its intervals, and the values it states."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from ghg.core.units import convert
from inventories.accounting import factors
from inventories.accounting.engine import Array, Factor
from inventories.config import Series, StreamConfig
from inventories.rules import Method

__all__ = ["Case"]


@dataclass
class Case:
    """A stream and what is needed to account it.

    Parameters
    ----------
    config : StreamConfig
        What the plant states.
    rule : Method
        The accounting rule.
    days : datetime64[D] (time,)
        A day inside each interval, which chooses the edition of a default.
    notes : list of str
        Filled with what a reader must know: unverified defaults, editions of another year.
    """

    config: StreamConfig
    rule: Method
    days: npt.NDArray[np.datetime64]
    notes: list[str] = field(default_factory=list)

    @property
    def where(self) -> str:
        """Name of the stream, for messages."""
        return f"stream '{self.config.name}'"

    @property
    def steps(self) -> int:
        """Number of intervals."""
        return len(self.days)

    def constant(self, value: float) -> Array:
        """Return one value for all intervals."""
        return np.full(self.steps, value)

    def stated(self, series: Series, need: str, name: str, most: float = np.inf) -> Array:
        """Return a stated series in SI.

        Raises
        ------
        ConfigError, InputError
            The number of values is wrong, one is negative or above `most`, or the unit is of the wrong kind.
        """
        values = np.array([np.nan if v == "nan" else v for v in series.values or ()], float)
        if values.size not in (1, self.steps):
            raise ConfigError(f"{name} has the wrong number of values", where=self.where, found=str(values.size),
                              need=f"1 or {self.steps}")  # fmt: skip
        converted = np.asarray(convert(values, series.unit, need, name=name), float)
        if np.any(converted < 0):
            raise InputError(f"{name} is negative", where=self.where, found=f"{values[converted < 0][0]} {series.unit}")
        if np.any(converted > most):
            raise InputError(f"{name} is larger than {most:g} {need}".removesuffix(" 1"), where=self.where,
                             found=f"{values[converted > most][0]} {series.unit}")  # fmt: skip
        return np.broadcast_to(converted, (self.steps,)).copy()

    def uncertain(self, component: str, default: float = 0.0) -> tuple[float, float]:
        """Return the relative systematic and random standard uncertainty of a component."""
        given = self.config.uncertainty.get(component)  # type: ignore[call-overload]
        return (given.systematic, given.random) if given is not None else (default, 0.0)

    def default(self, quantity: str, unit: str, species: str = "") -> tuple[Array, float]:
        """Return a default factor per interval in `unit`, and its relative standard uncertainty.

        Raises
        ------
        InputError
            The fuel is not in the factor set, or has no such factor.
        """
        fuel = factors.fuel_name(self.config.fuel, self.rule.factor_set)
        distinct, place = np.unique(self.days, return_inverse=True)
        sector, technology = self.config.sector, self.config.technology
        rows = [factors.default(self.rule.factor_set, fuel, quantity, species, str(day), sector, technology)
                for day in distinct]  # fmt: skip
        for row, day in zip(rows, distinct, strict=True):
            self._remark(row, str(day))
        return np.array([row.to(unit) for row in rows])[place], max(row.u_relative for row in rows)

    def has(self, quantity: str, species: str = "") -> bool:
        """Tell whether the factor set has a default for the fuel in its class."""
        fuel = factors.code(self.config.fuel)
        found = factors.candidates(self.rule.factor_set, fuel, quantity, species, self.config.sector,
                                   self.config.technology)  # fmt: skip
        return found != ()

    def _remark(self, row: factors.DefaultFactor, day: str) -> None:
        words = f"{row.quantity.replace('_', ' ')} of {row.fuel}" + (f" ({row.species})" if row.species else "")
        if not row.verified:
            self.notes.append(f"{words}: {row.range_source}")
        if row.valid_from > day:
            self.notes.append(f"{row.source}: the edition valid from {row.valid_from} was used for {day[:4]}")
        if row.valid_to and row.valid_to < day:
            self.notes.append(
                f"{words}: the value of {row.valid_from[:4]} is the newest one and was used for {day[:4]}"
            )

    def factor(self, component: str, values: Array, default: float = 0.0, variable: str = "") -> Factor:
        """Return a factor with the uncertainty stated for its component, or a default one."""
        return Factor(component, values, *self.uncertain(component, default), variable=variable)
