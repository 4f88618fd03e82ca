"""The pages of the site that are not written by hand: commands, variables, formats, Python, sources, architecture,
performance. Each is made from the code or from a measurement, so that it cannot be out of date."""

from __future__ import annotations

import ast
import importlib
import re
import sys
import tomllib
from collections import Counter
from enum import Enum
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = {"ghg": "the ground floor, comparison, balance and reports", "sensors": "records of analysers and stacks",
            "inventories": "activities to emissions and grids", "inversion": "observations to fluxes"}  # fmt: skip
CODE = re.compile(r"(``.+?``|`[^`]+`)")
WITH_VARIABLES = ("ghg.core.variables", "inventories.dataset", "inversion.output", "sensors.station.job")


def cell(text: object) -> str:
    """Return a text for a cell of a table; within code a bar is a bar, and an escape would be shown."""
    parts = CODE.split(" ".join(str(text).split()))
    return "".join(part if i % 2 else part.replace("|", "\\|") for i, part in enumerate(parts))


def modules(package: str) -> list[tuple[str, ast.Module]]:
    """Return name and syntax of the public modules of a package, in the order of the folders."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if any(p.startswith("_") and p != "__init__" for p in parts):
            continue
        name = ".".join(p for p in parts if p != "__init__")
        found.append((name, ast.parse(path.read_text(encoding="utf-8"))))
    return found


# ---- commands ------------------------------------------------------------------------------------------------------


def commands() -> str:
    """Return every command with its arguments and options."""
    import typer

    from ghg.cli.root import GROUPS

    parts = ["# Commands", "`ghg --help` lists the groups. Exit codes: 0 done, 1 a bug of ours, 2 the input is wrong "
             "(one sentence, nothing half-written), 3 the answer is no.\n"]  # fmt: skip
    for name, (module, line) in GROUPS.items():
        command = typer.main.get_command(importlib.import_module(module).app)
        words = _command(f"ghg {name}", command)
        parts += [f"## ghg {name}", *([line] if line.strip(".") != words[0].strip(".") else []), *words]
    return "\n\n".join(parts) + "\n"


def _command(path: str, command: Any) -> list[str]:
    words = [(command.help or "").strip()]
    members = getattr(command, "commands", None)
    if members:
        for name, one in members.items():
            words += [f"### {path} {name}", *_command(f"{path} {name}", one)]
        return words
    rows = [_parameter(p) for p in command.params if p.name not in ("help", "install_completion", "show_completion")]
    if rows:
        words.append("| argument, option | meaning | needed or default |\n| --- | --- | --- |\n" + "\n".join(rows))
    return words


def _parameter(parameter: Any) -> str:
    """Return the row of an argument or option: its names, what it means, what may be chosen, its default."""
    names = [o for o in (*parameter.opts, *parameter.secondary_opts) if o.startswith("-")]
    flags = ", ".join(f"`{name}`" for name in names) or f"`{parameter.name.upper()}`"
    meaning = cell(getattr(parameter, "help", "") or "")
    kind = parameter.type_descriptor.annotation
    if isinstance(kind, type) and issubclass(kind, Enum):
        meaning += " One of " + ", ".join(f"`{one.value}`" for one in kind) + "."
    given = parameter.default if not callable(parameter.default) else ""
    several = given if isinstance(given, list | tuple) else [given]
    shown = ", ".join(f"`{getattr(one, 'value', one)}`" for one in several if one not in (None, "", False))
    if given is True:
        shown = f"`{parameter.opts[0]}`"
    return f"| {flags} | {meaning} | {'needed' if parameter.required else cell(shown)} |"


# ---- variables and formats -----------------------------------------------------------------------------------------


def variables() -> str:
    """Return the registry of variables."""
    from ghg.core.variables import SPECS

    for module in WITH_VARIABLES:
        importlib.import_module(module)
    rows = [f"| `{v.name}` | `{v.units}` | *{cell(v.long_name)}*. {cell(v.doc)} | {cell(', '.join(v.dims))} | "
            f"{', '.join(f'`_{p}`' for p in v.partners)} |" for v in SPECS.values()]  # fmt: skip
    return (
        "# Variables\n\nThe one registry (`ghg.core.variables`): checks at the doors, attributes in files and this "
        "page come from it. Partners are named `<variable>_u_random`, `<variable>_u_systematic_<component>`, "
        "`<variable>_flag`, `<variable>_reason`; uncertainties are standard uncertainties (k = 1).\n\n"
        "| name | unit | meaning | dimensions | partners |\n| --- | --- | --- | --- | --- |\n"
        + "\n".join(rows) + "\n\n" + _flags()
    )  # fmt: skip


def _flags() -> str:
    from ghg.core.flags import Flag, Method, Reason

    parts = []
    for title, kind in (("Flags", Flag), ("Reasons (bits)", Reason), ("Methods", Method)):
        rows = "\n".join(f"| {int(m)} | `{m.name.lower()}` |" for m in kind)
        parts.append(f"## {title}\n\n| value | meaning |\n| --- | --- |\n{rows}")
    return "\n\n".join(parts) + "\n"


def formats() -> str:
    """Return what is read and written, from the modules that do it."""
    groups = {"Stacks and analysers": "sensors/readers", "Series of networks": "sensors/readers/series",
              "Activity data and regions": "inventories/readers", "Inversions": "inversion/readers",
              "Written for models": "inventories/export"}  # fmt: skip
    parts = ["# Formats", "What the modules that read and write say of themselves. NetCDF files of the toolkit follow "
             "CF-1.11 and ACDD-1.3 and carry their origin; see [checkers](../checkers.md)."]  # fmt: skip
    for title, folder in groups.items():
        rows = []
        for path in sorted((ROOT / folder).glob("*.py")):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            if path.name.startswith("_") or not any(_of_a_format(node) for node in tree.body):
                continue
            text = ast.get_docstring(tree) or ""
            rows.append(f"| `{path.stem}` | {cell(text.split(chr(10) + chr(10))[0])} |")
        parts.append(f"## {title}\n\n| module | what it is for |\n| --- | --- |\n" + "\n".join(rows))
    return "\n\n".join(parts) + "\n"


def _of_a_format(node: ast.stmt) -> bool:
    """Tell whether something reads or writes files of a format, and does not only help to."""
    return isinstance(node, ast.FunctionDef) and bool(re.fullmatch(
        r"read|fill|standard|read_(qa|regions|flux|observations|flexpart|shares)|write_\w+", node.name))  # fmt: skip


# ---- Python and sources --------------------------------------------------------------------------------------------


def python() -> dict[str, str]:
    """Return a page for each package and one that lists them."""
    pages, index = {}, ["# Python", "| package | what it holds |\n| --- | --- |"]
    for package, words in PACKAGES.items():
        chosen = [name for name, tree in modules(package) if _has_public(tree) and not name.startswith("ghg.cli")]
        body = "\n\n".join(f"::: {name}" for name in chosen)
        pages[f"reference/api-{package}.md"] = f"# {package}: {words}\n\n{body}\n"
        index[1] += f"\n| [{package}](api-{package}.md) | {words}, {len(chosen)} modules |"
    pages["reference/api.md"] = "\n\n".join(index) + "\n"
    return pages


def _has_public(tree: ast.Module) -> bool:
    """Tell whether a module defines what it exports, and does not only hand it on."""
    named = [n for n in tree.body if isinstance(n, ast.Assign) and getattr(n.targets[0], "id", "") == "__all__"]
    return bool(named) and any(isinstance(n, ast.FunctionDef | ast.ClassDef) and not n.name.startswith("_")
                               for n in tree.body)  # fmt: skip


def sources() -> str:
    """Return the references of all docstrings."""
    rows = []
    for package in PACKAGES:
        for name, tree in modules(package):
            for node in ast.walk(tree):
                if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                    continue
                found = re.search(r"References\n-+\n(.*?)(?:\n\n\w+\n-+\n|\Z)", ast.get_docstring(node) or "", re.S)
                if found:
                    what = name if isinstance(node, ast.Module) else f"{name}.{node.name}"
                    place = what.replace(".", ".<wbr>")  # long names break at their dots
                    rows.append(f'| <code class="long">{place}</code> | {cell(found[1])} |')
    return ("# Sources\n\nThe references of the docstrings, gathered.\n\n| where | source |\n| --- | --- |\n"
            + "\n".join(sorted(set(rows))) + "\n")  # fmt: skip


# ---- architecture --------------------------------------------------------------------------------------------------


def architecture() -> dict[str, str]:
    """Return the page and its picture: floors from the contract of import-linter, imports counted in the code."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    floors = [[name.strip() for name in row.split("|")] for row in contract["layers"]]
    counts = _imports([name for row in floors for name in row])
    edges = "\n".join(f"| `{a}` | `{b}` | {n} |" for (a, b), n in sorted(counts.items()))
    page = (
        "# Architecture\n\nImports point down only, and within a floor never in a circle; import-linter holds it in "
        "the gate. Data flows down a page as it flows through the code: read, check, compute, attach, write.\n\n"
        "![The floors of the toolkit, drawn from the contract](layers.svg)\n\n"
        "| file | holds |\n| --- | --- |\n"
        "| `readers/` | one module per foreign format to the common Dataset; nothing else knows the format |\n"
        "| `<topic>.py` | the public functions: units checked, labels aligned, attributes written |\n"
        "| `_kernels.py` | plain float64 arrays in SI, no units, no labels, no files |\n"
        "| `config.py` | the models of the TOML files |\n"
        "| `data/` | small tables, each row with its source |\n\n"
        "Numba enters through `ghg.core.jit` alone, whose cache is keyed by all sources, and pint through "
        "`ghg.core.units`.\n\n"
        f"## Folders\n\n| folder | what it holds |\n| --- | --- |\n{_folders()}\n\n"
        f"## Imports between floors, counted\n\n| from | to | statements |\n| --- | --- | --- |\n{edges}\n"
    )
    return {"architecture.md": page, "layers.svg": _picture(floors)}


