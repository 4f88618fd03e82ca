"""Digests of Datasets that do not depend on chunks, compression, byte order or threads, and that locate a change.

Every variable is a leaf: SHA-256 over its name, dimensions, type, shape, attributes and values. Leaves are
joined to one root as in RFC 6962 (prefix 0 for leaves, 1 for nodes). To find a single changed value among n,
the values are laid out as a square and a short code is kept of each row and column of it: about 2 sqrt(n)
codes, and the changed value stands where a changed row meets a changed column.

References
----------
RFC 6962, section 2.1 (Merkle hash trees).
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core._encoding import as_text, kind, plain_attributes, to_nanoseconds

if TYPE_CHECKING:
    import xarray as xr

STRIPE = 64  # columns that are turned over at a time
CODE = 6  # hexadecimal digits of a code: it locates, the leaf decides
# Global attributes that differ between two runs of the same work, or that hold the digests
VOLATILE = frozenset({
    "history", "id", "date_created", "date_modified", "date_issued", "date_metadata_modified", "provenance",
    "content_digest", "content_leaves", "record_digest",
})  # fmt: skip


@dataclass(frozen=True)
class Leaf:
    """Digest of one variable, and codes that locate a change in it."""

    digest: str
    layout: str  # dimensions, type and shape
    rows: str
    columns: str
    attributes: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """Return the parts that go to the file."""
        return {"layout": self.layout, "rows": self.rows, "columns": self.columns, "attributes": self.attributes}


def _sha(data: Any) -> Any:
    return hashlib.sha256(data)


def _text(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def canonical(values: npt.NDArray[Any], name: Hashable = "") -> npt.NDArray[Any]:
    """Return values in the one form that is hashed: little-endian, one NaN, times in ns, text as digests."""
    what = kind(values)
    if what == "text":
        short = [_sha(text.encode()).digest()[:16] for text in as_text(values, name).ravel().tolist()]
        return np.frombuffer(b"".join(short), dtype="V16").reshape(values.shape)
    if what in ("time", "duration"):
        values = to_nanoseconds(values)
    if what == "boolean":
        values = values.astype(np.int8)
    if values.dtype.kind == "f" and np.isnan(values).any():
        values = np.where(np.isnan(values), values.dtype.type(np.nan), values)
    return np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<"))


def _type_name(values: npt.NDArray[Any]) -> str:
    what = kind(values)
    return values.dtype.name if what == "number" else what


def width(size: int) -> int:
    """Return the row length of the square in which `size` values are laid out."""
    return max(1, math.isqrt(max(size - 1, 0)) + 1)


def leaf(name: str, variable: xr.Variable) -> Leaf:
    """Return the digest of a variable."""
    values = variable.values
    running = Running(name, variable.dims, values.dtype, values.shape, variable.attrs)
    running.update(values)
    return running.leaf()


class Running:
    """Digest of a variable whose values come in pieces, in C order; the same for pieces of any size.

    Parameters
    ----------
    name : str
    dims : sequence of str
    dtype : dtype
        In memory.
    shape : tuple of int
        Of the whole variable.
    attrs : mapping
    """

    def __init__(
        self,
        name: str,
        dims: Sequence[Hashable],
        dtype: np.dtype[Any],
        shape: tuple[int, ...],
        attrs: Mapping[Any, Any],
    ) -> None:
        layout = f"{','.join(map(str, dims))} {_type_name(np.empty(0, dtype))} {list(shape)}"
        self._name, self._layout, self._attributes = name, layout, attribute_codes(attrs)
        self._head = _text([name, layout, plain_attributes(attrs)])
        self._whole, self._rows = _sha(b""), list[str]()
        self._across = width(math.prod(shape))
        self._columns = [_sha(b"") for _ in range(self._across)]
        self._rest: npt.NDArray[Any] | None = None  # a row that is not whole yet

    def update(self, values: npt.NDArray[Any]) -> None:
        """Take the next values."""
        flat = canonical(values, self._name).ravel()
        if self._rest is not None:
            flat = np.concatenate([self._rest, flat])
        full = flat.size // self._across
        square, rest = flat[: full * self._across].reshape(full, self._across), flat[full * self._across :]
        for row in square:
            self._row(row)
        for first in range(0, self._across if full else 0, STRIPE):  # all turned over would be a second copy
            stripe = np.ascontiguousarray(square[:, first : first + STRIPE].T)
            for j, column in enumerate(stripe, start=first):
                self._columns[j].update(column.view(np.uint8).data)
        self._rest = rest.copy() if rest.size else None

    def _row(self, values: npt.NDArray[Any]) -> None:
        digest = _sha(values.view(np.uint8).data).digest()
        self._whole.update(digest)
        self._rows.append(digest.hex()[:CODE])

    def leaf(self) -> Leaf:
        """Return the digest, when all values were taken."""
        if self._rest is not None:
            self._row(self._rest)
            for j in range(self._rest.size):
                self._columns[j].update(self._rest[j : j + 1].view(np.uint8).data)
            self._rest = None
        digest = _sha(b"\0" + self._head + b"\0" + self._whole.digest()).hexdigest()
        columns = "".join(column.hexdigest()[:CODE] for column in self._columns)
        return Leaf(digest, self._layout, "".join(self._rows), columns, self._attributes)


def attribute_codes(attrs: Mapping[Any, Any]) -> dict[str, str]:
    """Return a short code per attribute."""
    found = {k: v for k, v in plain_attributes(attrs).items() if k not in VOLATILE}
    return {k: _sha(_text(v)).hexdigest()[:CODE] for k, v in sorted(found.items())}


def global_leaf(attrs: Mapping[Any, Any]) -> Leaf:
    """Return the digest of the global attributes, without those that change from run to run."""
    kept = {k: v for k, v in plain_attributes(attrs).items() if k not in VOLATILE}
    return Leaf(_sha(b"\0" + _text(["", kept])).hexdigest(), "", "", "", attribute_codes(attrs))


def leaves(ds: xr.Dataset) -> dict[str, Leaf]:
    """Return the leaves of a completed Dataset by name; the global attributes have the empty name."""
    found = {str(name): leaf(str(name), variable) for name, variable in sorted(ds.variables.items(), key=_key)}
    return {"": global_leaf(ds.attrs), **found}


def _key(item: tuple[Hashable, Any]) -> str:
    return str(item[0])


def root(digests: Mapping[str, str]) -> str:
    """Return the Merkle root of leaf digests in the order of their names."""
    level = [bytes.fromhex(digests[name]) for name in sorted(digests)]
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [_sha(b"\1" + b"".join(pair)).digest() if len(pair) == 2 else pair[0] for pair in pairs]
    return level[0].hex()


def record_digest(attrs: Mapping[str, Any]) -> str:
    """Return the digest of what differs from run to run: provenance, history, dates, and the content digest."""
    kept = {k: v for k, v in plain_attributes(attrs).items() if k in VOLATILE and k != "record_digest"}
    return _sha(b"\2" + _text(kept)).hexdigest()


@dataclass(frozen=True)
class Place:
    """Where values of a variable differ from what was written."""

    count: int  # of values that may have changed
    first: int  # flat index, in C order
    last: int
    exact: bool  # whether first is the one value


def locate(before: Mapping[str, Any], after: Leaf, size: int) -> Place | None:
    """Return where values changed, from the codes in the file and those of the values now.

    None where no code differs: then the values are as written.
    """
    across = width(size)
    rows = _differ(str(before.get("rows", "")), after.rows)
    columns = _differ(str(before.get("columns", "")), after.columns)
    if not rows or not columns:
        return None
    hits = [r * across + c for r in rows for c in columns if r * across + c < size]
    if not hits:
        return None
    return Place(len(hits), hits[0], hits[-1], len(rows) == 1 and len(columns) == 1)


def _differ(before: str, after: str) -> list[int]:
    count = max(len(before), len(after)) // CODE
    return [i for i in range(count) if before[i * CODE : (i + 1) * CODE] != after[i * CODE : (i + 1) * CODE]]
