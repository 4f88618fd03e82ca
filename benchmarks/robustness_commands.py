"""Every command that writes, each with a small job: for benchmarks/robustness.py.

The inputs are a kept project of ``ghg demo`` (raw logs, tables, footprints, results) and small files laid out here.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.fuzz_binary import _stilt
from benchmarks.fuzz_targets import SHARED, hj212_seeds

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Command:
    """A command that writes.

    Parameters
    ----------
    words : str
        What stands behind ``ghg``, to be split at blanks.
    output : str
        Name in the folder.
    again : str
        What a second run on the same output is given besides.
    before : str
        What is to be copied into the folder first, of the project; for commands that write beside their input.
    """

    words: str
    output: str
    again: str = "--force"
    before: str = ""


SERIES = "years.csv --time t --column co2=co2:umol/mol --set timezone=UTC --set label=start"
COMMANDS: dict[str, Command] = {
    "sensors calibrate": Command("sensors calibrate towers/nor/station.toml -o out.nc -q", "out.nc"),
    "sensors calibrate, 2 workers": Command(
        "sensors calibrate towers/nor/station.toml -o out.nc --workers 2 -q", "out.nc"),
    "sensors calibrate, store": Command(
        "sensors calibrate stored.toml -o out.nc -q", "out.nc"),
    "sensors network": Command("sensors network network.toml -o net -q", "net", again=""),
    "sensors network, 2 workers": Command("sensors network network.toml -o net --workers 2 -q", "net", again=""),
    "inversion run": Command("inversion run region/ch4.toml -o fluxes -q", "fluxes"),
    "inversion report": Command("inversion report ch4 --lang zh", "ch4", again="", before="out/ch4"),
    "inversion osse": Command("inversion osse region/ch4.toml -o osse.json -q", "osse.json"),
    "inversion example": Command("inversion example -o example -q", "example"),
    "inversion pack": Command("inversion pack 201901010000_1_51_10_foot.nc -o pack.ghgfp -q", "pack.ghgfp"),
    "inversion init": Command("inversion init -o job.toml", "job.toml"),
    "inventories build": Command("inventories build inventory/inventory.toml -o built -q --set draws=200", "built"),
    "inventories build, hours": Command("inventories build hours.toml -o built -q", "built"),
    "inventories account": Command("inventories account fuel/account.toml -o out.nc -q", "out.nc"),
    "inventories expand": Command("inventories expand expand.toml -o hours.nc -q", "hours.nc"),
    "inventories regrid": Command("inventories regrid regrid.toml -o coarse.nc -q", "coarse.nc"),
    "inventories merge": Command("inventories merge merge.toml -o merged.nc -q", "merged.nc"),
    "inventories layers": Command("inventories layers layers.toml -o layers.nc -q", "layers.nc"),
    "inventories speciate": Command("inventories speciate speciate.toml -o species.nc -q", "species.nc"),
    "inventories export": Command(
        "inventories export out/inventory/gridded.nc --to hemco -o hemco.nc -q", "hemco.nc"),
    "inventories series": Command("inventories series series.toml -o series -q", "series"),
    "inventories positions": Command("inventories positions positions.toml -o positions -q", "positions"),
    "inventories factor-check": Command("inventories factor-check factors.toml -o factors -q", "factors"),
    "inventories screen": Command("inventories screen fuel/account.toml -o screen.json", "screen.json"),
    "inventories cocontrol": Command("inventories cocontrol measures measures --report page", "page"),
    "inventories init": Command("inventories init -o job.toml", "job.toml"),
    "facility compare": Command("facility compare plants/anlan/compare.toml -o report -q", "report"),
    "facility screen": Command("facility screen plants.toml -o ranked", "ranked"),
    "facility init": Command("facility init -o job.toml", "job.toml"),
    "balance compare": Command("balance compare region/balance-ch4.toml -o balance.json", "balance.json"),
    "sensors emission": Command("sensors emission stack.toml -o out.nc -q", "out.nc"),
    "sensors screen": Command("sensors screen plants/anlan/screen.toml -o screening -q", "screening"),
    "sensors messages": Command("sensors messages m.txt -o values.csv", "values.csv"),
    "sensors qa": Command("sensors qa qa.toml -o tests", "tests"),
    "sensors ledger add": Command("sensors ledger add l.jsonl span 15 --author a --reason b", "l.jsonl", again=""),
    "sensors allan": Command(f"sensors allan {SERIES} -o allan.nc", "allan.nc"),
    "sensors baseline": Command(f"sensors baseline {SERIES} -o base.nc", "base.nc"),
    "sensors spikes": Command(f"sensors spikes {SERIES} -o spikes.nc", "spikes.nc"),
    "sensors trend, figure": Command(f"sensors trend {SERIES} --figure trend.png", "trend.png"),
    "sensors fit-water": Command("sensors fit-water droplet.dat -o water.nc", "water.nc"),
    "sensors report": Command("sensors report out/towers/NOR.nc -o page -q", "page"),
    "sensors init": Command("sensors init -o job.toml", "job.toml"),
    "sensors init-station": Command("sensors init-station -o station.toml", "station.toml"),
    "sign": Command("sign table.nc --key key --force", "table.nc.sig", again="", before="out/towers/NOR.nc table.nc"),
    "demo": Command("demo --keep city -q", "city"),
}  # fmt: skip
SLOW = ("demo",)  # named to be run
STACK = """[reader]
format = "table"
files = "records.csv"
columns.emission = { column = "e", units = "t" }
time = { column = "t", timezone = "UTC", label = "start" }
"""
GRIDDED = 'input = "out/inventory/gridded.nc"\n'
FILES = {
    "stack.toml": STACK,
    "network.toml": 'title = "two"\nwatch = { at = "2024-07-11T00:00:00" }\n' + "".join(
        f'[[stations]]\nconfig = "towers/{n}/station.toml"\nname = "{n}"\n' for n in ("nor", "hil")),
    "regrid.toml": GRIDDED + "[target]\nwest = 120.0\nsouth = 30.0\nstep = 0.06\nshape = [10, 11]\n",
    "expand.toml": GRIDDED + "year = 2024\nfactored = true\n",
    "merge.toml": "[target]\nwest = 120.0\nsouth = 30.0\nstep = 0.06\nshape = [10, 11]\n" + "".join(
        f'[[inventory]]\nname = "{n}"\nfile = "out/inventory/gridded.nc"\n' for n in ("a", "b")),
    "layers.toml": 'input = "sectors.nc"\nprofiles = "v.csv"\nedges = [0, 20, 100]\n',
    "v.csv": "GNFR,20m,92m\nA,0.5,0.5\nF,1,0\n",
    "speciate.toml": 'input = "sectors.nc"\ntable = "split.csv"\n',
    "split.csv": "species,sector,to,share,mole_share,molar_mass\nNMVOC,,par,1.0,,14.5\n",
    "series.toml": 'start = 2018\nend = 2023\n[new]\nfile = "new.csv"\nkey = ["k"]\nyear = "year"\nvalue = "v"\n',
    "new.csv": "k,year,v\n" + "".join(f"a,{y},{y - 2000}\n" for y in (2018, 2019, 2021, 2022)),
    "positions.toml": f'file = "plants.csv"\nsource = ["p"]\nlon = "lon"\nlat = "lat"\n[regions]\nfile = "{SHARED}'
                      '/inventories/regions/naturalearth_lowres/naturalearth_lowres.shp"\nkey = "name"\n',
    "plants.csv": "p,lon,lat,measured (t),accounted (t)\na,10,50,1000000,900000\nb,-30,30,500000,500000\n",
    "plants.toml": 'file = "plants.csv"\nname = "p"\nmeasured = { column = "measured", unit = "t", u = "4 %" }\n'
                   'accounted = { column = "accounted", unit = "t", u = "3 %" }\n',
    "factors.toml": 'file = "ratios.csv"\nsource = ["id"]\nsector = "1A1a"\nfuels = ["bituminous"]\n[mass]\n'
                    'CO2 = { column = "co2" }\nSO2 = { column = "so2" }\n',
    "ratios.csv": "id,co2 (t),so2 (t)\n1,1000,1\n2,1000,99\n3,1000,0.001\n",
    "qa.toml": 'title = "t"\n[[test]]\nkind = "shewhart"\nname = "zero"\nreadings = [0.1, -0.2, 0.3, 0.0, 0.1]\n'
               "s_ams = 0.5\n",
    "hours.toml": """year = 2021
