"""The packed store holds what was read, and refuses what is doubtful, cut off or changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ghg.core.errors import InputError
from inversion.footprints import Footprints, Piece
from inversion.store import open_store, pack

LAT, LON = np.linspace(50.0, 53.0, 4), np.linspace(0.0, 8.0, 5)
HOURS = np.datetime64("2019-01-02T00:00", "ns") + np.arange(6) * np.timedelta64(1, "h")
LAGS = np.array([[0.0, 1.0], [1.0, 2.0]])


def _made(rng: np.random.Generator, site: str = "A", lags: bool = True) -> Footprints:
    total = rng.exponential(size=(6, 4, 5)) * (rng.random((6, 4, 5)) < 0.5)
    resolved = total[:, None] * np.array([0.5, 0.25])[None, :, None, None] if lags else None
    total = total.astype(np.float32).astype(float)

    def load(rows: np.ndarray) -> Piece:
        return Piece(total[rows], None if resolved is None else resolved[rows])

    return Footprints(site, HOURS, 3600.0, LAT, LON, load, LAGS if lags else None)


@pytest.mark.kernel
def test_products_from_the_store_are_those_of_the_footprints(tmp_path: Path, rng: np.random.Generator) -> None:
    sites = [_made(rng, "A"), _made(rng, "B")]
    told = pack(sites, tmp_path / "net.ghgfp")
    store = open_store(tmp_path / "net.ghgfp", verify=True)
    flux = rng.normal(size=(4, 5))
    want = np.concatenate([s.enhancement(flux) for s in sites])
    assert (told["rows"], store.sites) == (12, ("A", "B"))
    assert store.enhancement(flux) == pytest.approx(want, rel=1e-6, abs=1e-7)


@pytest.mark.kernel
def test_the_sensitivity_puts_each_lag_into_its_period(tmp_path: Path, rng: np.random.Generator) -> None:
    one = _made(rng)
    pack([one], tmp_path / "net.ghgfp")
    store = open_store(tmp_path / "net.ghgfp")
    rows = store.rows_of(["a"] * 2, HOURS[[4, 2]] + np.timedelta64(10, "m"))
    assert rows.tolist() == [4, 2]
    starts = np.datetime64("2019-01-01T20:00", "ns") + np.arange(12) * np.timedelta64(1, "h")
    bounds = np.stack([starts, starts + np.timedelta64(1, "h")], axis=1)
    h = store.sensitivity(rows, bounds).dense().reshape(2, 12, 4, 5)
    piece = one.read(rows)
    assert piece.resolved is not None
    for k, hour in enumerate((4, 2)):
        at = hour + 4  # the period that begins with the observation; the mean particle was released in its middle
        assert h[k, at] == pytest.approx(piece.resolved[k, 0], rel=1e-6)
        assert h[k, at - 1] == pytest.approx(piece.resolved[k, 1], rel=1e-6)
        assert h[k, at - 2] == pytest.approx(piece.remainder[k], rel=1e-6)
    assert h.sum(axis=1) == pytest.approx(piece.total, rel=1e-6)
    with pytest.raises(InputError, match="before the first period"):
        store.sensitivity(rows, bounds[8:])
    assert store.sensitivity(rows, bounds[7:], early="first").dense().sum(axis=1) == pytest.approx(
        piece.total.reshape(2, -1), rel=1e-6
    )


def test_integrated_footprints_see_the_period_of_the_observation(tmp_path: Path, rng: np.random.Generator) -> None:
    one = _made(rng, lags=False)
    pack([one], tmp_path / "net.ghgfp")
    store = open_store(tmp_path / "net.ghgfp")
    bounds = np.array([["2019-01-01", "2019-01-02"], ["2019-01-02", "2019-01-03"]], "datetime64[ns]")
    h = store.sensitivity(np.arange(6), bounds).dense()
    assert not h[:, 0].any()
    assert h[:, 1] == pytest.approx(one.read().total.reshape(6, -1))
    again = store.footprints("A", HOURS[[2, 4]]).read()
    assert again.resolved is None and again.total == pytest.approx(one.read(np.array([2, 4])).total)


def test_what_is_left_out_is_stated(tmp_path: Path, rng: np.random.Generator) -> None:
    one = _made(rng, lags=False)
    pack([one], tmp_path / "net.ghgfp", keep=0.9)
    store = open_store(tmp_path / "net.ghgfp")
    kept = store.enhancement(np.ones((4, 5)))
    whole = one.enhancement(np.ones((4, 5)))
    lost = store.arrays["lost"]
    assert (lost <= 0.1 + 1e-6).all() and lost.max() > 0.0
    assert kept == pytest.approx(whole * (1.0 - lost), rel=1e-5)


def test_doubtful_rows_are_refused_or_left_out(tmp_path: Path, rng: np.random.Generator) -> None:
    good = _made(rng, lags=False)
    values = good.read().total
    values[3] = 0.0
    bad = Footprints("A", HOURS, 3600.0, LAT, LON, lambda rows: Piece(values[rows]))
    with pytest.raises(InputError, match=r"footprints are zero \(found 1 of 6, the first 2019-01-02T03:00Z"):
        pack([bad], tmp_path / "net.ghgfp")
    assert not list(tmp_path.iterdir())
    told = pack([bad], tmp_path / "net.ghgfp", skip=True)
    assert told["left_out"] == {"A zero": 1} and told["rows"] == 5
    with pytest.raises(InputError, match=r"have no footprint \(found 1, the first A 2019-01-02T03:00Z"):
        open_store(tmp_path / "net.ghgfp").rows_of(["A"] * 6, HOURS)


def test_bad_stores_and_wishes(tmp_path: Path, rng: np.random.Generator) -> None:
    path = tmp_path / "net.ghgfp"
    one = _made(rng)
    pack([one], path)
    with pytest.raises(InputError, match="no footprints \\(found X"):
        open_store(path).rows_of(["x"], HOURS[:1])
    with pytest.raises(InputError, match="exists already"):
        pack([one], path)
    with pytest.raises(InputError, match="packed twice"):
        pack([one, one], tmp_path / "b.ghgfp")
    with pytest.raises(InputError, match="different lags"):
        pack([one, _made(rng, "B", lags=False)], tmp_path / "b.ghgfp")
    data = bytearray(path.read_bytes())
    (tmp_path / "cut.ghgfp").write_bytes(data[:-100])
    with pytest.raises(InputError, match="cut off"):
        open_store(tmp_path / "cut.ghgfp")
    place = open_store(path).header["arrays"]["value"]["offset"] - open_store(path).header["bytes"]
    data[place] ^= 255
    (tmp_path / "changed.ghgfp").write_bytes(data)
    with pytest.raises(InputError, match="changed after"):
        open_store(tmp_path / "changed.ghgfp", verify=True)
    place = open_store(path).header["arrays"]["cell"]["offset"] - open_store(path).header["bytes"]
    data[place : place + 4] = (20).to_bytes(4, "little")  # a cell beyond the grid: kernels would read beyond the map
    (tmp_path / "beyond.ghgfp").write_bytes(data)
    with pytest.raises(InputError, match="damaged or cut off"):
        open_store(tmp_path / "beyond.ghgfp")
    (tmp_path / "none.ghgfp").write_bytes(b"hello")
    with pytest.raises(InputError, match="no packed store"):
        open_store(tmp_path / "none.ghgfp")
