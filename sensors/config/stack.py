"""Configuration of a stack: what to read, how the stack is measured, how uncertain each part is."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sensors.config.readers import Reader
from sensors.missing.config import MissingConfig
from sensors.statements import ComponentUncertainty, Model

__all__ = ["LedgerConfig", "Limits", "StackConfig", "StackJob"]


class Limits(Model):
    """Outside these a value is physically absurd and flagged bad; it is kept."""

    co2: tuple[float, float] = (-0.5, 100.0)  # percent; small negatives are zero drift
    o2: tuple[float, float] = (-0.5, 25.0)  # percent; air holds 20.9
    h2o: tuple[float, float] = (0.0, 60.0)  # percent
    concentration: tuple[float, float] = (-0.01, 2.0)  # kg m-3; pure CO2 at 0 degC is 1.96
    flow: tuple[float, float] = (0.0, 5000.0)  # m3 s-1
    velocity: tuple[float, float] = (0.0, 60.0)  # m s-1
    temperature: tuple[float, float] = (233.15, 1273.15)  # K
    pressure: tuple[float, float] = (50e3, 120e3)  # Pa, absolute
    operating_time: tuple[float, float] = (0.0, 1.0)


class StackConfig(Model):
    """How the emission of a stack is computed from its channels.

    Parameters
    ----------
    method : {"part75", "hj75"}
        40 CFR 75 Appendix F, or the HJ 75 / ISO route through temperature, pressure and moisture.
    species : str
        The gas.
    diluent : bool
        Find CO2 from O2 (F-14A, F-14B) instead of measuring it.
    fuel : str, optional
        Fuel for the F factors, from the table of F factors; needed for `diluent` with no `f_factors`.
    f_factors : [float, float], optional
        Fd [dscf/mmBtu] and Fc [scf/mmBtu] of the fuel itself.
    constant : {"regulation", "exact"}
        Part 75: 5.7e-7 ton/scf per percent, or the gas law and the molar mass.
    rounding : bool
        Part 75: round hourly values as the regulation does, halves away from zero.
    diluent_cap : {"boiler", "turbine", "none"}
        Appendix F cap of O2 and CO2 at start-up; it applies to rates, not to mass, so the default is none.
    area : str, optional
        Cross-section with unit (``"28.3 m2"``), with `velocity`.
    velocity_coefficient : float
        Velocity-field coefficient of the monitor against the manual traverse.
    h2o : float, optional
        Constant moisture [percent] where no channel has it.
    barometric_pressure : str, optional
        With unit, for gauge pressures.
    uncertainty : table
        Overrides by component.
    shared_components : list of str
        Components whose error is the same in all sources.
    mrr_tier : int, optional
        Scale the systematic components to a tier of EU 2018/2066 Annex VIII.
    limits : Limits
        What is absurd.
    """

    method: Literal["part75", "hj75"]
    species: str = "CO2"
    diluent: bool = False
    fuel: str | None = None
    f_factors: tuple[float, float] | None = None
    constant: Literal["regulation", "exact"] = "regulation"
    rounding: bool = True
    diluent_cap: Literal["boiler", "turbine", "none"] = "none"
    area: str | None = None
    velocity_coefficient: Annotated[float, Field(gt=0.0, lt=10.0)] = 1.0
    h2o: Annotated[float, Field(ge=0.0, lt=100.0)] | None = None
    barometric_pressure: str | None = None
    uncertainty: dict[str, ComponentUncertainty] = Field(default_factory=dict)
    shared_components: tuple[str, ...] = ()
    mrr_tier: Literal[1, 2, 3, 4] | None = None
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _consistent(self) -> StackConfig:
        if self.diluent and self.fuel is None and self.f_factors is None:
            raise ValueError("CO2 from O2 needs fuel or f_factors")
        if self.f_factors is not None and not all(f > 0 for f in self.f_factors):
            raise ValueError("F factors are positive")
        if self.method == "part75" and self.species != "CO2":
            raise ValueError("the Part 75 equations here are for CO2")
        return self


class LedgerConfig(Model):
    """The parameter ledger of a stack or a station: a setting that differs from its record flags all values.

    Parameters
    ----------
    file : str
        The ledger (``ghg sensors ledger``).
    parameters : table
        Further settings to look up, for example spans and tank values: key -> value in use.
    at : str, optional
        Time for which the settings were used (ISO 8601 with zone); the last record of each unless given.
    """

    file: str
    parameters: dict[str, bool | int | float | str] = Field(default_factory=dict)
    at: str | None = None


class StackJob(Model):
    """Read records of stacks and, where they hold channels, compute the emission.

    Parameters
    ----------
    reader : CampdReader or TableReader
        Chosen by its `format`.
    stack : StackConfig, optional
        Needed when the records do not hold the emission itself.
    missing : MissingConfig, optional
        What is done about hours without quality-assured values; nothing unless given.
    ledger : LedgerConfig, optional
        Parameter ledger that must answer for the settings.
    title, summary : str
        For the file.
    """

    title: str = ""
    summary: str = ""
    reader: Reader
    stack: StackConfig | None = None
    missing: MissingConfig | None = None
    ledger: LedgerConfig | None = None
