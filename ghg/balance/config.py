"""Configuration of a balance: a table of the inventory, a posterior, and how they belong together."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ghg.core.config import Model

__all__ = ["BalanceJob", "InventoryTable"]


class InventoryTable(Model):
    """Table of the inventory: one row for each region; `where` takes the rows whose columns hold these texts."""

    file: str
    region: str = "region"
    value: str = "value"
    uncertainty: str = "uncertainty"
    units: str
    quantity: Literal["species", "carbon"] = "species"
    k: float = 1.0
    correlation: float = 0.0
    where: dict[str, str] = Field(default_factory=dict)


class BalanceJob(Model):
    """The whole job."""

    title: str = "balance of inventory and inversion"
    inventory: InventoryTable
    posterior: str
    group: str = "total"
    regions: dict[str, str] = Field(default_factory=dict)
    inventory_was_prior: bool = False
