"""The overlapping Allan deviation of a caesium clock by allantools: the points of ``bench_analysis.py``."""

from __future__ import annotations

import allantools  # pyright: ignore[reportMissingImports]
import numpy as np
from common import SHARED, best, say

x = np.loadtxt(SHARED / "sensors" / "allan" / "5071A_phase.txt.gz")
decade = [m * 10**k for k in range(6) for m in (1, 2, 4) if 2 * m * 10**k < x.size]
spaced = np.unique(np.linspace(1, x.size // 3, 2000).astype(np.int64))
for name, factors, runs in (("decade points", decade, 5), ("2,000 spaced points", spaced, 1)):
    taus = np.asarray(factors, float)
    took = best(lambda t=taus: allantools.oadev(x, rate=1.0, data_type="phase", taus=t), runs)
    say(f"OADEV of {x.size:,} points, {name}", took, "allantools")
