"""The linear problem that every solver takes: y = background + sum over blocks of H x + e, e ~ N(0, R).

State, observations and errors are in SI: fluxes [mol m-2 s-1, positive to the atmosphere], mole fractions [mol mol-1],
sensitivities in the ratio of the two. A block may have covariates: x = prior + sum_j beta_j X_j + zeta with a flat
prior on beta (the geostatistical form).

References
----------
Michalak, Bruhwiler & Tans (2004), J. Geophys. Res. 109, D14109. Tarantola (2005), Inverse Problem Theory, ch. 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.covariance import Covariance, DenseCovariance
from inversion.error import ObservationError
from inversion.grid import Grid
from inversion.sensitivity import Array, Sensitivity

__all__ = ["Basis", "Block", "Problem"]

Kind = Literal["flux", "boundary", "offset", "rest"]
Distribution = Literal["normal", "truncated", "lognormal"]


class Basis(Protocol):
    """How a block of merged cells belongs to its full grid; :class:`inversion.merged.Merged` is one."""

    @property
    def full(self) -> Block:
        """The block on its full grid."""
        ...

    @property
    def rest(self) -> str:
        """Name of the block of what is within groups; empty where the observations do not see it."""
        ...

    @property
    def groups(self) -> int:
        """Number of groups."""
        ...

    def rows(self, columns: Array) -> tuple[Array, Array, Array]:
        """Return what rows of the full grid are of both blocks, and the covariance of what neither sees."""
        ...


@dataclass(frozen=True)
class Block:
    """A part of the state with its own resolution and prior: fossil, land biosphere, ocean, boundary, site offsets.

    Parameters
    ----------
    name : str
        Of the block.
    sensitivity : Sensitivity
        H, (n, p, r).
    prior : array, shape (p, r)
        Prior mean, in `units`.
    covariance : Covariance
        Of the deviation from the prior (and from the covariates).
    time_bounds : array of datetime64[ns], shape (p, 2)
        Periods, in order.
    kind : {"flux", "boundary", "offset", "rest"}
        What it is; only fluxes have an area and totals. "rest": what is within the groups of a merged block.
    units : str
        "mol m-2 s-1" for fluxes; "1" for factors, "mol mol-1" for boundary values and offsets.
    grid : Grid, optional
        Cells of a flux block.
    labels : tuple of str
        Names of the r elements of a block without grid (sides, sites, regions).
    covariates : dict of str to array (p, r)
        Columns of X, in `units` (beta is then a number without unit) or in any other unit.
    distribution : {"normal", "truncated", "lognormal"}
        Prior of each element. "truncated": normal with mean `prior` and the covariance before it is cut at `lower`.
        "lognormal": ln x is normal; `prior` is the mean of x and sigma the standard deviation of ln x. The Gaussian
        solvers take "normal" only.
    lower : float
        Least value of a truncated block.
    basis : Basis, optional
        The full grid of a block whose cells were merged.
    """

    name: str
    sensitivity: Sensitivity
    prior: Array
    covariance: Covariance | DenseCovariance
    time_bounds: npt.NDArray[np.datetime64]
    kind: Kind = "flux"
    units: str = "mol m-2 s-1"
    grid: Grid | None = None
    labels: tuple[str, ...] = ()
    covariates: dict[str, Array] = field(default_factory=dict)
    distribution: Distribution = "normal"
    lower: float = 0.0
    basis: Basis | None = None

    def __post_init__(self) -> None:
        """Check that the parts fit together."""
        _, p, r = self.sensitivity.shape
        where = f"block '{self.name}'"
        prior = np.array(self.prior, dtype=np.float64)
        if prior.shape != (p, r) or self.covariance.shape != (p, r):
            found = f"prior {prior.shape}, covariance {self.covariance.shape}"
            raise InputError("the prior does not fit the sensitivity", where=where, found=found, need=f"({p}, {r})")
        if not np.isfinite(prior).all():
            raise InputError("the prior holds missing values", where=where,
                             found=f"{int((~np.isfinite(prior)).sum())} of {prior.size}")  # fmt: skip
        bounds = np.asarray(self.time_bounds).astype("datetime64[ns]")
        if bounds.shape != (p, 2) or (bounds[:, 0] >= bounds[:, 1]).any() or (bounds[1:, 0] < bounds[:-1, 1]).any():
            raise InputError("the periods of the state are not in order, or overlap", where=where,
                             found=f"{bounds.shape[0]} periods", need=f"{p} periods one after the other")  # fmt: skip
        if self.grid is not None and self.grid.cells != r:
            raise InputError("the grid does not fit the sensitivity", where=where, found=f"{self.grid.cells} cells",
                             need=str(r))  # fmt: skip
        if self.labels and len(self.labels) != r:
            raise InputError("the labels do not fit the sensitivity", where=where, found=str(len(self.labels)))
        for name, values in self.covariates.items():
            if np.shape(values) != (p, r) or not np.isfinite(values).all() or not np.any(values):
                raise InputError("a covariate does not fit the state, is missing somewhere, or is zero everywhere",
                                 where=f"{where}, covariate '{name}'", need=f"({p}, {r}) finite values")  # fmt: skip
        object.__setattr__(self, "prior", prior)
        object.__setattr__(self, "time_bounds", bounds)

    @property
    def periods(self) -> int:
        """p."""
        return self.sensitivity.shape[1]

    @property
    def elements(self) -> int:
        """r."""
        return self.sensitivity.shape[2]

    @property
    def size(self) -> int:
        """p r."""
        return self.periods * self.elements

    @property
    def prior_column(self) -> Array:
        """The prior as a vector of the state, (r, p, 1)."""
        return np.ascontiguousarray(self.prior.T)[:, :, None]

    def covariate_columns(self) -> Array:
        """Return X as vectors of the state, (r, p, q)."""
        columns = [np.asarray(values, dtype=np.float64).T for values in self.covariates.values()]
        return np.stack(columns, axis=2) if columns else np.zeros((self.elements, self.periods, 0))


@dataclass(frozen=True)
class Problem:
    """Observations, their error, and the blocks of the state.

    Parameters
    ----------
    observed : array, shape (n,)
        Dry mole fractions [mol mol-1].
    error : ObservationError
        R.
    blocks : sequence of Block
        Independent of each other before the observations.
    time : array of datetime64[ns], shape (n,)
        Start of the interval of each observation.
    site : array of str, shape (n,)
        Site of each observation.
    background : array, shape (n,), optional
        Mole fraction that is known and not estimated [mol mol-1].
    withheld : array of bool, shape (n,), optional
        Observations that are predicted and not used.
    species : str
        For masses: "CO2", "CH4".
    places : dict
        Latitude, longitude [degrees] and altitude [m] of the sites where they are known.
    """

    observed: Array
    error: ObservationError
    blocks: tuple[Block, ...]
    time: npt.NDArray[np.datetime64]
    site: npt.NDArray[np.str_]
    background: Array | None = None
    withheld: npt.NDArray[np.bool_] | None = None
    species: str = "CO2"
    places: dict[str, tuple[float, float, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the parts fit together and hold numbers."""
        observed = np.array(self.observed, dtype=np.float64).ravel()
        n = observed.size
        object.__setattr__(self, "observed", observed)
        object.__setattr__(self, "blocks", tuple(self.blocks))
        object.__setattr__(self, "time", np.asarray(self.time).astype("datetime64[ns]"))
        object.__setattr__(self, "site", np.asarray(self.site, dtype=str))
        base = np.zeros(n) if self.background is None else np.array(self.background, dtype=np.float64)
        object.__setattr__(self, "background", base)
        held = np.zeros(n, dtype=bool) if self.withheld is None else np.array(self.withheld, dtype=bool)
        object.__setattr__(self, "withheld", held)
        if not n or not self.blocks:
            raise InputError("an inversion needs observations and a state", found=f"{n} observations, "
                             f"{len(self.blocks)} blocks")  # fmt: skip
        sizes = {"errors": self.error.size, "times": self.time.size, "sites": self.site.size, "background": base.size,
                 "withheld": held.size}  # fmt: skip
        sizes |= {f"sensitivity of '{b.name}'": b.sensitivity.shape[0] for b in self.blocks}
        if wrong := [f"{size} {name}" for name, size in sizes.items() if size != n]:
            raise InputError("the parts of the problem do not fit", found=", ".join(wrong), need=f"{n} observations")
        if not (np.isfinite(observed) & np.isfinite(base)).all():
            bad = int((~(np.isfinite(observed) & np.isfinite(base))).sum())
            raise InputError("observations or background are missing", found=f"{bad} of {n}", hint="leave them out")
        if len({b.name for b in self.blocks}) < len(self.blocks):
            raise InputError("two blocks have the same name", found=", ".join(b.name for b in self.blocks))

    @property
    def n(self) -> int:
        """Number of observations."""
        return int(self.observed.size)

    @property
    def m(self) -> int:
        """Number of unknowns, coefficients of covariates not counted."""
        return sum(b.size for b in self.blocks)

    def block(self, name: str) -> Block:
        """Return a block by name."""
        for one in self.blocks:
            if one.name == name:
                return one
        raise InputError("there is no such block", found=f"'{name}'", need=", ".join(b.name for b in self.blocks))

    def forward(self, state: Sequence[Array]) -> Array:
        """Return the sum of H x over blocks, x (r, p, k) each -> (n, k)."""
        parts = [b.sensitivity.forward(x) for b, x in zip(self.blocks, state, strict=True)]
        return np.sum(parts, axis=0)

    def adjoint(self, y: Array) -> list[Array]:
        """Return H' y by block, (r, p, k) each."""
        return [b.sensitivity.adjoint(y) for b in self.blocks]

    def covariance(self, state: Sequence[Array]) -> list[Array]:
        """Return Q x by block."""
        return [b.covariance.apply(x) for b, x in zip(self.blocks, state, strict=True)]

    def prior_mean(self) -> Array:
        """Return what the prior predicts, background included, (n,)."""
        assert self.background is not None
        return self.background + self.forward([b.prior_column for b in self.blocks])[:, 0]

    def innovation(self) -> Array:
        """Return observed minus predicted by the prior, (n,)."""
        return self.observed - self.prior_mean()

    def drift(self) -> Array:
        """Return H X, (n, q): what one unit of each coefficient of a covariate adds to the observations."""
        parts = [b.sensitivity.forward(b.covariate_columns()) for b in self.blocks if b.covariates]
        return np.concatenate(parts, axis=1) if parts else np.zeros((self.n, 0))

    def coefficient_names(self) -> list[str]:
        """Return the names of the coefficients, "block: covariate"."""
        return [f"{b.name}: {name}" for b in self.blocks for name in b.covariates]

    def take(self, rows: npt.NDArray[np.int64]) -> Problem:
        """Return the problem with some observations only, in the order of `rows`."""
        assert self.background is not None and self.withheld is not None
        blocks = tuple(replace(b, sensitivity=b.sensitivity.take(rows)) for b in self.blocks)
        return replace(self, observed=self.observed[rows], error=self.error.take(rows), blocks=blocks,
                       time=self.time[rows], site=self.site[rows], background=self.background[rows],
                       withheld=self.withheld[rows])  # fmt: skip

    def dense(self) -> tuple[Array, Array, Array, Array, Array]:
        """Return (d, H, x_a, Q, R) as plain arrays, for small problems, samplers and references.

        d is observed minus background; columns of H run by block, then period, then cell.
        """
        assert self.background is not None
        h = np.concatenate([b.sensitivity.dense().reshape(self.n, -1) for b in self.blocks], axis=1)
        prior = np.concatenate([b.prior.ravel() for b in self.blocks])
        q = np.zeros((self.m, self.m))
        place = 0
        for b in self.blocks:
            q[place : place + b.size, place : place + b.size] = b.covariance.dense()
            place += b.size
        return self.observed - self.background, h, prior, q, self.error.dense()
