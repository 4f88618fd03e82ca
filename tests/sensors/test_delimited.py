"""The byte reader against Python's own csv and float, on awkward text and at every block boundary."""

from __future__ import annotations

import csv
import gzip
import io
import math
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghg.core.errors import InputError
from sensors.readers import delimited
from sensors.readers.blocks import read_blocks
from sensors.readers.delimited import parse_delimited

pytestmark = pytest.mark.kernel

AWKWARD = (
    "a,name,b,skip,c\r\n"
    '1,"Rathdrum Power, LLC",-2.5e-3,x,\r\n'
    ' 2.50 ,"say ""when""",1E5,"y,z",+0.1\r\n'
    '"3",plain,,,-0\r\n'
    "\r\n"
    '4,"two\nlines",123456789012345678901234567890,,1e-300\r\n'
    '.5,"",5.,"",0.30000000000000004'
)


def expected(text: str) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(text, newline="")) if row]


@pytest.fixture(params=["standard library", "compiled", "compiled, tiny blocks"])
def path_taken(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param != "standard library":
        monkeypatch.setattr(delimited, "SMALL", 0)
    if request.param == "compiled, tiny blocks":
        monkeypatch.setattr(delimited, "BLOCK", 7)
    return request.param


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("ending", ["", "\r\n"])
def test_awkward_text(path_taken: str, bom: str, ending: str) -> None:
    found = parse_delimited((bom + AWKWARD + ending).encode(), numbers=["a", "b", "c"], texts=["name"])
    rows = expected(AWKWARD)[1:]
    for column, place in (("a", 0), ("b", 2), ("c", 4)):
        want = [float(row[place]) if row[place].strip() else math.nan for row in rows]
        np.testing.assert_array_equal(found.numbers[column], want)
    assert [found.texts["name"][k] for k in found.codes["name"]] == [row[1] for row in rows]
    assert math.copysign(1.0, found.numbers["c"][2]) == -1.0  # -0 keeps its sign


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40))
@settings(max_examples=60)
def test_floats_are_correctly_rounded(values: list[float]) -> None:
    text = "x\n" + "\n".join(map(repr, values)) + "\n"
    before = delimited.SMALL
    delimited.SMALL = 0
    try:
        found = parse_delimited(text.encode(), numbers=["x"], texts=[])
    finally:
        delimited.SMALL = before
    assert found.numbers["x"].tolist() == values


@given(st.lists(st.from_regex(r"\A[+-]?[0-9]{1,22}(\.[0-9]{0,22})?([eE][+-]?[0-9]{1,3})?\Z"), min_size=1, max_size=20))
@settings(max_examples=100)
def test_decimal_texts_are_correctly_rounded(fields: list[str]) -> None:
    if any(math.isinf(float(f)) for f in fields):
        return
    before = delimited.SMALL
    delimited.SMALL = 0
    try:
        found = parse_delimited(("x,y\n" + "\n".join(f"{f},1" for f in fields)).encode(), numbers=["x"], texts=["y"])
    finally:
        delimited.SMALL = before
    assert found.numbers["x"].tolist() == [float(f) for f in fields]


def test_many_values_in_many_blocks(path_taken: str) -> None:
    rows = [f"{i},label {i % 700},{i / 7}" for i in range(1500)]
    found = parse_delimited(("i,text,v\n" + "\n".join(rows)).encode(), numbers=["i", "v"], texts=["text"])
    assert found.rows == 1500
    np.testing.assert_array_equal(found.numbers["v"], [float(str(i / 7)) for i in range(1500)])
    assert [found.texts["text"][k] for k in found.codes["text"]] == [f"label {i % 700}" for i in range(1500)]


