"""Totals of sources whose Dataset comes in parts: taken in passing, so that nothing of it is to be kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ghg.core.uncertainty.datasets import component_names, dataset_total, record_totals, wide_shapes
from ghg.core.uncertainty.totals import Total, combine_totals

if TYPE_CHECKING:
    from ghg.core.pieces import Part

__all__ = ["SourceTotals"]


class SourceTotals:
    """Total of each source.

    Parameters
    ----------
    draws : int
        See :func:`ghg.core.uncertainty.totals.total`.
    name : str
        Variable, kg s-1.

    Attributes
    ----------
    species : str
    """

    def __init__(self, draws: int, name: str = "emission") -> None:
        self._draws, self._name = draws, name
        self._found: list[tuple[str, Total]] = []
        self._open: list[Total] = []  # of one source over parts of the time
        self._shared: list[str] = []
        self._label = ""
        self.species = "CO2"

    def passing(self, parts: Iterator[Part]) -> Iterator[Part]:
        """Yield the parts, and take their totals."""
        for part in parts:
            ds = part.ds
            self.species = str(ds[self._name].attrs.get("species", "CO2"))
            labels = [str(label) for label in ds["source"].values]
            if part.time.start == 0:
                self._close()
            if part.time.start or part.split:
                self._label = labels[0]
                self._shared = str(ds[self._name].attrs.get("shared_components", "")).replace(",", " ").split()
                normal = dict.fromkeys(component_names(ds, self._name), "normal")
                self._open += record_totals(ds, self._name, draws=0, shapes=normal).values()
            else:
                for k, label in enumerate(labels):
                    one = ds.isel(source=slice(k, k + 1))  # a slice is no copy
                    self._found.append((label, _light(dataset_total(one, self._name, draws=self._draws))))
            del ds
            yield part
            del part
        self._close()

    def _close(self) -> None:
        """Join the totals over parts of the time: systematic errors are the same in all, random ones are not."""
        if not self._open:
            return
        names = list(dict.fromkeys(name for one in self._open for name in one.u_systematic))
        whole = combine_totals(self._open, shared=names, draws=0)
        whole = replace(whole, shapes=wide_shapes(whole.value, whole.u_systematic))
        self._found.append((self._label, _light(combine_totals([whole], shared=self._shared, draws=self._draws))))
        self._open = []

    def found(self) -> list[tuple[str, Total]]:
        """Return the sources and their totals."""
        return self._found


def _light(one: Total) -> Total:
    return replace(one, sums=None)
