"""The job of a comparison: both sides, the verdict, and the files that prove it."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.pieces import WHOLE, Cut
from ghg.facility.config import FacilityJob

if TYPE_CHECKING:
    from ghg.core.provenance import Record
    from ghg.facility.comparison import Comparison

__all__ = ["check", "compare_job", "write"]


def check(job: FacilityJob, base: Path) -> None:
    """Read and compute both sides without comparing them; faults are raised."""
    from inventories.accounting.job import run as account
    from sensors.stack.job import try_out

    try_out(job.measured, base=base)
    account(job.accounted, base=base)


def compare_job(
    job: FacilityJob,
    base: Path,
    record: Record | None = None,
    announce: Callable[[str], None] = lambda text: None,
    cut: Cut = WHOLE,
) -> Comparison:
    """Run a comparison.

    Parameters
    ----------
    job : FacilityJob
        The configuration.
    base : Path
        Folder to which relative paths belong.
    record : Record, optional
        Provenance.
    announce : callable
        Is told each step.
    cut : Cut
        How much of the measured side is in memory at once; the outcome is the same.
    """
    from ghg.facility.comparison import compare, periods
    from ghg.facility.measured import gather
    from inventories.accounting.job import run as account
    from sensors.stack.job import run_pieces

    announce("reading and computing both sides")
    bounds = periods(job.comparison, job.facility.timezone)
    pieces = run_pieces(job.measured, base=base, record=record, cut=cut)
    measured = gather(pieces, bounds, job.comparison, cut.folder)
    accounted = account(job.accounted, base=base, record=record)
    announce("comparing")
    found = compare(measured, accounted, job.comparison, job.facility.timezone)
    if record is not None:
        record.step(f"paired by {job.comparison.by} from {job.comparison.start} to {job.comparison.end}")
        record.step(f"verdict: {found.verdict.code}")
    return found


def write(found: Comparison, job: FacilityJob, record: Record, folder: Path) -> dict[str, Any]:
    """Write ``measured.nc``, ``accounted.nc``, ``comparison.nc`` and ``result.json`` into `folder`.

    Returns
    -------
    dict
        What ``result.json`` holds.
    """
    from ghg.core.netcdf import write as write_netcdf
    from ghg.facility.result import as_dict

    title = job.title or job.facility.name
    for name, ds in (("measured", found.measured), ("accounted", found.accounted), ("comparison", found.pairs)):
        described = ds.assign_attrs(title=f"{title}: {name}", summary=f"{job.comparison.species} emission, {name}")
        write_netcdf(described, folder / f"{name}.nc", record=record)
    result = _finite({**as_dict(found, job), "provenance": record.as_dict(folder / "result.json")})
    text = json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False)
    (folder / "result.json").write_text(text + "\n", encoding="utf-8")
    return result


def _finite(value: Any) -> Any:
    """Return `value` with NaN and infinity replaced by None: JSON has neither."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value
