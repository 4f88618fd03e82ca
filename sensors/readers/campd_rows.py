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
    source : int32 (n,)
        Index into `labels`.
    period : int32 (n,)
        Local hours since 1970-01-01T00 (hourly), days (daily) or months (others).
    values : dict of str to float64 (n,)
        co2 [kg], heat_input [J], operating_time [h], gross_load [W or J], steam_load [kg s-1 or kg].
    flag : signed integers (n,), words : list of str
        Measure indicator of CO2; empty list when the file has none.
    file : signed integers (n,), files : list of str
        Where each record stands.
    about : dict of str to (name, state, facility, unit)
        What is known of each source.
    """

    kind: str
    labels: list[str]
    source: npt.NDArray[np.signedinteger]
    period: npt.NDArray[np.signedinteger]
    values: dict[str, npt.NDArray[np.float64]]
    flag: npt.NDArray[np.signedinteger]
    words: list[str]
    file: npt.NDArray[np.signedinteger]
    files: list[str]
    about: dict[str, tuple[str, str, str, str]] = field(default_factory=dict)
