"""Solvers of the linear-Gaussian problem, each a factor that answers S^-1 v."""
