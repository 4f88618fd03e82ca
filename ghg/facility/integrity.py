"""What the measured side of a comparison says about itself: flags, substituted data, signs of a hand in the record."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Integrity", "assess_integrity"]


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


def assess_integrity(measured: xr.Dataset, accounted: xr.Dataset) -> Integrity:
    """Assess the records of both sides over the compared period.

    Parameters
    ----------
    measured : Dataset
        MEASURED, in its own intervals; records of hours (or days) are screened.
    accounted : Dataset
        ACCOUNTED, in its own intervals.
    """
    from inventories.integrity import examine

    alarms, years, why = _screened(measured)
    mass = _mass(measured)
    total = float(np.nansum(mass))
    inside = np.zeros(mass.shape, bool)
    starts = measured.variables["time_bounds"].values[:, 0]
    for alarm in alarms:
        one = np.zeros(mass.shape, bool)
        window = (starts >= np.datetime64(alarm["start"])) & (starts < np.datetime64(alarm["end"]))
        one[list(measured.variables["source"].values).index(alarm["source"])] = window
        alarm["mass_share"] = _share(np.nansum(mass[one]), total)
        inside |= one
    flags, reasons = _marks(measured)
    found = [f.as_dict() for f in examine(accounted) if f.alarm]
    return Integrity(alarms, years, why, _share(np.nansum(mass[inside]), total), flags, reasons,
                     _substituted(measured, mass, total), found)  # fmt: skip


def _screened(measured: xr.Dataset) -> tuple[list[dict[str, Any]], float, str]:
    from sensors.integrity.screen import screen

    longest = float(np.max(np.diff(measured.variables["time_bounds"].values, axis=1) / np.timedelta64(1, "h")))
    if longest > 24.0:
        return [], 0.0, "intervals"
    try:
        screening = screen(measured)
    except InputError:
        return [], 0.0, "channels"
    return [f.as_dict() for f in screening.alarms], screening.years, ""


def _mass(measured: xr.Dataset) -> Any:
    from ghg.core.time import seconds

    there = measured.variables
    return there["emission"].transpose("source", "time").values * seconds(there["time_bounds"].values)


def _share(part: float, total: float) -> float:
    return float(part) / total if total > 0.0 else 0.0


def _marks(measured: xr.Dataset) -> tuple[dict[str, float], dict[str, float]]:
    """Return the shares of intervals by flag and by reason."""
    from ghg.core.flags import Flag, Reason

    flags: dict[str, float] = {}
    reasons: dict[str, float] = {}
    if "emission_flag" in measured:
        values = measured.variables["emission_flag"].values
        flags = {m.name.lower(): float(np.mean(values == int(m))) for m in Flag if (values == int(m)).any()}
    if "emission_reason" in measured:
        values = measured.variables["emission_reason"].values
        shares = {m.name.lower(): float(np.mean((values & int(m)) != 0)) for m in Reason if m.name}
        reasons = {name: share for name, share in shares.items() if share > 0.0}
    return flags, reasons


def _substituted(measured: xr.Dataset, mass: Any, total: float) -> dict[str, float | None]:
    """Return how much was substituted by rule, and what that adds."""
    from ghg.core.flags import Method, Reason
    from ghg.facility.stack_line import substitution

    filled = np.zeros(mass.shape, bool)
    if "emission_method" in measured:
        filled |= measured.variables["emission_method"].transpose("source", "time").values == int(Method.SUBSTITUTE)
    if "emission_reason" in measured:
        reason = measured.variables["emission_reason"].transpose("source", "time").values
        filled |= (reason & int(Reason.SUBSTITUTED)) != 0
    shares: dict[str, float | None] = {
        "share": float(filled.mean()),
        "mass_share": _share(np.nansum(mass[filled]), total),
    }
    if "emission_substitution_bias" in measured:  # the regime was ours: hour by hour against the smoothed estimate
        return {**shares, **_stated_effect(measured, total)}
    effect = substitution(measured)
    return {**shares, "effect_percent": None if effect is None else 100.0 * math.expm1(effect)}


def _stated_effect(measured: xr.Dataset, total: float) -> dict[str, float | None]:
    """Return what a missing-data regime added to the total [percent], and its standard uncertainty."""
    from ghg.core.time import seconds

    step = seconds(measured.variables["time_bounds"].values)
    added = (measured.variables["emission_substitution_bias"].transpose("source", "time").values * step).sum(axis=1)
    estimate = total - float(added.sum())
    if estimate <= 0.0:
        return {"effect_percent": None}
    found: dict[str, float | None] = {"effect_percent": 100.0 * float(added.sum()) / estimate}
    # the uncertainty is kept for the whole record: it holds here only where the whole record is compared
    if np.allclose(added, measured.variables["substitution_bias"].values, rtol=1e-6, atol=1.0):
        found["effect_u_percent"] = (
            100.0 * float(np.sqrt((measured.variables["substitution_bias_u"].values ** 2).sum())) / estimate
        )
    return found
