"""Code lists of IPCC 2006, CRT, NFR, GNFR, SNAP, EDGAR and China's ten classes, and weighted crosswalks among them.

NFR is the hub: each of its classes belongs to one class of every other taxonomy (``data/nfr.csv``). From NFR a mass is
only added up; back to NFR, and between two others, it is shared out by weights that sum to one for each class, taken
from the masses of the finer inventory where there is one, so that a round trip returns what was put in.

References
----------
CLRTAP reporting guidelines (ECE/EB.AIR/125) annex I (NFR 2019-1 and its GNFR column); 2006 IPCC Guidelines vol 1 ch 8
table 8.2; decision 5/CMA.3 (CRT); EMEP/CORINAIR SNAP 97; EDGAR v6 sector list. China: first-level categories of the
source classification of urban air pollutant inventories. Where two taxonomies cut differently (biomass boilers, dust of
roads, fugitive methane) the class of the larger part is given.
"""

from __future__ import annotations

import csv
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError

__all__ = ["HUB", "TAXONOMIES", "Crosswalk", "codes", "convert", "crosswalk", "gnfr_of", "name_of"]

Array = npt.NDArray[np.float64]
HUB = "NFR"
TAXONOMIES = ("NFR", "GNFR", "SNAP", "CRT", "IPCC2006", "EDGAR", "CHINA")
OUTSIDE = "-"  # natural sources and what a taxonomy has no class for
TOLERANCE = 1e-9  # of weights that should sum to one


@dataclass(frozen=True)
class Crosswalk:
    """A weighted crosswalk.

    Parameters
    ----------
    source, target : str
        Taxonomies.
    rows, columns : tuple of str
        Codes of the source and of the target.
    weights : float64 (row, column)
        Share of each source class that belongs to each target class; every row sums to one.
    """

    source: str
    target: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    weights: Array

    def __post_init__(self) -> None:
        if self.weights.shape != (len(self.rows), len(self.columns)):
            raise InputError("the weights do not fit the codes", found=str(self.weights.shape))
        if (self.weights < 0).any():
            raise InputError("a weight of a crosswalk is negative", where=f"{self.source} to {self.target}")
        sums = self.weights.sum(axis=1)
        if (bad := np.abs(sums - 1.0) > TOLERANCE).any():
            row = int(np.argmax(bad))
            raise InputError("the weights of a class do not sum to one", where=f"{self.source} to {self.target}",
                             found=f"{self.rows[row]}: {sums[row]:.6g}")  # fmt: skip

    def convert(self, masses: Mapping[str, float]) -> dict[str, float]:
        """Return masses by target class; their sum is that of the source."""
        known = dict.fromkeys(self.rows)
        if unknown := [code for code in masses if code not in known]:
            raise InputError("the class is not known", where=self.source, found=", ".join(unknown[:3]))
        vector = np.array([masses.get(code, 0.0) for code in self.rows])
        return {c: float(m) for c, m in zip(self.columns, vector @ self.weights, strict=True) if m != 0.0}

    def back(self, masses: Mapping[str, float] | None = None) -> Crosswalk:
        """Return the crosswalk in the other direction.

        Parameters
        ----------
        masses : mapping, optional
            Masses by source class: each target class is shared out among its source classes as they are. Equal shares
            where none is given, or where a class has no mass.
        """
        size = np.ones(len(self.rows)) if masses is None else np.array([masses.get(code, 0.0) for code in self.rows])
        part = (self.weights * size[:, None]).T
        plain = (self.weights > 0).T.astype(float)
        part = np.where(part.sum(axis=1, keepdims=True) > 0, part, plain)
        used = part.sum(axis=1) > 0
        columns = tuple(c for c, u in zip(self.columns, used, strict=True) if u)
        part = part[used]
        return Crosswalk(self.target, self.source, columns, self.rows, part / part.sum(axis=1, keepdims=True))


@cache
def _hub() -> tuple[dict[str, str], ...]:
    text = (resources.files("inventories.crosswalks") / "data" / "nfr.csv").read_text(encoding="utf-8")
    return tuple(csv.DictReader(text.splitlines()))


