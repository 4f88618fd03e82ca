"""Files of an inversion: fluxes, totals with their covariance, concentrations, diagnostics."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.variables import Variable, register
from inversion.described import flux_name, fraction_name, time_coverage
from inversion.diagnostics import leave_out, withheld
from inversion.maps import deviation_map, mean_map, prior_deviation
from inversion.merged import Merged, full_block
from inversion.network import network
from inversion.posterior import Posterior
from inversion.prepare import bases
from inversion.sampling.posterior import SampledPosterior
from inversion.sinks import SIGN, seasons, table, totals_dataset
from inversion.totals import Totals, TotalSet

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record
    from inversion.reml import Estimate

__all__ = ["concentrations", "fluxes", "result", "write"]

_MAP = ("block", "time", "latitude", "longitude")
for _v in (
    Variable("flux", "mol m-2 s-1", "surface flux", "Posterior mean; positive to the atmosphere.", dims=_MAP,
             positive=False),
    Variable("flux_prior", "mol m-2 s-1", "surface flux before the observations", "Prior mean; positive to the "
             "atmosphere.", dims=_MAP, positive=False),
    Variable("flux_u", "mol m-2 s-1", "standard uncertainty of the surface flux", "k = 1; correlated between cells and "
             "periods: for totals use their covariance, never sums of these.", dims=_MAP),
    Variable("flux_prior_u", "mol m-2 s-1", "standard uncertainty of the prior surface flux", "k = 1.", dims=_MAP),
):  # fmt: skip
    register(_v)


def fluxes(posterior: Posterior, *, deviation: bool = True) -> list[tuple[str, xr.Dataset]]:
    """Return the flux maps of each block.

    Parameters
    ----------
    posterior : Posterior
        The posterior.
    deviation : bool
        Add the posterior standard deviation of each cell, see :func:`inversion.maps.deviation_map`.
    """
    from ghg.core.dataset import time_coords
    from ghg.core.variables import attributes

    result = []
    for block in posterior.used.blocks:
        full = full_block(block)
        if block.kind != "flux" or full.grid is None or full.grid.shape is None:
            continue
        shape = (full.periods, *full.grid.shape)
        lat, lon = full.grid.axes()
        found = {"flux": mean_map(posterior, block), "flux_prior": full.prior, "flux_prior_u": prior_deviation(full)}
        how = "not computed"
        if deviation:
            found["flux_u"], how = deviation_map(posterior, block)
        ds = time_coords(block.time_bounds[:, 0], block.time_bounds[:, 1])
        ds = ds.assign_coords(latitude=lat, longitude=lon)
        for name, values in found.items():
            extra = {"species": posterior.problem.species, "comment": SIGN}
            extra |= flux_name(posterior.problem.species, name.endswith("_u"))
            ds[name] = (("time", "latitude", "longitude"), values.reshape(shape), attributes(name, **extra))
        if "flux_u" in ds:
            ds["flux_u"].attrs["method"] = how
        if isinstance(block.basis, Merged):
            ds["group"] = (("latitude", "longitude"), block.basis.labels.astype(np.int32).reshape(full.grid.shape), {
                "long_name": "group of cells that was solved for as one", "units": "1",
                "comment": "-1: no prior uncertainty, so in no group"})  # fmt: skip
        ds.attrs |= {"title": f"Posterior fluxes: {block.name}", "species": posterior.problem.species,
                     "summary": f"Block '{block.name}' of an inversion; solver {posterior.explained}."}  # fmt: skip
        result.append((block.name, ds))
    return result


def concentrations(posterior: Posterior) -> xr.Dataset:
    """Return observed, prior and posterior mole fractions at the observations."""
    import xarray as xr

    p = posterior.problem
    unit = {"units": "mol mol-1", **fraction_name(p.species)}
    spread = {"units": "mol mol-1", **fraction_name(p.species, u=True)}
    one = ("observation",)
    bounds = np.stack([p.time, p.time], axis=1)
    meaning = {"flag_values": np.array([0, 1], np.int8), "flag_meanings": "used predicted_only"}
    used: dict[str, Any] = {"long_name": "whether it was used", "standard_name": "status_flag", **meaning}
    size = np.sqrt(p.error.variance())
    assert p.withheld is not None and p.background is not None
    return xr.Dataset(
        {
            "observation_time": (one, p.time, {"long_name": "start of the interval of the observation",
                                               "standard_name": "time"}),
            "site": (one, p.site, {"long_name": "site"}),
            "observed": (one, p.observed, {**unit, "long_name": "observed dry mole fraction"}),
            "observed_u": (one, size, {**spread, "long_name": "standard uncertainty, all terms"}),
            "background": (one, p.background, {**unit, "long_name": "mole fraction taken as known"}),
            "predicted_prior": (one, p.prior_mean(), {**unit, "long_name": "predicted by the prior"}),
            "predicted": (one, posterior.predicted(), {**unit, "long_name": "predicted by the posterior mean"}),
            "withheld": (one, p.withheld.astype(np.int8), used),
        },
        coords={"observation": (one, np.arange(p.n, dtype=np.int32), {"long_name": "number of the observation"})},
        attrs={"title": "Mole fractions of an inversion", "species": p.species,
               "summary": "Observed and predicted mole fractions.", **time_coverage(bounds)},
    )  # fmt: skip


def result(posterior: Posterior, totals: Totals, wanted: TotalSet, estimate: Estimate | None = None) -> dict[str, Any]:
    """Return what a reader needs in numbers: plan, diagnostics, tables, sites left out."""
    found: dict[str, Any] = {
        "species": posterior.problem.species,
        "sign": SIGN,
        "solver": posterior.explained,
        "observations": {"used": posterior.used.n, "withheld": posterior.problem.n - posterior.used.n},
        "unknowns": posterior.used.m,
        "totals": table(totals),
        "years": table(totals.over_time("year")),
        "whole": table(totals.over_time("all")),
        "seasons": table(seasons(totals)),
        "correlation_of_regions": totals.over_time("all").correlation.tolist(),
    }
    if posterior.problem.coefficient_names():
        u = np.sqrt(np.diag(posterior.coefficient_covariance))
        found["coefficients"] = [
            {"name": n, "value": float(v), "u": float(s)}
            for n, v, s in zip(posterior.problem.coefficient_names(), posterior.coefficients, u, strict=True)
        ]
    if estimate is not None:
        low, high = estimate.interval()
        found["estimated"] = [
            {"name": n, "value": float(v), "u_log": float(s), "low": float(a), "high": float(b)}
            for n, v, s, a, b in zip(estimate.names, estimate.values, estimate.u_log, low, high, strict=True)
        ]
    if merged := bases(posterior.problem):
        found["bases"] = merged
    if isinstance(posterior, SampledPosterior):
        found["sampler"] = posterior.diagnostics().as_dict() | {"fit": posterior.fit()}
        return found
    if posterior.factor.method == "ensemble":
        return found
    found["diagnostics"] = posterior.diagnostics().as_dict()
    if posterior.problem.n > posterior.used.n:
        found["withheld"] = withheld(posterior)
    if posterior.factor.method in ("dual", "primal") and len(set(posterior.used.site.tolist())) > 1:
        whole = TotalSet(wanted.groups, wanted.regions, np.array([[wanted.bounds[0, 0], wanted.bounds[-1, 1]]]))
        found["without_site"] = [
            {"site": one.group, "n": int(one.rows.size), "chi2": one.chi2, "p": one.p,
             "totals": table(one.totals) if one.totals is not None else []}
            for one in leave_out(posterior, totals=whole)
        ]  # fmt: skip
    return found


def write(posterior: Posterior, totals: Totals, wanted: TotalSet, found: dict[str, Any], folder: Path, record: Record,
          deviation: bool = True) -> None:  # fmt: skip
    """Write ``flux_<block>.nc``, ``totals.nc``, ``concentrations.nc``, ``network.nc`` and ``result.json``."""
    from ghg.core.netcdf import write as write_netcdf

    for name, ds in fluxes(posterior, deviation=deviation):
        write_netcdf(ds, folder / f"flux_{name.replace(' ', '_')}.nc", record=record)
    write_netcdf(totals_dataset(totals), folder / "totals.nc", record=record)
    write_netcdf(concentrations(posterior), folder / "concentrations.nc", record=record)
    if (map_of := network(posterior, wanted)) is not None:
        write_netcdf(map_of, folder / "network.nc", record=record)
    text = json.dumps(plain({**found, "provenance": record.as_dict(folder / "result.json")}), ensure_ascii=False,
                      indent=2, allow_nan=False)  # fmt: skip
    (folder / "result.json").write_text(text + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """Return numbers as JSON knows them; what is not finite becomes null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    return None if isinstance(value, float) and not np.isfinite(value) else value
