"""How much memory there is, asked before work that may need too much of it."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["available_memory", "size_text"]


def available_memory() -> float:
    """Return the memory that can be had now [bytes]; infinite where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return float(line.split()[1]) * 1024.0
    except OSError:
        pass
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_AVPHYS_PAGES"))
    except (ValueError, OSError, AttributeError):
        return float("inf")


def size_text(number: float) -> str:
    """Return a number of bytes in words: in GB, below one in MB."""
    return f"{number / 1e9:,.1f} GB" if number >= 1e9 else f"{max(number / 1e6, 1.0):,.0f} MB"
