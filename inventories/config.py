"""Configuration of the accounted side: streams of fuel or material, their records, and how they are accounted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ghg.core.config import Model

METHODS = ("part98-tier1", "part98-tier2", "part98-tier3", "ipcc2006-tier1", "ipcc2006-tier2", "mrr", "china-power")
COMPONENTS = ("fuel_mass", "calorific_value", "emission_factor", "carbon_content", "oxidation")


class Series(Model):
    """One value for the whole period, or one per interval; NaN is written as ``nan`` text and means missing.

    Parameters
    ----------
    unit : str
        Unit of the values.
    values : list of float
        One value, or as many as there are intervals.
    basis : {"gross", "net"}, optional
        For energies and calorific values: needed.
    state : {"as_received"}, optional
        For carbon contents: they are multiplied with the mass as received, and must be stated so.
    """

    unit: str
    values: list[float | Literal["nan"]] = Field(min_length=1)
    basis: Literal["gross", "net"] | None = None
    state: Literal["as_received"] | None = None


class Relative(Model):
    """Relative standard uncertainties (k = 1) of one component.

    Parameters
    ----------
    systematic, random : float
        Fully correlated over the record, and independent between intervals.
    source : str
        Where the numbers come from.
    """

    systematic: Annotated[float, Field(ge=0.0, lt=2.0)] = 0.0
    random: Annotated[float, Field(ge=0.0, lt=2.0)] = 0.0
    source: str = ""


class StreamConfig(Model):
    """One stream of fuel.

    Parameters
    ----------
    name : str
        Name in the results.
    fuel : str
        Fuel, as in the factor table.
    method : str
        Accounting method; it chooses defaults and what must be given.
    mass : Series, optional
        Mass or volume of fuel per interval.
    energy : Series, optional
        Energy of the fuel per interval.
    calorific_value, emission_factor, carbon_content, oxidation : Series, optional
        Measured or prescribed factors; defaults of the method where left out.
    uncertainty : table
        Overrides by component.
    """

    name: str
    fuel: str
    method: Literal[
        "part98-tier1", "part98-tier2", "part98-tier3", "ipcc2006-tier1", "ipcc2006-tier2", "mrr", "china-power"
    ]
    mass: Series | None = None
    energy: Series | None = None
    calorific_value: Series | None = None
    emission_factor: Series | None = None
    carbon_content: Series | None = None
    oxidation: Series | None = None
    uncertainty: dict[Literal["fuel_mass", "calorific_value", "emission_factor", "carbon_content", "oxidation"],
                      Relative] = Field(default_factory=dict)  # fmt: skip

    @model_validator(mode="after")
    def _activity(self) -> StreamConfig:
        if self.mass is None and self.energy is None:
            raise ValueError("a stream needs its activity: mass or energy")
        for key in ("energy", "calorific_value"):
            series = getattr(self, key)
            if series is not None and series.basis is None:
                raise ValueError(f"{key} does not say whether it is gross (HHV) or net (LHV): state basis")
        if self.carbon_content is not None and self.carbon_content.state is None:
            raise ValueError("carbon_content must be as received like the mass: state = 'as_received'")
        return self


class Eia923Reader(Model):
    """Monthly fuel of a US plant from the EIA-923 generation and fuel table.

    Parameters
    ----------
    file : str
        CSV with plant_id_eia, report_date, fuel_type, fuel_consumed_units, fuel_consumed_mmbtu.
    plant : int
        Plant code (ORIS).
    """

    file: str
    plant: int


class AccountingJob(Model):
    """Account the emissions of a plant.

    Parameters
    ----------
    title : str
        For the file.
    start, end : str
        First day and day after the last, local.
    by : {"month", "year"}
        Length of the intervals of the records.
    timezone : str
        Zone of the interval boundaries.
    species : list of str
        Gases to account.
    stream : list of StreamConfig
        The streams; or
    eia923 : Eia923Reader, optional
        where to read them, accounted by 40 CFR 98 tier 1.
    """

    title: str = ""
    start: str
    end: str
    by: Literal["month", "year"] = "month"
    timezone: str
    species: list[str] = ["CO2"]  # noqa: RUF012
    stream: list[StreamConfig] = Field(default_factory=list)
    eia923: Eia923Reader | None = None

    @model_validator(mode="after")
    def _one_source(self) -> AccountingJob:
        if bool(self.stream) == (self.eia923 is not None):
            raise ValueError("give either [[stream]] tables or [eia923]")
        names = [s.name for s in self.stream]
        if len(set(names)) != len(names):
            raise ValueError("two streams have the same name")
        return self
