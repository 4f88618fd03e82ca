"""Messages for the tests: the vectors, and streams as a station sends them."""

from __future__ import annotations

import random
from pathlib import Path

from sensors.hj212.frame import Frame, encode

FACTORS = ("a01011", "a01012", "a01013", "a01014", "a19001", "a05001", "a00000")


def vectors(folder: Path) -> list[tuple[str, bytes]]:
    """Return tag and bytes of the published messages."""
    lines = (folder / "facility" / "vectors" / "hj212_frames.txt").read_text(encoding="ascii").splitlines()
    return [(t, f.encode()) for t, f in (line.split("\t") for line in lines if line and not line.startswith("#"))]


def message(rng: random.Random, minute: int, *, command: int = 2051, station: str = "88888880000114") -> Frame:
    """Return a message of minute or hour data."""
    stamp = f"20240101{minute // 60 % 24:02d}{minute % 60:02d}00"
    groups: list[tuple[tuple[str, str], ...]] = [(("DataTime", stamp),)]
    for code in FACTORS:
        low, high = sorted((rng.uniform(0, 900), rng.uniform(0, 900)))
        groups.append((
            (f"{code}-Min", f"{low:.3f}"), (f"{code}-Avg", f"{(low + high) / 2:.3f}"), (f"{code}-Max", f"{high:.2f}"),
            (f"{code}-Flag", rng.choice("NNNNNMFDC")),
        ))  # fmt: skip
    header = {"QN": f"{stamp}{rng.randrange(1000):03d}", "ST": "31", "CN": str(command), "PW": "123456",
              "MN": station, "Flag": "5"}  # fmt: skip
    return Frame(header, tuple(groups))


def stream_of(count: int, *, seed: int) -> bytes:
    """Return the bytes of several messages of two stations."""
    rng = random.Random(seed)
    return b"".join(encode(message(rng, k, station=f"8888888000011{k % 2}")) for k in range(count))
