"""Any table of stack records, through a map of columns: units, humidity, state, zone and label are stated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Method, Reason, flag_attributes
from ghg.core.limits import check_axis
from ghg.core.pieces import WHOLE, Axis, Cut, Part, Pieces, spans_of
from ghg.core.time import bounds_variable, period_bounds
from ghg.core.units import check_units, convert, factor, is_compatible, parse_quantity
from ghg.core.variables import attributes
from sensors.config import Column, TableReader
from sensors.measured import emission_variables, reported_uncertainty, unverified_note
from sensors.readers.cells import first_of_each
from sensors.readers.files import expand
from sensors.readers.table_rows import Stored, in_period, parsed_times, read_stored, starts

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["gather", "read", "read_pieces"]

Frame = Any  # pandas.DataFrame, whose stubs do not know its columns

ENDINGS = (".csv", ".csv.gz", ".txt", ".xlsx", ".parquet")
METHOD_WORDS = {
    "direct": Method.DIRECT,
    "diluent": Method.DILUENT,
    "fuel_flow": Method.FUEL_FLOW,
    "default": Method.DEFAULT,
    "substitute": Method.SUBSTITUTE,
    "unknown": Method.UNKNOWN,
}
# Channels that may be given as an amount per interval instead of a rate: unit of the amount, unit of the rate
AMOUNTS = {
    "emission": ("kg", "kg s-1"),
    "heat_input": ("J", "W"),
    "gross_load": ("J", "W"),
    "steam_load": ("kg", "kg s-1"),
    "operating_time": ("s", "1"),
}


def read(config: TableReader, *, base: Path | None = None) -> xr.Dataset:
    """Read tables of stack records.

    Parameters
    ----------
    config : TableReader
        Files, time column and the map of channels.
    base : Path, optional
        Folder to which relative paths belong.

    Returns
    -------
    Dataset
        dims (source, time), with ``time_bounds``: the channels in the units of the table with their
        attributes, ready for :func:`sensors.stack.emission.stack_emission`; or, with a column ``emission``, a
        MEASURED Dataset.

    Raises
    ------
    InputError
        Unreadable files, columns or stamps, texts in place of numbers, contradicting records, irregular
        times.
    """
    return read_pieces(config, base=base).only()


def read_pieces(config: TableReader, *, base: Path | None = None, cut: Cut = WHOLE) -> Pieces:
    """Read the Dataset of :func:`read` in pieces; equal intervals of a source that has more than a piece are split."""
    import xarray as xr

    stored = read_stored(expand(config.files, base, endings=ENDINGS), config, cut.folder)
    labels = stored.labels
    count, low, high = stored.scratch.summary(len(labels))
    if not count.sum():
        raise InputError("no record is left after filtering", where=", ".join(config.files), hint="check the period")
    ends = np.array([low.min(), high.max()]).view("datetime64[ns]")
    axis = _axis(ends[0], ends[1], len(labels), int(count.sum()), config)
    spans = spans_of(len(labels), axis, cut.cells)
    told = _Told(config)
    lookup = _lookup(config, list(stored.words.get("method", {})))
    if config.method_column is not None:
        gaps = (count < axis.size).any() or any(_gap(stored, axis, *span) for span in spans)
        told.methods = {int(lookup[k]) for k in stored.used} | ({int(Method.UNKNOWN)} if gaps else set())
    coord = xr.Variable("source", np.array(labels), {"long_name": "stack"})

    def part(source: slice, time: slice) -> Part:
        bounds = axis.bounds(time.start, time.stop)
        frame, of, start = stored.frame(range(source.start, source.stop), _span(bounds))
        ds = _placed(frame, labels[source], of, start, bounds, told)
        return Part(source, time, ds, time.stop - time.start < axis.size)

    return Pieces(len(labels), axis, (part(*span) for span in spans), {"source": coord}, told.attrs)


def _span(bounds: Any) -> tuple[int, int]:
    edges = bounds.view(np.int64)
    return int(edges[0, 0]), int(edges[-1, 1])


def _gap(stored: Stored, axis: Axis, source: slice, time: slice) -> bool:
    """Tell whether a piece lacks a record."""
    own = range(source.start, source.stop)
    span = _span(axis.bounds(time.start, time.stop))
    return stored.scratch.different(own, span) < len(own) * (time.stop - time.start)


class _Told:
    """What is found in the pieces of a table and told of the whole."""

    def __init__(self, config: TableReader) -> None:
        self.config, self.repeated = config, 0
        self.notes: list[str] = []
        self.methods: set[int] | None = None

    def attrs(self) -> dict[str, Any]:
        """Return the global attributes, when all pieces were made."""
        again = [f"{self.repeated} records repeated identically were used once"] if self.repeated else []
        return {
            "title": f"Stack records of {self.config.species}",
            "source": "operator's table",
            "timezone": self.config.time.timezone,
            "notes": "; ".join([*again, *self.notes]),
        }


def gather(frame: Frame, config: TableReader) -> xr.Dataset:
    """Return the Dataset of records that stand in a frame.

    Parameters
    ----------
    frame : pandas.DataFrame
        Columns ``place`` for messages (or ``file`` and ``row``, see :func:`place_of`), ``time`` (as written, or
        naive local), ``source`` and ``method`` where `config` names such columns, and one for each channel,
        float64 in its unit, perhaps with ``<channel>_flag`` and ``<channel>_reason``.
    config : TableReader
        As for :func:`read`, which see.
    """
    labels, source = _sources(frame, config)
    start = _starts(frame, source, config)
    keep = in_period(start, config)
    if not keep.any():
        raise InputError("no record is left after filtering", where=", ".join(config.files), hint="check the period")
    if not keep.all():
        frame, source, start = frame[keep].reset_index(drop=True), source[keep], start[keep]
    bounds = _axis(start.min(), start.max(), len(labels), start.size, config).bounds()
    told = _Told(config)
    ds = _placed(frame, labels, source, start, bounds, told)
    ds.attrs = told.attrs()
    return ds


def _placed(frame: Frame, labels: list[str], source: Any, start: Any, bounds: Any, told: _Told) -> xr.Dataset:
    """Return the Dataset of records on their axis."""
    cell = source * bounds.shape[0] + _index(start, bounds, told.config)
    use, repeated = _single(frame, cell, labels, source, start)
    shape = (len(labels), bounds.shape[0])
    return _dataset(frame, told, labels, bounds, (cell[use], use, shape, repeated))


def _sources(frame: Frame, config: TableReader) -> tuple[list[str], npt.NDArray[np.int64]]:
    if config.source_column is None:
        return [config.source], np.zeros(len(frame), np.int64)
    import pandas as pd

    if frame["source"].isna().any():
        first = int(np.argmax(frame["source"].isna().to_numpy()))
        raise InputError("a record has no source", where=place_of(frame, first), need=config.source_column)
    if isinstance(frame["source"].dtype, pd.CategoricalDtype):
        return [str(label) for label in frame["source"].cat.categories], frame["source"].cat.codes.to_numpy(np.int64)
    codes, labels = pd.factorize(frame["source"].astype(str))
    return [str(label) for label in labels], codes.astype(np.int64)


def _starts(frame: Frame, source: npt.NDArray[np.int64], config: TableReader) -> npt.NDArray[Any]:
    """Return UTC interval starts; the order within a source tells the two passes of a double hour apart."""
    stamps, aware = parsed_times(frame["time"], config, lambda row: place_of(frame, row))
    result = np.empty(len(frame), "datetime64[ns]")
    for k in np.unique(source):
        of_source = np.flatnonzero(source == k)
        file = place_of(frame, int(of_source[0])).split(",")[0]
        result[of_source] = starts(stamps[of_source], config, file, aware)
    return result


def place_of(frame: Frame, row: int) -> str:
    """Return where a record of a frame stands, for messages."""
    if "place" in frame:
        return str(frame["place"].iloc[row])
    return f"{frame.attrs['files'][frame['file'].iloc[row]]}, row {frame['row'].iloc[row]}"


def _axis(first: Any, last: Any, sources: int, records: int, config: TableReader) -> Axis:
    """Return a gapless axis from the first to the last start."""
    interval = config.time.interval
    if isinstance(interval, str):
        bounds = period_bounds(first, last + np.timedelta64(1, "s"), interval, config.time.timezone)
        return Axis(bounds.shape[0], listed=bounds)
    step = round(interval * 1e9)
    count = (last.astype(np.int64).item() - first.astype(np.int64).item()) // step + 1  # may be more ns than 63 bits
    check_axis(sources * count, records, (str(first)[:16], str(last)[:16]), ", ".join(config.files))
    return Axis(count, int(first.astype(np.int64)), step)


def _index(start: Any, bounds: Any, config: TableReader) -> npt.NDArray[np.int64]:
    """Return the interval of every record."""
    interval = config.time.interval
    index = np.searchsorted(bounds[:, 0], start, side="right") - 1
    off = bounds[index, 0] != start
    if off.any():
        stamp = str(start[int(np.argmax(off))]).split(".")[0]
        raise InputError(
            "the records are not at regular times",
            found=f"{stamp} UTC",
            need=f"steps of {interval}" + ("" if isinstance(interval, str) else " s"),
            hint="check time.interval",
        )
    return index.astype(np.int64)


def _single(frame: Frame, cell: npt.NDArray[np.int64], labels: list[str], source: Any, start: Any) -> tuple[Any, Any]:
    """Return the records to use, one for each cell, and the cells repeated identically."""
    use, again, before = first_of_each(cell)
    for one, two in zip(before.tolist(), again.tolist(), strict=True):
        a, b = (frame.drop(columns=["place", "time", "file", "row"], errors="ignore").iloc[i] for i in (one, two))
        if not a.equals(b):
            raise InputError(
                f"source {labels[source[two]]} has two different records of {str(start[two]).split('.')[0]} UTC",
                where=f"{place_of(frame, one)} and {place_of(frame, two)}",
                hint="keep one of them",
            )
    return use, cell[again]


def _dataset(
    frame: Frame,
    told: _Told,
    labels: list[str],
    bounds: Any,
    placing: tuple[Any, Any, Any, Any],
) -> xr.Dataset:
    import xarray as xr

    config = told.config
    cell, use, shape, repeated = placing
    told.repeated += repeated.size
    seconds = np.diff(bounds.astype(np.int64), axis=1)[:, 0] / 1e9
    dims = ("source", "time")
    data: dict[str, Any] = {}
    for name, column in config.columns.items():
        grid = np.full(shape, np.nan)
        grid.ravel()[cell] = frame[name].to_numpy(float)[use]
        values, units = _rate(name, grid, column.units, seconds)
        data[name] = (dims, values, _attributes(name, column, units))
        data.update(_marks(name, frame, cell, use, shape))
    data["emission_method"] = (
        dims,
        _methods(frame, config, cell, use, shape),
        {**attributes("emission_method"), **flag_attributes(Method)},
    )
    again = np.zeros(shape, bool)
    again.ravel()[repeated] = True
    if "emission" in data:
        data, told.notes = _measured(data, config, again, told.methods)
    ds = xr.Dataset(data, coords={"source": ("source", np.array(labels), {"long_name": "stack"})})
    ds["time_bounds"] = bounds_variable(bounds)
    return ds


def _marks(name: str, frame: Frame, cell: Any, use: Any, shape: Any) -> dict[str, Any]:
    """Return flag and reason of a channel where the records have them; where there is no record, there is a gap."""
    if f"{name}_flag" not in frame:
        return {}
    flag = np.full(shape, int(Flag.MISSING), np.int8)
    reason = np.full(shape, int(Reason.GAP), np.int32)
    flag.ravel()[cell] = frame[f"{name}_flag"].to_numpy()[use]
    reason.ravel()[cell] = frame[f"{name}_reason"].to_numpy()[use]
    return {
        f"{name}_{partner}": (("source", "time"), marks, {**attributes(f"{name}_{partner}"), **flag_attributes(what)})
        for partner, marks, what in (("flag", flag, Flag), ("reason", reason, Reason))
    }


def _rate(name: str, values: Any, units: str, seconds: Any) -> tuple[Any, str]:
    """Return values and unit, amounts per interval made rates."""
    if name not in AMOUNTS:
        return values, units
    amount, rate = AMOUNTS[name]
    if not is_compatible(units, rate):
        check_units(units, amount, name=name)
        return convert(values, units, amount, name=name) / seconds, rate
    return values * factor(units, rate, name=name), rate


def _attributes(name: str, column: Column, units: str) -> dict[str, Any]:
    attrs: dict[str, Any] = {**attributes(name), "units": units}
    if column.humidity is not None:
        attrs["humidity"] = column.humidity
    if column.state == "actual":
        attrs["reference_state"] = "actual"
    elif column.state is not None:
        attrs["reference_temperature"] = parse_quantity(column.state.temperature, "K", name="state.temperature")
        attrs["reference_pressure"] = parse_quantity(column.state.pressure, "Pa", name="state.pressure")
        attrs["reference_state"] = column.state.humidity
    if column.calorific_basis is not None:
        attrs["calorific_basis"] = column.calorific_basis
    if column.gauge:
        attrs["pressure_reference"] = "gauge"
    return attrs


def _methods(frame: Frame, config: TableReader, cell: Any, use: Any, shape: Any) -> npt.NDArray[np.int8]:
    grid = np.full(shape, int(Method.UNKNOWN), np.int8)
    if config.method_column is None:
        grid.ravel()[cell] = int(METHOD_WORDS[config.method])
        return grid
    written = frame["method"].astype("category").cat
    lookup = _lookup(config, [str(word) for word in written.categories])
    grid.ravel()[cell] = lookup[written.codes.to_numpy()[use]]
    return grid


def _lookup(config: TableReader, words: list[str]) -> npt.NDArray[np.int8]:
    """Return the method of each word, and of none as the last."""
    words = [word.strip() for word in words] + [""]
    unknown = sorted(set(words) - set(config.methods) - {""})
    if unknown:
        raise InputError(
            "words in the method column have no meaning",
            where=config.method_column or "",
            found=", ".join(unknown),
            need="an entry in methods for each",
        )
    table = {word: int(METHOD_WORDS[meaning]) for word, meaning in config.methods.items()}
    return np.array([table.get(word, int(Method.UNKNOWN)) for word in words], np.int8)


def _measured(
    data: dict[str, Any], config: TableReader, again: Any, methods: set[int] | None
) -> tuple[dict[str, Any], list[str]]:
    """Return the variables of a MEASURED Dataset from reported emissions."""
    emission = data["emission"][1]
    method = data["emission_method"][1]
    parts, random, doubtful = reported_uncertainty(emission, method, config.uncertainty, config.mrr_tier, methods)
    flag = np.where(method == int(Method.SUBSTITUTE), int(Flag.SUSPECT), int(Flag.GOOD)).astype(np.int8)
    reason = np.where(method == int(Method.SUBSTITUTE), int(Reason.SUBSTITUTED), 0).astype(np.int32)
    reason[again] |= int(Reason.DUPLICATE)
    if "emission_flag" in data:  # the records brought their own
        flag, reason = np.maximum(flag, data["emission_flag"][1]), reason | data["emission_reason"][1]
    for where, level, why in (
        (emission < 0, Flag.BAD, Reason.NEGATIVE),
        (np.isnan(emission), Flag.MISSING, Reason.MISSING),
    ):
        flag[where] = int(level)
        reason[where] |= int(why)
    variables = emission_variables((emission, random, parts), (flag, reason, method), species=config.species)
    notes = ["uncertainties of the reported emissions are the defaults for annual CEMS totals"] * (
        not config.uncertainty
    )
    return {**data, **variables}, [*notes, *unverified_note(doubtful)]
