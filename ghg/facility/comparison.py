"""One call, two sides in: does the measured emission of a plant agree with the accounted one, and why not.

read -> put both on the same periods -> is the pair comparable and independent -> totals with random and
systematic parts -> ratio, equivalence, best estimate -> causes -> verdict.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.facility.causes import Decomposition, from_datasets
from ghg.facility.evidence import levels, steps
from ghg.facility.independence import Independence, assess
from ghg.facility.integrity import Integrity, assess_integrity
from ghg.facility.measured import Measured, gather
from ghg.facility.pairing import chosen, known_periods, on_periods, pair_table, select_species, within
from ghg.facility.reconcile import Attribution
from ghg.facility.statistics import of_pairs, of_totals
from ghg.facility.verdict import Verdict, decide

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.uncertainty.totals import Total
    from ghg.facility.config import Comparison as Settings
    from ghg.facility.sums import Sums

LENGTHS = {"hour": 3600.0, "day": 86400.0, "month": 28 * 86400.0, "year": 365 * 86400.0}


@dataclass(frozen=True)
class Comparison:
    """The outcome of :func:`compare`.

    Parameters
    ----------
    verdict : Verdict
        In words, with its numbers.
    measured_total, accounted_total : Total
        kg over the paired periods, with random and systematic parts apart.
    ratio : tuple of float
        Measured/accounted and the ends of its interval.
    u_ln : float
        Standard uncertainty of ln(ratio).
    causes : Decomposition
        The split of ln(ratio).
    independence : list of Independence
        One for each measured source.
    measured, accounted : Dataset
        Both sides on the paired periods.
    pairs : Dataset
        Measured and accounted emission of each period with uncertainty, ratio and coverage.
    statistics : dict
        Numbers of the agreement, by name.
    attribution : Attribution, optional
        Which single input is wrong, if any, over the whole period; None where a side is not independent.
    steps : list of tuple
        Which input changed, by the index of the first period after each change point.
    integrity : Integrity, optional
        Flags, substituted shares and alarms of the records of both sides.
    """

    verdict: Verdict
    measured_total: Total
    accounted_total: Total
    ratio: tuple[float, float, float]
    u_ln: float
    causes: Decomposition
    independence: list[Independence]
    measured: xr.Dataset
    accounted: xr.Dataset
    pairs: xr.Dataset
    statistics: dict[str, Any] = field(default_factory=dict)
    attribution: Attribution | None = None
    steps: list[tuple[int, Attribution]] = field(default_factory=list)
    integrity: Integrity | None = None


def periods(settings: Settings, timezone: str) -> npt.NDArray[np.datetime64]:
    """Return start and end of the periods to be paired: datetime64 (n, 2), UTC."""
    from ghg.core.time import period_bounds

    return period_bounds(settings.start, settings.end, settings.by, timezone)


def compare(measured: xr.Dataset | Measured, accounted: xr.Dataset, settings: Settings, timezone: str) -> Comparison:
    """Compare two sides.

    Parameters
    ----------
    measured : Dataset or Measured
        MEASURED: ``emission(source, time)`` [kg s-1] with uncertainty, UTC ``time_bounds``; or what was gathered of
        it piece by piece on the same :func:`periods`.
    accounted : Dataset
        ACCOUNTED: ``emission(species, stream, time)`` [kg s-1].
    settings : ghg.facility.config.Comparison
        Period, species, margin, coverage.
    timezone : str
        Zone of the period boundaries.

    Returns
    -------
    Comparison
        See there.

    Raises
    ------
    InputError
        A variable, unit or species is missing, a side is coarser than the paired periods, or nothing overlaps.
    """
    from ghg.core.dataset import check_accounted
    from ghg.core.pieces import pieces_of

    bounds = periods(settings, timezone)
    if not isinstance(measured, Measured):
        measured = gather(pieces_of(measured), bounds, settings)
    check_accounted(accounted, where="accounted")
    accounted = select_species(measured.pairs, accounted, settings.species)
    accounted_pairs = on_periods(accounted, bounds, "accounted", settings)
    finding = _joint(measured.finding, measured.pairs, accounted_pairs)
    known = known_periods(measured.pairs, "source") & known_periods(accounted_pairs, "stream")
    if not known.any():
        raise InputError(
            "no period has both sides",
            where=f"{settings.start} to {settings.end}",
            hint="check the periods, the time zones and minimum_coverage",
        )
    sides = chosen(measured.pairs, known), chosen(accounted_pairs, known)
    integrity = assess_integrity(measured, within(accounted, bounds[known]), known)
    found = _judge(sides, measured.sums.of(known), finding, settings, float(known.mean()))
    verdict = replace(found.verdict, reservations=integrity.reservations())
    return replace(found, verdict=verdict, integrity=integrity)


def _joint(finding: list[Independence], measured: xr.Dataset, accounted: xr.Dataset) -> list[Independence]:
    """Add what only the pair shows: an accounting computed from the monitor."""
    if "heat_input" not in measured:
        return finding
    whole = measured.sum("source", skipna=False, keep_attrs=True).expand_dims(source=["all"])
    whole["time_bounds"] = measured["time_bounds"]
    (pair,) = assess(whole[["emission", "heat_input", "time_bounds"]], accounted)
    if pair.code in ("energy_is_heat", "energy_is_emission", "same_emission"):
        return [*finding, pair]
    return finding


def _ratio(measured: Total, accounted: Total, coverage: float) -> tuple[tuple[float, float, float], float]:
    """Return the ratio of the totals with its interval, and the standard uncertainty of its logarithm."""
    if not (measured.value > 0 and accounted.value > 0):
        raise InputError(
            "a total is not positive, so there is no ratio",
            found=f"measured {measured.value:g} kg, accounted {accounted.value:g} kg",
        )
    u_ln = math.hypot(measured.u_rel, accounted.u_rel)
    value = measured.value / accounted.value
    spread = math.exp(NormalDist().inv_cdf(0.5 + coverage / 2.0) * u_ln)
    return (value, value / spread, value * spread), u_ln


def _judge(
    sides: tuple[xr.Dataset, xr.Dataset],
    sums: Sums,
    finding: list[Independence],
    settings: Settings,
    paired: float,
) -> Comparison:
    from ghg.core.uncertainty.datasets import dataset_total

    measured, accounted = sides
    options = {"coverage": settings.coverage, "draws": settings.draws}
    total_m = dataset_total(measured, seed=settings.seed, **options)  # type: ignore[arg-type]
    total_a = dataset_total(accounted, seed=settings.seed + 1, **options)  # type: ignore[arg-type]
    ratio, u_ln = _ratio(total_m, total_a, settings.coverage)
    pairs = pair_table(measured, accounted)
    statistics = {**of_totals(total_m, total_a, settings.margin), **of_pairs(pairs, settings.seed)}
    gaps = ()
    if paired < settings.minimum_coverage:
        gaps = (f"only {paired:.0%} of the periods have both sides, {settings.minimum_coverage:.0%} are needed",)
    dependent = tuple(f"{one.source}: {one.evidence}" for one in finding if one.status == "not independent")
    verdict = decide(
        ratio,
        statistics["tost"]["equivalent"],
        margin=settings.margin,
        coverage=settings.coverage,
        not_comparable=gaps,
        not_independent=dependent,
    )
    causes = from_datasets(measured, accounted, finding, sums)
    attribution, stepped = None, []
    if not dependent:  # a side computed from the other has no flow and no concentration of its own
        attribution = levels((total_m, total_a), sides, sums, finding, settings.reference)
        changes = [one["index"] for one in statistics.get("change_points", {}).get("changes", [])]
        stepped = [(i, found) for i in changes if (found := steps(i, (total_m, total_a), sides, sums)) is not None]
    return Comparison(
        verdict,
        total_m,
        total_a,
        ratio,
        u_ln,
        causes,
        finding,
        measured,
        accounted,
        pairs,
        {**statistics, "paired_share": paired},
        attribution,
        stepped,
    )
