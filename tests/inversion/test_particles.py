"""The particle model against closed forms, conservation and reversibility."""

from __future__ import annotations

import math

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from ghg.core.errors import GhgError
from ghg.core.jit import threads
from inversion.particles import ConstantTurbulence, Release, footprint, footprints, meteorology, profile, uniform
from inversion.particles import _kernels as k
from inversion.particles.footprint import MOLAR_MASS_AIR, follow
from inversion.particles.meteorology import EARTH_RADIUS, GAS_CONSTANT, GRAVITY

LON, LAT = np.array([-4.0, 4.0]), np.array([46.0, 54.0])  # two by two cells as large as the domain
NOON = "2024-01-01T12:00"
DEGREE = EARTH_RADIUS * math.pi / 180.0


def mixed(n: int, h: float, scale: float) -> np.ndarray:
    """Heights that hold equal masses of air."""
    q = (np.arange(n) + 0.5) / n
    return -scale * np.log(1.0 - q * (1.0 - math.exp(-h / scale)))


@pytest.mark.parametrize("obukhov", [math.inf, -50.0, 50.0], ids=["neutral", "unstable", "stable"])
def test_what_is_well_mixed_stays_well_mixed(obukhov: float) -> None:
    """Thomson (1987): in inhomogeneous turbulence and a density gradient, over more than 50 Lagrangian times."""
    h, n, scale = 1000.0, 2000, GAS_CONSTANT * 288.15 / GRAVITY
    field = meteorology(uniform(wind=(0.0, 0.0), boundary_layer=h, obukhov_length=obukhov))
    found = follow(
        field, Release(0, 50, 1, NOON), LON, LAT, hours=2, particles=n, heights=mixed(n, h, scale), step=0.04
    )
    mass = (1.0 - np.exp(-found.states[:, k.Z] / scale)) / (1.0 - math.exp(-h / scale))
    counts, _ = np.histogram(mass, 10, (0.0, 1.0))
    assert counts.sum() == n
    assert stats.chisquare(counts).pvalue > 1e-3, counts
    # and without the drift it would not: the particles gather where the turbulence is weak
    if math.isfinite(obukhov):
        assert abs(profile(500.0, boundary_layer=h, friction_velocity=0.4, obukhov_length=obukhov)["slope"][0]) > 1e-5


def test_a_mixed_column_dilutes_a_flux_as_a_box_does() -> None:
    """A uniform flux over time T in a closed layer raises the mole fraction by M T / (mass of the layer)."""
    h, n, scale, hours = 800.0, 2000, GAS_CONSTANT * 288.15 / GRAVITY, 3
    field = meteorology(uniform(wind=(0.0, 0.0), boundary_layer=h, obukhov_length=-80.0))
    ds = footprint(field, Release(0, 50, 1, NOON), LON, LAT, hours=hours, particles=n, heights=mixed(n, h, scale))
    density = 101325.0 / (GAS_CONSTANT * 288.15)
    mass = density * scale * (1.0 - math.exp(-h / scale))
    assert float(ds["footprint"].sum()) == pytest.approx(MOLAR_MASS_AIR * hours * 3600.0 / mass, rel=0.02)
    assert ds["footprint"].sum(("latitude", "longitude")).values == pytest.approx(
        np.full(hours, MOLAR_MASS_AIR * 3600.0 / mass), rel=0.05
    )
    assert float(ds["inside_share"]) == 1.0


def test_taylor_dispersion() -> None:
    """Taylor (1921): variance 2 s^2 T^2 (t/T - 1 + exp(-t/T)), from ballistic to diffusive."""
    sigma, time, n = 0.8, 200.0, 4000
    field = meteorology(uniform(wind=(0.0, 0.0), boundary_layer=5000.0))
    for hours in (100.0 / 3600, 600.0 / 3600, 4000.0 / 3600):
        found = follow(field, Release(0, 50, 2500, NOON), LON, LAT, hours=hours, particles=n,
                       turbulence=ConstantTurbulence(sigma, sigma, 0.0, time))  # fmt: skip
        t = hours * 3600.0 / time
        expected = 2.0 * sigma**2 * time**2 * (t - 1.0 + math.exp(-t))
        north = (found.states[:, k.LAT] - 50.0) * DEGREE
        east = found.states[:, k.LON] * DEGREE * math.cos(math.radians(50.0))
        for distance in (north, east):
            assert distance.var() == pytest.approx(expected, rel=4.0 * math.sqrt(2.0 / n))


