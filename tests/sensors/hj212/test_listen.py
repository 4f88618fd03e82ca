"""The listener: what was answered is on disk, whatever happens to the process."""

from __future__ import annotations

import os
import random
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ghg.core.errors import InputError
from sensors.hj212.bulk import decode_all
from sensors.hj212.frame import Frame, decode, encode
from sensors.hj212.store import Store
from sensors.hj212.stream import Splitter
from tests.terminal import ENVIRONMENT, PROGRAM, ghg


def numbered(number: int, *, flag: str = "5", station: str = "88888880000114") -> bytes:
    header = {"QN": f"{number:017d}", "ST": "31", "CN": "2051", "PW": "123456", "MN": station, "Flag": flag}
    return encode(Frame(header, ((("DataTime", "20240101000000"),), (("a05001-Avg", f"{number}"),))))


@contextmanager
def listening(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen([*PROGRAM, "sensors", "listen", "127.0.0.1:0", "-o", str(folder), *options],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)  # fmt: skip
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        assert found, process.communicate()[1]
        yield process, int(found[1])
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


def answers(connection: socket.socket, count: int, seconds: float = 10.0) -> list[Frame]:
    """Return the answers that come until there are `count`, or time is over."""
    splitter, found, end = Splitter(), [], time.monotonic() + seconds
    while len(found) < count and time.monotonic() < end:
        if select.select([connection], [], [], 0.05)[0]:
            data = connection.recv(65536)
            if not data:
                break
            found += [decode(raw) for raw in splitter.feed(data)]
    return found


def stored(folder: Path, kind: str = "received") -> list[int]:
    data = b"".join(p.read_bytes() for p in sorted(folder.glob(f"{kind}-*.hj212")))
    messages = decode_all(data)
    return [int(q) for q, d in zip(messages.qn, messages.defects, strict=True) if not d & 0b111]


def test_store_answer_stop(tmp_path: Path) -> None:
    with listening(tmp_path / "in") as (process, port):
        with closing(socket.create_connection(("127.0.0.1", port))) as one:
            damaged = bytearray(numbered(3))
            damaged[-4:-2] = b"zz"
            stream = numbered(1) + numbered(2, flag="4") + b"noise" + bytes(damaged) + numbered(4)
            for i in range(0, len(stream), 13):
                one.sendall(stream[i : i + 13])
            got = answers(one, 2)
        assert [(f.command, int(f.header["QN"]), f.header["ST"]) for f in got] == [(9014, 1, "91"), (9014, 4, "91")]
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0 and err == ""
    assert "stored 3 messages of 1 stations, 2 answered, 1 damaged and kept apart" in out
    assert stored(tmp_path / "in") == [1, 2, 4]
    assert b"zz" in next((tmp_path / "in").glob("damaged-*")).read_bytes()


def test_lenient_and_chosen_stations(tmp_path: Path) -> None:
    damaged = bytearray(numbered(3))
    damaged[-4:-2] = b"zz"
    with (
        listening(tmp_path / "in", "--lenient", "--station", "88888880000114") as (_, port),
        closing(socket.create_connection(("127.0.0.1", port))) as one,
    ):
        one.sendall(bytes(damaged) + numbered(5, station="other") + numbered(6))
        assert [int(f.header["QN"]) for f in answers(one, 2)] == [3, 6]
    assert b"other" not in next((tmp_path / "in").glob("received-*")).read_bytes()


def test_one_listener_for_a_folder_and_plain_faults(tmp_path: Path) -> None:
    with listening(tmp_path / "in") as (_, port):
        second = ghg("sensors", "listen", "127.0.0.1:0", "-o", tmp_path / "in")
        assert second.returncode == 2 and "another listener" in second.stderr
        taken = ghg("sensors", "listen", f"127.0.0.1:{port}", "-o", tmp_path / "other")
        assert taken.returncode == 2 and "cannot be used" in taken.stderr and "Traceback" not in taken.stderr
    wrong = ghg("sensors", "listen", "somewhere", "-o", tmp_path / "x")
    assert wrong.returncode == 2 and "0.0.0.0:5212" in wrong.stderr and not (tmp_path / "x").exists()


def test_a_torn_end_is_closed_before_the_next_message(tmp_path: Path) -> None:
    days = [datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 1, 2, tzinfo=UTC)]
    (tmp_path / "received-20240101.hj212").write_bytes(numbered(1) + numbered(2)[:50])
    store = Store(tmp_path, now=lambda: days[0])
    store.append("received", [numbered(3)[:-2]])
    days[0] = days[1]
    store.append("received", [numbered(4)])
    store.close()
    assert stored(tmp_path) == [1, 3, 4]
    assert sorted(p.name for p in tmp_path.glob("*.hj212")) == ["received-20240101.hj212", "received-20240102.hj212"]


