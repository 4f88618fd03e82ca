"""HJ 212-2017 messages -> the common Dataset: values by factor code, with the data flags of the station."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import ConfigError, InputError
from ghg.core.flags import Flag, Reason
from ghg.core.variables import attributes
from sensors.config import Hj212Reader, TableReader
from sensors.hj212.bulk import FIELDS, Messages, decode_stream, pack
from sensors.hj212.codes import COMMANDS, DATA_FLAGS, factors
from sensors.hj212.frame import DEFECTS
from sensors.readers.files import expand
from sensors.readers.table import gather

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["read"]

ENDINGS = (".txt", ".log", ".dat", ".hj212")
# Defects after which the values of a message may be wrong
DAMAGED = sum(1 << i for i, name in enumerate(DEFECTS) if name in ("length", "checksum", "too_long", "encoding"))


def read(config: Hj212Reader, *, base: Path | None = None) -> xr.Dataset:
    """Read stored HJ 212 messages.

    Parameters
    ----------
    config : Hj212Reader
        Files, kind of data, and the factor code of each channel.
    base : Path, optional
        Folder to which relative paths belong.

    Returns
    -------
    Dataset
        dims (source, time), with ``time_bounds``: the channels as sent, with ``<channel>_flag`` and
        ``<channel>_reason`` from the data flags; values of messages whose length or checksum is wrong are suspect
        (``communication``), and so are values sent again with another number (``duplicate``): the last one counts.

    Raises
    ------
    InputError, ConfigError
        No message of that kind, codes that no message holds, a unit that must be stated, irregular times.
    """
    units, doubtful = _units(config)
    table = config.as_table(units)
    records = _Records(config, table)
    for path in expand(config.files, base, endings=ENDINGS):
        seen, kept = records.seen, len(records.times)
        with path.open("rb") as file:
            for messages in decode_stream(file, strict=config.strict):
                records.add(messages)
        if records.seen == seen:
            raise InputError("the file holds no HJ 212 message", where=path.name, need="messages that begin with ##")
        if len(records.times) == kept:
            records.empty.append(path.name)
    ds = gather(records.frame(), table)
    if "operating_time" not in ds:
        _standstill(ds, list(config.channels))
    notes = [str(ds.attrs.get("notes", "")), *records.notes(), *doubtful]
    ds.attrs.update(source="HJ 212-2017 messages", notes="; ".join(note for note in notes if note))
    return ds


def _units(config: Hj212Reader) -> tuple[dict[str, str], list[str]]:
    """Return the unit of each channel, and notes on those that were not read in the standard."""
    units, doubtful = {}, []
    for name, channel in config.channels.items():
        known = factors().get(channel.code)
        where = f"channels.{name}"
        if channel.units is None and known is None:
            raise ConfigError("the factor code is not known, so its unit must be stated", where=where,
                              found=channel.code, need=f"{where}.units")  # fmt: skip
        if channel.units is None and known is not None and known.trap:
            raise ConfigError(f"the unit of {known.name} must be stated: {known.trap}", where=where,
                              found=channel.code, need=f"{where}.units, for example 'mg m-3'")  # fmt: skip
        if known is not None and channel.units is None:
            units[name] = known.units
            if not known.verified:
                doubtful.append(f"unit of {channel.code} ({known.name}) not verified: {known.units}")
        else:
            units[name] = str(channel.units)
    return units, doubtful


class _Records:
    """Rows (station, time) and their values, gathered message by message."""

    def __init__(self, config: Hj212Reader, table: TableReader) -> None:
        self.config = config
        self.command = COMMANDS[config.data]
        self.channels = [(pack(c.column.rpartition("-")[0]), 1 + FIELDS.index(c.column.rpartition("-")[2]))
                         for c in table.columns.values()]  # fmt: skip
        self.names = list(table.columns)
        self.seen = 0
        self.defects: Counter[str] = Counter()
        self.commands: Counter[int] = Counter()
        self.skipped = 0
        self.packets: dict[tuple[str, int], Any] = {}
        self.empty: list[str] = []
        self.stations: list[Any] = []
        self.times: list[npt.NDArray[np.datetime64]] = []
        self.values: list[npt.NDArray[np.float64]] = []  # (messages, channels)
        self.letters: list[npt.NDArray[np.float64]] = []
        self.damaged: list[npt.NDArray[np.bool_]] = []

    def add(self, messages: Messages) -> None:
        """Take the wanted values of a chunk: one row for each message."""
        self.seen += len(messages)
        self.skipped += messages.skipped
        self.defects.update(messages.defect_counts())
        self.commands.update(messages.command.tolist())
        names = np.array(messages.stations or [""], dtype=object)[messages.station]
        time = self._times(messages, names)
        wanted = (messages.command == self.command) & ~np.isnat(time)
        if self.config.stations:
            wanted &= np.isin(names.astype(str), self.config.stations)
        if not wanted.any():
            return
        row = np.cumsum(wanted) - 1
        values, letters = (np.full((int(wanted.sum()), len(self.channels)), np.nan) for _ in range(2))
        own = wanted[messages.frame]
        for k, (code, field) in enumerate(self.channels):
            mine = own & (messages.code == code)
            for target, kind in ((values, field), (letters, len(FIELDS))):
                use = mine & (messages.field == kind)
                target[row[messages.frame[use]], k] = messages.value[use]
        self.stations.append(names[wanted])
        self.times.append(time[wanted])
        self.values.append(values)
        self.letters.append(letters)
        self.damaged.append((messages.defects[wanted] & DAMAGED) != 0)

    def _times(self, messages: Messages, names: npt.NDArray[Any]) -> npt.NDArray[np.datetime64]:
        """Return the time of each message; a packet without one has that of another packet with its QN."""
        time = messages.time.copy()
        for k in np.flatnonzero((messages.packet[:, 0] > 1) & (messages.qn >= 0)):
            key = (names[k], int(messages.qn[k]))
            if np.isnat(time[k]):
                time[k] = self.packets.get(key, time[k])
            else:
                self.packets[key] = time[k]
        return time

    def frame(self) -> Any:
        """Return one row per station and time: each channel with its flag and reason."""
        import pandas as pd

        if not self.times:
            found = ", ".join(f"{count} of CN {command}" for command, count in self.commands.most_common(5))
            raise InputError(f"no message holds {self.config.data} data", where=", ".join(self.config.files),
                             found=found or "no message", need=f"CN {self.command}",
                             hint="choose the kind with reader.data, or check reader.stations")  # fmt: skip
        rows = pd.DataFrame({"source": np.concatenate(self.stations), "time": np.concatenate(self.times)})
        group = rows.groupby(["source", "time"], sort=True).ngroup().to_numpy()
        index = rows.assign(group=group).drop_duplicates("group").sort_values("group")
        place = [f"{s} {t}" for s, t in zip(index["source"], index["time"], strict=True)]
        data: dict[str, Any] = {"place": place, "time": index["time"].to_numpy().astype("datetime64[ns]"),
                                "source": index["source"].to_numpy(str)}  # fmt: skip
        parts = [np.concatenate(p) for p in (self.values, self.letters)]
        damaged = np.concatenate(self.damaged)
        for k, name in enumerate(self.names):
            columns = _channel(group, len(index), parts[0][:, k], parts[1][:, k], damaged)
            if columns is None:
                code = self.config.channels[name].code
                raise InputError(f"no message holds {code}", where=f"channels.{name}",
                                 hint="check the factor code and its field (Avg, Rtd)")  # fmt: skip
            data |= zip((name, f"{name}_flag", f"{name}_reason"), columns, strict=True)
        return pd.DataFrame(data)

    def notes(self) -> list[str]:
        """Return what was found wrong, in words."""
        notes = [f"{count} messages: {DEFECTS[name]}" for name, count in self.defects.items() if name != "no_end"]
        if self.skipped:
            notes.append(f"{self.skipped} bytes belong to no message")
        notes += [f"{name} holds no {self.config.data} data" for name in self.empty]
        return notes


def _channel(group: Any, count: int, values: Any, letters: Any, damaged: Any) -> tuple[Any, Any, Any] | None:
    """Return value, flag and reason of one channel for each row, None if no message holds it."""
    sent = np.flatnonzero(~np.isnan(values) | ~np.isnan(letters))
    if not sent.size:
        return None
    row = group[sent]
    merged, letter, broken = np.full(count, np.nan), np.full(count, np.nan), np.zeros(count, bool)
    merged[row], letter[row], broken[row] = values[sent], letters[sent], damaged[sent]  # the last one stays
    flag, reason = _meaning(letter)
    low, high = np.full(count, np.inf), np.full(count, -np.inf)
    np.fmin.at(low, row, values[sent])
    np.fmax.at(high, row, values[sent])
    for mark, why in ((broken, Reason.COMMUNICATION), (high > low, Reason.DUPLICATE)):
        flag[mark] = np.maximum(flag[mark], Flag.SUSPECT)
        reason[mark] |= int(why)
    empty = np.isnan(merged)
    flag[empty], reason[empty] = Flag.MISSING, reason[empty] | int(Reason.MISSING)
    return merged, flag, reason


def _standstill(ds: xr.Dataset, channels: list[str]) -> None:
    """Attach the operating share: zero where every channel says that the source stands still."""
    idle = np.all([ds[f"{name}_reason"].values & int(Reason.NOT_OPERATING) != 0 for name in channels], axis=0)
    if idle.any():
        ds["operating_time"] = (("source", "time"), np.where(idle, 0.0, 1.0), attributes("operating_time"))


def _meaning(letters: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int32]]:
    """Return flag and reason of the letters; no letter is taken as normal, an unknown one as suspect."""
    level = np.where(np.isnan(letters), int(Flag.GOOD), int(Flag.SUSPECT)).astype(np.int8)
    why = np.zeros(letters.size, np.int32)
    for letter, (flag, reason) in DATA_FLAGS.items():
        mine = letters == ord(letter)
        level[mine] = int(flag)
        why[mine] = 0 if reason is None else int(reason)
    return level, why