def test_reflected_plume() -> None:
    """Homogeneous turbulence and wind: what a ground layer sees of a source above it is the Gaussian with its image."""
    sigma, time, wind, zs, n = 0.5, 60.0, 5.0, 100.0, 20_000
    extent = (-0.2, 0.2, 49.9, 50.1)
    field = meteorology(
        uniform(wind=(wind, 0.0), boundary_layer=1e4, extent=extent, temperature=1e6)
    )  # constant density
    lon, lat = np.arange(-0.095, -0.02, 0.01), np.array([49.95, 50.05])
    found = follow(field, Release(0, 50, zs, NOON), lon, lat, hours=0.5, particles=n, layer=(0.0, 5.0), lag=1800.0,
                   turbulence=ConstantTurbulence(0.0, 0.0, sigma, time))  # fmt: skip
    seconds = found.residence.sum(axis=(0, 1))
    travel = -lon * DEGREE * math.cos(math.radians(50.0)) / wind
    width = np.sqrt(2.0) * sigma * time * np.sqrt(travel / time - 1.0 + np.exp(-travel / time))
    inside = stats.norm.cdf((5.0 - zs) / width) - stats.norm.cdf((-5.0 - zs) / width)
    expected = inside * 0.01 * DEGREE * math.cos(math.radians(50.0)) / wind
    assert seconds == pytest.approx(expected, rel=0.10)


def test_backward_is_the_reverse_of_forward() -> None:
    """Flesch et al. (1995): source to receptor forward equals receptor to source backward, in shear and convection."""
    h, n = 600.0, 2500
    field = meteorology(uniform(wind=(4.0, 0.0), shear=True, boundary_layer=h, obukhov_length=-100.0, temperature=1e6,
                                extent=(-1, 1, 49, 51)))  # fmt: skip
    lon, lat = np.array([-0.09, -0.03, 0.03, 0.09]), np.array([49.5, 50.5])
    rows = []
    for seed in range(3):
        options = {"hours": 1.0, "particles": n, "lag": 3600.0, "seed": seed, "step": 0.04}
        ahead = follow(field, Release(0, 50, 20, NOON), lon, lat, layer=(100, 200), backward=False, **options)
        back = follow(field, Release(0, 50, 150, NOON), lon, lat, layer=(0, 40), **options)
        rows.append((ahead.residence.sum(axis=(0, 1))[3] / 100.0, back.residence.sum(axis=(0, 1))[0] / 40.0))
    forward, backward = np.array(rows).T
    error = math.sqrt((forward.var(ddof=1) + backward.var(ddof=1)) / 3)
    assert forward.mean() == pytest.approx(backward.mean(), abs=max(4.0 * error, 0.05 * forward.mean()))


def test_half_the_step_and_other_threads() -> None:
    field = meteorology(uniform(obukhov_length=-100.0))
    release, options = Release(0, 50, 50, NOON), {"hours": 4, "particles": 400}
    lon, lat = np.arange(-4.5, 5.0, 1.0), np.arange(45.5, 55.0, 1.0)
    whole = footprint(field, release, lon, lat, **options)
    half = footprint(field, release, lon, lat, step=0.025, **options)
    sums = [float(f["footprint"].sum()) for f in (whole, half)]
    assert sums[0] == pytest.approx(sums[1], rel=0.08)
    before = threads()
    try:
        threads(1)
        alone = footprint(field, release, lon, lat, **options)
    finally:
        threads(before)
    assert alone["footprint"].values.tobytes() == whole["footprint"].values.tobytes()
    other = footprint(field, release, lon, lat, seed=1, **options)
    assert other["footprint"].values.tobytes() != whole["footprint"].values.tobytes()


