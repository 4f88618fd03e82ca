"""Maps of fossil CO2 for the page: what is true, what the inventory says, and what the towers make of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.demo import world

__all__ = ["maps"]


def maps(project: Path, seed: int) -> dict[str, Any]:
    """Return maps by rows from north to south, and who stands where.

    Parameters
    ----------
    project : Path
        With ``out``.
    seed : int
        Of the world.

    Returns
    -------
    dict
        ``fields``: truth, inventory, inversion -> fluxes in umol m-2 s-1; ``marks``: name, kind, column and row (in
        cells from the north-western corner).
    """
    from ghg.core.netcdf import read

    made = world.build(seed)
    prior = read(project / "out" / "inventory" / "gridded.nc")["emission_co2"].values
    posterior = read(project / "out" / "co2" / "flux_fossil.nc")["flux"].values
    shape = made.area.shape
    fields = {"truth": made.fluxes["fossil"], "inventory": prior.reshape(shape) / world.MOLAR_MASS,
              "inversion": posterior.reshape(shape)}  # fmt: skip
    marks = [_mark(t.name, "tower", t) for t in world.TOWERS] + [_mark(p.name, "plant", p) for p in world.PLANTS]
    return {"fields": {name: _rows(field) for name, field in fields.items()}, "marks": marks}


def _rows(field: npt.NDArray[np.float64]) -> list[list[float]]:
    return np.round(1e6 * field[::-1], 3).tolist()


def _mark(name: str, kind: str, place: Any) -> dict[str, Any]:
    step = world.LONGITUDE[1] - world.LONGITUDE[0]
    x = (place.longitude - world.LONGITUDE[0]) / step + 0.5
    y = (world.LATITUDE[-1] - place.latitude) / step + 0.5
    return {"name": name, "kind": kind, "x": round(float(x), 2), "y": round(float(y), 2)}
