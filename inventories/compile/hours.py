"""The hours of a compilation: which profile and which clock hold where, and the file of hours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from inventories.compile.sections import OwnProfile, TimeSection
from inventories.dataset import GNFR
from inventories.species import variable_name
from inventories.temporal.expand import Zones
from inventories.temporal.profiles import FLAT, SUM_TOLERANCE, Profile, read_profiles

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["profiles_of", "write_hours", "zones_for"]


def profiles_of(section: TimeSection, base: Path, record: Record | None = None) -> dict[Any, Profile]:
    """Return the profiles by (region, sector, species), (region, sector) or sector.

    Raises
    ------
    ConfigError or InputError
        A sector is not one of GNFR or not in the tables, or a profile does not sum to one.
    """
    found: dict[Any, Profile] = {"": FLAT}
    if section.profiles is not None:
        paths = [base / p for p in (section.profiles.month, section.profiles.weekday, section.profiles.hour)]
        if record is not None:
            for path in paths:
                if path.is_file():
                    record.use(path, "time profiles")
        tables = read_profiles(*paths)
        found |= tables
        for own, other in section.map.items():
            if other not in tables:
                raise ConfigError("the profiles do not know the sector", where="key 'time.map'", found=f"'{other}'",
                                  need="one of " + ", ".join(tables))  # fmt: skip
            found[own] = tables[other]
    for number, one in enumerate(section.profile):
        where = f"key 'time.profile.{number}'"
        if one.sector not in GNFR:
            raise ConfigError("the sector is not one of GNFR", where=where, found=f"'{one.sector}'",
                              need="one of " + ", ".join(GNFR))  # fmt: skip
        profile = _own(one, where)
        token = variable_name(one.species).removeprefix("emission_") if one.species else ""
        key = tuple(k for k in (one.region, one.sector, token) if k)
        found[key if len(key) > 1 else one.sector] = profile
    return found


def _own(one: OwnProfile, where: str) -> Profile:
    parts = {}
    for name, count in (("month", 12), ("weekday", 7), ("hour", 24)):
        values = getattr(one, name)
        if values is None:
            continue
        total = float(np.sum(values))
        if min(abs(total - 1.0), abs(total / count - 1.0)) > SUM_TOLERANCE:
            raise InputError("a profile does not sum to one", where=f"{where}.{name}", found=f"sum {total:g}",
                             need=f"1, or {count} for factors of mean one")  # fmt: skip
        parts[name] = np.array(values, float)
    return Profile(**parts, name=where)


def zones_for(section: TimeSection, clocks: tuple[list[tuple[str, str]], Any, Any] | tuple[Any, Any]) -> Zones:
    """Return the clocks of the cells with the country whose profiles and holidays hold there.

    Raises
    ------
    ConfigError
        Holidays of a country are asked for beside profiles of regions.
    """
    names, index = clocks[:2]
    if section.holidays and any(region for _, region in names):
        raise ConfigError("holidays of one country and profiles of single regions cannot be told apart",
                          where="key 'time.holidays'", hint="leave one of the two out")  # fmt: skip
    country = tuple(section.holidays or region for _, region in names)
    return Zones(tuple(z for z, _ in names), index, country, (bool(section.holidays),) * len(names))


def write_hours(
    ds: xr.Dataset, section: TimeSection, profiles: dict[Any, Profile],
    clocks: tuple[list[tuple[str, str]], npt.NDArray[np.int32]], target: tuple[Path, Record],
) -> xr.Dataset:  # fmt: skip
    """Write the hours of gridded annual emissions, or their factors.

    Parameters
    ----------
    ds : Dataset
        Annual emissions on a grid.
    section : TimeSection
        Options.
    profiles : dict
        See :func:`profiles_of`.
    clocks : tuple
        Clocks and their numbers by cell, see :func:`inventories.compile.gridding.zones_of`.
    target : tuple
        Path of the file and its provenance.

    Returns
    -------
    Dataset
        Coordinates and ledger of the file.
    """
    from ghg.core.netcdf import write
    from inventories.temporal.expand import expand_to_file, factored

    zones = zones_for(section, clocks)
    year = int(np.datetime_as_string(ds["time"].values[0], "Y"))
    plain = ds.drop_vars([n for n in ds.data_vars if "_u_" in str(n) or str(n) == "zone_index"])
    for name in plain.data_vars:
        plain[name].attrs.pop("ancillary_variables", None)
    path, record = target
    if section.write == "factored":
        out = factored(plain, profiles, year, zones=zones)
        write(out, path, record=record)
        return out
    return expand_to_file(plain, profiles, year, path, record=record, zones=zones, by_sector=section.by_sector,
                          bits=section.bits, level=section.compression,
                          gathered=section.write == "gathered")  # fmt: skip
