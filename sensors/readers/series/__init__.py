"""Series of analysers and networks, each foreign format in a module of its own, all giving one Dataset along time.

``<species>`` in its unit (``humidity`` and ``scale`` as attributes where the file tells them), ``<species>_sd`` and
``<species>_n`` of the mean, ``<species>_u_random`` where the file states one, ``<species>_flag`` and
``<species>_reason``; every other column of the file is kept under a name of its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FORMATS", "read_series", "recognise"]

FORMATS = ("ours", "obspack", "noaa", "icos", "tower", "lgr", "licor", "table")


def read_series(path: str | Path, format: str | None = None, **settings: Any) -> xr.Dataset:
    """Read a series file.

    Parameters
    ----------
    path : path
        Text (plain, gz or zip) or NetCDF.
    format : str, optional
        One of :data:`FORMATS`; by default found from the content.
    settings
        For the reader: see :func:`sensors.readers.series.table.read` for tables and ``day_first`` of
        :func:`sensors.readers.series.lgr.read`.

    Returns
    -------
    Dataset
        dims (time), UTC, in the order of time.

    Raises
    ------
    InputError
        The file cannot be read, or its format is not recognised.
    """
    from importlib import import_module

    from ghg.core.files import is_netcdf, open_input

    given = open_input(path)
    chosen = format or recognise(given)
    if chosen not in FORMATS:
        raise InputError("the format is unknown", where="format", found=f"'{chosen}'", need=", ".join(FORMATS))
    if chosen == "ours":
        from ghg.core.netcdf import read

        return read(given)
    if chosen != "obspack" and is_netcdf(given):
        raise InputError("this is a NetCDF file", where=str(given), need=f"a text of the format {chosen}")
    ds: xr.Dataset = import_module(f"sensors.readers.series.{chosen}").read(given, **settings)
    ds.attrs.setdefault("title", f"Series of {given.name}")
    return ds


def recognise(path: Path) -> str:
    """Return the format of a file from its content."""
    from ghg.core.files import is_netcdf
    from sensors.readers.series._text import head

    if is_netcdf(path):
        return "obspack" if _is_obspack(path) else "ours"
    lines = head(path, 40)
    if not any(line.strip() for line in lines):
        raise InputError("the file is empty", where=path.name)
    first, start = lines[0].lstrip("\ufeff"), "\n".join(lines)
    if first.startswith("Created:") or (len(lines) > 2 and "date" in lines[2].split() and "time" in lines[2].split()):
        return "tower"
    if first.startswith("# number_of_header_lines") or "data_fields:" in start:
        return "noaa"
    if "ICOS_ATC" in start or first.startswith(("Site Year", "#Site;", "Site;", '"site_id","samplingHeight"')):
        return "icos"
    if "DATAH" in start:
        return "licor"
    if first.startswith("VC:") or "GasP_torr" in start:
        return "lgr"
    return "table"


def _is_obspack(path: Path) -> bool:
    from ghg.core.netcdf import opened

    with opened(path) as nc:
        return "value" in nc.variables and ("dataset_parameter" in nc.ncattrs() or "obs_num" in nc.variables)
