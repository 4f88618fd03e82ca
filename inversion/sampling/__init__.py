"""Answers where the Gaussian ones do not hold: bounded and log-normal states, and model errors that are inferred."""

from inversion.sampling.problem import infer_error, sample, with_distribution
from inversion.sampling.sample import Prior, Samples, sample_linear

__all__ = ["Prior", "Samples", "infer_error", "sample", "sample_linear", "with_distribution"]
