"""What adds up over the intervals of a record, kept by source and by period: any periods can be chosen afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core._bounds import seconds

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Sums", "known_mass", "marks", "rows_of"]

Array = npt.NDArray[np.float64]


@dataclass
class Sums:
    """Sums over the intervals that begin in each period.

    Parameters
    ----------
    sources, periods : int
    values : dict of float64 (sources, periods)
        By name; only what the record has.
    """

    sources: int
    periods: int
    values: dict[str, Array] = field(default_factory=dict)

    def put(self, source: slice, period: npt.NDArray[np.intp], quantities: Iterable[tuple[str, Any]]) -> None:
        """Add up over the intervals of some sources.

        Parameters
        ----------
        source : slice
            Which of all sources.
        period : intp (n,)
            Period in which each interval begins, not falling; all intervals of a period come at once.
        quantities : iterable of (str, array (source, n))
        """
        if not period.size:
            return
        first = np.flatnonzero(np.diff(period, prepend=-1))
        for name, rows in quantities:
            if name not in self.values:
                self.values[name] = np.zeros((self.sources, self.periods))
            self.values[name][source, period[first]] = np.add.reduceat(rows, first, axis=1, dtype=np.float64)

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def of(self, known: npt.NDArray[np.bool_]) -> Sums:
        """Return the sums of some periods."""
        return Sums(self.sources, int(known.sum()), {name: rows[:, known] for name, rows in self.values.items()})

    def total(self, name: str) -> float:
        """Return the sum over all sources and periods; 0 for what the record does not have."""
        return float(self.values[name].sum()) if name in self.values else 0.0

    def by_source(self, name: str) -> Array:
        """Return the sum of each source over all periods: float64 (sources,)."""
        return self.values[name].sum(axis=1)

    def by_period(self, name: str) -> Array:
        """Return the sum of each period over all sources: float64 (periods,)."""
        return self.values[name].sum(axis=0)


def rows_of(ds: xr.Dataset, name: str) -> npt.NDArray[Any]:
    """Return a variable as array (source, time)."""
    return ds.variables[name].transpose("source", "time").values


def known_mass(ds: xr.Dataset) -> Array:
    """Return the mass of each interval [kg], 0 where the emission is not known: float64 (source, time)."""
    mass = rows_of(ds, "emission") * _length(ds)
    return np.where(np.isnan(mass), 0.0, mass)


def _length(ds: xr.Dataset) -> Array:
    return seconds(ds.variables["time_bounds"].values)


def marks(measured: xr.Dataset) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Yield mass, flags, reasons and substitutes of each interval, to be added up.

    Parameters
    ----------
    measured : Dataset
        MEASURED.

    Yields
    ------
    str, array (source, time)
        ``mass`` and ``filled_mass`` [kg]; ``intervals`` and ``filled`` (substituted by rule), ``flag 1``, ``reason 2``
        ... (counts), and ``bias`` [kg], what a regime of ours added.
    """
    from ghg.core.flags import Flag, Method, Reason

    mass = known_mass(measured)
    yield "mass", mass
    yield "intervals", np.ones(mass.shape, bool)
    filled = np.zeros(mass.shape, bool)
    if "emission_flag" in measured:
        flag = rows_of(measured, "emission_flag")
        yield from ((f"flag {int(one)}", flag == int(one)) for one in Flag)
    if "emission_reason" in measured:
        reason = rows_of(measured, "emission_reason")
        there = np.bitwise_or.reduce(reason, axis=None)
        yield from ((f"reason {int(one)}", (reason & int(one)) != 0) for one in Reason if there & int(one))
        filled |= (reason & int(Reason.SUBSTITUTED)) != 0
    if "emission_method" in measured:
        filled |= rows_of(measured, "emission_method") == int(Method.SUBSTITUTE)
    yield "filled", filled
    yield "filled_mass", np.where(filled, mass, 0.0)
    if "emission_substitution_bias" in measured:
        yield "bias", rows_of(measured, "emission_substitution_bias") * _length(measured)
