"""Uncertainty budgets: named components, random and systematic kept apart until the end.

References
----------
JCGM 100:2008 (GUM), 5.1, 6.2, G.3, G.4. IPCC 2006 Guidelines, vol. 1, chapter 3, equations 3.1 and 3.2.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["Budget", "Component", "Interval", "ipcc_product", "ipcc_sum"]

KINDS = ("random", "systematic")
DISTRIBUTIONS = ("normal", "rectangular", "triangular")


@dataclass(frozen=True)
class Component:
    """One source of uncertainty.

    Parameters
    ----------
    name : str
        Name, unique in a budget.
    u : float
        Standard uncertainty (k = 1) of the result due to this source, in the unit of the budget.
    kind : {"systematic", "random"}
        Fully correlated over the record, or independent between samples.
    distribution : {"normal", "rectangular", "triangular"}
        State of knowledge; normal with finite degrees of freedom means a t distribution.
    degrees_of_freedom : float
        Degrees of freedom of `u`; infinite for a type B evaluation taken as exact.
    source : str
        Where the figure comes from.
    """

    name: str
    u: float
    kind: str = "systematic"
    distribution: str = "normal"
    degrees_of_freedom: float = math.inf
    source: str = ""

    def __post_init__(self) -> None:
        where = f"uncertainty component {self.name!r}"
        if not (math.isfinite(self.u) and self.u >= 0.0):
            raise InputError("a standard uncertainty is a number, zero or more", where=where, found=str(self.u))
        if self.kind not in KINDS:
            raise InputError("unknown kind", where=where, found=self.kind, need=" or ".join(KINDS))
        if self.distribution not in DISTRIBUTIONS:
            raise InputError(
                "unknown distribution", where=where, found=self.distribution, need=", ".join(DISTRIBUTIONS)
            )
        if not self.degrees_of_freedom > 0.0:
            raise InputError("degrees of freedom must be positive", where=where, found=str(self.degrees_of_freedom))

    @classmethod
    def from_limits(cls, name: str, half_width: float, distribution: str = "rectangular", **options: Any) -> Component:
        """Make a component from limits: / sqrt(3) rectangular, / sqrt(6) triangular (JCGM 100, 4.3.7/9)."""
        divisor = {"rectangular": math.sqrt(3.0), "triangular": math.sqrt(6.0)}.get(distribution)
        if divisor is None:
            raise InputError("limits need a bounded distribution", found=distribution, need="rectangular or triangular")
        return cls(name, half_width / divisor, distribution=distribution, **options)

    @classmethod
    def from_expanded(cls, name: str, expanded: float, k: float = 2.0, **options: Any) -> Component:
        """Make a component from an expanded uncertainty U = k u of a certificate (JCGM 100, 4.3.3)."""
        return cls(name, expanded / k, **options)

    @property
    def shape(self) -> Any:
        """Distribution as :func:`~ghg.core.uncertainty.totals.total` takes it."""
        finite = self.distribution == "normal" and math.isfinite(self.degrees_of_freedom)
        return ("t", self.degrees_of_freedom) if finite and self.degrees_of_freedom > 2.0 else self.distribution


@dataclass(frozen=True)
class Interval:
    """An interval that says what it is.

    Parameters
    ----------
    lower, upper : float
        Ends.
    k : float
        Coverage factor.
    coverage : float
        Coverage probability under the distribution.
    distribution : str
        "normal" or "t with ... degrees of freedom".
    """

    lower: float
    upper: float
    k: float
    coverage: float
    distribution: str

    def __str__(self) -> str:
        ends = f"[{self.lower:.6g}, {self.upper:.6g}]"
        return f"{ends} (k = {self.k:.3g}, coverage {100 * self.coverage:.4g} %, {self.distribution})"


@dataclass(frozen=True)
class Budget:
    """Uncertainty budget of one value.

    Parameters
    ----------
    components : tuple of Component
        Sources, independent of each other.
    value : float
        Best estimate.
    unit : str
        Unit of the value and of every `u`; "1" for a budget of relative uncertainties (value 1).
    """

    components: tuple[Component, ...] = ()
    value: float = math.nan
    unit: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "components", tuple(self.components))
        names = [c.name for c in self.components]
        if len(set(names)) != len(names):
            raise InputError(
                "a budget names a component twice",
                found=", ".join(sorted(n for n in names if names.count(n) > 1)),
            )

    def _quadrature(self, kind: str | None = None) -> float:
        return math.sqrt(math.fsum(c.u**2 for c in self.components if kind in (None, c.kind)))

    @property
    def random(self) -> float:
        """Random components in quadrature."""
        return self._quadrature("random")

    @property
    def systematic(self) -> float:
        """Systematic components in quadrature."""
        return self._quadrature("systematic")

    @property
    def u(self) -> float:
        """Combined standard uncertainty (JCGM 100, eq. 10)."""
        return self._quadrature()

    @property
    def u_rel(self) -> float:
        """Combined standard uncertainty over the absolute value; NaN where the value is 0 or unknown."""
        return self.u / abs(self.value) if self.value else math.nan

    @property
    def effective_degrees_of_freedom(self) -> float:
        """Welch-Satterthwaite: u^4 / sum(u_i^4 / nu_i) (JCGM 100, eq. G.2b)."""
        loss = math.fsum(c.u**4 / c.degrees_of_freedom for c in self.components)
        return self.u**4 / loss if loss > 0.0 else math.inf

    def mean_of(self, n: float) -> Budget:
        """Budget of the mean of n values: random components / sqrt(n), systematic unchanged."""
        if not n >= 1.0:
            raise InputError("a mean is over at least one value", found=str(n))
        root = math.sqrt(n)
        parts = (replace(c, u=c.u / root) if c.kind == "random" else c for c in self.components)
        return replace(self, components=tuple(parts))

    def combine(self, other: Budget, *, shared: Sequence[str] = ()) -> Budget:
        """Budget of the sum of two values of the same unit.

        Parameters
        ----------
        other : Budget
            The second value.
        shared : sequence of str
            Systematic components that are the same error in both: added linearly. Others of the same name
            are added in quadrature, with Welch-Satterthwaite degrees of freedom.
        """
        if self.unit != other.unit:
            raise InputError("budgets of different units cannot be added", found=other.unit, need=self.unit)
        mine = {c.name: c for c in self.components}
        theirs = {c.name: c for c in other.components}
        merged = [_add(mine.get(n), theirs.get(n), n in shared) for n in dict.fromkeys((*mine, *theirs))]
        return Budget(tuple(merged), self.value + other.value, self.unit)

    def relative(self) -> Budget:
        """Return the budget in fractions of the value (unit "1")."""
        return self._scaled(1.0 / abs(self._nonzero_value()), 1.0, "1")

    def absolute(self, value: float, unit: str) -> Budget:
        """Turn a relative budget (unit "1") into that of a value."""
        if self.unit != "1":
            raise InputError("the budget is not relative", found=self.unit, need="unit 1")
        return self._scaled(abs(value), value, unit)

    def _scaled(self, factor: float, value: float, unit: str) -> Budget:
        return Budget(tuple(replace(c, u=c.u * factor) for c in self.components), value, unit)

    def _nonzero_value(self) -> float:
        if not self.value or math.isnan(self.value):
            raise InputError("a relative uncertainty needs a value other than zero", found=str(self.value))
        return self.value

    def interval(self, coverage: float | None = None, *, k: float | None = None, distribution: str = "t") -> Interval:
        """Interval value +- k u.

        Parameters
        ----------
        coverage : float, optional
            Coverage probability (0.95 if neither it nor `k` is given).
        k : float, optional
            Coverage factor instead.
        distribution : {"t", "normal"}
            t with the effective degrees of freedom (truncated to an integer, JCGM 100, G.4.1), or normal.
        """
        from scipy import stats

        if coverage is not None and k is not None:
            raise InputError("give a coverage probability or a coverage factor, not both")
        freedom = self.effective_degrees_of_freedom if distribution == "t" else math.inf
        if distribution not in ("t", "normal"):
            raise InputError("unknown distribution", found=distribution, need="t or normal")
        law: Any = stats.norm if math.isinf(freedom) else stats.t(max(1, math.floor(freedom + 1e-9)))
        if k is None:
            coverage = 0.95 if coverage is None else coverage
            if not 0.0 < coverage < 1.0:
                raise InputError(
                    "the coverage probability is out of range", found=str(coverage), need="between 0 and 1"
                )
            k = float(law.ppf(0.5 + 0.5 * coverage))
        text = "normal" if math.isinf(freedom) else f"t with {max(1, math.floor(freedom + 1e-9))} degrees of freedom"
        return Interval(self.value - k * self.u, self.value + k * self.u, k, float(2.0 * law.cdf(k) - 1.0), text)

    def table(self) -> list[dict[str, Any]]:
        """Rows of the budget, largest first, each with its share of the variance; then the sums."""
        variance = self.u**2
        ranked = sorted(self.components, key=lambda c: -c.u)
        rows = [{**asdict(c), "share": c.u**2 / variance if variance > 0.0 else math.nan} for c in ranked]
        for name, u in (("random", self.random), ("systematic", self.systematic), ("combined", self.u)):
            share = u * u / variance if variance > 0.0 else math.nan
            freedom = self.effective_degrees_of_freedom if name == "combined" else math.nan
            blank = {"distribution": "", "degrees_of_freedom": freedom, "source": ""}
            rows.append({"name": name, "u": u, "kind": "sum", **blank, "share": share})
        return rows

    def to_json(self) -> str:
        """Text for a netCDF attribute; infinite degrees of freedom are left out, JSON has none."""
        parts = [{k: v for k, v in asdict(c).items() if v not in ("", math.inf)} for c in self.components]
        value = None if math.isnan(self.value) else self.value
        return json.dumps({"value": value, "unit": self.unit, "components": parts}, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Budget:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If the text is not a budget.
        """
        try:
            data = json.loads(text)
            parts = tuple(Component(**c) for c in data["components"])
            return cls(parts, math.nan if data["value"] is None else float(data["value"]), str(data["unit"]))
        except (ValueError, KeyError, TypeError) as error:
            raise InputError("the text is not an uncertainty budget", found=f"{text[:60]!r} ({error})") from error


