"""Standard time of US plants: configured, or looked up by state with a note."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.config import CampdReader

__all__ = ["offset_name", "offsets"]


@cache
def _zones() -> dict[str, Any]:
    return tomllib.loads((files("sensors.readers") / "data" / "us_standard_time.toml").read_text(encoding="utf-8"))


def offset_name(hours: float) -> str:
    """Return ``UTC-07:00`` for -7."""
    if hours == 0:
        return "UTC"
    minutes = round(abs(hours) * 60)
    return f"UTC{'-' if hours < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def _hours(name: str) -> float:
    if name == "UTC":
        return 0.0
    return (1 if name[3] == "+" else -1) * (int(name[4:6]) + int(name[7:9]) / 60.0)


def offsets(
    about: Mapping[str, tuple[str, str, str, str]], config: CampdReader
) -> tuple[npt.NDArray[np.float64], list[str]]:
    """Return the standard-time offset [h] of each source, and notes on those that were looked up.

    Raises
    ------
    InputError
        No offset is configured and the state is unknown.
    """
    result: list[float] = []
    notes: dict[float, dict[str, None]] = {}
    for label, (_, state, facility, _) in about.items():
        name = config.timezones.get(facility, config.timezone)
        if name is not None:
            result.append(_hours(name))
            continue
        if state not in _zones()["offset"]:
            raise InputError(
                "the time zone is not known",
                where=f"source {label}",
                found=f"state '{state}'",
                need="timezone",
                hint="give the local standard time as UTC-07:00",
            )
        result.append(float(_zones()["offset"][state]))
        notes.setdefault(result[-1], {})[state] = None
    return np.array(result), [_note(offset, list(states)) for offset, states in sorted(notes.items())]


def _note(offset: float, states: list[str]) -> str:
    split = [state for state in states if state in _zones()["split"]]
    text = f"time zone looked up by state: {', '.join(states)} {offset_name(offset)}"
    return text + (f" ({', '.join(split)} lies in two zones: give timezones where it is the other)" if split else "")
