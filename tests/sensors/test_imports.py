"""Configuration and package doors import nothing heavy; the doors lead where they say."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["sensors", "sensors.config", "sensors.readers", "sensors.stack"])
def test_light_imports(module: str) -> None:
    heavy = ("numpy", "pandas", "xarray", "pint", "numba")
    code = f"import {module}, sys; print(*[m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_doors() -> None:
    import sensors
    import sensors.stack

    assert callable(sensors.read) and callable(sensors.stack_emission) and callable(sensors.stack.run)
    for package in (sensors, sensors.stack):
        with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
            package.nothing  # noqa: B018