def _add(a: Component | None, b: Component | None, shared: bool) -> Component:
    if a is None or b is None:
        one = a if a is not None else b
        assert one is not None
        return one
    if a.kind != b.kind:
        raise InputError(f"component {a.name!r} is random in one budget and systematic in the other")
    if shared and a.kind != "systematic":
        raise InputError(f"component {a.name!r} is random and cannot be shared")
    source = a.source if a.source == b.source else "; ".join(s for s in (a.source, b.source) if s)
    shape = a.distribution if shared and a.distribution == b.distribution else "normal"
    if shared:
        return replace(a, u=a.u + b.u, distribution=shape, source=source,
                       degrees_of_freedom=min(a.degrees_of_freedom, b.degrees_of_freedom))  # fmt: skip
    u = math.hypot(a.u, b.u)
    loss = a.u**4 / a.degrees_of_freedom + b.u**4 / b.degrees_of_freedom
    return replace(a, u=u, distribution=shape, source=source, degrees_of_freedom=u**4 / loss if loss > 0 else math.inf)


def _quadratic_form(values: npt.NDArray[np.float64], correlation: npt.ArrayLike | None) -> float:
    from ghg.core.uncertainty.gum import covariance_matrix

    if correlation is None:
        return float(np.sqrt(np.sum(values**2)))
    matrix = np.asarray(correlation, dtype=np.float64)
    if matrix.ndim == 0:
        matrix = np.full((values.size, values.size), float(matrix))
        np.fill_diagonal(matrix, 1.0)
    covariance_matrix(np.ones(values.size), matrix)  # refuses impossible correlations
    return float(np.sqrt(max(values @ matrix @ values, 0.0)))


