"""Datasets of sources and times that never lie in memory whole: computed and written piece by piece.

The file is the one that :func:`ghg.core.netcdf.write` would make of the whole, with its digest and all its codes.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import GhgError

if TYPE_CHECKING:
    import netCDF4
    import xarray as xr

    from ghg.core._digest import Running
    from ghg.core._record import Record

__all__ = ["CELLS", "WHOLE", "Axis", "Cut", "Part", "Pieces", "pieces_of", "spans_of", "write_pieces"]

CELLS = 1 << 19  # of one piece: four chunks of a file
DIMS = ("source", "time")


@dataclass(frozen=True)
class Cut:
    """How a Dataset is cut into pieces.

    Parameters
    ----------
    cells : int, optional
        Most sources times intervals of a piece; all in one by default.
    folder : Path, optional
        Where many records are put aside until their piece is made; that of temporary files by default.
    """

    cells: int | None = None
    folder: Path | None = None


WHOLE = Cut()


@dataclass(frozen=True)
class Axis:
    """Intervals that follow each other without a gap; equal ones are counted, and never held whole.

    Parameters
    ----------
    size : int
    start, step : int, optional
        Start of the first interval since 1970 and length of all [ns].
    listed : datetime64 (size, 2), optional
        Bounds of intervals of different length.
    """

    size: int
    start: int = 0
    step: int = 0
    listed: npt.NDArray[np.datetime64] | None = None

    def bounds(self, first: int = 0, last: int | None = None) -> npt.NDArray[np.datetime64]:
        """Return start and end of the intervals from `first` to before `last`: datetime64[ns] (n, 2)."""
        last = self.size if last is None else last
        if self.listed is not None:
            return self.listed[first:last]
        edges = self.start + self.step * np.arange(first, last + 1, dtype=np.int64)
        return np.stack([edges[:-1], edges[1:]], axis=1).view("datetime64[ns]")

    def sample(self) -> npt.NDArray[np.datetime64]:
        """Return intervals that tell the extent, resolution and unit of all: first and last of equal ones."""
        if self.listed is not None or self.size < 2:
            return self.bounds()
        return np.concatenate([self.bounds(0, 1), self.bounds(self.size - 1)])


@dataclass(frozen=True)
class Part:
    """Some sources over the whole time, or one source over a part of it.

    Parameters
    ----------
    source, time : slice
        Place in the whole.
    ds : Dataset
        dims (source, time), with ``time`` and ``time_bounds``.
    split : bool
        Whether it is a part of the time only.
    """

    source: slice
    time: slice
    ds: xr.Dataset
    split: bool = False


@dataclass
class Pieces:
    """A Dataset in parts.

    Parameters
    ----------
    sources : int
    axis : Axis
    parts : iterator of Part
        By source, then by time.
    coords : mapping, optional
        Coordinates along the sources, of all of them.
    attrs : callable
        Gives the global attributes, when all parts were taken.
    """

    sources: int
    axis: Axis
    parts: Iterator[Part]
    coords: Mapping[str, xr.Variable] = field(default_factory=dict)
    attrs: Callable[[], Mapping[str, Any]] = dict

    def whole(self, part: Part) -> bool:
        """Tell whether a part is all there is."""
        return (part.source.start, part.source.stop) == (0, self.sources) and (
            (part.time.start, part.time.stop) == (0, self.axis.size)
        )

    def only(self) -> xr.Dataset:
        """Return the Dataset of the one part that these pieces have."""
        part = next(self.parts)
        if not self.whole(part) or next(self.parts, None) is not None:
            raise GhgError("these pieces are more than one")
        part.ds.attrs = dict(self.attrs())
        return part.ds


def spans_of(sources: int, axis: Axis, cells: int | None, *, split: bool = True) -> list[tuple[slice, slice]]:
    """Return the places of the parts of a whole, in order.

    Parameters
    ----------
    sources : int
    axis : Axis
    cells : int, optional
        Most sources times intervals of a part; all in one by default.
    split : bool
        Whether a source of more equal intervals is split in time.
    """
    if cells is None or sources * axis.size <= cells:
        return [(slice(0, sources), slice(0, axis.size))]
    if axis.size <= cells or axis.listed is not None or not split:
        step = max(1, cells // axis.size)
        return [(slice(k, min(k + step, sources)), slice(0, axis.size)) for k in range(0, sources, step)]
    times = [slice(at, min(at + cells, axis.size)) for at in range(0, axis.size, cells)]
    return [(slice(k, k + 1), time) for k in range(sources) for time in times]


def pieces_of(ds: xr.Dataset) -> Pieces:
    """Return a Dataset in memory as its only piece."""
    axis = Axis(ds.sizes["time"], listed=np.empty((0, 2), "datetime64[ns]"))
    part = Part(slice(0, ds.sizes["source"]), slice(0, axis.size), ds)
    return Pieces(ds.sizes["source"], axis, iter([part]), attrs=lambda: ds.attrs)


def write_pieces(pieces: Pieces, path: str | os.PathLike[str], *, record: Record, force: bool = False) -> str:
    """Write a Dataset in pieces; the file appears under its name only when it is complete.

    Parameters
    ----------
    pieces : Pieces
        Taken to their end.
    path, record, force
        See :func:`ghg.core.netcdf.write`; the record may grow until the last piece was taken.

    Returns
    -------
    str
        The content digest.

    Raises
    ------
    InputError
        The target cannot be written; whatever is wrong with a piece.
    """
    import netCDF4

    from ghg.core import _acdd, _encoding
    from ghg.core.files import atomic_path
    from ghg.core.netcdf import named, stamped, write

    first = next(pieces.parts)
    if pieces.whole(first):
        if next(pieces.parts, None) is not None:
            raise GhgError("a piece behind the whole")
        first.ds.attrs = dict(pieces.attrs())
        return write(first.ds, path, record=record, force=force)
    final = named(path)
    with atomic_path(final, force) as temporary, netCDF4.Dataset(temporary, "w", format="NETCDF4") as nc:
        template = _template(pieces, first)
        out = _File(nc, _acdd.complete(template), pieces)
        out.put(first)
        del first  # two pieces at once would be twice the memory
        for part in pieces.parts:
            out.put(part)
            del part
        template.attrs = dict(pieces.attrs())
        full = _acdd.complete(template)
        attrs, blocks = stamped(template, full, out.leaves(full), record, final)
        _encoding.dump_globals(nc, full, attrs, blocks)
    return attrs["content_digest"]


def _template(pieces: Pieces, first: Part) -> xr.Dataset:
    """Return the whole without its values: zeros that take no memory, over the intervals that tell of all."""
    import xarray as xr

    from ghg.core.stream import placeholder

    sample = pieces.axis.sample()
    sizes = {**first.ds.sizes, "source": pieces.sources, "time": sample.shape[0]}
    made: dict[str, xr.Variable] = {}
    for name, variable in first.ds.variables.items():
        key = str(name)
        if key in ("time", "time_bounds"):
            values: Any = sample[:, 0] if key == "time" else sample
        elif key in pieces.coords:
            made[key] = pieces.coords[key]
            continue
        elif not set(variable.dims) & set(DIMS):
            values = variable.values
        elif variable.dims not in (DIMS, DIMS[:1]) or variable.dtype.kind not in "biuf":
            raise GhgError(f"the variable '{key}' cannot be written in pieces", found=f"{variable.dims}")
        else:
            values = placeholder(tuple(sizes[d] for d in variable.dims), variable.dtype.str)
        made[key] = xr.Variable(variable.dims, values, variable.attrs)
    names = [str(c) for c in first.ds.coords]
    return xr.Dataset({k: v for k, v in made.items() if k not in names}, {k: made[k] for k in names}, first.ds.attrs)


class _File:
    """A file that takes parts."""

    def __init__(self, nc: netCDF4.Dataset, full: xr.Dataset, pieces: Pieces) -> None:
        from ghg.core import _digest, _encoding

        self._nc, self._full = nc, full
        self._sizes = {**{str(k): int(v) for k, v in full.sizes.items()}, "time": pieces.axis.size}
        for name, size in self._sizes.items():
            nc.createDimension(name, size)
        streamed = [str(n) for n, v in full.variables.items() if "time" in v.dims]
        streamed += [str(n) for n, v in full.data_vars.items() if v.dims == ("source",)]
        shapes = {n: tuple(self._sizes[str(d)] for d in full.variables[n].dims) for n in streamed}
        _encoding.dump_variables(nc, full, (), shapes)
        self._running: dict[str, Running] = {}
        for name, shape in shapes.items():
            variable = full.variables[name]
            self._running[name] = _digest.Running(name, variable.dims, variable.dtype, shape, variable.attrs)
        self._left = {name: math.prod(shape) for name, shape in shapes.items()}
        self._parents = _encoding.bounds_of(full)

    def put(self, part: Part) -> None:
        """Write a part, and take its digest."""
        place = {"source": part.source, "time": part.time}
        if {str(n) for n in part.ds.variables} - set(self._full.variables) or any(
            name not in part.ds.variables for name in self._running
        ):
            raise GhgError("a piece has other variables than the first one", found=", ".join(map(str, part.ds)))
        for name, running in self._running.items():
            variable = part.ds.variables[name]
            if "source" not in variable.dims and part.source.start:
                continue  # time was written with the first source
            if variable.dtype != self._full.variables[name].dtype or variable.dims != self._full.variables[name].dims:
                raise GhgError(f"a piece of '{name}' does not fit", found=f"{variable.dtype} {variable.dims}")
            values = variable.values
            running.update(values)
            where = tuple(place.get(str(d), slice(None)) for d in variable.dims)
            self._nc.variables[name][where] = self._stored(name, values)
            self._left[name] -= values.size

    def _stored(self, name: str, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        from ghg.core import _counts

        target = self._nc.variables[name]
        if values.dtype.kind == "M":
            unit = str(self._nc.variables[self._parents.get(name, name)].getncattr("units")).split(" ")[0]
            return _counts.counted(_counts.to_nanoseconds(values), unit, target.dtype.type)
        return np.ascontiguousarray(values, target.dtype)

    def leaves(self, full: xr.Dataset) -> dict[str, Any]:
        """Return the digests of all variables and of the global attributes of the completed Dataset."""
        from ghg.core import _digest

        if any(self._left.values()):
            raise GhgError("the pieces are not the whole", found=str(self._left))
        found = {"": _digest.global_leaf(full.attrs)}
        for name in sorted(map(str, full.variables)):
            done = self._running.get(name)
            found[name] = _digest.leaf(name, full.variables[name]) if done is None else done.leaf()
        return found
