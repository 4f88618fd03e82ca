"""HJ 212 messages: the vectors, round trips, mutations, and every defect by its name."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghg.core.errors import InputError
from sensors.hj212.frame import DEFECTS, LONGEST, Frame, crc16, decode, encode, reply, segment_of, split_packets
from sensors.hj212.stream import Assembler, Splitter
from tests.sensors.hj212.messages import vectors


def test_vectors(shared_data: Path) -> None:
    found = vectors(shared_data)
    assert len(found) == 7
    for tag, data in found:
        length, checksum = tag.split("_")
        frame = decode(data, strict=False)
        assert ("length" in frame.defects) == (length != "OK")
        assert ("checksum" in frame.defects) == (checksum != "OK")
        assert frame.value("DataTime") or frame.command == 1062
        if tag == "OK_OK":
            assert decode(data + b"\r\n") == frame
            assert encode(frame).upper() == data.upper() + b"\r\n"
        else:
            with pytest.raises(InputError, match=r"length|checksum"):
                decode(data)


def test_the_checksum_is_not_that_of_modbus() -> None:
    """The vector of the standard's text: 1C80. CRC-16/MODBUS of the same bytes is another number."""
    segment = b"QN=20160801085857223;ST=32;CN=1062;PW=100000;MN=010000A8900016F000169DC0;Flag=5;CP=&&RtdInterval=30&&"
    assert crc16(segment) == 0x1C80
    modbus = 0xFFFF
    for byte in segment:
        modbus ^= byte
        for _ in range(8):
            modbus = modbus >> 1 ^ 0xA001 if modbus & 1 else modbus >> 1
    assert modbus != 0x1C80


words = st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyzABCXYZ0123456789.-:_氧碳"), min_size=1, max_size=12)
groups = st.lists(st.lists(st.tuples(words, words), min_size=1, max_size=4).map(tuple), max_size=8).map(tuple)
headers = st.fixed_dictionaries(
    {"ST": st.just("31"), "CN": st.sampled_from(["2011", "2051", "2061", "2031"]),
     "PW": st.just("123456"), "MN": st.text("0123456789ABCDEF", min_size=14, max_size=24)},
    optional={"QN": st.just("20240101000000123"), "Flag": st.sampled_from(["4", "5", "8", "9"])},
)  # fmt: skip
frames = st.builds(Frame, headers, groups)


@given(frames)
def test_round_trip(frame: Frame) -> None:
    data = encode(frame)
    again = decode(data)
    assert again.header == frame.header and again.groups == frame.groups and again.defects == ()
    assert encode(again) == data


@given(frames, st.data())
@settings(max_examples=300)
def test_a_changed_byte_is_found(frame: Frame, data: st.DataObject) -> None:
    """Two messages that differ in one byte have different checksums; only the case of its own digits is free."""
    whole = encode(frame)
    place = data.draw(st.integers(6, len(whole) - 7))
    value = data.draw(st.integers(0, 255).filter(lambda v: v != whole[place]))
    changed = whole[:place] + bytes([value]) + whole[place + 1 :]
    with pytest.raises(InputError):
        decode(changed)
    assert "checksum" in decode(changed, strict=False).defects


@given(st.lists(frames, min_size=1, max_size=6), st.lists(st.integers(1, 40), min_size=1, max_size=30))
def test_split_and_sticky_packets(messages: list[Frame], cuts: list[int]) -> None:
    stream = b"".join(map(encode, messages))
    splitter, found, at, turn = Splitter(), [], 0, 0
    while at < len(stream):
        size = cuts[turn % len(cuts)]
        found += splitter.feed(stream[at : at + size])
        at, turn = at + size, turn + 1
    found += splitter.close()
    assert [decode(raw) for raw in found] == messages
    assert splitter.skipped == 0


def test_rubbish_wrong_lengths_and_missing_ends_between_messages() -> None:
    good = Frame({"ST": "31", "CN": "2011", "PW": "1", "MN": "A"}, ((("a19001-Rtd", "6.1"),),))
    whole = encode(good)
    wrong = b"##0999" + whole[6:]
    stream = b"noise" + whole + b"#" + wrong + whole[:-2] + whole + b"##xx" + whole
    splitter = Splitter()
    found = [decode(raw, strict=False) for raw in [*splitter.feed(stream), *splitter.close()]]
    assert [f.groups for f in found] == [good.groups] * 5
    assert [f.defects for f in found] == [(), ("length",), ("no_end",), (), ()]
    assert splitter.skipped == len(b"noise") + len(b"#") + len(b"##xx")


