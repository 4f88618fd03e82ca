"""Wheel and source archive: built, looked into, installed in an empty environment, and run there.

``python benchmarks/wheel_and_sdist.py [PYTHON ...]`` (``build``, ``hatchling`` and ``pyright`` must be here). Each
PYTHON gets an environment of its own; without one, the unpacked wheel runs beside the dependencies of this environment.
Nothing of this checkout is on the path of what is run.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ghg", "sensors", "inventories", "inversion")
PROGRAM = """\
from ghg.core.york import york
from inventories.accounting import factors
from sensors.analysis.allan import deviations

line = york([1.0, 2.0, 3.0], [1.1, 1.9, 3.2], [0.1, 0.1, 0.1], [0.1, 0.1, 0.1])
slope: float = line.slope
value: float = factors.table()[0].value
found = deviations([1.0, 2.0, 1.0, 2.0], "adev", [1])
text: str = line.slope  # wrong, and a checker that sees the types must say so
"""


def tracked() -> set[str]:
    """Return every file of the packages under version control."""
    done = subprocess.run(["git", "ls-files", *PACKAGES], cwd=ROOT, capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")) - {""}


def contents(dist: Path) -> list[str]:
    """Return what is wrong with the archives."""
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
        entry = next(wheel.read(n).decode() for n in wheel.namelist() if n.endswith("entry_points.txt"))
    with tarfile.open(next(dist.glob("*.tar.gz"))) as archive:
        source = {name.partition("/")[2] for name in archive.getnames()}
    wrong = [f"wheel lacks {name}" for name in sorted(tracked() - inside)]
    wrong += [f"wheel holds {name}" for name in sorted(inside - tracked())]
    wrong += [f"wheel lacks {p}/py.typed" for p in PACKAGES if f"{p}/py.typed" not in inside]
    wrong += [f"source lacks {name}" for name in sorted(tracked() - source)]
    wrong += [f"source lacks {name}" for name in ("README.md", "LICENSE", "pyproject.toml", "Makefile", "docs/index.md",
                                                  "tests/conftest.py") if name not in source]  # fmt: skip
    return wrong + ([] if "ghg = ghg.cli:main" in entry else ["the entry point is missing"])


def without_ours() -> dict[str, str]:
    """Return the environment without anything that points to this checkout or to a virtual environment."""
    return {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GHG", "VIRTUAL", "COV"))}


def completed(ghg: list[str | Path], plain: dict[str, str]) -> tuple[str, bool]:
    """Type ``ghg facility c`` and TAB as bash, zsh and fish would, and look at what is offered."""
    asked = {
        "bash": {"_GHG_COMPLETE": "complete_bash", "COMP_WORDS": "ghg facility c", "COMP_CWORD": "2"},
        "zsh": {"_GHG_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "ghg facility c"},
        "fish": {"_GHG_COMPLETE": "complete_fish", "_TYPER_COMPLETE_ARGS": "ghg facility c",
                 "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
    }  # fmt: skip
    offered = {}
    for shell, words in asked.items():
        done = subprocess.run(ghg, env=plain | words, capture_output=True, text=True)
        offered[shell] = "compare" in done.stdout and "check" in done.stdout and "init" not in done.stdout
    return f"ghg facility c<TAB>: {offered}", all(offered.values())


def typed(python: str | Path, plain: dict[str, str], folder: Path, *paths: str) -> tuple[str, bool]:
    """Let pyright read a program of a stranger: right use passes, and the wrong one is named."""
    program, config = folder / "program.py", folder / "pyrightconfig.json"
    program.write_text(PROGRAM, encoding="utf-8")
    config.write_text(json.dumps({"include": ["program.py"], "extraPaths": list(paths)}), encoding="utf-8")
    command = [sys.executable, "-m", "pyright", "--pythonpath", python, "--outputjson", "-p", config]
    done = subprocess.run(command, cwd=folder, env=plain, capture_output=True, text=True)
    found = json.loads(done.stdout)["generalDiagnostics"]
    wrong = [f"line {d['range']['start']['line'] + 1}: {d['message'].splitlines()[0]}" for d in found]
    mark = next(n for n, line in enumerate(PROGRAM.splitlines(), 1) if "# wrong" in line)
    return f"types: {'; '.join(wrong)}"[:160], len(wrong) == 1 and wrong[0].startswith(f"line {mark}:")


def trial(python: str, wheel: Path, folder: Path) -> tuple[list[str], bool]:
    """Install into an empty environment and run; return one line for each step, and whether all went well."""
    home = folder / "environment"
    subprocess.run([python, "-m", "venv", home], check=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{wheel}[report]"], check=True)
    plain = without_ours() | {"HOME": str(folder), "GHG_CACHE_DIR": str(folder / "cache"), "SHELL": "/bin/bash"}
    job = ROOT / "examples" / "cholla-2012" / "compare.toml"
    steps = {"--version": ["--version"], "doctor": ["doctor"], "--help": ["--help"],
             "completion": ["--show-completion"], "init": ["facility", "init", "-o", "job.toml"],
             "compare": ["facility", "compare", str(job), "-o", "report", "-q"],
             "verify": ["verify", "report"]}  # fmt: skip
    ghg: list[str | Path] = [home / "bin" / "ghg"]
    lines, sound = _steps(ghg, steps, folder, plain)
    for line, good in (completed(ghg, plain), typed(home / "bin" / "python", plain, folder)):
        lines.append(line)
        sound &= good
    return lines, sound


def unpacked(wheel: Path, folder: Path) -> tuple[list[str], bool]:
    """Run what the wheel alone holds, beside the dependencies of this environment: some seconds, no network."""
    inside = folder / "wheel"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(inside)
    plain = without_ours() | {"PYTHONPATH": str(inside), "HOME": str(folder)}
    if "GHG_CACHE_DIR" in os.environ:
        plain["GHG_CACHE_DIR"] = os.environ["GHG_CACHE_DIR"]
    start = "import sys, ghg.cli as c; assert c.__file__.startswith(sys.argv.pop(1)); sys.argv[0] = 'ghg'; c.main()"
    ghg: list[str | Path] = [sys.executable, "-P", "-c", start, str(inside)]
    steps = {"--version": ["--version"], "--help": ["--help"], "init": ["facility", "init", "-o", "job.toml"],
             "check": ["facility", "check", "job.toml"], "factors": ["inventories", "factors"]}  # fmt: skip
    lines, sound = _steps(ghg, steps, folder, plain)
    for line, good in (completed(ghg, plain), typed(sys.executable, plain, folder, str(inside))):
        lines.append(line)
        sound &= good
    return lines, sound


def _steps(ghg: list[str | Path], steps: dict[str, list[str]], folder: Path, plain: dict[str, str]
           ) -> tuple[list[str], bool]:  # fmt: skip
    lines, sound = [], True
    for name, arguments in steps.items():
        done = subprocess.run([*ghg, *arguments], cwd=folder, env=plain, capture_output=True, text=True)
        sound &= done.returncode == 0
        said = (done.stdout + done.stderr).strip().splitlines()
        lines.append(f"{name:12s} exit {done.returncode}  {said[0][:90] if said else ''}")
    return lines, sound


def main() -> None:
    """Build, look, install, run."""
    with tempfile.TemporaryDirectory() as base:
        dist = Path(base) / "dist"
        build = [sys.executable, "-m", "build", "--no-isolation", "-o", dist, ROOT]
        subprocess.run(build, check=True, capture_output=True)
        wrong = contents(dist)
        sound = (
            f"wheel and source archive hold the {len(tracked())} files of the packages, py.typed and the entry point"
        )
        print("\n".join(wrong) or sound)
        for number, python in enumerate(sys.argv[1:] or [""]):
            print(f"== {python or 'the wheel alone'}", flush=True)
            folder, wheel = Path(base) / str(number), next(dist.glob("*.whl"))
            folder.mkdir()
            lines, ran = trial(python, wheel, folder) if python else unpacked(wheel, folder)
            print("\n".join(lines), flush=True)
            wrong += [] if ran else [python or "the wheel alone"]
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
