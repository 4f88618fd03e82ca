"""The parameter ledger: nothing lost, nothing changed unseen."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core import ledger
from ghg.core.errors import InputError
from ghg.core.provenance import Record, verify
from tests.terminal import ROOT, inside

T = "2024-01-0{}T00:00:00Z"


def _book(folder: Path, count: int = 4) -> Path:
    path = folder / "ledger.jsonl"
    for k in range(1, count + 1):
        ledger.add(path, "span" if k % 2 else "cell", float(k), author="Li", reason=f"change {k}", time=T.format(k))
    return path


def test_the_chain_is_that_of_the_definition(tmp_path: Path) -> None:
    import hashlib

    path = _book(tmp_path)
    assert ledger.check(path) == []
    previous = "0" * 64
    for line in path.read_bytes().splitlines():
        content = json.loads(line)
        assert content["previous"] == previous
        own = content.pop("sha256")
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        assert own == hashlib.sha256(text.encode()).hexdigest()
        previous = hashlib.sha256(line).hexdigest()
    assert ledger.parameters(path) == {"span": 3.0, "cell": 4.0}
    assert ledger.parameters(path, at="2024-01-02T12:00:00+08:00") == {"span": 1.0, "cell": 2.0}


@pytest.mark.parametrize("number", [1, 2, 4])
def test_a_changed_entry_is_named(tmp_path: Path, number: int) -> None:
    path = _book(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines[number - 1] = lines[number - 1].replace(f"change {number}", "nothing")
    path.write_text("".join(lines), encoding="utf-8")
    first = ledger.check(path)[0]
    assert (first.kind, first.entry) == ("tampered", number)


def test_an_entry_rewritten_with_its_digest_breaks_the_chain(tmp_path: Path) -> None:
    import hashlib

    path = _book(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    content = json.loads(lines[1])
    content["reason"] = "forged"
    content.pop("sha256")
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    content["sha256"] = hashlib.sha256(text.encode()).hexdigest()
    lines[1] = json.dumps(content, sort_keys=True, separators=(",", ":")) + "\n"
    path.write_text("".join(lines), encoding="utf-8")
    assert [(f.kind, f.entry) for f in ledger.check(path)] == [("broken_chain", 3)]


@pytest.mark.parametrize(("order", "kind"), [([0, 2, 3], "broken_chain"), ([1, 0, 2, 3], "broken_chain"),
                                             ([0, 1, 1, 2, 3], "broken_chain")])  # fmt: skip
def test_removed_reordered_and_repeated_entries_are_found(tmp_path: Path, order: list[int], kind: str) -> None:
    path = _book(tmp_path)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(lines[k] for k in order), encoding="utf-8")
    assert kind in {f.kind for f in ledger.check(path)}


@given(st.integers(1, 10_000), st.integers(1, 255))
def test_any_changed_byte_is_found(tmp_path_factory: pytest.TempPathFactory, place: int, change: int) -> None:
    path = _book(tmp_path_factory.mktemp("book"), 2)
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= change
    path.write_bytes(bytes(data))
    assert ledger.check(path)


def test_a_cut_last_line_is_told_apart_and_never_repaired_silently(tmp_path: Path) -> None:
    path = _book(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert [(f.kind, f.entry) for f in ledger.check(path)] == [("truncated", 4)]
    with pytest.raises(InputError, match="cut short"):
        ledger.add(path, "span", 9.0, author="Li", reason="x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"new": 3.0}, "already"),
        ({"author": " "}, "author of a ledger entry is empty"),
        ({"reason": ""}, "reason of a ledger entry is empty"),
        ({"new": float("nan")}, "not finite"),
        ({"time": "2023-01-01T00:00:00Z"}, "dated before"),
        ({"time": "2024-02-01"}, "no zone"),
        ({"time": "yesterday"}, "cannot be read"),
        ({"old": 7.0, "expect_old": True}, "not what was expected"),
    ],
)
def test_bad_entries_are_refused_and_leave_the_file_alone(tmp_path: Path, change: dict, message: str) -> None:
    path = _book(tmp_path)
    before = path.read_bytes()
    with pytest.raises(InputError, match=message):
        ledger.add(path, **{"key": "span", "new": 5.0, "author": "Li", "reason": "r", **change})
    assert path.read_bytes() == before


def test_a_refused_first_entry_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        ledger.add(tmp_path / "new.jsonl", "a", 1.0, author="", reason="r")
    with pytest.raises(InputError, match="not what was expected"):
        ledger.add(tmp_path / "new.jsonl", "a", 1.0, author="a", reason="r", old=2.0, expect_old=True)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="does not exist"):
        ledger.check(tmp_path / "new.jsonl")


def test_changes_without_a_record_are_findings(tmp_path: Path) -> None:
    path = _book(tmp_path)
    found = ledger.compare(path, {"span": 3.0, "cell": 5.0, "tank": 410.1, "flag": True})
    assert [f.kind for f in found] == ["changed", "unrecorded", "unrecorded"]
    assert "entry 4" in found[0].message
    ledger.add(path, "flag", 1, author="Li", reason="r")
    assert [f.kind for f in ledger.compare(path, {"flag": True})] == ["changed"]  # 1 is not true


WRITER = """
import sys
from ghg.core import ledger
for k in range(int(sys.argv[3])):
    entry = ledger.add(sys.argv[1], sys.argv[2], k, author=sys.argv[2], reason="loop")
    print(entry.number, flush=True)