def _folders() -> str:
    """Return the first line of what each folder says of itself."""
    rows = []
    for package in PACKAGES:
        for path in sorted((ROOT / package).glob("*/__init__.py")):
            words = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
            if not path.parent.name.startswith("_"):
                rows.append(f"| `{package}/{path.parent.name}` | {cell(words.rstrip('.'))} |")
    return "\n".join(rows)


def _imports(names: list[str]) -> Counter[tuple[str, str]]:
    counts: Counter[tuple[str, str]] = Counter()

    def home(module: str) -> str:
        return next((n for n in names if module == n or module.startswith(n + ".")), "")

    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            mine = home(".".join(path.relative_to(ROOT).with_suffix("").parts))
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                given = [node.module or ""] if isinstance(node, ast.ImportFrom) else (
                    [a.name for a in node.names] if isinstance(node, ast.Import) else [])  # fmt: skip
                for other in {home(m) for m in given} - {"", mine}:
                    if mine:
                        counts[mine, other] += 1
    return counts


def _picture(floors: list[list[str]]) -> str:
    width, step = 520, 78  # of a column of text; on a phone it shrinks to two thirds
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" viewBox="0 0 {width} {step * len(floors)}" '
           'font-family="sans-serif" font-size="17" text-anchor="middle">']  # fmt: skip
    for i, row in enumerate(floors):
        w = (width - 20) / len(row)
        for k, name in enumerate(row):
            x, y = 10 + k * w, 8 + i * step
            out += [f'<rect x="{x + 4:.0f}" y="{y}" width="{w - 8:.0f}" height="46" rx="6" fill="#e0f2f1" '
                    'stroke="#00796b"/>',
                    f'<text x="{x + w / 2:.0f}" y="{y + 29}" fill="#004d40">{name}</text>']  # fmt: skip
        if i + 1 < len(floors):
            out.append(f'<text x="{width / 2}" y="{8 + i * step + 67}" fill="#607d8b">&#8595;</text>')
    return "\n".join([*out, "</svg>"]) + "\n"


