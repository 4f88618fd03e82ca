"""What CF-1.11 and ACDD-1.3 want said about a Dataset, filled in from the registry and from the data themselves.

``complete`` is idempotent and adds nothing that differs between two runs of the same work, so that a Dataset in
memory, completed, has the digest of its file.

References
----------
CF conventions 1.11; Attribute Convention for Data Discovery 1.3 (ESIP).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core._encoding import coerce, kind
from ghg.core.flags import Flag, Method, Reason, flag_attributes
from ghg.core.variables import PARTNERS, SPECS, attributes, split_partner

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["ROLE", "complete", "drop_added", "vocabulary"]

ROLE = "ghg_role"  # marks what is added for the file only and is not part of the Dataset
EXTENT = "extent"
CORNER = "extent_corner"
vocabulary = "CF Standard Name Table v93"
_UNSTATED = "not stated"
_OWN_ID = re.compile(r"^ghg-[0-9a-f]{16}$")
_ENUMS = {"flag": Flag, "reason": Reason, "method": Method}
_AMOUNTS = ("J", "kg", "m3")  # per interval; rates and states are means over it
_PLACES = {
    "latitude": ("lat", "latitude", "degrees_north", 90.0),
    "longitude": ("lon", "longitude", "degrees_east", 180.0),
}
_GLOBAL_DEFAULTS = {
    "title": "Greenhouse-gas dataset",
    "summary": "Greenhouse-gas data with uncertainties, flags and origin.",
    "keywords": "greenhouse gas, carbon dioxide, emission, uncertainty, MRV",
    "source": _UNSTATED,
    "institution": _UNSTATED,
    "project": _UNSTATED,
    "processing_level": "derived from the inputs named in the attribute provenance; values flagged, none removed",
    "acknowledgement": _UNSTATED,
    "license": _UNSTATED,
    "comment": "Uncertainties are standard uncertainties (k = 1); times are UTC and label the start of intervals.",
    "creator_name": _UNSTATED,
    "creator_email": _UNSTATED,
    "creator_url": _UNSTATED,
    "publisher_name": _UNSTATED,
    "publisher_email": _UNSTATED,
    "publisher_url": _UNSTATED,
    "naming_authority": "ghg-toolkit",
}


def complete(ds: xr.Dataset) -> xr.Dataset:
    """Return a Dataset with all attributes and extents that its file will have, but for dates and digests.

    Parameters
    ----------
    ds : Dataset
        Any; unchanged.

    Returns
    -------
    Dataset
        The same values. What the user or the caller stated stands; what can be derived is derived.
    """
    result = drop_added(ds).copy(deep=False)
    bounds = _bounds(result)
    for name in list(result.variables):
        variable = result[name]
        variable.attrs = {} if str(name) in bounds else _variable_attributes(result, str(name), bounds)
    for name, parent in bounds.items():
        if parent in result.variables:
            result[parent].attrs["bounds"] = name
    for name in map(str, result.variables):
        if partners := _partners(result, name):
            result[name].attrs["ancillary_variables"] = " ".join(partners)
    given = {str(k): v for k, v in ds.attrs.items() if v is not None and v != ""}
    attrs = {**_GLOBAL_DEFAULTS, **given, "Conventions": "CF-1.11, ACDD-1.3",
             "standard_name_vocabulary": given.get("standard_name_vocabulary", vocabulary)}  # fmt: skip
    result = _with_year(result)
    attrs |= _time_coverage(result)
    result, place = _extents(result, given)
    result.attrs = {**attrs, **place}
    result.encoding = dict(ds.encoding)
    return result


def drop_added(ds: xr.Dataset) -> xr.Dataset:
    """Return a Dataset without the variables that were added for its file."""
    return ds.drop_vars([name for name, v in ds.variables.items() if v.attrs.get(ROLE) == EXTENT])


def own_id(ds: xr.Dataset, digest: str) -> str:
    """Return the identifier: the user's, or one made of the content digest."""
    given = str(ds.attrs.get("id", ""))
    return given.replace(" ", "_") if given and not _OWN_ID.match(given) else f"ghg-{digest[:16]}"


def _bounds(ds: xr.Dataset) -> dict[str, str]:
    """Return bounds variables and the coordinate each belongs to."""
    found = {}
    for name, variable in ds.variables.items():
        if (named := str(variable.attrs.get("bounds", ""))) and named in ds.variables:
            found[named] = str(name)
    for name in map(str, ds.variables):
        parent = name.removesuffix("_bounds")
        if parent != name and parent in ds.variables and ds[name].dims[: ds[parent].ndim] == ds[parent].dims:
            found.setdefault(name, parent)
    return found


