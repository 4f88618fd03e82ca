"""The job of an inversion: files -> problem -> posterior -> files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ghg.core.errors import InputError
from inversion._blas import one_thread, threads_for
from inversion.assemble import assemble, totals_of
from inversion.config import InversionJob
from inversion.prepare import prepare, sampled
from inversion.problem import Problem
from inversion.solver import plan, solve

if TYPE_CHECKING:
    from ghg.core.provenance import Record
    from inversion.posterior import Posterior
    from inversion.totals import TotalSet

__all__ = ["adjoint_test", "check", "run", "simulate"]


def _silent(text: str) -> None:
    return None


def adjoint_test(problem: Problem, seed: int = 0) -> float:
    """Return |<H x, v> - <x, H' v>| relative to their size, for random x and v: rounding only, if all is right."""
    rng = np.random.default_rng(seed)
    x = [b.covariance.sample(rng, 1) for b in problem.blocks]
    v = rng.standard_normal((problem.n, 1)) / np.sqrt(problem.error.variance())[:, None]
    left = float(np.sum(problem.forward(x) * v))
    right = float(sum(np.sum(a * b) for a, b in zip(x, problem.adjoint(v), strict=True)))
    size = float(np.linalg.norm(problem.forward(x)) * np.linalg.norm(v))
    return abs(left - right) / max(size, 1e-300)


def check(job: InversionJob, *, base: Path, record: Record | None = None) -> dict[str, Any]:
    """Read everything and say what would be done, without solving.

    Returns
    -------
    dict
        ``plan``, ``observations``, ``unknowns``, ``totals`` and the result of the adjoint test.
    """
    problem = assemble(job, base, record)
    totals = totals_of(job, problem, base)
    adjoint = adjoint_test(problem)
    problem = prepare(job, problem, totals)
    if sampled(job):
        from inversion.sampling.problem import checked

        chosen = checked(problem, job.solver.chains, job.solver.draws, job.solver.memory)
    else:
        chosen = plan(
            problem, job.solver.method, rank=job.solver.rank, members=job.solver.members, memory=job.solver.memory
        ).sentence()
    return {"plan": chosen, "observations": problem.n, "unknowns": problem.m, "totals": len(totals.labels),
            "adjoint": adjoint}  # fmt: skip


def run(
    job: InversionJob, folder: Path, *, base: Path, record: Record, announce: Callable[[str], None] = _silent
) -> dict[str, Any]:
    """Run an inversion and write its files.

    Parameters
    ----------
    job : InversionJob
        The configuration.
    folder : Path
        Where the files go.
    base : Path
        Folder to which paths of the job belong.
    record : Record
        Provenance.
    announce : callable
        Is told each step, the plan with its memory before the solver begins.

    Returns
    -------
    dict
        What ``result.json`` holds.
    """
    announce("reading observations, footprints and priors")
    with one_thread():
        problem = assemble(job, base, record)
        wanted = totals_of(job, problem, base, record)
    with threads_for(problem.n, problem.m, job.solver.threads):
        return _run(job, problem, wanted, folder, record, announce)


def _run(
    job: InversionJob, problem: Problem, wanted: TotalSet, folder: Path, record: Record, announce: Callable[[str], None]
) -> dict[str, Any]:
    from inversion.output import result, write

    estimate = None
    if job.solver.estimate:
        from inversion.reml import reml

        announce("estimating the covariance parameters")
        estimate = reml(problem, job.solver.estimate, announce=announce)
        problem = estimate.put(problem)
        record.step("covariance parameters by restricted maximum likelihood: " + ", ".join(
            f"{n} = {v:.4g}" for n, v in zip(estimate.names, estimate.values, strict=True)))  # fmt: skip
    problem = prepare(job, problem, wanted, record)
    posterior = _solved(job, problem, announce)
    record.step(f"solved by {posterior.explained}")
    totals = posterior.total(wanted)
    announce("diagnostics" if sampled(job) else "diagnostics and sites left out in turn")
    found = {
        "title": job.title,
        "summary": job.summary,
        "coastlines": job.coastlines,
        **result(posterior, totals, wanted, estimate),
    }
    announce("writing files")
    write(posterior, totals, wanted, found, folder, record, job.solver.deviation)
    if "paris" in job.layouts:
        from ghg.core.netcdf import write as write_netcdf
        from inversion.paris import paris_concentrations, paris_fluxes

        write_netcdf(paris_fluxes(posterior, totals, wanted), folder / "paris_flux.nc", record=record)
        length = max(o.average for o in job.observations) or 3600.0
        write_netcdf(paris_concentrations(posterior, wanted, length), folder / "paris_concentrations.nc", record=record)
    return found


def _solved(job: InversionJob, problem: Problem, announce: Callable[[str], None]) -> Posterior:
    s = job.solver
    if sampled(job):
        from inversion.sampling import sample

        return sample(problem, draws=s.draws, warm=s.warm, chains=s.chains, seed=s.seed, memory=s.memory,
                      announce=announce)  # fmt: skip
    return solve(problem, method=s.method, tolerance=s.tolerance, iterations=s.iterations, rank=s.rank,
                 members=s.members, lag=s.lag, seed=s.seed, memory=s.memory, announce=announce)  # fmt: skip


def simulate(job: InversionJob, *, base: Path, announce: Callable[[str], None] = _silent) -> dict[str, Any]:
    """Simulate the observing system of a job: coverage, error reduction, and which candidate site helps most.

    Returns
    -------
    dict
        ``totals`` (rows of :meth:`inversion.osse.Coverage.table`), ``next_sites`` where candidates are named.
    """
    with one_thread():
        problem = assemble(job, base)
        wanted = totals_of(job, problem, base)
    with threads_for(problem.n, problem.m, job.solver.threads):
        return _simulated(job, problem, wanted, announce)


def _simulated(
    job: InversionJob, problem: Problem, wanted: TotalSet, announce: Callable[[str], None]
) -> dict[str, Any]:
    from inversion.osse import coverage, next_sites

    found = coverage(problem, wanted, job.osse.replicates, seed=job.osse.seed, announce=announce)
    answer: dict[str, Any] = {"replicates": found.replicates, "totals": found.table()}
    for row, (_, _, t) in zip(answer["totals"], wanted.labels, strict=True):
        row["start"] = str(wanted.bounds[t, 0])[:10]
    if job.osse.candidates:
        sites = {name: np.flatnonzero(problem.site == name) for name in job.osse.candidates}
        if missing := [name for name, rows in sites.items() if not rows.size]:
            raise InputError("a candidate site has no observations and footprints", where="osse.candidates",
                             found=", ".join(missing))  # fmt: skip
        labels = [f"{g}/{r}" for g, r, _ in wanted.labels]
        name = job.osse.total or labels[0]
        if name not in labels:
            raise InputError(
                "there is no such total", where="osse.total", found=name, need=", ".join(dict.fromkeys(labels))
            )
        answer["for_total"] = name
        answer["next_sites"] = next_sites(problem, wanted, labels.index(name), sites, job.osse.choose)
    return answer