# ---- performance ---------------------------------------------------------------------------------------------------


def performance(folder: Path) -> str:
    """Return the table of the benchmark run, from the JSON it left."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    from ratios import about, gather, markdown

    parts = ["# Performance", "Written from the JSON of the last benchmark run (`make bench`, `make bench-peers`), "
             "never typed. Ratios are ours over the floor (how far from what the machine allows) and the peer over "
             "ours (how much faster), of wall times and of processor times; the latter suffer less where the "
             "machine is busy. Empty cells were not measured; tasks of the short form have small inputs."]  # fmt: skip
    try:
        table = gather(folder)
    except KeyError as error:  # left by another version of the benchmarks
        words = f"The benchmark files of this folder are of another version (no {error}): run `make bench` again."
        return "\n\n".join([*parts, words]) + "\n"
    if not table["rows"]:
        return "\n\n".join([*parts, "No benchmark was run where this site was built, so there are no figures."]) + "\n"
    limits = "\n".join(f"| {cell(row['task'])} | {cell(row['limit'])} |" for row in table["rows"] if row["limit"])
    parts += [about(table), markdown(table["rows"])]
    if limits:
        parts.append(f"## What the floors are\n\n| task | floor |\n| --- | --- |\n{limits}")
    parts.append("## Not measured\n\n" + "\n".join(f"- {line}" for line in table["missing"] or ["nothing is known of"]))
    return "\n\n".join(parts) + "\n"


def pages(bench: Path) -> dict[str, str]:
    """Return every generated page by its place."""
    made = {"reference/cli.md": commands(), "reference/variables.md": variables(), "reference/formats.md": formats(),
            "reference/sources.md": sources(), "performance.md": performance(bench)}  # fmt: skip
    return {**made, **python(), **architecture()}
