"""Run the benchmarks and the peers, keep what they found, and print one table of ratios.

``python benchmarks/table.py [--short] [--only WORD]`` runs our benchmarks, each in a process of its own (the short
forms share one). With ``--peers [NAME ...]`` each peer gets an environment of its own under ``build/peers`` (see
``peers/peers.toml``) and runs beside our benchmark of the same tasks, in one sitting. ``--print`` only prints what is
there. All is kept as JSON in ``build/bench``, the joined table as ``ratios.json`` and ``ratios.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import runpy
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from ratios import about, gather, known_peers, markdown, text
from timing import machine

HERE = Path(__file__).resolve().parent
INSTALLING, RUNNING = 1200, 1800  # most seconds


def run(folder: Path, short: bool, only: str) -> int:
    """Run our benchmarks; return how many failed."""
    chosen = [path for path in sorted(HERE.glob("bench_*.py")) if only in path.name]
    if not only:
        for old in folder.glob("bench_*.json"):
            old.unlink()
    if short:
        return _short_forms([path for path in chosen if "short()" in path.read_text(encoding="utf-8")], folder)
    return sum(_ours(path, [], folder, fresh=True) for path in chosen)


def _short_forms(paths: list[Path], folder: Path) -> int:
    """Run the short forms in this process, so that the libraries are loaded once; return how many failed."""
    os.environ |= {"GHG_BENCH": str(folder), "GHG_BENCH_SHORT": "1"}
    sys.path.insert(0, str(HERE.parent))
    failed = 0
    for path in paths:
        (folder / f"{path.stem}.json").unlink(missing_ok=True)
        print(f"--- {path.name}", flush=True)
        began = time.perf_counter()
        sys.argv = [str(path)]
        try:
            runpy.run_path(str(path), run_name="__main__")
        except SystemExit as end:
            failed += bool(end.code)
        except Exception:
            traceback.print_exc()
            failed += 1
        print(f"    {time.perf_counter() - began:.1f} s", flush=True)
    return failed


def _ours(path: Path, words: list[str], folder: Path, fresh: bool) -> int:
    kept = folder / f"{path.stem}.json"
    if fresh:
        kept.unlink(missing_ok=True)
    environment = {**os.environ, "GHG_BENCH": str(folder), "PYTHONPATH": str(HERE.parent)}
    environment |= {"GHG_BENCH_INPUTS": str(folder / "inputs")} if (folder / "inputs").is_dir() else {}
    print(f"--- {path.name} {' '.join(words)}", flush=True)
    began = time.perf_counter()
    code = subprocess.run([sys.executable, str(path), *words], env=environment).returncode
    print(f"    {time.perf_counter() - began:.0f} s", flush=True)
    return int(code != 0)


# ---- peers ---------------------------------------------------------------------------------------------------------


def run_peers(folder: Path, names: list[str]) -> int:
    """Run the named peers (or all) and our benchmarks of the same tasks; return how many of ours failed.

    A peer that cannot be installed or fails is said in one line and kept as such.
    """
    peers = known_peers()
    if unknown := [name for name in names if name not in peers]:
        sys.exit(f"no such peer: {', '.join(unknown)}; there are {', '.join(peers)}")
    (folder / "peers").mkdir(parents=True, exist_ok=True)
    (folder / "inputs").mkdir(exist_ok=True)
    failed, done = 0, set()
    for name in names or peers:
        python, problem = "", "no script in benchmarks/peers"
        if any(_scripts(name)):
            python, problem = environment_of(name, peers[name]["needs"])
        for command in peers[name]["ours"] if python else []:
            if command not in done:
                done.add(command)
                file, *words = command.split()
                failed += _ours(HERE / file, words, folder, fresh=False)
        rows, problems = _theirs(name, python, folder) if python else ([], [problem])
        for one in problems:
            print(f"{name}: {one}", flush=True)
        kept = {"peer": name, "needs": peers[name]["needs"], "machine": machine(), "date": time.strftime("%Y-%m-%d"),
                "load": round(os.getloadavg()[0], 1), "rows": rows, "problem": "; ".join(problems)}  # fmt: skip
        (folder / "peers" / f"{name}.json").write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return failed


def environment_of(name: str, needs: list[str]) -> tuple[str, str]:
    """Return the Python of the environment of a peer, made where it is not there; or nothing and why."""
    place = HERE.parent / "build" / "peers" / name
    python, stamp = place / "bin" / "python", place / "installed"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == "\n".join(needs):
        return str(python), ""
    print(f"--- {name}: an environment with {', '.join(needs)}", flush=True)
    try:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(place)], check=True, capture_output=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check", "--progress-bar",
                        "off", *needs], check=True, capture_output=True, text=True, timeout=INSTALLING)  # fmt: skip
    except (subprocess.SubprocessError, OSError) as error:
        words = str(getattr(error, "stderr", "") or error).strip().splitlines()
        reason = next((w for w in reversed(words) if w.startswith("ERROR")), words[-1] if words else "no reason given")
        return "", f"cannot be installed here ({reason.strip()[:160]})"
    stamp.write_text("\n".join(needs), encoding="utf-8")
    return str(python), ""


def _scripts(name: str) -> list[Path]:
    return sorted((HERE / "peers").glob(f"{name.replace('-', '_')}_*.py"))


def _theirs(name: str, python: str, folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Run the scripts of a peer; return their rows and what went wrong."""
    rows, problems = [], []
    given = {**os.environ, "GHG_BENCH_INPUTS": str(folder / "inputs"), "PYTHONPATH": ""}
    for path in _scripts(name):
        print(f"--- {path.name}", flush=True)
        try:
            done = subprocess.run([python, str(path)], env=given, capture_output=True, text=True, timeout=RUNNING)
        except subprocess.TimeoutExpired:
            problems.append(f"{path.name} took more than {RUNNING} s")
            continue
        said = [line for line in done.stdout.splitlines() if line.startswith("{")]
        rows += [json.loads(line) for line in said]
        for line in said:
            print(f"    {line}", flush=True)
        if done.returncode or not said:
            last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
            problems.append(f"{path.name} failed ({last.strip()[:160]})")
    return rows, problems


# ---- all -----------------------------------------------------------------------------------------------------------


def main() -> None:
    """Run or read, keep and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--short", action="store_true", help="smaller inputs, half a minute in all")
    options.add_argument("--print", action="store_true", dest="there", help="run nothing")
    options.add_argument("--only", default="", help="benchmarks with this word in their name")
    options.add_argument("--peers", nargs="*", metavar="NAME", help="peers in their own environments; all by default")
    options.add_argument("--folder", type=Path, default=HERE.parent / "build" / "bench")
    given = options.parse_args()
    folder = given.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    failed = 0
    if given.peers is not None:
        failed = run_peers(folder, given.peers)
    elif not given.there:
        failed = run(folder, given.short, given.only)
    table = gather(folder)
    if not table["rows"]:
        sys.exit(f"no benchmark has left a result in {folder}")
    gaps = "\n".join(f"- {line}" for line in table["missing"])
    (folder / "ratios.json").write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
    (folder / "ratios.md").write_text(f"{about(table)}\n\n{markdown(table['rows'])}\n\n{gaps}\n", encoding="utf-8")
    print(f"\n{text(table['rows'])}\n\n{about(table)}\nNot measured:\n{gaps}\n{failed} benchmarks failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