def test_more_unusual_numbers_than_foreseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "SMALL", 0)
    values = [math.pi * 10.0**k for k in range(-150, 150)] * 8
    found = parse_delimited(("x\n" + "\n".join(map(repr, values))).encode(), numbers=["x"], texts=[])
    assert found.numbers["x"].tolist() == values


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n3\n", "line 3.*another number of fields.*found 1, needed 2"),
        ("a,b\n1,2\n3,4,5\n", "line 3.*another number of fields.*found 3, needed 2"),
        ('a,b\n1,"open\n', "quoted field is not closed"),
        ("a,b\n1,2\nx,4\n", "line 3.*column 'a' holds a text where a number belongs.*'x'"),
        ("a,b\n1_0,2\n", "holds a text"),
        ("a,b\ninf,2\n", "holds a text"),
        ("a,a\n1,2\n", "named twice"),
        ("b,c\n1,2\n", "columns are missing.*found b, c, needed a"),
        ("", "empty"),
        ("\n", "empty"),
    ],
)
def test_faults(path_taken: str, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_delimited(text.encode(), numbers=["a"], texts=[], where="f.csv")


def test_no_records(path_taken: str) -> None:
    assert parse_delimited(b"a,b", numbers=["a"], texts=["b"]).rows == 0
    assert parse_delimited(b"a,b\n", numbers=["a"], texts=["b"]).rows == 0


def test_plain_gzip_and_zip(tmp_path) -> None:
    body = b"a\n1\n"
    (tmp_path / "p.csv").write_bytes(body)
    (tmp_path / "g.csv.gz").write_bytes(gzip.compress(body))
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("inner.csv", body)
        archive.writestr("readme.md", "no table")
    blocks = [block for name in ("p.csv", "g.csv.gz", "z.zip") for block in read_blocks(tmp_path / name)]
    assert [block.text for block in blocks] == [body] * 3


def test_blocks_end_with_records_whatever_their_size(tmp_path) -> None:
    rows = [f'{k},"a ""b""\n{k}"' if k % 3 else f"{k},x" for k in range(50)]
    for ending in ("\n", ""):
        (tmp_path / "b.csv").write_text("i,t\n" + "\n".join(rows) + ending, encoding="utf-8")
        whole = parse_delimited((tmp_path / "b.csv").read_bytes(), numbers=["i"], texts=["t"])
        for size in (1, 7, 40, 1000):
            numbers, texts = [], []
            for block in read_blocks(tmp_path / "b.csv", size):
                found = parse_delimited(block.text, numbers=["i"], texts=["t"], where="b.csv", lines=block.lines)
                numbers += found.numbers["i"].tolist()
                texts += [found.texts["t"][k] for k in found.codes["t"]]
            assert numbers == whole.numbers["i"].tolist() == list(range(50))
            assert texts == [whole.texts["t"][k] for k in whole.codes["t"]]
    (tmp_path / "b.csv").write_text("i,t\n" + "1,x\n" * 20 + "no,x\n" + "1,x\n" * 20, encoding="utf-8")
    with pytest.raises(InputError, match="line 22"):
        for block in read_blocks(tmp_path / "b.csv", 16):
            parse_delimited(block.text, numbers=["i"], texts=["t"], where="b.csv", lines=block.lines)
    (tmp_path / "b.csv").write_bytes(b"i,t\n")
    assert [(b.text, b.lines) for b in read_blocks(tmp_path / "b.csv")] == [(b"i,t\n", 0)]
    (tmp_path / "b.csv").write_bytes(b"")
    assert [b.text for b in read_blocks(tmp_path / "b.csv")] == [b""]


def test_broken_files(tmp_path) -> None:
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"a\n" * 10000)[:-20])
    (tmp_path / "t.zip").write_bytes(b"PK\x03\x04 truncated")
    with zipfile.ZipFile(tmp_path / "none.zip", "w") as archive:
        archive.writestr("x.md", "")
    for name, message in (
        ("t.csv.gz", "cannot be unpacked"),
        ("t.zip", "cannot be unpacked"),
        ("none.zip", "holds no table"),
        ("absent.csv", "does not exist"),
        (".", "folder"),
    ):
        with pytest.raises(InputError, match=message):
            list(read_blocks(tmp_path / name))


def test_thread_counts_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    from ghg.core import jit

    monkeypatch.setattr(delimited, "SMALL", 0)
    monkeypatch.setattr(delimited, "BLOCK", 1000)
    text = ("i,t\n" + "\n".join(f"{i / 3},{i % 11}" for i in range(5000))).encode()
    before = jit.threads()
    try:
        results = []
        for count in (1, min(2, before)):
            jit.threads(count)
            results.append(parse_delimited(text, numbers=["i"], texts=["t"]))
    finally:
        jit.threads(before)
    assert results[0].numbers["i"].tobytes() == results[1].numbers["i"].tobytes()
    assert results[0].texts == results[1].texts
