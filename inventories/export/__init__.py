"""Gridded emissions in the forms that models read."""
