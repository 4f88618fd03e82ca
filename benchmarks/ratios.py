"""The table of ratios from what benchmarks and peers left as JSON: joined by task, and written as text or Markdown.

``bench_*.json`` hold our times with their floors and with peers of our own environment, ``peers/*.json`` those of peers
in environments of their own. What was not measured is part of the result.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
Row = dict[str, Any]


def known_peers() -> dict[str, dict[str, Any]]:
    """Return the peers with environments of their own."""
    return tomllib.loads((HERE / "peers" / "peers.toml").read_text(encoding="utf-8"))


def gather(folder: Path) -> dict[str, Any]:
    """Return the joined table of a folder.

    Returns
    -------
    dict
        ``machine``, ``dates``, ``load`` (least and most), ``versions``, ``rows`` and ``missing``, sentences about what
        was not measured; empty ``rows`` where no benchmark was run.
    """
    found = {path.stem: _read(path) for path in sorted(folder.glob("bench_*.json"))}
    others = {path.stem: _read(path) for path in sorted((folder / "peers").glob("*.json"))}
    rows = [_row(row) for one in found.values() for row in one["rows"]]
    alone = _join(rows, others)
    everything = [*found.values(), *others.values()]
    loads = [one["load"] for one in everything]
    return {
        "machine": " and ".join(sorted({one["machine"] for one in everything})),
        "dates": sorted({one["date"] for one in everything}),
        "load": [min(loads), max(loads)] if loads else [],
        "versions": next((one["versions"] for one in found.values()), {}),
        "rows": rows,
        "missing": [*_missing(found, others), *alone, *_gaps(rows)],
    }


def _read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _row(row: Row) -> Row:
    over = row["ours"] / row["floor"] if row["floor"] else None
    return {**row, "ours_over_floor": over, "peers": [_peer(peer["who"], peer, row) for peer in row["peers"]]}


def _peer(who: str, theirs: Row, ours: Row) -> Row:
    """Return the ratios of a peer: of wall times, and of processor times, which a busy machine spoils less."""
    both = theirs.get("cpu") and ours.get("cpu")
    return {
        "who": who,
        "seconds": theirs["seconds"],
        "peer_over_ours": theirs["seconds"] / ours["ours"],
        "cpu": theirs.get("cpu"),
        "peer_over_ours_cpu": theirs["cpu"] / ours["cpu"] if both else None,
        "note": theirs.get("note", ""),
    }


def _join(rows: list[Row], others: dict[str, dict[str, Any]]) -> list[str]:
    """Put each peer's time beside ours of the same task; return a sentence for each that stands alone."""
    ours, alone = {row["task"]: row for row in rows}, []
    for one in others.values():
        for row in one["rows"]:
            who = f"{row['who']} {row['version']}".strip()
            if row["task"] in ours:
                mine = ours[row["task"]]
                mine["peers"].append(_peer(who, row, mine))
            else:
                alone.append(f"{row['task']}: {who} took {seconds_in_words(row['seconds'])}, ours was not run")
    for row in rows:
        row["peers"].sort(key=lambda peer: peer["seconds"])
    return alone


def _missing(found: dict[str, dict[str, Any]], others: dict[str, dict[str, Any]]) -> list[str]:
    out = [f"{name}: {text}" for name, one in found.items() for text in one.get("missing", [])]
    if found:
        out += [f"{path.stem}: not run" for path in sorted(HERE.glob("bench_*.py")) if path.stem not in found]
    out += [f"{name}: {one['problem']}" for name, one in others.items() if one["problem"]]
    if absent := [name for name in known_peers() if name not in others]:
        out.append(f"peers in environments of their own, not run here (make bench-peers): {', '.join(absent)}")
    return out


def _gaps(rows: list[Row]) -> list[str]:
    floors = [row["task"] for row in rows if not row["floor"]]
    peers = [row["task"] for row in rows if not row["peers"]]
    return [f"no {what} was measured for: {'; '.join(names)}"
            for what, names in (("floor", floors), ("peer", peers)) if names]  # fmt: skip


# ---- as words ------------------------------------------------------------------------------------------------------

HEADS = ["task", "ours", "processor", "ours / floor", "peer / ours", "of processor times", "peer"]


def seconds_in_words(seconds: float | None) -> str:
    """Return a time as it is read best."""
    if seconds is None:
        return ""
    return f"{seconds * 1e3:,.3g} ms" if seconds < 1 else f"{seconds:,.3g} s" if seconds < 1000 else f"{seconds:,.0f} s"


def ratio_in_words(value: float) -> str:
    """Return a ratio with three figures or fewer."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def lines(row: Row) -> list[list[str]]:
    """Return the lines of a task: one, and one more for each further peer."""
    first = [row["task"] + (" (short form)" if row["short"] else ""), seconds_in_words(row["ours"]),
             seconds_in_words(row["cpu"]), ratio_in_words(row["ours_over_floor"]) if row["floor"] else ""]  # fmt: skip
    beside = [[ratio_in_words(p["peer_over_ours"]),
               ratio_in_words(p["peer_over_ours_cpu"]) if p["peer_over_ours_cpu"] else "",
               p["who"] + (f" ({p['note']})" if p["note"] else "")]
              for p in row["peers"]] or [["", "", ""]]  # fmt: skip
    return [(first if i == 0 else [""] * len(first)) + one for i, one in enumerate(beside)]


def markdown(rows: list[Row]) -> str:
    """Return the table for a page."""
    cells = [HEADS, ["---"] * len(HEADS), *(line for row in rows for line in lines(row))]
    return "\n".join(f"| {' | '.join(c.replace('|', chr(92) + '|') for c in line)} |" for line in cells)


def text(rows: list[Row]) -> str:
    """Return the table for a terminal."""
    cells = [HEADS, *(line for row in rows for line in lines(row))]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADS))]
    return "\n".join("  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip() for line in cells)


def about(table: dict[str, Any]) -> str:
    """Return machine, days, versions and load in a sentence or two."""
    versions = ", ".join(f"{name} {version}" for name, version in table["versions"].items())
    least, most = table["load"]
    return (
        f"Measured on {' to '.join(dict.fromkeys([table['dates'][0], table['dates'][-1]]))}: {table['machine']}; "
        f"{versions}. Load of the machine while it was measured: {least:.1f} to {most:.1f}; times are the least of "
        "several runs and, where others use the machine, upper bounds. A ratio to the floor below one means that the "
        "floor was measured in a busier moment."
    )
