"""Totals over a period, in which random errors average out and systematic ones do not.

The systematic part is exact: a polynomial in the shared errors (see :mod:`ghg.core.uncertainty.sums`). Random
errors enter as one normal term whose variance honours the correlation time.

References
----------
JCGM 101:2008, clauses 5.9, 7.6, 7.7. JCGM 100:2008, 5.1.2, 5.2.2, eq. 16, F.1.2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core import _kernels as time_kernels
from ghg.core.errors import InputError
from ghg.core.uncertainty.montecarlo import coverage_interval, entropy_of
from ghg.core.uncertainty.shapes import Shape, shape_of, shape_scale
from ghg.core.uncertainty.sums import (
    Array,
    MonomialSums,
    Record,
    monomial_sums,
    plain,
    sample_records,
    sample_total,
    shapes_of,
    weights_of,
)

__all__ = ["MonomialSums", "Total", "combine_totals", "monomial_sums", "sample_total", "total"]


@dataclass(frozen=True)
class Total:
    """A total over a period with its uncertainty.

    Parameters
    ----------
    value : float
        Best estimate (kg): the sum of emission times seconds over the known intervals.
    u_random : float
        Standard uncertainty from random errors (kg).
    u_systematic : dict of str to float
        First-order standard uncertainty per systematic component (kg).
    interval : tuple of float
        Coverage interval (kg), from JCGM 101 draws, or first order if `draws` is 0.
    coverage : float
        Its coverage probability.
    """

    value: float
    u_random: float
    u_systematic: dict[str, float] = field(default_factory=dict)
    interval: tuple[float, float] = (math.nan, math.nan)
    coverage: float = 0.95
    draws: int = 0
    seed: int | None = None
    mean: float = math.nan
    u_draws: float = math.nan
    seconds: float = math.nan
    seconds_known: float = math.nan
    correlation_time: float = 0.0
    shapes: dict[str, Any] = field(default_factory=dict)
    sums: MonomialSums | None = field(default=None, repr=False, compare=False)

    @property
    def u(self) -> float:
        """Combined standard uncertainty, first order (kg): all parts in quadrature."""
        return math.sqrt(self.u_random**2 + sum(v * v for v in self.u_systematic.values()))

    @property
    def u_systematic_total(self) -> float:
        """Systematic parts in quadrature (kg)."""
        return math.sqrt(sum(v * v for v in self.u_systematic.values()))

    @property
    def u_rel(self) -> float:
        """Combined standard uncertainty as a fraction of the value; NaN for a total of zero."""
        return self.u / abs(self.value) if self.value else math.nan

    @property
    def completeness(self) -> float:
        """Fraction of the period's seconds in which the emission is known."""
        return self.seconds_known / self.seconds if self.seconds > 0 else math.nan

    def expanded(self, k: float = 2.0) -> float:
        """Expanded uncertainty U = k u (kg)."""
        return k * self.u

    def statement(self) -> str:
        """Say what the interval is: method, coverage and distribution."""
        if self.draws:
            how = f"probabilistically symmetric, JCGM 101, {self.draws} draws, seed {self.seed}"
        else:
            how = "first order (JCGM 100), normal distribution"
        return f"{self.coverage:.4g} coverage interval, {how}"


