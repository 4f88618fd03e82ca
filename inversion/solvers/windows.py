"""H Q H' where each observation sees a window of the periods: every pair of observations only where both windows meet.

Observation a sees the periods first_a to last_a. With E = L L' and G_i = H_i diag(sigma_i), let B_i[a] = G_i[a] +
rho_(i+1) B_(i+1)[a] go backward and F_i[a] = G_i[a] + rho_i F_(i-1)[a] forward in time. For a pair with s = first_a >=
first_b, what b saw before s meets all that a saw through one product, and the rest telescopes, because D is stationary:

    S_ab = rho_s F_(s-1)[b] E B_s[a]' + rho_s^2 B_s[b] E B_s[a]' + sum_(i >= s) c_i^2 B_i[a] E B_i[b]',

c_i^2 = 1 - rho_i^2. The sum runs over periods in both windows, so that a period costs (rows whose window holds it)^2 r
operations; the first term costs 2 r for each pair, whether windows meet or only the tail of the correlation does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from inversion._blas import blas
from inversion.covariance import Covariance
from inversion.sensitivity import Array, Sensitivity, Sparse
from inversion.space import Independent
from inversion.time import Markov, TimeCorrelation

__all__ = ["REACH", "Target", "Windows", "add_windows", "whitened", "windows_of"]

REACH = 34.5  # e-foldings after which a correlation, 1e-15, is nothing beside rounding
_INNER = 256  # columns of a symmetric update, so that it runs at the speed of the machine
_SMALL, _SMALL_SINGLE = 1e-100, 1e-20  # weight below which it goes into the row, in double and in single precision
_FEW = 0.15  # share of values in a slab below which they are whitened one by one

Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Windows:
    """Periods that observations see, and up to which they matter.

    Parameters
    ----------
    first, last : array of int, shape (n,)
        First and last period seen; an observation that sees none has first = p, last = -1.
    limit : array of int, shape (n,)
        Last period with which the correlation does not vanish.
    """

    first: Index
    last: Index
    limit: Index

    def open_rows(self) -> Index:
        """Return how many windows are open at each period, (p,)."""
        p = int(self.last.max(initial=-1)) + 1
        begun, ended = np.sort(self.first[self.last >= 0]), np.sort(self.last[self.last >= 0])
        t = np.arange(p)
        return np.searchsorted(begun, t, "right") - np.searchsorted(ended, t, "left")

    def take(self, rows: Index) -> Windows:
        """Return the windows of some observations."""
        return Windows(self.first[rows], self.last[rows], self.limit[rows])


class Target(Protocol):
    """A matrix whose element (i, j), i >= j, is flat[offset[j] + i]; observation a is its row place[a]."""

    place: Index
    offset: Index
    flat: npt.NDArray[Any]


def windows_of(h: Sensitivity, time: TimeCorrelation, reach: float = REACH) -> Windows:
    """Return the windows of a sensitivity, and how far each matters."""
    assert isinstance(time, Markov)
    first, last = h.window()
    limit = np.full(first.size, h.shape[1] - 1, dtype=np.int64)
    if np.isfinite(time.length):
        until = time.centre[np.maximum(last, 0)] + reach * time.length
        limit = np.searchsorted(time.centre, until, side="right").astype(np.int64) - 1
    return Windows(first, last, np.where(last >= 0, np.maximum(limit, last), -1))


def whitened(values: Array, sigma: Array, lower: Array | None) -> Array:
    """Return (values * sigma) L, (rows, r), L in C order."""
    scaled = values * sigma
    if lower is None:
        return scaled
    return blas.dtrmm(1.0, lower.T, scaled.T, side=0, lower=0, overwrite_b=1).T  # L', as it lies in memory, is upper


def add_windows(h: Sensitivity, q: Covariance, windows: Windows, target: Target, dtype: Any = np.float64) -> None:
    """Add H Q H' of one block to the lower triangle of a matrix that holds all pairs whose windows meet or nearly so.

    Parameters
    ----------
    h : Sensitivity
        (n, p, r).
    q : Covariance
        Exponential in time.
    windows : Windows
        Of h.
    target : Target
        Is changed.
    dtype : type
        float64, or float32 for a preconditioner.
    """
    one = _Open(h, q, windows, target, dtype)
    for top in range(h.shape[1] - 1, -1, -one.batch):
        one.sweep(range(top, max(top - one.batch, -1), -1))
    spread = one.spread
    del one
    _before(h, q, windows, spread, target)


def _before(h: Sensitivity, q: Covariance, windows: Windows, spread: Array, target: Target) -> None:
    """Add rho_s F_(s-1)[b] E B_s[a]' for all pairs; spread (n, r) is B_s E."""
    from ghg.core import jit
    from inversion import _kernels

    assert isinstance(q.time, Markov)
    n, p, r = h.shape
    entering = _by_period(np.where(windows.last >= 0, windows.first, -1), p)
    leaving = _by_period(np.where(windows.last >= 0, windows.limit, -1), p)
    size = int(Windows(windows.first, windows.limit, windows.limit).open_rows().max(initial=1))
    free = list(range(size))[::-1]
    slot, row = np.full(n, -1, dtype=np.int64), np.full(size, -1, dtype=np.int64)
    # F is weight x carried, so that rows at rest cost nothing
    carried, weight = np.zeros((size, r), spread.dtype), np.ones(size, spread.dtype)
    least = _SMALL_SINGLE if spread.dtype == np.float32 else _SMALL
    for t in range(p):
        new = entering[t]
        weight *= float(q.time.rho[t]) if t else 1.0
        small = np.flatnonzero(weight < least)
        carried[small] *= weight[small, None]
        weight[small] = 1.0
        if t and new.size and q.time.rho[t] > 0.0 and (row >= 0).any():
            products = (spread[new] @ carried.T) * weight
            place = target.place[new]
            jit.spread(_kernels.add_pairs, new.size, products, place, row, target.offset, target.flat, least=64)
        slots = np.array([free.pop() for _ in range(new.size)], dtype=np.int64)
        slot[new], row[slots], weight[slots] = slots, target.place[new], 1.0
        if isinstance(h, Sparse):
            rows, first, stop = h.period(t)
            begin, scale = t * r, np.ascontiguousarray(q.sigma[t])
            own = first, stop, h.column, h.values
            jit.spread(_kernels.add_scaled, rows.size, *own, begin, scale, slot[rows], weight, carried, least=64)
        else:
            rows, values = h.slab(t)
            slots = slot if rows is None else slot[rows]
            if slots.size:
                carried[slots] += values * q.sigma[t] / weight[slots, None]
        gone = slot[leaving[t]]
        carried[gone], row[gone] = 0.0, -1
        free.extend(gone[::-1].tolist())


