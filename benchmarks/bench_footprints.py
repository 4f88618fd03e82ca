"""Packed footprints: packing, reading and products, beside the bandwidth of the machine and a dense array.

Run ``python benchmarks/bench_footprints.py [ROWS]``. Synthetic plumes of one site on the 293 x 391 cells of Europe,
a tenth of them seen by each hour. The floor of a product is the larger of its bytes at the rate of a triad and its
operations at the rate of a matrix product. Peers: what most tools do, a dense float32 array of footprints times the
map, and SciPy's sparse rows.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from floors import GEMM, TRIAD, moving, products
from scipy.sparse import csr_array
from timing import Took, best, record, short

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


def once(work: Callable[[], object]) -> Took:
    """Return the times of a single run."""
    a, b = time.perf_counter(), time.process_time()
    work()
    return Took(time.perf_counter() - a, time.process_time() - b)


def main() -> None:
    """Run and print the table."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 100 if short() else 2000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.ghgfp"
        foot = plumes(rows)
        whole = 8.0 * rows * LAT.size * LON.size
        took = once(lambda: pack([foot], path, force=True))
        said(f"pack {rows} hours (making them included)", *took, whole)
        store = open_store(path)
        values = store.nonzeros
        size = float(store.nbytes)
        print(f"{values:,} values, {path.stat().st_size / 1e6:,.0f} MB for {whole / 1e9:.1f} GB as float64")
        said("open", *best(lambda: open_store(path)), 0.0)
        said("open and verify (SHA-256)", *best(lambda: open_store(path, verify=True), 2), size)
        flux = np.random.default_rng(0).random((LAT.size, LON.size))
        floor = moving(size)
        said("floor: as many bytes by a triad", floor, floor, size)
        packed = best(lambda: store.enhancement(flux))
        said("packed store times a map", *packed, size, 2.0 * values)
        few = np.zeros((min(rows, 200), LAT.size * LON.size), np.float32)
        part = best(lambda: few @ flux.ravel().astype(np.float32))
        share = rows / few.shape[0]
        said("dense float32 array times a map (scaled up)", part.wall * share, part.cpu * share, few.nbytes * share)
        record(f"packed footprints of {rows:,} hours times a map", packed, floor=floor, limit=TRIAD,
               peer=part.times(share), who="NumPy, dense float32 in memory")  # fmt: skip
        months = np.datetime64("2019-01", "M") + np.arange(rows // 720 + 2)
        bounds = np.stack([months[:-1], months[1:]], axis=1)
        index = np.arange(rows)
        said("H of the solvers from the store", *best(lambda: store.sensitivity(index, bounds), 2), size)
        h = store.sensitivity(index, bounds)
        held = float(h.column.nbytes + h.values.nbytes)
        rng = np.random.default_rng(1)
        n, p, r = h.shape
        theirs = csr_array((h.values, h.column, h.indptr), shape=(n, p * r))
        for k in (21,) if short() else (1, 21, 64):
            x, y = rng.random((r, p, k)), rng.random((n, k))
            forward, adjoint = best(lambda x=x: h.forward(x), 3), best(lambda y=y: h.adjoint(y), 3)
            said(f"H x, {k} columns", *forward, held, 2.0 * values * k)
            said(f"H' y, {k} columns", *adjoint, held, 2.0 * values * k)
            flat = np.ascontiguousarray(x.transpose(1, 0, 2)).reshape(p * r, k)
            assert np.allclose(theirs @ flat, h.forward(x))
            bytes_, work = moving(held + x.nbytes + y.nbytes), products(2.0 * values * k)
            floor, limit = max(bytes_, work), TRIAD if bytes_ > work else GEMM
            for name, ours, peer in (("H x", forward, best(lambda f=flat: theirs @ f, 2)),
                                     ("H' y", adjoint, best(lambda y=y: theirs.T @ y, 2))):  # fmt: skip
                record(f"{name} of {values:,} values, {k} columns", ours, floor=floor, limit=limit, peer=peer,
                       who="SciPy, sparse rows")  # fmt: skip
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"peak memory {peak:.2f} GB; load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
