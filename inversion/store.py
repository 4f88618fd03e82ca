"""Footprints of a network packed once into one file of cells that differ from zero, then read at memory speed.

The file is a header in JSON (grid, sites, lags, units, provenance, SHA-256 of what follows) and plain little-endian
arrays that are mapped, not read: row starts, cells (int32), lags (int16, -1 for what is not resolved in time), values
(float32, (mol mol-1) / (mol m-2 s-1)). One row is one observation time of one site.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.files import atomic_path, open_input
from inversion.footprints import UNIT, Footprints, Piece

if TYPE_CHECKING:
    from ghg.core.provenance import Record
    from inversion.sensitivity import Sparse

__all__ = ["Store", "open_store", "pack"]

Array = npt.NDArray[np.float64]
MAGIC = b"GHGFP01\n"
ALIGN, BLOCK = 64, 1 << 22
_TYPES = {"time": "<i8", "site": "<i4", "period": "<f8", "start": "<i8", "cell": "<i4", "lag": "<i2", "value": "<f4",
          "lags": "<f8", "latitude": "<f8", "longitude": "<f8", "lost": "<f4"}  # fmt: skip


@dataclass(frozen=True)
class Store:
    """A packed store, mapped into memory; see :func:`open_store`.

    Parameters
    ----------
    sites : tuple of str
    arrays : dict of str to array
        See the module; ``lost`` is the share of each footprint that was left out when it was packed.
    header : dict
        As in the file.
    where : str
        The file.
    """

    sites: tuple[str, ...]
    arrays: dict[str, npt.NDArray[Any]]
    header: dict[str, Any]
    where: str

    @property
    def grid(self) -> tuple[Array, Array]:
        """Latitudes and longitudes of the cells."""
        return self.arrays["latitude"], self.arrays["longitude"]

    @property
    def nonzeros(self) -> int:
        """Number of stored values."""
        return int(self.arrays["value"].size)

    @property
    def nbytes(self) -> int:
        """Bytes of rows that a product has to read."""
        return sum(self.arrays[k].nbytes for k in ("cell", "lag", "value"))

    def rows_of(self, site: Sequence[str] | npt.NDArray[np.str_], time: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the row of each observation.

        Raises
        ------
        InputError
            Sites without footprints, or observations without one; they are named.
        """
        names = np.char.upper(np.asarray(site, dtype=str))
        wanted = np.asarray(time).astype("datetime64[ns]").astype(np.int64)
        if unknown := sorted(set(names.tolist()) - set(self.sites)):
            raise InputError("a site has observations and no footprints", where=self.where, found=", ".join(unknown),
                             need=", ".join(self.sites))  # fmt: skip
        rows = np.full(names.size, -1, np.int64)
        for k, name in enumerate(self.sites):
            own = np.flatnonzero(self.arrays["site"] == k)
            mine = names == name
            begins = self.arrays["time"][own]
            place = np.searchsorted(begins, wanted[mine], side="right") - 1
            gap = wanted[mine] - begins[np.maximum(place, 0)]
            fits = (place >= 0) & (gap < self.arrays["period"][k] * 1e9)
            rows[mine] = np.where(fits, own[np.maximum(place, 0)], -1)
        if (rows < 0).any():
            first = np.flatnonzero(rows < 0)[0]
            stamp = np.datetime_as_string(np.datetime64(int(wanted[first]), "ns"), unit="m")
            raise InputError("observations have no footprint", where=self.where,
                             found=f"{int((rows < 0).sum())}, the first {names[first]} {stamp}Z",
                             hint="leave them out, or pack the footprints")  # fmt: skip
        return rows

    def footprints(self, site: str, time: npt.ArrayLike) -> Footprints:
        """Return the footprints of a site at its observations, unread, resolved in time where they were packed so.

        Raises
        ------
        InputError
            As :meth:`rows_of`.
        """
        a = self.arrays
        stamps = np.atleast_1d(np.asarray(time))
        rows = self.rows_of([site] * stamps.size, stamps)
        lags = np.asarray(a["lags"], np.float64).reshape(-1, 2)
        shape = (len(lags) + 1, a["latitude"].size, a["longitude"].size)

        def load(index: npt.NDArray[np.int64]) -> Piece:
            out = np.zeros((index.size, shape[0], shape[1] * shape[2]))
            for k, row in enumerate(rows[index].tolist()):
                own = slice(int(a["start"][row]), int(a["start"][row + 1]))
                lag = a["lag"][own].astype(np.int64) if len(lags) else np.full(own.stop - own.start, -1)
                np.add.at(out[k], (lag, a["cell"][own].astype(np.int64)), a["value"][own])
            every = out.reshape(index.size, *shape)
            return Piece(every.sum(axis=1), every[:, :-1] if len(lags) else None)

        place = self.sites.index(site.upper())
        return Footprints(site.upper(), a["time"][rows].astype("datetime64[ns]"), float(a["period"][place]),
                          np.asarray(a["latitude"]), np.asarray(a["longitude"]), load, lags if len(lags) else None,
                          attrs={"file": self.where})  # fmt: skip

    def enhancement(self, flux: Array, rows: npt.NDArray[np.int64] | None = None) -> Array:
        """Return what a constant flux (lat, lon) [mol m-2 s-1] adds to each row, mol mol-1."""
        from ghg.core import jit
        from inversion import _store_kernels

        a = self.arrays
        if flux.shape != (a["latitude"].size, a["longitude"].size):
            raise InputError("the flux is on another grid than the footprints", where=self.where,
                             found=str(flux.shape))  # fmt: skip
        index = np.arange(a["time"].size) if rows is None else np.asarray(rows, np.int64)
        out = np.zeros(index.size)
        held = a["start"], a["cell"], a["value"], np.ascontiguousarray(flux, np.float64).ravel()
        jit.spread(_store_kernels.times_map, index.size, index, *held, out, least=256)
        return out

    def sensitivity(self, rows: npt.NDArray[np.int64], bounds: npt.ArrayLike, *, early: str = "refuse") -> Sparse:
        """Return H of a flux block for the solvers.

        Parameters
        ----------
        rows : array of int (n,)
            From :meth:`rows_of`.
        bounds : array of datetime64 (p, 2)
            Periods of the state, in order.
        early : {"refuse", "first"}
            What to do with fluxes before the first period: refuse, or take those of the first period.

        Notes
        -----
        Lags count from the middle of the averaging interval, when the mean particle was released. A resolved interval
        sees the period that holds its middle; the remainder the one at the end of the last resolved interval; an
        integrated footprint the one that holds the observation.

        Raises
        ------
        InputError
            Observations after the last period, or fluxes before the first.
        """
        from ghg.core import jit
        from inversion import _store_kernels
        from inversion.sensitivity import Sparse

        a = self.arrays
        edges = np.asarray(bounds).astype("datetime64[ns]").astype(np.int64)
        lags = a["lags"].reshape(-1, 2)
        back = np.append(lags.mean(axis=1), lags[-1, 1] if len(lags) else 0.0) * 3600e9
        release = a["time"][rows] + (0.5e9 * np.asarray(a["period"])[a["site"][rows]]).astype(np.int64)
        moments = release[:, None] - back[None, :].astype(np.int64)
        if not len(lags):
            moments = a["time"][rows][:, None]
        period = np.searchsorted(edges[:, 0], moments, side="right") - 1
        if (a["time"][rows] >= edges[-1, 1]).any():
            raise InputError("observations lie after the last period of the state", where=self.where)
        if (period < 0).any() and early != "first":
            raise InputError("footprints reach before the first period of the state", where=self.where,
                             found=f"{int((period < 0).any(axis=1).sum())} observations",
                             hint="begin the state earlier, or say early = 'first'")  # fmt: skip
        counts = np.diff(a["start"])[rows]
        begin = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        cell, when = np.empty(begin[-1], np.int32), np.empty(begin[-1], np.int32)
        value = np.empty(begin[-1], np.float32)
        held = a["start"], a["cell"], a["lag"], a["value"], np.maximum(period, 0).astype(np.int32)
        chosen = np.asarray(rows, np.int64)
        jit.spread(_store_kernels.gather, chosen.size, chosen, *held, begin, cell, when, value, least=256)
        shape = (len(rows), len(edges), a["latitude"].size * a["longitude"].size)
        return Sparse(shape, begin, cell, when, value)


