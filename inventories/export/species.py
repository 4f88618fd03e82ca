"""What a model needs to know of a species: molar mass, and whether it is a gas or a particle."""

from __future__ import annotations

from ghg.core.errors import InputError

__all__ = ["PARTICLES", "molar_mass"]

# IUPAC 2021 standard atomic weights, abridged: H 1.008, C 12.011, N 14.007, O 15.999, S 32.06, F 18.998, Hg 200.59
MOLAR = {
    "co2": 44.009, "ch4": 16.043, "n2o": 44.013, "co": 28.010, "so2": 64.058, "nox": 46.005, "no2": 46.005,
    "no": 30.006, "nh3": 17.031, "sf6": 146.048, "co2_biogenic": 44.009, "nf3": 71.001, "cf4": 88.003, "c2f6": 138.010,
    "hfc23": 70.013, "hfc32": 52.023, "hfc125": 120.020, "hfc134a": 102.030, "hg": 200.59,
}  # fmt: skip
PARTICLES = ("tsp", "pm10", "pm2_5", "pm25", "bc", "ec", "oc", "pm_coarse", "so4")


def molar_mass(species: str) -> float | None:
    """Return the molar mass in kg mol-1, None for particles; NOx counts as NO2.

    Raises
    ------
    InputError
        It is not known.
    """
    name = species.lower()
    if name in PARTICLES:
        return None
    if name not in MOLAR:
        raise InputError("the molar mass of the species is not known", found=species,
                         need="one of " + ", ".join([*MOLAR, *PARTICLES]),
                         hint="speciate it first, or give its molar mass")  # fmt: skip
    return MOLAR[name] / 1000.0