@cache
def _names() -> dict[tuple[str, str], tuple[str, str]]:
    text = (resources.files("inventories.crosswalks") / "data" / "codes.csv").read_text(encoding="utf-8")
    found = {(r["taxonomy"], r["code"]): (r["name"], r["chinese"]) for r in csv.DictReader(text.splitlines())}
    return found | {(HUB, r[HUB]): (r["name"], "") for r in _hub()}


def name_of(taxonomy: str, code: str, lang: str = "en") -> str:
    """Return the name of a class, the code itself where there is none."""
    english, chinese = _names().get((taxonomy, code), ("", ""))
    return (chinese if lang == "zh" else "") or english or code


@cache
def codes(taxonomy: str) -> tuple[str, ...]:
    """Return the classes of a taxonomy.

    Raises
    ------
    InputError
        The taxonomy is not known.
    """
    name = taxonomy.upper().replace(" ", "").replace("_", "")
    if name not in TAXONOMIES:
        raise InputError("the taxonomy is not known", found=f"'{taxonomy}'", need="one of " + ", ".join(TAXONOMIES))
    return tuple(dict.fromkeys(r[name] for r in _hub() if r[name] != OUTSIDE))


@cache
def crosswalk(source: str, target: str) -> Crosswalk:
    """Return the crosswalk between two taxonomies, through NFR.

    Classes that a taxonomy lacks (natural sources in EDGAR) are kept under the code ``"-"``, so that no mass is lost.

    Raises
    ------
    InputError
        A taxonomy is not known.
    """
    for taxonomy in (source, target):
        codes(taxonomy)
    source, target = (t.upper().replace(" ", "").replace("_", "") for t in (source, target))
    to_target = _from_hub(target)
    if source == HUB:
        return to_target
    to_hub = _from_hub(source).back()
    return Crosswalk(source, target, to_hub.rows, to_target.columns, _normed(to_hub.weights @ to_target.weights))


def _from_hub(target: str) -> Crosswalk:
    rows = tuple(r[HUB] for r in _hub())
    columns = tuple(dict.fromkeys(r[target] for r in _hub()))
    weights = np.array([[float(r[target] == c) for c in columns] for r in _hub()])
    return Crosswalk(HUB, target, rows, columns, weights)


def _normed(weights: Array) -> Array:
    return weights / weights.sum(axis=1, keepdims=True)


def convert(masses: Mapping[str, float], source: str, target: str) -> dict[str, float]:
    """Return masses by class of another taxonomy; the sum stays."""
    return crosswalk(source, target).convert(masses)


def gnfr_of(taxonomy: str, classes: Sequence[str]) -> list[str]:
    """Return the GNFR letter of each class.

    Raises
    ------
    InputError
        A class is not known (the nearest are named), or is spread over several letters.
    """
    table = crosswalk(taxonomy, "GNFR")
    place = {code: i for i, code in enumerate(table.rows)}
    plain = {_plain(code): code for code in table.rows}
    found: dict[str, str] = {}
    for code in dict.fromkeys(classes):
        known = code if code in place else plain.get(_plain(code))
        if known is None:
            near = difflib.get_close_matches(code, table.rows, n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join(near)}" if near else "see ghg inventories classes"
            raise InputError(f"the class is not one of {table.source}", found=f"'{code}'", hint=hint)
        weights = table.weights[place[known]]
        if weights.max() < 1.0 - TOLERANCE:
            letters = [c for c, w in zip(table.columns, weights, strict=True) if w > 0]
            raise InputError(f"the class of {table.source} is spread over several GNFR sectors", found=f"'{code}'",
                             need="a finer class", hint="it holds parts of " + ", ".join(letters))  # fmt: skip
        found[code] = table.columns[int(np.argmax(weights))]
    return [found[code] for code in classes]


def _plain(code: str) -> str:
    return code.replace(".", "").replace(" ", "").lower()