def pack(
    footprints: Sequence[Footprints], path: str | os.PathLike[str], *, record: Record | None = None,
    keep: float = 1.0, skip: bool = False, force: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Pack footprints of several sites on one grid; the file appears when it is whole.

    Parameters
    ----------
    footprints : sequence of Footprints
        One for each site.
    path : path
        Ending in ``.ghgfp``.
    record : Record, optional
        Goes to the header.
    keep : float
        Share of each footprint that is kept, largest cells first; what is lost is noted row by row.
    skip : bool
        Leave out rows that :meth:`Footprints.screen` doubts, instead of refusing them.
    force : bool
        Replace an existing file.

    Returns
    -------
    dict
        Rows, values, bytes, and rows left out by reason.

    Raises
    ------
    InputError
        Sites twice, different grids or lags, doubtful rows.
    """
    if not footprints or not 0.0 < keep <= 1.0:
        raise InputError("there is nothing to pack, or the share to keep is out of range", found=f"keep {keep:g}")
    first = footprints[0]
    if str(path)[-6:] != ".ghgfp":
        raise InputError("a packed store needs the ending .ghgfp", where=str(path))
    for one in footprints[1:]:
        if one.latitude.shape != first.latitude.shape or not (
            np.allclose(one.latitude, first.latitude, atol=1e-4)
            and one.longitude.shape == first.longitude.shape
            and np.allclose(one.longitude, first.longitude, atol=1e-4)
        ):
            raise InputError("the footprints of two sites are on different grids", where=one.where,
                             hint=f"re-grid them to the grid of {first.where}")  # fmt: skip
        if (one.lags is None) != (first.lags is None) or (
            one.lags is not None and first.lags is not None and not np.array_equal(one.lags, first.lags)
        ):
            raise InputError("the footprints of two sites are resolved in different lags", where=one.where)
    names = [f.site for f in footprints]
    if len(set(names)) < len(names):
        raise InputError("a site is packed twice", found=", ".join(names))
    columns: dict[str, list[npt.NDArray[Any]]] = {k: [] for k in ("time", "site", "count", *_PARTS, "lost")}
    left: dict[str, int] = {}
    for k, one in enumerate(footprints):
        _collect(one, k, keep, skip, columns, left)
    merged = {k: np.concatenate(v) for k, v in columns.items()}
    merged["start"] = np.concatenate([[0], np.cumsum(merged.pop("count"))])
    merged["period"] = np.array([f.period for f in footprints])
    merged["lags"] = np.zeros((0, 2)) if first.lags is None else first.lags
    merged |= {"latitude": first.latitude, "longitude": first.longitude}
    if first.lags is None:
        merged["lag"] = np.zeros(0)
    arrays = {k: np.ascontiguousarray(merged[k], dtype=t) for k, t in _TYPES.items()}
    size = _write(path, arrays, names, record, keep, force)
    return {"rows": int(arrays["time"].size), "values": int(arrays["value"].size), "bytes": size, "left_out": left}


_PARTS = ("cell", "lag", "value")


def _collect(
    one: Footprints,
    site: int,
    keep: float,
    skip: bool,
    columns: dict[str, list[npt.NDArray[Any]]],
    left: dict[str, int],
) -> None:
    doubtful = {k: rows for k, rows in one.screen().items() if rows.size}
    if doubtful and not skip:
        why, rows = next(iter(doubtful.items()))
        raise InputError(f"footprints are {why}", where=one.where, found=f"{rows.size} of {one.size}, the first "
                         f"{np.datetime_as_string(one.time[rows[0]], unit='m')}Z",
                         hint="mend the file, or leave such rows out with skip")  # fmt: skip
    for why, rows in doubtful.items():
        left[f"{one.site} {why}"] = int(rows.size)
    drop = np.concatenate([np.zeros(0, np.int64), *doubtful.values()])
    kept = one.select(np.setdiff1d(np.arange(one.size), drop))
    for rows, piece in kept.chunks():
        whole = piece.total if piece.resolved is None else piece.remainder
        stack = whole[:, None] if piece.resolved is None else np.concatenate([piece.resolved, whole[:, None]], axis=1)
        flat = stack.reshape(rows.size, stack.shape[1], -1)
        if keep < 1.0:
            flat, lost = _largest(flat, keep)
        else:
            lost = np.zeros(rows.size)
        row, lag, cell = np.nonzero(flat)
        columns["time"].append(kept.time[rows].astype(np.int64))
        columns["site"].append(np.full(rows.size, site))
        columns["count"].append(np.bincount(row, minlength=rows.size))
        columns["cell"].append(cell.astype(np.int32))
        columns["lag"].append(np.where(lag == stack.shape[1] - 1, -1, lag).astype(np.int16))
        columns["value"].append(flat[row, lag, cell].astype(np.float32))
        columns["lost"].append(lost)


def _largest(flat: Array, keep: float) -> tuple[Array, Array]:
    """Return footprints (k, lags, cells) with the smallest values put to zero, and the share lost."""
    out = flat.reshape(flat.shape[0], -1).copy()
    lost = np.zeros(out.shape[0])
    for k, row in enumerate(out):
        order = np.argsort(np.abs(row))
        share = np.cumsum(np.abs(row[order]))
        total = share[-1]
        small = order[share <= (1.0 - keep) * total]
        lost[k] = np.abs(row[small]).sum() / total if total > 0.0 else 0.0
        row[small] = 0.0
    return out.reshape(flat.shape), lost


def _write(
    path: str | os.PathLike[str], arrays: dict[str, npt.NDArray[Any]], sites: list[str], record: Record | None,
    keep: float, force: bool,
) -> int:  # fmt: skip
    with atomic_path(path, force) as temporary:
        digest = hashlib.sha256()
        places, offset = {}, 0
        for name, values in arrays.items():
            places[name] = {"dtype": _TYPES[name], "shape": list(values.shape), "offset": offset}
            offset += -(-values.nbytes // ALIGN) * ALIGN
            digest.update(values.tobytes())
        header = {"format": 1, "units": UNIT, "sites": sites, "keep": keep, "arrays": places, "bytes": offset,
                  "sha256": digest.hexdigest(),
                  "provenance": None if record is None else record.as_dict(temporary)}  # fmt: skip
        text = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
        text += b" " * (-(len(MAGIC) + 8 + len(text)) % ALIGN)
        with temporary.open("wb") as file:
            file.write(MAGIC + len(text).to_bytes(8, "little") + text)
            for values in arrays.values():
                file.write(values.tobytes())
                file.write(b"\0" * (-values.nbytes % ALIGN))
            return file.tell()


def open_store(path: str | os.PathLike[str], *, verify: bool = False) -> Store:
    """Open a packed store; arrays are mapped, and read when they are used.

    Parameters
    ----------
    path : path
    verify : bool
        Read everything once and compare with the digest of the header.

    Raises
    ------
    InputError
        No packed store, cut off, or changed.
    """
    given = open_input(path)
    where = str(path)
    damaged = InputError("the packed store is damaged or cut off", where=where, found=f"{given.stat().st_size} bytes",
                         hint="pack it again")  # fmt: skip
    try:
        header, arrays = _mapped(given)
        sound = _sound(header, arrays)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise damaged from error
    if not sound:
        raise damaged
    if verify:
        digest = hashlib.sha256()
        for name in _TYPES:
            digest.update(arrays[name].tobytes())
        if digest.hexdigest() != header.get("sha256"):
            raise InputError("the packed store was changed after it was written", where=where, hint="pack it again")
    return Store(tuple(header["sites"]), arrays, header, where)


def _mapped(path: Path) -> tuple[dict[str, Any], dict[str, npt.NDArray[Any]]]:
    """Return header and arrays of a file; what is wrong with it raises whatever it raises."""
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InputError(
                "this is no packed store of footprints", where=str(path), hint="make one: ghg inversion pack"
            )
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length)) if length < path.stat().st_size else {}
    base, arrays = len(MAGIC) + 8 + length, {}
    for name, dtype in _TYPES.items():
        place = header["arrays"][name]
        shape = tuple(int(n) for n in place["shape"])
        if 0 in shape:
            arrays[name] = np.zeros(shape, dtype)
        else:
            arrays[name] = np.memmap(path, dtype, "r", base + place["offset"], shape).view(np.ndarray)
    return header, arrays


def _sound(header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> bool:
    """Tell whether everything points to something: kernels would read beyond their arrays otherwise."""
    rows, values, sites = arrays["time"].size, arrays["value"].size, len(header["sites"])
    start, cells = arrays["start"], arrays["latitude"].size * arrays["longitude"].size
    lags = arrays["lags"].size // 2
    return bool(
        all(isinstance(name, str) for name in header["sites"])
        and arrays["site"].shape == arrays["lost"].shape == (rows,)
        and arrays["period"].shape == (sites,)
        and arrays["cell"].shape == (values,)
        and arrays["lag"].shape == ((values,) if lags else (0,))
        and start.shape == (rows + 1,)
        and (start[0], start[-1]) == (0, values)
        and (np.diff(start) >= 0).all()
        and _inside(arrays["site"], 0, sites)
        and _inside(arrays["cell"], 0, cells)
        and _inside(arrays["lag"], -1, lags)
    )


def _inside(index: npt.NDArray[Any], low: int, high: int) -> bool:
    """Tell whether all of an index lie from `low` to before `high`, read in blocks."""
    blocks = (index[at : at + BLOCK] for at in range(0, index.size, BLOCK))
    return all(int(block.min()) >= low and int(block.max()) < high for block in blocks)