def test_the_wind_carries_the_footprint_upwind_and_out() -> None:
    field = meteorology(uniform(wind=(10.0, 0.0), extent=(-2, 2, 48, 52)))
    lon, lat = np.arange(-1.75, 2.0, 0.5), np.arange(48.25, 52.0, 0.5)
    ds = footprints(field, [Release(0, 50, 100, NOON, "a"), Release(1, 50, 100, NOON, "b")], lon, lat, hours=8,
                    particles=200)  # fmt: skip
    ds = ds.isel(release=0)
    east = ds["footprint"].where(ds["longitude"] > 0.5).sum()
    assert float(east) == 0.0 and float(ds["footprint"].sum()) > 0.0
    assert float(ds["exit_share"].sel(side="west")) > 0.95
    assert float(ds["exit_share"].sum() + ds["inside_share"]) == pytest.approx(1.0)


def test_vertical_wind_from_continuity() -> None:
    """A divergent wind sinks: w = -D z for a divergence D that is the same at all heights."""
    ds = uniform(extent=(-1, 1, -1, 1))
    ds["eastward_wind"] = 1e-5 * DEGREE * ds["longitude"] * xr.ones_like(ds["eastward_wind"])
    ds["eastward_wind"].attrs["units"] = "m s-1"
    ds["northward_wind"] = 0.0 * ds["northward_wind"]
    ds["northward_wind"].attrs["units"] = "m s-1"
    field = meteorology(ds)
    assert field.winds[2][0, :, 2, 2] == pytest.approx(-1e-5 * field.levels, rel=1e-3)


def test_profiles_join_and_vanish() -> None:
    made = profile([1.0, 999.0, 1500.0], boundary_layer=1000.0, friction_velocity=0.4, obukhov_length=100.0)
    assert made["sigma_w"][0] == pytest.approx(1.3 * 0.4, rel=2e-3)  # Hanna (1982), stable: 1.3 u* at the ground
    assert made["sigma_w"][1] < 0.01 and made["sigma_w"][2] == 0.1
    free = profile(0.0, boundary_layer=1000.0, friction_velocity=0.4, obukhov_length=-20.0)
    assert free["sigma_u"][0] == pytest.approx(
        0.4 * (12.0 + 1000.0 / 40.0) ** (1 / 3)
    )  # unstable: (12 + h / 2|L|)^(1/3)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda ds: ds.drop_vars("roughness_length"), "lacks 'roughness_length'"),
        (lambda ds: ds.drop_vars("obukhov_length"), "stability"),
        (lambda ds: ds.isel(latitude=slice(None, None, -1)), "'latitude' must be regular and ascending"),
        (lambda ds: ds.assign_coords(height=-ds["height"]), "'height' must ascend"),
        (lambda ds: ds.assign(eastward_wind=ds["eastward_wind"].where(ds["height"] > 50).assign_attrs(units="m s-1")),
         "gaps"),
        (lambda ds: ds.assign(eastward_wind=ds["eastward_wind"].assign_attrs(units="K")), "eastward_wind"),
        (lambda ds: ds.assign(friction_velocity=(0.0 * ds["friction_velocity"]).assign_attrs(units="m s-1")),
         "friction_velocity is not positive"),
    ],
)  # fmt: skip
def test_faulty_meteorology(change, words: str) -> None:
    with pytest.raises(GhgError, match=words):
        meteorology(change(uniform()))


@pytest.mark.parametrize(
    ("release", "options", "words"),
    [
        (Release(9, 50, 10, NOON), {}, "longitude lies outside"),
        (Release(0, 50, 10, "2024-01-05"), {}, "leave the time of the meteorology"),
        (Release(0, 50, 10, NOON), {"hours": 24}, "leave the time"),
        (Release(0, 50, -1, NOON), {}, "out of range"),
        (Release(0, 50, 10, NOON), {"longitude": np.array([0.0, 1.0, 3.0])}, "regular and ascending"),
    ],
)
def test_faulty_release(release: Release, options: dict, words: str) -> None:
    values = {"longitude": LON, "latitude": LAT, "hours": 2, **options}
    with pytest.raises(GhgError, match=words):
        footprint(meteorology(uniform()), release, particles=2, **values)
