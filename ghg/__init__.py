"""Greenhouse-gas and carbon monitoring: one chain of evidence from raw records to a verdict."""

__version__ = "0.1.0"
