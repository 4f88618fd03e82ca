"""Flags given by hand: who, when, why; applied to the intervals, kept in the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ghg.core.errors import ErrorList, InputError
from ghg.core.flags import Flag, Reason
from ghg.core.tables import ColumnSpec, read_table
from sensors.calibration.records import Records
from sensors.config.station import StationJob

__all__ = ["ManualFlag", "apply_manual", "read_manual"]

WORDS = {"good": Flag.GOOD, "suspect": Flag.SUSPECT, "bad": Flag.BAD}


@dataclass(frozen=True)
class ManualFlag:
    """One decision of a person.

    Parameters
    ----------
    start, end : int
        Interval [ns since 1970], end exclusive.
    gas, inlet : str
        What it concerns; empty for all.
    flag : Flag
        ``good`` lifts flags set by the programme, but for missing values.
    author, reason : str
    """

    start: int
    end: int
    gas: str
    inlet: str
    flag: Flag
    author: str
    reason: str

    def sentence(self) -> str:
        """Return the decision in words, for the file."""
        start, end = (str(np.datetime64(t, "ns").astype("datetime64[s]")) for t in (self.start, self.end))
        what = " ".join(w for w in (self.gas or "all gases", f"at {self.inlet}" if self.inlet else "") if w)
        return f"{what} from {start}Z to {end}Z flagged {self.flag.name.lower()} by {self.author}: {self.reason}"


def read_manual(path: Path, job: StationJob) -> list[ManualFlag]:
    """Read a CSV of flags: start, end, gas, inlet, flag, author, reason (times in UTC).

    Raises
    ------
    InputError, ErrorList
        An unreadable file, a row without author or reason, an unknown flag, gas or inlet, an end before its start.
    """
    start = ColumnSpec("start", kind="time")
    columns: dict[str, Any] = {"start": start, "end": ColumnSpec("end", kind="time")}
    columns |= {n: ColumnSpec(n, kind="text", required=n in ("flag", "author", "reason"))
                for n in ("gas", "inlet", "flag", "author", "reason")}  # fmt: skip
    frame = read_table(path, columns, timezone="UTC")
    inlets = {i.name for i in job.inlets}
    flags, faults = [], []
    for row, record in zip(frame.index.tolist(), frame.to_dict("records"), strict=True):
        where = f"{path.name}, row {row}"
        text = {n: "" if record.get(n) is None or record.get(n) != record.get(n) else str(record[n]).strip()
                for n in ("gas", "inlet", "flag", "author", "reason")}  # fmt: skip
        first, last = (np.datetime64(record[k]).astype("datetime64[ns]").astype(np.int64) for k in ("start", "end"))
        checks = (
            (not text["author"], "a flag has no author", "", "who decided it"),
            (not text["reason"], "a flag has no reason", "", "why"),
            (text["flag"].lower() not in WORDS, "the flag is unknown", text["flag"], "good, suspect or bad"),
            (bool(text["gas"]) and text["gas"] not in job.gases, "the gas is not measured here", text["gas"],
             ", ".join(job.gases)),
            (bool(text["inlet"]) and text["inlet"] not in inlets, "the inlet is unknown", text["inlet"],
             ", ".join(sorted(inlets))),
            (not last > first, "a flag ends before it begins", "", "end after start"),
        )  # fmt: skip
        wrong = [InputError(what, where=where, found=found, need=need) for bad, what, found, need in checks if bad]
        faults += wrong
        if not wrong:
            flags.append(ManualFlag(int(first), int(last), text["gas"], text["inlet"], WORDS[text["flag"].lower()],
                                    text["author"], text["reason"]))  # fmt: skip
    if faults:
        raise faults[0] if len(faults) == 1 else ErrorList(faults)
    return flags


def apply_manual(manual: Any, gas: str, records: Records, job: StationJob, flag: Any, reason: Any) -> tuple[Any, Any]:
    """Return flags and reasons of the intervals after the decisions, the later row of the file counting last."""
    if not manual:
        return flag, reason
    flag, reason = flag.copy(), reason.copy()
    port = {i.name: (i.valve if i.valve is not None else i.name) for i in job.inlets}
    label = np.array(records.ports)[records.port]
    middle = records.start + (records.end - records.start) // 2
    for one in manual:
        if one.gas and one.gas != gas:
            continue
        hit = (middle >= one.start) & (middle < one.end) & (flag != int(Flag.MISSING))
        if one.inlet:
            hit &= label == port[one.inlet]
        flag[hit] = int(one.flag)
        reason[hit] |= int(Reason.MANUAL)
    return flag, reason
