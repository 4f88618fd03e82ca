"""Write the tables of docs/robustness.md from what was measured: nothing is typed.

``python benchmarks/robustness_table.py [JSON ...]``: files given, of ``robustness.py`` and ``fuzz_readers.py``, are
merged into docs/robustness-commands.json and docs/robustness-files.json first.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[1] / "docs"
MEASURED, FILES, PAGE = DOCS / "robustness-commands.json", DOCS / "robustness-files.json", DOCS / "robustness.md"
STATES = ("absent", "whole", "empty", "an empty folder")
Found = dict[str, Any]


def merge(paths: list[Path]) -> dict[str, dict[str, Found]]:
    """Return what was measured before and in these files; a later one wins."""
    total: dict[str, dict[str, Found]] = {}
    for path in [p for p in (MEASURED, *paths) if p.is_file()]:
        for part, commands in json.loads(path.read_text("utf-8")).items():
            total.setdefault(part, {}).update(commands)
    return total


def _kill(one: Found) -> tuple[str, str]:
    """Return the states after kills, and what a second run did."""
    if "CANNOT BE RUN" in one:
        return "cannot be run", ""
    states = [f"{n} {word}" for word, n in sorted(one.items()) if word in STATES or word.startswith("BROKEN")]
    fails = next((word for word in one if word.startswith("second run FAILS")), "")
    left = one["after it"]
    swept = one["hidden names before the second run"] - left
    words = [fails or "works", f"sweeps {swept}" if swept else "", f"LEAVES {left}" if left else "",
             "" if one["whole at the end"] else "NOT WHOLE",
             "PROCESSES LEFT" if one["processes left behind"] else ""]  # fmt: skip
    return ", ".join(states), ", ".join(w for w in words if w)


def _end(one: Found | None) -> str:
    """Return an exit code and what was left."""
    if one is None:
        return "not run"
    if one["exit"] == 0:
        return "fits"
    return f"exit {one['exit']}" + (f", leaves {', '.join(one['left'])}" if one["left"] else "")


def _together(one: Found | None) -> str:
    if one is None:
        return "not run"
    hidden = f", {one['hidden names left']} HIDDEN LEFT" if one["hidden names left"] else ""
    return f"{', '.join(map(str, one['exit']))}; {one['output']}{hidden}"


def commands(found: dict[str, dict[str, Found]]) -> str:
    """Return the table of kills, full disks, folders that may not be written to, and runs at once."""
    from benchmarks.robustness_commands import COMMANDS

    rows = ["| command | SIGKILL | second run | disk full | folder not writable | three at once |", "| --- " * 6 + "|"]
    full, readonly, together = (found.get(part, {}) for part in ("full", "readonly", "together"))
    for name in COMMANDS:
        kills = _kill(found["kill"][name]) if name in found.get("kill", {}) else ("not run", "")
        cells = (name, *kills, _end(full.get(name)), _end(readonly.get(name)), _together(together.get(name)))
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def threads(found: dict[str, dict[str, Found]]) -> str:
    """Return the table of one and two threads."""
    rows = ["| command | files | 2 threads of ours | 2 of BLAS besides |", "| --- " * 4 + "|"]
    for name, one in sorted(found.get("threads", {}).items()):
        most = [one[key] for key in ("kernels", "and BLAS")]
        words = ["the same" if not m else f"{m:.0e} of the largest value" for m in most]
        rows.append(f"| {name} | {one['files']} | {' | '.join(words)} |")
    return "\n".join(rows)


def merge_files(paths: list[Path]) -> dict[str, Found]:
    """Return the damaged files read before and in these runs; of each reader the run that read the most."""
    total: dict[str, Found] = {}
    for path in [p for p in (FILES, *paths) if p.is_file()]:
        for name, one in json.loads(path.read_text("utf-8")).items():
            if name not in total or one["next"] >= total[name]["next"]:
                total[name] = one
    return total


def files(read: dict[str, Found]) -> str:
    """Return the table of damaged files."""
    head = ("reader", "files", "read", "refused", "findings", "most memory [MB]", "slowest [s]", "each [ms]")
    rows = [f"| {' | '.join(head)} |", "| --- " * len(head) + "|"]
    for name, one in sorted(read.items(), key=lambda item: (-item[1]["next"], item[0])):
        bad = [f"{n} {word}" for word, n in sorted(one["results"].items()) if word not in ("read", "refused")]
        good = [f"{one['results'].get(word, 0):,}" for word in ("read", "refused")]
        most = f"{one['most_mb']:.0f}" if one["most_mb"] > 16.0 else "below 16"
        cells = (name, f"{one['next']:,}", *good, "; ".join(bad) or "0", most, f"{one['slowest_s']:.2f}",
                 f"{1e3 * one['seconds'] / max(1, one['next']):.1f}")  # fmt: skip
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def filled(page: str, found: dict[str, dict[str, Found]], read: dict[str, Found]) -> str:
    """Return the page with its tables made anew."""
    for name, table in (("files", files(read)), ("commands", commands(found)), ("threads", threads(found))):
        pattern = rf"(<!-- {name}: [^>]*-->\n).*?(\n<!-- end -->)"
        page = re.sub(pattern, lambda m, t=table: f"{m[1]}\n{t}\n{m[2]}", page, flags=re.S)
    return page


def main() -> None:
    """Merge, keep, and write."""
    given = [Path(name) for name in sys.argv[1:]]
    fuzzed = [p for p in given if all("next" in one for one in json.loads(p.read_text("utf-8")).values())]
    found, read = merge([p for p in given if p not in fuzzed]), merge_files(fuzzed)
    for path, content in ((MEASURED, found), (FILES, read)):
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(filled(PAGE.read_text("utf-8"), found, read), encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(DOCS.parent))
    main()
