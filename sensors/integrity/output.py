"""What a screening found, as plain values and as a Dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sensors.integrity.null import nulls

if TYPE_CHECKING:
    import xarray as xr

    from sensors.integrity.findings import Screening

__all__ = ["as_dataset", "as_dict", "by_detector"]


def by_detector(screening: Screening) -> list[dict[str, Any]]:
    """Return for each detector how often it had something to judge, and its alarms."""
    rows: dict[str, dict[str, Any]] = {}
    for f in screening.findings:
        row = rows.setdefault(f.detector, {"detector": f.detector, "judged": 0, "alarms": 0, "smallest_p": 1.0,
                                           "law_measured": nulls()[f.detector].measured})  # fmt: skip
        row["judged"] += 1
        row["alarms"] += f.alarm and f.opens
        row["smallest_p"] = min(row["smallest_p"], f.p)
    return [rows[name] for name in nulls() if name in rows]


def as_dict(screening: Screening, rate: float = 0.05) -> dict[str, Any]:
    """Return the screening for JSON.

    Parameters
    ----------
    screening : Screening
        What was found.
    rate : float
        False-discovery rate at which units are named.
    """
    sources = screening.sources()
    named = {f.source for f in screening.alarms} | {name for name, (_, q) in sources.items() if q <= rate}
    return {
        "unit_years": screening.years,
        "tests": screening.tests,
        "false_discovery_rate": rate,
        "alarms": [f.as_dict() for f in screening.alarms],
        "during_review": [f.as_dict() for f in screening.further],
        "sources": [
            {"source": name, "p": p, "q": q, "alarms": sum(f.source == name for f in screening.alarms),
             "named": name in named}
            for name, (p, q) in sources.items()
        ],
        "detectors": by_detector(screening),
    }  # fmt: skip


def as_dataset(screening: Screening) -> xr.Dataset:
    """Return all findings as a Dataset with the dimension ``finding``, for NetCDF."""
    import xarray as xr

    from ghg.core.errors import InputError

    found = screening.findings
    if not found:
        raise InputError("there was nothing to judge in these records", need="at least two days of operation")
    texts = {
        "source": ([f.source for f in found], "unit"),
        "detector": ([f.detector for f in found], "detector"),
        "subject": ([f.subject for f in found], "channel or relation that was judged"),
        "detail": ([f.detail or "-" for f in found], "size or origin of what was found"),
    }
    numbers = {
        "score": ([f.score for f in found], "score of the detector"),
        "p_value": ([f.p for f in found], "probability that a genuine record scores as high"),
        "q_value": ([f.q for f in found], "false-discovery rate at which this is a discovery"),
    }
    data: dict[str, Any] = {n: ("finding", np.array(v, str), {"long_name": w}) for n, (v, w) in texts.items()}
    data |= {n: ("finding", np.array(v, float), {"long_name": w, "units": "1"}) for n, (v, w) in numbers.items()}
    data["alarm"] = (
        "finding",
        np.array([f.alarm and f.opens for f in found], np.int8),
        {"long_name": "alarm", "flag_values": np.array([0, 1], np.int8), "flag_meanings": "no yes"},
    )
    data["during_review"] = (
        "finding",
        np.array([f.alarm and not f.opens for f in found], np.int8),
        {
            "long_name": "would be an alarm, but the unit is under review",
            "flag_values": np.array([0, 1], np.int8),
            "flag_meanings": "no yes",
        },
    )
    for name in ("start", "end"):
        times = np.array([getattr(f, name) for f in found]).astype("datetime64[ns]")
        data[f"evidence_{name}"] = ("finding", times, {"long_name": f"{name} of the evidence window"})
    attrs = {
        "unit_years": screening.years,
        "tests": screening.tests,
        "title": "Integrity screening of stack-monitor records",
        "summary": "Every detector on every channel and relation, with score, p-value and evidence window.",
    }
    return xr.Dataset(data, attrs=attrs)
