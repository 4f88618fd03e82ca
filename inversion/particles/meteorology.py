"""The wind field that drives the particles: checked, completed, and laid out for the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ErrorList, GhgError, InputError, UnitError
from ghg.core.units import convert

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["EARTH_RADIUS", "Field", "meteorology", "uniform"]

Array = npt.NDArray[np.float64]
EARTH_RADIUS = 6371007.2  # m, authalic radius of GRS 80 (Moritz 2000, J. Geodesy 74, 128)
GAS_CONSTANT = 287.05  # J kg-1 K-1, dry air (ICAO standard atmosphere, Doc 7488)
GRAVITY = 9.80665  # m s-2, standard (CGPM 1901)
HEAT_CAPACITY = 1004.7  # J kg-1 K-1, 3.5 times the gas constant
KARMAN = 0.4  # as the scheme of turbulence uses it

WINDS = {"eastward_wind": "m s-1", "northward_wind": "m s-1"}
SURFACE = {
    "boundary_layer_height": "m",
    "friction_velocity": "m s-1",
    "surface_pressure": "Pa",
    "surface_temperature": "K",
    "roughness_length": "m",
}
STABILITY = {"sensible_heat_flux": "W m-2", "obukhov_length": "m"}


@dataclass(frozen=True)
class Field:
    """Meteorology as the kernel takes it.

    Parameters
    ----------
    winds : float64 (3, nt, nz, ny, nx)
        u, v, w in m s-1.
    fields : float64 (6, nt, ny, nx)
        Boundary-layer height, friction velocity, inverse Obukhov length, density and its scale height, roughness.
    axes : float64 (3, 3)
        First, step and count of longitude, latitude (degrees) and time (seconds since `start`).
    levels : float64 (nz,)
        Heights above ground, m.
    start : datetime64
        First time.
    """

    winds: Array
    fields: Array
    axes: Array
    levels: Array
    start: np.datetime64

    @property
    def end(self) -> np.datetime64:
        """Last time."""
        return self.start + np.timedelta64(round(self.axes[2, 1] * (self.axes[2, 2] - 1) * 1000), "ms")


def meteorology(ds: xr.Dataset) -> Field:
    """Check a Dataset of wind and surface fields and lay it out for the particles.

    Parameters
    ----------
    ds : Dataset
        dims (time, height, latitude, longitude), each regular and ascending but for height, which need only ascend; at
        least two of each but height. Each with units: ``eastward_wind``, ``northward_wind``, optionally
        ``upward_air_velocity`` (otherwise from continuity), and without height ``boundary_layer_height``,
        ``friction_velocity``, ``surface_pressure``, ``surface_temperature``, ``roughness_length``, and
        ``sensible_heat_flux`` (positive upward) or ``obukhov_length`` (infinite where neutral).

    Raises
    ------
    InputError
        A variable is missing or not finite, an axis is not regular, a value impossible; all faults together.
    """
    faults: list[GhgError] = []
    lon, lat, time, levels = _axes(ds, faults)
    stability = [name for name in STABILITY if name in ds]
    if not stability:
        faults.append(InputError("the stability of the surface layer is missing", need=" or ".join(STABILITY)))
    values = {name: _values(ds, name, unit, True, faults) for name, unit in WINDS.items()}
    surface = {**SURFACE, **{name: STABILITY[name] for name in stability[:1]}}
    values |= {name: _values(ds, name, unit, False, faults) for name, unit in surface.items()}
    if "upward_air_velocity" in ds:
        values["upward_air_velocity"] = _values(ds, "upward_air_velocity", "m s-1", True, faults)
    for name in SURFACE:
        if values[name].size and not np.all(values[name] > 0.0):
            faults.append(InputError(f"{name} is not positive everywhere", found=f"{np.nanmin(values[name]):.4g}"))
    if faults:
        raise ErrorList(faults) if len(faults) > 1 else faults[0]
    u, v = values["eastward_wind"], values["northward_wind"]
    w = values.get("upward_air_velocity")
    w = _continuity(u, v, lon, lat, levels) if w is None else w
    start = ds["time"].values[0]
    seconds = (time - time[0]) / np.timedelta64(1, "s")
    axes = np.array([[a[0], (a[-1] - a[0]) / (a.size - 1), a.size] for a in (lon, lat, seconds)])
    return Field(np.ascontiguousarray(np.stack([u, v, w])), _surface(values), axes, levels, start)


def _axes(ds: xr.Dataset, faults: list[GhgError]) -> tuple[Any, Any, Any, Array]:
    found = []
    for name in ("longitude", "latitude", "time"):
        axis = ds[name].values if name in ds.coords else np.zeros(0)
        steps = np.diff(axis.astype(np.int64) if axis.dtype.kind == "M" else axis)
        if axis.size < 2:
            faults.append(InputError(f"the meteorology needs an axis '{name}' with at least two places"))
        elif not np.all(steps > 0) or np.ptp(steps) > 1e-3 * np.mean(steps):
            faults.append(
                InputError(f"the axis '{name}' must be regular and ascending", hint="sort or interpolate it first")
            )
        found.append(axis)
    levels = np.asarray(ds["height"].values, float) if "height" in ds.coords else np.zeros(0)
    if levels.size == 0 or levels[0] <= 0.0 or not np.all(np.diff(levels) > 0.0):
        faults.append(InputError("the axis 'height' must ascend from above 0 m", need="heights above ground"))
    return found[0], found[1], found[2], levels


def _values(ds: xr.Dataset, name: str, unit: str, tall: bool, faults: list[GhgError]) -> Array:
    dims = ("time", "height", "latitude", "longitude") if tall else ("time", "latitude", "longitude")
    if name not in ds:
        faults.append(InputError(f"the meteorology lacks '{name}'", need=unit))
        return np.zeros(0)
    if set(ds[name].dims) != set(dims):
        faults.append(InputError(f"'{name}' has other dimensions", found=str(ds[name].dims), need=str(dims)))
        return np.zeros(0)
    try:
        values = convert(ds[name].transpose(*dims).values.astype(float), ds[name].attrs.get("units"), unit, name=name)
    except UnitError as error:
        faults.append(error)
        return np.zeros(0)
    if np.any(np.isnan(values)) or (name != "obukhov_length" and np.any(np.isinf(values))):
        faults.append(InputError(f"'{name}' has gaps", found=f"{np.count_nonzero(~np.isfinite(values))} values"))
    return np.ascontiguousarray(values)


def _surface(values: dict[str, Array]) -> Array:
    temperature, pressure = values["surface_temperature"], values["surface_pressure"]
    density = pressure / (GAS_CONSTANT * temperature)
    if "sensible_heat_flux" in values:
        # L = - u*^3 T rho cp / (k g H) (Stull 1988, eq. 5.7c)
        cube = values["friction_velocity"] ** 3 * temperature * density * HEAT_CAPACITY
        inverse = -KARMAN * GRAVITY * values["sensible_heat_flux"] / cube
    else:
        inverse = 1.0 / values["obukhov_length"]
    scale = GAS_CONSTANT * temperature / GRAVITY
    rows = (values["boundary_layer_height"], values["friction_velocity"], inverse, density, scale,
            values["roughness_length"])  # fmt: skip
    return np.ascontiguousarray(np.stack(rows))


def _continuity(u: Array, v: Array, lon: Any, lat: Any, levels: Array) -> Array:
    """Return the vertical wind that an incompressible field needs, zero at the ground."""
    x, y = np.deg2rad(lon), np.deg2rad(lat)
    cosine = np.cos(y)[:, None]
    divergence = (np.gradient(u, x, axis=3) + np.gradient(v * cosine, y, axis=2)) / (EARTH_RADIUS * cosine)
    thickness = np.diff(levels, prepend=0.0)[:, None, None]
    below = np.concatenate([divergence[:, :1], divergence[:, :-1]], axis=1)
    return -np.cumsum(0.5 * (divergence + below) * thickness, axis=1)


def uniform(
    *, wind: tuple[float, float] = (5.0, 0.0), boundary_layer: float = 1000.0, friction_velocity: float = 0.4,
    obukhov_length: float = np.inf, roughness_length: float = 0.1, pressure: float = 101325.0,
    temperature: float = 288.15, start: str = "2024-01-01", hours: int = 24,
    extent: tuple[float, float, float, float] = (-5.0, 5.0, 45.0, 55.0), shear: bool = False,
) -> xr.Dataset:  # fmt: skip
    """Return a horizontally uniform, steady meteorology, for demonstrations and checks.

    Parameters
    ----------
    wind : tuple of float
        Eastward and northward, m s-1; with `shear` at 10 m, elsewhere by the logarithmic profile.
    boundary_layer, obukhov_length, roughness_length : float
        m.
    friction_velocity : float
        m s-1.
    pressure, temperature : float
        At the ground, Pa and K.
    start : str
        First time (UTC).
    hours : int
        Length.
    extent : tuple of float
        West, east, south, north, degrees.
    shear : bool
        Logarithmic profile instead of one wind at all heights.
    """
    import xarray as xr

    levels = np.geomspace(10.0, 3000.0, 25)
    factor = np.log1p(levels / roughness_length) / np.log1p(10.0 / roughness_length) if shear else np.ones(levels.size)
    lon, lat = np.linspace(*extent[:2], 5), np.linspace(*extent[2:], 5)
    time = np.datetime64(start, "ns") + np.arange(hours + 1) * np.timedelta64(3600 * 10**9, "ns")
    shape = (time.size, lat.size, lon.size)
    flat = {"boundary_layer_height": boundary_layer, "friction_velocity": friction_velocity,
            "surface_pressure": pressure, "surface_temperature": temperature, "roughness_length": roughness_length,
            "obukhov_length": obukhov_length}  # fmt: skip
    units = {**SURFACE, **STABILITY}
    data: dict[str, Any] = {
        name: (("time", "latitude", "longitude"), np.full(shape, value), {"units": units[name]})
        for name, value in flat.items()
    }
    for name, speed in zip(WINDS, wind, strict=True):
        values = np.broadcast_to((speed * factor)[None, :, None, None], (time.size, levels.size, lat.size, lon.size))
        data[name] = (("time", "height", "latitude", "longitude"), values.copy(), {"units": "m s-1"})
    return xr.Dataset(data, coords={"time": time, "height": levels, "latitude": lat, "longitude": lon})