def total(
    emission: Any,
    seconds: npt.ArrayLike,
    u_random: npt.ArrayLike | None = None,
    components: Mapping[str, npt.ArrayLike] | None = None,
    *,
    coverage: float = 0.95,
    draws: int = 1_000_000,
    seed: int = 0,
    shapes: Mapping[str, Any] | None = None,
    correlation_time: float | None = None,
    threads: int | None = None,
) -> Total:
    """Total of a record over its intervals, with first-order parts and a JCGM 101 interval.

    Parameters
    ----------
    emission : array or DataArray, shape (n,)
        Mean emission per interval (kg s-1); NaN is missing: skipped, and `completeness` tells.
    seconds : array, shape (n,) or float
        Length of the intervals (s), in order of time and without gap (a gap is an interval of NaN).
    u_random : array, shape (n,), optional
        Standard uncertainty that is random between intervals (kg s-1).
    components : mapping of str to array, shape (n,)
        Standard uncertainty per systematic component (kg s-1).
    coverage, draws, seed
        Coverage probability; number of draws (0: first-order interval only); seed.
    shapes : mapping, optional
        Distribution per component, see :func:`sample_total`.
    correlation_time : float, optional
        e-folding time (s) of the random errors, correlation exp(-|dt| / time); by default the attribute
        ``correlation_time`` of `u_random`, else 0 (independent).
    threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    Total
        Value and uncertainties in kg.

    Raises
    ------
    InputError
        If shapes disagree, or an uncertainty is missing where the emission is known.
    """
    e = plain(emission)
    if e.ndim != 1:
        raise InputError("a total is taken over one record", found=f"shape {e.shape}", need="(n,)")
    w = weights_of(seconds, e.size)
    components = dict(components or {})
    u = np.empty((len(components), e.size))
    for j, (name, values) in enumerate(components.items()):
        u[j] = _fitting(values, e.size, name)
    random = np.zeros(e.size) if u_random is None else _fitting(u_random, e.size, "u_random")
    sums = monomial_sums(e, u, weights=w, names=tuple(components))
    unknown = sums.unknown + int(np.count_nonzero(np.isfinite(e) & np.isnan(random)))
    if unknown:
        raise InputError(
            "the emission is known but its uncertainty is missing",
            found=f"{unknown} of {e.size} intervals", hint="set both to NaN, or state the uncertainty",
        )  # fmt: skip
    tau = (
        float(getattr(u_random, "attrs", {}).get("correlation_time", 0.0))
        if correlation_time is None
        else correlation_time
    )
    result = Total(
        value=float(sums.values[0]),
        u_random=_random_total(np.where(np.isnan(e), np.nan, random), w, float(tau)),
        u_systematic={},
        coverage=coverage,
        seconds=float(w.sum()),
        seconds_known=float(w[~np.isnan(e)].sum()),
        correlation_time=float(tau),
        shapes={k: shapes[k] for k in components if k in shapes} if shapes else {},
        sums=sums,
    )
    return combine_totals([result], coverage=coverage, draws=draws, seed=seed, threads=threads)


def _fitting(values: Any, n: int, name: str) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if array.shape not in ((n,), ()):
        raise InputError(f"uncertainty {name!r} does not fit the emission", found=str(array.shape), need=f"({n},)")
    return np.array(np.broadcast_to(array, (n,)))


def _random_total(u: Array, seconds: Array, tau: float) -> float:
    """Standard uncertainty of sum_t seconds_t e_t with AR(1) correlation over time (JCGM 100 eq. 16)."""
    if u.size == 0:
        return 0.0
    if not tau >= 0.0:
        raise InputError("the correlation time is negative or missing", found=str(tau), need="seconds, at least 0")
    centre = np.cumsum(seconds) - 0.5 * seconds
    variance = np.zeros((1, 1))
    bounds = np.array([0]), np.array([u.size]), np.array([0])
    time_kernels.correlated_rows(u[None, :], ~np.isnan(u)[None, :], centre, tau, *bounds, seconds, variance)
    return math.sqrt(max(float(variance[0, 0]), 0.0))


