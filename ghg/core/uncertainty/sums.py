"""Sufficient sums of a record: the total as a polynomial of its systematic errors, and draws of it.

An hourly emission with J systematic components is E_t(z) = E_t prod_j (1 + z_j u_jt / E_t), the same
standardised z_j for every hour. The total is a multilinear polynomial in z; its 2**J coefficients are sums
over the record, found in one pass and added when records are merged. So the Monte Carlo of JCGM 101 costs
the draws, not draws times hours, and gives exactly what propagating every hour would.

References
----------
JCGM 101:2008, clauses 5.9, 6.4 and 7. JCGM 100:2008, F.1.2 (systematic errors shared by all values).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.uncertainty import _kernels
from ghg.core.uncertainty.montecarlo import entropy_of, usable_threads
from ghg.core.uncertainty.shapes import Shape, fill_standard, shape_of

__all__ = [
    "MonomialSums",
    "Record",
    "monomial_sums",
    "plain",
    "sample_records",
    "sample_total",
    "shapes_of",
    "weights_of",
]

MAX_COMPONENTS = 10
CHUNK = 1 << 17  # intervals summed in one piece: a few megabytes
BLOCK = 16384  # draws per block: six rows of z stay in a 1 MB cache; also the unit of the random streams

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MonomialSums:
    """Coefficients of the total as a polynomial of the standardised systematic errors.

    Parameters
    ----------
    values : ndarray, shape (2**J,)
        ``values[S]`` is sum_t w_t E_t prod_{j in S} u_jt / E_t, S a bit mask over `names`.
    names : tuple of str
        The J components, lowest bit first.
    count, missing, unknown : int
        Intervals used; skipped because the emission is NaN; skipped because an uncertainty is NaN.
    """

    values: Array
    names: tuple[str, ...] = ()
    count: int = 0
    missing: int = 0
    unknown: int = 0

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype=dtype, copy=True if copy is None else copy)

    def __add__(self, other: MonomialSums) -> MonomialSums:
        """Merge two records whose components are the same errors (same names, same z)."""
        if self.names != other.names:
            raise InputError(
                "only records with the same systematic components can be merged",
                found=", ".join(other.names), need=", ".join(self.names), hint="use combine_totals",
            )  # fmt: skip
        counts = (self.count + other.count, self.missing + other.missing, self.unknown + other.unknown)
        return MonomialSums(self.values + other.values, self.names, *counts)

    def scaled(self, weight: float) -> MonomialSums:
        """Multiply the record by a number (kg)."""
        return replace(self, values=self.values * weight)

    @property
    def first_order(self) -> dict[str, float]:
        """First-order systematic uncertainty of each component (same unit as the total)."""
        return {name: float(abs(self.values[1 << j])) for j, name in enumerate(self.names)}

    @property
    def variance(self) -> float:
        """Exact variance for independent z of mean 0 and variance 1: the sum of squared coefficients."""
        return float(np.sum(self.values[1:] ** 2))


def monomial_sums(
    emission: npt.ArrayLike,
    u_components: npt.ArrayLike,
    *,
    weights: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    threads: int | None = None,
) -> MonomialSums:
    """Reduce a record to the sums that are sufficient for its total and every Monte Carlo of it.

    Parameters
    ----------
    emission : array, shape (n,)
        Emission per interval (for example kg s-1); NaN is missing, skipped and counted.
    u_components : array, shape (J, n)
        Standard uncertainty of each systematic component, same unit; J at most 10.
    weights : array, shape (n,), optional
        Factor per interval (seconds); 1 by default.
    names : sequence of str, optional
        Component names; ``"0", "1", ...`` by default.
    threads : int, optional
        Threads to use for long records; the result does not depend on it.

    Returns
    -------
    MonomialSums
        The 2**J sums and the counts.

    Raises
    ------
    InputError
        If shapes disagree or J is larger than 10.
    """
    e = plain(emission)
    u = plain(u_components)
    if u.size == 0 and u.ndim < 2:
        u = u.reshape(0, e.size)
    if e.ndim != 1 or u.ndim != 2 or u.shape[1] != e.size:
        raise InputError(
            "emission and its systematic uncertainties do not fit",
            found=f"shapes {e.shape} and {u.shape}", need="(n,) and (J, n)",
        )  # fmt: skip
    if u.shape[0] > MAX_COMPONENTS:
        raise InputError("too many systematic components", found=str(u.shape[0]), need=f"at most {MAX_COMPONENTS}")
    labels = tuple(str(j) for j in range(u.shape[0])) if names is None else tuple(names)
    if len(labels) != u.shape[0] or len(set(labels)) != len(labels):
        raise InputError("component names do not fit", found=", ".join(labels), need=f"{u.shape[0]} distinct names")
    w = weights_of(weights, e.size)
    sums, counts = _summed(e, u, w, usable_threads(threads))
    return MonomialSums(sums, labels, *(int(c) for c in counts))


def _summed(e: Array, u: Array, w: Array, threads: int) -> tuple[Array, npt.NDArray[np.int64]]:
    """Sum in chunks of fixed size, added in order: the number of threads does not matter."""

    def work(start: int) -> tuple[Array, npt.NDArray[np.int64]]:
        part = slice(start, start + CHUNK)
        sums, counts = np.zeros(1 << u.shape[0]), np.zeros(3, dtype=np.int64)
        rows = u if e.size <= CHUNK else np.ascontiguousarray(u[:, part])
        _kernels.monomial_sums(e[part], rows, w[part], sums, counts)
        return sums, counts

    starts = range(0, max(e.size, 1), CHUNK)
    if threads > 1 and len(starts) > 1:
        with ThreadPoolExecutor(threads) as pool:
            parts = list(pool.map(work, starts))
    else:
        parts = [work(start) for start in starts]
    return np.sum([p[0] for p in parts], axis=0), np.sum([p[1] for p in parts], axis=0)


def plain(x: Any) -> Array:
    """C-contiguous, writable float64: one specialisation of every kernel."""
    return np.require(x, dtype=np.float64, requirements=("C", "W"))


def weights_of(weights: npt.ArrayLike | None, n: int) -> Array:
    """Return one finite weight per interval; 1 by default."""
    if weights is None:
        return np.ones(n)
    w = np.array(np.broadcast_to(np.asarray(weights, dtype=np.float64), (n,)))
    if not np.all(np.isfinite(w)):
        raise InputError("an interval has no known length", need="seconds for every interval")
    return w


@dataclass(frozen=True)
class Record:
    """One polynomial of a sum, and which of its components are drawn once for all records."""

    sums: Array
    names: tuple[str, ...]
    shapes: tuple[Shape, ...]
    shared: tuple[int, ...]  # row of the shared z for each component, -1 for its own


def _draw_block(records: Sequence[Record], shared: Sequence[Shape], u_random: float, seed: Any, out: Array) -> None:
    """Fill `out` (one block of BLOCK draws) from the block's own stream."""
    rng = np.random.Generator(np.random.SFC64(seed))
    own = max((sum(row < 0 for row in r.shared) for r in records), default=0)
    z = np.empty((len(shared) + own, BLOCK))
    rng.standard_normal(out=out)
    out *= u_random
    for row, shape in enumerate(shared):
        fill_standard(rng, shape, z[row])
    for record in records:
        rows = np.array(record.shared, dtype=np.int64)
        free = len(shared)
        for j, row in enumerate(record.shared):
            if row < 0:
                fill_standard(rng, record.shapes[j], z[free])
                rows[j] = free
                free += 1
        _kernels.add_multilinear(record.sums, z, rows, out)


