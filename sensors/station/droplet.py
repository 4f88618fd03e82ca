"""Droplet tests: readings of one dry gas that was wetted and dries, to the water coefficients of an analyser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.calibration.water import WaterFit, combine_tests, fit_water
from sensors.config.station import GASES
from sensors.station.rows import FACTORY, PER_PPM, PICARRO, SPECIES, WATER_SCAN

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Droplet", "as_toml", "droplet_dataset", "fit_droplets", "read_test"]

Array = npt.NDArray[np.float64]
STEPS = 60  # of the picture and the file
DRY = 0.5  # [percent] below it the cavity pressure answers to water (Reum et al. 2019, AMT 12, 1013)


@dataclass(frozen=True)
class Droplet:
    """Result for one gas.

    Parameters
    ----------
    gas, column : str
        The gas, and the column of the water the coefficients belong to.
    a, b : float
        [1/percent], [1/percent^2].
    covariance : array, shape (2, 2)
    slope : float
        Largest standard uncertainty of the correction per percent of water over the range tested, as a fraction.
    ratio : float
        Birge ratio of the tests.
    tests : tuple of WaterFit
    water, departure : array
        All readings: water [percent], and wet reading over that of the dry gas.
    """

    gas: str
    column: str
    a: float
    b: float
    covariance: Array
    slope: float
    ratio: float
    tests: tuple[WaterFit, ...]
    water: Array
    departure: Array

    @property
    def span(self) -> tuple[float, float]:
        """Water covered by the tests [percent]."""
        return min(t.span[0] for t in self.tests), max(t.span[1] for t in self.tests)

    def correction(self, h: npt.ArrayLike) -> Array:
        """Return 1 + a h + b h^2."""
        water = np.asarray(h, np.float64)
        return 1.0 + water * (self.a + self.b * water)

    @property
    def dry_end(self) -> tuple[float, float]:
        """Mean misfit below 0.5 % of water, as a fraction of the value, and its standard error; NaN if not covered."""
        low = self.water < DRY
        if low.sum() < 10:
            return float("nan"), float("nan")
        rest = self.departure[low] / self.correction(self.water[low]) - 1.0
        parts = np.array([p.mean() for p in np.array_split(rest, min(10, rest.size // 5))])
        return float(rest.mean()), float(parts.std(ddof=1) / np.sqrt(parts.size))


def read_test(
    path: Path, gases: Sequence[str], *, column: str = "h2o_reported", start: str | None = None,
    end: str | None = None, settings: Mapping[str, Any] | None = None,
) -> dict[str, tuple[Array, Array]]:  # fmt: skip
    """Read one droplet test.

    Parameters
    ----------
    path : Path
        Picarro log, or a table with a map of columns in `settings`.
    gases : sequence of str
    column : str
        Column of the water [percent]; ``h2o`` of a table.
    start, end : str, optional
        Part of the file (UTC).
    settings : mapping, optional
        ``time`` and ``columns`` of a table, see :func:`sensors.readers.series.table.read`.

    Returns
    -------
    dict
        Gas -> wet reading in its unit, water [percent]. In logs that scan species one after the other the water of a
        reading is the mean of the scans before and after it.

    Raises
    ------
    InputError
        Columns that are missing, or no row between the times.
    """
    if settings:
        from sensors.readers.series import read_series

        ds = read_series(path, "table", **settings)
        names = {gas: gas for gas in gases}
    else:
        from sensors.readers.picarro import read

        ds = read([path])
        names = {gas: PICARRO[gas][0] for gas in gases}
    if lost := [n for n in (*names.values(), column) if n not in ds]:
        raise InputError("the droplet test lacks a column", where=path.name, found=", ".join(map(str, ds.data_vars)),
                         need=", ".join(lost), hint="--water names the column of water")  # fmt: skip
    ds = ds.sel(time=slice(start, end))
    if not ds.sizes["time"]:
        raise InputError("no row lies between the times", where=path.name, found=f"{start} to {end}")
    water = np.asarray(ds[column].values, np.float64)
    rows, h = np.arange(water.size), water
    if not settings and SPECIES in ds:
        scans = np.flatnonzero(ds[SPECIES].values == WATER_SCAN)
        if scans.size > 1:
            rows, h = scans[1:], 0.5 * (water[scans[1:]] + water[scans[:-1]])
    found = {}
    for gas, name in names.items():
        factor = PER_PPM[gas]
        if settings:
            from ghg.core.units import factor as unit_factor

            factor = unit_factor(str(ds[name].attrs["units"]), GASES[gas][0], name=name)
        found[gas] = np.asarray(ds[name].values, np.float64)[rows] * factor, h
    return found


def fit_droplets(tests: Sequence[Mapping[str, tuple[Array, Array]]], gas: str, column: str = "h2o_reported") -> Droplet:
    """Fit the coefficients of one gas to all tests.

    Parameters
    ----------
    tests : sequence of mapping
        Of :func:`read_test`; each has a dry gas of its own.
    gas : str
    column : str
        Name of the water, for the configuration.

    Returns
    -------
    Droplet

    Raises
    ------
    InputError
        See :func:`sensors.calibration.water.fit_water`; readings that rise with water, as they do where the dry
        column was taken for the wet one.
    """
    fits = tuple(fit_water(*one[gas]) for one in tests)
    (a, b), covariance, ratio = combine_tests(fits)
    high = max(f.span[1] for f in fits)
    h = np.linspace(high / 50.0, high, 50)
    rows = np.stack([h, h * h], axis=1)
    u = np.sqrt(np.einsum("ij,jk,ik->i", rows, covariance, rows)) / np.abs(1.0 + h * (a + b * h))
    if (1.0 + high * (a + b * high)) > 1.0 - 0.004 * high:  # dilution alone takes 1 % for each percent
        raise InputError(f"{gas} does not fall as water rises", where="droplet test", found=f"a = {a:+.5f} per percent",
                         need="about -0.012", hint="was the dry column taken, or the gas changed?")  # fmt: skip
    pairs = [one[gas] for one in tests]
    water = np.concatenate([h for _, h in pairs])
    departure = np.concatenate([x / f.dry for (x, _), f in zip(pairs, fits, strict=True)])
    known = np.isfinite(water) & np.isfinite(departure)
    return Droplet(gas, column, float(a), float(b), covariance, float((u / h).max()), ratio, fits, water[known],
                   departure[known])  # fmt: skip


def as_toml(found: Droplet) -> str:
    """Return the section of a station's configuration that uses the result."""
    return (f"[gases.{found.gas}.water]\nmethod = \"coefficients\"\na = {found.a:.7g}\nb = {found.b:.7g}\n"
            f"column = \"{found.column}\"\nuncertainty = {found.slope:.2g}   # at 1 percent\n"
            "reference = 1.0\n")  # fmt: skip


