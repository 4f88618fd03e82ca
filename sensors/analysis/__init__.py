"""Analysis of calibrated and raw series: noise, baseline, trend, season, spikes, tampering, collocation."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensors.analysis.allan import allan, deviations
    from sensors.analysis.baseline import baseline
    from sensors.analysis.collocation import network_drift, transfer
    from sensors.analysis.curvefit import CurveFit, curve_fit
    from sensors.analysis.integrity import screen
    from sensors.analysis.quality import four_tests
    from sensors.analysis.rebs import rebs
    from sensors.analysis.season import deseasonalise, growth_by_period, growth_by_year
    from sensors.analysis.spikes import spikes
    from sensors.analysis.trend import fit_series

_HOME = {
    "allan": "allan", "deviations": "allan", "baseline": "baseline", "CurveFit": "curvefit", "curve_fit": "curvefit",
    "fit_series": "trend", "network_drift": "collocation", "transfer": "collocation", "screen": "integrity",
    "four_tests": "quality", "rebs": "rebs", "deseasonalise": "season",
    "growth_by_period": "season", "growth_by_year": "season", "spikes": "spikes",
}  # fmt: skip

__all__ = ["CurveFit", "allan", "baseline", "curve_fit", "deseasonalise", "deviations", "fit_series", "four_tests",
           "growth_by_period", "growth_by_year", "network_drift", "rebs", "screen", "spikes", "transfer"]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
