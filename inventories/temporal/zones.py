"""Clocks of cells, and the factors of their hours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.temporal.calendars import year_hours
from inventories.temporal.profiles import Profile, factors

__all__ = ["Profiles", "Zones", "hourly_factors"]

Array = npt.NDArray[np.float64]
Profiles = Mapping[Any, Profile]


@dataclass(frozen=True, eq=False)
class Zones:
    """Which clock and whose profiles hold in each cell.

    Parameters
    ----------
    timezone : sequence of str
        IANA zone of each zone.
    index : array, optional
        Number of the zone of each cell of the grid; all cells are in the first where it is not given.
    country : sequence of str, optional
        ISO code of each zone: selects profiles by country.
    holidays : sequence of bool, optional
        Whether the holidays of the country count as Sundays.
    """

    timezone: Sequence[str] = ("UTC",)
    index: npt.NDArray[np.integer] | None = None
    country: Sequence[str] = ()
    holidays: Sequence[bool] = field(default=())

    def cells(self, shape: tuple[int, ...]) -> npt.NDArray[np.int64]:
        """Return the zone of each cell, flat.

        Raises
        ------
        InputError
            The index has another shape, or names a zone that is not there.
        """
        if self.index is None:
            return np.zeros(math.prod(shape), np.int64)
        found = np.asarray(self.index)
        if found.shape != shape:
            raise InputError("the zones lie on another grid", found=str(found.shape), need=str(shape))
        if found.size and (found.min() < 0 or found.max() >= len(self.timezone)):
            raise InputError("a cell names a time zone that is not listed", found=f"{found.min()} to {found.max()}",
                             need=f"0 to {len(self.timezone) - 1}")  # fmt: skip
        return found.astype(np.int64).ravel()


def _pick(profiles: Profiles, country: str, sector: str, species: str) -> Profile:
    """Return the profile that fits best: by country, sector and species, then with less of them."""
    for key in ((country, sector, species), (country, sector), (sector, species), sector):
        if key in profiles:
            return profiles[key]
    if "" in profiles:
        return profiles[""]
    raise InputError("there is no profile for a sector", found=f"'{sector}'",
                     need="one of " + ", ".join(sorted(map(str, profiles))),
                     hint="give one under the key '' for all others")  # fmt: skip


def hourly_factors(profiles: Profiles, year: int, sectors: Sequence[str], species: str, zones: Zones) -> Array:
    """Return the factors (hour, zone, sector) of a species."""
    found: dict[tuple[int, str, str], Array] = {}
    hours = year_hours(year).size
    out = np.empty((hours, len(zones.timezone), len(sectors)))
    for z, timezone in enumerate(zones.timezone):
        country = zones.country[z] if z < len(zones.country) else ""
        off = country if z < len(zones.holidays) and zones.holidays[z] else ""
        for k, sector in enumerate(sectors):
            profile = _pick(profiles, country, sector, species)
            key = (id(profile), timezone, off)
            if key not in found:
                found[key] = factors(profile, year, timezone, off)
            out[:, z, k] = found[key]
    return out
