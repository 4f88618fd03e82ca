"""From the problem of a job to the one that is solved: blocks merged, bounded priors, a model error to be inferred."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from inversion.basis import Labels, quadtree, regional, weighted
from inversion.config import SAMPLED, BlockJob, InversionJob
from inversion.merged import Merged, full_block, merge
from inversion.problem import Block, Problem
from inversion.totals import TotalSet

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["bases", "prepare", "sampled"]


def sampled(job: InversionJob) -> bool:
    """Tell whether a job needs draws: a prior that is not normal, a model error to be inferred, or because it says so.

    Raises
    ------
    InputError
        A Gaussian solver is asked for beside them.
    """
    bounded = [b.name for b in job.block if b.distribution != "normal"]
    wanted = job.solver.method in SAMPLED
    if job.solver.method not in ("auto", *SAMPLED) and (bounded or job.model_error is not None):
        what = "a model error to be inferred" if job.model_error is not None else f"block '{bounded[0]}' is not normal"
        raise InputError("the Gaussian solvers take normal priors and known errors", where="solver.method",
                         found=f"'{job.solver.method}', and {what}", need="'auto' or 'sampled'")  # fmt: skip
    return wanted or bool(bounded) or job.model_error is not None


def prepare(job: InversionJob, problem: Problem, wanted: TotalSet, record: Record | None = None) -> Problem:
    """Return the problem that is solved.

    Parameters
    ----------
    job : InversionJob
    problem : Problem
        On the full grid.
    wanted : TotalSet
        Whose regions are the groups of a regional basis.
    record : Record, optional

    Raises
    ------
    InputError
        A basis that cannot be made, a log-normal prior that is not positive everywhere.
    """
    from inversion.sampling import infer_error, with_distribution

    for one in job.block:
        if one.basis != "full":
            labels = _labels(one, problem.block(one.name), wanted, problem.n)
            problem = merge(problem, one.name, labels)
            if record is not None:
                basis = problem.block(one.name).basis
                assert basis is not None
                record.step(
                    f"merged {basis.full.elements} cells of '{one.name}' into {basis.groups} groups ({one.basis})"
                )
    if not sampled(job):
        return problem
    for one in job.block:
        kind: Any = job.solver.method if job.solver.method in ("truncated", "lognormal") else one.distribution
        if kind != "normal":
            problem = with_distribution(problem, kind, blocks=[one.name])
    if job.model_error is not None:
        m = job.model_error
        problem = infer_error(problem, m.low, m.high, m.by)
    return problem


def _labels(one: BlockJob, block: Block, wanted: TotalSet, n: int) -> Labels:
    """Return the group of each cell; rectangles are finest where the network sees most of the prior's uncertainty."""
    if block.grid is None or block.grid.shape is None:
        raise InputError("a basis needs a regular grid", where=f"block '{one.name}'")
    if one.basis == "regional":
        return regional({name: np.asarray(shares[one.name]) for name, shares in wanted.regions.items()})
    seen = block.sensitivity.adjoint(np.full((n, 1), 1.0 / n))[:, :, 0]
    weight = np.sum(np.abs(seen) * block.covariance.sigma.T, axis=1)
    divide = quadtree if one.basis == "quadtree" else weighted
    return divide(weight, block.grid.shape, one.groups)


def bases(problem: Problem) -> list[dict[str, Any]]:
    """Return for each merged block its cells and groups, and the aggregation error at each site [mol mol-1]."""
    rows = []
    for block in problem.blocks:
        if not isinstance(one := block.basis, Merged):
            continue
        sites = {str(s): float(np.sqrt(np.mean(np.square(one.error[problem.site == s])))) for s in
                 dict.fromkeys(problem.site.tolist())}  # fmt: skip
        rows.append({"block": block.name, "cells": full_block(block).elements, "groups": one.groups, "error": sites})
    return rows


def on_full_grid(problem: Problem) -> Problem:
    """Return the problem with its merged blocks on their full grids, for maps of what the network sees."""
    blocks = tuple(full_block(b) for b in problem.blocks if b.kind != "rest")
    return replace(problem, blocks=blocks)
