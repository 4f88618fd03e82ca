"""``ghg sensors listen`` and ``ghg sensors messages``: HJ 212 messages as they come, and what is in them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghg.cli import console, options

if TYPE_CHECKING:
    from sensors.hj212.bulk import Messages

app = typer.Typer(pretty_exceptions_enable=False)


@app.command()
def messages(
    files: Annotated[list[str], typer.Argument(help="Files, folders or patterns; - for standard input.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Table of all values to write (CSV).",
                                                rich_help_panel="Output")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse the first message the standard refuses.")] = False,
    force: options.Force = False,
    form: options.Out = options.Format.text,
) -> None:  # fmt: skip
    """Tell what HJ 212 messages hold and what is wrong with them; with -o, write their values as a table."""
    from sensors.hj212.overview import overview, tables

    if output is not None:
        from ghg.core.files import atomic_path

        with atomic_path(output, force) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            for k, table in enumerate(tables(_decoded(files, strict))):
                table.to_csv(file, index=False, header=k == 0)
    found = overview(_decoded(files, strict))
    if form is options.Format.json:
        console.show_json(found.as_dict())
        return
    console.show(f"{found.messages:,} messages, {found.skipped:,} bytes between them")
    if found.kinds:
        console.show_rows(found.kinds, "text")
    if found.defects:
        console.show("defects: " + ", ".join(f"{name} {count:,}" for name, count in found.defects.items()))
    if found.unknown:
        console.show("unknown factor codes: " + " ".join(found.unknown))
    if output is not None:
        console.show(f"Written: {output}")


def _decoded(files: list[str], strict: bool) -> Iterator[Messages]:
    from ghg.core.errors import InputError
    from sensors.hj212.bulk import decode_stream
    from sensors.readers.files import expand
    from sensors.readers.hj212 import ENDINGS

    for path in expand(files, endings=ENDINGS):
        count = 0
        with path.open("rb") as file:
            for chunk in decode_stream(file, strict=strict):
                count += len(chunk)
                yield chunk
        if count == 0:
            raise InputError("the file holds no HJ 212 message", where=path.name, need="messages that begin with ##")


@app.command()
def listen(
    address: Annotated[str, typer.Argument(help="Address to listen on, HOST:PORT; port 0 takes a free one.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the messages.")],
    station: Annotated[list[str], typer.Option("--station", metavar="MN", help="Take this station only.")] = [],  # noqa: B006
    lenient: Annotated[bool, typer.Option("--lenient", help="Acknowledge damaged messages too.")] = False,
    quiet: options.Quiet = False,
) -> None:
    """Receive HJ 212 messages: each is stored durably, then answered."""
    import asyncio

    from sensors.hj212.listen import Listener
    from sensors.hj212.store import Store

    host, port = _address(address)
    store = Store(output)
    listener = Listener(store, lenient=lenient, stations=frozenset(station))

    def ready(where: str, number: int) -> None:
        console.show(f"listening on {where}:{number}, storing in {output}")
        sys.stdout.flush()

    try:
        asyncio.run(_listen(listener, host, port, ready, quiet))
    finally:
        store.close()
    counts = listener.counts
    console.show(f"stored {counts.stored} messages of {len(counts.stations)} stations, {counts.answered} answered, "
                 f"{counts.damaged} damaged and kept apart, {counts.refused} refused")  # fmt: skip


def _address(text: str) -> tuple[str, int]:
    from ghg.core.errors import InputError

    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
        raise InputError("the address cannot be read", where="ADDRESS", found=f"'{text}'",
                         need="host and port, for example 0.0.0.0:5212")  # fmt: skip
    return host.strip("[]"), int(port)


async def _listen(listener: Any, host: str, port: int, ready: Any, quiet: bool) -> None:
    """Run the listener; on a terminal, a line on stderr shows what has come."""
    import asyncio

    running = asyncio.create_task(listener.run(host, port, ready))
    if not quiet and sys.stderr.isatty():
        from rich.console import Console

        with Console(stderr=True).status("waiting for messages") as status:
            while not running.done():
                await asyncio.wait({running}, timeout=1.0)
                c = listener.counts
                status.update(f"{len(c.stations)} stations, {c.stored} messages stored, {c.damaged} damaged")
    await running
