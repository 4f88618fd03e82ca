"""Observations + transport footprints + prior -> regional fluxes and carbon sinks.

``inversion.solve(problem)`` returns a posterior that answers ``.total(totals)``, ``.covariance(totals)`` and
``.diagnostics()``; ``inversion.sample(problem)`` does so where priors are bounded or log-normal. Names are imported
when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inversion.covariance import Covariance as Covariance
    from inversion.error import ObservationError as ObservationError
    from inversion.grid import Grid as Grid
    from inversion.posterior import Posterior as Posterior
    from inversion.problem import Block as Block
    from inversion.problem import Problem as Problem
    from inversion.sampling.problem import sample as sample
    from inversion.solver import plan as plan
    from inversion.solver import solve as solve
    from inversion.totals import TotalSet as TotalSet

_PLACES = {
    "Block": "problem", "Covariance": "covariance", "Grid": "grid", "ObservationError": "error",
    "Posterior": "posterior", "Problem": "problem", "TotalSet": "totals", "plan": "solver",
    "sample": "sampling.problem", "solve": "solver",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _PLACES:
        raise AttributeError(f"module 'inversion' has no attribute '{name}'")
    value = getattr(import_module(f"inversion.{_PLACES[name]}"), name)
    globals()[name] = value
    return value
