"""Do prior, errors and observations fit together, who determines what, and what would be without a site.

With P = S^-1 - S^-1 H X C X'H' S^-1 (P = S^-1 without covariates) and lambda = P d:

    left-out residual of a group G       e_G = (P_GG)^-1 lambda_G,   its covariance (P_GG)^-1,
    map without the group                g'(lambda - P_:G e_G) with the same for the coefficients,
    degrees of freedom for signal        n - tr(R P),
    Desroziers                           E[d_a d_b'] = R - R S^-1 H X C X'H',  d_a = R lambda,  d_b = d - H X beta.

References
----------
Dubrule (1983), Math. Geol. 15, 687-699 (leaving out in closed form). Rodgers (2000), section 2.4. Michalak et al.
(2005), J. Geophys. Res. 110, D24107 (reduced chi-square). Desroziers et al. (2005), Q. J. R. Meteorol. Soc. 131,
3385-3396, eq. 3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.sensitivity import Array

if TYPE_CHECKING:
    from inversion.posterior import Posterior
    from inversion.totals import Totals, TotalSet

__all__ = ["Alarm", "Diagnostics", "averaging_kernel", "diagnose", "leave_out", "response", "withheld"]

ALARM = 1e-3  # probability below which innovations do not fit the stated uncertainties, shared among the tests
SEASONS = ("DJF", "MAM", "JJA", "SON")
ALARMS = {
    "cost": "the cost is {} per degree of freedom where 1 is expected (p = {})",
    "site": "innovations at {} are {} times as large as stated",
    "r_hat": "the chains have not met: R-hat is {} where at most {} is needed",
    "draws": "the draws are worth only {} independent ones; {} are needed",
    "divergent": "{} moves of the sampler diverged",
    "block": "the observations ask for {} sigma of the prior of '{}' everywhere ({} standard errors)",
}


@dataclass(frozen=True)
class Alarm:
    """Something that does not fit.

    Parameters
    ----------
    code : {"cost", "site", "block", "r_hat", "draws", "divergent"}
        All observations together, one site, or one block of fluxes; of samplers, what is wrong with the chains.
    values : tuple of str
        What its sentence names, in its order.
    """

    code: str
    values: tuple[str, ...]

    def __str__(self) -> str:
        """Return the sentence."""
        return ALARMS[self.code].format(*self.values)


@dataclass(frozen=True)
class Diagnostics:
    """Statistics of an inversion.

    Parameters
    ----------
    n, coefficients : int
        Observations used, and coefficients of covariates.
    chi2 : float
        (d - HX beta)' S^-1 (d - HX beta) / (n - q), expected 1: prior and observation terms of the cost together.
    p : float
        Probability of a greater chi2.
    cost_observations, cost_prior : float
        Sum of squares of the residuals and of the state in units of R and Q.
    signal : float
        Degrees of freedom for signal.
    residual : float
        Largest relative residual of the linear system.
    innovations : list of dict
        By site and season: number, mean, standard deviation and chi2 of innovations in units of their stated spread.
    consistency : list of dict
        By site, after Desroziers: variance of the observation error, ``error_ratio``, and of what the prior predicts,
        ``signal_ratio``, as the residuals show them, over what was stated; both are 1 on average where all is right.
    alarms : list of Alarm
        What does not fit; empty where everything does.
    """

    n: int
    coefficients: int
    chi2: float
    p: float
    cost_observations: float
    cost_prior: float
    signal: float
    residual: float
    innovations: list[dict[str, Any]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    consistency: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the numbers for JSON."""
        alarms = [{"code": a.code, "values": list(a.values), "text": str(a)} for a in self.alarms]
        return {**self.__dict__, "alarms": alarms}


def projector(posterior: Posterior) -> Array:
    """Return P (n, n).

    Raises
    ------
    InputError
        The solver holds no S^-1.
    """
    inverse = posterior.factor.inverse()
    if inverse is None:
        raise InputError("this needs the inverse of the covariance of observations", found=posterior.factor.method,
                         need="an exact solver: 'dual' or 'primal'")  # fmt: skip
    if posterior.drift.shape[1]:
        w = posterior._inverse_drift
        inverse = inverse - w @ posterior.coefficient_covariance @ w.T
    return inverse


