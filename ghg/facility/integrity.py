"""What the measured side of a comparison says about itself: flags, substituted data, signs of a hand in the record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.facility.stack_line import substitution
from ghg.facility.sums import Sums, known_mass

if TYPE_CHECKING:
    import xarray as xr

    from ghg.facility.measured import Measured

__all__ = ["Integrity", "assess_integrity"]

DAY = 86400.0  # s


@dataclass(frozen=True)
class Integrity:
    """The state of both sides' records.

    Parameters
    ----------
    alarms : list of dict
        Of the measured record, see :meth:`sensors.integrity.findings.Finding.as_dict`, with ``mass_share``.
    unit_years : float
        Length of what was screened; 0 where nothing could be.
    not_screened : str
        Why not: ``intervals`` longer than a day or of unequal length, or no two ``channels``; empty where it was.
    alarm_mass_share : float
        Share of the measured mass that lies in evidence windows.
    flags : dict
        Share of the intervals by flag (``good``, ``suspect`` ...).
    reasons : dict
        Share of the intervals by reason.
    substituted : dict
        ``share`` of the intervals, ``mass_share``, and ``effect_percent``: what substitution adds to the total, with
        ``effect_u_percent`` where a regime of ours filled the record.
    accounted : list of dict
        Alarms of the analyses behind the accounted side, see :func:`inventories.integrity.examine`.
    """

    alarms: list[dict[str, Any]] = field(default_factory=list)
    unit_years: float = 0.0
    not_screened: str = ""
    alarm_mass_share: float = 0.0
    flags: dict[str, float] = field(default_factory=dict)
    reasons: dict[str, float] = field(default_factory=dict)
    substituted: dict[str, float | None] = field(default_factory=dict)
    accounted: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return everything for JSON."""
        return {**vars(self), "grouped": self.grouped()}

    def grouped(self) -> list[dict[str, Any]]:
        """Return the alarms, those that several channels give for one thing (``subjects``) as one."""
        groups: dict[tuple[str, ...], dict[str, Any]] = {}
        for alarm in self.alarms:
            key = tuple(str(alarm[name]) for name in ("source", "detector", "detail", "start", "end"))
            groups.setdefault(key, {**alarm, "subjects": []})["subjects"].append(alarm["subject"])
        return list(groups.values())

    def reservations(self) -> tuple[str, ...]:
        """Return what a reader of the verdict must know, one sentence each; empty where all is in order."""
        found = []
        if self.alarms:
            kinds: dict[str, list[str]] = {}
            for alarm in self.alarms:
                kinds.setdefault(alarm["meaning"], []).append(alarm["subject"])
            told = "; ".join(f"{meaning} ({', '.join(sorted(set(names)))})" for meaning, names in sorted(kinds.items()))
            found.append(f"the integrity screening of the measured record has {len(self.alarms)} alarms, whose windows "
                         f"hold {self.alarm_mass_share:.1%} of the measured mass: {told}")  # fmt: skip
        if (share := self.substituted.get("share") or 0.0) > 0.0:
            effect = self.substituted.get("effect_percent")
            u = self.substituted.get("effect_u_percent")
            give = "" if u is None else f" (standard uncertainty {u:.2f} %)"
            adds = "" if effect is None else f", which changes the total by {effect:+.2f} %{give}"
            found.append(f"{share:.1%} of the measured intervals are substituted by rule{adds}")
        doubtful = sum(self.flags.get(name, 0.0) for name in ("suspect", "bad"))
        if doubtful > 0.0:
            found.append(f"{doubtful:.1%} of the measured intervals are flagged suspect or bad")
        if self.accounted:
            streams = ", ".join(sorted({f"{a['stream']}: {a['detail']}" for a in self.accounted}))
            found.append(f"the analyses of the accounted side have {len(self.accounted)} alarms ({streams})")
        return tuple(found)


