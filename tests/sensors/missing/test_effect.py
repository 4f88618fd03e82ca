"""Filling in the stack job: flags, shares, bias and uncertainty, and that nothing changes without a regime."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from ghg.core.config import load
from ghg.core.errors import InputError
from ghg.core.flags import Flag, Method, Reason
from sensors.config import StackJob
from sensors.stack.job import run
from tests.terminal import inside

N = 24 * 60
GAP = slice(1000, 1030)


def _write(folder: Path, regime: str, extra: str = "", *, holes: bool = True) -> tuple[Path, Any]:
    rng = np.random.default_rng(3)
    load_mw = 300.0 + 100.0 * np.sin(np.arange(N) / 24.0) + rng.normal(0, 5, N)
    flow = 1.2e6 * load_mw / 300.0 * (1 + 0.01 * rng.normal(size=N))
    co2 = 12.0 + 0.3 * np.sin(np.arange(N) / 30.0) + 0.05 * rng.normal(size=N)
    hours = np.datetime64("2024-01-01T00:00") + np.arange(N) * np.timedelta64(1, "h")
    shown = [f"{v:.4f}" for v in co2]
    if holes:
        shown[GAP] = [""] * 30
    lines = [f"{t},{c},{f:.1f},{m:.2f}" for t, c, f, m in zip(hours, shown, flow, load_mw, strict=True)]
    (folder / "r.csv").write_text("t,co2,flow,load\n" + "\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "stack.toml"
    missing = f'[missing]\nregime = "{regime}"\n{extra}\n' if regime else ""
    path.write_text(
        f"""{missing}
[reader]
format = "table"
files = "r.csv"
time = {{ column = "t", timezone = "UTC", label = "start" }}
[reader.columns]
co2 = {{ column = "co2", units = "percent", humidity = "wet" }}
flow = {{ column = "flow", units = "m3 h-1", state = {{ temperature = "20 degC", humidity = "wet" }} }}
gross_load = {{ column = "load", units = "MW" }}
[stack]
method = "part75"
rounding = false
""",
        encoding="utf-8",
    )
    return path, co2


def _run(path: Path) -> xr.Dataset:
    return run(load(path, StackJob), base=path.parent)


def test_without_a_regime_nothing_changes(tmp_path: Path) -> None:
    path, _ = _write(tmp_path, "")
    result = _run(path)
    assert np.isnan(result["emission"].values[0, GAP]).all()
    assert (result["emission_flag"].values[0, GAP] == Flag.MISSING).all()
    assert "substituted_share" not in result


@pytest.mark.parametrize("regime", ["part75", "hj75", "mrr", "none"])
def test_a_regime_fills_flags_and_tells(tmp_path: Path, regime: str) -> None:
    path, _ = _write(tmp_path, regime)
    plain = _run(_write(tmp_path, "", holes=False)[0])
    result = _run(_write(tmp_path, regime)[0])
    assert path.exists()
    filled = np.zeros(N, bool)
    filled[GAP] = True
    emission = result["emission"].values[0]
    assert np.isfinite(emission).all()
    np.testing.assert_allclose(emission[~filled], plain["emission"].values[0, ~filled])
    assert (result["emission_flag"].values[0, filled] == Flag.SUSPECT).all()
    reason = result["emission_reason"].values[0]
    assert ((reason & Reason.SUBSTITUTED != 0) == filled).all()
    assert ((reason & Reason.INTERPOLATED != 0) == (filled & (regime == "none"))).all()
    assert ((result["emission_method"].values[0] == Method.SUBSTITUTE) == filled).all()
    assert float(result["substituted_share"][0]) == pytest.approx(30 / N)
    truth = plain["emission"].values[0]
    bias, u = float(result["substitution_bias"][0]), float(result["substitution_bias_u"][0])
    really = float((emission - truth)[filled].sum() * 3600.0)
    assert abs(bias - really) < 3.0 * u
    assert u > 0 and (bias == 0) == (regime == "none")
    random = result["emission_u_random"].values[0]
    assert (random[filled] > plain["emission_u_random"].values[0, filled]).all()
    if regime != "none":
        assert "substitution" in result["emission_u_systematic"].attrs["components"].split()
        parts = [v for v in result.data_vars if str(v).startswith("emission_u_systematic_")]
        whole = np.sqrt(sum(result[v].values ** 2 for v in parts))
        np.testing.assert_allclose(result["emission_u_systematic"].values, whole)


def test_the_command_writes_what_verifies(tmp_path: Path) -> None:
    path, _ = _write(tmp_path, "none")
    done = inside("sensors", "emission", path, "-o", tmp_path / "m.nc", "--verbose")
    assert done.returncode == 0, done.stderr
    assert "2.08% of operating hours filled by none" in done.stderr
    assert inside("verify", tmp_path / "m.nc").returncode == 0
    with xr.open_dataset(tmp_path / "m.nc") as ds:
        assert ds["substitution_bias"].attrs["units"] == "kg"
        assert ds.attrs["missing_data_regime"] == "none"
        assert json.loads(ds.attrs["provenance"])


@pytest.mark.parametrize(
    ("regime", "extra", "message"),
    [
        ("part75", 'channels = ["o2"]', "a channel to fill is not in the records"),
        ("best", "", "regime"),
        ("none", "lookback_gas = 0", "lookback_gas"),
        ("part75", 'maximum_potential = { co2 = "14 m" }', "co2"),
    ],
)
def test_bad_tables_are_refused(tmp_path: Path, regime: str, extra: str, message: str) -> None:
    path, _ = _write(tmp_path, regime, extra)
    with pytest.raises(InputError, match=message):
        _run(path)


def test_reported_emissions_are_not_filled_by_rules_for_channels(tmp_path: Path) -> None:
    path, _ = _write(tmp_path, "part75")
    text = path.read_text(encoding="utf-8")
    head = text[: text.index("[reader.columns]")]
    path.write_text(head + '[reader.columns]\nemission = { column = "flow", units = "kg h-1" }\n', encoding="utf-8")
    with pytest.raises(InputError, match="records hold the emission"):
        _run(path)
