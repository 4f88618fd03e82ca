"""The routines of BLAS and LAPACK that work in place, which numpy does not offer."""

from __future__ import annotations

from typing import Any

import scipy.linalg.blas
import scipy.linalg.lapack

blas: Any = scipy.linalg.blas
lapack: Any = scipy.linalg.lapack

__all__ = ["blas", "lapack"]
