"""Every kind of file that ``ghg inventories`` writes, before the judges of others; prints one table.

``python -m benchmarks.judges [--judges BIN] [--keep FOLDER] [--only WORD]``. Small jobs make the files with the
commands that a user gives. compliance-checker comes with the extra ``test``; ``BIN`` is the folder of programs of an
environment with cfchecker, pseudonetcdf and primap2; cdo and ncdump are taken from the path. A judge that is missing
has no column. Exit 1 where a judge finds what is not told beforehand: cfchecks knows no CF above 1.8 (2.6.1), and CF
has no name for fluorinated gases, mercury, total particles and the species of mechanisms (``names``).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import netCDF4
import numpy as np
import xarray as xr

from ghg.cli.inside import call
from ghg.core.netcdf import read

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "inventories" / "eixport"
MASSES = ("CO2", "CO2_biogenic", "CH4", "N2O", "SO2", "NOx", "CO", "NMVOC", "NH3", "PM10", "PM2.5", "BC", "OC")
FEW = ("CO2", "NOx", "CO")
UNNAMED = ("CO2", "SF6", "HFC134a", "CF4", "TSP", "Hg")
SOURCES = (("p1", "W", "1A1a", "0.6", "0.5"), ("p2", "E", "1A1a", "3.4", "1.5"), ("p3", "W", "1A2gviii", "1.5", "1.2"))
AREAS = (("a1", "W", "1A1a"), ("a2", "W", "1A3bi"), ("a3", "E", "1A3bi"), ("a4", "W", "2D3d"), ("a5", "E", "1A4bi"))
STACK = ("height(m)", "diameter(m)", "velocity(m/s)", "temperature(K)")
PLACES = """
lon = "lon"
lat = "lat"
stack = { height = "height", diameter = "diameter", velocity = "velocity", temperature = "temperature" }
"""
TABLE = """
[[activity]]
name = "{name}"
file = "{name}.csv"
source = "id"
region = {{ column = "region" }}
sector = {{ column = "class" }}
fuel = "bituminous"
amount = [{{ column = "heat", u = 0.05 }}]
basis = "net"
"""
GRID = """
[grid]
west = 0.0
south = 0.0
step = 0.5
shape = [4, 8]
areas = "spread"
regions = { file = "regions.geojson", key = "code" }
"""
LAMBERT = """
[grid]
projection = "lambert"
parallels = [10.0, 20.0]
origin = [2.0, 1.0]
west = -150000.0
south = -100000.0
step = 50000.0
shape = [4, 6]
"""
TIME = """
[time]
timezone = "Europe/Zurich"
write = "{write}"
[[time.profile]]
sector = "F"
hour = [0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0]
"""
LAYERS = """
[layers]
edges = [0.0, 20.0, 92.0, 184.0, 324.0, 522.0, 781.0]
profiles = "heights.csv"
weather = { file = "weather.csv", wind = "wind", temperature = "air", gradient = "gradient" }
write = "hours"
"""
TARGETS = {
    "lonlat": "west = 0.0\nsouth = 0.0\nstep = 1.0\nshape = [2, 4]\n",
    "lambert": 'projection = "lambert"\nparallels = [10.0, 20.0]\norigin = [2.0, 1.0]\nwest = -150000.0\n'
               "south = -100000.0\nstep = 50000.0\nshape = [4, 6]\n",
    "utm": 'projection = "utm"\nzone = 31\nwest = 300000.0\nsouth = 20000.0\nstep = 40000.0\nshape = [4, 5]\n',
    "rotated pole": 'projection = "rotated_pole"\norigin = [-170.0, 43.0]\nwest = -10.0\nsouth = -48.0\nstep = 1.0\n'
                    "shape = [4, 6]\n",
    "mercator": 'projection = "mercator"\nparallels = [0.0, 0.0]\norigin = [0.0, 0.0]\nwest = 0.0\nsouth = 0.0\n'
                "step = 50000.0\nshape = [4, 8]\n",
    "laea": 'projection = "laea"\norigin = [2.0, 1.0]\nwest = -150000.0\nsouth = -100000.0\nstep = 50000.0\n'
            "shape = [4, 6]\n",
}  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A file, what it is, and whether all its species have CF names."""

    words: str
    path: Path
    named: bool = True


