"""Compilation: activity tables x factors x controls -> annual emissions of every species, with their budget."""
