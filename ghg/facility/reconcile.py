"""Which single input is wrong: gross-error detection by generalised likelihood ratio, in logarithms.

Both sides are products, so a relative error of an input shifts the logarithm of every check in which the input takes
part. With checks r = A b + e, ordinary errors b ~ N(0, diag u^2) as the budgets state them and noise e ~ N(0, R), all
checks together have the covariance V = A diag(u^2) A' + R. A gross error of input j adds a_j delta (a_j: column of A):
the likelihood ratio against "no gross error" is (a_j' V^-1 r)^2 / (a_j' V^-1 a_j), and delta is estimated by
a_j' V^-1 r / (a_j' V^-1 a_j) (Narasimhan and Mah 1987, AIChE Journal 33, 1514, equations 12 to 16). Inputs with
proportional columns cannot be told apart by these checks, and are said to be tied.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

Array = npt.NDArray[np.float64]

SLAB = 0.10  # standard deviation of a gross error before anything is known: slips are of a few to some tens of percent
NONE = 0.5  # probability of no gross error before anything is known
TIED = 1.0 - 1e-6  # cosine of two whitened columns above which they count as proportional


@dataclass(frozen=True)
class Check:
    """One redundancy: a combination of inputs whose logarithm would be 0 without errors.

    Parameters
    ----------
    name : str
        Which check.
    ln : float
        Its value.
    u : float
        Standard uncertainty of the check itself, without the ordinary errors of the inputs in it.
    signs : dict
        Input -> power with which its recorded value enters.
    text : str
        What is compared, in one sentence.
    source : str
        Where a second determination comes from.
    """

    name: str
    ln: float
    u: float
    signs: dict[str, float]
    text: str = ""
    source: str = ""


@dataclass(frozen=True)
class Suspect:
    """One hypothesis: this input alone has a gross error.

    Parameters
    ----------
    component : str
        The input, ``side.name``.
    bias_ln, u_ln : float
        Estimated error of the recorded input, gross and ordinary together, in ln, and its standard uncertainty.
    statistic : float
        Generalised likelihood ratio, chi square with one degree of freedom without gross error.
    probability : float
        Posterior probability.
    tied_with : tuple of str
        Inputs that the checks cannot tell from this one.
    slips : tuple of str
        Well-known slips of this size.
    """

    component: str
    bias_ln: float
    u_ln: float
    statistic: float
    probability: float
    tied_with: tuple[str, ...] = ()
    slips: tuple[str, ...] = ()

    @property
    def bias_percent(self) -> float:
        """The estimated error in percent of the true value."""
        return 100.0 * math.expm1(self.bias_ln)

    def as_dict(self) -> dict[str, Any]:
        """Return the hypothesis for JSON."""
        side, _, name = self.component.partition(".")
        u = 100.0 * math.exp(self.bias_ln) * self.u_ln
        return {**asdict(self), "side": side, "name": name, "bias_percent": self.bias_percent, "u_percent": u}


@dataclass(frozen=True)
class Attribution:
    """What the checks say about the inputs.

    Parameters
    ----------
    suspects : list of Suspect
        Most probable first.
    p_none : float
        Posterior probability that no input has a gross error.
    p_global : float
        p-value of all checks together without gross error (chi square); below 0.05 something is wrong.
    p_rest : float
        p-value of what the first suspect leaves unexplained; below 0.05 one wrong input is not enough.
    checks : list of Check
        The checks used.
    """

    suspects: list[Suspect]
    p_none: float
    p_global: float
    p_rest: float
    checks: list[Check] = field(default_factory=list)

    @property
    def first(self) -> Suspect | None:
        """The most probable gross error, None where "no gross error" is more probable than all together."""
        return self.suspects[0] if self.suspects and self.p_none < 0.5 else None

    def as_dict(self) -> dict[str, Any]:
        """Return the findings for JSON."""
        return {
            "named": self.first is not None,
            "p_none": self.p_none,
            "p_global": self.p_global,
            "p_rest": self.p_rest,
            "suspects": [s.as_dict() for s in self.suspects],
            "checks": [{**asdict(c), "percent": 100.0 * math.expm1(c.ln)} for c in self.checks],
        }


def attribute(
    checks: Sequence[Check],
    priors: Mapping[str, float],
    covariance: Array | None = None,
    *,
    slab: float = SLAB,
    none: float = NONE,
    slips: Sequence[tuple[str, str, float]] = (),
) -> Attribution:
    """Find the input whose gross error explains the checks best.

    Parameters
    ----------
    checks : sequence of Check
        At least one.
    priors : mapping
        Input -> relative standard uncertainty that its budget states; every input is a candidate.
    covariance : float64 (check, check), optional
        Covariance of the noise of the checks; without it their `u` are independent.
    slab, none : float
        Standard deviation of a gross error in ln, and probability that there is none, before anything is known.
    slips : sequence of tuple
        Component name, words and ln of well-known slips.

    Returns
    -------
    Attribution

    Raises
    ------
    InputError
        No check, or a check names an input without uncertainty.

    References
    ----------
    Narasimhan and Mah 1987, doi:10.1002/aic.690330909. The probabilities weigh each hypothesis by its marginal
    likelihood with delta ~ N(0, slab^2).
    """
    if not checks or not priors:
        raise InputError("an attribution needs at least one check and one input")
    names = list(priors)
    unknown = sorted({n for c in checks for n in c.signs} - set(names))
    if unknown:
        raise InputError(
            "a check names an input that neither side has", found=", ".join(unknown), need=", ".join(names)
        )
    a = np.array([[c.signs.get(n, 0.0) for n in names] for c in checks])
    r = np.array([c.ln for c in checks])
    noise = np.diag([c.u**2 for c in checks]) if covariance is None else covariance
    u = np.array([priors[n] for n in names])
    white = np.asarray(
        np.linalg.inv(np.linalg.cholesky(a @ np.diag(u**2) @ a.T + noise + 1e-14 * np.eye(r.size))), float
    )
    columns: Array = white @ a
    z: Array = white @ r
    q, t = np.sum(columns**2, axis=0), columns.T @ z
    seen = q > 0
    bias = np.divide(t, q, out=np.zeros_like(t), where=seen)
    statistic = bias * t
    log_factor = 0.5 * (t**2 / (q + slab**-2) - np.log1p(slab**2 * q))
    log_odds = np.where(seen, log_factor, -np.inf) + math.log((1.0 - none) / max(int(seen.sum()), 1) / none)
    top = max(0.0, float(log_odds.max()))
    weights = np.exp(log_odds - top)
    whole = math.exp(-top) + float(weights.sum())
    spread = np.sqrt(np.maximum(np.divide(1.0, q, out=np.full_like(q, np.inf), where=seen) - u**2, 0.0))
    ties = _ties(columns, names)
    found = [
        Suspect(n, float(bias[j]), float(spread[j]), float(statistic[j]), float(weights[j] / whole), ties[j],
                _matching(slips, n, float(bias[j]), float(spread[j])))
        for j, n in enumerate(names) if seen[j]
    ]  # fmt: skip
    found.sort(key=lambda s: (-round(s.probability, 9), -priors[s.component], s.component))
    rest = _chi_square_tail(float(z @ z - statistic.max()), r.size - 1)
    return Attribution(found, math.exp(-top) / whole, _chi_square_tail(float(z @ z), r.size), rest, list(checks))


def _ties(columns: Array, names: Sequence[str]) -> list[tuple[str, ...]]:
    length = np.linalg.norm(columns, axis=0)
    unit = columns / np.where(length > 0, length, 1.0)
    same = np.abs(unit.T @ unit) > TIED
    return [tuple(n for k, n in enumerate(names) if k != j and same[j, k]) for j in range(len(names))]


def _matching(slips: Sequence[tuple[str, str, float]], component: str, bias: float, u: float) -> tuple[str, ...]:
    """Return the slips within two standard uncertainties, where the size is known well enough to tell."""
    name = component.partition(".")[2]
    return tuple(
        words for of, words, ln in slips if of == name and abs(bias - ln) < max(2.0 * u, 0.002) and u < abs(ln) / 4.0
    )


def _chi_square_tail(value: float, degrees: int) -> float:
    from scipy.special import chdtrc

    return float(chdtrc(degrees, max(value, 0.0))) if degrees > 0 else 1.0