def assess_integrity(measured: Measured, accounted: xr.Dataset, known: npt.NDArray[np.bool_]) -> Integrity:
    """Assess the records of both sides over the compared periods.

    Parameters
    ----------
    measured : Measured
        Records of hours (or days) are screened.
    accounted : Dataset
        ACCOUNTED, in its own intervals.
    known : bool (period,)
        The compared periods.
    """
    from inventories.integrity import examine

    sums = measured.sums.of(known)
    alarms, years, why = _screened(measured, known)
    total = sums.total("mass")
    inside = _mass_inside(alarms, measured, known, total)
    flags, reasons = _marks(sums)
    found = [f.as_dict() for f in examine(accounted) if f.alarm]
    return Integrity(alarms, years, why, _share(inside, total), flags, reasons,
                     _substituted(measured, sums, total), found)  # fmt: skip


def _screened(measured: Measured, known: npt.NDArray[np.bool_]) -> tuple[list[dict[str, Any]], float, str]:
    from sensors.integrity.screen import screen_units
    from sensors.integrity.units import channels_of, units_of

    if measured.longest(known) > DAY:
        return [], 0.0, "intervals"
    names: set[str] = set()
    for channels in measured.channels(known):
        names |= set(channels_of(channels))
        if len(names) > 1:
            break
    else:
        return [], 0.0, "channels"
    try:
        screening = screen_units(u for one in measured.channels(known) for u in units_of(one, apart=True))
    except InputError:
        return [], 0.0, "channels"
    return [f.as_dict() for f in screening.alarms], screening.years, ""


def _mass_inside(alarms: list[dict[str, Any]], measured: Measured, known: npt.NDArray[np.bool_], total: float) -> float:
    """Give each alarm the share of its window in the mass, and return the mass inside any window [kg]."""
    inside = 0.0
    for one in measured.channels(known) if alarms else ():
        bounds = one.variables["time_bounds"].values
        for label, row in zip(one.variables["source"].values, known_mass(one), strict=True):
            covered = np.zeros(row.shape, bool)
            for alarm in (a for a in alarms if a["source"] == str(label)):
                start, end = np.datetime64(alarm["start"]), np.datetime64(alarm["end"])
                window = (bounds[:, 0] >= start) & (bounds[:, 0] < end)
                alarm["mass_share"] = _share(row[window].sum(), total)
                covered |= window
            inside += float(row[covered].sum())
    return inside


def _share(part: float, total: float) -> float:
    return float(part) / total if total > 0.0 else 0.0


def _marks(sums: Sums) -> tuple[dict[str, float], dict[str, float]]:
    """Return the shares of intervals by flag and by reason."""
    from ghg.core.flags import Flag, Reason

    whole = max(sums.total("intervals"), 1.0)
    flags = {m.name.lower(): sums.total(f"flag {int(m)}") / whole for m in Flag if sums.total(f"flag {int(m)}")}
    counts = {str(m.name).lower(): sums.total(f"reason {int(m)}") for m in Reason}
    return flags, {name: count / whole for name, count in counts.items() if count}


def _substituted(measured: Measured, sums: Sums, total: float) -> dict[str, float | None]:
    """Return how much was substituted by rule, and what that adds."""
    shares: dict[str, float | None] = {
        "share": _share(sums.total("filled"), sums.total("intervals")),
        "mass_share": _share(sums.total("filled_mass"), total),
    }
    if "bias" in sums:  # the regime was ours: hour by hour against the smoothed estimate
        return {**shares, **_stated_effect(measured, sums.by_source("bias"), total)}
    effect = substitution(sums)
    return {**shares, "effect_percent": None if effect is None else 100.0 * math.expm1(effect)}


def _stated_effect(measured: Measured, added: npt.NDArray[np.float64], total: float) -> dict[str, float | None]:
    """Return what a missing-data regime added to the total [percent], and its standard uncertainty."""
    estimate = total - float(added.sum())
    if estimate <= 0.0:
        return {"effect_percent": None}
    found: dict[str, float | None] = {"effect_percent": 100.0 * float(added.sum()) / estimate}
    # the uncertainty is kept for the whole record: it holds here only where the whole record is compared
    whole, u = (measured.of_sources[name] for name in ("substitution_bias", "substitution_bias_u"))
    if np.allclose(added, whole, rtol=1e-6, atol=1.0):
        found["effect_u_percent"] = 100.0 * float(np.sqrt((u**2).sum())) / estimate
    return found
