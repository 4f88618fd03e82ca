"""Footprints spread over the workers of a dask cluster: H in blocks of rows, products with vectors as tasks.

Each worker holds some observations' footprints; H x is a task for each block, H' y one for each and a sum of pairs of
blocks in a fixed order, so that results do not depend on which worker is quick. Vectors of the state and observations
stay with the caller. Needs the extra ``cluster``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.problem import Problem
from inversion.sensitivity import Array, Rows, Sensitivity

__all__ = ["Spread", "connect", "spread"]


def connect(cluster: Any) -> Any:
    """Return a client of a dask cluster, given one or the address of its scheduler ("tcp://host:8786").

    Raises
    ------
    InputError
        The extra is not installed, or nothing answers at the address.
    """
    if not isinstance(cluster, str):
        return cluster
    try:
        from distributed import Client  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise InputError(
            "a cluster needs the package 'distributed'", hint="pip install ghg-toolkit[cluster]"
        ) from error
    try:
        return Client(cluster, timeout="10s")
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError("no scheduler of a dask cluster answers", where=cluster, found=str(error)) from error


class Spread(Sensitivity):
    """H of one block of the state, in blocks of rows on workers.

    Parameters
    ----------
    client : distributed.Client
        Of the cluster.
    pieces : sequence of futures
        Sensitivities on the workers; their rows one after the other are the observations.
    sizes : sequence of int
        Rows of each.
    shape : tuple of int
        (n, p, r).
    nonzeros : int
        Number of values in all.
    """

    def __init__(
        self, client: Any, pieces: Sequence[Any], sizes: Sequence[int], shape: tuple[int, int, int], nonzeros: int
    ) -> None:
        self.client, self.pieces, self.shape, self._nonzeros = client, list(pieces), shape, nonzeros
        self.edges = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)

    @classmethod
    def of(cls, h: Sensitivity, client: Any, blocks: int) -> Spread:
        """Send the rows of a sensitivity to the workers."""
        parts = [part for part in np.array_split(np.arange(h.shape[0]), blocks) if part.size]
        pieces = [client.scatter(h.take(part), hash=False) for part in parts]
        return cls(client, pieces, [part.size for part in parts], h.shape, h.nonzeros)

    @classmethod
    def made(
        cls, make: Callable[[npt.NDArray[np.int64]], Sensitivity], client: Any, shape: tuple[int, int, int],
        blocks: int, nonzeros: int,
    ) -> Spread:  # fmt: skip
        """Let each worker make its rows itself: ``make(rows)`` returns their sensitivity. H is then nowhere whole."""
        parts = [part for part in np.array_split(np.arange(shape[0]), blocks) if part.size]
        pieces = [client.submit(make, part, pure=False) for part in parts]
        return cls(client, pieces, [part.size for part in parts], shape, nonzeros)

    @property
    def nonzeros(self) -> int:
        """Number of values in all blocks."""
        return self._nonzeros

    def _each(self, function: Callable[..., Any], *given: Any) -> list[Any]:
        return self.client.gather([self.client.submit(function, p, *given, pure=False) for p in self.pieces])

    def forward(self, x: Array) -> Array:
        """Return H x for x (r, p, k) -> (n, k)."""
        sent = self.client.scatter(x, broadcast=True, hash=False)
        return np.concatenate(self._each(_forward, sent))

    def adjoint(self, y: Array) -> Array:
        """Return H' y for y (n, k) -> (r, p, k)."""
        parts = [self.client.submit(_adjoint, p, y[a:b], pure=False)
                 for p, a, b in zip(self.pieces, self.edges[:-1], self.edges[1:], strict=True)]  # fmt: skip
        while len(parts) > 1:
            pairs = [parts[k : k + 2] for k in range(0, len(parts), 2)]
            parts = [self.client.submit(_add, *pair, pure=False) if len(pair) > 1 else pair[0] for pair in pairs]
        return self.client.gather(parts[0])

    def slab(self, t: int) -> tuple[Rows, Array]:
        """Return the rows that see one period, and their values."""
        found = self._each(_slab, t)
        rows = [np.arange(len(values)) if rows is None else rows for rows, values in found]
        moved = [one + first for one, first in zip(rows, self.edges[:-1], strict=True)]
        return np.concatenate(moved), np.concatenate([values for _, values in found])

    def window(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the first and the last period that each observation sees."""
        found = self._each(_window)
        return np.concatenate([one[0] for one in found]), np.concatenate([one[1] for one in found])

    def take(self, rows: npt.NDArray[np.int64]) -> Spread:
        """Return some observations, in blocks where they were.

        Raises
        ------
        InputError
            Rows that do not ascend: blocks stay on their workers.
        """
        rows = np.asarray(rows, dtype=np.int64)
        if (np.diff(rows) <= 0).any():
            raise InputError("observations on a cluster can be left out, but not put in another order")
        inside = [rows[(rows >= a) & (rows < b)] - a for a, b in zip(self.edges[:-1], self.edges[1:], strict=True)]
        kept = [(p, one) for p, one in zip(self.pieces, inside, strict=True) if one.size]
        pieces = [self.client.submit(_take, p, one, pure=False) for p, one in kept]
        share = rows.size / max(1, self.shape[0])
        shape = (int(rows.size), *self.shape[1:])
        return Spread(self.client, pieces, [one.size for _, one in kept], shape, round(self._nonzeros * share))


def spread(problem: Problem, cluster: Any, blocks: int | None = None, least: int = 1_000_000) -> Problem:
    """Return a problem whose large sensitivities lie on the workers of a cluster.

    Parameters
    ----------
    problem : Problem
        The problem.
    cluster : distributed.Client or str
        Client, or address of the scheduler.
    blocks : int, optional
        Blocks of rows; by default two for each thread of the cluster.
    least : int
        Values of a sensitivity below which it stays with the caller.
    """
    client = connect(cluster)
    count = blocks or max(1, 2 * sum(client.nthreads().values()))
    moved = [replace(b, sensitivity=Spread.of(b.sensitivity, client, count))
             if b.sensitivity.nonzeros >= least and not isinstance(b.sensitivity, Spread) else b
             for b in problem.blocks]  # fmt: skip
    return replace(problem, blocks=tuple(moved))


def _forward(piece: Sensitivity, x: Array) -> Array:
    return piece.forward(np.asarray(x))


def _adjoint(piece: Sensitivity, y: Array) -> Array:
    return piece.adjoint(np.ascontiguousarray(y))


def _add(a: Array, b: Array) -> Array:
    return a + b


def _slab(piece: Sensitivity, t: int) -> tuple[Rows, Array]:
    return piece.slab(t)


def _window(piece: Sensitivity) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return piece.window()


def _take(piece: Sensitivity, rows: npt.NDArray[np.int64]) -> Sensitivity:
    return piece.take(rows)
