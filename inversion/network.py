"""What a network sees and what is added up: mean footprints by site and shares of regions, for maps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from inversion.described import time_coverage
from inversion.posterior import Posterior
from inversion.prepare import on_full_grid
from inversion.totals import TotalSet

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["network"]


def network(posterior: Posterior, wanted: TotalSet) -> xr.Dataset | None:
    """Return the mean footprint of each site and the share of each cell that belongs to each region.

    Returns
    -------
    Dataset
        ``footprint_mean`` (site, latitude, longitude) [(mol mol-1) / (mol m-2 s-1)], ``region_share`` (region,
        latitude, longitude); None where no block has a regular grid.
    """
    import xarray as xr

    problem = on_full_grid(posterior.problem)
    number = next((i for i, b in enumerate(problem.blocks) if b.kind == "flux" and b.grid and b.grid.shape), None)
    if number is None or (grid := problem.blocks[number].grid) is None or grid.shape is None:
        return None
    sites = list(dict.fromkeys(problem.site.tolist()))
    chosen = np.stack([problem.site == s for s in sites], axis=1)
    found = problem.adjoint(np.ascontiguousarray(chosen / chosen.sum(axis=0)))[number].sum(axis=1)
    shares = {n: s[problem.blocks[number].name] for n, s in wanted.regions.items()}
    lat, lon = grid.axes()
    at = np.array([problem.places.get(s, (np.nan,) * 3) for s in sites]).T
    note = {"comment": "of the inlet, as the file of the site or the job says"}
    space = ("latitude", "longitude")
    foot: Any = found.T.reshape(len(sites), *grid.shape).astype(np.float32)
    share: Any = np.array(list(shares.values())).reshape(len(shares), *grid.shape).astype(np.float32)
    return xr.Dataset(
        {
            "footprint_mean": (("site", *space), foot, {
                "units": "(mol mol-1) / (mol m-2 s-1)", "long_name": "mean sensitivity of the observations to fluxes"}),
            "region_share": (("region", *space), share, {
                "units": "1", "long_name": "share of the cell that belongs to the region",
                "standard_name": "area_fraction"}),
        },
        coords={
            "site": ("site", np.array(sites, dtype=str), {"long_name": "site"}),
            "site_latitude": ("site", at[0], {"units": "degrees_north", "standard_name": "latitude", **note}),
            "site_longitude": ("site", at[1], {"units": "degrees_east", "standard_name": "longitude", **note}),
            "region": ("region", np.array(list(shares), dtype=str), {"long_name": "region"}),
            "latitude": ("latitude", lat, {"units": "degrees_north", "standard_name": "latitude"}),
            "longitude": ("longitude", lon, {"units": "degrees_east", "standard_name": "longitude"}),
        },
        attrs={"title": "Network and regions of an inversion", "species": problem.species,
               "summary": "Mean footprint of each site, and the regions whose totals are reported.",
               **time_coverage(wanted.bounds)},
    )  # fmt: skip
