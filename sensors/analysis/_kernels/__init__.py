"""Kernels of the analysis of series: plain float64 arrays, constants as arguments, NaN rule in each docstring."""
