"""The posterior held as draws: the same questions as of an exact one, answered within the error of the draws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.diagnostics import Alarm
from inversion.posterior import Posterior, Projection
from inversion.problem import Block, Problem
from inversion.sampling.convergence import effective_size, effective_size_tail, split_r_hat
from inversion.sampling.sample import QUANTILES, Prior, Samples, sample_linear
from inversion.sensitivity import Array
from inversion.solvers.factor import Factor
from inversion.totals import Totals, TotalSet

__all__ = ["SampledPosterior", "SamplerDiagnostics"]

R_HAT = 1.01  # Vehtari et al. (2021), section 4: above it the chains have not met
LEAST = 400.0  # effective draws below which R-hat and quantiles are not to be trusted (the same, 100 per chain)
_PRIOR_DRAWS = 5000


class _None(Factor):
    """There is no S^-1 behind draws."""

    method = "sampled"

    def solve(self, v: Array) -> Array:
        """Refuse."""
        raise InputError("a sampled posterior does not answer this", hint="take method = 'dual', 'primal' or 'cg'")


@dataclass(frozen=True)
class SamplerDiagnostics:
    """What the chains are worth.

    Parameters
    ----------
    chains, draws : int
        Chains, and draws kept of each.
    r_hat, effective_size, effective_size_tail : float
        Of the worst parameter.
    divergent : int
        Hamiltonian moves that went astray.
    acceptance : float
        Share of accepted moves.
    model_error : list of dict
        Posterior of each model error: ``group``, ``mean``, ``sd`` and quantiles [mol mol-1].
    alarms : list of Alarm
        What is wrong with the chains.
    """

    chains: int
    draws: int
    r_hat: float
    effective_size: float
    effective_size_tail: float
    divergent: int
    acceptance: float
    model_error: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        alarms = [{"code": a.code, "values": list(a.values), "text": str(a)} for a in self.alarms]
        return {**self.__dict__, "alarms": alarms}

    def sentence(self) -> str:
        """Return one line."""
        return (f"{self.chains} chains of {self.draws:,} draws: R-hat {self.r_hat:.4f}, worst effective size "
                f"{self.effective_size:,.0f}, {self.divergent} divergent")  # fmt: skip


@dataclass(frozen=True)
class DrawnTotals(Totals):
    """Totals with their draws.

    Parameters
    ----------
    draws : array (draws, K)
        kg s-1.
    """

    draws: Array = field(default_factory=lambda: np.zeros((0, 0)))

    @property
    def interval(self) -> Array:
        """Return the 95 % interval of each total, (2, K)."""
        return np.quantile(self.draws, [QUANTILES[0], QUANTILES[-1]], axis=0)

    def combine(self, matrix: Array, labels: list[tuple[str, str]], bounds: npt.NDArray[np.datetime64]) -> DrawnTotals:
        """Return linear combinations of the totals, draw by draw."""
        found = super().combine(matrix, labels, bounds)
        return DrawnTotals(found.labels, found.bounds, found.prior, found.posterior, found.prior_covariance,
                           found.covariance, found.species, found.bound, self.draws @ matrix.T)  # fmt: skip


@dataclass
class SampledPosterior(Posterior):
    """Posterior from draws; made by :func:`inversion.sample`."""

    drawn: Samples = field(default_factory=lambda: Samples(np.zeros((1, 4, 0)), np.zeros((1, 4, 0)), 0, 1.0))

    @classmethod
    def of(cls, problem: Problem, used: Problem, drawn: Samples, explained: str) -> SampledPosterior:
        """Return the posterior of finished chains."""
        return cls(problem, used, _None(), explained, drawn=drawn)

    def _part(self, name: str) -> tuple[Block, slice]:
        place = 0
        for block in self.used.blocks:
            if block.name == name:
                return block, slice(place, place + block.size)
            place += block.size
        return self.used.block(name), slice(0)

    @property
    def _flat(self) -> Array:
        return self.drawn.state.reshape(-1, self.drawn.state.shape[2])

    @cached_property
    def _means(self) -> list[Array]:
        mean = self._flat.mean(axis=0)
        return [mean[self._part(b.name)[1]].reshape(b.periods, b.elements) for b in self.used.blocks]

    def deviation(self, name: str) -> Array:
        """Return the standard deviation of the draws of a block, (p, r)."""
        block, part = self._part(name)
        return self._flat[:, part].std(axis=0, ddof=1).reshape(block.periods, block.elements)

    def quantile(self, name: str, q: Sequence[float]) -> Array:
        """Return quantiles of a block, (len(q), p, r)."""
        block, part = self._part(name)
        return np.quantile(self._flat[:, part], list(q), axis=0).reshape(-1, block.periods, block.elements)

    def samples(self, count: int, seed: int = 0) -> list[Array]:
        """Return draws chosen at random, (p, r, count) per block."""
        flat = self._flat
        if count > len(flat):
            raise InputError(
                "more samples are asked for than were drawn", found=str(count), need=f"at most {len(flat)}"
            )
        chosen = flat[np.random.default_rng(seed).permutation(len(flat))[:count]]
        return [np.ascontiguousarray(chosen[:, self._part(b.name)[1]].T).reshape(b.periods, b.elements, count)
                for b in self.used.blocks]  # fmt: skip

    # ---- totals --------------------------------------------------------------------------------------------------

    def _weights(self, totals: TotalSet) -> tuple[Array, Array, Array]:
        """Return totals as rows of the state (K, m), what is added (K,), and the covariance beside it (K, K)."""
        found, shift, beside = self._columns(totals)
        columns = [c.transpose(1, 0, 2).reshape(-1, c.shape[2]) for c in found]
        return np.concatenate(columns).T, shift, beside

    def total_draws(self, totals: TotalSet) -> Array:
        """Return the draws of totals [kg s-1], (chain, draw, K); quantiles of a sum are those of its draws.

        What is within the groups of a merged block and not seen is drawn with them.
        """
        return self._drawn_totals(*self._weights(totals))

    def _drawn_totals(self, weights: Array, shift: Array, beside: Array) -> Array:
        draws = self.drawn.total(weights) + shift
        if beside.any():
            values, vectors = np.linalg.eigh(beside)
            kept = values > 1e-12 * values[-1]
            noise = np.random.default_rng(1).standard_normal((*draws.shape[:2], int(kept.sum())))
            draws += noise @ (vectors[:, kept] * np.sqrt(values[kept])).T
        return draws

    def total(self, totals: TotalSet) -> Totals:
        """Return totals with the mean and covariance of their draws; ``bound`` is the standard error of each variance.

        The prior is that after the cut: a normal that is cut at zero has a larger mean than before.
        """
        weights, shift, beside = self._weights(totals)
        draws = self._drawn_totals(weights, shift, beside)
        flat = draws.reshape(-1, len(weights))
        covariance = np.atleast_2d(np.cov(flat.T))
        size = np.array([effective_size(draws[..., k]) if flat[:, k].std() > 0.0 else np.inf
                         for k in range(len(weights))])  # fmt: skip
        mean, prior = shift.copy(), beside.copy()
        for block in self.used.blocks:
            part = weights[:, self._part(block.name)[1]]
            if part.any():
                centre, spread = prior_moments(block)
                mean, prior = mean + part @ centre, prior + part @ spread @ part.T
        labels = [(g, r) for g, r, _ in totals.labels]
        bounds = np.array([totals.bounds[t] for _, _, t in totals.labels])
        return DrawnTotals(labels, bounds, mean, flat.mean(axis=0), prior, covariance, self.problem.species,
                           np.diag(covariance) * np.sqrt(2.0 / size), flat)  # fmt: skip

    def fit(self) -> list[dict[str, Any]]:
        """Return for each site how its observations lie to what the draws predict, noise included.

        Returns
        -------
        list of dict
            ``site``, ``n``, ``withheld``, ``bias`` and ``rmse`` of observed minus predicted by the mean [mol mol-1],
            and ``inside``: the share that lies in its 95 % predictive interval, an honest test at withheld sites.
        """
        problem = self.problem
        assert problem.background is not None and problem.withheld is not None
        rng = np.random.default_rng(2)
        count = min(500, len(self._flat))
        chosen = rng.permutation(len(self._flat))[:count]
        state = [self._flat[chosen][:, self._part(b.name)[1]].T.reshape(b.periods, b.elements, count).swapaxes(0, 1)
                 for b in self.used.blocks]  # fmt: skip
        predicted = problem.background[:, None] + problem.forward([np.ascontiguousarray(x) for x in state])
        size = self._noise(problem)[:, None] if not self.drawn.sigma.shape[2] else self._noise(problem, chosen)
        cloud = predicted + size * rng.standard_normal(predicted.shape)
        low, high = np.quantile(cloud, [0.025, 0.975], axis=1)
        inside, rest = (problem.observed >= low) & (problem.observed <= high), problem.observed - self.predicted()
        rows = []
        for site in dict.fromkeys(problem.site.tolist()):
            mine = problem.site == site
            rows.append({"site": site, "n": int(mine.sum()), "withheld": bool(problem.withheld[mine].all()),
                         "bias": float(rest[mine].mean()), "rmse": float(np.sqrt(np.mean(rest[mine] ** 2))),
                         "inside": float(inside[mine].mean())})  # fmt: skip
        return rows

    def _noise(self, problem: Problem, chosen: npt.NDArray[np.int64] | None = None) -> Array:
        """Return the standard deviation of the error of each observation, (n,) or with the model error (n, draws)."""
        own = problem.error.variance()
        if chosen is None or problem.error.inferred is None:
            return np.sqrt(own)
        assert problem.withheld is not None and self.used.error.inferred is not None
        square = np.square(self.drawn.sigma.reshape(-1, self.drawn.sigma.shape[2])[chosen])
        square = np.concatenate([square, square.mean(axis=1, keepdims=True)], axis=1)  # the last for groups not sampled
        place = np.full(int(problem.error.inferred.group.max()) + 1, square.shape[1] - 1)
        place[problem.error.inferred.group[~problem.withheld]] = self.used.error.inferred.group
        return np.sqrt(own[:, None] + square[:, place[problem.error.inferred.group]].T)

    def project(self, columns: Sequence[Array]) -> Projection:
        """Refuse: maps of a sampled posterior are taken from its draws."""
        raise InputError("a sampled posterior has no closed form of maps", hint="take total() or total_draws()")

    def diagnostics(self) -> SamplerDiagnostics:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return convergence and worth of the chains."""
        return self._diagnosed

    @cached_property
    def _diagnosed(self) -> SamplerDiagnostics:
        every = np.concatenate([self.drawn.state, self.drawn.sigma], axis=2)
        r_hat = max(split_r_hat(every[..., i]) for i in range(every.shape[2]))
        size = min(effective_size(every[..., i]) for i in range(every.shape[2]))
        tail = min(effective_size_tail(every[..., i]) for i in range(every.shape[2]))
        alarms = []
        if r_hat > R_HAT:
            alarms.append(Alarm("r_hat", (f"{r_hat:.3f}", f"{R_HAT}")))
        if min(size, tail) < LEAST:
            alarms.append(Alarm("draws", (f"{min(size, tail):.0f}", f"{LEAST:.0f}")))
        if self.drawn.divergent:
            alarms.append(Alarm("divergent", (f"{self.drawn.divergent}",)))
        errors = [{"group": self._group_name(g), "mean": float(s.mean()), "sd": float(s.std(ddof=1)),
                   "quantiles": {str(q): float(v) for q, v in zip(QUANTILES, np.quantile(s, QUANTILES), strict=True)}}
                  for g, s in enumerate(np.moveaxis(self.drawn.sigma, 2, 0))]  # fmt: skip
        return SamplerDiagnostics(every.shape[0], every.shape[1], r_hat, size, tail, self.drawn.divergent,
                                  self.drawn.acceptance, errors, alarms)  # fmt: skip

    def _group_name(self, group: int) -> str:
        assert self.used.error.inferred is not None
        rows = self.used.error.inferred.group == group
        sites = dict.fromkeys(self.used.site[rows].tolist())
        months = self.used.time[rows].astype("datetime64[M]")
        same = months.size > 0 and (months == months[0]).all() and (self.used.time.astype("datetime64[M]") !=
                                                                     months[0]).any()  # fmt: skip
        return ", ".join(sites) + (f" {months[0]}" if same else "")


