"""What several tests of the ground floor need."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ghg.core import _kernels


@pytest.fixture(params=["jit", "python"])
def kernel(request: pytest.FixtureRequest) -> Callable[[str], Any]:
    """Return a kernel by its name, compiled and as Python."""

    def find(name: str) -> Any:
        compiled = getattr(_kernels, name)
        return compiled if request.param == "jit" else getattr(compiled, "py_func", compiled)

    return find
