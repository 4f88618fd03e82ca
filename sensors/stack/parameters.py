"""The parameters of a stack that must not change without a record, and their check against the ledger."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.ledger import Finding, Value
    from ghg.core.provenance import Record
    from sensors.config import LedgerConfig, StackJob

__all__ = ["against", "against_ledger", "flag_unrecorded", "recorded"]

# What enters the emission as a setting of the plant; uncertainties and limits are ours, not the plant's
KEYS = ("method", "diluent", "fuel", "f_factors", "constant", "rounding", "diluent_cap", "area", "velocity_coefficient",
        "h2o", "barometric_pressure")  # fmt: skip


def recorded(job: StackJob) -> dict[str, Value]:
    """Return the parameters of a job that must be in the ledger: key -> value; those that are not set are left out.

    Lists become text, since a ledger holds plain values.
    """
    found: dict[str, Value] = {}
    if job.stack is not None:
        for key in KEYS:
            value = getattr(job.stack, key)
            if value is not None and (key in job.stack.model_fields_set or key == "velocity_coefficient"):
                found[f"stack.{key}"] = " ".join(map(repr, value)) if isinstance(value, tuple) else value
    if job.ledger is not None:
        found |= job.ledger.parameters
    return found


def against_ledger(job: StackJob, base: Path | None, record: Record | None) -> list[Finding]:
    """Return what the ledger of a job has against its parameters; nothing where it names no ledger.

    Raises
    ------
    InputError
        The ledger does not exist.
    """
    return [] if job.ledger is None else against(job.ledger, recorded(job), base, record)


def against(config: LedgerConfig, found: dict[str, Value], base: Path | None, record: Record | None) -> list[Finding]:
    """Return what a ledger has against parameters in use: a break of its chain, a value without record, another value.

    Raises
    ------
    InputError
        The ledger does not exist.
    """
    from ghg.core import ledger

    path = Path(config.file) if base is None else base / config.file
    if not path.is_file():
        raise InputError("the ledger does not exist", where=f"ledger.file: {path}", hint="its first entry makes it")
    if record is not None:
        record.use(path, "parameter ledger")
    return ledger.compare(path, found, at=config.at)


def flag_unrecorded(result: xr.Dataset, findings: list[Finding]) -> xr.Dataset:
    """Return the emission with every value flagged suspect and unrecorded, and the findings in its notes."""
    import numpy as np

    from ghg.core.flags import Flag, Reason

    if not findings:
        return result
    result = result.copy()
    flag, reason = result["emission_flag"], result["emission_reason"]
    suspect = np.maximum(flag.values, np.int8(Flag.SUSPECT)).astype(np.int8)
    result["emission_flag"] = (flag.dims, suspect, flag.attrs)
    marked = (reason.values | np.int32(Reason.UNRECORDED)).astype(np.int32)
    result["emission_reason"] = (reason.dims, marked, reason.attrs)
    texts = [f"ledger: {finding.message}" for finding in findings]
    before = str(result.attrs.get("notes", ""))
    result.attrs["notes"] = "; ".join([*([before] if before else []), *texts])
    return result
