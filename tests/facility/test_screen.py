"""Screening: honest plants are rarely named, a wrong one is first, and a bad table is one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ghg.core.config import load_dict
from ghg.core.errors import InputError
from ghg.facility.screen import ScreenJob, false_discovery, screen

JOB = {
    "file": "plants.csv",
    "name": "plant",
    "measured": {"column": "cems", "unit": "short_ton", "u": "4 %"},
    "accounted": {"column": "fuel", "unit": "t", "u": "3 %"},
}
SHORT_TON = 0.90718474


def table(folder: Path, measured, accounted) -> Path:
    rows = "\n".join(
        f"P{i},{m / SHORT_TON:.6f},{a:.6f}" for i, (m, a) in enumerate(zip(measured, accounted, strict=True))
    )
    (folder / "plants.csv").write_text("plant,cems,fuel\n" + rows + "\n", encoding="utf-8")
    return folder


def test_benjamini_hochberg_example() -> None:
    # Benjamini and Hochberg 1995, section 4.1: fifteen p-values, four rejected at 0.05 (Bonferroni: three)
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.3240,
        0.4262,
        0.5719,
        0.6528,
        0.7590,
        1.0,
    ]
    assert sum(false_discovery(p, 0.05)) == 4
    assert false_discovery([], 0.05) == []


def test_honest_plants_are_rarely_named_and_a_wrong_one_comes_first(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(1e5, 1e7, 300)
    measured = truth * np.exp(0.04 * rng.standard_normal(300))
    measured[17] *= 1.5
    accounted = truth * np.exp(0.03 * rng.standard_normal(300))
    plants, notes = screen(load_dict(JOB, ScreenJob), table(tmp_path, measured, accounted))
    assert plants[0].name == "P17" and plants[0].named
    assert sum(p.named for p in plants) <= 3
    assert not notes
    assert plants[0].measured_kg == pytest.approx(measured[17] * 1000)
    assert [abs(p.z) for p in plants] == sorted((abs(p.z) for p in plants), reverse=True)


def test_rows_without_a_side_are_told_and_not_judged(tmp_path: Path) -> None:
    plants, notes = screen(load_dict(JOB, ScreenJob), table(tmp_path, [1.0, 0.0, 3.0], [1.0, 2.0, float("nan")]))
    assert [p.name for p in plants] == ["P0"]
    assert len(notes) == 2


def test_bad_tables(tmp_path: Path) -> None:
    table(tmp_path, [1.0], [1.0])
    for change, message in (({"name": "plants"}, "plants"), ({"file": "none.csv"}, "exist")):
        with pytest.raises(InputError, match=message):
            screen(load_dict({**JOB, **change}, ScreenJob), tmp_path)
    with pytest.raises(InputError, match="no row has a positive mass"):
        screen(load_dict(JOB, ScreenJob), table(tmp_path, [0.0], [1.0]))