def droplet_dataset(results: Sequence[Droplet]) -> xr.Dataset:
    """Return the results as a Dataset: coefficients with covariance, and the readings in steps of water."""
    import xarray as xr

    data: dict[str, Any] = {}
    for one in results:
        low, high = one.span
        step = np.minimum(((one.water - low) / (high - low) * STEPS).astype(np.int64), STEPS - 1)
        n = np.bincount(step, minlength=STEPS)
        with np.errstate(invalid="ignore", divide="ignore"):
            h, y = (np.bincount(step, v, STEPS) / n for v in (one.water, one.departure))
        g, words = one.gas, f"{one.gas}, droplet test"
        data |= {
            f"{g}_coefficients": ("term", np.array([one.a, one.b]), {
                "long_name": f"{words}: a and b of 1 + a h + b h^2", "units": "1", "water_column": one.column,
                "comment": "per percent of water, and per percent squared"}),
            f"{g}_coefficients_covariance": (("term", "other_term"), one.covariance, {
                "long_name": f"{words}: covariance of a and b", "units": "1", "birge_ratio": one.ratio}),
            f"{g}_water": ("step", h, {"long_name": f"{words}: water", "units": "percent"}),
            f"{g}_ratio": ("step", y, {"long_name": f"{words}: wet reading over that of the dry gas", "units": "1"}),
            f"{g}_misfit": ("step", y / one.correction(h) - 1.0, {
                "long_name": f"{words}: corrected reading over that of the dry gas, minus one", "units": "1"}),
            f"{g}_n": ("step", n.astype(np.int32), {"long_name": f"{words}: number of readings", "units": "1"}),
        }  # fmt: skip
        factory = dict(zip(("factory_a", "factory_b"), FACTORY.get(g, ()), strict=False))
        data[f"{g}_coefficients"][2].update(uncertainty_per_percent=one.slope, range_percent=list(one.span), **factory)
    coords = {"term": ("term", np.array(["a", "b"]), {"long_name": "coefficient"}),
              "other_term": ("other_term", np.array(["a", "b"]), {"long_name": "coefficient"})}  # fmt: skip
    return xr.Dataset(data, coords, {
        "title": "Water coefficients of an analyser", "source": "droplet test",
        "summary": "Coefficients of x_wet / x_dry = 1 + a h + b h^2 (Chen et al. 2010, Rella et al. 2013)",
    })  # fmt: skip
