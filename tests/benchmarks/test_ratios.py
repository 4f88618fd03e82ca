"""The table of ratios: ours, floors and peers joined by task, and what was not measured said."""

import json

import pytest

from benchmarks.ratios import about, gather, known_peers, markdown, text
from benchmarks.timing import Took, missed, record

ABOUT = {"machine": "a processor, 2 cores", "date": "2026-01-02", "versions": {"numpy": "2.1.0"}}


def leave(path, **given):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**ABOUT, **given}), encoding="utf-8")


def row(task, ours, floor=None, peer=None, who=""):
    peers = [{"who": who, "seconds": peer, "cpu": None}] if peer else []
    return {
        "task": task,
        "short": False,
        "ours": ours,
        "cpu": 2 * ours,
        "floor": floor,
        "limit": "bytes",
        "peers": peers,
    }


@pytest.fixture
def table(tmp_path):
    rows = [row("a | b, 1,000 rows", 0.25, floor=0.1, peer=1.0, who="NumPy"), row("c", 2.0), row("d", 1.0, floor=2.0)]
    leave(tmp_path / "bench_stack.json", load=0.5, rows=rows, missing=["no data beside the project"])
    theirs = {
        "task": "a | b, 1,000 rows",
        "seconds": 0.5,
        "cpu": 0.4,
        "who": "pandas",
        "version": "3.0",
        "note": "one run",
    }
    lonely = {"task": "e, 10 rows", "seconds": 4.0, "who": "pandas", "version": "3.0"}
    leave(tmp_path / "peers" / "pandas.json", load=3.5, rows=[theirs, lonely], problem="")
    leave(tmp_path / "peers" / "fips.json", load=1.0, date="2026-01-03", rows=[], problem="cannot be installed (x)")
    return gather(tmp_path)


def test_ratios_are_ours_over_the_floor_and_the_peer_over_ours(table):
    first, second, third = table["rows"]
    assert first["ours_over_floor"] == 2.5
    assert [(p["who"], p["peer_over_ours"]) for p in first["peers"]] == [("pandas 3.0", 2.0), ("NumPy", 4.0)]
    assert [p["peer_over_ours_cpu"] for p in first["peers"]] == [0.8, None]
    assert second["ours_over_floor"] is None and not second["peers"]
    assert third["ours_over_floor"] == 0.5


def test_what_was_not_measured_is_said(table):
    said = "\n".join(table["missing"])
    assert "bench_stack: no data beside the project" in said
    assert "bench_inversion: not run" in said and "bench_stack: not run" not in said
    assert "fips: cannot be installed (x)" in said
    absent = next(line for line in table["missing"] if "make bench-peers" in line)
    assert all((name in absent) == (name not in ("pandas", "fips")) for name in known_peers())
    assert "e, 10 rows: pandas 3.0 took 4 s, ours was not run" in said
    assert "no floor was measured for: c" in said and "no peer was measured for: c; d" in said


def test_both_forms_hold_all_rows_and_their_circumstances(table):
    page, shown = markdown(table["rows"]), text(table["rows"])
    assert r"| a \| b, 1,000 rows | 250 ms | 500 ms | 2.5 | 2.0 | 0.80 | pandas 3.0 (one run) |" in page.splitlines()
    assert "|  |  |  |  | 4.0 |  | NumPy |" in page.splitlines()
    assert len(shown.splitlines()) == 5
    assert "2026-01-02 to 2026-01-03: a processor, 2 cores; numpy 2.1.0. Load" in about(table)
    assert "0.5 to 3.5" in about(table)


def test_nothing_run_gives_no_rows(tmp_path):
    assert gather(tmp_path)["rows"] == []


def test_what_a_benchmark_records_is_what_the_table_reads(tmp_path, monkeypatch):
    monkeypatch.setenv("GHG_BENCH", str(tmp_path))
    monkeypatch.setenv("GHG_BENCH_SHORT", "1")
    monkeypatch.setattr("sys.argv", ["somewhere/bench_stack.py"])
    record("a", 9.0)
    record("a", Took(2.0, 1.0), floor=0.5, limit="bytes", peer=Took(6.0, 5.0), who="NumPy", others={"pandas": 4.0})
    missed("b: its data are not here")
    table = gather(tmp_path)
    (found,) = table["rows"]
    assert found["short"] and found["limit"] == "bytes" and found["ours_over_floor"] == 4.0
    assert [(p["who"], p["peer_over_ours"], p["peer_over_ours_cpu"]) for p in found["peers"]] == [
        ("pandas", 2.0, None), ("NumPy", 3.0, 5.0)]  # fmt: skip
    assert "bench_stack: b: its data are not here" in table["missing"]
    assert table["machine"].endswith("cores") and {"Python", "numpy", "numba"} <= set(table["versions"])
