"""Speed of HJ 212 decoding: bytes to columns, checksum verified, beside a decoder of single messages.

Run ``python benchmarks/bench_hj212.py``. The peer is our own decoder of single messages in plain
Python (no package of the Python index reads HJ 212). The floor is the checksum alone, a chain of dependent look-ups
over the bytes, spread over the threads.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from timing import best, least, record, short

from ghg.core.jit import kernel, threads
from sensors.hj212.bulk import decode_all
from sensors.hj212.frame import Frame, crc_table, decode, encode

FACTORS = ("a01011", "a01012", "a01013", "a01014", "a19001", "a05001", "a00000", "a21026")
SIZE = (8 if short() else 64) * 2**20
GOAL = 100.0  # MB/s


def message(rng: random.Random, minute: int) -> bytes:
    stamp = f"202401{1 + minute // 1440 % 28:02d}{minute // 60 % 24:02d}{minute % 60:02d}00"
    group: list[tuple[str, str]] = [("DataTime", stamp)]
    for code in FACTORS:
        group += [(f"{code}-{f}", f"{rng.uniform(0, 900):.3f}") for f in ("Min", "Avg", "Max")]
        group.append((f"{code}-Flag", "N"))
    header = {"QN": f"{stamp}000", "ST": "31", "CN": "2051", "PW": "123456", "MN": "88888880000114", "Flag": "5"}
    return encode(Frame(header, (tuple(group),)))


@kernel
def _checksum(data, table):
    register = np.uint16(0xFFFF)
    for byte in data:
        register = np.uint16((register >> 8) ^ byte)
        register = np.uint16((register >> 8) ^ table[register & 0xFF])
    return register


def main() -> None:
    rng = random.Random(1)
    some = [message(rng, k) for k in range(2000)]
    block = b"".join(some)
    data = np.frombuffer(block * (SIZE // len(block)), np.uint8)
    megabytes = data.size / 1e6
    count = data.size // (len(block) // len(some))
    took = best(lambda: decode_all(data))
    seconds = took.wall
    peer = best(lambda: [decode(m) for m in some[:500]], 3).times(1e6 / sum(map(len, some[:500])))  # of a megabyte
    table = np.array(crc_table(), np.uint16)
    floor = least(lambda: _checksum(data, table)) / threads()
    print(f"{count:,} messages, {megabytes:.0f} MB, {len(block) // len(some)} bytes each, {threads()} threads")
    print(f"{'bytes to columns, checksum verified':<40}{megabytes / seconds:10.1f} MB/s   goal {GOAL:.0f} MB/s")
    print(f"{'':<40}{count / seconds / 1e6:10.2f} M messages/s")
    print(f"{'floor: the checksum alone':<40}{megabytes / floor:10.1f} MB/s")
    print(f"{'peer: message by message in Python':<40}{1 / peer.wall:10.1f} MB/s")
    record(f"HJ 212, {megabytes:.0f} MB of messages to columns", took, floor=floor,
           limit="the checksum alone, on all threads", peer=peer.times(megabytes),
           who="message by message in Python")  # fmt: skip


if __name__ == "__main__":
    main()
