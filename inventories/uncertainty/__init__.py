"""Uncertainty of inventories: one budget by shared quantities, propagated first-order (Approach 1) or by draws (2)."""
