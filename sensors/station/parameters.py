"""The values a station must not change without a record, and their check against the parameter ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sensors.stack.parameters import against

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.ledger import Finding, Value
    from ghg.core.provenance import Record
    from sensors.config.station import StationJob

__all__ = ["against_ledger", "flag_unrecorded", "recorded"]


def recorded(job: StationJob) -> dict[str, Value]:
    """Return the parameters of a station that must be in its ledger: key -> value; those that are not set are left out.

    Assigned values, their uncertainties and scales (``cylinder.T1.co2.value``), water corrections, the shape of the
    response and the scale of each gas (``co2.water.a``), and what ``ledger.parameters`` adds.
    """
    found: dict[str, Value] = {}
    for cylinder in job.cylinders:
        for gas, one in cylinder.values.items():
            for key in ("value", "uncertainty", "scale"):
                found[f"cylinder.{cylinder.name}.{gas}.{key}"] = getattr(one, key)
        found[f"cylinder.{cylinder.name}.role"] = cylinder.role
    for gas, one in job.gases.items():
        found |= {f"{gas}.scale": one.scale, f"{gas}.response": one.response}
        found |= {f"{gas}.water.{key}": getattr(one.water, key) for key in ("method", "a", "b")}
    found = {key: value for key, value in found.items() if value is not None}
    return found | (job.ledger.parameters if job.ledger is not None else {})


def against_ledger(job: StationJob, base: Path | None, record: Record | None) -> list[Finding]:
    """Return what the ledger of a station has against its parameters; nothing where it names no ledger.

    Raises
    ------
    InputError
        The ledger does not exist.
    """
    return [] if job.ledger is None else against(job.ledger, recorded(job), base, record)


def flag_unrecorded(ds: xr.Dataset, gases: list[str], findings: list[Finding]) -> xr.Dataset:
    """Return the series with every value flagged suspect and unrecorded, and the findings in its notes."""
    import numpy as np

    from ghg.core.flags import Flag, Reason

    if not findings:
        return ds
    ds = ds.copy()
    for gas in gases:
        flag, reason = ds[f"{gas}_flag"], ds[f"{gas}_reason"]
        suspect = np.maximum(flag.values, np.int8(Flag.SUSPECT)).astype(np.int8)
        marked = (reason.values | np.int32(Reason.UNRECORDED)).astype(np.int32)
        ds[f"{gas}_flag"] = (flag.dims, suspect, flag.attrs)
        ds[f"{gas}_reason"] = (reason.dims, marked, reason.attrs)
    words = [f"ledger: {finding.message}" for finding in findings]
    ds.attrs["notes"] = "; ".join([*filter(None, [str(ds.attrs.get("notes", ""))]), *words])
    return ds
