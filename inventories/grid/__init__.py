"""Grids of emissions: exact, conservative, whatever the projection."""
