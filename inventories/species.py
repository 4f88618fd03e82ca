"""The species of combined inventories: greenhouse gases and air pollutants, their names in files and in reports.

A species is never an element: NOx is mass as NO2, particles are total mass of their size class, BC and OC are mass of
carbon. CO2 of biomass is a species of its own, so that no sum of CO2 can swallow it.

References
----------
EMEP/EEA guidebook 2019 and CLRTAP reporting guidelines (ECE/EB.AIR/125) for NOx as NO2, SOx as SO2 and particles;
2006 IPCC Guidelines vol 1 ch 8 for biogenic CO2 as an information item.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from ghg.core.errors import InputError
from ghg.core.gases import GASES, METRICS, global_warming_potential

__all__ = ["SPECIES", "Species", "co2_equivalent_per_mass", "species", "variable_name"]


@dataclass(frozen=True)
class Species:
    """One species of an inventory.

    Parameters
    ----------
    name : str
        Name in tables and attributes.
    kind : {"ghg", "pollutant", "memo"}
        Greenhouse gas, air pollutant, or reported apart from totals.
    long_name, chinese : str
        Name in words.
    standard_name : str
        CF standard name of the emission, empty where there is none that fits.
    aliases : tuple of str
        Other spellings accepted at the door.
    """

    name: str
    kind: str
    long_name: str
    chinese: str
    standard_name: str = ""
    aliases: tuple[str, ...] = ()


def _cf(name: str) -> str:
    return f"tendency_of_atmosphere_mass_content_of_{name}_due_to_emission"


_PARTICLES = "dry_aerosol_particles"
_ALL = (
    Species("CO2", "ghg", "carbon dioxide", "二氧化碳", _cf("carbon_dioxide")),
    Species("CO2_biogenic", "memo", "carbon dioxide of biomass", "生物源二氧化碳", "", ("CO2bio", "biogenic CO2")),
    Species("CH4", "ghg", "methane", "甲烷", _cf("methane")),
    Species("N2O", "ghg", "nitrous oxide", "氧化亚氮", _cf("nitrous_oxide")),
    Species("SF6", "ghg", "sulfur hexafluoride", "六氟化硫"),
    Species("NF3", "ghg", "nitrogen trifluoride", "三氟化氮"),
    Species("CF4", "ghg", "tetrafluoromethane", "四氟甲烷", "", ("PFC-14",)),
    Species("C2F6", "ghg", "hexafluoroethane", "六氟乙烷", "", ("PFC-116",)),
    Species("HFC23", "ghg", "trifluoromethane", "HFC-23", "", ("HFC-23",)),
    Species("HFC32", "ghg", "difluoromethane", "HFC-32", "", ("HFC-32",)),
    Species("HFC125", "ghg", "pentafluoroethane", "HFC-125", "", ("HFC-125",)),
    Species("HFC134a", "ghg", "1,1,1,2-tetrafluoroethane", "HFC-134a", "", ("HFC-134a",)),
    Species("SO2", "pollutant", "sulfur oxides (as SO2)", "二氧化硫", _cf("sulfur_dioxide"), ("SOx",)),
    # CF has only "nox_expressed_as_nitrogen", which is another mass
    Species("NOx", "pollutant", "nitrogen oxides (as NO2)", "氮氧化物"),
    Species("CO", "pollutant", "carbon monoxide", "一氧化碳", _cf("carbon_monoxide")),
    Species(
        "NMVOC", "pollutant", "non-methane volatile organic compounds", "挥发性有机物", _cf("nmvoc"), ("VOC", "VOCs")
    ),
    Species("NH3", "pollutant", "ammonia", "氨", _cf("ammonia")),
    Species("TSP", "pollutant", "total suspended particles", "总悬浮颗粒物"),
    Species("PM10", "pollutant", "particles of at most 10 um", "可吸入颗粒物", _cf(f"pm10_{_PARTICLES}")),
    Species("PM2.5", "pollutant", "particles of at most 2.5 um", "细颗粒物", _cf(f"pm2p5_{_PARTICLES}"), ("PM25",)),
    Species("BC", "pollutant", "black carbon", "黑碳", _cf(f"elemental_carbon_{_PARTICLES}")),
    Species("OC", "pollutant", "organic carbon", "有机碳"),
    Species("Hg", "pollutant", "mercury", "汞"),
)
SPECIES: dict[str, Species] = {one.name: one for one in _ALL}


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9\u4e00-\u9fff]", "", text.lower())


_KNOWN = {_plain(word): one.name for one in _ALL
          for word in (one.name, one.long_name, one.chinese, *one.aliases,
                       *(GASES[one.name].aliases if one.name in GASES else ()))}  # fmt: skip


def species(name: str) -> Species:
    """Return the species of that name, formula or alias.

    Raises
    ------
    InputError
        It is not known.
    """
    found = _KNOWN.get(_plain(name))
    if found is None:
        near = difflib.get_close_matches(_plain(name), list(_KNOWN), n=1)
        raise InputError("the species is not known", found=f"'{name}'", need="one of " + ", ".join(SPECIES),
                         hint=f"did you mean '{_KNOWN[near[0]]}'" if near else "")  # fmt: skip
    return SPECIES[found]


def variable_name(name: str) -> str:
    """Return the name of the variable that holds a species: ``emission_pm25`` for PM2.5."""
    token = re.sub(r"[^a-z0-9_]", "", species(name).name.lower())
    return f"emission_{token}"


def co2_equivalent_per_mass(name: str, metric: str = "AR5GWP100") -> float | None:
    """Return mass of CO2e per mass of a species; None for one that is no greenhouse gas.

    Raises
    ------
    InputError
        The metric is not known, or lacks the gas.
    """
    import globalwarmingpotentials

    if metric not in METRICS:
        raise InputError("the GWP metric is not known", found=f"'{metric}'", need=" or ".join(METRICS))
    one = species(name)
    if one.kind != "ghg":
        return None
    if one.name in GASES:
        return global_warming_potential(one.name, metric)
    value = globalwarmingpotentials.data[metric].get(one.name)
    if value is None:
        raise InputError(f"{one.name} has no global warming potential in {metric}")
    return float(value)
