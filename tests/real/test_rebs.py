"""REBS against the program of its authors (R package IDPmisc, rfbaseline)."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sensors.analysis.rebs import rebs


def test_mauna_loa_baseline_is_that_of_rfbaseline(shared_data: Path) -> None:
    gold = shared_data / "sensors" / "gold"
    table = np.genfromtxt(gold / "rebs_mlo_2010_2012_span015_b35.csv", delimiter=",", names=True)
    fit = rebs(table["t"], table["y"], span=0.15, limit=3.5)
    np.testing.assert_allclose(fit.baseline, table["baseline"], rtol=0, atol=2e-8)
    np.testing.assert_allclose(fit.weights, table["rw"], rtol=0, atol=1e-8)
    printed = float((gold / "rebs_mlo_sigma.txt").read_text().split()[0])
    np.testing.assert_allclose(fit.scale, printed, rtol=1e-7)
