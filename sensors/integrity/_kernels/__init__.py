"""Kernels of the integrity screening: one pass each over the hours of a unit.

Common rules. `on` (uint8) marks hours of full operation; NaN is missing. A detector returns a score that grows with
suspicion (0 when there is nothing to judge) and the evidence: first hour and hour after the last. What score is
unusual is not decided here: genuine records tell, see :mod:`sensors.integrity.null`.
"""
