"""US Energy Information Administration form 923: monthly fuel of a plant."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from ghg.core.errors import InputError
from inventories.config import Series, StreamConfig

NEEDED = ("plant_id_eia", "report_date", "fuel_type", "fuel_consumed_units", "fuel_consumed_mmbtu")
# physical unit of fuel_consumed_units by aggregated fuel code (form EIA-923 instructions, schedule 3)
UNITS = {"BIT": "short_ton", "SUB": "short_ton", "LIG": "short_ton", "DFO": "oil_bbl", "RFO": "oil_bbl", "NG": "kft3"}
CUBIC_FEET = 1000.0


def read(path: str | Path, plant: int, start: str, end: str) -> list[StreamConfig]:
    """Return the streams of a plant, one for each fuel, with monthly mass and energy (gross).

    Parameters
    ----------
    path : str or Path
        CSV with one row per plant, month, fuel and prime mover.
    plant : int
        Plant code.
    start, end : str
        First month and month after the last (``2012-01-01``).

    Raises
    ------
    InputError
        Missing columns or plant, an empty month, negative fuel, or a fuel without factor.
    """
    path = Path(path)
    try:
        table: Any = pd.read_csv(path)
    except FileNotFoundError as error:
        raise InputError("the file does not exist", where=path.name) from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError, IsADirectoryError) as error:
        raise InputError("the file is not a readable CSV", where=path.name) from error
    missing = [name for name in NEEDED if name not in table]
    if missing:
        raise InputError(
            "columns are missing", where=path.name, found=", ".join(table.columns), need=", ".join(missing)
        )
    table["report_date"] = pd.to_datetime(table["report_date"], errors="coerce")
    rows = table[(table.plant_id_eia == plant) & (table.report_date >= start) & (table.report_date < end)]
    if rows.empty:
        raise InputError(f"plant {plant} has no rows from {start} to {end}", where=path.name)
    months = pd.date_range(start, end, freq="MS", inclusive="left")
    return [s for fuel, part in rows.groupby("fuel_type") if (s := _stream(str(fuel), part, months, path)) is not None]


def _stream(fuel: str, part: Any, months: pd.DatetimeIndex, path: Path) -> StreamConfig | None:
    sums = part.groupby("report_date")[["fuel_consumed_units", "fuel_consumed_mmbtu"]].sum(min_count=1).reindex(months)
    if not sums.fuel_consumed_mmbtu.fillna(0.0).any():
        return None  # listed, but not burnt in the period
    if sums.fuel_consumed_mmbtu.isna().any():
        empty = sums.index[sums.fuel_consumed_mmbtu.isna()][0]
        raise InputError(
            f"{fuel} has no record in {empty:%Y-%m}", where=path.name, hint="write 0 where no fuel was burnt"
        )
    if (sums < 0).any().any():
        raise InputError(f"{fuel} has a negative amount", where=path.name)
    energy = Series(unit="mmBtu", values=sums.fuel_consumed_mmbtu.tolist(), basis="gross")
    mass = _amount(fuel, sums.fuel_consumed_units)
    return StreamConfig(name=fuel, fuel=fuel, method="part98-tier1", mass=mass, energy=energy)


def _amount(fuel: str, units: Any) -> Series | None:
    unit = UNITS.get(fuel)
    if unit == "kft3":
        return Series(unit="ft3", values=(units * CUBIC_FEET).tolist())
    return None if unit is None else Series(unit=unit, values=units.tolist())
