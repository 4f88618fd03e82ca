"""The Numba door: a corrected callee or constant must change the answer, and other caches stay alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba  # noqa: TID251
import numpy as np
import pytest

import ghg
from ghg.core import jit

TOP = (
    "from ghg.core.jit import kernel\nfrom ghg.callee import inner, K\n\n"
    "@kernel\ndef outer(x):\n    return inner(x) + K\n"
)
CALLEE = "from ghg.core.jit import kernel\nK = {k}\n\n@kernel\ndef inner(x):\n    return {factor} * x\n"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder with the core package and two kernel modules, one calling the other."""
    source = Path(ghg.__file__).parent
    (tmp_path / "ghg" / "core").mkdir(parents=True)
    (tmp_path / "ghg" / "__init__.py").write_text("")
    for name in ("__init__.py", "jit.py"):
        shutil.copy(source / "core" / name, tmp_path / "ghg" / "core" / name)
    (tmp_path / "ghg" / "caller.py").write_text(TOP)
    (tmp_path / "ghg" / "callee.py").write_text(CALLEE.format(k=1.0, factor=2.0))
    return tmp_path


def answer(folder: Path, **env: str) -> str:
    code = "import sys; sys.path.insert(0, '.'); import ghg.caller as c; print(c.outer(10.0), c.outer.stats.cache_hits)"
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("NUMBA", "PYTHONPATH"))}
    run = subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True,
                         env={**clean, "GHG_CACHE_DIR": str(folder / "cache"), **env}, check=True)  # fmt: skip
    return run.stdout.split()[0] if env else run.stdout.strip()


def test_edited_callee_and_constant_change_the_answer(copy: Path) -> None:
    assert answer(copy).startswith("21.0")
    (copy / "ghg" / "callee.py").write_text(CALLEE.format(k=1.0, factor=3.0))
    assert answer(copy).startswith("31.0")
    (copy / "ghg" / "callee.py").write_text(CALLEE.format(k=5.0, factor=3.0))
    assert answer(copy).startswith("35.0")


def test_second_run_hits_the_cache(copy: Path) -> None:
    answer(copy)
    assert "): 1" in answer(copy)


def test_unwritable_cache_means_no_cache_and_the_right_answer(copy: Path) -> None:
    blocked = copy / "file-not-folder"
    blocked.write_text("")
    assert answer(copy, GHG_CACHE_DIR=str(blocked)) == "21.0"
    (copy / "ghg" / "callee.py").write_text(CALLEE.format(k=1.0, factor=3.0))
    assert answer(copy, GHG_CACHE_DIR=str(blocked)) == "31.0"
    assert not list(copy.rglob("__pycache__/*.nbi"))


def test_old_caches_are_pruned_to_the_newest(copy: Path) -> None:
    for factor in range(2, 8):
        (copy / "ghg" / "callee.py").write_text(CALLEE.format(k=1.0, factor=float(factor)))
        answer(copy)
    assert len(list((copy / "cache" / "ghg").iterdir())) <= jit.KEPT_CACHES


def test_the_door_leaves_numbas_own_setting_alone() -> None:
    before = numba.config.CACHE_DIR
    jit.kernel(lambda x: x)
    assert before == numba.config.CACHE_DIR


def test_key_covers_all_four_packages(tmp_path: Path) -> None:
    keys = {jit.cache_key(tmp_path)}
    for package in jit.PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / package / "_kernels.py").write_text("x = 1\n")
        keys.add(jit.cache_key(tmp_path))
    assert len(keys) == 1 + len(jit.PACKAGES)


@jit.kernel
def _squares(begin: int, end: int, x, out) -> None:
    for i in range(begin, end):
        out[i] += x[i] * x[i]


@pytest.mark.parametrize("count", [0, 1, 7, 1000])
def test_spread_does_every_item_once_whatever_the_threads(count: int) -> None:
    before = jit.threads()
    x = np.arange(count, dtype=float)
    try:
        for number in sorted({1, before}):
            jit.threads(number)
            out = np.zeros(count)
            jit.spread(_squares, count, x, out)
            assert np.array_equal(out, x * x)
    finally:
        jit.threads(before)


def test_spread_within_spread_ends_and_errors_come_out() -> None:
    out = np.zeros((64, 100))

    def outer(begin: int, end: int) -> None:
        for row in range(begin, end):
            jit.spread(_squares, 100, np.ones(100), out[row])

    jit.spread(outer, 64)
    assert (out == 1.0).all()

    def fails(begin: int, end: int) -> None:
        raise ValueError(f"{begin}")

    with pytest.raises(ValueError, match=r"\d+"):
        jit.spread(fails, 64)
