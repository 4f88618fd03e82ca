"""Figures of an analyser's station: droplet test, series with flags, cylinders, target chart, cycles. No science."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from ghg.report.figures import ACCOUNTED, GREY, MEASURED, STYLE
from ghg.report.series import NAMES

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["droplet"]


def droplet(ds: xr.Dataset, gases: Sequence[str]) -> Figure:
    """Draw the readings of droplet tests against water, the fit, the factory's curve, and what the fit leaves."""
    with plt.rc_context(STYLE):
        figure, rows = plt.subplots(2, len(gases), figsize=(4.6 * len(gases) + 0.6, 5.2), layout="constrained",
                                    squeeze=False, sharex="col", gridspec_kw={"height_ratios": [2, 1]})  # fmt: skip
        for k, gas in enumerate(gases):
            top, bottom = rows[0, k], rows[1, k]
            found = ds[f"{gas}_coefficients"]
            h, y = ds[f"{gas}_water"].values, ds[f"{gas}_ratio"].values
            a, b = found.values
            fine = np.linspace(0.0, np.nanmax(h), 200)
            top.plot(h, y, "o", ms=3.5, color=MEASURED, label="means of steps of water")
            top.plot(fine, 1 + a * fine + b * fine**2, color=ACCOUNTED, lw=1.2,
                     label=f"1 {a:+.5f} h {b:+.2e} h$^2$".replace("+-", "-"))  # fmt: skip
            bottom.plot(h, 1e6 * ds[f"{gas}_misfit"].values, "o", ms=3, color=MEASURED)
            powers = np.stack([fine, fine**2], axis=1)
            u = np.sqrt(np.einsum("ij,jk,ik->i", powers, ds[f"{gas}_coefficients_covariance"].values, powers))
            bottom.fill_between(
                fine, -1.96e6 * u, 1.96e6 * u, color=ACCOUNTED, alpha=0.2, lw=0, label="95 % of the fit"
            )
            if "factory_a" in found.attrs and found.attrs["water_column"] == "h2o_reported":
                fa, fb = found.attrs["factory_a"], found.attrs["factory_b"]
                top.plot(fine, 1 + fa * fine + fb * fine**2, "--", color=GREY, lw=1, label="factory")
            bottom.axhline(0.0, color=GREY, lw=0.7)
            top.set_ylabel(f"{NAMES.get(gas, gas)} wet / dry")
            bottom.set(xlabel="water in %", ylabel="misfit in 10$^{-6}$")
            top.legend(frameon=False, fontsize=8)
            bottom.legend(frameon=False, fontsize=8)
    return figure
