"""The observation error of a job: measurement, calibration, and what the job adds, by site and between levels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from ghg.core.errors import InputError
from inversion.config import ErrorJob, InversionJob
from inversion.error import ObservationError, Term, site_terms
from inversion.measured import Data
from inversion.sensitivity import Array

__all__ = ["OTHERS", "error_of"]

OTHERS = "others"  # in a table by site: all that are not named


def error_of(job: InversionJob, data: Data) -> ObservationError:
    """Return R: what the files state, and the terms of ``[[error]]``.

    The random part of a file is independent, or correlated in time where the file says so; the systematic part is
    common to the record of a site.

    Raises
    ------
    InputError
        A table by site lacks a site that has observations, a tower names one that has none, or heights are missing.
    """
    sites = dict.fromkeys(data.site.tolist())
    group = np.unique(data.site, return_inverse=True)[1]
    terms = [Term("measurement", data.random)]
    for name in sites:
        mine = (data.site == name) & (data.correlated > 0.0)
        for tau in np.unique(data.memory[mine]).tolist():
            sigma = np.where(mine & (data.memory == tau), data.correlated, 0.0)
            terms.append(Term(f"measurement {name}", sigma, group, tau))
    if data.systematic.any():
        terms.append(Term("calibration", data.systematic, group, np.inf))
    tower, height = _towers(job, data)
    for one in job.error:
        terms += _added(one, data, tower, height is not None)
    return ObservationError(tuple(terms), data.time.astype(np.int64) / 1e9, height)


def _towers(job: InversionJob, data: Data) -> tuple[dict[str, str], Array | None]:
    """Return the tower of each site, and the height of each observation where there are towers."""
    if not job.towers:
        return {}, None
    heights = {site: z for levels in job.towers.values() for site, z in levels.items()}
    if unknown := sorted(set(heights) - set(data.site.tolist())):
        raise InputError("a level of a tower has no observations", where="[towers]", found=", ".join(unknown),
                         need="of " + ", ".join(dict.fromkeys(data.site.tolist())))  # fmt: skip
    tower = {site: name for name, levels in job.towers.items() for site in levels}
    return tower, np.array([heights.get(s, 0.0) for s in data.site.tolist()])


def _added(one: ErrorJob, data: Data, tower: dict[str, str], heights: bool) -> tuple[Term, ...]:
    where = f"[[error]] '{one.name}'"
    if one.height_length is not None and not heights:
        raise InputError("an error is correlated by height and no tower says which sites are its levels", where=where,
                         hint="add a table [towers] with the heights of its levels")  # fmt: skip
    sites = list(dict.fromkeys(data.site.tolist()))
    sigma, length = (_by_site(v, sites, f"{where}, {k}") for k, v in (("sigma", one.sigma),
                                                                     ("time_length", one.time_length)))  # fmt: skip
    values = np.array([sigma[s] for s in data.site.tolist()])
    lengths = next(iter(length.values())) if len(set(length.values())) == 1 else length
    levels = tower if one.height_length is not None else {}
    found = site_terms(one.name, values, data.site, lengths, tower=levels, height_length=one.height_length or np.inf)
    return tuple(t if t.sigma.any() else replace(t, group=None) for t in found)


def _by_site(given: float | Mapping[str, float], sites: list[str], where: str) -> dict[str, float]:
    """Return one value for each site, from one for all or a table."""
    if not isinstance(given, Mapping):
        return dict.fromkeys(sites, given)
    if unknown := sorted(set(given) - {*sites, OTHERS}):
        raise InputError("a site of the table has no observations", where=where, found=", ".join(unknown),
                         need=f"one of {', '.join(sites)}, or '{OTHERS}'")  # fmt: skip
    if missing := [s for s in sites if s not in given and OTHERS not in given]:
        raise InputError("the table lacks a site", where=where, found="none for " + ", ".join(missing),
                         hint=f"name it, or add '{OTHERS}'")  # fmt: skip
    return {s: given.get(s, given.get(OTHERS, 0.0)) for s in sites}
