"""US Energy Information Administration form 923: monthly fuel of a plant.

Two layouts: the published workbook (page 1, one row per plant, prime mover and fuel, twelve columns for each quantity),
and the long table of the Public Utility Data Liberation project (one row per plant, month, prime mover and fuel).
"""

from __future__ import annotations

import calendar
from pathlib import Path
from typing import Any

import numpy as np

from ghg.core.errors import InputError
from ghg.core.tables import ColumnSpec, read_table
from inventories.config import Series, StreamConfig

__all__ = ["read"]

Frame = Any  # pandas.DataFrame, whose stubs do not know its columns

BEYOND = 1e15  # no plant burns this in a month, in any unit
# physical unit of the fuel by code (form EIA-923 instructions, schedule 3)
UNITS = {"BIT": "short_ton", "SUB": "short_ton", "LIG": "short_ton", "ANT": "short_ton", "DFO": "oil_bbl",
         "RFO": "oil_bbl", "NG": "kft3"}  # fmt: skip
CUBIC_FEET = 1000.0
LONG = {
    "plant": ColumnSpec("plant_id_eia"),
    "month": ColumnSpec("report_date", kind="time"),
    "fuel": ColumnSpec("fuel_type", kind="text"),
    "units": ColumnSpec("fuel_consumed_units"),
    "mmbtu": ColumnSpec("fuel_consumed_mmbtu"),
}
MONTHS = list(calendar.month_name)[1:]
WITHHELD = "."  # how the workbook writes what was not reported


def read(path: str | Path, plant: int, start: str, end: str) -> list[StreamConfig]:
    """Return the streams of a plant, one for each fuel, with monthly amount and energy (gross).

    Parameters
    ----------
    path : str or Path
        Workbook, its first page as CSV, or the long table.
    plant : int
        Plant code.
    start, end : str
        First month and month after the last (``2012-01-01``).

    Raises
    ------
    InputError
        An unreadable file, missing columns or plant, an empty month, or negative fuel.
    """
    import pandas as pd

    path = Path(path)
    months: Any = pd.date_range(start, end, freq="MS", inclusive="left")
    table = _long(path) if _is_long(path) else _workbook(path)
    rows = table[(table.plant == plant) & table.month.isin(months)]
    if rows.empty:
        raise InputError(f"plant {plant} has no rows from {start} to {end}", where=path.name)
    return [s for fuel, part in rows.groupby("fuel") if (s := _stream(str(fuel), part, months, path)) is not None]


def _is_long(path: Path) -> bool:
    if not path.is_file() or path.suffix.lower() in (".xlsx", ".xlsm"):
        return False
    with path.open("rb") as file:
        return b"plant_id_eia" in file.read(65536)


def _long(path: Path) -> Frame:
    return read_table(path, LONG, timezone="UTC")


def _workbook(path: Path) -> Frame:
    """Return the wide page as a long table."""
    import pandas as pd

    columns = {"plant": ColumnSpec("Plant Id"), "year": ColumnSpec("YEAR"),
               "fuel": ColumnSpec("Reported Fuel Type Code", kind="text")}  # fmt: skip
    for number, month in enumerate(MONTHS, 1):
        columns[f"units.{number}"] = ColumnSpec(f"Quantity {month}", kind="text")
        columns[f"mmbtu.{number}"] = ColumnSpec(f"Tot_MMBtu {month}", kind="text")
    wide: Frame = read_table(path, columns)
    if wide.empty:
        raise InputError("the table holds no record", where=path.name)
    odd = ~wide.year.between(1970, 2200)  # an empty cell is odd too
    if odd.any():
        raise InputError("YEAR is no year", where=f"{path.name}, row {wide.index[odd.to_numpy()][0]}",
                         found=f"'{wide.year[odd].iloc[0]}'", need="1970 to 2200")  # fmt: skip
    month = np.rint(wide.year.to_numpy(float)).astype(int)[:, None] * 12 + np.arange(12) - 1970 * 12
    return pd.DataFrame({
        "plant": wide.plant.repeat(12).to_numpy(), "fuel": wide.fuel.repeat(12).to_numpy(),
        "month": month.ravel().astype("datetime64[M]").astype("datetime64[ns]"),
        **{name: _numbers(wide, name, path) for name in ("units", "mmbtu")}})  # fmt: skip


def _numbers(wide: Frame, name: str, path: Path) -> Any:
    """Return the twelve columns of a quantity, row by row; NaN where nothing was reported."""
    import pandas as pd

    cells: Any = wide[[f"{name}.{number}" for number in range(1, 13)]].to_numpy(object)
    plain: Any = pd.Series(cells.ravel()).fillna("").str.strip().str.replace(",", "").replace(WITHHELD, "")
    numbers: Any = pd.to_numeric(plain, errors="coerce")
    values = numbers.to_numpy(float)
    wrong = (plain != "").to_numpy() & ~(np.abs(values) < BEYOND)
    if wrong.any():
        row, month = divmod(int(np.argmax(wrong)), 12)
        raise InputError(f"{name} of {MONTHS[month]} is not a number", where=f"{path.name}, row {wide.index[row]}",
                         found=f"'{cells[row, month]}'", need=f"a number below {BEYOND:g}")  # fmt: skip
    return values


def _stream(fuel: str, part: Frame, months: Any, path: Path) -> StreamConfig | None:
    sums = part.groupby("month")[["units", "mmbtu"]].sum(min_count=1).reindex(months)
    if not sums.mmbtu.fillna(0.0).any():
        return None  # listed, but not burnt in the period
    if sums.mmbtu.isna().any():
        empty = sums.index[sums.mmbtu.isna()][0]
        raise InputError(f"{fuel} has no record in {empty:%Y-%m}", where=path.name,
                         hint="write 0 where no fuel was burnt")  # fmt: skip
    if (sums < 0).any().any():
        raise InputError(f"{fuel} has a negative amount", where=path.name)
    energy = Series(unit="mmBtu", values=sums.mmbtu.tolist(), basis="gross")
    mass = _amount(fuel, np.asarray(sums.units, float))
    return StreamConfig(name=fuel, fuel=fuel, method="part98-tier1", mass=mass, energy=energy)


def _amount(fuel: str, units: Any) -> Series | None:
    unit = UNITS.get(fuel)
    if unit is None or np.isnan(units).any():
        return None
    if unit == "kft3":
        return Series(unit="ft3", values=(units * CUBIC_FEET).tolist())
    return Series(unit=unit, values=units.tolist())
