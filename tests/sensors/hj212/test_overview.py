"""What a stream holds, and its values as a table: every value of every message, once."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from sensors.hj212.bulk import decode_all, decode_stream
from sensors.hj212.frame import decode
from sensors.hj212.overview import overview, tables
from sensors.hj212.stream import Splitter
from tests.sensors.hj212.messages import FACTORS, stream_of, vectors
from tests.terminal import ghg


def test_every_message_is_counted_whatever_the_chunks() -> None:
    stream = stream_of(300, seed=5)
    whole = overview([decode_all(stream)])
    assert whole == overview(decode_stream(stream[i : i + 999] for i in range(0, len(stream), 999)))
    assert whole.messages == 300 and not whole.defects and not whole.unknown
    assert [(k["station"], k["command"], k["messages"]) for k in whole.kinds] == [
        ("88888880000110", 2051, 150), ("88888880000111", 2051, 150)]  # fmt: skip
    assert whole.kinds[0]["first"] == "2024-01-01 00:00:00" and whole.kinds[1]["last"] == "2024-01-01 04:59:00"
    assert set(whole.kinds[0]["codes"].split()) == set(FACTORS)


def test_the_table_is_what_the_decoder_of_single_messages_reads() -> None:
    stream = stream_of(40, seed=6)
    splitter = Splitter()
    expected = []
    for raw in [*splitter.feed(stream), *splitter.close()]:
        frame = decode(raw)
        for group in frame.groups[1:]:
            letter = next(text for name, text in group if name.endswith("-Flag"))
            expected += [(frame.header["MN"], *name.split("-"), float(text), letter) for name, text in group
                         if not name.endswith("-Flag")]  # fmt: skip
    table = pd.concat(list(tables(decode_stream([stream[:3000], stream[3000:]]))))
    rows = list(table[["station", "code", "field", "value", "flag"]].itertuples(index=False, name=None))
    assert rows == expected


def test_at_the_terminal(tmp_path: Path, shared_data: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"\r\n".join(data for _, data in vectors(shared_data)) + b"\r\n")
    run = ghg("sensors", "messages", tmp_path / "a.txt", "--format", "json", "-o", tmp_path / "a.csv")
    found = json.loads(run.stdout)
    assert found["messages"] == 7 and found["defects"] == {"length": 1, "checksum": 3, "time": 2}
    table = pd.read_csv(tmp_path / "a.csv", dtype={"code": str}, keep_default_na=False)
    assert set(table.loc[table.station == "LD130133000015", "code"]) == {"011", "B01", "060"}
    refused = ghg("sensors", "messages", "--strict", tmp_path / "a.txt", "-o", tmp_path / "b.csv")
    assert refused.returncode == 2 and "stated 428, counted 431" in refused.stderr
    assert not (tmp_path / "b.csv").exists()
    (tmp_path / "c.txt").write_text("some words")
    empty = ghg("sensors", "messages", tmp_path / "c.txt")
    assert empty.returncode == 2 and "no HJ 212 message" in empty.stderr
