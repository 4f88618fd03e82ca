"""The Allan family against Stable32: a caesium clock (556,990 points), PHASE.DAT, and the NBS14 1000-point table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sensors.analysis.allan import STATISTICS, degrees, deviations, exponents
from sensors.analysis.edf import interval

SIGMA = 0.683


@pytest.fixture(scope="module")
def folder(shared_data: Path) -> Path:
    return shared_data / "sensors" / "allan"


@pytest.fixture(scope="module")
def caesium(folder: Path) -> Any:
    return np.loadtxt(folder / "5071A_phase.txt.gz")


@pytest.fixture(scope="module")
def phase_dat(folder: Path) -> Any:
    return np.loadtxt(folder / "phasedat" / "PHASE.DAT")


def stable32(path: Path) -> Any:
    """Return averaging factor, tau, number, alpha, least, deviation and greatest of a table."""
    lines = [line.split() for line in path.read_text(encoding="latin-1").splitlines() if not line.startswith("#")]
    return np.array([line for line in lines if len(line) == 7], float)


def agree(ours: Any, printed: Any) -> None:
    """Assert equality to the printed digits: half a unit of the fifth, and what the clock's own file rounds off."""
    unit = 10.0 ** (np.floor(np.log10(printed)) - 4)
    np.testing.assert_array_less(np.abs(ours - printed), 0.502 * unit)


def check(x: Any, statistic: str, path: Path) -> Any:
    table = stable32(path)
    factors = table[:, 0].astype(np.int64)
    assert factors.size > 7
    found = deviations(x, statistic, list(factors), phase=True)
    agree(found["deviation"], table[:, 5])
    return factors, table, found


@pytest.mark.parametrize("statistic", [s for s in STATISTICS if s != "ohdev"])
def test_caesium_clock(folder: Path, caesium: Any, statistic: str) -> None:
    factors, table, found = check(caesium, statistic, folder / f"{statistic}_decade.txt")
    alpha = table[:, 3].astype(np.int64)
    nu = degrees(statistic, factors, alpha, caesium.size)
    low, high = interval(found["deviation"], nu, SIGMA)
    np.testing.assert_allclose(low, table[:, 4], rtol=6e-4)
    np.testing.assert_allclose(high, table[:, 6], rtol=6e-4)


def test_noise_of_the_caesium_clock_is_recognised(folder: Path, caesium: Any) -> None:
    table = stable32(folder / "oadev_decade.txt")
    ours = exponents(caesium, table[:, 0].astype(np.int64), phase=True)
    np.testing.assert_array_equal(ours, table[:, 3])


@pytest.mark.parametrize("statistic", STATISTICS)
def test_phase_dat_at_every_averaging_time(folder: Path, phase_dat: Any, statistic: str) -> None:
    check(phase_dat, statistic, folder / "phasedat" / f"phase_dat_{statistic}.txt")
    factors, table, found = check(phase_dat, statistic, folder / "phasedat" / f"phase_dat_{statistic}_octave.txt")
    nu = degrees(statistic, factors, table[:, 3].astype(np.int64), phase_dat.size)
    low, high = interval(found["deviation"], nu, SIGMA)
    np.testing.assert_allclose(low, table[:, 4], rtol=6e-4)
    np.testing.assert_allclose(high, table[:, 6], rtol=6e-4)


def test_nbs14_table(shared_data: Path) -> None:
    """Riley (2008), NIST SP 1065, table 31: 1000 frequencies of the generator n -> 16807 n mod 2^31 - 1."""
    n, values = 1234567890, []
    for _ in range(1000):
        values.append(n / 2147483647)
        n = 16807 * n % 2147483647
    gold = pd.read_csv(shared_data / "sensors" / "gold" / "allan_nbs14_1000.csv")
    for statistic, rows in gold.groupby("stat"):
        found = deviations(values, str(statistic), [1, 10, 100])
        np.testing.assert_allclose(found["deviation"], rows["dev"], rtol=1e-10)
        np.testing.assert_array_equal(found["terms"], rows["n"])
    printed = {"adev": (2.922319e-1, 9.965736e-2, 3.897804e-2), "totdev": (2.922319e-1, 9.134743e-2, 3.406530e-2)}
    for statistic, row in printed.items():
        np.testing.assert_allclose(deviations(values, statistic, [1, 10, 100])["deviation"], row, rtol=2e-7)