def ipcc_sum(
    values: npt.ArrayLike, percent: npt.ArrayLike, correlation: npt.ArrayLike | None = None
) -> tuple[float, float]:
    """IPCC approach 1, addition: U = sqrt(sum (U_i x_i)^2) / |sum x_i|.

    Parameters
    ----------
    values : array, shape (n,)
        Quantities x_i, any one unit.
    percent : array, shape (n,)
        Percentage uncertainties U_i (half the 95 % interval over the value).
    correlation : array (n, n) or float, optional
        Correlation of the errors; a number means the same between all pairs (1: linear addition).

    Returns
    -------
    total : float
    percent : float
        Percentage uncertainty of the sum.

    References
    ----------
    IPCC 2006 Guidelines, vol. 1, eq. 3.2; correlated terms by JCGM 100:2008, eq. 16.
    """
    x, u = _pair(values, percent)
    whole = math.fsum(x)
    spread = _quadratic_form(x * u, correlation)
    return whole, spread / abs(whole) if whole else math.nan


def ipcc_product(percent: npt.ArrayLike, correlation: npt.ArrayLike | None = None) -> float:
    """IPCC approach 1, multiplication: U = sqrt(sum U_i^2).

    Parameters
    ----------
    percent : array, shape (n,)
        Percentage uncertainties of the factors.
    correlation : array (n, n) or float, optional
        As in :func:`ipcc_sum`.

    Returns
    -------
    float
        Percentage uncertainty of the product.

    References
    ----------
    IPCC 2006 Guidelines, vol. 1, eq. 3.1; correlated factors by JCGM 100:2008, eq. 16.
    """
    return _quadratic_form(_pair(percent, percent)[1], correlation)


def _pair(values: npt.ArrayLike, percent: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    x, u = np.asarray(values, dtype=np.float64), np.asarray(percent, dtype=np.float64)
    if x.ndim != 1 or x.shape != u.shape or not (np.isfinite(x).all() and np.isfinite(u).all() and (u >= 0).all()):
        raise InputError(
            "values and percentage uncertainties do not fit", found=f"shapes {x.shape} and {u.shape}",
            need="equal length, finite, no negative uncertainty",
        )  # fmt: skip
    return x, u
