"""The starter project: raw files, tables and jobs of a seed, and beside them what is true."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.demo import air, inventory, plants, region, stations, world
from ghg.demo.world import DAYS

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["plants_and_inventory", "towers_and_region"]


def plants_and_inventory(folder: Path, record: Record, *, seed: int = 1) -> dict[str, Any]:
    """Write stack records, fuel accounts, tables of activities, and their jobs.

    Parameters
    ----------
    folder : Path
        Existing, empty.
    record : Record
        Provenance.
    seed : int
        Of everything that is drawn.

    Returns
    -------
    dict
        What is true of plants, sectors and regions.
    """
    for name in ("towers", "plants", "inventory", "region", "out/towers", "out/plants", "out/screening", "out/suspect"):
        (folder / name).mkdir(parents=True)
    made = world.build(seed)
    true_plants = plants.write(folder / "plants", np.random.default_rng([seed, 4]))
    inventory.write(folder / "inventory", made, true_plants, np.random.default_rng([seed, 5]))
    record.step("invented plants and an inventory")
    return _truth(made, true_plants, seed)


def towers_and_region(
    folder: Path, record: Record, *, seed: int = 1, days: int = DAYS, particles: int = air.PARTICLES,
    announce: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:  # fmt: skip
    """Write footprints, raw logs, priors, and their jobs, in the same folder.

    Parameters
    ----------
    folder, record, seed
        As before.
    days, particles : int
        Length of the towers' record, particles of each footprint.
    announce : callable
        Is told each step.

    Returns
    -------
    dict
        What the air held.
    """
    made = world.build(seed)
    foot = air.footprints(made, seed, days=days, particles=particles, announce=announce)
    region.write(folder / "region", made, foot, record, days)
    announce("raw logs of four towers")
    breath = air.breathe(made, foot, np.random.default_rng([seed, 2]), days)
    stations.write(folder / "towers", breath, seed)
    return {"air": {"hours": breath.hours.astype("datetime64[s]").astype(str).tolist(),
                    **{gas: {t: np.round(v, 4).tolist() for t, v in one.items()}
                       for gas, one in breath.values.items()}}}  # fmt: skip


def _truth(made: world.World, true_plants: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return what the chain should find; masses in kg in the year."""
    year = inventory.YEAR_SECONDS
    shares = inventory.regions(made)
    fossil = np.sum([made.parts[n] for n in ("traffic", "heating", "plants")], axis=0)
    methane = np.sum([made.parts[n] for n in ("landfill", "gas", "fields")], axis=0)
    uptake = made.fluxes["biosphere"] * made.area * world.MOLAR_MASS

    def by_region(field: Any, species: str) -> dict[str, float]:
        return {name: float((field * share).sum() * year) for name, share in shares[species].items()}

    return {
        "seed": seed,
        "plants": {name: {"total_kg": one.total, "errors": one.errors} for name, one in true_plants.items()},
        "sectors_kg": {name: float(part.sum() * year) for name, part in made.parts.items()},
        "regions_kg": {"fossil": by_region(fossil, "CO2"), "biosphere": by_region(uptake, "CO2"),
                       "methane": by_region(methane, "CH4")},
    }  # fmt: skip
