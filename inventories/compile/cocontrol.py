"""Co-control: what a measure avoids of each pollutant and of CO2e, together.

References
----------
Mao X. et al. (2020), Chinese Journal of Environmental Management 2020(4), 20-28 (co-control coordinates, angle);
elasticity Els_j/k = (dE_j / E_j) / (dE_k / E_k), sign table of PMC11666946 table 2.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError
from inventories.dataset import species_of, totals
from inventories.species import SPECIES, co2_equivalent_per_mass

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Measure", "assess", "co2e"]


@dataclass(frozen=True)
class Measure:
    """One pollutant under one measure, beside CO2e.

    Parameters
    ----------
    name, species : str
        Measure and pollutant.
    avoided, avoided_co2e : float
        Mass avoided [kg]; negative is more emission.
    share, share_co2e : float
        Relative to the base.
    elasticity : float
        Share of the pollutant over share of CO2e, NaN where CO2e does not change.
    angle : float
        Direction in the co-control plane [degrees], x = share of CO2e, y = share of the pollutant.
    verdict : str
        ``synergy``, ``pollutant_only``, ``carbon_only``, ``pollutant_for_carbon``, ``carbon_for_pollutant``,
        ``both_rise`` or ``none``.
    """

    name: str
    species: str
    avoided: float
    avoided_co2e: float
    share: float
    share_co2e: float
    elasticity: float
    angle: float
    verdict: str

    def as_dict(self) -> dict[str, Any]:
        """Return the assessment as a row of a table."""
        return asdict(self)


def co2e(masses: Mapping[str, float], metric: str) -> float:
    """Return the CO2 equivalent [kg] of the greenhouse gases among masses."""
    return sum(m * w for name, m in masses.items() if (w := co2_equivalent_per_mass(name, metric)) is not None)


def assess(base: xr.Dataset, scenarios: Mapping[str, xr.Dataset], metric: str = "AR5GWP100") -> list[Measure]:
    """Return the assessment of measures, each given as the inventory it leads to.

    Parameters
    ----------
    base : Dataset
        Annual emissions without the measures.
    scenarios : mapping
        Name of a measure -> annual emissions with it.
    metric : str
        Of CO2 equivalents.

    Raises
    ------
    InputError
        A scenario is of another year or lacks a species, or the base has no greenhouse gas or no pollutant.
    """
    before = totals(base)
    gases = co2e(before, metric)
    if gases <= 0:
        raise InputError("the base inventory has no greenhouse gas", need="CO2, CH4, N2O or a fluorinated gas")
    if not any(SPECIES[one].kind == "pollutant" and mass > 0 for one, mass in before.items()):
        raise InputError("the base inventory has no air pollutant", found=", ".join(before),
                         need="SO2, NOx, PM2.5, ...", hint="compile it with pollutants")  # fmt: skip
    found = []
    for name, scenario in scenarios.items():
        if int(scenario["year"]) != int(base["year"]):
            raise InputError("the scenario is of another year", where=name, found=str(int(scenario["year"])),
                             need=str(int(base["year"])))  # fmt: skip
        if missing := [s for s in species_of(base) if s not in species_of(scenario)]:
            raise InputError("the scenario lacks species", where=name, found=", ".join(missing))
        after = totals(scenario)
        avoided_gas = gases - co2e(after, metric)
        for one, mass in before.items():
            if SPECIES[one].kind != "pollutant" or mass <= 0:
                continue
            x, y = avoided_gas / gases, (mass - after[one]) / mass
            elasticity = y / x if x != 0 else math.nan
            angle = math.degrees(math.atan2(y, x)) if x or y else math.nan
            found.append(Measure(name, one, mass - after[one], avoided_gas, y, x, elasticity, angle, verdict(x, y)))
    return found


def verdict(share_co2e: float, share: float, tolerance: float = 1e-9) -> str:
    """Return what a measure is, by the signs of the shares it avoids."""
    x = 0 if abs(share_co2e) < tolerance else int(math.copysign(1, share_co2e))
    y = 0 if abs(share) < tolerance else int(math.copysign(1, share))
    return {(1, 1): "synergy", (0, 1): "pollutant_only", (1, 0): "carbon_only", (-1, 1): "pollutant_for_carbon",
            (1, -1): "carbon_for_pollutant", (0, 0): "none"}.get((x, y), "both_rise")  # fmt: skip
