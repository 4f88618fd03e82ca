"""Activity data x factors -> accounted emissions of pollutants and greenhouse gases together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inventories.accounting.job import run as account

__all__ = ["account"]


def __getattr__(name: str) -> Any:
    if name == "account":
        from inventories.accounting.job import run

        return run
    raise AttributeError(f"module 'inventories' has no attribute '{name}'")
