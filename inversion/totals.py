"""Totals: sums of fluxes over regions, periods and groups of blocks, and their exact covariance.

A total is a linear map of the state, so its posterior covariance is exact without any map of uncertainties. It is kept
as a mean rate [kg s-1 of the species]; sums over longer periods or larger regions are matrix products that carry all
correlations, never sums of variances.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.problem import Block, Problem
from inversion.sensitivity import Array, Outer

__all__ = ["TotalSet", "Totals", "calendar_years", "check_regions"]

K95 = 1.959964  # standard deviations on either side that hold 95 % of a normal
_FULL = 1e-6  # share of a cell by which regions may overlap or miss it (float32 masks)


@dataclass(frozen=True)
class TotalSet:
    """Which totals are wanted: groups of blocks x regions x periods, in this order, the last running fastest.

    Parameters
    ----------
    groups : dict of str to tuple of str
        Blocks that are added up under a name.
    regions : dict of str to (dict of str to array (r,))
        For each region the share of each cell, by block.
    bounds : array of datetime64[ns], shape (P, 2)
        Periods that are reported.
    """

    groups: Mapping[str, tuple[str, ...]]
    regions: Mapping[str, Mapping[str, Array]]
    bounds: npt.NDArray[np.datetime64]

    @classmethod
    def of(
        cls,
        problem: Problem,
        regions: Mapping[str, Array],
        bounds: npt.NDArray[np.datetime64] | None = None,
        groups: Mapping[str, Sequence[str]] | None = None,
    ) -> TotalSet:
        """Return the totals of regions of a grid that all flux blocks share.

        Parameters
        ----------
        problem : Problem
            The problem.
        regions : mapping of str to array (r,)
            Share of each cell, 0 to 1.
        bounds : array, shape (P, 2), optional
            Periods; by default those of the first flux block.
        groups : mapping, optional
            Blocks by group; by default each flux block, and "total" where there are several.
        """
        fluxes = [b for b in problem.blocks if b.kind == "flux" and b.grid is not None]
        if not fluxes:
            raise InputError("there is no flux block with a grid, so there are no totals")
        if groups is None:
            groups = {b.name: [b.name] for b in fluxes}
            if len(fluxes) > 1:
                groups = {**groups, "total": [b.name for b in fluxes]}
        shares = {
            name: {b.name: np.asarray(share, dtype=np.float64) for b in fluxes} for name, share in regions.items()
        }
        edges = fluxes[0].time_bounds if bounds is None else np.asarray(bounds).astype("datetime64[ns]")
        return cls({k: tuple(v) for k, v in groups.items()}, shares, edges)

    @property
    def labels(self) -> list[tuple[str, str, int]]:
        """(group, region, number of the period) of each total."""
        return [(g, r, t) for g in self.groups for r in self.regions for t in range(len(self.bounds))]

    def weights(self, block: Block, molar_mass: float) -> Outer | None:
        """Return the rows of a block [kg s-1 per unit of the block]; None where it has none."""
        if block.grid is None or not any(block.name in members for members in self.groups.values()):
            return None
        state = block.time_bounds.astype(np.int64) / 1e9
        wanted = self.bounds.astype("datetime64[ns]").astype(np.int64) / 1e9
        overlap = np.minimum(wanted[:, None, 1], state[None, :, 1]) - np.maximum(wanted[:, None, 0], state[None, :, 0])
        overlap = np.maximum(overlap, 0.0)
        covered = overlap.sum(axis=1)
        if (covered < (1.0 - _FULL) * (wanted[:, 1] - wanted[:, 0])).any():
            bad = int(np.argmax(covered < (1.0 - _FULL) * (wanted[:, 1] - wanted[:, 0])))
            raise InputError("a total is asked for a period that the state does not cover",
                             where=f"block '{block.name}'", found=f"{self.bounds[bad, 0]} to {self.bounds[bad, 1]}",
                             need=f"within {block.time_bounds[0, 0]} to {block.time_bounds[-1, 1]}")  # fmt: skip
        share_of_time = overlap / covered[:, None]
        period, cell = [], []
        for members in self.groups.values():
            for shares in self.regions.values():
                weight = shares.get(block.name) if block.name in members else None
                row = np.zeros(block.elements) if weight is None else weight * block.grid.area * molar_mass
                for t in range(len(wanted)):
                    period.append(share_of_time[t])
                    cell.append(row)
        return Outer(np.array(period), np.array(cell))


def check_regions(
    regions: Mapping[str, Array], cells: int, *, rest: str = "error", area: Array | None = None
) -> dict[str, Array]:
    """Check that regions are shares of cells that neither overlap nor leave cells out.

    Parameters
    ----------
    regions : mapping of str to array (r,)
        Share of each cell.
    cells : int
        r.
    rest : str
        What is done with cells that no region covers: "error", "ignore", or the name of a region to be added.
    area : array (r,), optional
        For the message.

    Raises
    ------
    InputError
        A share outside 0 to 1, overlap, or cells left out with ``rest = "error"``.
    """
    result: dict[str, Array] = {}
    for name, values in regions.items():
        share = np.asarray(values, dtype=np.float64).ravel()
        if share.shape != (cells,) or not np.isfinite(share).all() or share.min() < 0 or share.max() > 1 + _FULL:
            raise InputError("a region is not a share of each cell", where=f"region '{name}'",
                             found=f"{share.size} values", need=f"{cells} values from 0 to 1")  # fmt: skip
        if not share.any():
            raise InputError("a region covers no cell of the grid", where=f"region '{name}'")
        result[name] = share
    total = np.sum(list(result.values()), axis=0)
    if (over := total > 1.0 + _FULL).any():
        worst = int(np.argmax(total))
        both = [name for name, share in result.items() if share[worst] > 0]
        raise InputError("regions overlap", found=f"{int(over.sum())} cells, the worst in {' and '.join(both)}",
                         need="shares that add up to at most 1")  # fmt: skip
    missing = np.maximum(1.0 - total, 0.0)
    if (missing > 1e-3).any() and rest == "error":
        part = float((missing * area).sum() / area.sum()) if area is not None else float(missing.mean())
        found = f"{int((missing > 1e-3).sum())} cells, {part:.1%} of the area"
        raise InputError("regions leave cells out", found=found,
                         hint="set rest = 'ignore', or rest = a name to make them a region")  # fmt: skip
    if rest not in ("error", "ignore") and missing.any():
        result[rest] = missing
    return result


def calendar_years(bounds: npt.NDArray[np.datetime64]) -> Array:
    """Return the length of periods in calendar years: a leap year and a common year are each one, (P,)."""
    edges = np.asarray(bounds).astype("datetime64[ns]")
    year = edges.astype("datetime64[Y]")
    start = year.astype("datetime64[ns]").astype(np.int64)
    end = (year + 1).astype("datetime64[ns]").astype(np.int64)
    position = year.astype(np.int64) + (edges.astype(np.int64) - start) / (end - start)
    return position[:, 1] - position[:, 0]


@dataclass(frozen=True)
class Totals:
    """Totals before and after the observations.

    Parameters
    ----------
    labels : list of (group, region)
        Of each row.
    bounds : array of datetime64[ns], shape (K, 2)
        Period of each row.
    prior, posterior : array, shape (K,)
        Mean rate [kg s-1], positive to the atmosphere.
    prior_covariance, covariance : array, shape (K, K)
        [kg2 s-2]. With covariates the prior covariance is that of the deviation from them alone.
    species : str
        Whose mass it is.
    bound : array, shape (K,)
        Bound of the error of each posterior variance from an iterative solver; zero for exact ones.
    """

    labels: list[tuple[str, str]]
    bounds: npt.NDArray[np.datetime64]
    prior: Array
    posterior: Array
    prior_covariance: Array
    covariance: Array
    species: str
    bound: Array

    @property
    def prior_u(self) -> Array:
        """Prior standard uncertainty (k = 1)."""
        return np.sqrt(np.maximum(np.diag(self.prior_covariance), 0.0))

    @property
    def u(self) -> Array:
        """Posterior standard uncertainty (k = 1)."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))

    @property
    def interval(self) -> Array:
        """Ends of the 95 % interval of each total, of a Gaussian, (2, K)."""
        return self.posterior + np.array([[-K95], [K95]]) * self.u

    @property
    def correlation(self) -> Array:
        """Posterior correlation."""
        u = np.where(self.u > 0.0, self.u, 1.0)
        return self.covariance / np.outer(u, u)

    @property
    def determined(self) -> Array:
        """Share of the prior variance that the observations removed; NaN where there was none."""
        before = np.diag(self.prior_covariance)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(before > 0.0, 1.0 - np.diag(self.covariance) / before, np.nan)

    def combine(self, matrix: Array, labels: list[tuple[str, str]], bounds: npt.NDArray[np.datetime64]) -> Totals:
        """Return linear combinations of the totals, matrix (J, K), with all correlations."""
        return Totals(labels, bounds, matrix @ self.prior, matrix @ self.posterior,
                      matrix @ self.prior_covariance @ matrix.T, matrix @ self.covariance @ matrix.T, self.species,
                      (np.abs(matrix) @ np.sqrt(self.bound)) ** 2)  # fmt: skip

    def over_time(self, by: str = "year") -> Totals:
        """Return the totals of calendar years (or of the whole time, ``by="all"``) from those of shorter periods.

        Raises
        ------
        InputError
            The periods do not fill the longer ones.
        """
        start, end = self.bounds[:, 0], self.bounds[:, 1]
        key = start.astype("datetime64[Y]") if by == "year" else np.zeros(start.size, dtype="datetime64[Y]")
        seconds = (end - start).astype(np.int64) / 1e9
        rows, labels, bounds = [], [], []
        for label in dict.fromkeys(self.labels):
            mine = np.array([one == label for one in self.labels])
            for value in np.unique(key[mine]):
                chosen = mine & (key == value)
                edges = np.array([start[chosen].min(), end[chosen].max()])
                whole = float((edges[1] - edges[0]).astype(np.int64) / 1e9)
                if abs(seconds[chosen].sum() - whole) > 1e-6 * whole:
                    raise InputError("periods overlap or leave gaps, so they do not add up", where=" ".join(label),
                                     found=f"{edges[0]} to {edges[1]}")  # fmt: skip
                rows.append(np.where(chosen, seconds / whole, 0.0))
                labels.append(label)
                bounds.append(edges)
        return self.combine(np.array(rows), labels, np.array(bounds))

    def over_regions(self, name: str, members: Sequence[str]) -> Totals:
        """Return the sum over some regions, for each group and period."""
        known = {region for _, region in self.labels}
        if unknown := [m for m in members if m not in known]:
            raise InputError("there is no such region", found=", ".join(unknown), need="of " + ", ".join(sorted(known)))
        rows, labels, bounds = [], [], []
        periods = [tuple(edge) for edge in self.bounds.astype(np.int64)]
        for group in dict.fromkeys(g for g, _ in self.labels):
            for period in dict.fromkeys(periods):
                chosen = [g == group and r in members and p == period
                          for (g, r), p in zip(self.labels, periods, strict=True)]  # fmt: skip
                rows.append(np.array(chosen, dtype=np.float64))
                labels.append((group, name))
                bounds.append(np.array(period).astype("datetime64[ns]"))
        return self.combine(np.array(rows), labels, np.array(bounds))

    def per_year(self) -> Array:
        """Return what turns each mean rate [kg s-1] into mass per calendar year [kg]."""
        seconds = (self.bounds[:, 1] - self.bounds[:, 0]).astype(np.int64) / 1e9
        return seconds / calendar_years(self.bounds)