def sample_records(
    records: Sequence[Record],
    shared: Sequence[Shape],
    u_random: float,
    draws: int,
    entropy: int,
    threads: int | None,
) -> Array:
    """Draw in blocks; every block has its own stream, so the number of threads does not matter."""
    blocks = -(-draws // BLOCK)
    out = np.empty(blocks * BLOCK)

    def work(block: int) -> None:
        seed = np.random.SeedSequence(entropy, spawn_key=(block,))
        _draw_block(records, shared, u_random, seed, out[block * BLOCK : (block + 1) * BLOCK])

    workers = min(usable_threads(threads), blocks)
    if workers <= 1:
        for block in range(blocks):
            work(block)
    else:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(work, range(blocks)))
    return out[:draws]


def sample_total(
    sums: MonomialSums | npt.ArrayLike,
    u_random_total: float = 0.0,
    draws: int = 1_000_000,
    rng: int | np.random.Generator = 0,
    shapes: Mapping[str, Any] | Sequence[Any] | None = None,
    *,
    threads: int | None = None,
) -> Array:
    """Draw the total: the polynomial at draws of z, plus a normal random part.

    Parameters
    ----------
    sums : MonomialSums or array, shape (2**J,)
        Coefficients, bit mask order.
    u_random_total : float
        Standard uncertainty of the total from random errors, same unit.
    draws : int
        Number of draws; a smaller number gives the first draws of a larger one.
    rng : int or Generator
        Seed, or a generator from which one is taken.
    shapes : mapping or sequence, optional
        Distribution per component: "normal" (default), "rectangular", "triangular", or ("t", degrees of
        freedom), for which the standard uncertainty is the scale (JCGM 101, 6.4.9).
    threads : int, optional
        Threads to use; the result does not depend on it.

    Returns
    -------
    ndarray, shape (draws,)
        Values of the total.
    """
    if draws < 1:
        raise InputError("at least one draw is needed", found=str(draws))
    values = plain(np.asarray(sums))
    components = max(values.size.bit_length() - 1, 0)
    if values.ndim != 1 or values.size != 1 << components:
        raise InputError("monomial sums have a wrong size", found=str(values.shape), need="a power of two")
    names = sums.names if isinstance(sums, MonomialSums) else tuple(str(j) for j in range(components))
    record = Record(values, names, shapes_of(names, shapes), (-1,) * components)
    return sample_records([record], (), float(u_random_total), draws, entropy_of(rng), threads)


def shapes_of(names: Sequence[str], shapes: Mapping[str, Any] | Sequence[Any] | None) -> tuple[Shape, ...]:
    """Return the distribution of each component; normal by default."""
    if shapes is None:
        return tuple(shape_of("normal") for _ in names)
    if isinstance(shapes, Mapping):
        return tuple(shape_of(shapes.get(name, "normal")) for name in names)
    if len(shapes) != len(names):
        raise InputError("shapes do not fit", found=f"{len(shapes)} shapes", need=f"one for each of {len(names)}")
    return tuple(shape_of(shape) for shape in shapes)