def test_the_disk_comes_before_the_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Append returns only after the bytes were synchronised, and a full disk is an error, not a silence."""
    steps: list[str] = []
    write, sync = os.write, os.fsync
    monkeypatch.setattr(os, "write", lambda h, d: steps.append("write") or write(h, d[:40]))
    monkeypatch.setattr(os, "fsync", lambda h: steps.append("sync") or sync(h))
    store = Store(tmp_path)
    store.append("received", [numbered(1)])
    store.close()
    assert steps[-1] == "sync" and steps.count("write") > 2  # short writes are carried on
    assert stored(tmp_path) == [1]


def test_a_folder_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        Store(tmp_path / "file")


# a process that has imported what every listener imports and is copied for each of them: a hundred starts cost little
NURSERY = """
import os, sys
import sensors.hj212.listen, sensors.hj212.store
from ghg.cli import main
from ghg.cli.inside import call
call(["sensors", "listen", "--help"])
for line in sys.stdin:
    if not (child := os.fork()):
        print(os.getpid(), flush=True)
        sys.argv = ["ghg", *line.split()]
        main()
    os.waitpid(child, 0)
    print("gone", flush=True)
"""


@pytest.fixture
def nursery() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", NURSERY], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True, env=ENVIRONMENT)  # fmt: skip
    yield process
    process.communicate()


@pytest.mark.slow
def test_killed_a_hundred_times_it_loses_no_acknowledged_message(
    tmp_path: Path, nursery: subprocess.Popen[str]
) -> None:
    assert nursery.stdin is not None and nursery.stdout is not None
    rng = random.Random(212)
    acknowledged: set[int] = set()
    number = 0
    for turn in range(100):
        nursery.stdin.write(f"sensors listen 127.0.0.1:0 -o {tmp_path / 'in'} --quiet\n")
        nursery.stdin.flush()
        listener = int(nursery.stdout.readline())
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", nursery.stdout.readline())
        assert found
        wait = rng.uniform(0.01, 0.15)  # at any moment, or so long after the first answer
        end = time.monotonic() + wait if turn % 2 else None
        with closing(socket.create_connection(("127.0.0.1", int(found[1])))) as one:
            splitter = Splitter()
            one.setblocking(False)
            while end is None or time.monotonic() < end:
                try:
                    one.send(numbered(number := number + 1))
                except BlockingIOError:
                    number -= 1
                if select.select([one], [], [], 0.0)[0]:
                    acknowledged |= {int(decode(raw).header["QN"]) for raw in splitter.feed(one.recv(65536))}
                    end = time.monotonic() + wait if end is None else end
            os.kill(listener, signal.SIGKILL)
            assert nursery.stdout.readline() == "gone\n"
            one.setblocking(True)
            try:
                while data := one.recv(65536):
                    acknowledged |= {int(decode(raw).header["QN"]) for raw in splitter.feed(data)}
            except ConnectionError:
                pass
    assert len(acknowledged) > 1000
    assert acknowledged <= set(stored(tmp_path / "in"))
