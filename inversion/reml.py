"""Restricted maximum likelihood: sizes and lengths of the covariances from the observations, with their uncertainty.

    L(theta) = 1/2 ln |S| + 1/2 ln |X'H' S^-1 H X| + 1/2 d' P d,
    dL/dtheta_i = 1/2 tr(P S_i) - 1/2 d' P S_i P d,   Fisher information I_ij = 1/2 tr(P S_i P S_j),  S_i = dS/dtheta_i.

The parameters are logarithms, so that they stay positive and their uncertainties are relative. Derivatives to the sizes
are exact, those to the lengths central differences of H Q H'. The information gives the steps (Fisher scoring) and, at
the end, the covariance of the parameters.

References
----------
Kitanidis (1995), Water Resour. Res. 31, 2411-2419. Michalak et al. (2004), J. Geophys. Res. 109, D14109, eq. 16-18.
Patterson & Thompson (1971), Biometrika 58, 545-554.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from inversion.covariance import Covariance, DenseCovariance
from inversion.problem import Problem
from inversion.sensitivity import Array, Sensitivity

__all__ = ["Estimate", "negative_log_likelihood", "reml"]

_STEP = 1e-3  # of a logarithm, for differences
_LONGEST = 2.0  # largest step of a logarithm in one iteration
MOST = 4000  # observations: memory and time go with n^2 and n^3


@dataclass(frozen=True)
class Estimate:
    """Parameters found.

    Parameters
    ----------
    names : tuple of str
        "land.sigma" (factor on the prior standard deviations), "land.length", "land.time", "error.transport" (factor).
    values : array
        Estimates: factors, [m], [s].
    covariance : array
        Of their logarithms.
    problem : Problem
        With the parameters put in.
    objective : float
        Negative logarithm of the restricted likelihood, constants left out.
    iterations : int
        Steps taken.
    """

    names: tuple[str, ...]
    values: Array
    covariance: Array
    problem: Problem
    objective: float
    iterations: int

    @property
    def u_log(self) -> Array:
        """Standard uncertainty of the logarithms: relative uncertainty where it is small."""
        return np.sqrt(np.diag(self.covariance))

    def put(self, problem: Problem) -> Problem:
        """Return a problem, such as one with withheld observations, with the parameters put in."""
        return _Model(problem, self.names, {}).put(self.values)

    def interval(self, k: float = 1.96) -> tuple[Array, Array]:
        """Return values / exp(k u) and values x exp(k u)."""
        spread = np.exp(k * self.u_log)
        return self.values / spread, self.values * spread


def gram(h: Sensitivity, q: Covariance | DenseCovariance) -> Array:
    """Return H Q H' (n, n), both triangles."""
    from inversion.solvers.exact import add_gram

    s = np.zeros((h.shape[0], h.shape[0]), order="F")
    add_gram(h, q, s)
    low = np.tril(s)
    return low + np.tril(low, -1).T


@dataclass
class _Model:
    """S as a function of the logarithms of the parameters, with its parts kept while lengths stay."""

    problem: Problem
    names: tuple[str, ...]
    kept: dict[Any, Array]

    def start(self) -> Array:
        values = []
        for name in self.names:
            part, kind = name.split(".", 1)
            if part == "error" or kind == "sigma":
                values.append(1.0)
                continue
            q = self.problem.block(part).covariance
            length = getattr(getattr(q, "space" if kind == "length" else "time", None), "length", None)
            values.append(float(length) if length else np.nan)
        return np.array(values)

    def put(self, values: Array) -> Problem:
        """Return the problem with the parameters in place."""
        given = dict(zip(self.names, values, strict=True))
        blocks = []
        for b in self.problem.blocks:
            q = b.covariance.with_lengths(space=given.get(f"{b.name}.length"), time=given.get(f"{b.name}.time"))
            blocks.append(replace(b, covariance=q.scaled(given.get(f"{b.name}.sigma", 1.0))))
        factors = [given.get(f"error.{t.name}", 1.0) for t in self.problem.error.terms]
        return replace(self.problem, blocks=tuple(blocks), error=self.problem.error.scaled(factors))

    def part(self, block: str, given: dict[str, float]) -> Array:
        """Return H Q H' of a block at the lengths given, for a factor of one."""
        key = (block, given.get(f"{block}.length"), given.get(f"{block}.time"))
        if key not in self.kept:
            if len(self.kept) > 8 * len(self.problem.blocks):
                self.kept.clear()
            b = self.problem.block(block)
            self.kept[key] = gram(b.sensitivity, b.covariance.with_lengths(space=key[1], time=key[2]))
        return self.kept[key]

    def pieces(self, logs: Array, derivatives: bool = True) -> tuple[Array, list[Array]]:
        """Return S and its derivatives to the logarithms."""
        given = dict(zip(self.names, np.exp(logs).tolist(), strict=True))
        total = np.zeros((self.problem.n, self.problem.n))
        for b in self.problem.blocks:
            total += given.get(f"{b.name}.sigma", 1.0) ** 2 * self.part(b.name, given)
        error, every = self.problem.error, np.arange(self.problem.n)
        errors = {t.name: given.get(f"error.{t.name}", 1.0) ** 2 * error.of_term(t, every, every) for t in error.terms}
        for part in errors.values():
            total += part
        if error.matrix is not None:
            total += error.matrix
        slopes = [self._slope(name, given, errors) for name in self.names] if derivatives else []
        return total, slopes

    def _slope(self, name: str, given: dict[str, float], errors: dict[str, Array]) -> Array:
        part, kind = name.split(".", 1)
        if part == "error":
            return 2.0 * errors[kind]
        size = given.get(f"{part}.sigma", 1.0) ** 2
        if kind == "sigma":
            return 2.0 * size * self.part(part, given)
        b = self.problem.block(part)
        sides = []
        for sign in (1.0, -1.0):
            moved = {**given, name: given[name] * np.exp(sign * _STEP)}
            q = b.covariance.with_lengths(space=moved.get(f"{part}.length"), time=moved.get(f"{part}.time"))
            sides.append(gram(b.sensitivity, q))
        return size * (sides[0] - sides[1]) / (2.0 * _STEP)


