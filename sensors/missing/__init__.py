"""Missing data of stack monitors: filled by the rules of a regime, or smoothed with a widened uncertainty."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensors.missing.fill import Filled, fill_records, fill_series
    from sensors.missing.statespace import smooth

__all__ = ["Filled", "fill_records", "fill_series", "smooth"]

_HOME = {"Filled": "fill", "fill_records": "fill", "fill_series": "fill", "smooth": "statespace"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