def _variable_attributes(ds: xr.Dataset, name: str, bounds: Mapping[str, str]) -> dict[str, Any]:
    variable = ds.variables[name]
    what = kind(variable.values)
    attrs: dict[str, Any] = {**attributes(name), **{str(k): v for k, v in variable.attrs.items()}}
    attrs.setdefault("long_name", name.replace("_", " "))
    base, partner, _ = split_partner(name)
    if partner in _ENUMS and what == "number" and not {"flag_values", "flag_masks"} & set(attrs):
        attrs |= flag_attributes(_ENUMS[partner], variable.dtype.name)
    if what in ("time", "duration"):
        for key in ("units", "calendar", "units_metadata"):
            attrs.pop(key, None)
    if what == "time" and name == "time":
        attrs |= {"standard_name": "time"}
        if variable.dims in ((), ("time",)):
            attrs.setdefault("axis", "T")
    for standard_name, (short, long, units, _) in _PLACES.items():
        if name in (short, long) and what == "number":
            attrs |= {"standard_name": standard_name, "units": attrs.get("units", units)}
    for key in ("bounds",):
        if attrs.get(key) not in ds.variables:
            attrs.pop(key, None)
    if "units" in attrs and what in ("text", "boolean"):
        attrs.pop("units")
    if (method := _cell_methods(ds, name, base, partner, attrs)) and what == "number":
        attrs.setdefault("cell_methods", method)
    attrs.setdefault("coverage_content_type", _content_type(ds, name, partner, what))
    return coerce(attrs, variable.dtype) if what == "number" else attrs


def _cell_methods(ds: xr.Dataset, name: str, base: str, partner: str, attrs: Mapping[str, Any]) -> str:
    if partner or base not in SPECS or "time" not in ds[name].dims or "time_bounds" not in ds.variables:
        return ""
    return f"time: {'sum' if attrs.get('units') in _AMOUNTS else 'mean'}"


def _content_type(ds: xr.Dataset, name: str, partner: str, what: str) -> str:
    """Return the ISO 19115-1 code of a variable."""
    if name in ds.coords:
        return "coordinate" if what != "text" else "referenceInformation"
    if partner in ("u_random", "u_systematic", "flag", "reason", "coverage"):
        return "qualityInformation"
    if partner or what in ("text", "boolean"):
        return "auxiliaryInformation"
    return "physicalMeasurement" if "source" in ds[name].dims else "modelResult"


def _partners(ds: xr.Dataset, name: str) -> list[str]:
    """Return the ancillary variables of a variable: those it names and those that belong to it by name."""
    if split_partner(name)[1]:
        return []
    named = [v for v in str(ds[name].attrs.get("ancillary_variables", "")).split() if v in ds.variables]
    ds[name].attrs.pop("ancillary_variables", None)
    own = [
        v
        for partner in PARTNERS
        for v in sorted(map(str, ds.variables))
        if split_partner(v)[:2] == (name, partner) and ds[v].dtype.kind not in "USO"
    ]
    return list(dict.fromkeys([*named, *own]))


def _iso(time: np.datetime64) -> str:
    return f"{np.datetime_as_string(time.astype('M8[s]'))}Z"


