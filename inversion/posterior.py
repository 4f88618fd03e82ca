"""The posterior: a mean everywhere, and the exact covariance of whatever linear map of the state is asked for.

With g = H Q a for a row a of the state, S = H Q H' + R, and covariates X with a flat prior on their coefficients,

    beta   = C X'H' S^-1 d,  C = (X'H' S^-1 H X)^-1,  lambda = S^-1 (d - H X beta),
    mean   = a (x_a + X beta) + g' lambda,
    cov    = a Q a' - g' S^-1 g + (a X - g' S^-1 H X) C (a X - g' S^-1 H X)'.

References
----------
Tarantola (2005), eq. 3.37-3.38. Michalak, Bruhwiler & Tans (2004), J. Geophys. Res. 109, D14109, eq. 9-13. Rodgers
(2000), Inverse Methods for Atmospheric Sounding, eq. 2.45, 2.80 (averaging kernel, degrees of freedom for signal).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ghg.core.errors import InputError
from ghg.core.gases import gas
from inversion.problem import Problem
from inversion.sensitivity import Array
from inversion.solvers.factor import Factor, PrimalFactor
from inversion.totals import Totals, TotalSet

if TYPE_CHECKING:
    from inversion.diagnostics import Diagnostics

__all__ = ["Posterior", "Projection"]

_COLUMN_BYTES = 256e6  # vectors of the state that are held at a time


@dataclass(frozen=True)
class Projection:
    """Linear maps a of the state, (k of them), as seen from the observations.

    Parameters
    ----------
    prior : array, shape (k,)
        a x_a.
    covariance : array, shape (k, k)
        a Q a'.
    g : array, shape (n, k)
        H Q a'.
    drift : array, shape (k, q)
        a X.
    root : array, shape (m, k), optional
        L' a', for the primal form, whose covariance is a L M^-1 L' a' without a difference.
    """

    prior: Array
    covariance: Array
    g: Array
    drift: Array
    root: Array | None = None


@dataclass
class Posterior:
    """What the observations say; made by :func:`inversion.solve`.

    Parameters
    ----------
    problem : Problem
        With all observations, withheld ones too.
    used : Problem
        With the observations that were used.
    factor : Factor
        Inverse of S.
    explained : str
        Which solver, and why.
    """

    problem: Problem
    used: Problem
    factor: Factor
    explained: str = ""
    notes: list[str] = field(default_factory=list)

    @cached_property
    def innovation(self) -> Array:
        """Observed minus predicted by the prior, (n,)."""
        return self.used.innovation()

    @cached_property
    def drift(self) -> Array:
        """H X, (n, q)."""
        return self.used.drift()

    @cached_property
    def _inverse_drift(self) -> Array:
        return self.factor.solve(self.drift) if self.drift.shape[1] else self.drift

    @cached_property
    def coefficient_covariance(self) -> Array:
        """Covariance of the coefficients of covariates, (q, q)."""
        if not self.drift.shape[1]:
            return np.zeros((0, 0))
        matrix = self.drift.T @ self._inverse_drift
        scale = np.sqrt(np.diag(matrix))
        if not (scale > 0.0).all() or np.linalg.cond(matrix / np.outer(scale, scale)) > 1e13:
            raise InputError("the observations cannot tell the covariates apart",
                             where=", ".join(self.problem.coefficient_names()),
                             hint="leave out a covariate that repeats others or is not seen")  # fmt: skip
        return np.linalg.inv(matrix / np.outer(scale, scale)) / np.outer(scale, scale)

    @cached_property
    def coefficients(self) -> Array:
        """Coefficients beta of the covariates, (q,); names from ``problem.coefficient_names()``."""
        return self.coefficient_covariance @ (self._inverse_drift.T @ self.innovation)

    @cached_property
    def weights(self) -> Array:
        """Lambda = S^-1 (d - H X beta), (n,)."""
        rest = self.innovation - self.drift @ self.coefficients
        return self.factor.solve(rest[:, None])[:, 0]

    @cached_property
    def _means(self) -> list[Array]:
        shifts = self.used.covariance(self.used.adjoint(self.weights[:, None]))
        place, result = 0, []
        for block, shift in zip(self.used.blocks, shifts, strict=True):
            count = len(block.covariates)
            x = block.prior + shift[:, :, 0].T
            if count:
                x = x + (block.covariate_columns() @ self.coefficients[place : place + count]).T
            place += count
            result.append(x)
        return result

    def mean(self, name: str) -> Array:
        """Return the posterior mean of a block, (p, r), in its unit."""
        return self._means[[b.name for b in self.used.blocks].index(self.used.block(name).name)]

    # ---- linear maps -------------------------------------------------------------------------------------------

    def project(self, columns: Sequence[Array]) -> Projection:
        """Return what is needed of maps given as vectors of the state, one array (r, p, k) per block."""
        k = columns[0].shape[2]
        wide = max(1, int(_COLUMN_BYTES / (8.0 * self.used.m)))
        g, covariance = np.empty((self.used.n, k)), np.empty((k, k))
        for first in range(0, k, wide):
            part = slice(first, min(first + wide, k))
            spread = self.used.covariance([np.ascontiguousarray(c[:, :, part]) for c in columns])
            g[:, part] = self.used.forward(spread)
            covariance[:, part] = sum(
                c.reshape(-1, k).T @ s.reshape(c.shape[0] * c.shape[1], -1)
                for c, s in zip(columns, spread, strict=True)
            )
        prior = sum(np.einsum("rpk,pr->k", c, b.prior) for b, c in zip(self.used.blocks, columns, strict=True))
        drift = [c.reshape(-1, k).T @ b.covariate_columns().reshape(b.size, -1)
                 for b, c in zip(self.used.blocks, columns, strict=True)]  # fmt: skip
        root = None
        if self.factor.method == "primal":
            root = np.concatenate([b.covariance.root_t(c).reshape(-1, k)
                                   for b, c in zip(self.used.blocks, columns, strict=True)])  # fmt: skip
        return Projection(np.asarray(prior), (covariance + covariance.T) / 2.0, g, np.concatenate(drift, axis=1), root)

    def _extra(self, projection: Projection) -> Array:
        """Return a X - g' S^-1 H X, (k, q)."""
        return projection.drift - projection.g.T @ self._inverse_drift

    def map_mean(self, projection: Projection) -> Array:
        """Return the posterior mean of the maps, (k,)."""
        return projection.prior + projection.drift @ self.coefficients + projection.g.T @ self.weights

    def map_covariance(self, projection: Projection) -> tuple[Array, Array]:
        """Return the posterior covariance of the maps (k, k) and a bound on the error of its diagonal (k,)."""
        extra = self._extra(projection)
        added = extra @ self.coefficient_covariance @ extra.T
        if projection.root is not None and isinstance(self.factor, PrimalFactor):
            return self.factor.remaining(projection.root) + added, np.zeros(projection.g.shape[1])
        removed, bound = self.factor.quadratic(projection.g)
        return projection.covariance - removed + added, bound

    def columns(self, totals: TotalSet) -> list[Array]:
        """Return totals as vectors of the state, (r, p, K) per block."""
        return self._columns(totals)[0]

    def _columns(self, totals: TotalSet) -> tuple[list[Array], Array, Array]:
        """Return totals as vectors of the state, what is added to each, and the covariance that stays beside it.

        The last two come from merged blocks, whose totals are those of their full grids.
        """
        mass = gas(self.problem.species).molar_mass
        count = len(totals.labels)
        found: dict[str, Array] = {}
        shift, beside = np.zeros(count), np.zeros((count, count))
        for block in self.used.blocks:
            full = block if block.basis is None else block.basis.full
            rows = totals.weights(full, mass)
            if rows is None:
                continue
            column = np.empty((full.elements, full.periods, count))
            np.multiply(rows.cell.T[:, None, :], rows.period.T[None, :, :], out=column)
            if block.basis is None:
                found[block.name] = column
                continue
            down, within, hidden = block.basis.rows(column)
            found[block.name] = np.ascontiguousarray(down.reshape(block.periods, block.elements, count).swapaxes(0, 1))
            found[block.basis.rest] = within[:, None, :]
            shift += np.einsum("rpk,pr->k", column, full.prior) - down.T @ block.prior.ravel()
            beside += hidden
        zero = [found.get(b.name) for b in self.used.blocks]
        columns = [np.zeros((b.elements, b.periods, count)) if c is None else c
                   for b, c in zip(self.used.blocks, zero, strict=True)]  # fmt: skip
        return columns, shift, beside

    def total(self, totals: TotalSet) -> Totals:
        """Return totals with their exact covariance.

        Parameters
        ----------
        totals : TotalSet
            Groups of blocks, regions, periods.
        """
        unknown = {name for members in totals.groups.values() for name in members} - {b.name for b in self.used.blocks}
        if unknown:
            raise InputError("there is no such block", found=", ".join(sorted(unknown)),
                             need="of " + ", ".join(b.name for b in self.used.blocks))  # fmt: skip
        columns, shift, beside = self._columns(totals)
        found = self.project(columns)
        covariance, bound = self.map_covariance(found)
        labels = [(group, region) for group, region, _ in totals.labels]
        bounds = np.array([totals.bounds[t] for _, _, t in totals.labels])
        return Totals(labels, bounds, found.prior + shift, self.map_mean(found) + shift, found.covariance + beside,
                      covariance + beside, self.problem.species, bound)  # fmt: skip

    def covariance(self, totals: TotalSet) -> Array:
        """Return the posterior covariance of totals, (K, K) [kg2 s-2]."""
        return self.total(totals).covariance

    def deviation(self, name: str) -> Array:
        """Return the posterior standard deviation of each element of a block, (p, r): exact, n p r per element.

        It costs one column per element; for maps of large states take :meth:`samples`.
        """
        block = self.used.block(name)
        out = np.empty(block.size)
        step = max(1, min(512, int(_COLUMN_BYTES / (8.0 * self.used.m))))
        for first in range(0, block.size, step):
            chosen = np.arange(first, min(first + step, block.size))
            columns = [np.zeros((b.elements, b.periods, chosen.size)) for b in self.used.blocks]
            mine = columns[[b.name for b in self.used.blocks].index(name)]
            mine[chosen % block.elements, chosen // block.elements, np.arange(chosen.size)] = 1.0
            out[chosen] = np.diag(self.map_covariance(self.project(columns))[0])
        return np.sqrt(np.maximum(out, 0.0)).reshape(block.periods, block.elements)

    def samples(self, count: int, seed: int = 0) -> list[Array]:
        """Draw from the posterior by perturbed observations (Matheron's rule): (p, r, count) per block.

        x = x_s + Q H' S^-1 (d - H x_s - e_s) with x_s and e_s from their priors has exactly the posterior mean and
        covariance. With covariates the coefficients are estimated from the perturbed observations too.
        """
        rng = np.random.default_rng(seed)
        draws = [b.covariance.sample(rng, count) for b in self.used.blocks]
        misfit = self.innovation[:, None] - self.used.forward(draws) - self.used.error.sample(rng, count)
        beta = self.coefficient_covariance @ (self._inverse_drift.T @ misfit)
        moved = self.factor.solve(misfit - self.drift @ beta)
        shifts = self.used.covariance(self.used.adjoint(moved))
        place, result = 0, []
        for block, draw, shift in zip(self.used.blocks, draws, shifts, strict=True):
            q = len(block.covariates)
            x = block.prior_column + draw + shift + block.covariate_columns() @ beta[place : place + q]
            place += q
            result.append(np.ascontiguousarray(x.transpose(1, 0, 2)))
        return result

    def predicted(self) -> Array:
        """Return the observations predicted by the posterior mean, background included, (n,) of all observations."""
        assert self.problem.background is not None
        return self.problem.background + self.problem.forward([x.T[:, :, None] for x in self._means])[:, 0]

    def diagnostics(self) -> Diagnostics:
        """Return the statistics that tell whether prior, errors and observations fit together."""
        from inversion.diagnostics import diagnose

        return diagnose(self)
