"""Straight lines with errors in both variables, for the comparison; they stand in :mod:`ghg.core.york`."""

from ghg.core.york import Line, NoLine, deming, york

__all__ = ["Line", "NoLine", "deming", "york"]
