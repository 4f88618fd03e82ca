"""Sample the posterior of a small linear problem whose prior is bounded or log-normal, with the model error unknown."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sampling import _kernels
from inversion.sampling.convergence import effective_size, effective_size_tail, split_r_hat

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Prior", "Samples", "sample_linear"]

Array = npt.NDArray[np.float64]
LARGEST = 2000  # unknowns: one draw costs the factor of a matrix of this size
QUANTILES = (0.025, 0.16, 0.5, 0.84, 0.975)


@dataclass(frozen=True)
class Prior:
    """What is known before the observations, element by element.

    Parameters
    ----------
    mean : float64 (m,)
        Of the normal before it is cut; for logarithmic elements of the element itself.
    covariance : float64 (m, m) or (m,)
        Of the normal before it is cut, or its standard deviations; for logarithmic elements of their logarithm.
    lower : float64 (m,) or float, optional
        Where the normal is cut; -inf leaves it whole. Ignored for logarithmic elements, which are positive.
    logarithmic : bool (m,), optional
        Whose logarithm is normal.
    """

    mean: Array
    covariance: Array
    lower: Array | float = -np.inf
    logarithmic: npt.NDArray[np.bool_] | None = None

    def parts(self) -> tuple[Array, Array, Array, npt.NDArray[np.bool_]]:
        """Return mean and covariance of the normal, the cuts, and which elements are logarithmic, checked."""
        mean = np.array(self.mean, float).ravel()
        m = mean.size
        covariance = np.array(self.covariance, float)
        covariance = np.diag(covariance**2) if covariance.ndim == 1 else covariance
        cuts = np.broadcast_to(np.asarray(self.lower, float), (m,)).copy()
        logs = np.zeros(m, bool) if self.logarithmic is None else np.array(self.logarithmic, bool)
        if covariance.shape != (m, m) or logs.shape != (m,):
            raise InputError("mean and covariance of the prior do not fit", found=f"{m} and {covariance.shape}")
        if not (np.isfinite(mean).all() and np.isfinite(covariance).all()) or np.isnan(cuts).any():
            raise InputError("the prior holds missing values")
        if np.any(np.linalg.eigvalsh(covariance) <= 0.0):
            raise InputError(
                "the prior covariance is not positive definite", hint="a prior without spread cannot change"
            )
        if np.any(logs & (mean <= 0.0)):
            raise InputError("a logarithmic element needs a positive prior mean", found=f"{mean[logs].min():g}")
        cuts[logs] = -np.inf
        # the mean of exp(N(a, v)) is exp(a + v / 2)
        mean[logs] = np.log(mean[logs]) - 0.5 * np.diag(covariance)[logs]
        return mean, covariance, cuts, logs


@dataclass(frozen=True)
class Samples:
    """Draws of the posterior.

    Parameters
    ----------
    state : float64 (chain, draw, m)
    sigma : float64 (chain, draw, g)
        Model error of each group, in the unit of the observations.
    divergent : int
        Hamiltonian moves that went astray; the draws are not to be trusted where there are any.
    acceptance : float
        Share of accepted moves; 1 where every draw is exact.
    """

    state: Array
    sigma: Array
    divergent: int
    acceptance: float

    def total(self, weights: Array) -> Array:
        """Return the draws of linear maps of the state: weights (m,) or (k, m) -> (chain, draw[, k])."""
        return self.state @ np.asarray(weights, float).T

    def summary(self) -> xr.Dataset:
        """Return mean, sd, quantiles and worth of the draws of each element and model error.

        Returns
        -------
        Dataset
            dims (parameter, quantile): ``mean``, ``sd``, ``quantile_value``, ``r_hat``, ``effective_size``,
            ``effective_size_tail``, ``error_of_mean``; in the units of the parameters.
        """
        import xarray as xr

        names = [f"x[{i}]" for i in range(self.state.shape[2])] + [f"sigma[{i}]" for i in range(self.sigma.shape[2])]
        draws = np.concatenate([self.state, self.sigma], axis=2)
        size = np.array([effective_size(draws[..., i]) for i in range(len(names))])
        sd = np.asarray(draws.std(axis=(0, 1), ddof=1))
        rows: dict[str, Any] = {
            "mean": draws.mean(axis=(0, 1)),
            "sd": sd,
            "r_hat": [split_r_hat(draws[..., i]) for i in range(len(names))],
            "effective_size": size,
            "effective_size_tail": [effective_size_tail(draws[..., i]) for i in range(len(names))],
            "error_of_mean": sd / np.sqrt(size),
        }
        ds = xr.Dataset({name: ("parameter", values) for name, values in rows.items()}, coords={"parameter": names})
        ds["quantile_value"] = (("quantile", "parameter"), np.quantile(draws, QUANTILES, axis=(0, 1)))
        return ds.assign_coords(quantile=list(QUANTILES)).assign_attrs(
            divergent=self.divergent, acceptance=self.acceptance, chains=draws.shape[0], draws=draws.shape[1]
        )


def sample_linear(
    observed: Array, design: Array, error: Array, prior: Prior, *, model_error: Sequence[tuple[float, float]] = (),
    group: npt.NDArray[np.int64] | None = None, draws: int = 2000, warm: int = 500, chains: int = 4, seed: int = 0,
    workers: int | None = None,
) -> Samples:  # fmt: skip
    """Sample x and sigma for y = D x + e, e_i ~ N(0, error_i^2 + sigma_g(i)^2).

    Where no element is logarithmic each draw of x given sigma is exact: a Gaussian in a box, by Hamiltonian motion with
    exact reflections. Logarithmic elements are moved by leapfrog steps in coordinates whitened by the Hessian. Model
    errors are moved by slice sampling.

    Parameters
    ----------
    observed, error : float64 (n,)
        Mole fractions and their standard uncertainties, in one unit.
    design : float64 (n, m)
        Sensitivity to each element.
    prior : Prior
    model_error : sequence of (low, high)
        Range of each uniform model error; none by default.
    group : int (n,), optional
        Which model error belongs to each observation.
    draws, warm, chains : int
        Draws kept of each chain, draws before them, and chains.
    seed : int
    workers : int, optional
        Threads; the draws do not depend on them.

    Raises
    ------
    InputError
        Shapes that do not fit, missing values, an error of zero, a prior that is none.

    References
    ----------
    Ganesan et al. (2014), Atmos. Chem. Phys. 14, 3855-3864 (the hierarchical model); Pakman and Paninski (2014), J.
    Comput. Graph. Stat. 23, 518-542; Neal (2003), Ann. Statist. 31, 705-767; Hoffman and Gelman (2014), JMLR 15,
    1593-1623.
    """
    y, matrix, variance = (np.ascontiguousarray(a, float) for a in (observed, design, np.square(error)))
    mean, covariance, cuts, logs = prior.parts()
    bounds = np.array(list(model_error), float).reshape(-1, 2)
    groups = np.full(y.size, 0 if len(bounds) else -1) if group is None else np.ascontiguousarray(group, np.int64)
    _check(y, matrix, variance, mean, bounds, groups, cuts, draws, chains)
    seeds = np.random.SeedSequence(seed).spawn(chains)
    run = partial(_chain, y, matrix, variance, groups, (mean, covariance, cuts, logs), bounds, draws, warm)
    with ThreadPoolExecutor(workers or chains) as pool:
        done = list(pool.map(run, seeds))
    state, sigma = (np.stack([d[i] for d in done]) for i in range(2))
    return Samples(state, sigma, sum(d[2] for d in done), float(np.mean([d[3] for d in done])))


def _check(y: Array, matrix: Array, variance: Array, mean: Array, bounds: Array, groups: Any, cuts: Array, draws: int,
           chains: int) -> None:  # fmt: skip
    if matrix.shape != (y.size, mean.size) or variance.shape != y.shape or groups.shape != y.shape:
        raise InputError("observations, sensitivities, errors and prior do not fit", found=f"{y.size} observations, "
                         f"sensitivities {matrix.shape}, {mean.size} unknowns")  # fmt: skip
    if not all(np.isfinite(a).all() for a in (y, matrix, variance)):
        raise InputError(
            "observations, sensitivities or errors hold missing values", hint="leave these observations out"
        )
    if mean.size > LARGEST:
        raise InputError("too many unknowns for sampling", found=str(mean.size), need=f"at most {LARGEST}",
                         hint="aggregate the state, or take a Gaussian prior, which is solved exactly")  # fmt: skip
    if np.any(bounds[:, 0] < 0.0) or np.any(bounds[:, 0] >= bounds[:, 1]) or groups.max(initial=-1) >= len(bounds):
        raise InputError("the ranges of the model errors must ascend from 0 on, one for each group",
                         found=str(bounds.tolist()))  # fmt: skip
    if np.any((variance <= 0.0) & (groups < 0)):
        raise InputError("an observation without error needs a model error")
    if draws < 4 or chains < 1:
        raise InputError("too few draws or chains", found=f"{draws} draws, {chains} chains", need="4 draws, 1 chain")


def _chain(y: Array, matrix: Array, variance: Array, groups: Any, prior: Any, bounds: Array, draws: int, warm: int,
           seed: np.random.SeedSequence) -> tuple[Array, Array, int, float]:  # fmt: skip
    mean, covariance, cuts, logs = prior
    random = np.random.default_rng(seed)
    xs, sigmas = np.empty((draws, mean.size)), np.empty((draws, len(bounds)))
    # chains begin far apart: that they meet is what R-hat tests
    sigma = bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) * random.uniform(0.02, 0.5, len(bounds))
    root = np.linalg.cholesky(covariance)
    if not logs.any():
        x = mean + root @ random.standard_normal(mean.size)
        x = np.where(
            x > cuts, x, np.where(np.isfinite(cuts), cuts, 0.0) + np.sqrt(np.diag(covariance)) * random.random()
        )
        precision = np.linalg.inv(covariance)
        _kernels.truncated_chain(y, matrix, variance, groups, mean, precision, cuts, bounds, x, sigma, warm, random,
                                 xs, sigmas)  # fmt: skip
        return xs, sigmas, 0, 1.0
    if np.isfinite(cuts).any():
        raise InputError("cut and logarithmic elements cannot be sampled together", hint="make all of them logarithmic")
    q = random.standard_normal(mean.size)
    accept, _, divergent = _kernels.hamiltonian_chain(
        y, matrix, variance, groups, mean, root, logs, bounds, q, sigma, warm, random, xs, sigmas
    )
    return xs, sigmas, int(divergent), float(accept)
