"""How often the claims of the demonstration hold: its whole chain, seed after seed.

Run ``python benchmarks/demo_coverage.py [SEEDS [FIRST [DAYS]]]`` (20, 1 and 10 unless given). For each kind
of number it tells the share of 95 % intervals that hold the truth, and how many standard deviations (half an interval
over 1.96) the value is off, root mean square; for each fault how often it is caught; and all false accusations.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np

from ghg.cli.inside import call
from ghg.core.provenance import Record
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
    lines = [f"{len(results)} seeds", f"{'part':<11}{'number':<12}{'n':>5}{'inside':>9}{'rms z':>8}{'hours':>8}"]
    for (part, what), these in rows.items():
        z = [1.96 * (r["value"] - r["truth"]) / (0.5 * (r["high"] - r["low"])) for r in these]
        share = [r["share"] for r in these if r["share"] is not None]
        hours = f"{100.0 * np.mean(share):7.1f}%" if share else ""
        lines.append(f"{part:<11}{what:<12}{len(these):5d}{100.0 * np.mean([r['inside'] for r in these]):8.1f}%"
                     f"{np.sqrt(np.mean(np.square(z))):8.2f}{hours:>8}")  # fmt: skip
    every = [r["inside"] for these in rows.values() for r in these]
    lines.append(f"{'all':<23}{len(every):5d}{100.0 * np.mean(every):8.1f}%")
    lines += [f"caught: {key:<10}{sum(these)} of {len(these)}" for key, these in caught.items()]
    lines.append(f"false accusations: {sum(r['false_alarms'] for r in results)}")
    return "\n".join(lines)


def main() -> None:
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
