"""Acceptance criteria: read from the data file, each with its source and whether it was read there."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from ghg.core.errors import InputError

__all__ = ["criterion"]


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads((files("sensors.quality") / "data" / "criteria.toml").read_text(encoding="utf-8"))


def criterion(*path: str, what: str = "parameter") -> dict[str, Any]:
    """Return a table of ``criteria.toml``, for example ``criterion("part75", "rata", "co2")``.

    Raises
    ------
    InputError
        The standard sets no criterion of that name.
    """
    table: Any = _data()
    for key in path:
        if not isinstance(table, dict) or not isinstance(table.get(key), dict):
            known = sorted(k for k, v in table.items() if isinstance(v, dict))
            raise InputError(f"{path[0]} sets no criterion for this {what}", found=key, need=", ".join(known))
        table = table[key]
    return table
