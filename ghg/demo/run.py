"""The whole demonstration: raw files, the commands of the chain, what they recovered, the page, and its proof."""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.demo import air, maps, project, recover, tamper
from ghg.demo.chain import Call, Chain, Done
from ghg.demo.world import DAYS

if TYPE_CHECKING:
    from ghg.core.provenance import Record

__all__ = ["run"]


def run(
    folder: Path, call: Call, record: Record, *, seed: int = 1, workers: int = 2, lang: str = "en", days: int = DAYS,
    particles: int = air.PARTICLES, trace: bool = True, announce: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:  # fmt: skip
    """Run the demonstration in an empty folder, which is a starter project afterwards.

    Parameters
    ----------
    folder : Path
        Existing, empty. The page will be in ``report``.
    call : callable
        Runs a command of the terminal, see :class:`ghg.demo.chain.Chain`.
    record : Record
        Provenance of the page.
    seed, workers, lang, days, particles
        Of everything; processes; language of the page; length of the towers' record; particles of each footprint.
    trace : bool
        Whether a byte is changed at each level and the report signed.
    announce : callable
        Is told each step.

    Returns
    -------
    dict
        What ``report/result.json`` holds.

    Raises
    ------
    InputError
        The packages that draw pages are missing.
    """
    _needs_pages()
    began, used = time.perf_counter(), time.process_time()
    with Chain(folder, call, workers, announce) as chain:
        truth = project.plants_and_inventory(folder, record, seed=seed)
        chain.start_plants()
        truth |= project.towers_and_region(folder, record, seed=seed, days=days, particles=particles, announce=announce)
        raw = Done("raw", "raw files", "", time.perf_counter() - began, time.process_time() - used, "")
        (folder / "truth.json").write_text(json.dumps(truth, indent=1) + "\n", encoding="utf-8")
        chain.towers()
        chain.region()
        announce("beside the truth")
        found = recover.recover(folder, truth, chain.calibrations())
        steps = [{"command": d.command, "part": d.part, "seconds": d.seconds, "cpu": d.cpu}
                 for d in (raw, *chain.in_order())]  # fmt: skip
    result = {"seed": seed, **found.as_dict(), "maps": maps.maps(folder, seed), "steps": steps,
              "seconds": time.perf_counter() - began, "trace": None}  # fmt: skip
    (folder / "README.md").write_text(readme([d.command for d in chain.in_order()], seed), encoding="utf-8")
    for path in sorted([*(folder / "out").rglob("*.nc"), *(folder / "out").rglob("*.json")]):
        if path.name != "manifest.json":
            record.use(path, "result")
    report = folder / "report"
    report.mkdir()
    _write(result, record, report, lang)
    if trace:
        announce("one byte changed at each level")
        signed = importlib.util.find_spec("cryptography") is not None
        result["trace"] = {**tamper.try_all(folder), "signed": signed}
        result["seconds"] = time.perf_counter() - began
        _write(result, record, report, lang)
        if signed:
            _sign(folder)
    return result


def _needs_pages() -> None:
    from ghg.core.errors import InputError

    missing = [name for name in ("jinja2", "matplotlib") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError("the demonstration draws pages and needs more packages", found="no " + " and ".join(missing),
                         hint="install ghg-toolkit[report,sign]")  # fmt: skip


def _write(result: dict[str, Any], record: Record, report: Path, lang: str) -> None:
    from ghg.core.provenance import write_manifest
    from ghg.report.demo import write_page

    full = {**result, "provenance": record.as_dict(report / "result.json")}
    (report / "result.json").write_text(json.dumps(full, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write_page(result, report, lang)
    write_manifest(report)


def _sign(folder: Path) -> None:
    """Sign the report with a fresh key, and check the signature with its public half; the private one is not kept."""
    from ghg.core.errors import GhgError
    from ghg.core.provenance import verify
    from ghg.core.signature import new_key, sign

    private, public = new_key(folder / "report.key")
    sign(folder / "report", private)
    private.unlink()
    found = verify(folder / "report", key=public)
    if not found.ok or not found.signed:
        raise GhgError("the report of the demonstration is not what was written", found=found.text())


def readme(commands: list[str], seed: int) -> str:
    """Return the README of a project."""
    lines = "\n".join(commands)
    return README.format(seed=seed, lines=lines)


README = """# A city whose truth is known

Made by `ghg demo --seed {seed}`. Everything is invented; `truth.json` holds what is true. Run the chain again, step by
step, in this folder (`--force` replaces what stands there):

```
{lines}
```

| folder | holds |
| --- | --- |
| `towers/` | raw logs and descriptions of the towers; `station-mended.toml` leaves out the cylinder that was named |
| `plants/` | stack records, fuel accounts, and the jobs that compare and screen them |
| `inventory/` | tables of activities, and the job that builds the inventory |
| `region/` | footprints, regions, prior, and the jobs of inversions and balances |
| `out/` | what the commands wrote, with pages of their own; the tower as first calibrated is in `suspect/` |
| `report/` | the page that holds all of it against the truth |

`ghg verify report --key report.key.pub` walks from the page down to the raw logs. Change a byte anywhere and try again.
Put your own files in the place of these, one folder at a time.
"""
