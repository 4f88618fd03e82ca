"""The posterior of the ensemble filter: the same questions, answered from the members within their sampling error."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ghg.core.errors import InputError
from inversion.posterior import Posterior, Projection
from inversion.problem import Problem
from inversion.sensitivity import Array
from inversion.solvers.ensemble import Ensemble
from inversion.solvers.factor import Factor

__all__ = ["EnsemblePosterior"]


class _None(Factor):
    """There is no S^-1 in an ensemble."""

    method = "ensemble"

    def solve(self, v: Array) -> Array:
        """Refuse."""
        raise InputError("the ensemble filter does not answer this", hint="take method = 'dual', 'primal' or 'cg'")


@dataclass
class EnsemblePosterior(Posterior):
    """Posterior from members."""

    members: Ensemble = field(default_factory=lambda: Ensemble([], []))

    @classmethod
    def of(cls, problem: Problem, used: Problem, members: Ensemble, explained: str) -> EnsemblePosterior:
        """Return the posterior of a finished filter."""
        return cls(problem, used, _None(), explained, members=members)

    @property
    def _means(self) -> list[Array]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return [m.T for m in self.members.mean]

    def project(self, columns: Sequence[Array]) -> Projection:
        """Return the maps; g holds their deviations, one row per member."""
        k = columns[0].shape[2]
        prior = sum(np.einsum("rpk,pr->k", c, b.prior) for b, c in zip(self.used.blocks, columns, strict=True))
        spread = self.used.covariance(columns)
        covariance = sum(c.reshape(-1, k).T @ s.reshape(-1, k) for c, s in zip(columns, spread, strict=True))
        count = self.members.members
        deviations = sum(d.reshape(-1, count).T @ c.reshape(-1, k)
                         for c, d in zip(columns, self.members.deviations, strict=True))  # fmt: skip
        mean = sum(np.einsum("rpk,rp->k", c, m) for c, m in zip(columns, self.members.mean, strict=True))
        return Projection(np.asarray(prior), np.asarray(covariance), np.asarray(deviations), np.asarray(mean)[:, None])

    def map_mean(self, projection: Projection) -> Array:
        """Return the posterior mean of the maps."""
        return projection.drift[:, 0]

    def map_covariance(self, projection: Projection) -> tuple[Array, Array]:
        """Return the covariance of the members, and the standard error of its diagonal by sampling."""
        count = self.members.members
        covariance = projection.g.T @ projection.g / (count - 1)
        return covariance, np.diag(covariance) * np.sqrt(2.0 / (count - 1))

    def deviation(self, name: str) -> Array:
        """Return the standard deviation of the members, (p, r)."""
        d = self.members.deviations[[b.name for b in self.used.blocks].index(self.used.block(name).name)]
        return np.sqrt(np.sum(d**2, axis=2) / (self.members.members - 1)).T

    def samples(self, count: int, seed: int = 0) -> list[Array]:
        """Return members, chosen at random."""
        if count > self.members.members:
            raise InputError("more samples are asked for than there are members", found=str(count),
                             need=f"at most {self.members.members}")  # fmt: skip
        chosen = np.random.default_rng(seed).permutation(self.members.members)[:count]
        return [np.ascontiguousarray((m[:, :, None] + d[:, :, chosen]).transpose(1, 0, 2))
                for m, d in zip(self.members.mean, self.members.deviations, strict=True)]  # fmt: skip