def _likelihood(s: Array, d: Array, hx: Array) -> tuple[float, Array]:
    """Return the objective and P."""
    from scipy.linalg import cho_factor, cho_solve

    try:
        root = cho_factor(s, lower=True, check_finite=False)
    except np.linalg.LinAlgError:
        return np.inf, s
    p = np.asarray(cho_solve(root, np.eye(d.size), check_finite=False))
    value = float(np.log(np.diag(root[0])).sum())
    if hx.shape[1]:
        w = p @ hx
        inner = hx.T @ w
        value += 0.5 * float(np.linalg.slogdet(inner)[1])
        p = p - w @ np.linalg.solve(inner, w.T)
    return value + 0.5 * float(d @ p @ d), (p + p.T) / 2.0


def negative_log_likelihood(problem: Problem) -> float:
    """Return L of a problem as it is, constants left out."""
    model = _Model(problem, (), {})
    return _likelihood(model.pieces(np.zeros(0), False)[0], problem.innovation(), problem.drift())[0]


def reml(
    problem: Problem,
    parameters: Sequence[str],
    *,
    iterations: int = 50,
    tolerance: float = 1e-4,
    announce: Callable[[str], None] = lambda text: None,
) -> Estimate:
    """Estimate covariance parameters from the observations.

    Parameters
    ----------
    problem : Problem
        At most 4,000 observations that are used; its parameters are the start.
    parameters : sequence of str
        "<block>.sigma", "<block>.length", "<block>.time", "error.<term>".
    iterations, tolerance : int, float
        Most steps; change of the logarithms, in their standard uncertainties, at which it ends.
    announce : callable
        Is told each step.

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        Unknown or undetermined parameters, too many observations, or no convergence.
    """
    assert problem.withheld is not None
    if problem.withheld.any():
        problem = problem.take(np.flatnonzero(~problem.withheld))
    _check(problem, parameters)
    model = _Model(problem, tuple(parameters), {})
    first = model.start()
    if np.isnan(first).any():
        bad = ", ".join(np.array(parameters)[np.isnan(first)])
        raise InputError("a length can be estimated only where there is one to start from", found=bad)
    logs, d, hx = np.log(first), problem.innovation(), problem.drift()
    for count in range(1, iterations + 1):
        s, slopes = model.pieces(logs)
        value, p = _likelihood(s, d, hx)
        gradient, information = _gradient(p, d, slopes)
        covariance = _inverse(information, parameters)
        step = -covariance @ gradient
        step *= min(1.0, _LONGEST / np.abs(step).max(initial=1e-300))
        length = 1.0
        while _likelihood(model.pieces(logs + length * step, False)[0], d, hx)[0] > value + 1e-9 * abs(value):
            length /= 2.0
            if length < 1e-4:
                break
        announce(f"step {count}: objective {value:.3f}")
        if length >= 1e-4:
            logs = logs + length * step
        if np.abs(length * step / np.sqrt(np.diag(covariance))).max() < tolerance or length < 1e-4:
            s, slopes = model.pieces(logs)
            value, p = _likelihood(s, d, hx)
            covariance = _inverse(_gradient(p, d, slopes)[1], parameters)
            values = np.exp(logs)
            return Estimate(tuple(parameters), values, covariance, model.put(values), value, count)
    raise InputError("the covariance parameters were not found", found=f"{iterations} steps",
                     hint="estimate fewer of them, or start nearer")  # fmt: skip


def _check(problem: Problem, parameters: Sequence[str]) -> None:
    known = {f"{b.name}.{kind}" for b in problem.blocks for kind in ("sigma", "length", "time")}
    known |= {f"error.{t.name}" for t in problem.error.terms}
    if unknown := [name for name in parameters if name not in known]:
        raise InputError("a covariance parameter is not known", found=", ".join(unknown),
                         need="of " + ", ".join(sorted(known)))  # fmt: skip
    if not parameters or problem.n > MOST:
        raise InputError("restricted maximum likelihood needs parameters and a moderate number of observations",
                         found=f"{len(parameters)} parameters, {problem.n} observations", need=f"at most {MOST}",
                         hint="estimate on part of the observations")  # fmt: skip


def _gradient(p: Array, d: Array, slopes: list[Array]) -> tuple[Array, Array]:
    pd = p @ d
    products = [p @ s for s in slopes]
    gradient = np.array([0.5 * np.trace(a) - 0.5 * float(pd @ s @ pd) for a, s in zip(products, slopes, strict=True)])
    k = len(slopes)
    information = np.empty((k, k))
    for i in range(k):
        for j in range(i, k):
            information[i, j] = information[j, i] = 0.5 * float(np.sum(products[i] * products[j].T))
    return gradient, information


def _inverse(information: Array, names: Sequence[str]) -> Array:
    scale = np.sqrt(np.maximum(np.diag(information), 1e-300))
    matrix = information / np.outer(scale, scale)
    values, vectors = np.linalg.eigh(matrix)
    if values[0] < 1e-10 or (np.diag(information) < 1e-8).any():
        weak = names[int(np.argmax(np.abs(vectors[:, 0]) / scale))]
        raise InputError("the observations do not determine a covariance parameter", found=weak,
                         hint="leave it out of the list")  # fmt: skip
    return np.linalg.inv(matrix) / np.outer(scale, scale)
