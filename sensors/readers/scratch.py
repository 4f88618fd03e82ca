"""Columns of records beside the memory: put away block by block as they are read, taken back source by source.

Few records stay in memory; many go to a file without a name, which is gone with the process, also when it is killed.
"""

from __future__ import annotations

import weakref
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.aside import IN_MEMORY, nameless, room, usable

__all__ = ["Scratch"]

LOST = np.iinfo(np.int64).min + 1  # time of records that are not wanted
Array = npt.NDArray[Any]


@dataclass
class _Block:
    """Records by source: `codes` of the sources in it, where each begins, its first and last time."""

    codes: Array
    begins: Array  # one more than codes
    counts: Array
    low: Array
    high: Array
    columns: dict[str, tuple[int, np.dtype[Any]]]  # place in the file, type


class Scratch:
    """Records of sources, which are numbered in order of appearance.

    Parameters
    ----------
    folder : Path, optional
        See :func:`ghg.core.aside.usable`.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder, self._end = usable(folder), 0
        self._file = nameless(self._folder, IN_MEMORY)
        weakref.finalize(self, self._file.close)
        self._blocks: list[_Block] = []

    def add(self, source: Array, time: Array, columns: Mapping[str, Array]) -> None:
        """Put records away.

        Parameters
        ----------
        source : int (n,)
        time : integers (n,)
            Any count that orders the records of a source.
        columns : mapping of str to array (n,)
        """
        if not source.size:
            return
        order: Any = slice(None)
        if (source[1:] < source[:-1]).any():
            order = np.argsort(source, kind="stable")
            source = source[order]
        begins = np.concatenate([[0], np.flatnonzero(source[1:] != source[:-1]) + 1, [source.size]])
        stamps = time[order]
        placed = {name: self._write(values[order]) for name, values in {**columns, "time": time}.items()}
        self._blocks.append(_Block(source[begins[:-1]], begins, np.diff(begins),
                                   np.minimum.reduceat(stamps, begins[:-1]).astype(np.int64),
                                   np.maximum.reduceat(stamps, begins[:-1]).astype(np.int64), placed))  # fmt: skip

    def _write(self, values: Array) -> tuple[int, np.dtype[Any]]:
        data = np.ascontiguousarray(values)
        place, self._end = self._end, self._end + data.nbytes
        self._put(place, data)
        return place, data.dtype

    def _put(self, place: int, data: Array) -> None:
        with room(self._folder):
            self._file.seek(place)
            self._file.write(data.view(np.uint8).data)

    def _read(self, block: _Block, name: str, first: int, last: int) -> Array:
        place, dtype = block.columns[name]
        self._file.seek(place + first * dtype.itemsize)
        return np.frombuffer(self._file.read((last - first) * dtype.itemsize), dtype)

    def retime(self, code: int, time: Array, keep: Array) -> None:
        """Give the records of a source, in the order they came, other times; those not to `keep` are lost."""
        at = 0
        for block in self._blocks:
            k = int(np.searchsorted(block.codes, code))
            if k == block.codes.size or block.codes[k] != code:
                continue
            first, last = int(block.begins[k]), int(block.begins[k + 1])
            own, kept = time[at : at + last - first], keep[at : at + last - first]
            place, dtype = block.columns["time"]
            self._put(place + first * dtype.itemsize, np.where(kept, own, LOST).astype(dtype))
            known = own[kept]
            block.counts[k] = known.size
            block.low[k], block.high[k] = (known.min(), known.max()) if known.size else (-LOST, LOST)
            at += last - first

    def summary(self, sources: int) -> tuple[Array, Array, Array]:
        """Return number, first and last time of the records of each source."""
        count, low = np.zeros(sources, np.int64), np.full(sources, np.iinfo(np.int64).max)
        high = np.full(sources, np.iinfo(np.int64).min)
        for block in self._blocks:
            count[block.codes] += block.counts
            low[block.codes] = np.minimum(low[block.codes], block.low)
            high[block.codes] = np.maximum(high[block.codes], block.high)
        return count, low, high

    def different(self, codes: Sequence[int], span: tuple[int, int] | None = None) -> int:
        """Return the number of different times that the records of each of some sources have, all together."""
        of, columns = self.take(codes, span, only=("time",))
        time = columns["time"]
        order: Any = slice(None)
        if ((of[1:] == of[:-1]) & (time[1:] <= time[:-1])).any():
            order = np.lexsort((time, of))
        changes = (np.diff(of[order]) != 0) | (np.diff(time[order]) != 0)
        return int(np.count_nonzero(changes)) + 1 if of.size else 0

    def take(
        self,
        codes: Sequence[int],
        span: tuple[int, int] | None = None,
        only: Collection[str] | None = None,
    ) -> tuple[Array, dict[str, Array]]:
        """Return records of some sources in the order of `codes`, those of a source in the order they came.

        Parameters
        ----------
        codes : sequence of int
        span : (int, int), optional
            Times wanted, the second exclusive.
        only : collection of str, optional
            Columns wanted; all, and ``time``, by default. What a block does not have is NaN.

        Returns
        -------
        int32 (n,), dict of str to array (n,)
            Index into `codes`, and the columns.
        """
        kinds = {name: dtype for block in self._blocks for name, (_, dtype) in block.columns.items()}
        names = [name for name in kinds if only is None or name in only]
        rank = np.full(max((int(b.codes.max()) for b in self._blocks), default=0) + 1, -1, np.int32)
        rank[[c for c in codes if c < rank.size]] = [k for k, c in enumerate(codes) if c < rank.size]
        index: list[Array] = []
        parts: dict[str, list[Array]] = {name: [] for name in names}
        for block in self._blocks:
            for first, last in _runs(block, rank, span):
                rows = slice(int(block.begins[first]), int(block.begins[last]))
                of = np.repeat(rank[block.codes[first:last]], np.diff(block.begins[first : last + 1]))
                keep: Any = slice(None)
                if span is not None:
                    time = self._read(block, "time", rows.start, rows.stop)
                    keep = (time >= span[0]) & (time < span[1])
                    keep = slice(None) if keep.all() else keep
                index.append(of[keep])
                for name in names:
                    read = name in block.columns
                    parts[name].append(self._read(block, name, rows.start, rows.stop)[keep] if read
                                       else np.full(index[-1].size, np.nan))  # fmt: skip
        joined = np.concatenate([np.empty(0, np.int32), *index])
        columns = {n: np.concatenate(parts.pop(n)) if index else np.empty(0, kinds[n]) for n in names}
        if (joined[1:] < joined[:-1]).any():
            order = np.argsort(joined, kind="stable")
            return joined[order], {name: values[order] for name, values in columns.items()}
        return joined, columns


def _runs(block: _Block, rank: Array, span: tuple[int, int] | None) -> list[tuple[int, int]]:
    """Return neighbouring sources of a block that are wanted, as ranges."""
    wanted = rank[block.codes] >= 0
    if span is not None:
        wanted &= (block.high >= span[0]) & (block.low < span[1])
    edges = np.flatnonzero(np.diff(np.concatenate([[False], wanted, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]
