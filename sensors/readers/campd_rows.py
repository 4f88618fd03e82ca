"""Records of US EPA bulk files, in columns, before they become a Dataset."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

__all__ = ["MONTHS", "Rows"]

MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}


@dataclass
class Rows:
    """Records of one or more files.

    Parameters
    ----------
    kind : {"hourly", "daily", "monthly", "quarterly", "annual"}
    labels : list of str
        Different sources.
    source : int64 (n,)
        Index into `labels`.
    period : int64 (n,)
        Local hours since 1970-01-01T00 (hourly), days (daily) or months (others).
    values : dict of str to float64 (n,)
        co2 [kg], heat_input [J], operating_time [h], gross_load [W or J], steam_load [kg s-1 or kg].
    flag : int64 (n,), words : list of str
        Measure indicator of CO2; empty list when the file has none.
    file : int64 (n,), files : list of str
        Where each record stands.
    about : dict of str to (name, state, facility, unit)
        What is known of each source.
    """

    kind: str
    labels: list[str]
    source: npt.NDArray[np.int64]
    period: npt.NDArray[np.int64]
    values: dict[str, npt.NDArray[np.float64]]
    flag: npt.NDArray[np.int64]
    words: list[str]
    file: npt.NDArray[np.int64]
    files: list[str]
    about: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
