"""Commands, factor codes and data flags of HJ 212-2017."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ghg.core.flags import Flag, Reason

__all__ = ["COMMANDS", "DATA_FLAGS", "Factor", "factors"]

COMMANDS = {"realtime": 2011, "minute": 2051, "hour": 2061, "day": 2031}

# Data flags: the letters were read in the standard (6.6), their meanings are from memory
DATA_FLAGS: dict[str, tuple[Flag, Reason | None]] = {
    "N": (Flag.GOOD, None),  # normal
    "F": (Flag.NOT_EVALUATED, Reason.NOT_OPERATING),  # the source stands still
    "M": (Flag.BAD, Reason.MAINTENANCE),
    "S": (Flag.SUSPECT, Reason.MANUAL),  # entered by hand
    "D": (Flag.BAD, Reason.FAULT),
    "C": (Flag.BAD, Reason.CALIBRATION),
    "T": (Flag.BAD, Reason.ABOVE_RANGE),
    "B": (Flag.BAD, Reason.COMMUNICATION),
}


@dataclass(frozen=True)
class Factor:
    """One factor code.

    Parameters
    ----------
    code, name, channel, units : str
        Code, what it is, channel of the common language (empty for none), unit in which it is sent.
    verified : bool
        Whether code and unit were read in a source.
    trap : str
        Why the unit must be stated, empty if it need not.
    """

    code: str
    name: str
    channel: str
    units: str
    verified: bool
    trap: str = ""


@cache
def factors() -> dict[str, Factor]:
    """Return the known factor codes."""
    text = (files("sensors.hj212") / "data" / "factors.toml").read_text(encoding="utf-8")
    return {code: Factor(code, **row) for code, row in tomllib.loads(text).items()}
