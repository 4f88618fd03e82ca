"""Configuration of missing data: which regime, and what it needs to know.

Importing this module costs nothing heavy.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sensors.statements import Model

__all__ = ["MissingConfig", "Regime"]

Regime = Literal["part75", "hj75", "mrr", "none"]


class MissingConfig(Model):
    """What is done about hours without quality-assured values.

    Parameters
    ----------
    regime : {"part75", "hj75", "mrr", "none"}
        part75: 40 CFR 75.31 to 75.35 (tiers of percent monitor availability, lookback windows, load ranges for flow).
        hj75: HJ 75-2017 (greatest of the last valid hours). mrr: EU 2018/2066 Article 45 (mean plus two standard
        deviations). none: no rule; the gap is smoothed and its uncertainty widened.
    channels : list of str
        Channels to fill; all of emission, or of gas, flow, moisture, temperature and pressure, unless given.
    maximum_potential : table
        Greatest possible value of a channel with its unit (``flow = "900 m3/s"``), needed by part75 below 80 percent
        availability.
    lookback_gas, lookback_flow : int
        Quality-assured hours looked back upon: 720 and 2160 in Part 75.
    load_ranges : int
        Number of equal load ranges of the flow.
    seed : int
        Of the artificial gaps on which the smoother is tested.
    """

    regime: Regime
    channels: tuple[str, ...] = ()
    maximum_potential: dict[str, str] = Field(default_factory=dict)
    lookback_gas: Annotated[int, Field(gt=0)] = 720
    lookback_flow: Annotated[int, Field(gt=0)] = 2160
    load_ranges: Annotated[int, Field(gt=1, le=20)] = 10
    seed: int = 0
