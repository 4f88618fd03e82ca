"""In which unit and to which digit a report of an inversion tells its totals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["Unit", "rounded"]


class Unit:
    """In which unit totals are told: the key in the tables, a factor, and the name; and a second one for carbon."""

    def __init__(self, key: str, factor: float, name: str, other: tuple[str, str] | None = None) -> None:
        self.key, self.factor, self.name, self.other = key, factor, name, other

    @classmethod
    def of(cls, result: Mapping[str, Any]) -> Unit:
        """Return carbon for CO2, otherwise Tg, Gg or Mg of the species, whichever leaves figures before the point."""
        species = result["species"]
        if "prior_TgC_per_year" in result["whole"][0] and species.upper() == "CO2":
            return cls("TgC", 1.0, "TgC", ("TgCO2", "Tg CO2"))
        key = f"Tg{species}"
        top = max((abs(r[f"{k}_{key}_per_year"]) for r in result["whole"] for k in ("prior", "posterior")), default=1.0)
        factor, prefix = next(
            ((f, p) for f, p in ((1.0, "Tg"), (1e3, "Gg"), (1e6, "Mg")) if top * f >= 1.0), (1e9, "kg")
        )
        return cls(key, factor, f"{prefix} {species}")

    def read(self, row: Mapping[str, Any], name: str) -> float:
        """Return a number of a row in this unit."""
        return float(row[f"{name}_{self.key}_per_year"]) * self.factor


def rounded(value: float, u: float) -> str:
    """Return a value to the second digit of its uncertainty, with a real minus."""
    places = 3 if not u > 0.0 else max(0, 1 - math.floor(math.log10(u)))
    return f"{value:,.{min(places, 6)}f}".replace(",", "\u202f").replace("-", "\u2212")