@given(st.integers(30, 120))
def test_long_messages_go_in_packets_and_come_back(count: int) -> None:
    groups = ((("DataTime", "20240101000000"),), *(((f"a{i:05d}-Rtd", f"{i}.5"), (f"a{i:05d}-Flag", "N"))
                                                   for i in range(count)))  # fmt: skip
    header = {"QN": "20240101000000000", "ST": "31", "CN": "2011", "PW": "1", "MN": "A" * 24, "Flag": "5"}
    frame = Frame(header, groups)
    packets = split_packets(frame)
    assert all(len(segment_of(p)) <= LONGEST for p in packets)
    assembler = Assembler()
    order = random.Random(count).sample(packets, len(packets))
    found = [f for p in order if (f := assembler.add(decode(encode(p)))) is not None]
    assert [f.groups for f in found] == [groups] and assembler.incomplete == 0
    assert found[0].flag == 5


def test_a_packet_that_never_comes_is_counted() -> None:
    frame = Frame({"QN": "1", "ST": "31", "CN": "2011", "PW": "1", "MN": "A", "Flag": "6", "PNUM": "2", "PNO": "1"})
    assembler = Assembler()
    assert assembler.add(frame) is None
    assert assembler.incomplete == 1


@pytest.mark.parametrize(
    ("data", "defect"),
    [
        (b"##0003ST=0000", "header"),
        (b"##0036ST=31;CN=2011;PW=1;MN=A;CP=&&x=1;;&0000", "checksum"),
        (b"##0005", "length"),
        (encode(Frame({"ST": "31", "CN": "2011", "PW": "1", "MN": "A"}, ((("x", "1" * 100),),)))[:-2], "no_end"),
        (b"##0033ST=31;CN=2011;PW=1;MN=A;CP=&&x&&0000", "field"),
        (b"##0018ST=31;CN=2011;PW=10000", "no_parameters"),
        (b"##0034ST=31;CN=2011;PW=1;MN=A;CP=&&\xff=&&0000", "encoding"),
        (b"##1100ST=31;CN=2011;PW=1;MN=A;CP=&&x=" + b"1" * 1100 + b"&&0000", "too_long"),
    ],
)
def test_each_defect_has_its_name(data: bytes, defect: str) -> None:
    frame = decode(data, strict=False)
    assert defect in frame.defects and set(frame.defects) <= set(DEFECTS)


def test_what_is_no_message() -> None:
    for data in (b"", b"##", b"abc", b"#0012"):
        with pytest.raises(InputError, match="no message begins"):
            decode(data, strict=False)
    with pytest.raises(InputError, match="split it into packets"):
        encode(Frame({"ST": "31"}, ((("x", "1" * 2000),),)))


def test_the_answer_repeats_the_number_of_the_question() -> None:
    question = Frame({"QN": "20240101000000000", "ST": "31", "CN": "2011", "PW": "1", "MN": "A", "Flag": "5"})
    answer = reply(question, 9014)
    assert answer.header["QN"] == question.header["QN"] and answer.header["ST"] == "91" and answer.command == 9014
    assert question.wants_answer and not answer.wants_answer
    assert decode(encode(answer)) == answer


@pytest.mark.slow
def test_a_million_mutated_messages_never_crash(shared_data: Path) -> None:
    """Bytes changed, cut, doubled and swapped: lenient reading gives a message or says that none begins there."""
    rng = random.Random(20261124)
    seeds = [data + b"\r\n" for _, data in vectors(shared_data)]
    for _ in range(1_000_000):
        data = bytearray(rng.choice(seeds)[: rng.randrange(8, 260)])
        for _ in range(rng.randrange(1, 6)):
            place = rng.randrange(len(data))
            action = rng.randrange(4)
            if action == 0:
                data[place] = rng.randrange(256)
            elif action == 1:
                del data[place : place + rng.randrange(1, 9)]
            elif action == 2:
                data[place:place] = data[: rng.randrange(1, 20)]
            else:
                data[place : place + 2] = data[place : place + 2][::-1]
            if not data:
                data = bytearray(b"#")
        try:
            decode(bytes(data), strict=False)
        except InputError as error:
            assert "no message begins" in str(error)
