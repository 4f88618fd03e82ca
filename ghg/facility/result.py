"""The outcome of a comparison as plain values, for ``result.json`` and the report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.flags import Method

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.uncertainty.totals import Total
    from ghg.facility.comparison import Comparison
    from ghg.facility.config import FacilityJob


def as_dict(found: Comparison, job: FacilityJob) -> dict[str, Any]:
    """Return the outcome; masses in kg, every interval with its coverage in ``verdict``.

    Parameters
    ----------
    found : Comparison
        The outcome.
    job : FacilityJob
        The configuration.
    """
    ratio, low, high = found.ratio
    settings = job.comparison
    return {
        "title": job.title or job.facility.name,
        "facility": job.facility.model_dump(),
        "period": {"start": settings.start, "end": settings.end, "by": settings.by, "timezone": job.facility.timezone},
        "species": settings.species,
        "verdict": found.verdict.as_dict(),
        "measured": {**_total(found.measured_total), **_measured(found.measured)},
        "accounted": {**_total(found.accounted_total), "streams": _streams(found.accounted)},
        "ratio": {
            "value": ratio,
            "interval": [low, high],
            "difference_percent": 100.0 * (ratio - 1.0),
            "symmetric_percent": found.statistics["symmetric_percent"],
            "ln": found.causes.total_ln,
            "u_ln": found.u_ln,
        },
        "statistics": found.statistics,
        "causes": found.causes.as_dict(),
        "attribution": None if found.attribution is None else found.attribution.as_dict(),
        "steps": [{"start": _start(found.pairs, i), **one.as_dict()} for i, one in found.steps],
        "independence": {
            "status": _status(found),
            "evidence": [one.evidence for one in found.independence],
            "sources": [one.as_dict() for one in found.independence],
        },
        "integrity": None if found.integrity is None else found.integrity.as_dict(),
        "pairs": _pairs(found.pairs),
        "notes": _notes(found.measured, found.accounted),
    }


def _start(pairs: xr.Dataset, index: int) -> str:
    return f"{np.datetime_as_string(pairs['time_bounds'].values[index, 0], unit='s')}Z"


def _status(found: Comparison) -> str:
    statuses = [one.status for one in found.independence]
    return next((s for s in ("not independent", "undetermined") if s in statuses), "independent")


def _total(total: Total) -> dict[str, Any]:
    return {
        "total_kg": total.value,
        "interval_kg": list(total.interval),
        "u_kg": total.u,
        "u_random_kg": total.u_random,
        "u_systematic_kg": dict(total.u_systematic),
        "statement": total.statement(),
    }


def _measured(ds: xr.Dataset) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if "emission_method" in ds:
        codes = ds["emission_method"].values.ravel()
        known = [int(c) for c in codes if int(c) in {int(m) for m in Method}]
        names = sorted({Method(c).name.lower().replace("_", " ") for c in known})
        facts["method"] = ", ".join(names)
    for key, name in (("coverage_fraction", "emission_coverage"), ("substituted_share", "emission_substituted_share")):
        if name in ds:
            facts[key] = float(np.nanmean(ds[name].values))
    return facts


def _streams(ds: xr.Dataset) -> list[dict[str, Any]]:
    from ghg.core.time import seconds

    mass = (ds["emission"] * seconds(ds["time_bounds"].values)).sum("time").values
    energy = ds["energy"].sum("time").values if "energy" in ds else np.full(mass.shape, np.nan)
    rows = []
    for i, name in enumerate(ds["stream"].values):
        row = {"name": str(name), "emission_kg": float(mass[i]), "energy_J": float(energy[i])}
        for label in ("fuel", "method"):
            if label in ds.coords:
                row[label] = str(ds[label].values[i])
        row["emission_factor_kg_per_J"] = row["emission_kg"] / row["energy_J"] if energy[i] > 0 else None
        rows.append(row)
    return rows


def _pairs(ds: xr.Dataset) -> list[dict[str, Any]]:
    from ghg.core.time import seconds

    length = seconds(ds["time_bounds"].values)
    rows = []
    for i, (start, end) in enumerate(ds["time_bounds"].values):
        row: dict[str, Any] = {"start": f"{np.datetime_as_string(start, unit='s')}Z",
                               "end": f"{np.datetime_as_string(end, unit='s')}Z"}  # fmt: skip
        for side in ("measured", "accounted"):
            row[f"{side}_kg"] = float(ds[f"{side}_emission"][i] * length[i])
            row[f"u_{side}_kg"] = float(ds[f"{side}_emission_u"][i] * length[i])
            if f"{side}_emission_u_random" in ds:
                row[f"u_random_{side}_kg"] = float(ds[f"{side}_emission_u_random"][i] * length[i])
            if f"{side}_coverage" in ds:
                row[f"{side}_coverage"] = float(ds[f"{side}_coverage"][i])
        rows.append(row)
    return rows


def _notes(*sides: xr.Dataset) -> list[str]:
    found = (note.strip() for ds in sides for note in str(ds.attrs.get("notes", "")).split(";"))
    return [note for note in dict.fromkeys(found) if note]
