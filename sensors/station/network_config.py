"""Configuration of a network of stations, and of what is watched.

Importing this module costs nothing heavy.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from sensors.config.station import Moment, NotNegative, Positive
from sensors.statements import Model

__all__ = ["NetworkJob", "NetworkStation", "Watch"]

Share = Annotated[float, Field(ge=0.0, le=1.0)]


class NetworkStation(Model):
    """One station of the network.

    Parameters
    ----------
    config : str
        Its TOML, relative to that of the network; paths in it are relative to itself.
    name : str
        Name of its file and of its row; the stem of `config` unless given.
    set : list of str
        Overrides ``key=value``, as of ``--set``.
    """

    config: str
    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]*$")] = ""
    set: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name of its file and row."""
        return self.name or self.config.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".toml")


class Watch(Model):
    """What makes an alarm.

    Parameters
    ----------
    window : float
        Days before the end over which coverage, drift and targets are judged.
    at : time, optional
        Now (UTC), for records of the past; the clock unless given.
    silent : float
        Hours without data.
    coverage : float
        Least share of the hours of the window with values that are not bad.
    target_every, calibration_every : float
        Days after which a target or a calibration is overdue.
    target_limit : float
        Standard uncertainties by which the last target may be off.
    drift : table
        Gas -> most change of the response in 30 days, in the unit of the gas.
    expiry : float
        Days before the end of a cylinder at which it is announced.
    """

    window: Positive = 30.0
    at: Moment | None = None
    silent: Positive = 6.0
    coverage: Share = 0.8
    target_every: Positive = 7.0
    calibration_every: Positive = 14.0
    target_limit: Positive = 3.0
    drift: dict[str, Positive] = Field(default_factory=dict)
    expiry: NotNegative = 30.0


class NetworkJob(Model):
    """Many stations.

    Parameters
    ----------
    title : str
        For the page.
    stations : list of NetworkStation
    goals : table
        Gas -> goal in its unit, in place of that of the WMO.
    watch : Watch
    """

    title: str = "Network"
    stations: tuple[NetworkStation, ...] = Field(min_length=1)
    goals: dict[str, Positive] = Field(default_factory=dict)
    watch: Watch = Watch()

    @model_validator(mode="after")
    def _once(self) -> NetworkJob:
        labels = [s.label.lower() for s in self.stations]
        if twice := sorted({n for n in labels if labels.count(n) > 1}):
            raise ValueError(f"two stations are named {', '.join(twice)}: give each a name")
        return self
