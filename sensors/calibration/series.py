"""Calibrated intervals to series of means by inlet, as a Dataset that says all about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Reason, flag_attributes
from sensors.calibration.gas import COMPONENTS, Calibrated
from sensors.calibration.records import Records, merge
from sensors.config.station import GASES, StationJob

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["NAMES", "station_dataset"]

STEP = {"hour": 3600 * 10**9, "minute": 60 * 10**9}
NAMES = {"co2": "carbon dioxide", "ch4": "methane", "co": "carbon monoxide", "n2o": "nitrous oxide"}
_VARIES = {
    "fit": "noise of the cylinder readings",
    "drift": "change of the response between calibrations",
    "water": "water correction",
    "cylinder": "assigned values of the cylinders",
    "scale": "calibration scale",
}


def station_dataset(records: Records, job: StationJob, gases: Mapping[str, Calibrated], manual: Any = ()) -> xr.Dataset:
    """Average calibrated intervals by inlet.

    Parameters
    ----------
    records : Records
    job : StationJob
    gases : mapping
        Gas -> result of :func:`sensors.calibration.gas.calibrate_gas`.
    manual : sequence of ManualFlag
        Flags given by hand.

    Returns
    -------
    Dataset
        dims (inlet, time): for each gas the mean, its standard deviation and number of readings, uncertainties by
        component, flag and reason; and along ``visit`` every visit of a cylinder with its residual.

    Raises
    ------
    InputError
        No reading of any inlet.
    """
    from ghg.core.dataset import time_coords

    inlet = _inlets(records, job)
    if not (inlet >= 0).any():
        need = ", ".join(i.valve if i.valve is not None else i.name for i in job.inlets)
        raise InputError("the records hold no reading of an inlet", found=", ".join(records.ports), need=need,
                         hint="check the valve map or the schedule")  # fmt: skip
    edges, cell = _axis(records, inlet, job.averages.interval)
    shape = (len(job.inlets), edges.shape[0])
    ds: Any = time_coords(edges[:, 0], edges[:, 1])
    ds = ds.assign_coords(
        inlet=("inlet", np.array([i.name for i in job.inlets]), {"long_name": "air intake"}),
        intake_height=("inlet", np.array([i.height for i in job.inlets], float),
                       {"units": "m", "standard_name": "height", "long_name": "height of the intake above the ground",
                        "positive": "up"}),
        latitude=((), job.site.latitude, {"units": "degrees_north", "standard_name": "latitude"}),
        longitude=((), job.site.longitude, {"units": "degrees_east", "standard_name": "longitude"}),
        altitude=((), job.site.elevation, {"units": "m", "standard_name": "altitude", "positive": "up",
                                           "long_name": "ground above sea level"}),
    )  # fmt: skip
    for gas, result in gases.items():
        for name, array, attrs in _series(records, job, gas, result, (cell, shape), manual):
            ds[name] = (("inlet", "time"), array, attrs)
        ds = _with_visits(ds, gas, result)
    ds.attrs = _global(job, records, gases)
    return ds


def _inlets(records: Records, job: StationJob) -> npt.NDArray[np.int64]:
    """Return for each interval the position of its inlet, -1 where it is none."""
    place = {(i.valve if i.valve is not None else i.name): k for k, i in enumerate(job.inlets)}
    return np.array([place.get(port, -1) for port in records.ports], np.int64)[records.port]


def _axis(records: Records, inlet: Any, interval: str) -> tuple[Any, Any]:
    """Return the bounds of the intervals and the cell of each record (inlet x time), -1 where it has none."""
    air = inlet >= 0
    if interval == "record":
        start, first, index = np.unique(records.start[air], return_index=True, return_inverse=True)
        end = records.end[air][first]
    else:
        step = STEP[interval]
        middle = records.start + (records.end - records.start) // 2
        number = middle[air] // step
        start = np.arange(number.min(), number.max() + 1) * step
        end, index = start + step, number - number.min()
    cell = np.full(records.size, -1, np.int64)
    cell[air] = inlet[air] * start.size + index
    return np.stack([start, end], axis=1).astype("datetime64[ns]"), cell


def _series(
    records: Records, job: StationJob, gas: str, result: Calibrated, placing: tuple[Any, tuple[int, int]], manual: Any
) -> list[tuple[str, Any, dict[str, Any]]]:
    from sensors.calibration._kernels import propagate
    from sensors.calibration.manual import apply_manual

    cell, shape = placing
    cells = shape[0] * shape[1]
    g = records.gases.index(gas)
    count = records.count[g]
    flag, reason = apply_manual(manual, gas, records, job, result.flag, result.reason)
    good = (count > 0) & (flag < int(Flag.BAD))
    has_good = np.zeros(cells, bool)
    has_good[cell[(cell >= 0) & good]] = True
    # bad intervals count only where there is nothing better: the value is kept, and flagged
    use = (cell >= 0) & (count > 0) & (good | ~has_good[np.maximum(cell, 0)])
    weight = np.where(use, count, 0).astype(np.float64)
    parts = (result.u_repeat, np.full(records.size, result.response.reading**2),
             *(result.components[c] for c in COMPONENTS), records.mean[g])  # fmt: skip
    means = np.empty((len(parts), cells))
    for k, part in enumerate(parts):  # one after the other: memory for one, not for all
        propagate.group_means(cell, cells, weight, np.where(use, part, 0.0)[None], means[k : k + 1])
    x, m2 = np.where(use, result.x, 0.0), np.where(use, np.nan_to_num(result.sd) ** 2 * np.maximum(count - 1, 0), 0.0)
    n, mean, square = merge(np.where(use, count, 0), x, m2, np.maximum(cell, 0), cells)
    with np.errstate(invalid="ignore", divide="ignore"):
        sd = np.where(n > 1, np.sqrt(square / np.maximum(n - 1, 1)), np.nan)
        random = np.sqrt(means[0] ** 2 + means[1] / np.maximum(n, 1))
    level, why = _cell_flags(records, cell, cells, (flag, reason, use), _coverage(records, cell, cells, use, job), job)
    values = (mean, sd, n, random, dict(zip(COMPONENTS, means[2:-1], strict=True)), level, why, means[-1])
    return _variables(job, gas, shape, values, result.response.correlation_time)


def _coverage(records: Records, cell: Any, cells: int, use: Any, job: StationJob) -> Any:
    """Share of each interval covered by intervals used."""
    if job.averages.interval == "record":
        return np.ones(cells)
    length = np.where(use, records.end - records.start, 0).astype(np.float64)
    return np.bincount(np.maximum(cell, 0), np.where(cell >= 0, length, 0.0), cells) / STEP[job.averages.interval]


def _cell_flags(
    records: Records, cell: Any, cells: int, marks: tuple[Any, Any, Any], coverage: Any, job: StationJob
) -> tuple[Any, Any]:
    flag, reason, use = marks
    level = np.zeros(cells, np.int8)
    np.maximum.at(level, cell[use], flag[use])
    why = np.zeros(cells, np.int32)
    np.bitwise_or.at(why, cell[use], reason[use])
    empty = level == 0
    silent = (cell >= 0) & ~use
    np.bitwise_or.at(why, cell[silent & empty[np.maximum(cell, 0)]], reason[silent & empty[np.maximum(cell, 0)]])
    level[empty] = int(Flag.MISSING)
    why[empty] |= int(Reason.GAP)
    why[empty & (why & int(Reason.MISSING) != 0)] &= ~int(Reason.GAP)
    partial = ~empty & (coverage < job.averages.least_coverage)
    level[partial] = np.maximum(level[partial], int(Flag.SUSPECT))
    why[partial] |= int(Reason.PARTIAL)
    return level, why


def _variables(
    job: StationJob, gas: str, shape: tuple[int, int], values: tuple[Any, ...], correlation: float
) -> list[tuple[str, Any, dict[str, Any]]]:
    mean, sd, n, random, parts, level, why, reading = values
    units, standard = GASES[gas]
    words = f"mole fraction of {NAMES[gas]} in dry air"
    scale = {"units": units, "calibration_scale": job.gases[gas].scale}
    error = {**scale, "standard_name": f"{standard} standard_error"}
    total = np.sqrt(sum(v**2 for v in parts.values()))
    about: list[tuple[str, Any, dict[str, Any]]] = [
        (gas, mean, {**scale, "long_name": words, "standard_name": standard, "humidity": "dry",
                     "cell_methods": "time: mean", "coverage_content_type": "physicalMeasurement",
                     "shared_components": "cylinder scale",
                     "ancillary_variables": f"{gas}_sd {gas}_n"}),
        (f"{gas}_sd", sd, {**scale, "standard_name": standard,
                           "long_name": f"{words}, standard deviation of the readings",
                           "cell_methods": "time: standard_deviation"}),
        (f"{gas}_reading", reading, {"units": units, "standard_name": standard, "cell_methods": "time: mean",
                                     "long_name": f"{words}, on the scale of the analyser: before calibration"}),
        (f"{gas}_n", n.astype(np.int32), {"units": "1", "standard_name": "number_of_observations",
                                           "long_name": f"{words}, number of readings"}),
        (f"{gas}_u_random", random, {**error, "long_name": f"{words}, standard uncertainty, repeatability",
                                     "comment": "k = 1; of the mean of the readings"}),
        (f"{gas}_u_systematic", total, {**error, "components": " ".join(parts), "comment": "k = 1",
                                        "long_name": f"{words}, standard uncertainty, systematic"}),
    ]  # fmt: skip
    about += [
        (f"{gas}_u_systematic_{name}", array,
         {**error, "long_name": f"{words}, standard uncertainty, {_VARIES[name]}", "comment": "k = 1",
          **({"correlation_time": correlation} if name in ("fit", "drift") and correlation == correlation else {})})
        for name, array in parts.items()
    ]  # fmt: skip
    about += [
        (f"{gas}_flag", level, {"long_name": f"{words}, flag", **flag_attributes(Flag)}),
        (f"{gas}_reason", why, {"long_name": f"{words}, reason", **flag_attributes(Reason)}),
    ]
    return [(name, array.reshape(shape), attrs) for name, array, attrs in about]


def _with_visits(ds: xr.Dataset, gas: str, result: Calibrated) -> xr.Dataset:
    """Attach every visit of a cylinder: what was read, what it is, what the response makes of it."""
    import xarray as xr

    visits, target = result.visits, result.target
    units, standard = GASES[gas]
    dim = f"{gas}_visit"
    suspect = {i for one in result.sets for i in one.suspects}
    names = np.array([t.name for t in visits.tanks])
    a = result.response
    at = np.clip(np.searchsorted(a.node, visits.time), 0, a.node.size - 1)
    error = f"{standard} standard_error"
    columns = {
        "assigned": (visits.value, "assigned value", standard),
        "assigned_u": (visits.uncertainty, "standard uncertainty of the assigned value", error),
        "reading": (visits.mean, "mean reading in dry air on the scale of the analyser", standard),
        "calibrated": (target.value, "calibrated value", standard),
        "error_u": (target.u, "standard uncertainty of calibrated minus assigned, both sides", error),
    }
    data: dict[str, Any] = {
        f"{dim}_{key}": (dim, values, {"units": units, "standard_name": name,
                                       "long_name": f"{NAMES[gas]}, visit of a cylinder, {words}"})
        for key, (values, words, name) in columns.items()
    }  # fmt: skip
    data |= {
        f"{dim}_{key}": (dim, flags.astype(np.int8), {"long_name": words, "units": "1", "flag_meanings": meanings,
                                                      "flag_values": np.array([0, 1], np.int8)})
        for key, flags, words, meanings in (
            ("target", ~visits.fitted, "whether the cylinder is a target", "calibration target"),
            ("suspect", np.isin(visits.tank, list(suspect)), "whether the assigned value is suspect",
             "not_suspect suspect"))
    }  # fmt: skip
    # what the visit was and the state the analyser was in: CF has no standard name for it, so it labels the visits
    labels = {
        "error": (target.error, units, "calibrated minus assigned"),
        "response_offset": (a.coef[at, 0], units, "assigned minus read at the centre of the cylinders"),
        "response_slope": (1.0 + a.coef[at, 1] / a.scale, "1", "slope of the response"),
    }
    coords: dict[str, Any] = {
        f"{dim}_{key}": (dim, values, {"units": unit, "long_name": f"{NAMES[gas]}, visit of a cylinder, {words}"})
        for key, (values, unit, words) in labels.items()
    }
    coords[f"{dim}_cylinder"] = (dim, names[visits.tank], {"long_name": "cylinder"})
    coords[f"{dim}_time"] = (dim, (visits.start + (visits.end - visits.start) // 2).astype("datetime64[ns]"),
                             {"long_name": "middle of the visit", "standard_name": "time"})  # fmt: skip
    return ds.merge(xr.Dataset(data, coords))


def _global(job: StationJob, records: Records, gases: Mapping[str, Calibrated]) -> dict[str, Any]:
    notes = list(records.notes)
    findings = {}
    for gas, result in gases.items():
        notes += [note for note in result.notes if note not in notes]
        findings[gas] = summary(result)
    site = job.site
    return {
        "title": job.title or f"Calibrated mole fractions at {site.name}",
        "summary": job.summary or f"Means of {', '.join(NAMES[g] for g in gases)} in dry air at {site.name}, "
        "calibrated against cylinders, with uncertainties by component, flags and every visit of a cylinder.",
        "keywords": "greenhouse gas, mole fraction, in situ, calibration, uncertainty",
        "source": f"surface observation, {job.instrument.name} {job.instrument.serial}".strip(),
        "institution": site.institution, "creator_name": site.contact, "creator_email": site.email,
        "site_code": site.code, "site_name": site.name,
        "calibration_findings": json.dumps(findings, sort_keys=True, ensure_ascii=False),
        "notes": "; ".join(notes),
    }  # fmt: skip


def summary(result: Calibrated) -> dict[str, Any]:
    """Return what was found on one gas as plain numbers: targets, repeatability, cylinders, noise."""
    visits, target = result.visits, result.target
    left = {visits.tanks[one.tank].name: {"mean": _round(one.error.mean()), "n": int(one.error.size),
                                          "sd": _round(one.error.std(ddof=1)) if one.error.size > 1 else None,
                                          "u": _round(one.u.mean()), "coverage": _round(one.coverage)}
            for one in result.left_out}  # fmt: skip
    sets = [{"cylinders": [visits.tanks[i].name for i in s.tanks], "chi2": _round(s.chi2), "p": _round(s.p),
             "freedom": s.freedom, "suspects": [visits.tanks[i].name for i in s.suspects],
             "detectable": {visits.tanks[i].name: _round(e) for i, e in zip(s.tanks, s.detectable, strict=True)}}
            for s in result.sets]  # fmt: skip
    jumps = [{"before": str(np.datetime64(int(a), "s")), "after": str(np.datetime64(int(b), "s")), "size": _round(size)}
             for a, b, size in result.response.jumps]  # fmt: skip
    return {
        "jumps": jumps, "target_visits": int((~visits.fitted).sum()), "target_bias": _round(target.bias),
        "ltr": _round(target.ltr), "cmr": _round(target.cmr), "target_coverage": _round(target.coverage),
        "left_out": left, "sets": sets,
        "noise": {k: _round(v) for k, v in result.response.parameters.items()},
    }  # fmt: skip


def _round(value: float) -> float | None:
    """Return six significant digits; None for NaN."""
    return float(f"{value:.6g}") if value == value else None
