"""Packed footprints: packing, reading and products, beside the bandwidth of the machine and a dense array.

Run ``python benchmarks/bench_footprints.py [ROWS]``. Synthetic plumes of one site on the 293 x 391 cells of Europe,
a tenth of them seen by each hour. The floor of a product is one pass over the bytes it has to read (a sum of an array
of that size, on one core); the peer is what most tools do, a dense float32 array of footprints times the map.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from timing import best, least

from inversion.footprints import Footprints, Piece
from inversion.store import open_store, pack

LAT, LON = np.linspace(10.729, 79.057, 293), np.linspace(-97.9, 39.38, 391)


def plumes(rows: int) -> Footprints:
    """Return footprints that see a tenth of the domain, in one box upwind."""
    high, wide = 93, 124

    def load(index: np.ndarray) -> Piece:
        out = np.zeros((index.size, LAT.size, LON.size))
        for k, row in enumerate(index):
            rng = np.random.default_rng(int(row))
            i, j = rng.integers(0, LAT.size - high), rng.integers(0, LON.size - wide)
            out[k, i : i + high, j : j + wide] = rng.random((high, wide)) + 1e-3
        return Piece(out)

    time = np.datetime64("2019-01-01", "ns") + np.arange(rows) * np.timedelta64(1, "h")
    return Footprints("TAC", time, 3600.0, LAT, LON, load)


def said(name: str, wall: float, cpu: float, size: float, work: float = 0.0) -> None:
    """Print a line: times, bytes per second and operations per second."""
    rate = f", {work / wall / 1e9:.2f} GFLOP/s" if work else ""
    print(
        f"{name:<44} wall {wall * 1e3:8.1f} ms, CPU {cpu * 1e3:8.1f} ms, {size / wall / 1e9:6.2f} GB/s{rate}",
        flush=True,
    )


def main() -> None:
    """Run and print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.ghgfp"
        foot = plumes(rows)
        whole = 8.0 * rows * LAT.size * LON.size
        took = best(lambda: pack([foot], path, force=True), 1)
        said(f"pack {rows} hours (making them included)", *took, whole)
        store = open_store(path)
        values = store.nonzeros
        size = float(store.nbytes)
        print(f"{values:,} values, {path.stat().st_size / 1e6:,.0f} MB for {whole / 1e9:.1f} GB as float64")
        said("open", *best(lambda: open_store(path)), 0.0)
        said("open and verify (SHA-256)", *best(lambda: open_store(path, verify=True), 2), size)
        flux = np.random.default_rng(0).random((LAT.size, LON.size))
        flat = np.frombuffer(bytearray(int(size)), np.float64, int(size // 8))
        floor = least(flat.sum)
        said("floor: one pass over as many bytes, one core", floor, floor, size)
        said("packed store times a map", *best(lambda: store.enhancement(flux)), size, 2.0 * values)
        few = np.zeros((min(rows, 200), LAT.size * LON.size), np.float32)
        part = best(lambda: few @ flux.ravel().astype(np.float32))
        share = rows / few.shape[0]
        said("dense float32 array times a map (scaled up)", part.wall * share, part.cpu * share, few.nbytes * share)
        months = np.datetime64("2019-01", "M") + np.arange(rows // 720 + 2)
        bounds = np.stack([months[:-1], months[1:]], axis=1)
        index = np.arange(rows)
        said("H of the solvers from the store", *best(lambda: store.sensitivity(index, bounds), 2), size)
        h = store.sensitivity(index, bounds)
        held = float(h.column.nbytes + h.values.nbytes)
        rng = np.random.default_rng(1)
        for k in (1, 21, 64):
            x, y = rng.random((h.shape[2], h.shape[1], k)), rng.random((rows, k))
            said(f"H x, {k} columns", *best(lambda x=x: h.forward(x), 3), held, 2.0 * values * k)
            said(f"H' y, {k} columns", *best(lambda y=y: h.adjoint(y), 3), held, 2.0 * values * k)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB; load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
