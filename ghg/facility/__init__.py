"""Measured against accounted emissions, at a plant and at many plants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ghg.facility.comparison import compare

__all__ = ["compare"]


def __getattr__(name: str) -> Any:
    if name == "compare":
        from ghg.facility.comparison import compare

        return compare
    raise AttributeError(f"module 'ghg.facility' has no attribute '{name}'")