def combine_totals(
    totals: Sequence[Total],
    *,
    shared: Sequence[str] = (),
    weights: Sequence[float] | None = None,
    coverage: float = 0.95,
    draws: int = 1_000_000,
    seed: int = 0,
    threads: int | None = None,
) -> Total:
    """Add totals of several sources or streams.

    Parameters
    ----------
    totals : sequence of Total
        As returned by :func:`total` (they carry their monomial sums).
    shared : sequence of str
        Components that are one and the same error in all totals (the same z): added linearly. All others
        are independent between the totals: added in quadrature, and listed by component name.
    weights : sequence of float, optional
        Factor per total, for example (1, -1) for a difference.
    coverage, draws, seed, threads
        As in :func:`total`.

    Returns
    -------
    Total
        The sum. It carries no monomial sums unless all components are shared (or there is one total), so
        combine once, from the parts.

    Raises
    ------
    InputError
        If a total carries no sums, or a shared component has two distributions.
    """
    if not 0.0 < coverage < 1.0:
        raise InputError("the coverage probability is out of range", found=str(coverage), need="between 0 and 1")
    factors = [1.0] * len(totals) if weights is None else [float(w) for w in weights]
    if len(factors) != len(totals):
        raise InputError("weights do not fit", found=str(len(factors)), need=str(len(totals)))
    rows, shared_shapes = _shared_rows(totals, shared)
    records = [_record(t, f, rows) for t, f in zip(totals, factors, strict=True)]
    systematic = _combine_first_order(records, shared)
    u_random = math.sqrt(sum((f * t.u_random) ** 2 for t, f in zip(totals, factors, strict=True)))
    result = Total(
        value=math.fsum(float(r.sums[0]) for r in records),
        u_random=u_random,
        u_systematic=systematic,
        coverage=coverage,
        seconds=math.fsum(t.seconds for t in totals),
        seconds_known=math.fsum(t.seconds_known for t in totals),
        correlation_time=max((t.correlation_time for t in totals), default=0.0),
        shapes={k: v for t in totals for k, v in t.shapes.items()},
        sums=_merged(totals, factors, shared),
    )
    if draws <= 0:
        half = NormalDist().inv_cdf(0.5 + 0.5 * coverage) * result.u
        return replace(result, interval=(result.value - half, result.value + half))
    sample = sample_records(records, shared_shapes, u_random, draws, entropy_of(seed), threads)
    mean = float(sample.mean())
    deviation = float(sample.std(ddof=1)) if draws > 1 else math.nan
    interval = coverage_interval(sample, coverage)
    return replace(result, interval=interval, mean=mean, u_draws=deviation, draws=draws, seed=seed)


def _shared_rows(totals: Sequence[Total], shared: Sequence[str]) -> tuple[dict[str, int], list[Shape]]:
    rows = {name: row for row, name in enumerate(dict.fromkeys(shared))}
    shapes: list[Shape] = []
    for name in rows:
        found = {shape_of(t.shapes.get(name, "normal")) for t in totals if t.sums and name in t.sums.names}
        if len(found) > 1:
            raise InputError(f"the shared component {name!r} has different distributions in the totals")
        shapes.append(found.pop() if found else shape_of("normal"))
    return rows, shapes


def _record(part: Total, factor: float, rows: Mapping[str, int]) -> Record:
    if part.sums is None:
        raise InputError("a total without its monomial sums cannot be combined", hint="combine once, from the parts")
    names = part.sums.names
    values = part.sums.values * factor
    return Record(values, names, shapes_of(names, part.shapes), tuple(rows.get(n, -1) for n in names))


def _combine_first_order(records: Sequence[Record], shared: Sequence[str]) -> dict[str, float]:
    linear: dict[str, float] = {}
    squares: dict[str, float] = {}
    for record in records:
        for j, name in enumerate(record.names):
            u = float(record.sums[1 << j]) * shape_scale(record.shapes[j])
            linear[name] = linear.get(name, 0.0) + u
            squares[name] = squares.get(name, 0.0) + u * u
    return {n: abs(linear[n]) if n in shared else math.sqrt(squares[n]) for n in linear}


def _merged(totals: Sequence[Total], factors: Sequence[float], shared: Sequence[str]) -> MonomialSums | None:
    """Sums of the whole, where one polynomial can hold it."""
    parts = [t.sums.scaled(f) for t, f in zip(totals, factors, strict=True) if t.sums is not None]
    one_polynomial = len(parts) == 1 or all(p.names == parts[0].names and set(p.names) <= set(shared) for p in parts)
    if not parts or not one_polynomial:
        return None
    merged = parts[0]
    for part in parts[1:]:
        merged = merged + part
    return merged
