"""The air over the towers: footprints of the particle model, and what the true fluxes add to each hour."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.demo.world import DAYS, LATITUDE, LONGITUDE, START, TOWER_HEIGHT, TOWERS, World, axes

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["BACKGROUND", "HOURS", "TRANSPORT", "Air", "breathe", "footprints"]

Array = npt.NDArray[np.float64]
HOURS = (4, 10)  # UTC: afternoons at 120 degrees east
WAY, PARTICLES = 8, 150  # hours back, particles for each hour
STEPS = {"step": 0.3, "least": 60.0, "longest": 180.0}
BACKGROUND = {"co2": 421.5, "ch4": 1985.0}  # umol mol-1, nmol mol-1
BACKGROUND_U = {"co2": 0.2, "ch4": 1.5}  # how far the true background is from it
TRANSPORT = {"co2": 0.5, "ch4": 3.0}  # what footprints of a real model get wrong from hour to hour
PER_MOLE = {"co2": 1e6, "ch4": 1e9}


class Air:
    """True mole fractions by tower and hour.

    Parameters
    ----------
    hours : datetime64[ns] (n,)
        Begin of each hour of the record.
    values : dict
        Gas -> tower -> array (n,), umol mol-1 of CO2, nmol mol-1 of CH4.
    """

    def __init__(self, hours: npt.NDArray[np.datetime64], values: dict[str, dict[str, Array]]) -> None:
        self.hours, self.values = hours, values


def footprints(
    world: World, seed: int, *, days: int = DAYS, particles: int = PARTICLES,
    announce: Callable[[str], None] = lambda text: None,
) -> dict[str, xr.Dataset]:  # fmt: skip
    """Return the footprints of each tower for the afternoon hours.

    Parameters
    ----------
    world : World
    seed : int
        Of the particles.
    days, particles : int
        Length of the record, particles for each hour.
    announce : callable
        Is told each tower.

    Returns
    -------
    dict of Dataset
        ``footprint`` (time, latitude, longitude) in (mol mol-1) / (mol m-2 s-1), time with bounds.
    """
    import xarray as xr

    from ghg.core.dataset import time_coords
    from inversion.particles.footprint import Release, footprint
    from inversion.particles.meteorology import meteorology

    field = meteorology(world.wind)
    starts = np.array([START + np.timedelta64(24 * d + h, "h") for d in range(days) for h in range(*HOURS)])
    found = {}
    for number, tower in enumerate(TOWERS):
        announce(f"footprints of {tower.name}")
        rows = []
        for k, start in enumerate(starts):
            release = Release(tower.longitude, tower.latitude, TOWER_HEIGHT, start + np.timedelta64(30, "m"),
                              tower.name)  # fmt: skip
            one = footprint(field, release, LONGITUDE, LATITUDE, hours=WAY, particles=particles,
                            seed=100_000 * seed + 1000 * number + k, **STEPS)  # fmt: skip
            rows.append(one["footprint"].values.sum(axis=0))
        ds = time_coords(starts.astype("datetime64[ns]"), starts.astype("datetime64[ns]") + np.timedelta64(1, "h"))
        ds = ds.assign_coords(axes())
        ds["footprint"] = (("time", "latitude", "longitude"), np.array(rows, np.float32),
                           {"units": "(mol mol-1) / (mol m-2 s-1)", "long_name": "sensitivity to surface flux",
                            "cell_methods": "time: point"})  # fmt: skip
        ds.attrs = {"title": f"Footprints of {tower.name}", "summary": f"{particles} particles, {WAY} h back in time.",
                    "site_code": tower.name}  # fmt: skip
        assert isinstance(ds, xr.Dataset)
        found[tower.name] = ds
    return found


def breathe(world: World, foot: dict[str, xr.Dataset], rng: np.random.Generator, days: int = DAYS) -> Air:
    """Return what the air holds: background, what the fluxes add, and what a footprint does not know.

    Mornings, evenings and nights, which no footprint was made for, carry the afternoons on and add what gathers in the
    calm air; the inversion does not use them.
    """
    hours = START + np.arange(24 * days) * np.timedelta64(1, "h").astype("timedelta64[ns]")
    local = (np.arange(24 * days) + 8) % 24
    calm = np.clip(np.cos(2.0 * np.pi * (local - 4.0) / 24.0), 0.0, None)
    values: dict[str, dict[str, Array]] = {}
    for gas, flux in (("co2", world.fluxes["fossil"] + world.fluxes["biosphere"]), ("ch4", world.fluxes["methane"])):
        base = BACKGROUND[gas] + BACKGROUND_U[gas] * rng.standard_normal()
        values[gas] = {}
        for name, ds in foot.items():
            known = PER_MOLE[gas] * np.einsum("tij,ij->t", ds["footprint"].values.astype(np.float64), flux)
            known += TRANSPORT[gas] * rng.standard_normal(known.size)
            place = (ds["time"].values - START) // np.timedelta64(1, "h")
            night = (12.0 if gas == "co2" else 60.0) * calm * np.exp(0.3 * rng.standard_normal(hours.size))
            whole = np.interp(np.arange(hours.size), place, known) + night
            whole[place.astype(np.int64)] = known
            values[gas][name] = base + whole
    return Air(hours, values)
