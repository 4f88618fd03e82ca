"""The table door: encodings, headers below titles, archives, and every bad file in one sentence."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from ghg.core.errors import InputError
from ghg.core.tables import read_table

ROWS = "日期,煤量,备注\n2024-01-01,12.5,\n2024-02-01,,好\n"
COLUMNS = {"time": "日期", "mass": "煤量"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "utf-16"])
def test_chinese_headers_in_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "coal.csv"
    path.write_bytes(ROWS.encode(encoding))
    frame = read_table(path, COLUMNS)
    assert frame["mass"].iloc[0] == "12.5"
    assert frame["mass"].isna().tolist() == [False, True]
    assert bool(frame.attrs["notes"]) == (encoding != "utf-8")


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "coal.txt"
    path.write_text(ROWS.replace(",", delimiter), encoding="utf-8")
    assert read_table(path, COLUMNS)["time"].tolist() == ["2024-01-01", "2024-02-01"]


def test_header_below_title_rows(tmp_path: Path) -> None:
    path = tmp_path / "coal.csv"
    path.write_text("某电厂 2024 年燃料表\n\n" + ROWS, encoding="utf-8")
    frame = read_table(path, COLUMNS)
    assert len(frame) == 2
    assert "row 3" in frame.attrs["notes"][0]


def test_archives(tmp_path: Path) -> None:
    (tmp_path / "coal.csv.gz").write_bytes(gzip.compress(ROWS.encode()))
    with zipfile.ZipFile(tmp_path / "coal.zip", "w") as archive:
        archive.writestr("coal.csv", ROWS)
    for name in ("coal.csv.gz", "coal.zip"):
        assert read_table(tmp_path / name, COLUMNS)["mass"].iloc[0] == "12.5"


def test_members_that_lost_their_names(tmp_path: Path) -> None:
    path = tmp_path / "coal.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("coal.csv", ROWS)
    data = bytearray(path.read_bytes())
    at, end = data.index(b"PK\1\2"), data.index(b"PK\5\6")
    data[at + 28], data[end + 12] = 0, data[end + 12] - len("coal.csv")  # lengths of the name and of the directory
    del data[at + 46 : end]
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"does not hold exactly one table \(found nothing\)"):
        read_table(path, COLUMNS)


def test_workbooks_keep_numbers_and_dates(tmp_path: Path) -> None:
    path = tmp_path / "coal.xlsx"
    table = pd.DataFrame({"日期": pd.to_datetime(["2024-01-01", "2024-02-01"]), "煤量": [12.5, None]})
    with pd.ExcelWriter(path) as writer:
        table.to_excel(writer, sheet_name="燃料", startrow=2, index=False)
    frame = read_table(path, COLUMNS)
    assert frame["mass"].iloc[0] == 12.5
    assert pd.Timestamp(frame["time"].iloc[1]) == pd.Timestamp("2024-02-01")
    with pytest.raises(InputError, match="no such sheet"):
        read_table(path, COLUMNS, sheet="none")


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", b"", "empty"),
        ("a.csv", b"  \n \n", "empty"),
        ("a.csv", b"\x00\x01\x02", "binary"),
        ("a.csv.gz", gzip.compress(ROWS.encode(), mtime=0)[:20], "truncated"),
        ("a.zip", b"PK\x03\x04 broken", "truncated"),
        ("a.xlsx", b"PK\x03\x04 broken", "damaged"),
        ("a.csv", "日期,煤\n1,2\n".encode(), r"column '煤量' is missing.*did you mean '煤'"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_table(write(tmp_path / name, content), COLUMNS)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path / "none.csv", tmp_path):
        with pytest.raises(InputError):
            read_table(path, COLUMNS)


def test_rows_in_blocks_are_those_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Read row by row (as large files are) or whole: the same cells, row numbers and faults."""
    from ghg.core import _table_files
    from ghg.core.tables import read_rows

    text = "title\n\nt;q (m3/h)\n" + "".join(f'2024-01-01 {h:02d}:00;"{h}"\n\n' for h in range(20)) + " ; \n23;n/a\n"
    (tmp_path / "a.csv").write_text("\ufeff" + text, encoding="utf-8")
    want = read_table(tmp_path / "a.csv", {"t": "t", "q": "q (m3/h)"})
    for large in (1 << 24, 0):
        monkeypatch.setattr(_table_files, "LARGE", large)
        blocks = list(read_rows(tmp_path / "a.csv", {"t": "t", "q": "q (m3/h)"}, block=6))
        assert [len(b) for b in blocks][:2] == [3, 3] and len(blocks) > 5  # every other line is blank
        pd.testing.assert_frame_equal(pd.concat(blocks), want)
        (tmp_path / "b.csv").write_text("t,q\n1,2\n1,2,3\n1,2\n")
        with pytest.raises(InputError, match=r"b.csv, row 3: .*found 3") as told:
            list(read_rows(tmp_path / "b.csv", {"q": "q"}, block=1))
        assert told.value.need == "2"
        (tmp_path / "c.csv").write_bytes("月,q\n1,2\n".encode("gb18030"))  # not UTF-8: read whole
        assert next(read_rows(tmp_path / "c.csv", {"m": "月"}))["m"].tolist() == ["1"]
        (tmp_path / "d.csv").write_text("t,q\n")
        assert [len(b) for b in read_rows(tmp_path / "d.csv", {"q": "q"})] == [0]
    want.reset_index(drop=True).to_parquet(tmp_path / "p.parquet")
    for large in (1 << 24, 0):
        monkeypatch.setattr(_table_files, "LARGE", large)
        got = pd.concat(read_rows(tmp_path / "p.parquet", {"t": "t", "q": "q"}, block=7))
        assert got["t"].tolist() == want["t"].tolist() and got.index.tolist() == list(range(1, len(want) + 1))
        (tmp_path / "cut.parquet").write_bytes((tmp_path / "p.parquet").read_bytes()[:-30])
        with pytest.raises(InputError, match="Parquet file cannot be read"):
            list(read_rows(tmp_path / "cut.parquet", {"t": "t"}))
