"""The ledger of mass: what came in is what went out, lies outside, or was withheld, species by species.

It travels in the Dataset as the variable ``ledger_mass`` (species, entry), and in its file as the attributes
``row_<species>`` of the scalar of that name, so that anyone can check it with ncdump and a sum.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from ghg.core.errors import GhgError

__all__ = ["ENTRIES", "TOLERANCE", "attach", "exact_sum", "residual", "rows"]

ENTRIES = ("in", "out", "outside", "withheld")
TOLERANCE = 1e-12


def exact_sum(values: npt.ArrayLike) -> float:
    """Return the sum of numbers, rounded once (Shewchuk's algorithm); large arrays in pairwise blocks first."""
    flat = np.asarray(values, np.float64).ravel()
    if flat.size > 65536:
        cut = flat.size // 256 * 256
        flat = np.concatenate([flat[:cut].reshape(-1, 256).sum(axis=1), flat[cut:]])
    return math.fsum(flat.tolist())


def attach(
    ds: xr.Dataset, entries: Mapping[str, Sequence[float]], units: str, step: str,
    gross: Mapping[str, float] | None = None,
) -> xr.Dataset:  # fmt: skip
    """Return a Dataset with the ledger of its last step.

    Parameters
    ----------
    ds : Dataset
        Gridded emissions.
    entries : mapping
        Per species the masses in, out, outside and withheld.
    units : str
        ``kg`` over the period of the file, or ``kg s-1`` where it states none.
    step : str
        What was done, for the attribute ``step``.
    gross : mapping, optional
        Per species the sum of masses whatever their sign, where sources and sinks may cancel.

    Raises
    ------
    GhgError
        The ledger does not close: a bug.
    """
    values = np.array([list(map(float, v)) for v in entries.values()]).reshape(-1, len(ENTRIES))
    off = [residual(row, (gross or {}).get(name, 0.0)) for name, row in zip(entries, values, strict=True)]
    for name, rest in zip(entries, off, strict=True):
        if abs(rest) > TOLERANCE:
            raise GhgError(f"the mass of {name} is not conserved", where=step, found=f"residual {rest:.3g}",
                           need=f"below {TOLERANCE:g} of the mass")  # fmt: skip
    attrs = {"long_name": "mass that came in, went out, lies outside the grid, and was withheld", "units": units,
             "storage": "container", "step": step,
             "comment": "in = out + outside + withheld; residual relative to the mass at most "
             f"{max(map(abs, off), default=0.0):.2g}",
             "coverage_content_type": "qualityInformation"}  # fmt: skip
    left = ds.drop_vars(["ledger_mass", "ledger_species", "ledger_entry"], errors="ignore")
    return left.assign(ledger_mass=(("ledger_species", "ledger_entry"), values, attrs)).assign_coords(
        ledger_species=("ledger_species", list(entries), {"long_name": "species of the ledger"}),
        ledger_entry=("ledger_entry", list(ENTRIES), {"long_name": "entry of the ledger"}),
    )


def residual(row: npt.ArrayLike, gross: float = 0.0) -> float:
    """Return (in - out - outside - withheld) relative to the greatest entry, or to the gross mass if that is more."""
    came, *went = (float(v) for v in np.asarray(row, np.float64))
    size = max(gross, abs(came), *(abs(v) for v in went))
    if not math.isfinite(size):
        return math.inf
    return math.fsum([came, *(-v for v in went)]) / size if size > 0.0 else 0.0


def rows(ds: xr.Dataset) -> list[dict[str, str]]:
    """Return the ledger as rows of text for a table."""
    table = ds["ledger_mass"]
    units = str(table.attrs.get("units", ""))
    return [
        {"species": str(name), **{entry: f"{v:.9g} {units}" for entry, v in zip(ENTRIES, row, strict=True)},
         "residual": f"{residual(row):.1e}"}
        for name, row in zip(table["ledger_species"].values, table.values, strict=True)
    ]  # fmt: skip
