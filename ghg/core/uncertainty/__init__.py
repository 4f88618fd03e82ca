"""Uncertainty: budgets, first-order propagation, Monte Carlo, totals with systematic parts kept whole."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ghg.core.uncertainty.budget import Budget, Component, Interval, ipcc_product, ipcc_sum
    from ghg.core.uncertainty.datasets import dataset_total
    from ghg.core.uncertainty.gum import (
        LineFit,
        correlation_matrix,
        covariance_matrix,
        first_order,
        jacobian,
        straight_line,
        type_a,
    )
    from ghg.core.uncertainty.montecarlo import (
        Distribution,
        MonteCarloResult,
        coverage_interval,
        monte_carlo,
        multivariate_normal,
    )
    from ghg.core.uncertainty.series import (
        ar1_inflation,
        autocorrelation_time,
        block_length,
        stationary_bootstrap_indices,
    )
    from ghg.core.uncertainty.totals import (
        MonomialSums,
        Total,
        combine_totals,
        monomial_sums,
        sample_total,
        total,
    )

_HOME = {
    "budget": ("Budget", "Component", "Interval", "ipcc_product", "ipcc_sum"),
    "datasets": ("dataset_total",),
    "gum": (
        "LineFit", "correlation_matrix", "covariance_matrix", "first_order", "jacobian", "straight_line",
        "type_a",
    ),
    "montecarlo": (
        "Distribution", "MonteCarloResult", "coverage_interval", "monte_carlo", "multivariate_normal",
    ),
    "series": ("ar1_inflation", "autocorrelation_time", "block_length", "stationary_bootstrap_indices"),
    "totals": ("MonomialSums", "Total", "combine_totals", "monomial_sums", "sample_total", "total"),
}  # fmt: skip
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = [
    "Budget", "Component", "Distribution", "Interval", "LineFit", "MonomialSums", "MonteCarloResult", "Total",
    "ar1_inflation", "autocorrelation_time", "block_length", "combine_totals", "correlation_matrix",
    "covariance_matrix", "coverage_interval", "dataset_total", "first_order", "ipcc_product", "ipcc_sum",
    "jacobian", "monomial_sums", "monte_carlo", "multivariate_normal", "sample_total",
    "stationary_bootstrap_indices", "straight_line", "total", "type_a",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _MODULE_OF:
        return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
