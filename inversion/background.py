"""The background of a job: a constant, boundary curtains through where particles left, or the baseline of a site."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.config import BackgroundJob
from inversion.covariance import Covariance
from inversion.footprints import SIDES, Footprints
from inversion.measured import Data
from inversion.problem import Block
from inversion.sensitivity import Array, Dense
from inversion.space import Independent
from inversion.time import correlation_in_time

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["baseline", "curtain_sides", "known", "side_block"]

Times = npt.NDArray[np.datetime64]
_ROWS = 500  # observations whose exits are held at a time


def known(
    one: BackgroundJob, data: Data, rows: dict[str, Footprints | None], base: Path, record: Record | None = None
) -> tuple[Array, Array | None]:
    """Return the background of each observation (n,) [mol mol-1]: a constant, or curtains with their sides (n, 4).

    Parameters
    ----------
    one : BackgroundJob
    data : Data
    rows : dict
        Footprints at the observations, by site.
    base : Path
    record : Record, optional

    Raises
    ------
    InputError
        Footprints do not tell where particles left, or curtains do not fit or are missing there.
    """
    if one.value is not None:
        return np.full(data.n, one.value), None
    path = base / str(one.curtains)
    if record is not None:
        record.use(path, "boundary")
    sides = np.zeros((data.n, len(SIDES)))
    for site, own in rows.items():
        mine = np.flatnonzero(data.site == site)
        if own is None:
            raise InputError("the footprints do not tell where particles left the domain",
                             where=f"footprints of {site}",
                             hint="boundary curtains need NAME, OpenGHG or PARIS files; else give a value or site",
                             )  # fmt: skip
        sides[mine] = curtain_sides(own, data.time[mine], path, one.units, one.missing)
    return sides.sum(axis=1), sides


def curtain_sides(own: Footprints, time: Times, path: Path, units: str = "", missing: str = "refuse") -> Array:
    """Return what each side adds to each observation, (n, 4) [mol mol-1], in the order of :data:`SIDES`.

    Each observation takes the curtains that began last before it.
    """
    from inversion.readers import read_curtains
    from inversion.readers._netcdf import opened

    with opened(path) as ds:
        starts = np.atleast_1d(ds["time"].values) if "time" in ds.dims else np.zeros(1, "datetime64[ns]")
    place = np.maximum(np.searchsorted(starts, time, side="right") - 1, 0 if starts.size == 1 else -1)
    out = np.zeros((time.size, len(SIDES)))
    for k in np.unique(place):
        mine = np.flatnonzero(place == k)
        moment = time[mine[0]] if k < 0 or starts.size > 1 else None
        curtains, _ = read_curtains(path, moment, units=units)
        for first in range(0, mine.size, _ROWS):
            part = mine[first : first + _ROWS]
            found = own.background(curtains, part, missing=missing)
            out[part] = np.stack([found[side] for side in SIDES], axis=1)
    return out


def baseline(data: Data, site: str, quantile: float, window: float) -> Array:
    """Return the low quantile of the values of a site within `window` [s] centred on each observation, (n,).

    Raises
    ------
    InputError
        The site is not there, or has nothing within the window of some observation.
    """
    mine = np.flatnonzero(data.site == site)
    if not mine.size:
        raise InputError("the site of the baseline has no observations", where="background.site", found=site,
                         need="of " + ", ".join(dict.fromkeys(data.site.tolist())))  # fmt: skip
    order = mine[np.argsort(data.time[mine], kind="stable")]
    half = np.timedelta64(round(window / 2.0 * 1e9), "ns")
    moments, back = np.unique(data.time, return_inverse=True)
    first = np.searchsorted(data.time[order], moments - half, side="left")
    last = np.searchsorted(data.time[order], moments + half, side="right")
    if (first == last).any():
        raise InputError("the site of the baseline has no observation within the window", where="background.site",
                         found=f"none near {str(moments[first == last][0])[:16]}", hint="widen the window")  # fmt: skip
    values = data.value[order]
    return np.array([np.quantile(values[a:b], quantile) for a, b in zip(first, last, strict=True)])[back]


def side_block(sides: Array, sigma: float, time: Times, bounds: Times) -> Block:
    """Return the deviation of the contribution of each side from its curtain, as a share, by period."""
    period = np.searchsorted(bounds[:, 0], time, side="right") - 1
    n, p, r = time.size, len(bounds), len(SIDES)
    h: Any = np.zeros((p, n, r))
    h[period, np.arange(n)] = sides
    covariance = Covariance(np.full((p, r), sigma), correlation_in_time(bounds, 0.0), Independent(r))
    return Block("boundary", Dense(h), np.zeros((p, r)), covariance, bounds, kind="boundary", units="1", labels=SIDES)
