"""One table of ratios of all benchmarks: ours against the floor and against peers.

``python benchmarks/table.py [--short] [--only WORD] [--folder build/bench]`` runs the benchmarks, each in a process of
its own, keeps what they found as JSON (one file each) and prints the table; ``--print`` prints it from the JSON there.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
# those with a short form, together some 20 s of processor time
SHORT = ("bench_stack.py", "bench_hj212.py", "bench_uncertainty.py", "bench_analysis.py")


def words(row: dict[str, Any]) -> list[str]:
    """Return the cells of a row."""
    ours, floor, peer = row["ours"], row["floor"], row["peer"]
    shown = f"{ours * 1e3:,.3g} ms" if ours < 10 else f"{ours:,.1f} s"
    return [
        row["task"],
        shown,
        f"{ours / floor:.1f}" if floor else "",
        f"{peer / ours:,.1f}" if peer else "",
        row["who"],
    ]


HEADS = ["task", "ours", "ours / floor", "peer / ours", "peer"]


def markdown(rows: list[dict[str, Any]]) -> str:
    """Return the table for a page."""
    lines = [" | ".join(HEADS), " | ".join(["---"] * len(HEADS)), *(" | ".join(words(row)) for row in rows)]
    return "\n".join(f"| {line} |" for line in lines)


def text(rows: list[dict[str, Any]]) -> str:
    """Return the table for a terminal."""
    cells = [HEADS, *(words(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def run(folder: Path, short: bool, only: str) -> int:
    """Run the benchmarks; return how many failed."""
    failed = 0
    environment = {**os.environ, "GHG_BENCH": str(folder), **({"GHG_BENCH_SHORT": "1"} if short else {})}
    for path in sorted(HERE.glob("bench_*.py")):
        if only not in path.name or (short and path.name not in SHORT):
            continue
        (folder / f"{path.stem}.json").unlink(missing_ok=True)
        print(f"--- {path.name}", flush=True)
        began = time.perf_counter()
        failed += subprocess.run([sys.executable, str(path)], env=environment).returncode != 0
        print(f"    {time.perf_counter() - began:.0f} s", flush=True)
    return failed


def main() -> None:
    """Run or read, and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--short", action="store_true")
    options.add_argument("--print", action="store_true", dest="there")
    options.add_argument("--only", default="")
    options.add_argument("--folder", type=Path, default=HERE.parent / "build" / "bench")
    given = options.parse_args()
    given.folder.mkdir(parents=True, exist_ok=True)
    failed = 0 if given.there else run(given.folder, given.short, given.only)
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(given.folder.glob("*.json"))]
    print("\n" + text([row for one in found for row in one["rows"]]))
    sys.exit(failed)


if __name__ == "__main__":
    main()
