"""Datasets to and from NetCDF-4 files that follow CF-1.11 and ACDD-1.3, carry their origin, and appear whole.

Labels may be strings in memory; files hold them as flags or characters (see :mod:`ghg.core._encoding`). What a
file must say about its data is filled in by :mod:`ghg.core._acdd`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError
from ghg.core.files import atomic_path, is_netcdf, open_input
from ghg.core.limits import DAMAGED_NETCDF
from ghg.core.patience import reading

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

    from ghg.core._digest import Leaf
    from ghg.core._record import Record

__all__ = ["opened", "read", "write"]


def write(ds: xr.Dataset, path: str | os.PathLike[str], *, record: Record, force: bool = False) -> str:
    """Write a Dataset; the file appears under its name only when it is complete.

    Parameters
    ----------
    ds : Dataset
        Any; string labels are encoded. Unchanged.
    path : path
        Name of the file, ending in ``.nc``.
    record : Record
        What was done, with which inputs; goes to the global attribute ``provenance``.
    force : bool
        Replace an existing file.

    Returns
    -------
    str
        The content digest.

    Raises
    ------
    InputError
        The target cannot be written, or a variable cannot be stored.

    References
    ----------
    CF conventions 1.11, sections 2.5, 3.5, 4.4, 6.1 and 7.1.
    """
    import netCDF4

    from ghg.core import _acdd, _digest, _encoding

    final = named(path)
    with atomic_path(final, force) as temporary:
        full = _acdd.complete(ds)
        attrs, blocks = stamped(ds, full, _digest.leaves(full), record, final)
        with netCDF4.Dataset(temporary, "w", format="NETCDF4") as nc:
            _encoding.dump(nc, full, attrs, blocks)
    return attrs["content_digest"]


def named(path: str | os.PathLike[str]) -> Path:
    """Return the name of a file to write, which says what it is."""
    final = Path(path)
    if final.suffix != ".nc":
        raise InputError("a NetCDF file needs the ending .nc", where=str(final))
    return final


def stamped(
    ds: xr.Dataset, full: xr.Dataset, leaves: Mapping[str, Leaf], record: Record, final: Path
) -> tuple[dict[str, Any], str]:
    """Return the global attributes of a completed Dataset, with record, dates and digests, and its block codes."""
    from ghg.core import _acdd, _digest, _encoding

    digests = {name: leaves[name].digest for name in sorted(leaves)}
    digest = _digest.root(digests)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    before = str(ds.attrs.get("history", "")).strip()
    attrs = _encoding.plain_attributes({
        **full.attrs,
        "id": _acdd.own_id(ds, digest),
        "date_created": now,
        "history": "\n".join(([before] if before else []) + [f"{now} {record.command_line()}"]),
        "provenance": json.dumps(record.as_dict(final), ensure_ascii=False, sort_keys=True),
        "content_digest": digest,
        "content_leaves": json.dumps(digests, ensure_ascii=False),
    })  # fmt: skip
    blocks = json.dumps({name: leaves[name].as_dict() for name in digests}, ensure_ascii=False)
    return {**attrs, "record_digest": _digest.record_digest(attrs)}, blocks


def read(path: str | os.PathLike[str]) -> xr.Dataset:
    """Read a Dataset, labels as strings and times as datetime64.

    Parameters
    ----------
    path : path
        NetCDF file: ours, or another that keeps to the conventions (its codes then stay numbers).

    Returns
    -------
    Dataset
        In memory, with the attributes of the file, without the variables that were added for the file only.

    Raises
    ------
    InputError
        It is missing, empty, a folder, no NetCDF file, or cut off.
    """
    from ghg.core import _acdd

    return _acdd.drop_added(load_all(path)[0])


def load_all(path: str | os.PathLike[str]) -> tuple[xr.Dataset, str]:
    """Return the Dataset as it lies in the file, and the codes that locate a change."""
    from ghg.core import _encoding

    with opened(path) as nc:
        return _encoding.load(nc)


@contextmanager
def opened(path: str | os.PathLike[str]) -> Iterator[netCDF4.Dataset]:
    """Open a NetCDF file for reading; what the library raises over a damaged one becomes a sentence.

    The block is for reading only, since it is watched (:mod:`ghg.core.patience`).

    Parameters
    ----------
    path : path
        NetCDF-4 or classic.

    Raises
    ------
    InputError
        It is missing, empty, a folder, no NetCDF file, cut off, or lacks what the block asks of it.
    """
    from ghg.core._library import dataset

    given = open_input(path)
    if not is_netcdf(given):
        raise InputError("this is no NetCDF file", where=str(given), need="NetCDF-4 or classic")
    try:
        with dataset(given) as nc, reading(given):
            yield nc
    except DAMAGED_NETCDF as error:
        raise InputError("the NetCDF file is damaged or cut off", where=str(given), found=str(error)) from error
