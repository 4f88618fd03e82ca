"""Stacks: emission from channels, Part 75 and HJ 75, and the job that reads and computes."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sensors.stack.emission import stack_emission
    from sensors.stack.job import run

__all__ = ["run", "stack_emission"]

_HOME = {"stack_emission": "emission", "run": "job"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
