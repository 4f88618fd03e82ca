"""Three cylinders at NEON ONAQ, each withheld in turn: bias, scatter and coverage by model of drift and stated u.

Run ``python benchmarks/leave_one_out_neon.py [FOLDER]`` with the folder of the HDF5 bundles (``../shared/data/sensors/
neon`` by default). May 2019 by day; the three days of June 2020 with the same configuration.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ghg.core.config import load
from sensors.config.station import StationJob
from sensors.station.job import calibrate, read_records

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples" / "neon-onaq" / "station.toml"
STATED = (0.003, 0.03, 0.07)  # standard uncertainty of the assigned values; the files state none


def table(folder: Path, pattern: str) -> None:
    files = f'records.files="{folder / pattern}"'
    records, _ = read_records(load(EXAMPLE, StationJob, [files]))
    print(f"\n{pattern}: calibrated minus assigned of the cylinder withheld, umol mol-1")
    print(f"{'drift by':<13}{'u stated':>9}  {'withheld':<10}{'visits':>7}{'mean':>9}{'sd':>8}{'u':>8}"
          f"{'inside 95 %':>13}{'consistent':>12}")  # fmt: skip
    for drift in ("smoother", "interpolate"):
        for u in STATED:
            changes = [f"cylinders.{k}.values.co2.uncertainty={u}" for k in range(3)]
            job = load(EXAMPLE, StationJob, [files, f'calibration.drift="{drift}"', *changes])
            found = json.loads(calibrate(records, job).attrs["calibration_findings"])["co2"]
            p = min(one["p"] for one in found["sets"])
            for name, left in found["left_out"].items():
                sd = float("nan") if left["sd"] is None else left["sd"]
                print(f"{drift:<13}{u:>9.3f}  {name:<10}{left['n']:>7}{left['mean']:>+9.4f}{sd:>8.4f}{left['u']:>8.4f}"
                      f"{100 * left['coverage']:>12.0f}%{'p ' + format(p, '.1e'):>12}")  # fmt: skip


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT.parent / "shared" / "data" / "sensors" / "neon"
    for which in ("*2019-05*.h5", "*2020-06*.h5"):
        table(given, which)
