"""Measured ratios of pollutants to CO2 against the factor database: what disagrees, and what would explain it.

The CO2 of a fire says how much fuel was burnt, so pollutant per CO2 needs no activity. The database gives a 95 % range
of each factor without removal; a plant below it has a control, burns another fuel, or the factor is wrong for it. No
number of the database is changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from ghg.core.config import Model
from ghg.core.errors import InputError
from ghg.core.tables import ColumnSpec, read_table
from inventories.accounting import factors
from inventories.compile.checks import ratio_range
from inventories.compile.rows import converted, fields_of, matching
from inventories.compile.sections import Column
from inventories.species import species

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["FactorCheckJob", "check_factors", "classes", "words"]

Array = npt.NDArray[np.float64]
VERDICTS = {
    "agrees": "within the range of the factor, as if nothing were removed",
    "controlled": "below it by what the plant's own control removes",
    "below_control": "below what its control leaves",
    "no_control": "below it, and no control is known",
    "unknown": "below it, and nothing is known of the plant's controls",
    "above": "above the range of the factor",
}  # fmt: skip
EITHER = "|"
DISAGREE = ("below_control", "no_control", "above")


class KnownControl(Model):
    """A control that another table knows of.

    Parameters
    ----------
    name, species : str
        What it is, and what it removes.
    least, most : float
        Range of its removal.
    where : table
        Column -> text or texts of the rows that have it.
    source : str
        Where the range comes from.
    """

    name: str
    species: str
    least: Annotated[float, Field(ge=0.0, le=1.0)]
    most: Annotated[float, Field(ge=0.0, le=1.0)]
    where: dict[str, str | list[str]]
    source: str = ""


class About(Model):
    """Another table that knows what the plants burn and how they clean; several rows of a plant are weighed.

    Parameters
    ----------
    file : str
        The table.
    key, match : str
        Its column that names a plant, and the plant's own key there, made of its columns: ``"{Facility ID}"``.
    weight : str
        Column by which the rows of a plant count, such as their heat input.
    fuel : str
        Column of the fuel.
    map : table
        What stands there -> fuel, or ``"bituminous|subbituminous"`` where it may be either; rows of other fuels are
        left out.
    technology : str
        Column of the firing; that of most of the weight chooses the factor, where the database has one for it.
    technologies : table
        What stands there -> technology.
    control : list of KnownControl
        The controls.
    """

    file: str
    key: str
    match: str
    weight: str
    fuel: str
    map: dict[str, str]
    technology: str = ""
    technologies: dict[str, str] = Field(default_factory=dict)
    control: list[KnownControl] = Field(default_factory=list)


class FactorCheckJob(Model):
    """``ghg inventories factor-check``.

    Parameters
    ----------
    title : str
        For the page of results.
    file, encoding : str
        Table of measured masses.
    source : list of str
        Columns that name a plant.
    sector : str
        Class (NFR) of the plants.
    fuels : list of str
        Fuels of a plant of which nothing else is known: it must agree with one of them.
    mass : table
        Species -> reported mass; CO2 is needed.
    about : About, optional
        Another table on the same plants.
    overlay : list of str
        Factors of your own.
    """

    title: str = ""
    file: str
    encoding: str | None = None
    source: list[str] = Field(min_length=1)
    sector: str
    fuels: list[str] = Field(min_length=1)
    mass: dict[str, Column] = Field(min_length=2)
    about: About | None = None
    overlay: list[str] = Field(default_factory=list)


@dataclass
class _Known:
    """What is known of a plant: fuel and technology of most of its weight, and share of it by control of a species."""

    fuel: str
    technology: str
    controls: dict[str, list[tuple[KnownControl, float]]]


def check_factors(job: FactorCheckJob, base: Path, record: Record | None = None) -> list[dict[str, Any]]:
    """Return one row for each plant and pollutant.

    Parameters
    ----------
    job : FactorCheckJob
        Configuration.
    base : Path
        Folder to which its paths belong.
    record : Record, optional
        Provenance.

    Returns
    -------
    list of dict
        ``source``, ``fuel``, ``species``, ``measured`` and the range ``low`` to ``high`` without removal [g per kg
        CO2], ``removed``: share of the middle of the factor that is missing, ``control``: what is known, ``verdict``.

    Raises
    ------
    InputError
        CO2 is not among the masses, a column or unit is missing, or a fuel has no range.
    """
    paths = [base / job.file, *(base / n for n in job.overlay), *([base / job.about.file] if job.about else [])]
    for path, role in zip(paths, ["measured masses"] + ["factors of the user"] * len(job.overlay) + ["controls"],
                          strict=False):  # fmt: skip
        if record is not None:
            record.use(path, role)
    mass = {species(name).name: one for name, one in job.mass.items()}
    if "CO2" not in mass:
        raise InputError("ratios need CO2", where="key 'mass'", found=", ".join(mass), need="mass.CO2")
    keys = fields_of(job.about.match) if job.about else []
    specs = {f"source.{i}": ColumnSpec(n, kind="text") for i, n in enumerate(job.source)}
    specs |= {f"match.{n}": ColumnSpec(n, kind="text") for n in keys}
    specs |= {f"mass.{n}": ColumnSpec(one.column, unit=one.unit or None) for n, one in mass.items()}
    frame: Any = read_table(base / job.file, specs, encoding=job.encoding)
    where = Path(job.file).name
    kilograms = {n: converted(frame, f"mass.{n}", one.unit, one.column, "kg", where) for n, one in mass.items()}
    labels = [" ".join(cells) for cells in zip(*(_text(frame, f"source.{i}") for i in range(len(job.source))),
                                               strict=True)]  # fmt: skip
    about = _about(job.about, base) if job.about else {}
    own = [""] * len(frame)
    if job.about:
        own = [job.about.match.format(**dict(zip(keys, cells, strict=True))) for cells in
               zip(*(_text(frame, f"match.{n}") for n in keys), strict=True)]  # fmt: skip
    rows = []
    with factors.overlaid([base / name for name in job.overlay]):
        for name in (n for n in mass if n != "CO2"):
            for i, label in enumerate(labels):
                top, bottom = kilograms[name][i], kilograms["CO2"][i]
                if top > 0 and bottom > 0:
                    rows.append(_row(label, name, 1e3 * float(top / bottom), about.get(own[i]), job))
    return rows


def _text(frame: Any, name: str) -> list[str]:
    return frame[name].fillna("").astype(str).str.strip().tolist()


def _about(about: About, base: Path) -> dict[str, _Known]:
    """Return what the other table knows, by key."""
    columns = dict.fromkeys(
        [about.fuel, *filter(None, [about.technology]), *(c for one in about.control for c in one.where)]
    )
    specs = {"key": ColumnSpec(about.key, kind="text"), "weight": ColumnSpec(about.weight)}
    specs |= {f"where.{c}": ColumnSpec(c, kind="text") for c in columns}
    frame: Any = read_table(base / about.file, specs)
    fuel = [about.map.get(cell, "") for cell in _text(frame, f"where.{about.fuel}")]
    firing = [""] * len(fuel)
    if about.technology:
        firing = [about.technologies.get(cell, "") for cell in _text(frame, f"where.{about.technology}")]
    frame = frame.assign(burnt=fuel, firing=firing)[[bool(f) for f in fuel]]
    hits = {i: matching(frame, one.where, "where") for i, one in enumerate(about.control)}
    weight = np.nan_to_num(frame["weight"].to_numpy(float)) + 1e-9
    place: dict[str, list[int]] = {}
    for i, key in enumerate(_text(frame, "key")):
        place.setdefault(key, []).append(i)
    burnt, fired = frame["burnt"].tolist(), frame["firing"].tolist()
    found = {}
    for key, some in place.items():
        total = float(weight[some].sum())
        controls: dict[str, list[tuple[KnownControl, float]]] = {}
        for j, one in enumerate(about.control):
            part = float(weight[some][hits[j][some]].sum()) / total
            if part > 0.005:
                controls.setdefault(species(one.species).name, []).append((one, part))
        found[key] = _Known(_most(burnt, some, weight), _most(fired, some, weight), controls)
    return found


def _most(labels: list[str], some: list[int], weight: Array) -> str:
    """Return the label with most of the weight."""
    share: dict[str, float] = {}
    for i in some:
        share[labels[i]] = share.get(labels[i], 0.0) + float(weight[i])
    return max(share, key=lambda label: share[label])


def _row(label: str, name: str, measured: float, known: _Known | None, job: FactorCheckJob) -> dict[str, Any]:
    fuels = known.fuel.split(EITHER) if known else job.fuels
    ranges = [_range(fuel, job.sector, name, known.technology if known else "") for fuel in fuels]
    low, high = min(r[0] for r in ranges), max(r[2] for r in ranges)
    middle = float(np.exp(np.mean(np.log([r[1] for r in ranges]))))
    controls = known.controls.get(name, []) if known else []
    left = 1.0
    for one, part in controls:  # one after another
        left *= 1.0 - one.most * part
    if measured > high:
        verdict = "above"
    elif measured >= low:
        verdict = "agrees"
    elif known is None:
        verdict = "unknown"
    elif not controls:
        verdict = "no_control"
    else:
        verdict = "controlled" if measured >= low * left else "below_control"
    return {"source": label, "fuel": known.fuel if known else "not known",
            "technology": known.technology if known else "", "species": name, "measured": measured,
            "low": low, "middle": middle, "high": high, "unit": "g/kg CO2", "removed": 1.0 - measured / middle,
            "control": " + ".join(f"{one.name} ({part:.0%})" for one, part in controls), "verdict": verdict,
            "words": VERDICTS[verdict], "range_source": ranges[0][3]}  # fmt: skip


def _range(fuel: str, sector: str, name: str, technology: str) -> tuple[float, float, float, str]:
    found = ratio_range(fuel, sector, name, technology)
    if found is None:
        raise InputError("the factor database has no range for a fuel", where=f"{name}, class {sector}", found=fuel,
                         hint="give the factor in an overlay, or leave the fuel out")  # fmt: skip
    return found


def classes(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return counts and medians by species, fuel and control."""
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for r in rows:
        what = " + ".join(part.split(" (")[0] for part in r["control"].split(" + ") if part)
        none = "none known" if r["fuel"] != "not known" else "not known"
        groups.setdefault((r["species"], r["fuel"], what or none), []).append(r)
    found = []
    for (name, fuel, control), some in sorted(groups.items(), key=lambda item: (item[0][0], -len(item[1]))):
        counts = {v: sum(r["verdict"] == v for r in some) for v in VERDICTS}
        values = np.array([r["measured"] for r in some])
        found.append({"species": name, "fuel": fuel, "control": control, "plants": len(some),
                      "median": float(np.median(values)), "least": float(values.min()), "most": float(values.max()),
                      "low": some[0]["low"], "high": some[0]["high"], "unit": "g/kg CO2",
                      "median_removed": float(np.median([r["removed"] for r in some])), **counts})  # fmt: skip
    return found


def words(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Return what the terminal shows."""
    text = []
    for name in dict.fromkeys(r["species"] for r in rows):
        some = [r for r in rows if r["species"] == name]
        text.append(f"{name}: {len(some)} plants, {sum(r['verdict'] in DISAGREE for r in some)} disagree")
        for verdict, said in VERDICTS.items():
            if count := sum(r["verdict"] == verdict for r in some):
                text.append(f"  {count:>5} {said}")
    return text
