"""The emission in pieces of any size is one and the same file; a fault in the last piece leaves none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core import netcdf
from ghg.core._digest import VOLATILE
from ghg.core.errors import InputError
from ghg.core.pieces import Cut, write_pieces
from ghg.core.provenance import Record, verify
from ghg.core.uncertainty.datasets import dataset_total
from ghg.core.uncertainty.parts import SourceTotals
from sensors.config import StackJob
from sensors.readers import scratch
from sensors.stack.job import run, run_pieces, try_out

HEAD = (
    "State,Facility Name,Facility ID,Unit ID,Date,Hour,Operating Time,Gross Load (MW),Steam Load (1000 lb/hr),"
    "CO2 Mass (short tons),CO2 Mass Measure Indicator,Heat Input (mmBtu)\n"
)
CHANNELS = {
    "reader": {
        "format": "table",
        "files": ("t.csv",),
        "source_column": "s",
        "time": {"column": "t", "timezone": "UTC+08:00", "label": "start"},
        "columns": {
            "concentration": {"column": "c", "units": "mg/m3", "humidity": "dry",
                              "state": {"temperature": "0 degC", "pressure": "101.325 kPa", "humidity": "dry"}},
            "flow": {"column": "q", "units": "m3/h",
                     "state": {"temperature": "0 degC", "pressure": "101.325 kPa", "humidity": "dry"}},
        },
    },
    "stack": {"method": "hj75"},
}  # fmt: skip


def hours(unit: int, count: int, flag: str = "Measured", *, first: int = 0, load: str = "") -> list[str]:
    stamps = np.datetime64("2018-01-01T00") + np.arange(first, first + count)
    who = f"AZ,Cholla,113,{unit}"
    return [f"{who},{str(h)[:10]},{int(str(h)[11:])},{k % 3 / 2},{load},,{k % 7 + unit},{flag},{80 + k}\n"
            for k, h in enumerate(stamps)]  # fmt: skip


def campd(folder: Path) -> dict[str, Any]:
    """Units that differ in methods, columns with a value, gaps and repeats: what only the whole can tell of a piece."""
    rows = hours(1, 30) + hours(3, 24, "Substitute", load="70") + hours(2, 30, "LME") + hours(7, 30)
    rows += hours(1, 5)  # again, and far from the others
    (folder / "c.csv").write_text(HEAD + "".join(rows))
    return {"reader": {"format": "campd", "files": ("c.csv",)}}


def channels(folder: Path, zone: str = "UTC+08:00") -> dict[str, Any]:
    stamps = np.datetime64("2020-10-24T20", "h") + np.arange(40)
    rows = [f"{str(h).replace('T', ' ')}:00,{s},{100 + k},{'' if k == 9 else k * 10}\n"
            for k, h in enumerate(stamps) for s in ("b", "a", "c") if (s, k % 11) != ("a", 3)]  # fmt: skip
    (folder / "t.csv").write_text("t,s,c,q\n" + "".join(rows))
    reader = {**CHANNELS["reader"], "time": {**CHANNELS["reader"]["time"], "timezone": zone}}
    return {**CHANNELS, "reader": reader}


def reported(folder: Path) -> dict[str, Any]:
    """One source that is split in time, with words of methods that not all pieces know."""
    stamps = np.datetime64("2020-01-01T00:00", "m") + np.arange(50)
    rows = [f"{str(h).replace('T', ' ')},{5 + k % 6},{'m' if k < 40 else 's'}\n" for k, h in enumerate(stamps)]
    (folder / "t.csv").write_text("t,e,m\n" + "".join([*rows[30:], *rows[:32]]))  # not in order, some twice
    return {"reader": {
        "format": "table", "files": ("t.csv",), "method_column": "m", "methods": {"m": "direct", "s": "substitute"},
        "time": {"column": "t", "timezone": "UTC", "label": "end", "interval": 60.0},
        "columns": {"emission": {"column": "e", "units": "kg/s"}},
    }}  # fmt: skip


def written(job: StackJob, folder: Path, cells: int | None, name: str) -> tuple[str, Any, Record]:
    record: Record = Record("sensors emission", job, command=["ghg"])
    pieces = run_pieces(job, base=folder, record=record, cut=Cut(cells))
    totals = SourceTotals(draws=2000)
    pieces.parts = totals.passing(pieces.parts)
    return write_pieces(pieces, folder / name, record=record), totals.found(), record


@pytest.mark.parametrize("make", [campd, channels, reported])
def test_pieces_of_any_size_are_one_file(make: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    job = StackJob.model_validate(make(tmp_path))
    whole = run(job, base=tmp_path)
    record = Record("sensors emission", job, command=["ghg"])
    digest = netcdf.write(whole, tmp_path / "whole.nc", record=record)

    def read(name: str) -> Any:
        return netcdf.read(tmp_path / name).assign_attrs(dict.fromkeys(VOLATILE, ""))

    _, alone, said = written(job, tmp_path, None, "one.nc")
    for cells in (7, 40, 70):
        found, totals, told = written(job, tmp_path, cells, f"{cells}.nc")
        assert found == digest
        assert told.steps == said.steps
        assert verify(tmp_path / f"{cells}.nc").ok
        assert read(f"{cells}.nc").identical(read("whole.nc"))
        for (label, one), (name, other) in zip(totals, alone, strict=True):
            assert (label, one.shapes) == (name, other.shapes)
            np.testing.assert_allclose(
                [one.value, one.u, *one.interval], [other.value, other.u, *other.interval], 1e-12
            )
    assert alone[0][1].value == dataset_total(whole.isel(source=[0]), draws=0).value


def test_double_hours_are_told_apart_in_pieces(tmp_path: Path) -> None:
    """The hour that comes twice in autumn belongs to one source in one order, wherever its records stand."""
    job = channels(tmp_path, "Europe/Berlin")
    rows = (tmp_path / "t.csv").read_text().splitlines()
    at = next(k for k, row in enumerate(rows) if row.startswith("2020-10-25 03"))
    again = [row.replace(",1", ",2", 1) for row in rows[at - 3 : at] if row.startswith("2020-10-25 02")]
    (tmp_path / "t.csv").write_text("\n".join([*rows[:at], *again, *rows[at:]]) + "\n")
    config = StackJob.model_validate(job)
    whole = run(config, base=tmp_path)
    assert whole.sizes["time"] == 41
    record = Record("sensors emission", config, command=["ghg"])
    digest = netcdf.write(whole, tmp_path / "whole.nc", record=record)
    assert written(config, tmp_path, 45, "part.nc")[0] == digest


def test_a_fault_in_the_last_piece_leaves_no_file(tmp_path: Path) -> None:
    campd(tmp_path)
    with (tmp_path / "c.csv").open("a") as file:
        file.writelines([row.replace(",Measured,", "9,Measured,") for row in hours(7, 2, first=3)])
    job = StackJob.model_validate({"reader": {"format": "campd", "files": ("c.csv",)}})
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(InputError, match=r"113-7 has two different records of 2018-01-01T03.*2 contradicting"):
        written(job, tmp_path, 30, "out.nc")
    assert sorted(p.name for p in tmp_path.iterdir()) == before
    with pytest.raises(InputError, match="two different records"):
        try_out(job, base=tmp_path)


def test_a_missing_folder_is_told_by_who_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "IN_MEMORY", 100)
    job = StackJob.model_validate(campd(tmp_path))
    pieces = run_pieces(job, base=tmp_path, cut=Cut(30, tmp_path / "nowhere"))
    with pytest.raises(InputError, match=r"nowhere.*does not exist"):
        write_pieces(pieces, tmp_path / "nowhere" / "out.nc", record=Record("sensors emission", job, command=["ghg"]))


def test_memory_is_that_of_one_piece(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four times the sources take less than a quarter more memory once they are read; in one piece four times."""
    import tracemalloc

    monkeypatch.setattr(scratch, "IN_MEMORY", 1000)
    peaks = []
    for units in (1, 2, 8):
        (tmp_path / "c.csv").write_text(HEAD + "".join(row for k in range(units) for row in hours(k + 1, 1500)))
        job = StackJob.model_validate({"reader": {"format": "campd", "files": ("c.csv",)}})
        pieces = run_pieces(job, base=tmp_path, cut=Cut(1500))
        tracemalloc.start()
        for part in pieces.parts:
            del part
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.25 * peaks[1]
