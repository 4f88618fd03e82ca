"""The endpoint to which stations send: receive, store durably, answer.

A message is answered when, and only when, the disk has it: whoever was answered can forget it, and whoever was not
sends it again. Messages of all connections that arrive while the disk works are stored together, so that the rate
does not depend on how long one synchronisation takes.

References
----------
HJ 212-2017: Flag bit 0 asks for an answer; 9014 is the answer to data.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

from ghg.core.errors import GhgError, InputError
from sensors.hj212.frame import Frame, decode, encode, reply
from sensors.hj212.store import Store
from sensors.hj212.stream import Splitter

__all__ = ["Counts", "Listener"]

DATA_ANSWER = 9014
HARMLESS = {"no_end", "field", "value", "time"}
BATCH, WAITING, READ = 4096, 65536, 1 << 16


@dataclass
class Counts:
    """What has come so far."""

    connections: int = 0
    stored: int = 0
    damaged: int = 0
    refused: int = 0
    answered: int = 0
    stations: set[str] = field(default_factory=set)


@dataclass
class _Message:
    raw: bytes
    frame: Frame
    sound: bool
    to: asyncio.StreamWriter


class Listener:
    """Listens on an address until it is stopped.

    Parameters
    ----------
    store : Store
        Where the messages go.
    lenient : bool
        Acknowledge damaged messages too; otherwise they are kept apart and not answered, so that the station sends
        them again.
    stations : frozenset of str
        Take messages of these device numbers (MN) only; of all if empty.
    idle : float
        Seconds after which a silent connection is closed.
    """

    def __init__(
        self, store: Store, *, lenient: bool = False, stations: frozenset[str] = frozenset(), idle: float = 3600.0
    ) -> None:
        self.store, self.lenient, self.stations, self.idle = store, lenient, stations, idle
        self.counts = Counts()
        self._queue: asyncio.Queue[_Message] = asyncio.Queue(WAITING)
        self._open: set[asyncio.Task[None]] = set()

    async def run(self, host: str, port: int, ready: Callable[[str, int], None]) -> None:
        """Listen until SIGINT or SIGTERM; what was received by then is stored and answered.

        Raises
        ------
        InputError
            The address cannot be used.
        GhgError
            The disk refuses: nothing more is acknowledged.
        """
        try:
            server = await asyncio.start_server(self._serve, host, port)
        except (OSError, OverflowError) as error:
            raise InputError("the address cannot be used", where=f"{host}:{port}", found=str(error),
                             hint="choose a free port, or an address of this machine") from None  # fmt: skip
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGINT, signal.SIGTERM):
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(sign, stop.set)
        writing = asyncio.create_task(self._write())
        stopping = asyncio.create_task(stop.wait())
        address = server.sockets[0].getsockname()
        ready(str(address[0]), int(address[1]))
        async with server:
            await asyncio.wait({writing, stopping}, return_when=asyncio.FIRST_COMPLETED)
            server.close()
            for task in list(self._open):
                task.cancel()
            if not writing.done():
                await self._queue.join()
            await asyncio.sleep(0)  # the last answers leave before the loop ends
            writing.cancel()
            stopping.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        self.counts.connections += 1
        splitter = Splitter()
        try:
            while data := await asyncio.wait_for(reader.read(READ), self.idle):
                for raw in splitter.feed(data):
                    await self._take(raw, writer)
            for raw in splitter.close():
                await self._take(raw, writer)
        except (TimeoutError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._open.discard(task)
            writer.close()

    async def _take(self, raw: bytes, writer: asyncio.StreamWriter) -> None:
        try:
            frame = decode(raw, strict=False)
        except InputError:
            return
        station = frame.header.get("MN", "")
        if self.stations and station not in self.stations:
            self.counts.refused += 1
            return
        await self._queue.put(_Message(raw, frame, not set(frame.defects) - HARMLESS, writer))

    async def _write(self) -> None:
        """Store what has come, batch by batch, then answer."""
        while True:
            batch = [await self._queue.get()]
            while len(batch) < BATCH and not self._queue.empty():
                batch.append(self._queue.get_nowait())
            kept = [m for m in batch if m.sound or self.lenient]
            damaged = [m.raw for m in batch if not (m.sound or self.lenient)]
            try:
                await asyncio.to_thread(self._append, [m.raw for m in kept], damaged)
            except OSError as error:
                raise GhgError("the messages cannot be stored, so none is acknowledged any more",
                               where=str(self.store.folder), found=error.strerror or str(error)) from None  # fmt: skip
            self.counts.stored += len(kept)
            self.counts.damaged += len(damaged)
            self.counts.stations.update(m.frame.header.get("MN", "") for m in kept)
            for message in kept:
                self._answer(message)
            for _ in batch:
                self._queue.task_done()

    def _append(self, kept: list[bytes], damaged: list[bytes]) -> None:
        self.store.append("received", kept)
        self.store.append("damaged", damaged)

    def _answer(self, message: _Message) -> None:
        """Answer what asks for it, unless it is itself an answer (system code 91) or the station has gone."""
        frame = message.frame
        if not frame.wants_answer or frame.header.get("ST") == "91" or message.to.is_closing():
            return
        with contextlib.suppress(ConnectionError, InputError):
            message.to.write(encode(reply(frame, DATA_ANSWER)))
            self.counts.answered += 1
