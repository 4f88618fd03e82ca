"""Footprints in one form, whatever model made them: read lazily, checked, moved to the grid of the state.

A footprint is the mole fraction that a flux of one mole per square metre and second from a cell adds at the receptor,
(mol mol-1) / (mol m-2 s-1), summed over the time that the air spent over the cell. Where the model tells when, `lag`
holds the hours before the observation and `remainder` what came before the last lag.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.regrid import Regrid

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["SIDES", "UNIT", "Footprints", "Piece", "refuse", "short_rows"]

Array = npt.NDArray[np.float64]
Times = npt.NDArray[np.datetime64]
USUAL = 0.9  # quantile of the rows that few truncated ones do not move
ACCOUNTED = 0.9  # share of the particles that the usual row must account for, so that the others can be judged by it
UNIT = "(mol mol-1) / (mol m-2 s-1)"
SIDES = ("north", "east", "south", "west")
_FLOOR = -1e-12  # below this a footprint is negative, not rounded


@dataclass(frozen=True)
class Piece:
    """Footprints of some observations, in memory.

    Parameters
    ----------
    total : array (k, lat, lon)
        Integrated footprint.
    resolved : array (k, lags, lat, lon), optional
        Its recent part by lag; the remainder is `total` less their sum.
    """

    total: Array
    resolved: Array | None = None

    @property
    def remainder(self) -> Array:
        """What was not resolved in time."""
        return self.total if self.resolved is None else self.total - self.resolved.sum(axis=1)


@dataclass(frozen=True)
class Footprints:
    """The footprints of one receptor in one or more files.

    Parameters
    ----------
    site : str
    time : array of datetime64[ns] (n,)
        Start of the averaging interval of each observation, ascending.
    period : float
        Length of the interval, s.
    latitude, longitude : array
        Centres, ascending, longitudes -180 to 180.
    load : callable
        ``load(rows)`` reads a :class:`Piece` of these rows; nothing is read before.
    lags : array (lags, 2), optional
        Hours before the observation at which each resolved interval begins and ends.
    exits : callable, optional
        ``exits(rows)`` reads the shares of particles that left by side: {"north": (k, height, lon), ...}.
    heights : array, optional
        Of the exits, m.
    attrs : dict
        Model, inlet, meteorology, species, notes.
    """

    site: str
    time: Times
    period: float
    latitude: Array
    longitude: Array
    load: Callable[[npt.NDArray[np.int64]], Piece]
    lags: Array | None = None
    exits: Callable[[npt.NDArray[np.int64]], dict[str, Array]] | None = None
    heights: Array | None = None
    attrs: dict[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Number of observations that have a footprint."""
        return int(self.time.size)

    @property
    def where(self) -> str:
        """File and site, for messages."""
        return f"{self.attrs.get('file', 'footprints')} ({self.site})"

    def read(self, rows: npt.ArrayLike | None = None) -> Piece:
        """Read some footprints and check them.

        Raises
        ------
        InputError
            Values are missing or negative; the times are named. :meth:`screen` names all doubtful rows without raising.
        """
        index = np.arange(self.size) if rows is None else np.asarray(rows, np.int64).ravel()
        piece = self.load(index)
        missing, negative, _ = _faults(piece)
        refuse(self, index[missing], "footprints hold missing values", "leave these hours out, or get the file again")
        refuse(self, index[negative], "footprints are negative", "this is no footprint")
        return piece

    def screen(self, tolerance: float = 0.03) -> dict[str, npt.NDArray[np.int64]]:
        """Return the rows that should not be used, by reason: missing, negative, zero, truncated.

        Parameters
        ----------
        tolerance : float
            Share of the particles that may be lost before a row counts as truncated; see :func:`short_rows`.
        """
        found: dict[str, list[int]] = {"missing": [], "negative": [], "zero": [], "truncated": []}
        step = max(1, int(256e6 / (8.0 * self.latitude.size * self.longitude.size)))
        for start in range(0, self.size, step):
            index = np.arange(start, min(start + step, self.size))
            for name, bad in zip(found, _faults(self.load(index)), strict=False):
                found[name] += index[bad].tolist()
        found["truncated"] = self.short(tolerance).tolist()
        return {name: np.array(rows, np.int64) for name, rows in found.items()}

    def short(self, tolerance: float = 0.03) -> npt.NDArray[np.int64]:
        """Return the rows whose particles did not all leave the domain; see :func:`short_rows`.

        Empty where that cannot be told: no file says where its particles left, or even the best rows account for less
        than `ACCOUNTED` of them (a piece cut out of a larger domain, particles followed for too short a time).
        """
        if self.exits is None or self.size == 0:
            return np.zeros(0, np.int64)
        shares = self.exits(np.arange(self.size))
        total = np.sum([np.nan_to_num(v).sum(axis=(1, 2)) for v in shares.values()], axis=0)
        if np.quantile(total, USUAL) < ACCOUNTED:
            return np.zeros(0, np.int64)
        return short_rows(total, tolerance)

    def chunks(self, most: float = 256e6) -> Iterator[tuple[npt.NDArray[np.int64], Piece]]:
        """Yield the footprints in chunks of at most `most` bytes (one observation at least)."""
        lags = 0 if self.lags is None else len(self.lags)
        step = max(1, int(most / (8.0 * (1 + lags) * self.latitude.size * self.longitude.size)))
        for start in range(0, self.size, step):
            rows = np.arange(start, min(start + step, self.size))
            yield rows, self.read(rows)

    def rows_of(self, time: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the row of the footprint that holds each observation time, -1 where there is none."""
        wanted = np.asarray(time).astype("datetime64[ns]")
        place = np.searchsorted(self.time, wanted, side="right") - 1
        gap = (wanted - self.time[np.maximum(place, 0)]) / np.timedelta64(1, "s")
        return np.where((place >= 0) & (gap < self.period), place, -1)

    def match(self, time: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the row of each observation.

        Raises
        ------
        InputError
            Observations before the first footprint, or without one.
        """
        wanted = np.asarray(time).astype("datetime64[ns]")
        rows = self.rows_of(wanted)
        if early := int((wanted < self.time[0]).sum()):
            raise InputError("observations begin before the first footprint", where=self.where,
                             found=f"{early} observations from {_hour(wanted.min())}",
                             need=f"{_hour(self.time[0])} or later")  # fmt: skip
        if (rows < 0).any():
            lost = wanted[rows < 0]
            raise InputError("observations have no footprint", where=self.where, found=_list(lost),
                             hint="leave them out, or add the footprints")  # fmt: skip
        return rows

    def select(self, rows: npt.ArrayLike) -> Footprints:
        """Return some observations, still unread."""
        index = np.asarray(rows, np.int64)
        load, exits = self.load, self.exits
        return replace(self, time=self.time[index], load=lambda r: load(index[r]),
                       exits=None if exits is None else lambda r: exits(index[r]))  # fmt: skip

    def on(self, latitude: Array, longitude: Array) -> Footprints:
        """Return the footprints on another regular grid, conserving their product with a uniform flux.

        Shares outside the new grid are lost; :meth:`outside` tells how much.
        """
        moved = Regrid.between((self.latitude, self.longitude), (latitude, longitude))
        load = self.load

        def on_target(rows: npt.NDArray[np.int64]) -> Piece:
            piece = load(rows)
            resolved = None if piece.resolved is None else moved.footprint(piece.resolved)
            return Piece(moved.footprint(piece.total), resolved)

        return replace(self, latitude=latitude, longitude=longitude, load=on_target)

    def outside(self, latitude: Array, longitude: Array) -> float:
        """Return the share of the first footprint that lies outside another grid."""
        total = self.read([0]).total[0]
        inside = Regrid.between((self.latitude, self.longitude), (latitude, longitude)).covered()
        return 1.0 - float((total * inside).sum() / total.sum())

    def enhancement(self, flux: Array, rows: npt.ArrayLike | None = None) -> Array:
        """Return what a constant flux (lat, lon) [mol m-2 s-1] on this grid adds, mol mol-1."""
        if flux.shape != (self.latitude.size, self.longitude.size):
            raise InputError("the flux is on another grid than the footprints", where=self.where,
                             found=str(flux.shape), need=f"({self.latitude.size}, {self.longitude.size})",
                             hint="re-grid it first")  # fmt: skip
        return np.einsum("kij,ij->k", self.read(rows).total, flux)

    def background(
        self, curtains: dict[str, Array], rows: npt.ArrayLike | None = None, *, missing: str = "refuse"
    ) -> dict[str, Array]:
        """Return what the mole fractions at each side add, by side: {"north": (k,), ...} [mol mol-1].

        Parameters
        ----------
        curtains : dict
            By side, (height, lon) or (height, lat), on the heights and cells of the exits.
        missing : {"refuse", "interpolate", "zero"}
            What to do where particles left through a cell whose mole fraction is missing. "interpolate" goes linearly
            along the side at the same height; "zero" is what some published baselines did, and lowers the background
            by the share of such particles.

        Raises
        ------
        InputError
            The footprints hold no exits, the curtain does not fit, or it is missing where particles left.
        """
        if self.exits is None:
            raise InputError(
                "the footprints do not tell where particles left the domain",
                where=self.where,
                need="variables particle_locations_n, _e, _s, _w",
                hint="give a baseline instead",
            )
        index = np.arange(self.size) if rows is None else np.asarray(rows, np.int64).ravel()
        shares = self.exits(index)
        for side in SIDES:
            if shares[side].shape[1:] != curtains[side].shape:
                raise InputError("the boundary curtain does not fit the footprints", where=f"{self.where}, {side}",
                                 found=str(curtains[side].shape), need=str(shares[side].shape[1:]))  # fmt: skip
        filled = {s: _interpolated(curtains[s]) if missing == "interpolate" else curtains[s] for s in SIDES}
        lost = sum(np.where(np.isnan(filled[s]), shares[s], 0.0).sum(axis=(1, 2)) for s in SIDES)
        if missing != "zero" and float(np.max(lost)) > 0.0:
            raise InputError("the boundary is missing where particles left the domain", where=self.where,
                             found=f"up to {float(np.max(lost)):.1%} of the particles",
                             hint="fill the curtain, or take missing = 'interpolate'")  # fmt: skip
        return {s: np.einsum("khc,hc->k", np.asarray(shares[s], np.float64), np.nan_to_num(filled[s])) for s in SIDES}

    def dataset(self, rows: npt.ArrayLike | None = None) -> xr.Dataset:
        """Return the footprints as a Dataset in memory: footprint (time, [lag], latitude, longitude)."""
        import xarray as xr

        index = np.arange(self.size) if rows is None else np.asarray(rows, np.int64).ravel()
        piece = self.read(index)
        space = ("latitude", "longitude")
        attrs = {"units": UNIT, "long_name": "sensitivity to surface flux"}
        variables: dict[str, Any] = {}
        coords: dict[str, Any] = {
            "time": ("time", self.time[index], {"standard_name": "time"}),
            "latitude": ("latitude", self.latitude, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", self.longitude, {"units": "degrees_east", "standard_name": "longitude"}),
        }
        if piece.resolved is None or self.lags is None:
            variables["footprint"] = (("time", *space), piece.total, attrs)
        else:
            coords["lag"] = ("lag", self.lags[:, 0], {"units": "h", "long_name": "hours before the observation"})
            variables["footprint"] = (("time", "lag", *space), piece.resolved, attrs)
            variables["footprint_remainder"] = (("time", *space), piece.remainder, attrs)
        return xr.Dataset(variables, coords, {"site": self.site, **self.attrs})


def _faults(piece: Piece) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which rows hold missing values, are negative, are zero everywhere."""
    flat = piece.total.reshape(piece.total.shape[0], -1)
    missing: Any = ~np.isfinite(flat).all(axis=1)
    if piece.resolved is not None:
        missing |= ~np.isfinite(piece.resolved.reshape(flat.shape[0], -1)).all(axis=1)
    return missing, flat.min(axis=1) < _FLOOR, flat.max(axis=1) <= 0.0


def short_rows(boundary: npt.ArrayLike, tolerance: float = 0.03) -> npt.NDArray[np.int64]:
    """Return the rows whose particles did not all reach the boundary: their files ended early.

    Parameters
    ----------
    boundary : array (n,)
        Sum over the sides of the share of particles that left, or of the sensitivity to the boundary.
    tolerance : float
        Share that may be lost against the `USUAL` quantile of all rows, which few truncated rows do not move.
    """
    total = np.asarray(boundary, np.float64)
    if total.size == 0:
        return np.zeros(0, np.int64)
    return np.flatnonzero(~(total >= (1.0 - tolerance) * np.nanquantile(total, USUAL)))


def _interpolated(curtain: Array) -> Array:
    """Return a curtain (height, cells) with gaps filled linearly along each height that has any value."""
    out = curtain.copy()
    place = np.arange(curtain.shape[1])
    for row in out:
        known = np.isfinite(row)
        if known.any():
            row[~known] = np.interp(place[~known], place[known], row[known])
    return out


def _hour(time: Any) -> str:
    return f"{np.datetime_as_string(np.datetime64(time, 's'), unit='m')}Z"


def _list(times: Times) -> str:
    shown = ", ".join(_hour(t) for t in times[:3])
    more = times.size - min(3, times.size)
    return shown + (f" and {more} more to {_hour(times[-1])}" if more else "")


def refuse(one: Footprints, rows: npt.NDArray[np.int64], what: str, hint: str) -> None:
    """Raise an error that names the times of `rows`, if there are any."""
    if rows.size:
        raise InputError(what, where=one.where, found=f"{rows.size} of {one.size}: {_list(one.time[rows])}", hint=hint)