def diagnose(posterior: Posterior) -> Diagnostics:
    """Return the statistics of a posterior; with conjugate gradients the trace is estimated from 30 random vectors."""
    from scipy.special import chdtrc

    error = posterior.used.error
    weights, q = posterior.weights, posterior.drift.shape[1]
    n = posterior.used.n
    rest = posterior.innovation - posterior.drift @ posterior.coefficients
    cost = float(rest @ weights)
    noise = error.apply(weights[:, None])[:, 0]
    observations = float(weights @ noise)
    signal_part = posterior.used.forward(posterior.used.covariance(posterior.used.adjoint(weights[:, None])))[:, 0]
    residual = float(np.linalg.norm(rest - signal_part - noise) / max(np.linalg.norm(rest), 1e-300))
    if posterior.factor.method == "cg":
        signal = n - _trace(posterior)
    else:
        matrix = projector(posterior)
        signal = n - float(np.sum(error.dense() * matrix)) if not error.diagonal_only else n - float(
            error.variance() @ np.diag(matrix))  # fmt: skip
    df = n - q
    p = float(chdtrc(df, cost)) if df > 0 else np.nan
    rows, alarms = _innovations(posterior)
    if p < ALARM:
        alarms.insert(0, Alarm("cost", (f"{cost / df:.2f}", f"{p:.1e}")))
    return Diagnostics(n, q, cost / max(df, 1), p, observations, cost - observations, signal, residual, rows, alarms,
                       _consistency(posterior, rest, noise, signal_part))  # fmt: skip


def _consistency(posterior: Posterior, rest: Array, after: Array, signal: Array) -> list[dict[str, Any]]:
    """Return found over stated variances by site, from residuals after and before (Desroziers et al. 2005, eq. 1-3).

    rest is what the prior leaves, after what the posterior leaves of it, signal their difference. Coefficients that
    were estimated from the same observations take their share of the expectation.
    """
    used, q = posterior.used, posterior.drift.shape[1]
    error, spread = used.error.variance(), _spread(posterior)
    total = None if spread is None else spread**2 - error
    if q:
        side = posterior.drift @ posterior.coefficient_covariance
        noisy = used.error.apply(posterior._inverse_drift)
        error = error - np.sum(noisy * side, axis=1)
        total = None if total is None else total - np.sum((posterior.drift - noisy) * side, axis=1)
    rows = []
    for site in dict.fromkeys(used.site.tolist()):
        mine = used.site == site
        row: dict[str, Any] = {"site": site, "n": int(mine.sum()),
                               "error_ratio": float(np.sum((after * rest)[mine]) / np.sum(error[mine]))}  # fmt: skip
        if total is not None:
            row["signal_ratio"] = float(np.sum((signal * rest)[mine]) / np.sum(total[mine]))
        rows.append(row)
    return rows


def _trace(posterior: Posterior, vectors: int = 30) -> float:
    """Return tr(R S^-1) by Hutchinson's estimator (random signs)."""
    rng = np.random.default_rng(0)
    z: Array = rng.choice(np.array([-1.0, 1.0]), (posterior.used.n, vectors))
    return float(np.mean(np.sum(posterior.used.error.apply(z) * posterior.factor.solve(z), axis=0)))


