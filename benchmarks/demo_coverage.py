"""How often the claims of the demonstration hold: its whole chain, seed after seed.

Run ``python benchmarks/demo_coverage.py [SEEDS [FIRST [DAYS]]]`` (20, 1 and 10 unless given). For each kind of number
it tells the share of 95 % intervals that hold the truth, and how many standard deviations (half an interval over 1.96)
the value is off, mean and root mean square; for each fault how often it is caught; and all false accusations.

``python benchmarks/demo_coverage.py PROJECT [REPLICATES]`` takes a project of ``ghg demo --keep`` instead and draws the
errors of towers, transport, background and inventory anew (400 times): the inversions alone are judged, in a minute.
``python benchmarks/demo_coverage.py plants [SEEDS [FIRST]]`` judges the plants alone.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from ghg.cli.inside import call
from ghg.core.provenance import Record
from ghg.demo import air, inventory, world
from ghg.demo.run import run


def one(seed: int, days: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        return run(Path(folder), call, Record("demo", seed=seed), seed=seed, workers=1, days=days, trace=False)


def table(results: list[dict[str, Any]]) -> str:
    rows: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    caught: dict[str, list[bool]] = defaultdict(list)
    for result in results:
        for row in result["rows"]:
            if row["meant"]:
                rows[row["part"], row["what"]].append(row)
        for case in result["caught"]:
            caught[case["key"]].append(case["caught"])
    lines = [
        f"{len(results)} seeds",
        f"{'part':<11}{'number':<12}{'n':>5}{'inside':>9}{'mean z':>8}{'rms z':>8}{'hours':>8}",
    ]
    for (part, what), these in rows.items():
        z = [1.96 * (r["value"] - r["truth"]) / (0.5 * (r["high"] - r["low"])) for r in these]
        share = [r["share"] for r in these if r["share"] is not None]
        hours = f"{100.0 * np.mean(share):7.1f}%" if share else ""
        lines.append(f"{part:<11}{what:<12}{len(these):5d}{100.0 * np.mean([r['inside'] for r in these]):8.1f}%"
                     f"{np.mean(z):+8.2f}{np.sqrt(np.mean(np.square(z))):8.2f}{hours:>8}")  # fmt: skip
    every = [r["inside"] for these in rows.values() for r in these]
    lines.append(f"{'all':<23}{len(every):5d}{100.0 * np.mean(every):8.1f}%")
    lines += [f"caught: {key:<10}{sum(these)} of {len(these)}" for key, these in caught.items()]
    lines.append(f"false accusations: {sum(r['false_alarms'] for r in results)}")
    return "\n".join(lines)


def inversions(project: Path, replicates: int) -> dict[tuple[str, str, str], np.ndarray]:
    """Return the errors of totals of a project in stated uncertainties, by gas, group and region: one a replicate.

    The truth stays, and errors of observations and of the inventory are drawn anew.
    """
    from ghg.core.config import load
    from inversion.assemble import assemble, totals_of
    from inversion.config import InversionJob
    from inversion.solver import solve

    seed = json.loads((project / "truth.json").read_text())["seed"]
    made, rng, off = world.build(seed), np.random.default_rng(seed), {}
    for gas, name in (("co2", "fossil"), ("ch4", "methane")):
        job = load(project / "region" / f"{gas}.toml", InversionJob, [])
        problem = assemble(job, project / "region")
        wanted = totals_of(job, problem, project / "region")
        blocks = {b.name: b for b in problem.blocks}
        truth = {n: made.fluxes[n].reshape(-1, 1, 1) for n in blocks if n in made.fluxes}
        per = air.PER_MOLE[gas]
        exact = _totals(problem, wanted, truth)
        hits = []
        for _ in range(replicates):
            offset = air.BACKGROUND_U[gas] / per * rng.standard_normal((1, 1, 1))
            state = [truth.get(b.name, offset) for b in problem.blocks]
            seen = problem.background + (problem.forward(state) + problem.error.sample(rng, 1))[:, 0]
            prior = _inventory(made, name, rng).reshape(1, -1)
            changed = tuple(replace(b, prior=prior) if b.name == name else b for b in problem.blocks)
            found = solve(replace(problem, observed=seen, blocks=changed)).total(wanted)
            hits.append((found.posterior - exact) / np.where(found.u > 0.0, found.u, np.nan))
        z = np.array(hits)
        off |= {(gas, group, region): z[:, k] for k, (group, region, _) in enumerate(wanted.labels)
                if group in blocks and np.isfinite(z[:, k]).all()}  # fmt: skip
    return off


def _totals(problem: Any, wanted: Any, truth: dict[str, Any]) -> np.ndarray:
    """Return the true totals [kg s-1]."""
    from ghg.core.gases import gas

    mass = gas(problem.species).molar_mass
    return np.array([sum(float((truth[b][:, 0, 0] * wanted.regions[r][b] * problem.block(b).grid.area).sum()) * mass
                         for b in wanted.groups[g]) for g, r, _ in wanted.labels])  # fmt: skip


def _inventory(made: world.World, name: str, rng: np.random.Generator) -> np.ndarray:
    """Return an inventory with what it leaves out, and errors as it states them [mol m-2 s-1]."""
    parts = ("traffic", "heating", "plants") if name == "fossil" else ("landfill", "gas", "fields")
    mass = world.MOLAR_MASS if name == "fossil" else world.METHANE
    shape = () if name == "fossil" else made.area.shape  # one error for all the fuel of a table, one for each mass
    whole = sum(inventory.counted(made, p) * (1.0 + inventory.U[p] * rng.standard_normal(shape)) for p in parts)
    return np.asarray(whole) / mass / made.area


@dataclass
class Plants:
    """Errors of totals in stated uncertainties and whether intervals hold, by side; how often what was said of whom."""

    z: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    inside: dict[str, list[bool]] = field(default_factory=lambda: defaultdict(list))
    said: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


def plants_only(seeds: range) -> Plants:
    """Judge totals, verdicts and screenings of the plants alone."""
    from ghg.core.config import load
    from ghg.demo import plants
    from ghg.facility.config import FacilityJob
    from ghg.facility.job import compare_job
    from sensors.integrity.config import IntegrityJob
    from sensors.integrity.job import run as screen

    judged = Plants()
    for seed in seeds:
        with tempfile.TemporaryDirectory() as place:
            truth = plants.write(Path(place), np.random.default_rng([seed, 4]))
            for plant in world.PLANTS:
                base, said = Path(place) / plant.name.lower(), judged.said[plant.name]
                found = compare_job(load(base / "compare.toml", FacilityJob, ["comparison.draws=20000"]), base)
                said[found.verdict.code] += 1
                for side, total in (("measured", found.measured_total), ("accounted", found.accounted_total)):
                    if side == "accounted" or plant.matter != "flow":
                        low, high = total.interval
                        judged.inside[side].append(low <= truth[plant.name].total <= high)
                        judged.z[side].append((total.value - truth[plant.name].total) / total.u)
                alarms = screen(load(base / "screen.toml", IntegrityJob, []), base=base).alarms
                said["screened: copied week"] += any(a.detector == "copied" for a in alarms)
                said["screened: any alarm"] += bool(alarms)
    return judged


def lines_of(off: dict[str, Any], inside: dict[str, Any]) -> list[str]:
    """Return a line for each kind of number: share of intervals that hold, and errors in stated uncertainties."""
    return [f"{name:<32} inside {100.0 * np.mean(inside[name]):5.1f} % of {len(z)}   mean z {np.mean(z):+.2f}   "
            f"rms z {np.sqrt(np.mean(np.square(z))):.2f}" for name, z in off.items()]  # fmt: skip


def main() -> None:
    if sys.argv[1:2] == ["plants"]:
        chosen = [int(a) for a in sys.argv[2:4]]
        count, first = [*chosen, *(20, 1)[len(chosen) :]]
        judged = plants_only(range(first, first + count))
        print("\n".join(lines_of(judged.z, judged.inside)))
        print("\n".join(f"{name}: {dict(said)}" for name, said in judged.said.items()))
        return
    if len(sys.argv) > 1 and not sys.argv[1].isdigit():
        found = inversions(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 400)
        off = {" ".join(key): z for key, z in found.items()}
        print("\n".join(lines_of(off, {name: np.abs(z) < 1.96 for name, z in off.items()})))
        return
    given = [int(a) for a in sys.argv[1:]]
    seeds, first, days = [*given, *(20, 1, 10)[len(given) :]]
    results = []
    for seed in range(first, first + seeds):
        results.append(one(seed, days))
        missed = [
            f"{r['part']}/{r['what']}/{r['place']}" for r in results[-1]["rows"] if r["meant"] and not r["inside"]
        ]
        lost = [c["key"] for c in results[-1]["caught"] if not c["caught"]]
        print(json.dumps({"seed": seed, "missed": missed, "not_caught": lost,
                          "false": results[-1]["false_alarms"]}), file=sys.stderr, flush=True)  # fmt: skip
    print(table(results))


if __name__ == "__main__":
    main()
