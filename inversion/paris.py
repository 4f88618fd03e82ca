"""Results in the layouts that PARIS and OpenGHG exchange: fluxes and countries, and concentrations.

References
----------
PARIS_Lagrangian_inversion_flux_EUROPE_v03.cdl and PARIS_Lagrangian_inversion_concentration_EUROPE_v04.cdl of
openghg/openghg_inversions: names, units, dimensions and which variables are mandatory. Two things differ, because CF
2.4 wants the dimensions of a variable to have different names and coordinates without text: the second country of the
covariance is ``country_other``, and names of countries are written as the writer of this toolkit writes labels.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inversion.described import flux_name, fraction_name
from inversion.maps import drawn_maps, mean_map
from inversion.merged import full_block
from inversion.network import network
from inversion.posterior import Posterior
from inversion.problem import Block
from inversion.sensitivity import Array
from inversion.totals import Totals, TotalSet

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["paris_concentrations", "paris_fluxes"]

FLUX, MASS = "mol m-2 s-1", "kg yr-1"
SAMPLES = 100
FEW = 500  # observations up to which deviations are exact
_BYTES = 256e6
_MAP = ("time", "latitude", "longitude")
Times = npt.NDArray[np.datetime64]


def paris_fluxes(posterior: Posterior, totals: Totals, wanted: TotalSet) -> xr.Dataset:
    """Return fluxes on the grid and by country, all flux blocks added up.

    Parameters
    ----------
    posterior : Posterior
    totals : Totals
        Of `wanted`.
    wanted : TotalSet
        Regions stand for countries; its last group is the sum of all blocks.

    Returns
    -------
    Dataset
        ``flux_total_prior``, ``flux_total_posterior`` and their ``stdev_`` (time, latitude, longitude) [mol m-2 s-1],
        ``flux_total_prior_country`` and so on (time, country) [kg yr-1], the covariance between countries [kg2 yr-2],
        ``country_fraction`` and ``cell_area``. Times are the middle of the intervals of ``time_bnds``.

    Raises
    ------
    InputError
        The blocks do not share one regular grid.
    """
    import xarray as xr

    blocks = [(i, b) for i, b in enumerate(posterior.used.blocks) if b.kind == "flux"]
    grid = full_block(blocks[0][1]).grid if blocks else None
    grids = [full_block(b).grid for _, b in blocks]
    if grid is None or grid.shape is None or any(g is None or g.shape != grid.shape for g in grids):
        raise InputError("the PARIS layout needs flux blocks on one regular grid", where="layouts")
    shares = [_shares(b, wanted.bounds) for _, b in blocks]
    gas, shape = posterior.problem.species.lower(), (len(wanted.bounds), *grid.shape)
    maps = {
        "flux_total_prior": np.sum([s @ full_block(b).prior for s, (_, b) in zip(shares, blocks, strict=True)], axis=0),
        "flux_total_posterior": np.sum([s @ mean_map(posterior, b) for s, (_, b) in zip(shares, blocks, strict=True)],
                                       axis=0),
    }  # fmt: skip
    prior = np.sum([_variance(full_block(b), s) for s, (_, b) in zip(shares, blocks, strict=True)], axis=0)
    maps["stdev_flux_total_prior"] = np.sqrt(prior)
    maps["stdev_flux_total_posterior"] = _deviation(posterior, [i for i, _ in blocks], shares, prior)
    ds = _middles(wanted.bounds, "time", "mid of flux interval in UTC")
    lat, lon = grid.axes()
    ds = ds.assign_coords(
        latitude=("latitude", lat, {"units": "degrees_north", "standard_name": "latitude"}),
        longitude=("longitude", lon, {"units": "degrees_east", "standard_name": "longitude"}),
    )
    for name, values in maps.items():
        words = name.replace("stdev_", "standard deviation of ").replace("_", " ")
        attrs = {"units": FLUX, "long_name": f"{words}, {gas}", "cell_methods": "time: mean area: mean"}
        attrs |= flux_name(gas, name.startswith("stdev_"))
        ds[name] = (_MAP, values.reshape(shape).astype(np.float32), attrs)
    ds = ds.merge(_countries(totals, wanted, gas))
    first = blocks[0][1].name
    fraction: Array = np.array([r[first] for r in wanted.regions.values()]).reshape(-1, *grid.shape)
    ds["country_fraction"] = (("country", "latitude", "longitude"), fraction.astype(np.float32), {
        "units": "1", "standard_name": "area_fraction",
        "long_name": "fraction of grid cell associated to country"})  # fmt: skip
    ds["cell_area"] = (("latitude", "longitude"), grid.area.reshape(grid.shape), {
        "units": "m2", "standard_name": "cell_area", "long_name": "surface area of grid cell"})  # fmt: skip
    ds.attrs = _about(posterior, "GHG flux distribution and country totals")
    assert isinstance(ds, xr.Dataset)
    return ds


def _shares(block: Block, bounds: Times) -> Array:
    """Return the share of each period of the report that lies in each period of a block, (P, p)."""
    state, wanted = (np.asarray(b).astype("datetime64[ns]").astype(np.int64) for b in (block.time_bounds, bounds))
    overlap = np.minimum(wanted[:, None, 1], state[None, :, 1]) - np.maximum(wanted[:, None, 0], state[None, :, 0])
    return np.maximum(overlap, 0) / (wanted[:, 1] - wanted[:, 0])[:, None]


def _variance(block: Block, share: Array) -> Array:
    """Return the prior variance of the mean over each period, (P, r)."""
    covariance: Any = block.covariance
    time, sigma = covariance.time.dense(), covariance.sigma
    if block.distribution == "lognormal":  # covariance of logarithms
        size = np.einsum("tr,ur,tur->tur", block.prior, block.prior, np.expm1(np.einsum("tr,tu,ur->tur", sigma, time,
                                                                                         sigma)))  # fmt: skip
        return np.einsum("Pt,tur,Pu->Pr", share, size, share)
    return np.array([np.einsum("t,tr,tu,ur,u->r", s, sigma, time, sigma, s, optimize=True) for s in share])


def _deviation(posterior: Posterior, index: list[int], shares: list[Array], prior: Array) -> Array:
    """Return the posterior standard deviation of the sum of blocks, (P, r): exact with few observations."""
    used = posterior.used
    merged = any(used.blocks[i].basis is not None for i in index)
    plain = used.n <= FEW and not posterior.problem.coefficient_names() and not merged
    inverse = posterior.factor.inverse() if plain and posterior.factor.method != "sampled" else None
    if inverse is None:
        drawn = posterior.samples(SAMPLES)
        maps = [np.einsum("Pp,prk->Prk", s, drawn_maps(posterior, used.blocks[i], drawn, seed=i))
                for s, i in zip(shares, index, strict=True)]  # fmt: skip
        return np.sum(maps, axis=0).std(axis=2, ddof=1)
    root: Array = np.asarray(np.linalg.cholesky(inverse), dtype=np.float64)
    removed = np.zeros(prior.shape)
    step = max(1, int(_BYTES / (8.0 * used.m)))
    for first in range(0, used.n, step):
        moved = used.covariance(used.adjoint(np.ascontiguousarray(root[:, first : first + step])))
        total = np.sum([np.einsum("Pp,rpk->Prk", s, moved[i]) for s, i in zip(shares, index, strict=True)], axis=0)
        removed += np.square(total).sum(axis=2)
    return np.sqrt(np.maximum(prior - removed, 0.0))


def _countries(totals: Totals, wanted: TotalSet, gas: str) -> xr.Dataset:
    """Return the totals of the last group by country, in kg of the species per calendar year."""
    import xarray as xr

    group, count, times = list(wanted.groups)[-1], len(wanted.regions), len(wanted.bounds)
    rows = np.array([i for i, (g, _, _) in enumerate(wanted.labels) if g == group]).reshape(count, times)
    year = totals.per_year()
    scaled = {"flux_total_prior": totals.prior, "flux_total_posterior": totals.posterior,
              "stdev_flux_total_prior": totals.prior_u, "stdev_flux_total_posterior": totals.u}  # fmt: skip
    covariance = np.array([totals.covariance[np.ix_(r, r)] * np.outer(year[r], year[r]) for r in rows.T])
    names = np.array(list(wanted.regions), dtype=str)
    ds = xr.Dataset(coords={"country": ("country", names, {"long_name": "country or region"}),
                            "country_other": ("country_other", names, {"long_name": "country or region"})})  # fmt: skip
    for name, values in scaled.items():
        words = name.replace("stdev_", "standard deviation of ").replace("_", " ")
        ds[f"{name}_country"] = (("time", "country"), (values * year)[rows].T, {
            "units": MASS, "long_name": f"country-total {words}, {gas}", "cell_methods": "time: mean"})  # fmt: skip
    ds["covariance_flux_total_posterior_country"] = (("time", "country", "country_other"), covariance, {
        "units": "kg2 yr-2", "long_name": f"covariance of country-total posterior fluxes, {gas}",
        "comment": "exact; sums of countries take it as it is, never sums of variances"})  # fmt: skip
    return ds


def paris_concentrations(posterior: Posterior, wanted: TotalSet, interval: float = 3600.0) -> xr.Dataset:
    """Return observed and simulated mole fractions along ``index``.

    Parameters
    ----------
    posterior : Posterior
    wanted : TotalSet
        For the places of the sites.
    interval : float
        Length of the averaging intervals, s.

    Notes
    -----
    Where neither the file of a site nor the job says where it stands, ``longitude`` and ``latitude`` are the centre of
    the cell that its mean footprint sees most, and ``altitude`` is missing.
    """
    import xarray as xr

    p, gas = posterior.problem, posterior.problem.species.lower()
    sites = list(dict.fromkeys(p.site.tolist()))
    number = np.array([sites.index(s) for s in p.site.tolist()], np.int16)
    bounds = np.stack([p.time, p.time + np.timedelta64(round(interval * 1e9), "ns")], axis=1)
    ds = _middles(bounds, "index", "time of mid of observation interval; UTC")
    ds["platform"] = ("platform", np.array(sites, dtype=str), {"long_name": "identifier of observing platform"})
    assert p.background is not None and p.withheld is not None
    inflow = p.background + _inflow(posterior)
    terms = [t.sigma for t in p.error.terms if t.name in ("measurement", "calibration")]
    own = np.sqrt(np.sum(np.square(terms), axis=0))
    for name, values, words in (
        ("mf_observed", p.observed, "observed mole fraction in dry air"),
        ("stdev_mf_observed_repeatability", own, "uncertainty of the observation"),
        ("stdev_mf_total", np.sqrt(p.error.variance()), "total model-data-mismatch uncertainty applied in inversion"),
        ("mf_prior", p.prior_mean(), "prior simulated mole fraction in dry air"),
        ("mf_posterior", posterior.predicted(), "posterior simulated mole fraction in dry air"),
        ("mf_bc_prior", p.background, "prior simulated boundary condition mole fraction including site bias"),
        ("mf_bc_posterior", inflow, "posterior simulated boundary condition mole fraction including site bias"),
    ):  # fmt: skip
        ds[name] = ("index", values, {"units": "mol mol-1", "long_name": f"{words}, {gas}",
                                      **fraction_name(gas, name.startswith("stdev_"))})  # fmt: skip
    small: dict[str, Any] = {"units": "1"}
    ds["number_of_identifier"] = ("index", number, {**small, "long_name": "index of identifier of observing platform"})
    ds["assimilation_flag"] = ("index", (~p.withheld).astype(np.int16), {
        **small, "long_name": "0: not used; 1: used in the inversion"})  # fmt: skip
    lat, lon, height = _places(posterior, wanted, sites)
    guessed = [s for s in sites if s not in p.places]
    note = "of the inlet"
    if guessed:
        note += f"; of {', '.join(guessed)} the centre of the cell that its mean footprint sees most"
    ds["longitude"] = ("index", lon[number], {"units": "degrees_east", "standard_name": "longitude", "comment": note})
    ds["latitude"] = ("index", lat[number], {"units": "degrees_north", "standard_name": "latitude", "comment": note})
    ds["altitude"] = ("index", height[number], {"units": "m", "standard_name": "altitude", "positive": "up",
                                                "comment": "of the inlet; missing where it is not known"})  # fmt: skip
    ds.attrs = _about(posterior, "In-situ mole fractions at sites: observed and simulated")
    assert isinstance(ds, xr.Dataset)
    return ds


def _inflow(posterior: Posterior) -> Array:
    """Return what boundary and offset blocks add to the background, (n,)."""
    out = np.zeros(posterior.problem.n)
    for block in posterior.problem.blocks:
        if block.kind not in ("flux", "rest"):
            out += block.sensitivity.forward(np.ascontiguousarray(posterior.mean(block.name).T)[:, :, None])[:, 0]
    return out


def _places(posterior: Posterior, wanted: TotalSet, sites: list[str]) -> tuple[Array, Array, Array]:
    known = posterior.problem.places
    at = np.array([known.get(s, (np.nan,) * 3) for s in sites])
    if len(known) < len(sites) and (seen := network(posterior, wanted)) is not None:
        field = seen["footprint_mean"].values
        i, j = np.unravel_index(field.reshape(len(sites), -1).argmax(axis=1), field.shape[1:])
        guess = np.stack([seen["latitude"].values[i], seen["longitude"].values[j]], axis=1)
        at[:, :2] = np.where(np.isfinite(at[:, :2]), at[:, :2], guess)
    return at[:, 0], at[:, 1], at[:, 2]


def _middles(bounds: Times, dim: str, words: str) -> xr.Dataset:
    import xarray as xr

    edges = np.asarray(bounds).astype("datetime64[ns]")
    middle = edges[:, 0] + (edges[:, 1] - edges[:, 0]) // 2
    ds = xr.Dataset({"time_bnds": ((dim, "nbnds"), edges, {"long_name": "start and end points of each time step"})})
    attrs = {"long_name": words, "standard_name": "time", "bounds": "time_bnds"}
    return ds.assign_coords(time=(dim, middle, attrs)) if dim == "time" else ds.assign(time=(dim, middle, attrs))


def _about(posterior: Posterior, title: str) -> dict[str, Any]:
    return {"title": title, "species": posterior.problem.species, "inversion_system": "ghg-toolkit",
            "summary": f"Layout of PARIS; solver {posterior.explained}.",
            "comment": "Positive is a source to the atmosphere. Standard deviations are k = 1; times label the middle "
                       "of intervals."}  # fmt: skip
