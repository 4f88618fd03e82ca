"""Quality tests of stack monitors: Part 75, EN 14181 and HJ 75, each a function with a result that can be plotted."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensors.quality.en14181 import ast, k_v, qal2, standardise
    from sensors.quality.hj75 import acceptance
    from sensors.quality.job import run
    from sensors.quality.part75 import calibration_error, cycle_time, linearity, relative_accuracy
    from sensors.quality.qal3 import cusum, ewma, shewhart

__all__ = ["acceptance", "ast", "calibration_error", "cusum", "cycle_time", "ewma", "k_v", "linearity", "qal2",
           "relative_accuracy", "run", "shewhart", "standardise"]  # fmt: skip

_HOME = {
    "relative_accuracy": "part75", "linearity": "part75", "calibration_error": "part75", "cycle_time": "part75",
    "k_v": "en14181", "qal2": "en14181", "ast": "en14181", "standardise": "en14181",
    "shewhart": "qal3", "cusum": "qal3", "ewma": "qal3", "acceptance": "hj75", "run": "job",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
