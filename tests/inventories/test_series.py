"""Base years and gaps: the splicing of 2006 IPCC Guidelines vol 1 ch 5."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from ghg.core.errors import InputError
from ghg.core.provenance import verify
from inventories.series import extrapolate, interpolate, overlap, surrogate
from tests.terminal import inside


def test_overlap_by_hand() -> None:
    """Eq 5.1: y0 = x0 x (1 / (n - m + 1)) x sum of y / x: ratios 1.1 and 1.3 give 1.2."""
    found = overlap({2001: 110.0, 2002: 260.0}, {2000: 50.0, 2001: 100.0, 2002: 200.0}, [2000])[2000]
    assert found.value == pytest.approx(60.0) and found.u == pytest.approx(0.2 / 2**0.5 / 1.2)
    with pytest.raises(InputError, match="two years of both"):
        overlap({2001: 1.0}, {2000: 1.0, 2001: 1.0}, [2000])
    with pytest.raises(InputError, match=r"old method lacks a year.*1999"):
        overlap({2001: 1.0, 2002: 1.0}, {2001: 1.0, 2002: 1.0}, [1999])


def test_surrogate_by_hand() -> None:
    """Surrogate data: y0 = yt x s0 / st with the nearest known year; between two, both by nearness."""
    proxy = {2000: 10.0, 2001: 30.0, 2002: 20.0, 2004: 40.0}
    alone = surrogate({2002: 60.0}, proxy, [2000])[2000]
    assert alone.value == pytest.approx(30.0) and math.isnan(alone.u)
    between = surrogate({2000: 20.0, 2004: 120.0}, proxy, [2001])[2001]
    assert between.value == pytest.approx(0.75 * 60.0 + 0.25 * 90.0)
    assert between.u == pytest.approx(0.5 * (90.0 - 60.0) / 67.5)
    with pytest.raises(InputError, match=r"surrogate lacks a year.*2003"):
        surrogate({2002: 60.0}, proxy, [2003])
    with pytest.raises(InputError, match="above zero"):
        surrogate({2002: 60.0}, {2002: 0.0, 2003: 1.0}, [2003])


def test_lines_through_and_beyond_what_is_known() -> None:
    between = interpolate({2000: 1.0, 2004: 5.0}, [2001])[2001]
    assert between.value == pytest.approx(2.0) and math.isnan(between.u)
    with pytest.raises(InputError, match="known year on either side"):
        interpolate({2000: 1.0, 2004: 5.0}, [2005])
    line = extrapolate({y: 2.0 * (y - 1990) for y in range(2000, 2005)}, [2010])[2010]
    assert line.value == pytest.approx(40.0) and line.u == pytest.approx(0.0, abs=1e-9)
    # by hand: y = 0, 2, 1 has slope 0.5, residual variance 1.5, and at x = 3: 2 +- sqrt(1.5 x (1 + 1/3 + 4/2))
    rough = extrapolate({2000: 0.0, 2001: 2.0, 2002: 1.0}, [2003])[2003]
    assert rough.value == pytest.approx(2.0) and rough.u == pytest.approx(5.0**0.5 / 2.0)
    with pytest.raises(InputError, match="three known years"):
        extrapolate({2000: 1.0, 2001: 1.0}, [2002])


def test_command_fills_by_preference_and_keeps_what_was_compiled(tmp_path: Path) -> None:
    head = "region,sector,species,year,value\n"
    rows = {2001: 11.0, 2002: 22.0, 2004: 40.0}
    (tmp_path / "new.csv").write_text(head + "".join(f"X,A,CO2,{y},{v}\n" for y, v in rows.items()), encoding="utf-8")
    old = {2000: 5.0, 2001: 10.0, 2002: 20.0}
    (tmp_path / "old.csv").write_text(head + "".join(f"X,A,CO2,{y},{v}\n" for y, v in old.items()), encoding="utf-8")
    (tmp_path / "s.toml").write_text('start = 2000\nend = 2004\n[new]\nfile = "new.csv"\n[old]\nfile = "old.csv"\n',
                                     encoding="utf-8")  # fmt: skip
    done = inside("inventories", "series", tmp_path / "s.toml", "-o", tmp_path / "out", "-q")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "out" / "series.csv").read_text(encoding="utf-8-sig").splitlines()
    cells = [line.split(",") for line in lines[1:]]
    assert [float(c[4]) for c in cells] == pytest.approx([5.5, 11.0, 22.0, 31.0, 40.0])
    assert [c[6] for c in cells] == ["overlap (eq 5.1)", "as compiled", "as compiled", "interpolation", "as compiled"]
    assert [c[5] for c in cells[1:4]] == ["0.0", "0.0", ""]  # what a straight line is worth is not known
    assert verify(tmp_path / "out").ok
    alone = inside("inventories", "series", tmp_path / "s.toml", "-o", tmp_path / "no", "-q", "--set",
                   "methods=['interpolation']")  # fmt: skip
    assert alone.returncode == 2 and "2000" in alone.stderr and not (tmp_path / "no").exists()
    (tmp_path / "new.csv").write_text(head + "X,A,CO2,2001,11\nX,A,CO2,,22\n", encoding="utf-8")
    odd = inside("inventories", "series", tmp_path / "s.toml", "-o", tmp_path / "no", "-q")
    assert odd.returncode == 2 and "year is no whole number" in odd.stderr and "row 3" in odd.stderr
