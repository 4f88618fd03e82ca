"""The bulk decoder says what the decoder of single messages says, on sound and on spoilt streams."""

from __future__ import annotations

import datetime
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ghg.core.errors import InputError
from sensors.hj212.bulk import FIELDS, Messages, decode_all, decode_stream, unpack
from sensors.hj212.frame import Frame, decode, encode
from sensors.hj212.stream import Splitter
from tests.sensors.hj212.messages import stream_of, vectors

Row = tuple[str, str, float]


def rows_of(frame: Frame) -> list[Row]:
    """Return code, field and value of the parameters of a message read by the decoder of single messages."""
    rows = []
    for name, text in (pair for group in frame.groups for pair in group):
        code, dash, last = name.rpartition("-")
        known = {f.lower(): f for f in FIELDS}.get(last.lower()) if dash and code else None
        if not (dash and code):
            code = name
        if name == "DataTime":
            continue
        if known == "Flag":
            value = float(ord(text)) if len(text) == 1 and text.isascii() else np.nan
        else:
            try:
                value = float(text) if "_" not in text and text.isascii() else np.nan
            except ValueError:
                value = np.nan
            value = value if np.isfinite(value) else np.nan
        raw = code.encode("gb18030", "replace")
        rows.append((raw.rstrip(b"\0").decode("latin-1") if len(raw) <= 8 else "", known or "", value))
    return rows


def rows_in(messages: Messages, k: int) -> list[Row]:
    own = messages.frame == k
    names = ["", *FIELDS]
    return [(unpack(c), names[f], v) for c, f, v in zip(messages.code[own], messages.field[own], messages.value[own],
                                                        strict=True)]  # fmt: skip


def same(one: list[Row], two: list[Row]) -> bool:
    if len(one) != len(two):
        return False
    return all(a[:2] == b[:2] and (a[2] == b[2] or (a[2] != a[2] and b[2] != b[2]))
               for a, b in zip(one, two, strict=True))  # fmt: skip


def compare(stream: bytes) -> None:
    splitter = Splitter()
    frames = [decode(raw, strict=False) for raw in [*splitter.feed(stream), *splitter.close()]]
    messages = decode_all(stream)
    assert len(messages) == len(frames)
    content = {"field", "value", "time", "encoding"}
    for k, frame in enumerate(frames):
        assert set(messages.named_defects(k)) - content == set(frame.defects) - content
        assert messages.command[k] == frame.command
        if "encoding" in frame.defects:
            continue
        assert ("field" in messages.named_defects(k)) == ("field" in frame.defects)
        assert messages.stations[messages.station[k]] == frame.header.get("MN", "")
        assert same(rows_in(messages, k), rows_of(frame))
    assert messages.skipped == splitter.skipped


def test_vectors(shared_data: Path) -> None:
    compare(b"\r\n".join(data for _, data in vectors(shared_data)) + b"\r\n")
    compare(b"".join(data for _, data in vectors(shared_data)))


def test_sound_streams_whole_and_in_pieces() -> None:
    stream = stream_of(300, seed=1)
    compare(stream)
    whole = decode_all(stream)
    assert whole.defect_counts() == {} and whole.skipped == 0
    for part, sizes in ((stream, (1000, 50_000)), (stream_of(6, seed=1), (1, 7))):
        whole = decode_all(part)
        for size in sizes:
            pieces = list(decode_stream(part[i : i + size] for i in range(0, len(part), size)))
            assert sum(map(len, pieces)) == len(whole)
            assert np.concatenate([p.value for p in pieces]).tobytes() == whole.value.tobytes()
            assert np.concatenate([p.place for p in pieces]).tolist() == whole.place.tolist()


@given(st.integers(0, 2**32), st.integers(1, 25))
def test_spoilt_streams(seed: int, faults: int) -> None:
    rng = random.Random(seed)
    data = bytearray(stream_of(6, seed=seed))
    for _ in range(faults):
        place = rng.randrange(len(data))
        action = rng.randrange(4)
        if action == 0:
            data[place] = rng.choice(b"#&;,=-0123456789\r\nCPMNabc .eE+_\x00\x7f")
        elif action == 1:
            del data[place : place + rng.randrange(1, 40)]
        elif action == 2:
            data[place:place] = data[: rng.randrange(1, 60)]
        else:
            data[place:place] = rng.choice([b"##", b"##0100", b"\r\n", b"&&", b"CP=&&", b"rubbish"])
    compare(bytes(data))


@pytest.mark.parametrize(
    ("text", "seconds", "sound"),
    [
        ("20240229235959", datetime.datetime(2024, 2, 29, 23, 59, 59), True),
        ("20160824003817000", datetime.datetime(2016, 8, 24, 0, 38, 17), False),
        ("20230229000000", None, False),
        ("2024022900", None, False),
        ("20240100000000", None, False),
        ("19700101000000", datetime.datetime(1970, 1, 1), True),
        ("22611231235959", datetime.datetime(2261, 12, 31, 23, 59, 59), True),
        ("22620101000000", None, False),  # no int64 of nanoseconds reaches there: it would be 1677
        ("00010101000000", None, False),
    ],
)
def test_times(text: str, seconds: datetime.datetime | None, sound: bool) -> None:
    frame = Frame({"ST": "31", "CN": "2011", "PW": "1", "MN": "A"}, ((("DataTime", text),),))
    messages = decode_all(encode(frame))
    assert messages.time[0].item() == seconds
    assert ("time" in messages.named_defects(0)) != sound


def test_values_the_kernel_leaves_to_python() -> None:
    texts = ["1234567890.123456789012", "1e-300", "-0.5E+3", "--", "0x10", "1_000", "", "inf", "+7"]
    group = (*((f"a{i:05d}-Avg", t) for i, t in enumerate(texts)), ("i13005-Info", "text of a log"))
    messages = decode_all(encode(Frame({"ST": "31", "CN": "2011", "PW": "1", "MN": "A"}, (group,))))
    nan = np.nan
    expected = [1234567890.123456789012, 1e-300, -500.0, nan, nan, nan, nan, nan, 7.0, nan]
    np.testing.assert_array_equal(messages.value, expected)
    assert messages.named_defects(0) == ("value",)


def test_strict_names_the_place_of_the_first_bad_message() -> None:
    sound = stream_of(3, seed=2)
    bad = bytearray(stream_of(1, seed=3))
    bad[-5] ^= 1
    with pytest.raises(InputError, match=rf"at byte {len(sound)}.*checksum") as caught:
        decode_all(sound + bytes(bad), strict=True)
    assert "written" in caught.value.found and "computed" in caught.value.found
    with pytest.raises(InputError, match=rf"at byte {len(sound)}.*checksum"):
        list(decode_stream([sound[:50], sound[50:], bytes(bad)], strict=True))
    assert len(decode_all(sound, strict=True)) == 3


def test_an_empty_stream_and_rubbish() -> None:
    assert len(decode_all(b"")) == 0 and decode_all(b"").skipped == 0
    assert decode_all(b"some words, no message").skipped == 19
    assert list(decode_stream([])) == []
    assert len(decode_all(b"##0000" * 1000)) == 1000
