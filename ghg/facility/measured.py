"""The measured side of a comparison, gathered from its parts: no more than one of them lies in memory.

What the comparison asks of a record either adds up over the intervals of a period (:mod:`ghg.facility.sums`), needs the
intervals of whole periods (pairing), or those of one source (independence, screening). Sources of which a part of the
time comes at once are therefore cut anew, along the periods.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core._bounds import seconds
from ghg.core.aside import Aside
from ghg.core.pieces import Part, Pieces
from ghg.facility.independence import Independence, Witness, joined, witness
from ghg.facility.pairing import chosen, on_periods, within
from ghg.facility.stack_line import quantities
from ghg.facility.sums import Sums, marks

if TYPE_CHECKING:
    import xarray as xr

    from ghg.facility.config import Comparison as Settings

__all__ = ["Measured", "gather"]

Bounds = npt.NDArray[np.datetime64]
HOUR = 3600.0
OF_SOURCES = ("substitution_bias", "substitution_bias_u")


@dataclass
class Measured:
    """What a comparison needs of the measured side.

    Parameters
    ----------
    bounds : datetime64 (period, 2)
        The periods asked for.
    pairs : Dataset
        dims (source, time): the record on those periods.
    finding : list of Independence
        One for each source, from the whole record.
    sums : Sums
        Of :func:`ghg.facility.sums.marks` and :func:`ghg.facility.stack_line.quantities`.
    of_sources : dict of float64 (source,)
        What a missing-data regime of ours keeps of each source.
    """

    bounds: Bounds
    pairs: xr.Dataset
    finding: list[Independence]
    sums: Sums
    of_sources: dict[str, npt.NDArray[np.float64]]
    _longest: npt.NDArray[np.float64]
    _aside: Aside
    _owners: list[int]

    def longest(self, known: npt.NDArray[np.bool_]) -> float:
        """Return the length of the longest interval of some periods [s]."""
        return float(np.fmax.reduce(self._longest[known], initial=0.0))

    def channels(self, known: npt.NDArray[np.bool_]) -> Iterator[xr.Dataset]:
        """Yield what the screening looks at, in intervals of an hour or longer: some sources, or one, at a time."""
        for _, group in groupby(zip(self._owners, self._aside, strict=True), key=lambda pair: pair[0]):
            yield within(_in_time([ds for _, ds in group]), self.bounds[known])


def gather(pieces: Pieces, bounds: Bounds, settings: Settings, folder: Path | None = None) -> Measured:
    """Gather the measured side.

    Parameters
    ----------
    pieces : Pieces
        MEASURED; taken to their end.
    bounds : datetime64 (period, 2)
        The periods to be paired, one after another without a gap.
    settings : ghg.facility.config.Comparison
    folder : Path, optional
        Where the channels of many records are put aside until they are screened.

    Raises
    ------
    InputError or ErrorList
        A variable or unit is missing, the intervals overlap, or they are longer than the periods.
    """
    work = _Work(pieces, bounds, settings, folder)
    for block in _blocks(work.heard(pieces.parts), pieces.axis.size, bounds):
        work.take(block)
        del block
    return work.done()


@dataclass
class _Block:
    """Some sources over whole periods, with all intervals that reach into them."""

    source: slice
    periods: slice
    ds: xr.Dataset


@dataclass
class _Work:
    """What was gathered so far."""

    pieces: Pieces
    bounds: Bounds
    settings: Settings
    folder: Path | None
    finding: list[Independence] = field(default_factory=list)
    said: list[Witness] = field(default_factory=list)  # of one source over parts of the time
    pairs: dict[int, list[xr.Dataset]] = field(default_factory=dict)
    of_sources: dict[str, list[Any]] = field(default_factory=dict)
    owners: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.sums = Sums(self.pieces.sources, len(self.bounds))
        self.longest = np.full(len(self.bounds), np.nan)
        self.aside = Aside(self.folder)

    def heard(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Yield the parts, checked, and hear what each says about its independence."""
        from ghg.core.dataset import check_measured

        for part in parts:
            check_measured(part.ds, where="measured")
            self.said.append(witness(part.ds, part.time.start, self.pieces.axis.size))
            if part.time.stop == self.pieces.axis.size:
                self.finding += joined(self.said).findings()
                self.said = []
                for name in OF_SOURCES:
                    if name in part.ds:
                        self.of_sources.setdefault(name, []).append(part.ds.variables[name].values)
            yield part
            del part

    def take(self, block: _Block) -> None:
        """Put a block on its periods, and add up its intervals."""
        ds = block.ds
        paired = on_periods(ds, self.bounds, "measured", self.settings)
        whole = block.periods == slice(0, len(self.bounds))
        self.pairs.setdefault(block.source.start, []).append(paired if whole else paired.isel(time=block.periods))
        own = within(ds, self.bounds[block.periods])
        if not own.sizes["time"]:
            return
        edges = own.variables["time_bounds"].values
        period = np.searchsorted(self.bounds[:, 0], edges[:, 0], side="right") - 1
        length = seconds(edges)
        first = np.flatnonzero(np.diff(period, prepend=-1))
        self.longest[period[first]] = np.fmax(self.longest[period[first]], np.maximum.reduceat(length, first))
        self.sums.put(block.source, period, chain(marks(own), quantities(own)))
        if length.min() >= HOUR:
            from sensors.integrity.units import only_screened

            self.owners.append(block.source.start)
            self.aside.put(only_screened(own))

    def done(self) -> Measured:
        pairs = _joined([_in_time(parts) for parts in self.pairs.values()], "source")
        pairs.attrs = dict(self.pieces.attrs())
        of_sources = {name: np.concatenate(parts) for name, parts in self.of_sources.items()}
        return Measured(self.bounds, pairs, self.finding, self.sums, of_sources, self.longest, self.aside, self.owners)


def _blocks(parts: Iterator[Part], size: int, bounds: Bounds) -> Iterator[_Block]:
    """Yield the parts as blocks of whole periods; what reaches into a period not yet over waits for the next part."""
    waiting: list[xr.Dataset] = []
    done = 0
    for part in parts:
        if not part.split:
            yield _Block(part.source, slice(0, len(bounds)), part.ds)
            del part
            continue
        if part.time.start == 0:
            waiting, done = [], 0
        ds, source, last = _in_time([*waiting, part.ds]), part.source, part.time.stop == size
        del part
        waiting = []
        edges = ds.variables["time_bounds"].values
        over = len(bounds) if last else int(np.searchsorted(bounds[:, 1], edges[-1, 1], side="right"))
        if over > done:
            yield _Block(source, slice(done, over), _reaching(ds, bounds[done, 0], bounds[over - 1, 1]))
            done = over
        if done < len(bounds):
            waiting = [ds.isel(time=edges[:, 1] > bounds[done, 0])]
        del ds


def _reaching(ds: xr.Dataset, start: np.datetime64, end: np.datetime64) -> xr.Dataset:
    """Return the intervals that reach into a span of time; the first one where none does."""
    edges = ds.variables["time_bounds"].values
    here = (edges[:, 1] > start) & (edges[:, 0] < end)
    here[0] |= not here.any()
    return chosen(ds, here)


def _in_time(parts: list[xr.Dataset]) -> xr.Dataset:
    return _joined(parts, "time")


def _joined(parts: list[xr.Dataset], along: str) -> xr.Dataset:
    """Return Datasets of the same variables one after another."""
    import xarray as xr

    if len(parts) == 1:
        return parts[0]
    return xr.concat(parts, along, data_vars="minimal", coords="minimal", compat="override", join="override",
                     combine_attrs="override")  # fmt: skip
