"""Kernels of the calibration chain: accumulate readings, follow the response through time, propagate, average."""
