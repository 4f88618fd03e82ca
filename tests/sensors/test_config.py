"""Configuration: every contradiction is refused where it is written."""

from __future__ import annotations

import math
from typing import Any

import pytest
from pydantic import ValidationError

from ghg.core.errors import ConfigError
from sensors.config import CampdReader, StackConfig, StackJob, TableReader, TimeColumn, Uncertainty
from sensors.defaults import components, f_factors, scale_to_tier


def test_forms_become_standard_uncertainties() -> None:
    assert Uncertainty(relative=0.1).standard_relative == 0.1
    assert Uncertainty(relative=0.1, form="limit").standard_relative == pytest.approx(0.1 / math.sqrt(3))
    assert Uncertainty(relative=0.1, form="expanded").standard_relative == pytest.approx(0.1 / 1.96)
    two = Uncertainty(absolute=3.0, units="K", form="expanded", coverage_factor=2.0)
    assert two.standard_absolute == 1.5 and two.standard_relative == 0.0


@pytest.mark.parametrize(
    ("model", "values", "message"),
    [
        (Uncertainty, {}, "give relative"),
        (Uncertainty, {"absolute": 1.0}, "needs units"),
        (Uncertainty, {"relative": -0.1}, "greater than or equal"),
        (Uncertainty, {"relative": float("nan")}, "finite"),
        (CampdReader, {"files": []}, "at least 1"),
        (CampdReader, {"files": "x", "period": ["2018-02-01", "2018-01-01"]}, "after the first"),
        (CampdReader, {"files": "x", "timezones": {"1": "Europe/Paris"}}, "fixed offset"),
        (CampdReader, {"files": "x", "facilty": 1}, "Extra inputs"),
        (StackConfig, {"method": "part76"}, "part75"),
        (StackConfig, {"method": "part75", "diluent": True}, "fuel or f_factors"),
        (StackConfig, {"method": "part75", "f_factors": [1.0, -1.0]}, "positive"),
        (StackConfig, {"method": "part75", "species": "CH4"}, "for CO2"),
        (StackConfig, {"method": "hj75", "h2o": 100.0}, "less than 100"),
        (TimeColumn, {"column": "t", "timezone": "UTC"}, "label"),
        (
            TimeColumn,
            {"column": "t", "timezone": "UTC", "label": "end", "interval": "month"},
            "by their start",
        ),
        (TableReader, {"files": "x", "columns": {}}, "time"),
        (StackJob, {"reader": {"format": "xml", "files": "x"}}, "'campd', 'table'"),
    ],
)
def test_contradictions(model: type[Any], values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        model.model_validate(values)


def test_numbers_are_taken_for_labels() -> None:
    config = CampdReader.model_validate({"files": "a.csv", "facility": [113, "55179"], "unit": 1})
    assert config.facility == ("113", "55179") and config.unit == ("1",) and config.files == ("a.csv",)


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_tiers(tier: int) -> None:
    """EU 2018/2066 Annex VIII table 1: 10, 7.5, 5, 2.5 % at 95 %."""
    for section in (("part75",), ("hj75",), ("campd", "direct"), ("campd", "fuel_flow")):
        parts = components(*section, mrr_tier=tier).values()
        whole = math.sqrt(sum(p.systematic.standard_relative**2 for p in parts if p.systematic))
        assert whole == pytest.approx([0.1, 0.075, 0.05, 0.025][tier - 1] / 1.96, rel=1e-12)
    with pytest.raises(ConfigError, match="cannot be shared out"):
        scale_to_tier({}, tier)


def test_every_default_has_a_source_and_says_whether_it_was_read() -> None:
    sections = [("part75",), ("hj75",), *(("campd", s) for s in
                ("direct", "diluent", "fuel_flow", "default", "substitute", "unknown"))]  # fmt: skip
    for section in sections:
        for part in components(*section).values():
            for one in (part.systematic, part.random):
                if one is not None:
                    assert one.source and one.verified != one.source.startswith("unverified")


def test_f_factors_lie_on_their_line() -> None:
    """CO2 of dry gas without excess air, 100 Fc/Fd: 18.40, 18.74, 19.37, 11.94, 15.45 % (facility notes)."""
    want = {"bituminous": 18.40, "subbituminous": 18.74, "lignite": 19.37, "natural_gas": 11.94, "oil": 15.45}
    for fuel, percent in want.items():
        fd, fc = f_factors(fuel)
        assert 100.0 * fc / fd == pytest.approx(percent, abs=0.005)