def do(*arguments: object) -> None:
    """Run a command; a failure ends all."""
    answer = call((*arguments, "--force"))
    if answer.code:
        sys.exit(f"ghg {' '.join(map(str, arguments))}: {answer.stderr}")


def table(folder: Path, name: str, rows: tuple, species: tuple[str, ...], places: bool) -> str:
    """Write a table of rows that carry their masses; return its section of the job."""
    heads = ["id", "region", "class", *(["lon", "lat", *STACK] if places else []), "heat(TJ)",
             *(f"{s}(t)" for s in species)]  # fmt: skip
    rng = np.random.default_rng(3)
    gas = ["150", "4", "20", "400"] if places else []
    lines = [
        ",".join([*row, *gas, "100", *(f"{m:.6g}" for m in rng.lognormal(3.0, 1.0, len(species)))]) for row in rows
    ]
    (folder / f"{name}.csv").write_text("\n".join([",".join(heads), *lines]) + "\n", encoding="utf-8")
    text = TABLE.format(name=name) + (PLACES if places else "")
    return text + "".join(f'[activity.carried."{s}"]\ncolumn = "{s}"\nu = 0.1\n' for s in species)


def ingredients(folder: Path) -> None:
    """Write regions, roads, profiles, a table of speciation and the weather."""
    ring = [[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]
    east = [[x + 2, y] for x, y in ring]
    shapes = [{"type": "Feature", "properties": {"code": c}, "geometry": {"type": "Polygon", "coordinates": [r]}}
              for c, r in (("W", ring), ("E", east))]  # fmt: skip
    (folder / "regions.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": shapes}))
    line = {"type": "LineString", "coordinates": [[0.1, 0.3], [3.9, 1.7]]}
    road = {"type": "Feature", "properties": {}, "geometry": line}
    (folder / "roads.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [road]}))
    (folder / "heights.csv").write_text("GNFR,20m,92m,500m\nA,0,0.4,0.6\nB,0.5,0.5,0\nC,1,0,0\nE,1,0,0\nF,1,0,0\n")
    (folder / "split.csv").write_text("species,sector,to,share,mole_share,molar_mass\nNMVOC,,par,0.7,,14.5\n"
                                      "NMVOC,,tol,0.3,,92.1\nNOx,,no,,0.9,30.006\nNOx,,no2,,0.1,46.005\n")  # fmt: skip
    times = np.datetime64("2021-01-01T00", "m") + np.timedelta64(60, "m") * np.arange(8760)
    rows = "".join(f"{t},{4 + t.astype(int) % 3},285,0.01\n" for t in times)
    (folder / "weather.csv").write_text("time,wind(m/s),air(K),gradient(K/m)\n" + rows)


def job_of(folder: Path, species: tuple[str, ...], areas: bool, *sections: str) -> str:
    """Return a job of a build, its tables written."""
    head = f'title = "Two regions"\nyear = 2021\ndraws = 0\nspecies = {json.dumps(species)}\n'
    tables = table(folder, "plants", SOURCES, species, True)
    return "".join([head, tables, table(folder, "areas", AREAS, species, False) if areas else "", *sections])


def built(folder: Path) -> Iterator[Made]:
    """Build the inventory in every form of its grid, its hours and its layers."""
    ingredients(folder)
    hours, apart, bits = TIME.format(write="hours"), "\nby_sector = true\n[[", "\nbits = 10\n[["
    jobs = {
        "all species": (MASSES, True, [GRID], []),
        "hours": (FEW, True, [GRID, hours], ["hourly.nc"]),
        "hours by sector": (FEW, True, [GRID, hours.replace("\n[[", apart, 1)], ["hourly.nc"]),
        "rounded hours": (FEW, True, [GRID, hours.replace("\n[[", bits, 1)], ["hourly.nc"]),
        "gathered hours": (FEW, True, [GRID, TIME.format(write="gathered")], ["hourly.nc"]),
        "factored hours": (FEW, True, [GRID, TIME.format(write="factored")], ["factored.nc"]),
        "points on Lambert": (FEW, False, [LAMBERT, hours], ["hourly.nc"]),
        "sectors summed": (FEW, True, [GRID.replace("step = 0.5", "step = 0.5\nsectors = false")], []),
        "swap": (FEW, True, [GRID, '[swap]\nby = "sector"\nof = ["A"]\nexcess = "zero"\n'], []),
        "lines as proxy": (FEW, True, [GRID, '[[grid.proxy]]\nsectors = ["F"]\nlines = "roads.geojson"\n'], []),
        "layers": (FEW, True, [GRID, TIME.format(write="factored"), LAYERS], ["layers.nc", "layers_hourly.nc"]),
        "no CF names": (UNNAMED, False, [LAMBERT, TIME.format(write="factored")], ["factored.nc"]),
    }
    for name, (species, areas, sections, more) in jobs.items():
        job, out = folder / "inventory.toml", folder / name.replace(" ", "-")
        job.write_text(job_of(folder, species, areas, *sections), encoding="utf-8")
        do("inventories", "build", job, "-o", out, "-q")
        for file in ("gridded.nc", *more):
            yield Made(f"build: {name}, {file}", out / file, name != "no CF names")


def derived(folder: Path) -> Iterator[Made]:
    """Regrid, merge, expand, layer, split and export what was built."""
    annual, hourly = folder / "all-species" / "gridded.nc", folder / "hours" / "hourly.nc"
    few = folder / "hours" / "gridded.nc"
    apart = folder / "hours-by-sector" / "hourly.nc"

    def job(command: str, name: str, text: str) -> Path:
        path, out = folder / "job.toml", folder / f"{command}-{name.replace(' ', '-')}.nc"
        path.write_text(text, encoding="utf-8")
        do("inventories", command, path, "-o", out, "-q")
        return out

    for name, target in TARGETS.items():
        text = f'input = "{annual.relative_to(folder)}"\n[target]\n{target}'
        yield Made(f"regrid: {name}", job("regrid", name, text))
    text = f'input = "{hourly.relative_to(folder)}"\n[target]\n{TARGETS["lonlat"]}'
    yield Made("regrid: hours", job("regrid", "hours", text))
    text = f'input = "layers/layers.nc"\n[target]\n{TARGETS["lambert"]}'
    yield Made("regrid: layers", job("regrid", "layers", text))
    two = "".join(f'[[inventory]]\nname = "{n}"\nfile = "{p.relative_to(folder)}"\n' for n, p in
                  (("nest", folder / "swap" / "gridded.nc"), ("all", few)))  # fmt: skip
    yield Made("merge", job("merge", "two", f"{two}[target]\n{TARGETS['lonlat']}"))
    for name, keys in (("hours", ""), ("factored", "factored = true\n"), ("gathered", "gathered = true\n"),
                       ("by sector", "by_sector = true\nbits = 12\n")):  # fmt: skip
        yield Made(f"expand: {name}", job("expand", name, f'input = "{few.relative_to(folder)}"\nyear = 2021\n{keys}'))
    layered = 'profiles = "heights.csv"\nedges = [0.0, 20.0, 100.0, 500.0]\n'
    yield Made("layers: annual", job("layers", "annual", f'input = "{annual.relative_to(folder)}"\n{layered}'))
    yield Made("layers: hours", job("layers", "hours", f'input = "{apart.relative_to(folder)}"\n{layered}'))
    split = 'table = "split.csv"\n'
    yield Made("speciate", job("speciate", "annual", f'input = "{annual.relative_to(folder)}"\n{split}'), named=False)
    for form, source, words in (("cf", annual, "annual"), ("cf", hourly, "hours"), ("hemco", annual, "annual"),
                                ("hemco", hourly, "hours"), ("edgar", annual, "annual")):  # fmt: skip
        out = folder / f"{form}-{words}.nc"
        do("inventories", "export", source, "-o", out, "--to", form, "-q")
        yield Made(f"export: {form}, {words}", out)


def checked(path: Path, suite: str, criteria: str) -> str:
    """Return what compliance-checker finds: nothing, or the names of its checks."""
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    report, quiet = path.with_suffix(".json"), io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        CheckSuite.load_all_available_checkers()
        passed, errors = ComplianceChecker.run_checker(
            str(path), [suite], 0, criteria, output_filename=str(report), output_format="json"
        )
    if passed and not errors:
        return "passes"
    found = json.loads(report.read_text(encoding="utf-8"))[suite]
    worst = [one for level in ("high", "medium", "low") for one in found[f"{level}_priorities"]
             if one["value"][0] < one["value"][1]]  # fmt: skip
    words = "; ".join(f"{one['name']}: {' '.join(one['msgs'])}" for one in worst) or "fails"
    # compliance-checker 6.1.0 takes the one attribute that it wants of a Mercator mapping letter by letter
    return "letters" if "l is a required attribute for grid mapping mercator" in words else words


def missing_names(path: Path) -> str:
    """Return the verdict of ACDD, told as ``names`` where standard names are all that it misses."""
    found = checked(path, "acdd:1.3", "normal")
    if found == "passes":
        return found
    rest = [part for part in found.split("; ") if "standard_name" not in part]
    return "names" if not rest else "; ".join(rest)


def cfchecks(program: Path, path: Path, tables: list[str]) -> str:
    """Return the complaints of cfchecker."""
    done = subprocess.run([str(program), *tables, "-v", "1.8", str(path)], capture_output=True, text=True, check=False)
    if not re.search(r"ERRORS detected: \d+", done.stdout):
        return "no verdict: " + (done.stderr.strip().splitlines() or ["?"])[-1]
    found = re.findall(r"^(?:ERROR|FATAL|WARN): *(?:\(([\d.]+)\))?:? *(.*)$", done.stdout, re.MULTILINE)
    return ", ".join(sorted({code or text.strip() for code, text in found})) or "passes"


def opened(path: Path) -> str:
    """Return whether xarray opens the file with times decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with xr.open_dataset(path) as ds:
                return "opens" if "time" in ds.variables else "no time"
    except Exception as error:  # whatever it raises is its verdict
        return str(error)


def says(*command: str) -> str:
    """Return whether a program reads the file."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return "reads" if done.returncode == 0 else (done.stderr.strip().splitlines() or ["fails"])[-1]


def judges(folder: Path, programs: Path | None) -> dict[str, Callable[[Path], str]]:
    """Return the judges of CF files that are there."""
    found: dict[str, Callable[[Path], str]] = {
        "cf:1.11 strict": lambda p: checked(p, "cf:1.11", "strict"), "acdd:1.3": missing_names, "xarray": opened,
    }  # fmt: skip
    if programs is not None and (programs / "cfchecks").exists():
        import compliance_checker

        names = Path(compliance_checker.__file__).parent / "data" / "cf-standard-name-table.xml"
        (folder / "area.xml").write_text('<?xml version="1.0"?><area_type_table><version_number>1</version_number>'
                                         "<date>2024</date></area_type_table>")  # fmt: skip
        (folder / "region.xml").write_text('<?xml version="1.0"?><standardized_region_list><version_number>1'
                                           "</version_number><date>2024</date></standardized_region_list>")  # fmt: skip
        tables = ["-s", str(names), "-a", str(folder / "area.xml"), "-r", str(folder / "region.xml")]
        found["cfchecks 1.8"] = lambda p: cfchecks(programs / "cfchecks", p, tables)
    if shutil.which("cdo"):
        found["cdo sinfo"] = lambda p: says("cdo", "-s", "sinfo", str(p))
    if shutil.which("ncdump"):
        found["ncdump -h"] = lambda p: says("ncdump", "-h", str(p))
    return found


EXPECTED = {"passes", "opens", "reads", "2.6.1", "letters"}


def models(folder: Path, python: Path | None) -> Iterator[tuple[str, str, bool]]:
    """Write files of models, whose layouts are their own; yield file, verdict, and whether it is good."""
    few, lambert = folder / "hours" / "gridded.nc", folder / "points-on-Lambert" / "hourly.nc"
    out = folder / "emis.ncf"
    do("inventories", "export", lambert, "-o", out, "--to", "ioapi", "-q")
    with xr.open_dataset(lambert) as ds:
        mass = float((ds["emission_co"] * ds["cell_area"]).isel(time=0).sum()) / 0.028010
    if python is not None:
        code = (
            f"import PseudoNetCDF as p; f = p.pncopen({str(out)!r}, format='ioapi'); "
            "print(f.variables['CO'].units.strip(), float(f.variables['CO'][0].astype('f8').sum()), f.NVARS)"
        )
        done = subprocess.run([str(python), "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
        words = (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing"])[-1]
        parts = words.split()
        good = done.returncode == 0 and abs(float(parts[-2]) / mass - 1.0) < 1e-6
        yield "export: ioapi, hours", f"PseudoNetCDF: first hour {words}; written {mass:.7g} mol/s of CO", good
        load = f"primap2.pm2io.read_interchange_format({str(folder / 'all-species' / 'primap2.yaml')!r})"
        code = (f"import primap2; d = {load}; x = primap2.pm2io.from_interchange_format(d); "
                "print(sorted(map(str, x.data_vars)), float(x['CO2'].pint.dequantify().sum()))")  # fmt: skip
        done = subprocess.run([str(python), "-W", "ignore", "-c", code], capture_output=True, text=True, check=False)
        words = (done.stdout.strip().splitlines() or done.stderr.strip().splitlines() or ["nothing"])[-1]
        book = read(folder / "all-species" / "gridded.nc")["ledger_mass"]
        whole = float(book.sel(ledger_species="co2", ledger_entry="in")) / 1e6
        good = done.returncode == 0 and abs(float(words.split()[-1]) / whole - 1.0) < 1e-9
        yield "build: primap2.csv", f"primap2: {words} Gg of CO2; compiled {whole:.9g}", good
    if (DATA / "wrfinput_d02").exists():
        out = folder / "wrfchemi_d02"
        do("inventories", "export", few, "-o", out, "--to", "wrfchem", "--domain", DATA / "wrfinput_d02", "-q")
        with zipfile.ZipFile(DATA / "wrfchemi_d02_2011-08-02.zip") as archive:
            sample = Path(archive.extract(archive.namelist()[0], folder))
        yield "export: wrfchem", *layout(out, sample)


def layout(mine: Path, sample: Path) -> tuple[str, bool]:
    """Compare dimensions, and dimensions, type and attributes of the variables of two files."""
    with netCDF4.Dataset(mine) as a, netCDF4.Dataset(sample) as b:
        sizes = [{n: len(d) for n, d in nc.dimensions.items() if n != "Time"} for nc in (a, b)]
        odd = [n for n in ("Times", "XLAT", "XLONG", "E_CO") if a[n].dimensions != b[n].dimensions
               or a[n].dtype != b[n].dtype
               or any(str(a[n].getncattr(k)) != str(b[n].getncattr(k)) for k in b[n].ncattrs())]  # fmt: skip
    return f"the sample of eixport: {'the same dimensions' if sizes[0] == sizes[1] else sizes}, odd: {odd or 'none'}", (
        sizes[0] == sizes[1] and not odd
    )


def main() -> None:
    """Make the files, ask the judges, print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--judges", type=Path, help="folder of programs of an environment with cfchecker")
    options.add_argument("--keep", type=Path, help="folder for the files; a temporary one where left out")
    options.add_argument("--only", default="", help="word of the files that are judged")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.keep or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        asked, bad = judges(folder, given.judges), 0
        print("| file | " + " | ".join(asked) + " |\n|" + " --- |" * (len(asked) + 1))
        for made in (one for some in (built, derived) for one in some(folder)):
            if given.only not in made.words:
                continue
            verdicts = {name: judge(made.path) for name, judge in asked.items()}
            good = EXPECTED if made.named else EXPECTED | {"names"}
            bad += sum(v not in good for v in verdicts.values())
            print(f"| {made.words} | " + " | ".join(verdicts.values()) + " |", flush=True)
        python = given.judges / "python" if given.judges is not None else None
        for words, verdict, good in models(folder, python):
            bad += not good
            print(f"{words}: {verdict}{'' if good else ' (bad)'}", flush=True)
    print(f"{bad} verdicts that were not expected")
    sys.exit(bad > 0)


if __name__ == "__main__":
    main()