def prior_moments(block: Block) -> tuple[Array, Array]:
    """Return mean and covariance of a block before the observations, after the cut of a truncated one.

    Exact for normal and log-normal blocks, and for truncated ones without correlation; else from 20,000 draws.
    """
    q, flat = block.covariance.dense(), block.prior.ravel()
    if block.distribution == "lognormal":
        return flat, np.outer(flat, flat) * np.expm1(q)
    if block.distribution == "normal":
        return flat, q
    sigma = np.sqrt(np.diag(q))
    if np.count_nonzero(q) == block.size:
        return _cut_moments(flat, sigma, block.lower)
    scaled = Prior(flat / sigma, q / np.outer(sigma, sigma), block.lower / sigma)
    draws = sample_linear(np.zeros(1), np.zeros((1, block.size)), np.ones(1), scaled, draws=_PRIOR_DRAWS, warm=100)
    state = draws.state.reshape(-1, block.size) * sigma
    return state.mean(axis=0), np.atleast_2d(np.cov(state.T))


def _cut_moments(mean: Array, sigma: Array, lower: float) -> tuple[Array, npt.NDArray[np.float64]]:
    """Return mean and covariance of independent normals cut at lower (Johnson, Kotz & Balakrishnan 1994, 13.10.1)."""
    from scipy.stats import norm

    a = (lower - mean) / sigma
    ratio = np.exp(norm.logpdf(a) - norm.logsf(a))
    return mean + sigma * ratio, np.diag(sigma**2 * (1.0 + a * ratio - ratio**2))
