"""Large inputs through the command line, and the memory they take: facility tables, and a network of many stations.

``robustness_large.py [campd table parquet compare units network] [--rows N] [--stations N] [--years N] [--json FILE]``.
The peak is that of the process; what libraries and compiled code take is told beside it (the same command on few rows).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.robustness_commands import ROOT, STACK

FEW = 20_000  # rows: enough that the same compiled code is loaded
MONTH, YEAR = 31 * 1440, 8760  # minutes and hours: the fewest that can be compared with the fuel of months
PEAK = "peak.txt"  # where a process writes its own peak: the system's number begins with that of who started it
PROGRAM = f"""import atexit, resource, sys
def peak():
    own = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
    print(max(int(own), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss), file=open("{PEAK}", "w"))
atexit.register(peak)
sys.argv = ["ghg", *sys.argv[1:]]
from ghg.cli import main
main()"""
GHG = [sys.executable, "-c", PROGRAM]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}


def run(words: str, folder: Path) -> dict[str, Any]:
    """Run a command; return what it took."""
    began = time.perf_counter()
    process = subprocess.Popen([*GHG, *words.split()], cwd=folder, env=ENVIRONMENT, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True)  # fmt: skip
    assert process.stdout is not None
    said = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return {"exit": process.returncode, "peak_mb": round(int((folder / PEAK).read_text()) / 1e3), "processor_s": round(
        used.ru_utime + used.ru_stime, 1), "clock_s": round(time.perf_counter() - began, 1),
        **({"says": said[-300:]} if process.returncode else {})}  # fmt: skip


def facility(kind: str, rows: int) -> dict[str, Any]:
    """Send a large table of one kind through its command; beside it, the same with few rows."""
    make, words, few = KINDS[kind]
    found = []
    for count in (few, rows):
        with tempfile.TemporaryDirectory() as base:
            folder = Path(base)
            size = make(folder, count)
            one = run(words, folder)
            found.append({"rows": count, "file_mb": round(size / 1e6), **one, "arrays_mb": _arrays(folder / "out.nc")})
    base_mb, peak = found[0]["peak_mb"], found[1]["peak_mb"]
    return {**found[1], "libraries_mb": base_mb, "bytes_per_row": round((peak - base_mb) * 1e6 / (rows - few))}


def _arrays(path: Path) -> float | None:
    """Return the size of the variables of a file in memory [MB]: no answer takes less."""
    import netCDF4

    if not path.is_file():
        return None
    with netCDF4.Dataset(path) as nc:
        sizes = [v.size * np.dtype(v.dtype).itemsize for v in nc.variables.values() if v.dtype is not str]
    return round(sum(sizes) / 1e6)


def _campd(folder: Path, rows: int) -> int:
    head = "State,Facility Name,Facility ID,Unit ID,Date,Hour,Operating Time,Gross Load (MW),Steam Load (1000 lb/hr),"
    head += "CO2 Mass (short tons),CO2 Mass Measure Indicator,Heat Input (mmBtu)\n"
    import numpy as np

    hours = np.datetime64("2018-01-01T00", "h") + np.arange(8760)
    stamps = [f"{str(h)[:10]},{int(str(h)[11:])},1,300,,98.9,Measured,1000.5\n" for h in hours]
    with (folder / "c.csv").open("w") as file:
        file.write(head)
        for unit in range(-(-rows // 8760)):
            file.writelines(f"AZ,Cholla,113,{unit},{s}" for s in stamps[: rows - unit * 8760])
    (folder / "stack.toml").write_text('[reader]\nformat = "campd"\nfiles = "c.csv"\n')
    return (folder / "c.csv").stat().st_size


def _rows(folder: Path, rows: int) -> int:
    import numpy as np

    stamps = np.datetime64("2020-01-01T00:00", "m") + np.arange(rows)
    with (folder / "records.csv").open("w") as file:
        file.write("t,e\n")
        file.writelines(f"{str(s).replace('T', ' ')},{k % 100}.5\n" for k, s in enumerate(stamps))
    (folder / "stack.toml").write_text(STACK.replace('label = "start"', 'label = "start", interval = 60.0'))
    return (folder / "records.csv").stat().st_size


def _parquet(folder: Path, rows: int) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    stamps = np.datetime64("2020-01-01T00:00", "us") + np.timedelta64(60, "s") * np.arange(rows)
    pq.write_table(pa.table({"t": stamps, "e": np.arange(rows) % 100 + 0.5}), folder / "records.parquet",
                   row_group_size=1 << 17)  # fmt: skip
    text = STACK.replace('label = "start"', 'label = "start", interval = 60.0')
    (folder / "stack.toml").write_text(text.replace("records.csv", "records.parquet"))
    return (folder / "records.parquet").stat().st_size


def _compared(folder: Path, rows: int) -> int:
    """Write the minutes of :func:`_rows`, and the coal of the same months with an error of a percent."""
    size = _rows(folder, rows)
    _beside(folder, np.datetime64("2020-01-01T00:00", "m"), np.datetime64("2020-01-01T00:00", "m") + rows, 50.0)
    return size


def _compared_units(folder: Path, rows: int) -> int:
    """Write the hours of :func:`_campd`, units of 98.9 short ton an hour, and the coal they burn in a year."""
    size = _campd(folder, rows)
    minute = 98.9 * 0.90718474 / 60.0 * -(-rows // 8760)
    _beside(folder, np.datetime64("2018-01-01T00:00", "m"), np.datetime64("2019-01-01T00:00", "m"), minute)
    return size


def _beside(folder: Path, start: np.datetime64, after: np.datetime64, minute: float) -> None:
    """Write a comparison of the records with the coal of whole months, `minute` tonnes of CO2 in the mean."""
    months = np.arange(start.astype("M8[M]"), after.astype("M8[M]"))
    length = (months + 1).astype("M8[m]") - months.astype("M8[m]")  # minutes
    wrong = 1.0 + np.random.default_rng(1).normal(0.0, 0.01, months.size)
    coal = minute * length.astype(float) / (25.0 * 0.095 * 0.99) * wrong
    rows_of_fuel = "".join(f"{month},{mass:.1f}\n" for month, mass in zip(months, coal, strict=True))
    (folder / "fuel.csv").write_text(f"month,coal (t)\n{rows_of_fuel}")
    span = f'start = "{months[0]}-01"\nend = "{months[-1] + 1}-01"\nby = "month"\n'
    measured = (folder / "stack.toml").read_text().replace("[reader]", "[measured.reader]")
    (folder / "compare.toml").write_text(
        f'facility = {{ name = "A", timezone = "UTC" }}\n[comparison]\n{span}{measured}[accounted]\n{span}'
        'timezone = "UTC"\nrecords = { file = "fuel.csv", time = "month" }\n'
        '[[accounted.stream]]\nname = "coal"\nfuel = "bituminous"\n'
        'method = "ipcc2006-tier3"\nmass = { column = "coal (t)", unit = "t" }\n'
        'calorific_value = { values = [25.0], unit = "GJ/t", basis = "net" }\n'
        'emission_factor = { values = [95.0], unit = "kg/GJ" }\noxidation = { values = [0.99], unit = "1" }\n'
    )


EMISSION = "sensors emission stack.toml -o out.nc -q"
COMPARE = "facility compare compare.toml -o report -q"
KINDS = {"campd": (_campd, EMISSION, FEW), "table": (_rows, EMISSION, FEW), "parquet": (_parquet, EMISSION, FEW),
         "compare": (_compared, COMPARE, MONTH), "units": (_compared_units, COMPARE, YEAR)}  # fmt: skip


def _station(years: float) -> dict[str, Any]:
    """Return rows of an analyser that drifts: air every ten minutes, four cylinders twice a day, ten minutes each."""
    start, rng = 1_384_473_600.0, np.random.default_rng(1)
    air = start + np.arange(0.0, years * 365.0 * 86400.0, 600.0)
    air = air[(air - start) % 43200.0 >= 3600.0]
    visits = start + np.arange(0.0, years * 365.0 * 86400.0, 43200.0) + 600.0
    tanks = np.array([380.0, 450.0, 520.0, 415.0])
    offsets = np.arange(0.0, 2400.0, 30.0)
    time = np.concatenate([air, (visits[:, None] + offsets).ravel()])
    port = np.concatenate([np.ones(air.size), np.tile(2.0 + offsets // 600.0, visits.size)])
    order = np.argsort(time, kind="stable")
    time, port = time[order], port[order]
    day = (time - start) / 86400.0
    seen = 400.0 + day / 160.0 + 5.0 * np.sin(day / 58.1)
    truth = np.where(port == 1.0, seen, tanks[np.maximum(port - 2.0, 0.0).astype(int)])
    drift = 0.3 + day / 1000.0 + 0.2 * np.sin(day / 90.0)
    read = (truth - drift) / 1.002 + rng.normal(0.0, 0.06, time.size)
    columns = {"MPVPosition": port, "CO2": read * 0.97, "CO2_dry": read, "h2o_reported": 2.0, "species": 3.0,
               "CavityPressure": 140.0}  # fmt: skip
    return {"time": time, "columns": columns, "assigned": tanks + rng.normal(0.0, 0.03, tanks.size)}


def _logs(made: dict[str, Any], folder: Path) -> list[Path]:
    """Write the rows of a station, a log for every thirty days; return the files."""
    from tests.station_logs import text_of

    months = ((made["time"] - made["time"][0]) // (30.0 * 86400.0)).astype(int)
    paths = []
    for month in range(int(months[-1]) + 1):
        own = np.flatnonzero(months == month)
        day = str(np.datetime64(int(made["time"][own[0]]), "s"))[:10].replace("-", "")
        paths.append(folder / f"CFADS2001-{day}-000000Z-DataLog_User.dat")
        columns = {k: v[own] if isinstance(v, np.ndarray) else v for k, v in made["columns"].items()}
        paths[-1].write_bytes(text_of(made["time"][own], columns))
        os.utime(paths[-1], (1e9, 1e9))
    return paths


def network(stations: int, years: float) -> dict[str, Any]:
    """Make a network of raw logs and calibrate it: one station alone, all with one and two processes, all again.

    All stations read the same logs (links), each for itself.
    """
    from tests.sensors.station.test_killed import toml_of
    from tests.station_logs import job_of

    with tempfile.TemporaryDirectory() as base:
        folder, names = Path(base), [f"S{k:02d}" for k in range(stations)]
        made = _station(years)
        logs = _logs(made, folder)
        for name in names:
            (folder / name / "logs").mkdir(parents=True)
            for log in logs:
                os.link(log, folder / name / "logs" / log.name)
            job = job_of(["logs"], made["assigned"], calibration={"flush": 100.0})
            (folder / name / "station.toml").write_text(toml_of(job))
        text = "".join(f'[[stations]]\nconfig = "{n}/station.toml"\nname = "{n}"\n' for n in names)
        end = np.datetime_as_string(np.datetime64(int(made["time"][-1]), "s"))
        (folder / "network.toml").write_text(f'title = "many"\nwatch = {{ at = "{end}" }}\n{text}')
        one = run(f"sensors calibrate {names[0]}/station.toml -o one.nc -q", folder)
        print(f"one station {json.dumps(one)}", flush=True)
        first = run("sensors network network.toml -o out -q", folder)
        print(f"network {json.dumps(first)}", flush=True)
        return {
            "stations": stations, "years": years, "rows_of_each": int(made["time"].size),
            "logs_mb": round(sum(log.stat().st_size for log in logs) * stations / 1e6),
            "one_station": one, "network": first,
            "written_mb": round(sum(p.stat().st_size for p in (folder / "out").rglob("*") if p.is_file()) / 1e6),
            "again": run("sensors network network.toml -o out -q", folder),
            "two_processes": run("sensors network network.toml -o two -q --workers 2", folder),
        }  # fmt: skip


def main() -> None:
    """Run what is asked for and print it."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("parts", nargs="*", default=[*KINDS, "network"])
    options.add_argument("--rows", type=int, default=10_000_000)
    options.add_argument("--stations", type=int, default=50)
    options.add_argument("--years", type=float, default=10.0)
    options.add_argument("--json", type=Path)
    given = options.parse_args()
    found = json.loads(given.json.read_text("utf-8")) if given.json and given.json.is_file() else {}
    for part in given.parts:
        one = network(given.stations, given.years) if part == "network" else facility(part, given.rows)
        print(f"{part:8s} {json.dumps(one)}", flush=True)
        found[f"{part} {given.stations if part == 'network' else given.rows}"] = one
        if given.json:
            given.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
