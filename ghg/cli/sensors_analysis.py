"""``ghg sensors allan | trend | baseline | spikes``: noise, trend and season, background, spikes of a series."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ghg.cli import console, options

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core.provenance import Record

app = typer.Typer(pretty_exceptions_enable=False)

TABLE = "Tables of your own"
File = Annotated[
    Path, typer.Argument(help="Series: our NetCDF, ObsPack, NOAA, ICOS, tower .dat, LGR, LI-COR, or a table.")
]
Name = Annotated[str | None, typer.Option("--variable", "-n", help="Which series, where the file holds several.")]
Inlet = Annotated[str | None, typer.Option("--inlet", help="Which inlet of a calibrated station.")]
Out = Annotated[Path | None, typer.Option("--output", "-o", help="NetCDF file to write.", rich_help_panel="Output")]
Figure = Annotated[Path | None, typer.Option("--figure", help="Picture to write (.png, .svg, .pdf).",
                                             rich_help_panel="Output")]  # fmt: skip
Kind = Annotated[
    str | None, typer.Option("--reader", help="Format, where it is not recognised.", rich_help_panel=TABLE)
]
Time = Annotated[str | None, typer.Option("--time", help="Header of the times.", rich_help_panel=TABLE)]
Columns = Annotated[list[str], typer.Option("--column", metavar="NAME=HEADER:UNIT", help="Header and unit of a series.",
                                            rich_help_panel=TABLE)]  # fmt: skip
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Setting of the reader: timezone, "
                                             "label, interval, time_format, decimal, missing, repeats, day_first.",
                                             rich_help_panel=TABLE)]  # fmt: skip


class Spikes(StrEnum):
    """Methods of finding spikes."""

    rebs = "rebs"
    sd = "sd"


class Minimisers(StrEnum):
    """How the function of trend and season is fitted."""

    exact = "exact"
    ccgcrv = "ccgcrv"


class Baselines(StrEnum):
    """Methods of finding the background."""

    rebs = "rebs"
    curve = "curve"
    percentile = "percentile"
    afternoon = "afternoon"


@app.command()
def allan(
    file: File,
    name: Name = None,
    inlet: Inlet = None,
    statistic: Annotated[list[str], typer.Option("--statistic", help="adev, oadev, mdev, tdev, hdev, ohdev, totdev.")] = ["oadev"],  # noqa: B006, E501
    times: Annotated[str, typer.Option("--times", help="Averaging times: octave, decade, all.")] = "octave",
    confidence: Annotated[float, typer.Option("--confidence", min=0.01, max=0.999, help="Of the interval.")] = 0.683,
    output: Out = None,
    figure: Figure = None,
    reader: Kind = None,
    time: Time = None,
    columns: Columns = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    force: options.Force = False,
    form: options.Out = options.Format.text,
) -> None:  # fmt: skip
    """Tell how the noise of a series falls with averaging time (NIST SP 1065), also with gaps."""
    from sensors.analysis.allan import allan as run

    ds, record = _open("sensors allan", locals(), {"statistics": statistic, "factors": times, "confidence": confidence})
    found = run(ds, name, statistics=statistic, factors=times, confidence=confidence)
    rows = []
    for k, tau in enumerate(found["tau"].values.tolist()):
        row: dict[str, Any] = {"tau_s": _digits(tau), "noise": int(found["noise_exponent"].values[k])}
        for s in statistic:
            one = found.sel(statistic=s).isel(tau=k)
            row |= {s: _digits(float(one["deviation"])), f"{s}_low": _digits(float(one["deviation_low"])),
                    f"{s}_high": _digits(float(one["deviation_high"]))}  # fmt: skip
        if any(row[s] == row[s] for s in statistic):  # the longest times may have no answer
            rows.append(row)
    console.show_rows(rows, form.value)
    _finish(found, record, output, figure, force, lambda report: report.allan(found))


@app.command()
def trend(
    file: File,
    name: Name = None,
    inlet: Inlet = None,
    polynomial: Annotated[int, typer.Option("--polynomial", min=1, max=6, help="Terms of the polynomial.")] = 3,
    harmonics: Annotated[int, typer.Option("--harmonics", min=0, max=8, help="Harmonics of the year.")] = 4,
    short: Annotated[float, typer.Option("--short", min=1, help="Short cutoff in days.")] = 80.0,
    long: Annotated[float, typer.Option("--long", min=1, help="Long cutoff in days.")] = 667.0,
    step: Annotated[float | None, typer.Option("--step", min=0.01, help="Grid in days.")] = None,
    minimiser: Annotated[
        Minimisers, typer.Option("--minimiser", help="Exact least squares, or stopping where NOAA's ccgcrv stops.")
    ] = Minimisers.exact,
    output: Out = None,
    figure: Figure = None,
    reader: Kind = None,
    time: Time = None,
    columns: Columns = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    force: options.Force = False,
    form: options.Out = options.Format.text,
) -> None:
    """Fit trend, growth and season (Thoning et al. 1989) and tell the growth of each year."""
    from sensors.analysis.series import series
    from sensors.analysis.trend import fit_series

    chosen: dict[str, Any] = {
        "polynomial": polynomial,
        "harmonics": harmonics,
        "short": short,
        "long": long,
        "step": step,
        "minimiser": minimiser.value,
    }
    ds, record = _open("sensors trend", locals(), chosen)
    found = fit_series(ds, name, **chosen)
    columns_ = ("annual_growth", "annual_growth_u_random", "season_amplitude")
    rows = [{"year": int(y), **{c: _digits(float(found[c].values[k])) for c in columns_}}
            for k, y in enumerate(found["year"].values)]  # fmt: skip
    if rows:
        console.show_rows(rows, form.value)
    data = series(ds, name)
    _finish(found, record, output, figure, force, lambda report: report.trend(found, _array(data)))


@app.command()
def baseline(
    file: File,
    name: Name = None,
    inlet: Inlet = None,
    method: Annotated[Baselines, typer.Option("--method", help="How the background is found.")] = Baselines.rebs,
    width: Annotated[float, typer.Option("--width", min=0.01, help="Neighbourhood in days.")] = 60.0,
    percentile: Annotated[float, typer.Option("--percentile", min=0.1, max=99.9, help="Which percentile.")] = 10.0,
    wind: Annotated[str | None, typer.Option("--wind", help="Variable of wind speed (afternoon).")] = None,
    longitude: Annotated[float | None, typer.Option("--longitude", help="Degrees east, for solar time.")] = None,
    output: Out = None,
    figure: Figure = None,
    reader: Kind = None,
    time: Time = None,
    columns: Columns = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    force: options.Force = False,
    form: options.Out = options.Format.text,
) -> None:
    """Find the background of a series: REBS, curve fit, percentile, or well-mixed hours."""
    from sensors.analysis.baseline import baseline as run

    chosen: dict[str, Any] = {"method": method.value, "width": width, "percentile": percentile, "wind": wind,
                              "longitude": longitude}  # fmt: skip
    ds, record = _open("sensors baseline", locals(), chosen)
    found = run(ds, name, **chosen)
    label = str(next(iter(found.data_vars)))
    member = found["is_baseline"].values == 1
    row = {"values": int(found[label].notnull().sum()), "background": int(member.sum()),
           "noise": _digits(float(found.attrs["baseline_noise"])), "unit": found[label].attrs["units"]}  # fmt: skip
    console.show_rows([row], form.value)
    _finish(found, record, output, figure, force, lambda report: report.background(found, label))


@app.command()
def spikes(
    file: File,
    name: Name = None,
    inlet: Inlet = None,
    method: Annotated[Spikes, typer.Option("--method", help="REBS or standard deviations.")] = Spikes.rebs,
    limit: Annotated[
        float | None, typer.Option("--limit", min=0.01, help="beta (REBS, 8) or alpha (sd, 1; CO 3).")
    ] = None,
    output: Out = None,
    figure: Figure = None,
    reader: Kind = None,
    time: Time = None,
    columns: Columns = [],  # noqa: B006
    settings: Settings = [],  # noqa: B006
    force: options.Force = False,
    form: options.Out = options.Format.text,
) -> None:
    """Mark short spikes of nearby sources (El Yazidi et al. 2018); nothing is deleted."""
    from sensors.analysis.series import series
    from sensors.analysis.spikes import flag_spikes
    from sensors.analysis.spikes import spikes as run

    given = {} if limit is None else {"beta" if method is Spikes.rebs else "alpha": limit}
    ds, record = _open("sensors spikes", locals(), {"method": method.value, **given})
    found = series(ds, name)
    marked = run(ds, found.name, method=method.value, **given)
    result = flag_spikes(ds, found.name, marked)
    count = int((found.values == found.values).sum())
    row = {"variable": found.name, "values": count, "spikes": int(marked.sum()),
           "share_percent": round(100.0 * marked.sum() / max(count, 1), 3)}  # fmt: skip
    console.show_rows([row], form.value)
    _finish(result, record, output, figure, force, lambda report: report.spikes(result, found.name))


def _open(command: str, given: dict[str, Any], chosen: dict[str, Any]) -> tuple[xr.Dataset, Record]:
    """Read the series and begin the record of provenance; outputs that cannot be are refused first."""
    from ghg.core.errors import InputError
    from ghg.core.provenance import Record
    from sensors.readers.series import read_series

    if given["figure"] is not None:
        from ghg.report.series import check

        check(given["figure"])
    if given["output"] is not None and given["output"].suffix != ".nc":
        raise InputError("a NetCDF file needs the ending .nc", where="--output", found=str(given["output"]))
    settings: dict[str, Any] = {}
    for text in given["settings"]:
        key, equals, value = text.partition("=")
        if not equals or key not in SETTINGS:
            raise InputError("the setting is unknown", where="--set", found=f"'{text}'", need=" or ".join(SETTINGS))
        try:
            settings[key] = SETTINGS[key](value)
        except ValueError:
            raise InputError("the setting has no readable value", where="--set", found=f"'{text}'") from None
    if given["columns"] or given["time"]:
        settings |= {"time": given["time"], "columns": dict(_column(text) for text in given["columns"])}
    kind = given["reader"] or ("table" if given["columns"] else None)
    record = Record(command, {"file": str(given["file"]), "variable": given["name"], "inlet": given["inlet"], **chosen,
                              **settings})  # fmt: skip
    record.use(given["file"], "series")
    try:
        return _at_inlet(read_series(given["file"], kind, **settings), given["inlet"], given["file"].name), record
    except TypeError as error:  # a setting another format has
        if "unexpected keyword" not in str(error):
            raise
        raise InputError(
            "this format has no such setting", where=given["file"].name, found=", ".join(settings)
        ) from None


def _at_inlet(ds: xr.Dataset, inlet: str | None, where: str) -> xr.Dataset:
    """Return the series of one inlet; a file with several needs its name."""
    from ghg.core.errors import InputError

    if inlet is None and ds.sizes.get("inlet", 1) == 1:
        return ds
    names = [str(n) for n in ds["inlet"].values] if "inlet" in ds.dims else []
    if inlet not in names:
        raise InputError("the file holds several inlets" if inlet is None else "the inlet is not in the file",
                         where=where, found=", ".join(names) or "no inlets", need="--inlet, one of these")  # fmt: skip
    return ds.isel(inlet=names.index(inlet))


SETTINGS: dict[str, Any] = {"timezone": str, "label": str, "interval": float, "time_format": str, "decimal": str,
                            "missing": float, "repeats": str,
                            "day_first": lambda text: {"true": True, "false": False}.get(text.lower())}  # fmt: skip


def _column(text: str) -> tuple[str, tuple[str, str]]:
    from ghg.core.errors import InputError

    name, equals, rest = text.partition("=")
    header, colon, unit = rest.rpartition(":")
    if not (equals and colon and name.isidentifier() and header and unit):
        raise InputError("the column cannot be understood", where="--column", found=f"'{text}'",
                         need="NAME=HEADER:UNIT, for example 'co2=CO2 dry:umol mol-1'")  # fmt: skip
    return name, (header, unit)


def _array(found: Any) -> Any:
    import xarray as xr

    return xr.DataArray(found.values, dims=("time",), coords={"time": found.time}, name=found.name)


def _digits(value: float) -> float:
    return float(f"{value:.5g}") if value == value else value


def _finish(ds: Any, record: Any, output: Path | None, figure: Path | None, force: bool, draw: Any) -> None:
    if output is not None:
        from ghg.core.netcdf import write

        write(ds, output, record=record, force=force)
        console.show(f"Written: {output}")
    if figure is not None:
        from ghg.report import series as report

        report.save(draw(report), figure, force)
        console.show(f"Written: {figure}")
