"""A compilation held against what its sources report: agreement within the uncertainty, and the rest by class.

Reported masses never change the compilation. A source agrees where the difference is at most 1.96 combined standard
uncertainties (JCGM 100:2008, 6.2 and 5.1.2). Where the activity is an energy, the reported CO2 over it says which
fuel the source burns in truth: a difference that another fuel's factor explains is named so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.tables import ColumnSpec, read_table
from inventories.accounting import factors
from inventories.compile.rows import converted, matching
from inventories.compile.sections import Reported
from inventories.dataset import annual_mass, species_of
from inventories.uncertainty.budget import Budget, of_dataset

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["causes", "classes", "compare", "relative_u", "words"]

Array = npt.NDArray[np.float64]
WITHIN = 1.96  # standard uncertainties: 95 % of a normal distribution
Why = tuple[str, str]  # code of WHY, and what its sentence names
WHY = {
    "": "not explained",
    "like": "reports the CO2 per heat of {}",
    "several": "reports CO2 per heat between those of two fuels, as if several were burnt",
    "given": "{}",  # the words of the job
}
UNKNOWN: Why = ("", "")
EXPLAINED = ("like", "given")  # "several" is consistent with almost any difference: a guess, counted apart
LIKE = 0.04  # relative distance at which a reported factor is taken for that of a fuel


def relative_u(budget: Budget, k: int) -> Array:
    """Return the relative standard uncertainty of each mass of a species."""
    square = np.where(budget.follows[k], budget.u_activity, 0.0) ** 2 + budget.u_own[k] ** 2
    for slot in budget.shared[:, k]:
        if budget.u.size:
            square = square + np.where(slot >= 0, budget.u[slot], 0.0) ** 2
    return np.sqrt(square)


def compare(ds: xr.Dataset, config: Reported, base: Path) -> list[dict[str, Any]]:
    """Return one row for each source and species that is both compiled and reported.

    Parameters
    ----------
    ds : Dataset
        The compilation with its budget.
    config : Reported
        Table of reported masses.
    base : Path
        Folder to which its path belongs.

    Returns
    -------
    list of dict
        ``source``, ``class``, ``species``, ``compiled`` and ``reported`` [kg], their standard uncertainties, ``ratio``,
        ``z`` and ``agrees``, and ``why`` for those that do not.

    Raises
    ------
    InputError
        No source is in both, a label stands twice, or a species is not compiled.
    """
    frame, where = _frame(config, base), Path(config.file).name
    parts = (_text(frame, f"source.{i}").tolist() for i in range(len(config.source)))
    label = [" ".join(cells) for cells in zip(*parts, strict=True)]
    count = Counter(label)  # a label that stands twice cannot be told apart
    place = {name: i for i, name in enumerate(ds["source"].values.astype(str).tolist())}
    here = np.array([i for i, name in enumerate(label) if count[name] == 1 and name in place], np.int64)
    if not here.size:
        raise InputError("no source is in the compilation and in the table of reported masses", where=where,
                         found=f"'{label[0]}'", need=f"labels like '{next(iter(place))}'")  # fmt: skip
    there = np.array([place[label[i]] for i in here])
    group = ["all"] * here.size
    if config.by:
        cells = zip(*(_text(frame, f"by.{c}")[here].tolist() for c in config.by), strict=True)
        group = [" / ".join(filter(None, one)) or "-" for one in cells]
    reasons = [(one, matching(frame, one.where, "where")[here]) for one in config.reason]
    budget = of_dataset(ds)
    rows = []
    for name, one in config.mass.items():
        if name not in species_of(ds):
            raise InputError("a species is reported that is not compiled", where=config.name, found=name,
                             need=", ".join(species_of(ds)))  # fmt: skip
        theirs = converted(frame, f"mass.{name}", one.unit, one.column, "kg", where)[here]
        ours = np.sum([np.nan_to_num(annual_mass(ds, n)[there]) for n in (name, *one.plus)], axis=0)
        u = relative_u(budget, budget.species.index(name))[there] * ours
        taken = matching(frame, one.where, "where")[here] & (theirs > 0) & (ours > 0)
        like = _likes(ds, there, theirs) if name == "CO2" else [UNKNOWN] * here.size
        for i in np.flatnonzero(taken).tolist():
            said = next((r.text for r, hit in reasons if hit[i] and (not r.species or name in r.species)), "")
            named = {"source": label[here[i]], "class": group[i], "species": name}
            row = _row(float(ours[i]), float(u[i]), float(theirs[i]), one.u, ("given", said) if said else like[i])
            rows.append({**named, **row, "cause": said})
    return rows


def _row(ours: float, u: float, theirs: float, relative: float, why: Why) -> dict[str, Any]:
    combined = float(np.hypot(u, relative * theirs))
    z = (ours - theirs) / combined if combined > 0 else float("inf")
    agrees = abs(z) <= WITHIN
    return {"compiled": ours, "u_compiled": u, "reported": theirs, "u_reported": relative * theirs,
            "ratio": ours / theirs, "z": z, "agrees": agrees,
            "why": sentence(why) if why != UNKNOWN and not agrees else "",
            "reason": UNKNOWN if agrees else why}  # fmt: skip


def _frame(config: Reported, base: Path) -> Any:
    specs = {f"source.{i}": ColumnSpec(name, kind="text") for i, name in enumerate(config.source)}
    specs |= {f"by.{name}": ColumnSpec(name, kind="text") for name in config.by}
    specs |= {f"mass.{name}": ColumnSpec(one.column, unit=one.unit or None) for name, one in config.mass.items()}
    rules = [config.where, *(m.where for m in config.mass.values()), *(r.where for r in config.reason)]
    specs |= {f"where.{column}": ColumnSpec(column, kind="text") for rule in rules for column in rule}
    frame: Any = read_table(base / config.file, specs, encoding=config.encoding)
    return frame[matching(frame, config.where, "where")]


def _text(frame: Any, name: str) -> Any:
    return frame[name].fillna("").astype(str).str.strip().to_numpy(dtype=str)


def _likes(ds: xr.Dataset, there: Any, theirs: Array) -> list[Why]:
    """Return for each source the fuel whose CO2 per energy is that which it reports, if it is another than its own."""
    if "activity_energy" not in ds:
        return [UNKNOWN] * theirs.size
    with np.errstate(divide="ignore", invalid="ignore"):
        per = theirs / ds["activity_energy"].values[there]  # kg J-1, on the basis of the activity
        own = annual_mass(ds, "CO2")[there] / ds["activity_energy"].values[there]
    known = {}
    for fuel in ("natural_gas", "diesel", "residual_oil", "bituminous", "wood"):
        rows = factors.candidates("part98", fuel, "emission_factor", "CO2")
        if rows:
            known[fuel] = rows[-1].to("kg J-1")
    found: list[Why] = []
    names, values = list(known), np.array(list(known.values()))
    for mass, mine in zip(per.tolist(), own.tolist(), strict=True):
        if not np.isfinite(mass):
            found.append(UNKNOWN)
            continue
        distance = np.abs(mass / values - 1.0)
        best = int(np.argmin(distance))
        if distance[best] <= LIKE and not abs(mine / values[best] - 1.0) <= LIKE:
            found.append(("like", names[best]))
        elif values.min() < mass < values.max():
            found.append(("several", ""))
        else:
            found.append(UNKNOWN)
    return found


def sentence(why: Why) -> str:
    """Return a reason in words."""
    return WHY[why[0]].format(why[1].replace("_", " "))


def classes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return agreement by species and class, and over all classes of a species; masses in kg."""
    found = []
    for name in dict.fromkeys(r["species"] for r in rows):
        part = [r for r in rows if r["species"] == name]
        groups = sorted({r["class"] for r in part}, key=lambda g: -sum(r["reported"] for r in part if r["class"] == g))
        for group in ["", *(groups if len(groups) > 1 else [])]:
            some = [r for r in part if not group or r["class"] == group]
            ours, theirs = (sum(r[k] for r in some) for k in ("compiled", "reported"))
            apart = [r for r in some if not r["agrees"]]
            why = Counter(r["reason"] for r in apart)
            ranked = why.most_common()
            found.append({"species": name, "class": group or "all", "sources": len(some),
                          "agree": 1.0 - len(apart) / len(some), "compiled": ours, "reported": theirs,
                          "ratio": ours / theirs, "apart": len(apart),
                          "explained": sum(n for w, n in ranked if w[0] in EXPLAINED),
                          "why": "; ".join(f"{n} {sentence(w)}" for w, n in ranked),
                          "reasons": [(*w, n) for w, n in ranked]})  # fmt: skip
    return found