def _duration(seconds: int) -> str:
    days, rest = divmod(seconds, 86400)
    hours, rest = divmod(rest, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = "".join(f"{n}{u}" for n, u in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    return f"P{days}D" * bool(days) + ("" if days else "P") * bool(clock) + f"T{clock}" * bool(clock) or "PT0S"


def _resolution(edges: npt.NDArray[Any]) -> str:
    """Return the length of the intervals as an ISO 8601 duration: equal, calendar months or years, or typical."""
    steps = (edges[:, 1] - edges[:, 0]).astype("m8[s]").astype(np.int64)
    if steps.size and (steps == steps[0]).all() and steps[0] < 27 * 86400:
        return _duration(int(steps[0]))
    days = steps / 86400
    if ((days > 27) & (days < 32)).all():
        return "P1M"
    if ((days > 364) & (days < 367)).all():
        return "P1Y"
    return _duration(int(np.median(steps)))


def _time_coverage(ds: xr.Dataset) -> dict[str, str]:
    """Return what ACDD says about time; its start and end are the first and last time points."""
    time = np.atleast_1d(ds["time"].values) if "time" in ds.variables else np.empty(0)
    time = time[~np.isnat(time)] if time.dtype.kind == "M" else np.empty(0)
    if not time.size:
        return {}
    found = {"time_coverage_start": _iso(time.min()), "time_coverage_end": _iso(time.max())}
    edges = ds["time_bounds"].values.reshape(-1, 2) if "time_bounds" in ds.variables else None
    if edges is None or edges.dtype.kind != "M":
        span = _elapsed(time.min(), time.max())
        step = np.diff(np.sort(time)).astype("m8[s]").astype(int)
        resolution = _duration(int(np.median(step))) if step.size else "PT0S"
        return {**found, "time_coverage_duration": _duration(span), "time_coverage_resolution": resolution}
    span = _elapsed(edges[:, 0].min(), edges[:, 1].max())
    return {**found, "time_coverage_duration": _duration(span), "time_coverage_resolution": _resolution(edges)}


def _elapsed(start: np.datetime64, end: np.datetime64) -> int:
    """Return whole seconds between two times, which may be more nanoseconds than 63 bits hold."""
    first, last = (one.astype("datetime64[ns]").astype(np.int64).item() for one in (start, end))
    return (last - first) // 10**9


def _with_year(ds: xr.Dataset) -> xr.Dataset:
    """Return data of a calendar year without time with a scalar time for the file only: the start of their year."""
    if "time" in ds.variables or "year" not in ds.coords or ds["year"].ndim or ds["year"].dtype.kind not in "iu":
        return ds
    words = {"standard_name": "time", "long_name": "start of the year", "axis": "T",
             "coverage_content_type": "coordinate", ROLE: EXTENT}  # fmt: skip
    return ds.assign_coords(time=((), np.datetime64(f"{int(ds['year']):04d}-01-01", "ns"), words))


def _extents(ds: xr.Dataset, given: Mapping[str, Any]) -> tuple[xr.Dataset, dict[str, Any]]:
    """Return the Dataset with its place on Earth, and the global attributes that state it.

    Where no place is known the extent is the whole Earth, which is true and says nothing.
    """
    attrs: dict[str, Any] = {}
    corners: dict[str, tuple[float, float]] = {}
    for standard_name, (short, long, units, limit) in _PLACES.items():
        values = _values_of(ds, standard_name, (short, long))
        if values is None:
            low = float(given.get(f"geospatial_{short}_min", -limit))
            high = float(given.get(f"geospatial_{short}_max", limit))
            ds = ds.assign({f"extent_{standard_name}": (CORNER, np.array([low, high]), {
                "standard_name": standard_name, "long_name": f"least and greatest {standard_name}", "units": units,
                "comment": "box that holds the data; the whole Earth where the place is not stated",
                "coverage_content_type": "coordinate", ROLE: EXTENT})})  # fmt: skip
        else:
            low, high = float(values.min()), float(values.max())
        corners[short] = (low, high)
        attrs |= {f"geospatial_{short}_min": low, f"geospatial_{short}_max": high,
                  f"geospatial_{short}_units": units}  # fmt: skip
    (south, north), (west, east) = corners["lat"], corners["lon"]
    ring = ((south, west), (south, east), (north, east), (north, west), (south, west))
    points = ", ".join(f"{y:.6g} {x:.6g}" for y, x in ring)
    single = south == north and west == east
    attrs["geospatial_bounds"] = f"POINT ({south:.6g} {west:.6g})" if single else f"POLYGON (({points}))"
    attrs["geospatial_bounds_crs"] = "EPSG:4326"
    return _vertical(ds, attrs)


def _vertical(ds: xr.Dataset, attrs: dict[str, Any]) -> tuple[xr.Dataset, dict[str, Any]]:
    for name in ("height", "altitude"):
        values = _values_of(ds, name, (name,))
        if values is not None:
            found = next(v for k, v in ds.variables.items() if str(k) == name or v.attrs.get("standard_name") == name)
            low, high, units = float(values.min()), float(values.max()), str(found.attrs.get("units", "m"))
            break
    else:
        low, high, units = 0.0, 0.0, "m"
        ds = ds.assign_coords(height=((), 0.0, {
            "standard_name": "height", "long_name": "height above the ground", "units": "m", "positive": "up",
            "axis": "Z", "comment": "nominal: the height of the release is not resolved",
            "coverage_content_type": "coordinate", ROLE: EXTENT}))  # fmt: skip
    return ds, {**attrs, "geospatial_vertical_min": low, "geospatial_vertical_max": high,
                "geospatial_vertical_units": units, "geospatial_vertical_positive": "up",
                "geospatial_bounds_vertical_crs": "height above the ground, which has no EPSG code"}  # fmt: skip


def _values_of(ds: xr.Dataset, standard_name: str, names: tuple[str, ...]) -> npt.NDArray[np.float64] | None:
    for name, variable in ds.variables.items():
        named = str(name) in names or variable.attrs.get("standard_name") == standard_name
        if named and variable.dtype.kind in "iuf":
            values = np.asarray(variable.values, np.float64)
            values = values[np.isfinite(values)]
            if values.size:
                return values
    return None
