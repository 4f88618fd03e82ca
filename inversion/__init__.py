"""Observations + transport footprints + prior -> regional fluxes and carbon sinks (in preparation)."""
