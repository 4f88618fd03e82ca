"""Stations with analysers: what stands there, what it measures, and the job that calibrates its record."""