species = ["CO2"]
draws = 0
[[activity]]
name = "plants"
file = "heat.csv"
source = "id"
region = { column = "prov" }
sector = { column = "class" }
fuel = { column = "fuel" }
lon = "x"
lat = "y"
amount = [{ column = "heat", u = 0.03 }]
basis = "net"
method = "ipcc2006-tier1"
[grid]
west = 80.0
south = 30.0
step = 2.0
shape = [10, 20]
[time]
timezone = "longitude"
zones = { HEB = "Asia/Shanghai" }
write = "hours"
[[time.profile]]
sector = "A"
hour = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]
""",
    "heat.csv": "id,prov,class,fuel,heat(TJ),x,y\np1,HEB,1A1a,bituminous,1000,114.5,38.0\n"
                "p2,HEB,1A1a,natural_gas,500,114.6,38.0\n",
}  # fmt: skip


def more(folder: Path, project: Path) -> None:
    """Make the inputs that are no text, once."""
    from ghg.core import netcdf
    from ghg.core.provenance import Record
    from ghg.core.signature import new_key
    from inventories.grid.fields import coordinates, with_year
    from inventories.grid.grids import LonLat
    from tests.station_logs import text_of

    rng = np.random.default_rng(1)
    dims, ds = coordinates(LonLat.regular(0.0, 0.0, 1.0, (2, 3)))
    ds["emission_nmvoc"] = (("sector", *dims), rng.random((2, 2, 3)) * 1e-9, {"units": "kg m-2 s-1"})
    ds = with_year(ds.assign_coords(sector=["A", "F"]), 2021).transpose("sector", "time", ...)
    netcdf.write(ds, folder / "sectors.nc", record=Record("made for a test", command=["made"]))
    days = np.datetime64("2018-01-01") + np.arange(4 * 365)
    day = np.arange(days.size)
    co2 = 400.0 + day / 180.0 + 3.0 * np.sin(day / 58.1) + rng.normal(size=days.size)
    (folder / "years.csv").write_text("t,co2\n" + "".join(f"{d},{v:.3f}\n" for d, v in zip(days, co2, strict=True)))
    water = 3.0 / (1.0 + np.exp((np.linspace(0.0, 1.0, 1500) - 0.35) * 14.0)) + 0.01
    columns = {"h2o_reported": water, "MPVPosition": 1.0, "CavityPressure": 140.0,
               "CO2": 412.3 * (1 - 0.0124404 * water - 3.03e-5 * water**2) + 0.04 * rng.normal(size=1500),
               "CH4": 1.9876 * (1 - 0.010575 * water + 1.65e-4 * water**2) + 2e-4 * rng.normal(size=1500)}  # fmt: skip
    (folder / "droplet.dat").write_bytes(text_of(1.7e9 + np.arange(1500.0) * 5.0, columns,
                                                 ("DATE", "TIME", "EPOCH_TIME", *columns)))  # fmt: skip
    _stilt().to_netcdf(folder / "201901010000_1_51_10_foot.nc")
    (folder / "m.txt").write_bytes(hj212_seeds()[0][1])
    (folder / "heat.csv").write_text(FILES["heat.csv"])
    (folder / "measures.toml").write_text(FILES["hours.toml"].split("[grid]")[0].replace('["CO2"]', '["CO2", "SO2"]')
                                          + 'pollutants = "emep-tier1"\n')  # fmt: skip
    from ghg.cli.inside import call

    made = call(["inventories", "build", str(folder / "measures.toml"), "-o", str(folder / "measures"), "-q"])
    if made.code != 0:
        raise RuntimeError(made.stderr)
    text = (project / "towers" / "nor" / "station.toml").read_text(encoding="utf-8")
    (folder / "stored.toml").write_text('store = "store"\n' + text.replace('"logs"', '"towers/nor/logs"'), "utf-8")
    new_key(folder / "key", False)


def desk(folder: Path, project: Path, made: Path, chosen: Command) -> None:
    """Lay out what a command needs: links into the project, and small files."""
    for name in ("towers", "plants", "inventory", "region", "out"):
        (folder / name).symlink_to(project / name)
    (folder / "fuel").symlink_to(ROOT / "examples" / "china-power")
    for name, text in FILES.items():
        (folder / name).write_text(text, encoding="utf-8")
    days = [f"2024-{m:02d}-{d:02d} {h:02d}:00,{h}.5" for m in (1, 2) for d in range(1, 29) for h in range(24)]
    (folder / "records.csv").write_text("t,e\n" + "\n".join(days) + "\n")
    for path in made.iterdir():
        (shutil.copytree if path.is_dir() else shutil.copy)(path, folder / path.name)
    if chosen.before:
        source, *name = chosen.before.split()
        target = folder / (name[0] if name else Path(source).name)
        (shutil.copytree if (project / source).is_dir() else shutil.copyfile)(project / source, target)
