"""The same digits with one and with two threads of the linear algebra."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from ghg.core.netcdf import read
from ghg.core.provenance import Record
from inversion import _blas
from inversion.config import InversionJob
from inversion.job import run
from tests.inversion import example


def test_the_threads_of_the_machine_do_not_change_a_digit(tmp_path: Path) -> None:
    job = InversionJob.model_validate(tomllib.loads(example.write(tmp_path).read_text()))
    digests = []
    for threads in (1, 2):
        (folder := tmp_path / str(threads)).mkdir()
        with threadpool_limits(threads, "blas"):
            run(job, folder, base=tmp_path, record=Record("test", None))
        digests.append({path.name: read(path).attrs["content_digest"] for path in sorted(folder.glob("*.nc"))})
    assert digests[0] == digests[1] and len(digests[0]) >= 4


def _threads() -> set[int]:
    return {one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"}


def test_small_problems_have_one_thread_unless_a_number_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with threadpool_limits(2, "blas"):
        with _blas.threads_for(30, 40, None):
            assert _threads() == {1}
        with _blas.threads_for(30, 40, 2):
            assert _threads() == {2}
        monkeypatch.setattr(_blas, "QUICK", 1.0)
        with _blas.threads_for(30, 40, None):
            assert _threads() == {2}
        assert _threads() == {2}