class _Open:
    """Rows whose window is open, each in a slot of its own, and the sum of the products of all pairs of them."""

    def __init__(self, h: Sensitivity, q: Covariance, windows: Windows, target: Target, dtype: Any) -> None:
        assert isinstance(q.time, Markov)
        self.h, self.q, self.time, self.windows, self.target = h, q, q.time, windows, target
        n, p, r = h.shape
        kind = "s" if dtype == np.float32 else "d"
        self.syrk, self.gemm = getattr(blas, f"{kind}syrk"), getattr(blas, f"{kind}gemm")
        self.batch = max(1, _INNER // r)
        lower = q.space.lower()
        self.lower = None if lower is None else np.ascontiguousarray(lower)
        few = isinstance(h, Sparse) and lower is not None and h.nonzeros < _FEW * r * float(windows.open_rows().sum())
        self.sparse = h if few and isinstance(h, Sparse) else None
        size = self._slots(p)
        self.free = list(range(size))[::-1]
        self.slot = np.full(n, -1, dtype=np.int64)
        self.row = np.full(size, -1, dtype=np.int64)
        self.left = np.zeros((size, r), dtype)  # B L
        mixed = lower is None and not isinstance(q.space, Independent)  # no root of E: one side is B, the other B E
        self.right = np.zeros((size, r), dtype) if mixed else self.left
        self.product = np.zeros((size, size), dtype, order="F")
        self.buffer = [np.zeros((size, self.batch, r), dtype) for _ in range(1 + mixed)] if self.batch > 1 else []
        self.entering = _by_period(windows.last, p)
        self.leaving = _by_period(np.where(windows.last >= 0, windows.first, -1), p)
        self.spread = np.zeros((n, r), dtype)  # B_s E of the rows whose window is behind

    def _slots(self, p: int) -> int:
        """Return the most windows that meet one batch of periods."""
        seen = self.windows.last >= 0
        top = np.arange(p - 1, -1, -self.batch)
        bottom = np.maximum(top - self.batch + 1, 0)
        begun, ended = np.sort(self.windows.first[seen]), np.sort(self.windows.last[seen])
        return int(np.max(np.searchsorted(begun, top, "right") - np.searchsorted(ended, bottom, "left"), initial=1))

    def sweep(self, periods: range) -> None:
        """Go through some periods, backward, and hand the pairs of rows whose window is then behind to the target."""
        from ghg.core import jit
        from inversion import _kernels

        done: list[Index] = []
        for k, t in enumerate(periods):
            self._step(t)
            scale = float(self.time.innovation[t]) if t else 1.0
            if self.batch == 1:
                self._multiply(scale * scale, self.left, self.right)
            else:
                for one, buffer in zip((self.left, self.right), self.buffer, strict=False):
                    np.multiply(one, scale, out=buffer[:, k])
            if self.leaving[t].size:
                done.append(self._finish(t))
        if self.batch > 1:
            used = [np.ascontiguousarray(b[:, : len(periods)]).reshape(b.shape[0], -1) for b in self.buffer]
            self._multiply(1.0, used[0], used[-1])
        if done:
            slots = np.concatenate(done)
            target = self.target
            jit.spread(
                _kernels.flush_pairs, slots.size, self.product, slots, self.row, target.offset, target.flat, least=64
            )
            self.row[slots] = -1
            self.free.extend(slots[::-1].tolist())

    def _step(self, t: int) -> None:
        """Go from B at t + 1 to B at t."""
        from ghg.core import jit
        from inversion import _kernels

        decay = float(self.time.rho[t + 1]) if t + 1 < self.h.shape[1] else 1.0
        new = self.entering[t]
        slots = np.array([self.free.pop() for _ in range(new.size)], dtype=np.int64)
        self.slot[new], self.row[slots] = slots, self.target.place[new]
        if self.sparse is not None:
            h, scale = self.sparse, np.ascontiguousarray(self.q.sigma[t])
            rows, first, stop = h.period(t)
            slots = self.slot[rows]
            idle = self.row >= 0  # rows that are open and see nothing now
            idle[slots] = False
            self.left[idle] *= decay
            own = first, stop, h.column, h.values, t * h.shape[2], scale
            jit.spread(_kernels.add_whitened, slots.size, *own, slots, self.lower, True, decay, self.left, least=16)
            return
        self.left *= decay
        if self.right is not self.left:
            self.right *= decay
        rows, values = self.h.slab(t)
        slots = self.slot if rows is None else self.slot[rows]
        if not slots.size:
            return
        g = whitened(values, self.q.sigma[t], self.lower)
        self.left[slots] += g
        if self.right is not self.left:
            self.right[slots] += self.q.space.apply(np.ascontiguousarray(g.T)[:, None, :])[:, 0, :].T

    def _multiply(self, scale: float, left: Array, right: Array) -> None:
        """Add scale left right', which is symmetric, to the lower triangle of the product."""
        if left is right:
            found = self.syrk(scale, left.T, beta=1.0, c=self.product, trans=1, lower=1, overwrite_c=1)
        else:
            found = self.gemm(scale, left.T, right.T, beta=1.0, c=self.product, trans_a=1, overwrite_c=1)
        if found is not self.product and not np.shares_memory(found, self.product):
            self.product[...] = found

    def _finish(self, t: int) -> Index:
        """Close the windows that begin at t."""
        from ghg.core import jit
        from inversion import _kernels

        rows = self.leaving[t]
        slots = self.slot[rows]
        if (rho := float(self.time.rho[t])) > 0.0:
            products = rho * rho * (self.left[slots] @ self.right.T)
            jit.spread(_kernels.fold_pairs, slots.size, products, slots, self.product, least=64)
        back = self.right[slots]
        self.spread[rows] = back if self.lower is None else back @ self.lower.T
        self.left[slots] = 0.0
        self.right[slots] = 0.0
        return slots


def _by_period(period: Index, p: int) -> list[Index]:
    """Return the observations at each period; negative ones are left out."""
    order = np.argsort(period, kind="stable")
    edges = np.searchsorted(period[order], np.arange(p + 1))
    return [order[edges[t] : edges[t + 1]] for t in range(p)]
