"""Readers: one module per foreign format, all giving the common Dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.pieces import Cut, Pieces
    from sensors.config import CampdReader, EcmpsReader, Hj212Reader, NetcdfReader, TableReader, ValuesReader

__all__ = ["read", "read_pieces"]


def read(
    config: CampdReader | EcmpsReader | Hj212Reader | NetcdfReader | TableReader | ValuesReader,
    *,
    base: Path | None = None,
) -> xr.Dataset:
    """Read records of stacks by the reader that `config` names.

    Parameters
    ----------
    config : CampdReader, EcmpsReader, Hj212Reader, NetcdfReader, TableReader or ValuesReader
        Files, filters and the meaning of columns.
    base : Path, optional
        Folder to which relative paths belong; the working folder by default.

    Returns
    -------
    Dataset
        dims (source, time), with ``time_bounds``.

    Raises
    ------
    InputError
        See the reader.
    """
    if config.format in ("campd", "table"):
        return read_pieces(config, base=base).only()
    if config.format == "hj212":
        from sensors.readers.hj212 import read as read_hj212

        return read_hj212(config, base=base)
    if config.format == "ecmps":
        from sensors.readers.ecmps_emissions import read as read_ecmps

        return read_ecmps(config, base=base)
    if config.format == "netcdf":
        from sensors.readers.netcdf import read as read_netcdf

        return read_netcdf(config, base=base)
    if config.format == "values":
        from sensors.readers.values import read as read_values

        return read_values(config)
    raise AssertionError(config.format)


def read_pieces(
    config: CampdReader | EcmpsReader | Hj212Reader | NetcdfReader | TableReader | ValuesReader,
    *,
    base: Path | None = None,
    cut: Cut | None = None,
) -> Pieces:
    """Read the Dataset of :func:`read` in pieces; those of formats other than CAMPD and tables are one."""
    from ghg.core.pieces import WHOLE, pieces_of

    if config.format == "campd":
        from sensors.readers.campd import read_pieces as of_campd

        return of_campd(config, base=base, cut=cut or WHOLE)
    if config.format == "table":
        from sensors.readers.table import read_pieces as of_table

        return of_table(config, base=base, cut=cut or WHOLE)
    return pieces_of(read(config, base=base))
