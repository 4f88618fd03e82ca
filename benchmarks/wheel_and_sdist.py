"""Wheel and source archive: built, looked into, installed in an empty environment, and run there.

``python benchmarks/wheel_and_sdist.py [PYTHON ...]`` (``build`` and ``hatchling`` must be installed here); each PYTHON
gets an environment of its own. Nothing of this checkout is on the path of what is run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("ghg", "sensors", "inventories", "inversion")


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


def trial(python: str, wheel: Path, folder: Path) -> list[str]:
    """Install into an empty environment and run; return one line for each step."""
    home = folder / "environment"
    subprocess.run([python, "-m", "venv", home], check=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, f"{wheel}[report]"], check=True)
    plain = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "GHG", "VIRTUAL"))}
    plain |= {"HOME": str(folder), "GHG_CACHE_DIR": str(folder / "cache"), "SHELL": "/bin/bash"}
    job = ROOT / "examples" / "cholla-2012" / "compare.toml"
    steps = {"--version": ["--version"], "doctor": ["doctor"], "--help": ["--help"],
             "completion": ["--show-completion"], "init": ["facility", "init", "-o", "job.toml"],
             "compare": ["facility", "compare", str(job), "-o", "report", "-q"],
             "verify": ["verify", "report"]}  # fmt: skip
    lines = []
    for name, arguments in steps.items():
        done = subprocess.run([home / "bin" / "ghg", *arguments], cwd=folder, env=plain, capture_output=True, text=True)
        said = (done.stdout + done.stderr).strip().splitlines()
        lines.append(f"{name:12s} exit {done.returncode}  {said[0][:90] if said else ''}")
    return lines


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
        for number, python in enumerate(sys.argv[1:]):
            print(f"== {python}", flush=True)
            folder = Path(base) / str(number)
            folder.mkdir()
            print("\n".join(trial(python, next(dist.glob("*.whl")), folder)), flush=True)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
