"""Footprints by particles: release at the receptor, follow backward, add up the time spent near the ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.jit import spread
from inversion.particles import _kernels
from inversion.particles.meteorology import EARTH_RADIUS, Field
from inversion.particles.turbulence import ConstantTurbulence, Hanna, coriolis

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Release", "Result", "follow", "footprint", "footprints"]

Array = npt.NDArray[np.float64]
MOLAR_MASS_AIR = 0.0289647  # kg mol-1 (ICAO standard atmosphere, Doc 7488)
FRACTION = 0.5  # of the boundary layer into which surface fluxes are mixed (Lin et al. 2003, section 2)
SIDES = ("west", "east", "south", "north", "top")


@dataclass(frozen=True)
class Release:
    """Where and when particles start.

    Parameters
    ----------
    longitude, latitude : float
        degrees.
    height : float
        Above ground, m.
    time : datetime64 or str
        UTC.
    name : str
        Label of the site.
    """

    longitude: float
    latitude: float
    height: float
    time: Any
    name: str = "receptor"


@dataclass(frozen=True)
class Result:
    """What the particles did.

    Parameters
    ----------
    residence : float64 (lags, rows, columns)
        Mean over the particles: seconds in a layer, or seconds / (m kg m-3) below the mixed depth.
    states : float64 (n, 5)
        Longitude, latitude, height, age, and how each ended.
    """

    residence: Array
    states: Array


def follow(
    field: Field, release: Release, longitude: Array, latitude: Array, *, hours: float, particles: int = 1000,
    seed: int = 0, backward: bool = True, lag: float = 3600.0, layer: tuple[float, float] | None = None,
    turbulence: Hanna | ConstantTurbulence | None = None, heights: Array | None = None, step: float = 0.05,
    longest: float = 60.0,
    least: float = 10.0, fraction: float = FRACTION,
) -> Result:  # fmt: skip
    """Follow particles and add up where they stay.

    Parameters
    ----------
    field : Field
        From :func:`inversion.particles.meteorology.meteorology`.
    release : Release
    longitude, latitude : float64 (nx,), (ny,)
        Centres of the output cells, regular and ascending, degrees.
    hours : float
        How long.
    particles : int
        Relative errors fall with its square root.
    seed : int
        Of the random numbers.
    backward : bool
        Against the mean wind, as receptors need it; forward otherwise.
    lag : float
        Length of the lag intervals, s.
    layer : tuple of float, optional
        Add plain seconds between two heights, m; otherwise the weighted time below the mixed depth.
    turbulence : Hanna or ConstantTurbulence, optional
    heights : float64 (particles,), optional
        Heights of the single particles instead of that of the release, for columns, m.
    step : float
        Time step in Lagrangian times; at 0.05 a well-mixed layer stays so within a few percent in its lowest tenth.
    longest, least : float
        Longest time step, and the shortest Lagrangian time, s.
    fraction : float
        Share of the boundary layer into which fluxes are mixed.

    Raises
    ------
    InputError
        The release or its period lies outside the meteorology, or an option is out of range.
    """
    scheme = turbulence or Hanna()
    _check(field, release, hours, particles, backward)
    grid = np.array([_cells(longitude, "longitude"), _cells(latitude, "latitude")])
    k = _kernels
    settings = np.zeros(16)
    settings[k.START] = (np.datetime64(release.time) - field.start) / np.timedelta64(1, "s")
    settings[k.DURATION], settings[k.DIRECTION] = hours * 3600.0, -1.0 if backward else 1.0
    settings[k.LAG], settings[k.FRACTION] = lag, 0.0 if layer is not None else fraction
    settings[k.LOW], settings[k.HIGH] = layer if layer is not None else (0.0, 0.0)
    settings[k.STEP], settings[k.LONGEST], settings[k.LEAST] = step, longest, least
    settings[k.CORIOLIS] = coriolis(release.latitude)
    for index, value in scheme.settings().items():
        settings[index] = value
    states = np.tile([release.longitude, release.latitude, release.height, 0.0, 0.0], (particles, 1))
    if heights is not None:
        states[:, k.Z] = heights
    # one stream for each particle, so that the result does not depend on which thread moves it
    random = np.random.SeedSequence(seed).generate_state(4 * particles, np.uint64).reshape(particles, 4)
    lags = int(np.ceil(hours * 3600.0 / lag - 1e-9))
    out = np.zeros((k.BLOCKS, lags, len(latitude), len(longitude)))
    top = max(10.0 * field.levels[-1], 20e3)
    air = field.winds, field.fields, field.axes, field.levels, top
    spread(k.follow, k.BLOCKS, states, random, *air, EARTH_RADIUS, settings, grid, out)
    if np.any(states[:, k.ENDED] == k.BROKEN):
        raise InputError("particles met a wind that is not finite", where=f"release '{release.name}'")
    return Result(out.sum(axis=0) / particles, states)


def footprint(
    field: Field, release: Release, longitude: Array, latitude: Array, *, hours: int, particles: int = 1000,
    seed: int = 0, **options: Any,
) -> xr.Dataset:  # fmt: skip
    """Return the footprint of one receptor.

    Parameters
    ----------
    field, release, longitude, latitude, hours, particles, seed, options
        As for :func:`follow`.

    Returns
    -------
    Dataset
        ``footprint`` (lag, latitude, longitude) in (mol mol-1)/(mol m-2 s-1): what a flux of 1 mol m-2 s-1 in the cell,
        `lag` hours before the release, adds to the mole fraction there; ``exit_share`` (side) and ``inside_share``:
        where the particles were in the end, for the background.
    """
    import xarray as xr

    found = follow(field, release, longitude, latitude, hours=hours, particles=particles, seed=seed, **options)
    ended = found.states[:, _kernels.ENDED]
    shares = [float(np.mean(ended == side)) for side in range(_kernels.WEST, _kernels.TOP + 1)]
    unit = "(mol mol-1) / (mol m-2 s-1)"
    ds = xr.Dataset(
        {
            "footprint": (("lag", "latitude", "longitude"), MOLAR_MASS_AIR * found.residence,
                          {"units": unit, "long_name": "sensitivity to surface flux", "cell_methods": "lag: sum"}),
            "exit_share": ("side", shares, {"units": "1", "long_name": "share of particles that left there"}),
            "inside_share": ((), 1.0 - sum(shares), {"units": "1", "long_name": "share of particles still inside"}),
        },
        coords={
            "lag": ("lag", np.arange(found.residence.shape[0]) * options.get("lag", 3600.0) / 3600.0,
                    {"units": "h", "long_name": "hours before the release, start of the interval"}),
            "latitude": ("latitude", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", longitude, {"units": "degrees_east", "standard_name": "longitude"}),
            "side": ("side", list(SIDES), {"long_name": "side of the domain"}),
        },
    )  # fmt: skip
    ds.attrs = {"site": release.name, "release_longitude": release.longitude, "release_latitude": release.latitude,
                "release_height": release.height, "release_time": str(np.datetime64(release.time, "s")) + "Z",
                "particles": particles, "seed": seed}  # fmt: skip
    return ds


def footprints(
    field: Field, releases: Sequence[Release], longitude: Array, latitude: Array, *, hours: int,
    resolved: bool = True, seed: int = 0, **options: Any,
) -> xr.Dataset:  # fmt: skip
    """Return the footprints of several receptors along ``release``, each with its own random numbers.

    Parameters
    ----------
    releases : sequence of Release
    resolved : bool
        Keep the lags, or add them up.
    field, longitude, latitude, hours, seed, options
        As for :func:`footprint`.
    """
    import xarray as xr

    if not releases:
        raise InputError("there is no release")
    rows = []
    for i, release in enumerate(releases):
        one = footprint(field, release, longitude, latitude, hours=hours, seed=seed + i, **options)
        if not resolved:
            attrs = one["footprint"].attrs
            one = one.drop_dims("lag").assign(footprint=one["footprint"].sum("lag").assign_attrs(attrs))
        rows.append(one.assign_coords(site=release.name, time=np.datetime64(release.time, "ns")))
    whole: Any = xr.concat(rows, "release", combine_attrs="drop_conflicts", coords="minimal", compat="override",
                           join="exact")  # fmt: skip
    return whole


def _cells(centres: Array, name: str) -> list[float]:
    steps = np.diff(np.asarray(centres, float))
    if steps.size == 0 or not np.all(steps > 0.0) or np.ptp(steps) > 1e-6 * abs(steps[0]) + 1e-9:
        raise InputError(f"the {name} of the output cells must be regular and ascending, two at least")
    return [float(centres[0] - 0.5 * steps[0]), float(steps[0])]


def _check(field: Field, release: Release, hours: float, particles: int, backward: bool) -> None:
    where = f"release '{release.name}'"
    for value, axis, name in ((release.longitude, 0, "longitude"), (release.latitude, 1, "latitude")):
        first, step, count = field.axes[axis]
        if not first <= value <= first + step * (count - 1):
            raise InputError(f"the {name} lies outside the meteorology", where=where, found=f"{value:g}",
                             need=f"{first:g} to {first + step * (count - 1):g} degrees")  # fmt: skip
    if not (release.height >= 0.0 and hours > 0.0 and particles > 0):
        raise InputError("height, hours or number of particles is out of range", where=where,
                         found=f"{release.height:g} m, {hours:g} h, {particles}", need="0 m, above 0 h, 1")  # fmt: skip
    moment = np.datetime64(release.time, "ms")
    other = moment + np.timedelta64(round((-hours if backward else hours) * 3.6e6), "ms")
    first, last = min(moment, other), max(moment, other)
    if first < field.start or last > field.end:
        raise InputError("the particles would leave the time of the meteorology", where=where,
                         found=f"{first} to {last}", need=f"{field.start} to {field.end}")  # fmt: skip
