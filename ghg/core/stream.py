"""NetCDF files whose largest variables never lie in memory: they are written block by block along one axis.

The file is the same as :func:`ghg.core.netcdf.write` would have made of the whole, with its digest, but for the codes
that locate a change across the columns of a streamed variable, which only the whole could give.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from ghg.core.errors import GhgError
from ghg.core.files import atomic_path

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core._record import Record

__all__ = ["CHUNK_BYTES", "Stream", "ahead", "placeholder", "stream"]

CHUNK_BYTES = 1 << 22
T = TypeVar("T")


def placeholder(shape: tuple[int, ...], dtype: str = "f4") -> npt.NDArray[Any]:
    """Return an array of zeros that takes no memory, to stand for a variable that will be streamed."""
    return np.broadcast_to(np.zeros((), dtype), shape)


def ahead(blocks: Iterator[T]) -> Iterator[T]:
    """Yield what `blocks` yields, while the next one is made in another thread; None ends it."""
    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(next, blocks, None)
        while (block := coming.result()) is not None:
            coming = pool.submit(next, blocks, None)
            yield block


class Stream:
    """A file that takes blocks; made by :func:`stream`."""

    def __init__(
        self, nc: Any, full: xr.Dataset, names: list[str], level: int, chunked: Mapping[str, tuple[int, ...]]
    ) -> None:
        from ghg.core import _digest, _encoding

        self._nc, self._names = nc, names
        self.full = full
        self._hash = {}
        self._beside = ThreadPoolExecutor(1)
        self._at = dict.fromkeys(names, 0)
        self._steps = {name: full.variables[name].shape[0] for name in names}
        for name in names:
            variable = full.variables[name]
            dims, shape = tuple(map(str, variable.dims)), variable.shape
            along = dims.index("time") if "time" in dims else 0
            rest = int(np.prod(shape[along + 1 :])) * variable.dtype.itemsize
            chunks = chunked.get(name) or (
                *(1,) * along, max(1, min(shape[along], CHUNK_BYTES // max(rest, 1))), *shape[along + 1 :]
            )  # fmt: skip
            options = {"zlib": True, "complevel": level, "shuffle": True} if level else {}
            fill = variable.dtype.type(np.nan)
            made = nc.createVariable(name, variable.dtype, dims, chunksizes=chunks, fill_value=fill, **options)
            made.set_auto_maskandscale(False)
            attrs = _encoding.coerce(_encoding.plain_attributes(variable.attrs), variable.dtype)
            others = [str(c) for c in full.coords if c not in dims and set(full.coords[c].dims) <= set(dims)
                      and full.coords[c].attrs.get("ghg_role") != "extent" and "bounds" not in str(c)]  # fmt: skip
            _encoding.write_attributes(made, attrs | ({"coordinates": " ".join(others)} if others else {}))
            layout = f"{','.join(dims)} {variable.dtype.name} {list(shape)}"
            head = _digest._text([name, layout, _digest.plain_attributes(variable.attrs)])
            self._hash[name] = _Leaf(name, layout, head, variable.size, _digest.attribute_codes(variable.attrs))

    def put(self, name: str, block: npt.NDArray[Any]) -> None:
        """Append a block along the first axis; where time is the second one, a block of times of one step of the first.

        Blocks come in the order in which the values lie, so with a first axis ``sector`` all times of the first sector
        come first.

        Raises
        ------
        GhgError
            The block does not fit the variable.
        """
        variable, at = self.full.variables[name], self._at[name]
        lead = variable.ndim - block.ndim + 1  # axes along which blocks are counted
        last = variable.shape[lead - 1]
        before, first = divmod(at, last) if lead == 2 else (0, at)
        if (
            lead not in (1, 2)
            or block.shape[1:] != variable.shape[lead:]
            or block.dtype != variable.dtype
            or at >= int(np.prod(variable.shape[:lead]))
            or first + block.shape[0] > last
        ):
            raise GhgError(f"a block of '{name}' does not fit", found=f"{block.dtype} {block.shape} at {at}")
        where = slice(first, first + block.shape[0])
        block = np.ascontiguousarray(block)
        # the digest is taken beside the compression: both leave the interpreter free
        taken = self._beside.submit(self._hash[name].update, block)
        try:
            self._nc.variables[name][(before, where) if lead == 2 else where] = block
        finally:
            taken.result()
        self._at[name], self._steps[name] = at + block.shape[0], int(np.prod(variable.shape[:lead]))

    def close(self) -> None:
        """Let the thread of the digests go."""
        self._beside.shutdown()

    def replace(self, ds: xr.Dataset) -> None:
        """Give the final values of variables that are not streamed, such as totals; shapes and types stay.

        Raises
        ------
        GhgError
            A variable is streamed, or differs in dimensions.
        """
        for name, variable in ds.data_vars.items():
            old = self.full.variables.get(name)
            if name in self._names or old is None or old.dims != variable.dims or old.shape != variable.shape:
                raise GhgError(f"the variable '{name}' cannot be replaced")
            self.full[str(name)] = (variable.dims, variable.values, {**old.attrs, **variable.attrs})

    def finished(self) -> dict[str, Any]:
        """Return the leaves of the streamed variables, when all are full."""
        for name in self._names:
            if self._at[name] != self._steps[name]:
                raise GhgError(f"'{name}' was not written to its end", found=str(self._at[name]))
        return {name: self._hash[name].leaf() for name in self._names}


class _Leaf:
    """Digest of a variable that arrives in pieces."""

    def __init__(self, name: str, layout: str, head: bytes, size: int, attributes: dict[str, str]) -> None:
        import hashlib

        from ghg.core import _digest

        self.name, self.layout, self.head, self.attributes = name, layout, head, attributes
        self.whole = hashlib.sha256()
        self.width, self.code = _digest.width(size), _digest.CODE
        self.rows: list[str] = []
        self.rest = b""

    def update(self, block: npt.NDArray[Any]) -> None:
        import hashlib

        if block.size and np.isnan(block.min()):  # the least of numbers with a NaN is NaN
            raise GhgError("a streamed variable holds NaN", where=self.name)
        little = np.ascontiguousarray(block, block.dtype.newbyteorder("<"))
        data = little.reshape(-1).view(np.uint8).data
        row = self.width * block.dtype.itemsize
        at = 0
        if self.rest:
            at = min(row - len(self.rest), len(data))
            self.rest += bytes(data[:at])
            if len(self.rest) == row:
                self._row(hashlib.sha256(self.rest).digest())
                self.rest = b""
        while at + row <= len(data):
            self._row(hashlib.sha256(data[at : at + row]).digest())
            at += row
        self.rest += bytes(data[at:])

    def _row(self, digest: bytes) -> None:
        self.whole.update(digest)
        self.rows.append(digest.hex()[: self.code])

    def leaf(self) -> Any:
        import hashlib

        from ghg.core import _digest

        if self.rest:
            self._row(hashlib.sha256(self.rest).digest())
            self.rest = b""
        digest = hashlib.sha256(b"\0" + self.head + b"\0" + self.whole.digest()).hexdigest()
        return _digest.Leaf(digest, self.layout, "".join(self.rows), "", self.attributes)


@contextmanager
def stream(
    ds: xr.Dataset,
    names: list[str],
    path: str | os.PathLike[str],
    *,
    record: Record,
    force: bool = False,
    level: int = 1,
    chunks: Mapping[str, tuple[int, ...]] | None = None,
) -> Iterator[Stream]:
    """Write a Dataset whose variables `names` come in blocks.

    Parameters
    ----------
    ds : Dataset
        All of the file; the streamed variables are placeholders (:func:`placeholder`) with their attributes.
    names : list of str
        Streamed variables, floats without NaN.
    path : path
        Name of the file, ending in ``.nc``; it appears when all blocks are there.
    record : Record
        See :func:`ghg.core.netcdf.write`.
    force : bool
        Replace an existing file.
    level : int
        Of zlib, for the streamed variables; 0 stores them as they are.
    chunks : mapping of str to tuple of int, optional
        Chunks of streamed variables; whole steps of the first axis, up to 4 MiB together, where not given.

    Yields
    ------
    Stream
        Its :meth:`Stream.put` takes the blocks. Variables of `ds` that are not streamed may be changed until the
        block ends only through :meth:`Stream.put`.
    """
    import netCDF4

    from ghg.core import _acdd, _digest, _encoding
    from ghg.core.netcdf import named, stamped

    final = named(path)
    with atomic_path(final, force) as temporary:
        full = _acdd.complete(ds)
        with netCDF4.Dataset(temporary, "w", format="NETCDF4") as nc:
            for name, size in full.sizes.items():
                nc.createDimension(str(name), int(size))
            out = Stream(nc, full, names, level, chunks or {})
            try:
                yield out
            finally:
                out.close()
            full = out.full
            rest = full.drop_vars(names)
            found = {str(n): _digest.leaf(str(n), v) for n, v in rest.variables.items()} | out.finished()
            found[""] = _digest.global_leaf(full.attrs)
            attrs, blocks = stamped(ds, full, found, record, final)
            _encoding.dump_rest(nc, full, names, attrs, blocks)
