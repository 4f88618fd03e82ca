"""The accounting rules: which factors each one multiplies, what it fixes, what it needs, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["METHODS", "Method"]

Kind = Literal["energy", "carbon", "clinker", "electricity", "factor"]


@dataclass(frozen=True)
class Method:
    """What a rule prescribes.

    Parameters
    ----------
    kind : {"energy", "carbon", "clinker", "electricity", "factor"}
        The chain: activity x calorific value x emission factor x oxidation; mass x carbon x oxidation x CO2/C;
        clinker x oxides; electricity x grid factor; activity x factor.
    source : str
        The rule.
    factor_set : str
        Factor table of its defaults.
    basis : {"gross", "net", ""}
        Calorific basis of its factors.
    oxidation : float, optional
        Oxidation factor it fixes; None asks for it, unless the factor table has one.
    needs : tuple of str
        What the plant must give; ``a|b`` means either.
    co2_per_carbon : str
        Rule of :func:`ghg.core.gases.carbon_to_co2`.
    scope : {"direct", "indirect"}
        Whether the gas leaves a stack of the plant; indirect emissions are never compared with one.
    """

    kind: Kind
    source: str
    factor_set: str = ""
    basis: str = ""
    oxidation: float | None = 1.0
    needs: tuple[str, ...] = ()
    co2_per_carbon: str = "44/12"
    scope: Literal["direct", "indirect"] = "direct"


_PART98: dict[str, Any] = {"factor_set": "part98", "basis": "gross"}
_IPCC: dict[str, Any] = {"factor_set": "ipcc2006", "basis": "net"}
_CARBON = ("mass", "carbon_content")

METHODS: dict[str, Method] = {
    "part98-tier1": Method("energy", "40 CFR 98.33(a)(1), eq C-1", **_PART98),
    "part98-tier2": Method("energy", "40 CFR 98.33(a)(2), eq C-2a", needs=("calorific_value|energy",), **_PART98),
    "part98-tier3": Method("carbon", "40 CFR 98.33(a)(3), eq C-3, C-4, C-5", needs=_CARBON, **_PART98),
    "ipcc2006-tier1": Method("energy", "2006 IPCC Guidelines vol 2 ch 2 eq 2.1", **_IPCC),
    "ipcc2006-tier2": Method("energy", "2006 IPCC Guidelines vol 2 ch 2 eq 2.1, country-specific factors",
                             needs=("emission_factor|emission_factors",), **_IPCC),
    "ipcc2006-tier3": Method("energy", "2006 IPCC Guidelines vol 2 ch 2 eq 2.6, factors of the plant",
                             needs=("calorific_value|energy", "emission_factor|emission_factors"), **_IPCC),
    "mrr": Method("energy", "(EU) 2018/2066 Article 24(1)", oxidation=None,
                  needs=("calorific_value|energy", "emission_factor"), **_IPCC),
    "mrr-mass-balance": Method("carbon", "(EU) 2018/2066 Article 25, factor 3.664 of Article 25(1)",
                               needs=_CARBON, co2_per_carbon="3.664"),
    "mass-balance": Method("carbon", "2006 IPCC Guidelines vol 3 ch 4 eq 4.9 (carbon in minus carbon out)",
                           "ipcc2006-steel", needs=("mass",)),
    "china-power": Method("carbon", "China, guideline for power generation facilities: FC x C_ar x OF x 44/12",
                          "china-power", "net", None, ("mass", "carbon_content|calorific_value|energy")),
    "china-electricity": Method("electricity", "China, average CO2 factor of electricity (MEE and NBS)", "china-grid",
                                needs=("energy",), scope="indirect"),
    "china-electricity-ets": Method("electricity", "China, grid factor for reporting to the emission trading system",
                                    "china-grid-ets", needs=("energy",), scope="indirect"),
    "cement-clinker": Method("clinker", "2006 IPCC Guidelines vol 3 ch 2 eq 2.2 to 2.5 (CaO and MgO of the clinker)",
                             "ipcc2006-cement", needs=("mass",)),
    "emep-tier1": Method("energy", "EMEP/EEA air pollutant emission inventory guidebook, tier 1, combustion", "emep",
                         "net"),
    "emep-process": Method("factor", "EMEP/EEA air pollutant emission inventory guidebook, tier 1, processes", "emep",
                           needs=("mass",)),
    "factor": Method("factor", "activity x emission factor", needs=("mass|energy", "emission_factor|emission_factors")),
}  # fmt: skip
