"""Damaged files into every reader, a short form of benchmarks/fuzz_readers.py: nothing but a sentence, and no hang."""

from __future__ import annotations

import signal
import warnings
from pathlib import Path

import pytest

from benchmarks.fuzz_binary import BINARY_TARGETS, NETCDF, netcdf
from benchmarks.fuzz_mutations import damaged
from benchmarks.fuzz_own import BEHIND
from benchmarks.fuzz_readers import TARGETS, _alarm, attempt, make
from benchmarks.fuzz_targets import TEXT_TARGETS, Target

SEED = 7  # another one than that of the long runs
SLOW = {"stack hj212": 3, "activity eia923 page": 6, "parquet": 40, "tanks neon": 0}
# NetCDF files are written again with something else in them: flipped bytes are for HDF5 to refuse, in processes apart
EVERY = [*TARGETS, *BEHIND]
COUNTS = {target.name: 5 if target in BINARY_TARGETS else 30 for target in EVERY} | SLOW


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="the watch over hangs needs setitimer")
@pytest.mark.parametrize("target", [t for t in EVERY if COUNTS[t.name]], ids=lambda t: t.name)
def test_nothing_but_a_sentence(target: Target, tmp_path: Path, shared_data: Path) -> None:
    signal.signal(signal.SIGPROF, _alarm)
    seeds = target.seeds()
    for name, data in (target.beside() or {}).items():
        (tmp_path / name).write_bytes(data)
    chosen = Target(target.name, target.seeds, target.read, (netcdf,)) if target.kinds is NETCDF else target
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd numbers: what is read of a damaged file is not judged here
        for name, data in seeds[:1]:
            (tmp_path / name).write_bytes(data)
            target.read(tmp_path / name)
        for n in range(COUNTS[target.name]):
            name, data = make(chosen, seeds, SEED, n)
            assert attempt(target, tmp_path / name, data) in ("read", "refused"), f"number {n}"


def test_the_damages_are_the_same_every_time() -> None:
    import numpy as np

    target = TEXT_TARGETS[0]
    seeds = target.seeds()
    assert make(target, seeds, 1, 5) == make(target, seeds, 1, 5) != make(target, seeds, 1, 6)
    different = {damaged(seeds[0][1], target.kinds, np.random.default_rng(k)) for k in range(50)}
    assert len(different) > 40
