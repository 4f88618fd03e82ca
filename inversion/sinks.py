"""Tables of sources and sinks: TgC/yr and Tg CO2/yr with the sign written out, before and after, by region and season.

A flux is positive to the atmosphere. A negative number is a sink, and the column "direction" says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.gases import carbon_to_co2, gas
from inversion.described import time_coverage
from inversion.sensitivity import Array
from inversion.totals import Totals

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["direction", "seasons", "table", "totals_dataset"]

_SEASON = ("DJF", "MAM", "JJA", "SON")
SIGN = "positive: source to the atmosphere; negative: sink, taken up from the atmosphere"


def direction(low: float, high: float) -> str:
    """Return "source", "sink", or "not told apart from zero" by whether a 95 % interval holds zero."""
    if low <= 0.0 <= high:
        return "not told apart from zero"
    return "source" if low > 0.0 else "sink"


def table(totals: Totals) -> list[dict[str, Any]]:
    """Return one row for each total.

    Parameters
    ----------
    totals : Totals
        Of any species; carbon columns appear where it holds carbon.

    Returns
    -------
    list of dict
        ``group``, ``region``, ``start``, ``end``, prior and posterior with k = 1 uncertainty and the 95 % interval of
        the posterior in Tg of the species per calendar year and, for CO2 and CH4, in TgC per year, ``direction``, and
        ``determined``: the share of the prior variance that the observations removed.
    """
    scale = totals.per_year() / 1e9
    low, high = totals.interval
    formula = gas(totals.species).formula
    carbon = {"CO2": 1.0 / carbon_to_co2(), "CH4": 0.012011 / gas("CH4").molar_mass}.get(formula)
    rows = []
    for i, (group, region) in enumerate(totals.labels):
        numbers = {"prior": totals.prior[i], "prior_u": totals.prior_u[i], "posterior": totals.posterior[i],
                   "posterior_u": totals.u[i], "posterior_low": low[i], "posterior_high": high[i]}  # fmt: skip
        row: dict[str, Any] = {"group": group, "region": region, "start": str(totals.bounds[i, 0])[:10],
                               "end": str(totals.bounds[i, 1])[:10]}  # fmt: skip
        row |= {f"{k}_Tg{formula}_per_year": float(v * scale[i]) for k, v in numbers.items()}
        if carbon is not None:
            row |= {f"{k}_TgC_per_year": float(v * scale[i] * carbon) for k, v in numbers.items()}
        row["direction"] = direction(float(low[i]), float(high[i]))
        row["determined"] = float(totals.determined[i])
        rows.append(row)
    return rows


def seasons(totals: Totals) -> Totals:
    """Return means over meteorological seasons (all years together) from totals of months or shorter periods."""
    month = totals.bounds[:, 0].astype("datetime64[M]").astype(np.int64) % 12 + 1
    season = (month % 12) // 3
    seconds = (totals.bounds[:, 1] - totals.bounds[:, 0]).astype(np.int64) / 1e9
    rows: list[Array] = []
    labels, bounds = [], []
    for group, region in dict.fromkeys(totals.labels):
        mine = np.array([one == (group, region) for one in totals.labels])
        for number, name in enumerate(_SEASON):
            chosen = mine & (season == number)
            if chosen.any():
                rows.append(np.where(chosen, seconds, 0.0) / seconds[chosen].sum())
                labels.append((group, f"{region} {name}"))
                bounds.append([totals.bounds[chosen, 0].min(), totals.bounds[chosen, 1].max()])
    return totals.combine(np.array(rows), labels, np.array(bounds))


def totals_dataset(totals: Totals) -> xr.Dataset:
    """Return totals with their full covariance as a Dataset in the common language.

    Returns
    -------
    Dataset
        Dimensions ``total`` and ``total_other``; ``flux_total_prior``, ``flux_total`` and their uncertainties [kg s-1],
        ``flux_total_covariance`` [kg2 s-2], ``group``, ``region``, ``period_start``, ``period_end``.
    """
    import xarray as xr

    rate = {"units": "kg s-1", "species": totals.species, "comment": SIGN}
    squared = {"units": "kg2 s-2", "species": totals.species}
    one, two = ("total",), ("total", "total_other")
    number = np.arange(len(totals.labels), dtype=np.int32)
    low, high = totals.interval
    return xr.Dataset(
        {
            "group": (one, np.array([g for g, _ in totals.labels], dtype=str), {"long_name": "blocks added up"}),
            "region": (one, np.array([r for _, r in totals.labels], dtype=str), {"long_name": "region"}),
            "period_start": (one, totals.bounds[:, 0], {"long_name": "start of the period", "standard_name": "time"}),
            "period_end": (one, totals.bounds[:, 1], {"long_name": "end of the period", "standard_name": "time"}),
            "flux_total_prior": (one, totals.prior, {**rate, "long_name": "prior flux of the region"}),
            "flux_total_prior_u": (one, totals.prior_u, {**rate, "long_name": "standard uncertainty before, k = 1"}),
            "flux_total": (one, totals.posterior, {**rate, "long_name": "posterior flux of the region"}),
            "flux_total_u": (one, totals.u, {**rate, "long_name": "standard uncertainty after, k = 1"}),
            "flux_total_low": (one, low, {**rate, "long_name": "lower end of the 95 % interval after"}),
            "flux_total_high": (one, high, {**rate, "long_name": "upper end of the 95 % interval after"}),
            "flux_total_determined": (one, totals.determined, {"units": "1", "long_name":
                                      "share of the prior variance removed by the observations"}),
            "flux_total_prior_covariance": (two, totals.prior_covariance, {**squared, "long_name": "prior covariance"}),
            "flux_total_covariance": (two, totals.covariance, {**squared, "long_name": "posterior covariance"}),
        },
        coords={"total": (one, number, {"long_name": "number of the total"}),
                "total_other": (("total_other",), number, {"long_name": "number of the total"})},
        attrs={"title": f"Fluxes of {totals.species} by region", "species": totals.species,
               "summary": "Regional totals of an inversion with their exact covariance.",
               **time_coverage(totals.bounds)},
    )  # fmt: skip
