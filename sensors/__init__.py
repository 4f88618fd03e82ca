"""Raw analyser and stack-monitor records -> calibrated, flagged, uncertainty-bearing series."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensors.readers import read
    from sensors.stack.emission import stack_emission

__all__ = ["read", "stack_emission"]

_HOME = {"read": "readers", "stack_emission": "stack.emission"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
