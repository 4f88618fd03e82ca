"""What the observations of a job see: footprints of all sites on the grid of the state, integrated or resolved in time.

A footprint that its file resolves in time reaches each period of the state by the hours its air spent there: the lag
from h to h + s hours before the mean time of release sees the flux of those hours. What came before the last lag, the
remainder, belongs to the period in which the last lag ends, or evenly to the time until `back`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, GhgError, InputError
from inversion.config import FootprintsJob, GridJob, InversionJob
from inversion.fields import FOOTPRINT_UNITS, in_units, open_variable
from inversion.footprints import Footprints, Piece
from inversion.grid import Grid
from inversion.measured import Data
from inversion.memory import available_memory, size_text
from inversion.receptors import ENDING, integrated
from inversion.regrid import Regrid, edges
from inversion.sensitivity import Array, Slabs

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["Network", "read_network", "wanted_grid"]

Times = npt.NDArray[np.datetime64]
Axes = tuple[Array, Array]
LOST = 0.01  # share of the sensitivity that may lie outside the grid of the state


@dataclass(frozen=True)
class Resolved:
    """Footprints of a site that are resolved in time.

    Parameters
    ----------
    rows : array of int (k,)
        Its observations.
    own : Footprints
        At these, on the grid of the state, still unread.
    back : float
        How far the remainder reaches back, s; 0: not at all.
    """

    rows: npt.NDArray[np.int64]
    own: Footprints
    back: float

    def shares(self, bounds: Times) -> tuple[Array, Array]:
        """Return which share of each lag (k, lags, p) and of the remainder (k, p) falls into each period.

        Times before the first period count as it, and times after the last as that one.
        """
        assert self.own.lags is not None
        release = self.own.time.astype(np.int64) / 1e9 + self.own.period / 2.0
        begin, end = self.own.lags.T * 3600.0
        # the air was released through the whole interval: the middle of its stay is what counts
        lags = _overlap(release[:, None] - end, release[:, None] - begin, bounds)
        last = release - end[-1]
        length = max(self.back - float(end[-1]), 1.0)
        rest = _overlap((last - length)[:, None], last[:, None], bounds)
        return lags, rest[:, 0]

    def chunks(self, most: float = 64e6) -> Iterator[tuple[npt.NDArray[np.int64], Piece]]:
        """Yield the footprints in chunks."""
        return self.own.chunks(most)


def _overlap(start: Array, end: Array, bounds: Times) -> Array:
    """Return the share of each interval (...,) that lies in each period, (..., p); the ends reach to infinity."""
    edge = np.append(bounds[:, 0], bounds[-1, 1]).astype("datetime64[ns]").astype(np.int64) / 1e9
    edge[0], edge[-1] = -np.inf, np.inf
    low, high = np.maximum(start[..., None], edge[:-1]), np.minimum(end[..., None], edge[1:])
    return np.maximum(high - low, 0.0) / (end - start)[..., None]


@dataclass(frozen=True)
class Network:
    """Footprints of all observations on one grid.

    Parameters
    ----------
    values : array (n, cells)
        Integrated over time.
    grid : Grid
    rows : dict
        By site the footprints at its observations, still unread, or None where the format has nothing more to tell.
    fine : list of Resolved
        Sites whose footprints are resolved in time.
    """

    values: npt.NDArray[Any]
    grid: Grid
    rows: dict[str, Footprints | None]
    fine: tuple[Resolved, ...] = ()

    def slabs(self, time: Times, bounds: Times) -> Slabs:
        """Return the sensitivity to fluxes that are constant over each period.

        Raises
        ------
        InputError
            Observations outside the periods; footprints resolved in time that do not fit into memory.
        """
        period = np.searchsorted(bounds[:, 0], time, side="right") - 1
        if (period < 0).any() or (time >= bounds[-1, 1]).any():
            bad = int(((period < 0) | (time >= bounds[-1, 1])).sum())
            raise InputError("observations lie outside the periods of the state", found=f"{bad} of {time.size}",
                             need=f"{bounds[0, 0]} to {bounds[-1, 1]}")  # fmt: skip
        shape = (time.size, len(bounds), self.grid.cells)
        if not self.fine or len(bounds) == 1:
            rows = [np.flatnonzero(period == t) for t in range(len(bounds))]
            return Slabs(shape, lambda t: (rows[t], self.values[rows[t]]), self.values.size)
        held = self._spread(period, bounds)
        return Slabs(shape, lambda t: held[t], sum(v.size for _, v in held))

    def _spread(self, period: npt.NDArray[np.int64], bounds: Times) -> list[tuple[npt.NDArray[np.int64], Any]]:
        """Return for each period the observations that see it and their footprints of that period."""
        shares = [one.shares(bounds) for one in self.fine]
        seen = [(lags.sum(axis=1) + rest) > 0.0 for lags, rest in shares]
        own = np.concatenate([one.rows for one in self.fine])
        others = np.setdiff1d(np.arange(period.size), own)
        _fits(sum(int(s.sum()) for s in seen) * self.grid.cells)
        result: list[tuple[npt.NDArray[np.int64], Any]] = []
        place = np.full((len(bounds), period.size), -1)
        for t in range(len(bounds)):
            plain = others[period[others] == t]
            mine = [one.rows[s[:, t]] for one, s in zip(self.fine, seen, strict=True)]
            rows = np.concatenate([plain, *mine])
            values = np.zeros((rows.size, self.grid.cells), np.float32)
            values[: plain.size] = self.values[plain]
            place[t, rows] = np.arange(rows.size)
            result.append((rows, values))
        for one, (lags, rest) in zip(self.fine, shares, strict=True):
            for index, piece in one.chunks():
                assert piece.resolved is not None
                for k, resolved, remainder in zip(index.tolist(), piece.resolved, piece.remainder, strict=True):
                    for t in np.flatnonzero(lags[k].sum(axis=0) + rest[k]).tolist():
                        part = np.tensordot(lags[k, :, t], resolved, 1) + rest[k, t] * remainder
                        result[t][1][place[t, one.rows[k]]] += part.ravel()
        return result

    def within(self, stamps: Times, flux: Array, mean: Array, bounds: Times) -> Array | None:
        """Return what a flux that varies within the periods of the state adds beyond its means, (n,) [mol mol-1].

        Parameters
        ----------
        stamps : array (t,)
            Starts of the fluxes, ascending.
        flux : array (t, cells)
            mol m-2 s-1.
        mean : array (p, cells)
            Over each period of `bounds`.
        bounds : array (p, 2)

        Returns
        -------
        array, or None
            None where no footprint is resolved in time, or the flux does not vary within periods.
        """
        if not self.fine or stamps.size < 2 or np.median(np.diff(bounds[:, 0], append=bounds[-1:, 1])) <= np.median(
            np.diff(stamps)):  # fmt: skip
            return None
        step = np.median(np.diff(stamps))
        edge = np.stack([stamps, np.append(stamps[1:], stamps[-1] + step)], axis=1)
        out = np.zeros(self.values.shape[0])
        for one in self.fine:
            times, periods = one.shares(edge)[0], one.shares(bounds)[0]
            for index, piece in one.chunks():
                assert piece.resolved is not None
                for k, resolved in zip(index.tolist(), piece.resolved, strict=True):
                    beyond = times[k] @ flux - periods[k] @ mean
                    out[one.rows[k]] = float(np.sum(resolved.reshape(len(beyond), -1) * beyond))
        return out


def _fits(values: int) -> None:
    need, free = 4.0 * values, 0.8 * available_memory()
    if need > free:
        raise InputError("the memory will not suffice for footprints resolved in time",
                         found=f"{size_text(free)} to be used", need=f"about {size_text(need)}",
                         hint="longer periods, a coarser [grid], or resolved = false")  # fmt: skip


def wanted_grid(one: GridJob | None, own: Axes) -> Axes | None:
    """Return the grid that the state gets, or None for that of the footprints; it reaches no further than they do."""
    if one is None:
        return None
    step = one.step if isinstance(one.step, tuple) else (one.step, one.step)
    axes = []
    for values, low, high, width in ((own[0], one.south, one.north, step[0]), (own[1], one.west, one.east, step[1])):
        ends = edges(values)
        first, last = ends[0] if low is None else low, ends[-1] if high is None else high
        count = int(np.floor((min(last, ends[-1]) - first) / width + 1e-6))
        if first < ends[0] - 1e-6 or count < 2:
            raise InputError("the grid of the state does not lie within that of the footprints", where="[grid]",
                             found=f"{first:g} to {last:g} in steps of {width:g}",
                             need=f"two cells or more within {ends[0]:g} to {ends[-1]:g}")  # fmt: skip
        axes.append(first + width * (np.arange(count) + 0.5))
    return axes[0], axes[1]


def read_network(job: InversionJob, base: Path, data: Data, record: Record | None) -> Network:
    """Return the footprints of all sites at the observations.

    Raises
    ------
    InputError
        As the readers; a site without footprints, footprints on different grids, or mostly outside that of the state.
    """
    faults: list[GhgError] = []
    grid: Grid | None = None
    values: npt.NDArray[Any] | None = None
    rows: dict[str, Footprints | None] = {}
    fine: list[Resolved] = []
    if without := sorted(set(data.site.tolist()) - {f.site for f in job.footprints}):
        faults.append(InputError("a site has observations and no footprints",
                                 where=", ".join(o.file for o in job.observations), found=", ".join(without),
                                 need="an entry in [[footprints]] for it"))  # fmt: skip
    for one in job.footprints:
        where = f"footprints of {one.site}"
        mine = np.flatnonzero(data.site == one.site)
        if not mine.size:
            continue
        found, axes, rows[one.site] = _site(one, base, data.time[mine], where, record, faults)
        if (target := wanted_grid(job.grid, axes)) is not None:
            found = _moved(found, axes, target, where, job.grid is not None and job.grid.outside == "ignore")
        here = Grid.regular(*(target or axes))
        if grid is None or values is None:
            grid = here
            values = np.zeros((data.time.size, grid.cells), dtype=np.float32)
        elif here.shape != grid.shape or not all(np.allclose(a, b, atol=1e-3) for a, b in
                                                 zip(here.axes(), grid.axes(), strict=True)):  # fmt: skip
            faults.append(InputError("the footprints of two sites lie on different grids", where=where,
                                     found=str(here.shape), need=str(grid.shape),
                                     hint="a table [grid] brings them to one"))  # fmt: skip
            continue
        if found is not None:
            values[mine] = found
        own = rows[one.site]
        if own is not None and own.lags is not None and one.resolved:
            fine.append(Resolved(mine, own if target is None else own.on(*target), one.back))
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    if grid is None or values is None:
        raise InputError("no footprints belong to the observations")
    return Network(values, grid, rows, tuple(fine))


def _site(
    one: FootprintsJob, base: Path, time: Times, where: str, record: Record | None, faults: list[GhgError]
) -> tuple[Any, Axes, Footprints | None]:
    """Return the integrated footprints of a site at its observations, their grid, and the same unread."""
    if one.format == "plain" and not one.file.endswith(ENDING):
        variable = open_variable(base / one.file, one.variable, where, record, "footprints")
        axes = Grid.regular(variable["latitude"].values, variable["longitude"].values).axes()
        return _footprints_of(variable, time, where, faults), axes, None
    seen = integrated(one, base, time, record)
    return seen.values, seen.grid, seen.rows


def _moved(found: Any, own: Axes, target: Axes, where: str, ignore: bool) -> Any:
    """Return integrated footprints on the grid of the state."""
    if found is None:
        return None
    moved = Regrid.between(own, target).footprint(found.reshape(-1, own[0].size, own[1].size)).reshape(len(found), -1)
    whole = float(np.sum(found, dtype=np.float64))
    lost = 1.0 - float(moved.sum()) / whole if whole > 0.0 else 0.0  # zero and missing footprints are named as such
    if lost > LOST and not ignore:
        raise InputError("footprints reach beyond the grid of the state", where=where,
                         found=f"{lost:.1%} of the sensitivity", need=f"at most {LOST:.0%}",
                         hint="a larger [grid], or outside = 'ignore' where there are no fluxes")  # fmt: skip
    return moved.astype(np.float32)


def _footprints_of(variable: xr.DataArray, time: Times, where: str, faults: list[GhgError]) -> Array | None:
    """Return footprints at the times of observations, (n, cells)."""
    stamps = variable["time"].values.astype("datetime64[ns]")
    order = np.argsort(stamps)
    place = np.searchsorted(stamps[order], time, side="right") - 1
    step = np.median(np.diff(stamps[order])) if stamps.size > 1 else np.timedelta64(1, "h")
    late = time - stamps[order][np.maximum(place, 0)] >= step
    if (bad := (place < 0) | late).any():
        first = f"{time[bad][0]}"[:16]
        faults.append(InputError("observations without a footprint of their time", where=where,
                                 found=f"{int(bad.sum())} of {time.size}, the first at {first}",
                                 need=f"{stamps.min()} to {stamps.max()}"))  # fmt: skip
        return None
    values = in_units(variable.transpose("time", "latitude", "longitude"), FOOTPRINT_UNITS, where)
    values = values.reshape(stamps.size, -1)[order][place]
    empty = ~np.isfinite(values).all(axis=1)
    blank = ~empty & ~values.any(axis=1)
    for rows, what in ((empty, "footprints hold missing values"), (blank, "footprints are zero everywhere")):
        if rows.any():
            listed = ", ".join(str(t)[:16] for t in time[rows][:3])
            faults.append(InputError(what, where=where, found=f"{int(rows.sum())} of {time.size}: {listed}",
                                     hint="the file may be cut off; leave these observations out"))  # fmt: skip
    return values
