"""The gases: molar masses, CF names, calibration scales, and carbon dioxide equivalents.

Molar masses are sums of the IUPAC abridged standard atomic weights (Prohaska et al. 2022, Pure Appl. Chem.
94, 573, doi:10.1515/pac-2019-0603). Accounting rules fix other values (44/12 for CO2 per C); those belong
to the rule and are passed in by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ghg.core.errors import InputError

# IUPAC abridged standard atomic weights 2021 [g mol-1]
ATOMIC_WEIGHT = {"H": 1.008, "C": 12.011, "N": 14.007, "O": 15.999, "S": 32.06, "F": 18.998}


@dataclass(frozen=True)
class Gas:
    """A gas and its names.

    Parameters
    ----------
    formula : str
        Key of the gas in Datasets and tables.
    atoms : mapping
        Count of atoms per element; empty for mixtures, which have no molar mass.
    long_name : str
        Name in words.
    mole_fraction_name, emission_name : str
        CF standard names (table v93), empty where there is none.
    mole_fraction_units : str
        Canonical unit of dry mole fractions.
    scales : tuple of str
        Calibration scales in use, newest first.
    aliases : tuple of str
        Other spellings accepted at the door.
    """

    formula: str
    atoms: Mapping[str, int]
    long_name: str
    mole_fraction_name: str = ""
    emission_name: str = ""
    mole_fraction_units: str = "nmol mol-1"
    scales: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()

    @property
    def molar_mass(self) -> float:
        """Molar mass [kg mol-1]."""
        if not self.atoms:
            raise InputError(f"{self.formula} is a mixture and has no molar mass")
        return sum(ATOMIC_WEIGHT[element] * count for element, count in self.atoms.items()) / 1000.0


def _air(name: str) -> str:
    return f"mole_fraction_of_{name}_in_air"


def _emitted(name: str) -> str:
    return f"tendency_of_atmosphere_mass_content_of_{name}_due_to_emission"


_GASES = (
    Gas("CO2", {"C": 1, "O": 2}, "carbon dioxide", _air("carbon_dioxide"), _emitted("carbon_dioxide"), "umol mol-1",
        ("WMO CO2 X2019", "WMO CO2 X2007"), ("carbon dioxide", "二氧化碳")),
    Gas("CH4", {"C": 1, "H": 4}, "methane", _air("methane"), _emitted("methane"), "nmol mol-1",
        ("WMO CH4 X2004A",), ("methane", "甲烷")),
    Gas("N2O", {"N": 2, "O": 1}, "nitrous oxide", _air("nitrous_oxide"), _emitted("nitrous_oxide"), "nmol mol-1",
        ("WMO N2O X2006A",), ("nitrous oxide", "氧化亚氮")),
    Gas("CO", {"C": 1, "O": 1}, "carbon monoxide", _air("carbon_monoxide"), _emitted("carbon_monoxide"), "nmol mol-1",
        ("WMO CO X2014A",), ("carbon monoxide", "一氧化碳")),
    Gas("H2O", {"H": 2, "O": 1}, "water vapour", _air("water_vapor"), "", "percent", (), ("water", "水汽")),
    Gas("O2", {"O": 2}, "oxygen", "", "", "percent", (), ("oxygen", "氧气")),
    Gas("SO2", {"S": 1, "O": 2}, "sulfur dioxide", _air("sulfur_dioxide"), _emitted("sulfur_dioxide"), "nmol mol-1",
        (), ("sulphur dioxide", "二氧化硫")),
    Gas("NH3", {"N": 1, "H": 3}, "ammonia", _air("ammonia"), _emitted("ammonia"), "nmol mol-1", (), ("氨",)),
    Gas("SF6", {"S": 1, "F": 6}, "sulfur hexafluoride", _air("sulfur_hexafluoride"), "", "nmol mol-1",
        ("WMO SF6 X2014",), ("六氟化硫",)),
    # NOx is reported as NO2; CF names its emission only "expressed as nitrogen", so it gets no standard name here
    Gas("NOx", {"N": 1, "O": 2}, "nitrogen oxides (as NO2)", "", "", "nmol mol-1", (), ("NOX", "氮氧化物")),
    Gas("NMVOC", {}, "non-methane volatile organic compounds", "", _emitted("nmvoc"), "nmol mol-1"),
)  # fmt: skip
GASES: dict[str, Gas] = {gas.formula: gas for gas in _GASES}
_ALIASES = {alias.lower(): gas.formula for gas in _GASES for alias in (gas.formula, *gas.aliases)}


def gas(name: str) -> Gas:
    """Return the gas of that formula or alias.

    Raises
    ------
    InputError
        The gas is not known.
    """
    formula = _ALIASES.get(name.strip().lower())
    if formula is None:
        raise InputError("the gas is not known", found=f"'{name}'", need="one of " + ", ".join(GASES))
    return GASES[formula]


def carbon_to_co2(rule: str = "IUPAC") -> float:
    """Return the mass of CO2 per mass of carbon.

    Parameters
    ----------
    rule : {"IUPAC", "44/12", "3.664"}
        Standard atomic weights (3.66406), the integer ratio of IPCC 2006 and 40 CFR 98 (3.66667), or the rounded
        value of (EU) 2018/2066.
    """
    if rule == "44/12":
        return 44.0 / 12.0
    if rule == "3.664":
        return 3.664
    if rule == "IUPAC":
        return GASES["CO2"].molar_mass / (ATOMIC_WEIGHT["C"] / 1000.0)
    raise InputError("the rule for CO2 per carbon is not known", found=f"'{rule}'", need="'IUPAC', '44/12' or '3.664'")


METRICS = ("AR4GWP100", "AR5GWP100", "AR6GWP100")


def global_warming_potential(species: str, metric: str = "AR5GWP100") -> float:
    """Return the 100-year global warming potential of a species (mass of CO2 per mass).

    The values are those of the IPCC assessment reports as collected in the package
    ``globalwarmingpotentials``. AR5 values are without climate-carbon feedback, as the Paris rulebook
    (decision 18/CMA.1, annex, paragraph 37) uses them.

    Raises
    ------
    InputError
        Unknown metric, or a species that the metric does not contain.
    """
    import globalwarmingpotentials

    if metric not in METRICS:
        raise InputError("the GWP metric is not known", found=f"'{metric}'", need=" or ".join(METRICS))
    formula = gas(species).formula
    if formula == "CO2":
        return 1.0
    value = globalwarmingpotentials.data[metric].get(formula)
    if value is None:
        raise InputError(f"{formula} has no global warming potential in {metric}")
    return float(value)


def co2_equivalent(masses: Mapping[str, float], metric: str = "AR5GWP100") -> float:
    """Return the CO2-equivalent of masses by species, in the unit of the masses.

    The metric belongs into the name or attributes of whatever is written: equivalents under two metrics are
    different quantities.
    """
    return sum(mass * global_warming_potential(species, metric) for species, mass in masses.items())