def _innovations(posterior: Posterior) -> tuple[list[dict[str, Any]], list[Alarm]]:
    """Return statistics of innovations by site and season, and the alarms of sites and blocks.

    Exact solvers test each site by d_G' (S_GG)^-1 d_G; each block by the shift of its prior by one sigma everywhere,
    t = u' S^-1 d / sqrt(u' S^-1 u), u = H sigma, the most powerful test of such a shift.
    """
    from scipy.special import chdtrc, erfc

    used, q = posterior.used, posterior.drift.shape[1]
    rest = posterior.innovation - posterior.drift @ posterior.coefficients
    spread = _spread(posterior)
    sites = list(dict.fromkeys(used.site.tolist()))
    month = used.time.astype("datetime64[M]").astype(np.int64) % 12 + 1
    season = np.array(SEASONS)[(month % 12) // 3]
    rows: list[dict[str, Any]] = []
    alarms: list[Alarm] = []
    tests = len(sites) + len(used.blocks)
    for site in sites:
        mine = np.flatnonzero(used.site == site)
        row = _row(site, "all", mine, rest, spread)
        if spread is not None and not q and (part := posterior.factor.between(mine)) is not None:
            chi2 = float(rest[mine] @ np.linalg.solve(part, rest[mine]))
            row |= {"chi2": chi2 / mine.size, "p": float(chdtrc(mine.size, chi2))}
            if row["p"] < ALARM / tests:
                alarms.append(Alarm("site", (site, f"{np.sqrt(chi2 / mine.size):.1f}")))
        rows.append(row)
        rows += [_row(site, s, mine[season[mine] == s], rest, spread) for s in SEASONS if (season[mine] == s).any()]
    for block in (b for b in used.blocks if b.kind != "rest"):
        shift = block.sensitivity.forward(np.ascontiguousarray(block.covariance.sigma.T)[:, :, None])
        solved = posterior.factor.solve(shift)[:, 0]
        if not q and (norm := float(shift[:, 0] @ solved)) > 0.0:
            t = float(solved @ rest) / np.sqrt(norm)
            if float(erfc(abs(t) / np.sqrt(2.0))) < ALARM / tests:
                alarms.append(Alarm("block", (f"{t / np.sqrt(norm):+.1f}", block.name, f"{t:+.1f}")))
    return rows, alarms


def _spread(posterior: Posterior) -> Array | None:
    """Return the stated standard deviation of the innovations, where it is known."""
    if (variance := posterior.factor.variance()) is not None:
        return np.sqrt(variance)
    inverse = posterior.factor.inverse()
    return None if inverse is None else np.sqrt(np.diag(np.linalg.inv(inverse)))


def _row(site: str, season: str, rows: npt.NDArray[np.int64], rest: Array, spread: Array | None) -> dict[str, Any]:
    row: dict[str, Any] = {"site": site, "season": season, "n": int(rows.size), "mean": float(rest[rows].mean())}
    if spread is not None:
        z = rest[rows] / spread[rows]
        row |= {"mean_z": float(z.mean()), "sd_z": float(z.std())}
    return row


@dataclass(frozen=True)
class LeftOut:
    """What the other observations say about a group, and what they say without it.

    Parameters
    ----------
    group : str
        Name of the group (a site).
    rows : array of int
        Its observations.
    residual : array
        Observed minus predicted by the others.
    covariance : array
        Of the residual, its observation error included.
    chi2, p : float
        Per observation, and the probability of a greater one.
    totals : Totals, optional
        Totals without the group.
    """

    group: str
    rows: npt.NDArray[np.int64]
    residual: Array
    covariance: Array
    chi2: float
    p: float
    totals: Totals | None = None


def leave_out(
    posterior: Posterior, by: npt.NDArray[Any] | None = None, totals: TotalSet | None = None
) -> list[LeftOut]:
    """Leave out each group of observations in turn, in closed form, without solving again.

    Parameters
    ----------
    posterior : Posterior
        From an exact solver. The errors of a group must be independent of those of the others.
    by : array, shape (n,), optional
        Group of each used observation; by default its site.
    totals : TotalSet, optional
        Totals to be given without each group.
    """
    from scipy.special import chdtrc

    label = posterior.used.site if by is None else np.asarray(by)
    p = projector(posterior)
    found = posterior.project(posterior.columns(totals)) if totals is not None else None
    full = posterior.total(totals) if totals is not None else None
    results = []
    for name in dict.fromkeys(label.tolist()):
        rows = np.flatnonzero(label == name)
        if rows.size == posterior.used.n:
            raise InputError("leaving out the only group leaves nothing", found=str(name))
        covariance = np.linalg.inv(p[np.ix_(rows, rows)])
        covariance = (covariance + covariance.T) / 2.0
        residual = covariance @ posterior.weights[rows]
        chi2 = float(residual @ posterior.weights[rows])
        without = None
        if found is not None and full is not None:
            # sensitivity of the maps to the observations: P g + S^-1 H X C (a X - g' S^-1 H X)'
            gain = p[rows] @ found.g
            if posterior.drift.shape[1]:
                side = posterior._inverse_drift[rows] @ posterior.coefficient_covariance
                gain = gain + side @ found.drift.T
            without = _changed(full, full.posterior - gain.T @ residual, full.covariance + gain.T @ covariance @ gain)
        results.append(LeftOut(str(name), rows, residual, covariance, chi2 / rows.size,
                               float(chdtrc(rows.size, chi2)), without))  # fmt: skip
    return results


def _changed(full: Totals, mean: Array, covariance: Array) -> Totals:
    from dataclasses import replace

    return replace(full, posterior=mean, covariance=covariance)


def withheld(posterior: Posterior) -> list[dict[str, Any]]:
    """Compare withheld observations with their prediction, by site.

    Returns
    -------
    list of dict
        ``site``, ``n``, ``bias``, ``rmse`` [mol mol-1], ``chi2`` per observation and ``p``, from the full predictive
        covariance: posterior of the state and observation error.
    """
    from scipy.special import chdtrc

    problem = posterior.problem
    assert problem.withheld is not None
    rest = problem.observed - posterior.predicted()
    rows = []
    for site in dict.fromkeys(problem.site[problem.withheld].tolist()):
        mine = np.flatnonzero(problem.withheld & (problem.site == site))
        part = problem.take(mine)
        columns = part.adjoint(np.eye(mine.size))
        covariance = posterior.map_covariance(posterior.project(columns))[0]
        part.error.add_to(covariance)
        chi2 = float(rest[mine] @ np.linalg.solve(covariance, rest[mine]))
        rows.append({"site": site, "n": int(mine.size), "bias": float(rest[mine].mean()),
                     "rmse": float(np.sqrt(np.mean(rest[mine] ** 2))), "chi2": chi2 / mine.size,
                     "p": float(chdtrc(mine.size, chi2))})  # fmt: skip
    return rows


def response(posterior: Posterior, totals: TotalSet) -> Array:
    """Return the averaging kernel of totals, (K, K): response of total i to one unit more of the true total j.

    The true change is spread over the region and period of total j as its prior standard deviation is.
    """
    columns = posterior.columns(totals)
    found = posterior.project(columns)
    changes, unit = [], np.zeros(len(totals.labels))
    for block, column in zip(posterior.used.blocks, columns, strict=True):
        change = column * block.covariance.sigma.T[:, :, None]
        unit += np.einsum("rpk,rpk->k", column, change)
        changes.append(change)
    if not (unit > 0.0).all():
        raise InputError("a total has no prior uncertainty, so it has no averaging kernel")
    seen = posterior.used.forward(changes) / unit
    beta = posterior.coefficient_covariance @ (posterior._inverse_drift.T @ seen)
    moved = posterior.factor.solve(seen - posterior.drift @ beta)
    return found.g.T @ moved + found.drift @ beta


def averaging_kernel(posterior: Posterior, name: str) -> Array:
    """Return the averaging kernel A = Q H' S^-1 H of a small block, (p r, p r), order of period, then cell."""
    block = posterior.used.block(name)
    if posterior.drift.shape[1]:
        raise InputError("the averaging kernel of a block is for problems without covariates")
    h = block.sensitivity.dense().reshape(posterior.used.n, -1)
    solved = posterior.factor.solve(h)
    spread = block.covariance.apply(block.sensitivity.adjoint(solved))  # Q H' S^-1 H
    return spread.transpose(1, 0, 2).reshape(block.size, -1)
