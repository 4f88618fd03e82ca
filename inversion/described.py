"""What the files of a run say about time and standard names, beyond what the core fills in.

Standard names are those of table v93: mole fractions in dry air of CO2, CH4 and N2O, the surface mole flux of CO2.
There is none for regional totals, sensitivities or fluxes of other gases, and none is made up.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.gases import gas

__all__ = ["flux_name", "fraction_name", "time_coverage"]

_NAMES = {"CO2": "carbon_dioxide", "CH4": "methane", "N2O": "nitrous_oxide"}


def time_coverage(bounds: npt.ArrayLike) -> dict[str, str]:
    """Return the ACDD attributes of files without an axis of time, from the periods (P, 2) they are about."""
    edges = np.asarray(bounds).astype("datetime64[s]").reshape(-1, 2)
    start, end = edges[:, 0].min(), edges[:, 1].max()
    length = np.median(np.diff(edges, axis=1).astype(np.int64))
    return {"time_coverage_start": f"{start}Z", "time_coverage_end": f"{end}Z",
            "time_coverage_duration": _duration(int((end - start).astype(np.int64))),
            "time_coverage_resolution": _duration(int(length))}  # fmt: skip


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    return f"P{days}D" if not rest else f"PT{seconds // 3600}H" if not seconds % 3600 else f"PT{seconds}S"


def fraction_name(species: str, u: bool = False) -> dict[str, Any]:
    """Return the standard name of the dry mole fraction of a gas, of its uncertainty with ``u``."""
    name = _NAMES.get(gas(species).formula)
    return {} if name is None else {
        "standard_name": f"mole_fraction_of_{name}_in_dry_air" + (" standard_error" if u else "")}  # fmt: skip


def flux_name(species: str, u: bool = False) -> dict[str, Any]:
    """Return the standard name of the surface mole flux of a gas, of its uncertainty with ``u``."""
    if gas(species).formula != "CO2":
        return {}
    return {"standard_name": "surface_upward_mole_flux_of_carbon_dioxide" + (" standard_error" if u else "")}