"""


def test_two_writers_at_once_make_one_chain(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), name, "15"], cwd=ROOT,
                                stdout=subprocess.DEVNULL) for name in ("a", "b")]  # fmt: skip
    assert [w.wait() for w in writers] == [0, 0]
    assert ledger.check(path) == []
    assert [e.number for e in ledger.read(path)] == list(range(1, 31))


def test_no_acknowledged_entry_is_lost_when_the_writer_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), "a", "100000"], cwd=ROOT,
                              stdout=subprocess.PIPE, text=True)  # fmt: skip
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(5)]
    time.sleep(0.05)
    os.kill(writer.pid, signal.SIGKILL)
    told += [int(line) for line in writer.communicate()[0].splitlines()]
    assert {f.kind for f in ledger.check(path)} <= {"truncated"}
    whole = path.read_bytes().rpartition(b"\n")[0].splitlines()
    assert len(whole) >= max(told)


def test_verify_follows_the_ledger_and_lets_it_grow(tmp_path: Path) -> None:
    import numpy as np
    import xarray as xr

    from ghg.core.netcdf import write

    path = _book(tmp_path)
    record = Record("test")
    record.use(path, "parameter ledger")
    ds = xr.Dataset({"co2": (("time",), np.ones(2), {"units": "percent", "long_name": "CO2"})},
                    {"time": np.array(["2024-01-01", "2024-01-02"], "datetime64[ns]")},
                    {"title": "t", "summary": "s"})  # fmt: skip
    write(ds, tmp_path / "out.nc", record=record)
    assert verify(tmp_path / "out.nc").ok
    ledger.add(path, "span", 9.0, author="Li", reason="later", time=T.format(9))
    grown = verify(tmp_path / "out.nc")
    assert grown.ok and "1 more entries" in grown.text()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:2]))
    cut = verify(tmp_path / "out.nc")
    assert not cut.ok and "no longer begins" in cut.text()
    path.write_bytes(b"".join([*lines[:2], lines[2].replace(b"change 3", b"change X"), *lines[3:]]))
    assert "entry 3" in verify(path).text() and not verify(path).ok


def test_the_commands(tmp_path: Path) -> None:
    path = tmp_path / "l.jsonl"
    for value in ("1.02", "1.05"):
        done = inside("sensors", "ledger", "add", path, "stack.velocity_coefficient", value, "--author", "Li",
                      "--reason", "traverse")  # fmt: skip
        assert done.returncode == 0
    assert "was 1.02" in done.stdout
    assert json.loads(inside("sensors", "ledger", "show", path, "--format", "json").stdout)[1]["new"] == 1.05
    assert inside("sensors", "ledger", "check", path).returncode == 0
    assert inside("verify", path).returncode == 0
    refused = inside("sensors", "ledger", "add", path, "stack.velocity_coefficient", "1.1", "--author", "Li",
                     "--reason", "r", "--old", "1.02")  # fmt: skip
    assert refused.returncode == 2 and "not what was expected" in refused.stderr
    job = tmp_path / "stack.toml"
    job.write_text('[reader]\nformat = "table"\nfiles = "r.csv"\ntime = {column = "t", timezone = "UTC", '
                   'label = "start"}\n[reader.columns]\nco2 = {column = "c", units = "percent"}\n'
                   '[stack]\nmethod = "hj75"\nvelocity_coefficient = 1.04\n', encoding="utf-8")  # fmt: skip
    found = inside("sensors", "ledger", "check", path, "--job", job)
    assert found.returncode == 3
    assert "'stack.velocity_coefficient' is 1.04, its last record (entry 2) says 1.05" in found.stdout
    assert "'stack.method' is 'hj75' and has no record" in found.stdout
    path.write_bytes(path.read_bytes().replace(b"Li", b"Wu", 1))
    assert inside("sensors", "ledger", "check", path).returncode == 3
