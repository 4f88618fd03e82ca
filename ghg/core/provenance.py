"""Where a number comes from, and whether it is still the number that was written.

A :class:`Record` collects what a run did, in the terms of W3C PROV: entities (input files with SHA-256), one
activity (configuration, seed, steps, start and end) and the software agent. :func:`ghg.core.netcdf.write` puts
it into the file together with a digest of its content; :func:`verify` recomputes digests down the chain of
files and names what was changed. Digests show accidents and careless edits; against somebody who recomputes
them as well only a signature (:mod:`ghg.core.signature`) or a copy of the digest kept elsewhere helps.

References
----------
W3C Recommendation PROV-DM (2013); W3C Member Submission PROV-JSON (2013).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg import __version__
from ghg.core._record import Record, own_attributes
from ghg.core._verification import Problem, Verification, record_sha256
from ghg.core.errors import InputError
from ghg.core.files import MANIFEST, open_input, sha256, write_text

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Problem", "Record", "Verification", "digest", "read_record", "verify", "write_manifest"]


def digest(ds: xr.Dataset) -> str:
    """Return the content digest a Dataset has in a file, whatever its chunks, compression or byte order.

    Parameters
    ----------
    ds : Dataset
        In memory, before writing or after reading.

    Returns
    -------
    str
        SHA-256 Merkle root, hexadecimal.
    """
    from ghg.core import _acdd, _digest

    return _digest.root({name: leaf.digest for name, leaf in _digest.leaves(_acdd.complete(ds)).items()})


def read_record(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the provenance record of one of our NetCDF files.

    Raises
    ------
    InputError
        The file holds none.
    """
    text = own_attributes(open_input(path)).get("provenance")
    try:
        return dict(json.loads(str(text)))
    except (ValueError, TypeError) as error:
        raise InputError("the file holds no provenance record", where=str(path)) from error


def write_manifest(folder: str | os.PathLike[str], record: Record | None = None) -> Path:
    """List all files of a folder with their SHA-256 in ``manifest.json``; call it last.

    Parameters
    ----------
    folder : path
        Report folder.
    record : Record, optional
        What was done: tables and pages then have an origin as NetCDF files have, and :func:`verify` goes on to the
        inputs.

    Returns
    -------
    Path
        The manifest.
    """
    base = Path(folder)
    target = base / MANIFEST
    names = sorted(p.relative_to(base).as_posix() for p in base.rglob("*") if p.is_file() and p != target)
    files = {name: {"sha256": sha256(base / name), "bytes": (base / name).stat().st_size} for name in names}
    listed: dict[str, Any] = {"tool": f"ghg-toolkit {__version__}", "files": files}
    if record is not None:
        listed["provenance"] = record.as_dict(target)
        listed["record_sha256"] = record_sha256(listed["provenance"])
    text = json.dumps(listed, indent=1, ensure_ascii=False)
    write_text(target, text + "\n", force=True)
    return target


def verify(
    path: str | os.PathLike[str],
    *,
    base: str | os.PathLike[str] | None = None,
    key: str | os.PathLike[str] | None = None,
) -> Verification:
    """Recompute the digests of a file or report folder and of every input that can be found.

    Inputs are those named in the provenance of NetCDF files and of JSON results, down to the raw records.

    Parameters
    ----------
    path : path
        NetCDF file, report folder with ``manifest.json``, or a file of such a folder.
    base : path, optional
        Further folder in which to look for inputs; the folder of the file is always looked in.
    key : path, optional
        Public key: the signature beside the file or in the folder must have been made with its private half.

    Returns
    -------
    Verification
        ``ok`` and the problems, each naming file, variable or attribute, and place of the change.

    Raises
    ------
    InputError
        `path` is missing, empty, or a folder without manifest.
    """
    from ghg.core._verify import Walk

    walk = Walk(None if base is None else Path(base))
    walk.start(Path(path))
    if key is not None:
        from ghg.core.signature import check

        problems, checked = check(path, key)
        walk.result.problems += problems
        walk.result.signed += checked
    return walk.result