def causes(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return by species and stated reason how many sources it holds for and how much of the difference; masses in kg.

    The difference of a sum is made by sources that agree within wide uncertainties, too.
    """
    found = []
    for name in dict.fromkeys(r["species"] for r in rows):
        part = [r for r in rows if r["species"] == name]
        difference = sum(r["compiled"] - r["reported"] for r in part)
        for cause in [*sorted({r["cause"] for r in part} - {""}), ""]:
            some = [r for r in part if r["cause"] == cause]
            ours, theirs = (sum(r[k] for r in some) for k in ("compiled", "reported"))
            if some and (cause or len(some) < len(part)):
                found.append({"species": name, "cause": cause or "other sources", "sources": len(some),
                              "compiled": ours, "reported": theirs, "ratio": ours / theirs,
                              "difference": ours - theirs, "share": (ours - theirs) / difference})  # fmt: skip
    return sorted(found, key=lambda one: (one["species"], one["cause"] == "other sources", -abs(one["difference"])))


def words(table: list[dict[str, Any]], why: Sequence[dict[str, Any]] = ()) -> list[str]:
    """Return what the terminal shows: the whole of each species, and its greatest classes."""
    text = []
    for one in table:
        if one["class"] == "all":
            text.append(f"  {one['species']:<6}{one['sources']:>6} sources, {one['agree']:.1%} agree within 95 %; "
                        f"compiled {one['compiled'] / 1e6:,.4g} kt, reported {one['reported'] / 1e6:,.4g} kt, ratio "
                        f"{one['ratio']:.3f}; {one['apart']} apart, {one['explained']} of them explained")  # fmt: skip
            text += [f"    {c['difference'] / 1e6:>+10,.4g} kt, ratio {c['ratio']:.2f}: {c['cause']} "
                     f"({c['sources']} sources)" for c in why if c["species"] == one["species"]]  # fmt: skip
    return text
