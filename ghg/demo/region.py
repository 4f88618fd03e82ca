"""What inversions and balances need beside observations and inventory: footprints, regions, a prior, the jobs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ghg.demo.air import BACKGROUND, HOURS, TRANSPORT
from ghg.demo.inventory import regions
from ghg.demo.world import DAYS, START, UPTAKE, World, axes, forest

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

__all__ = ["PRIOR_SHARE", "write"]

Array = npt.NDArray[np.float64]
PRIOR_SHARE = 0.75  # of the true uptake is in the prior


def write(folder: Path, world: World, foot: dict[str, xr.Dataset], record: Record, days: int = DAYS) -> None:
    """Write footprints, weather, regions, the prior of forest and sea, and the jobs.

    Parameters
    ----------
    folder : Path
        Existing, empty.
    world : World
        What is true; the prior knows a part of it.
    foot : dict of Dataset
        Footprints by tower.
    record : Record
        Provenance.
    days : int
        Length of the record.
    """
    from ghg.core.netcdf import write as write_netcdf

    (folder / "footprints").mkdir()
    for name, ds in foot.items():
        write_netcdf(ds, folder / "footprints" / f"{name}.nc", record=record)
    write_netcdf(_prior(world), folder / "prior.nc", record=record)
    for species, shares in regions(world).items():
        write_netcdf(_regions(shares), folder / f"regions-{species.lower()}.nc", record=record)
    end = str((START + np.timedelta64(days, "D")).astype("datetime64[D]"))
    sites = "".join(f'[[footprints]]\nsite = "{s}"\nfile = "footprints/{s}.nc"\n\n' for s in foot)
    for name, text, unit, offset in (("co2", CO2, "umol mol-1", 0.3), ("ch4", CH4, "nmol mol-1", 2.0)):
        observed = OBSERVED.format(start=str(START)[:10], end=end, hours=list(HOURS), footprints=sites, small=name,
                                   background=BACKGROUND[name], transport=TRANSPORT[name], species=name.upper(),
                                   unit=unit, offset=offset)  # fmt: skip
        (folder / f"{name}.toml").write_text(text.format(observed=observed), encoding="utf-8")
        (folder / f"balance-{name}.toml").write_text(BALANCE[name], encoding="utf-8")


def _prior(world: World) -> xr.Dataset:
    """Return what is known of forest and sea before: too little, and without the grain."""
    import xarray as xr

    flux = PRIOR_SHARE * (UPTAKE["forest"] * forest(world.land) + UPTAKE["sea"] * world.sea)
    data = {"biosphere": (("latitude", "longitude"), flux,
                          {"units": "mol m-2 s-1", "long_name": "net flux of forest and sea"})}  # fmt: skip
    return xr.Dataset(data, axes(), {"title": "Prior of forest and sea", "species": "CO2",
                                      "summary": "Positive to the atmosphere."})  # fmt: skip


def _regions(shares: dict[str, Array]) -> xr.Dataset:
    import xarray as xr

    data = {"share": (("region", "latitude", "longitude"), np.stack(list(shares.values())),
                      {"units": "1", "long_name": "share of the area of the cell"})}  # fmt: skip
    return xr.Dataset(data, {"region": ("region", list(shares), {"long_name": "name of the region"}), **axes()},
                      {"title": "Regions", "summary": "Shares of the cells of the footprints."})  # fmt: skip


OBSERVED = """species = "{species}"
start = "{start}"
end = "{end}"
totals = "all"

[[observations]]                  # calibrated series of the towers, afternoons only
file = "../out/towers/*.nc"
hours = {hours}

[background]
value = "{background} {unit}"

{footprints}[[offset]]                        # what is wrong with the background, the same at all towers
name = "background"
by = "all"
per_site = false
sigma = "{offset} {unit}"

[[error]]                         # transport and representation
name = "transport"
sigma = "{transport} {unit}"

[regions]
file = "regions-{small}.nc"
"""

CO2 = """# CO2 of the region: what four towers say of what the inventory counts, and of forest and sea.
#   ghg inversion run co2.toml -o ../out/co2
title = "CO2 of city and region, July 2024"
coastlines = false                # the land does not exist
{observed}
[[block]]
name = "fossil"
prior = "../out/inventory/gridded.nc"
variable = "emission_co2"
by = "all"
relative = 0.6
length = "10 km"

[[block]]
name = "biosphere"                # a sink is negative
prior = "prior.nc"
variable = "biosphere"
by = "all"
relative = 0.5
length = "50 km"
"""

CH4 = """# CH4 of the region: does the landfill report what it emits?
#   ghg inversion run ch4.toml -o ../out/ch4
title = "CH4 of city and region, July 2024"
coastlines = false                # the land does not exist
{observed}
[[block]]
name = "methane"
prior = "../out/inventory/gridded.nc"
variable = "emission_ch4"
by = "all"
relative = 0.8
length = "5 km"
"""

COMPARE = """# Inventory against inversion, {species}.
#   ghg balance compare balance-{small}.toml -o ../out/balance-{small}.json
title = "{species}: inventory against inversion"
posterior = "../out/{small}/totals.nc"
group = "{group}"
inventory_was_prior = true        # so it is compared with what the towers alone say

[inventory]
file = "../out/inventory/regions.csv"
value = "mass"
uncertainty = "u"
units = "kg"
where = {{ species = "{species}" }}
"""

BALANCE = {"co2": COMPARE.format(species="CO2", small="co2", group="fossil"),
           "ch4": COMPARE.format(species="CH4", small="ch4", group="methane")}  # fmt: skip
