"""Shared fixtures: where the real data lie, and a deterministic generator."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings

# no timing asserts: the first call of a kernel compiles; and a failure in CI must come again at the desk
settings.register_profile("ghg", deadline=None, derandomize=True)
settings.load_profile("ghg")

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with real data and independent answers; its absence fails in CI and skips elsewhere."""
    if not SHARED.is_dir():
        if os.environ.get("CI"):
            pytest.fail("the real data beside the project (../shared/data) are missing")
        pytest.skip("no ../shared/data beside the project: real-data cases need it")
    return SHARED


@pytest.fixture
def rng() -> np.random.Generator:
    """Seeded generator, so that a failure can be repeated."""
    return np.random.default_rng(20261123)
