"""Tables of stack records through a column map: Chinese headers, zones, repeats, and what must be stated."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from ghg.core.errors import InputError
from ghg.core.flags import Flag, Method, Reason
from sensors.config import StackJob, TableReader
from sensors.readers import read
from sensors.stack import run

HEADER = "时间,烟气流量(m3/h),CO2浓度(mg/m3),烟温(℃),静压(Pa),湿度(%)"
COLUMNS: dict[str, Any] = {
    "flow": {"column": "烟气流量(m3/h)", "units": "m3 h-1", "state": "actual"},
    "concentration": {"column": "CO2浓度(mg/m3)", "units": "mg m-3",
                      "state": {"temperature": "0 degC", "pressure": "101.325 kPa", "humidity": "dry"}},
    "temperature": {"column": "烟温(℃)", "units": "degC"},
    "pressure": {"column": "静压(Pa)", "units": "Pa", "gauge": True},
    "h2o": {"column": "湿度(%)", "units": "percent"},
}  # fmt: skip
HOUR = np.timedelta64(1, "h")
TIME = {"column": "时间", "timezone": "Asia/Shanghai", "label": "start"}
STACK = {"method": "hj75", "barometric_pressure": "100.2 kPa"}
ROW = "2024-03-01 {:02d}:00,1000000,200000,{},-200,10"


def write(folder: Path, rows: list[str], header: str = HEADER, encoding: str = "utf-8") -> Path:
    path = folder / "records.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding=encoding)
    return path


def job(path: Path, *, stack: dict[str, Any] | None = STACK, **reader: Any) -> Any:
    config = {"format": "table", "files": str(path), "time": TIME, "columns": COLUMNS, **reader}
    return run(StackJob.model_validate({"reader": config, **({"stack": stack} if stack else {})}))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk"])
def test_a_chinese_plant(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, [ROW.format(h, 50) for h in range(3)], encoding=encoding)
    ds = job(path, encoding=encoding if encoding == "gbk" else None)
    # midnight in Shanghai is 16:00 UTC of the day before
    assert ds.time.values[0] == np.datetime64("2024-02-29T16")
    # 1e6 m3/h * 273.15/323.15 * 100000/101325 * 0.9 * 0.2 kg/m3 / 3600 s = 41.711 kg/s
    np.testing.assert_allclose(ds.emission.values, 1e6 * 273.15 / 323.15 * 1e5 / 101325 * 0.9 * 0.2 / 3600, rtol=1e-12)
    assert ds.emission.values[0, 0] == pytest.approx(41.711, abs=1e-3)
    assert ds.attrs["timezone"] == "Asia/Shanghai" and ds.emission_method.values[0, 0] == Method.DIRECT
    assert set(ds.emission_u_systematic.attrs["components"].split()) == {
        "flow", "concentration", "moisture", "temperature", "pressure"}  # fmt: skip


def test_end_labels_gaps_and_repeats(tmp_path: Path) -> None:
    rows = [ROW.format(1, 50), ROW.format(4, 50), ROW.format(2, ""), ROW.format(4, 50)]
    ds = job(write(tmp_path, rows), time={**TIME, "label": "end"})
    assert ds.time.values[0] == np.datetime64("2024-02-29T16") and ds.sizes["time"] == 4
    assert ds.emission_flag.values[0].tolist() == [Flag.GOOD, Flag.MISSING, Flag.MISSING, Flag.GOOD]
    assert "1 records repeated" in ds.attrs["notes"]


def test_contradicting_records(tmp_path: Path) -> None:
    path = write(tmp_path, [ROW.format(1, 50), ROW.format(1, 60)])
    with pytest.raises(InputError, match=r"two different records of 2024-02-29T17:00:00 UTC"):
        job(path)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["2024-03-01 00:00,x,1,1,1,1"], r"row 2: column '烟气流量\(m3/h\)' holds a text.*'x'"),
        (["yesterday,1,1,1,1,1"], "no readable time.*'yesterday'"),
        (["01/02/2024,1,1,1,1,1"], "no readable time.*'01/02/2024'"),
        (
            [ROW.format(0, 1), ROW.format(1, 1), ROW.format(2, 1).replace(":00,", ":30,", 1)],
            "not at regular times",
        ),
        ([], "holds no record|empty"),
    ],
)
def test_bad_rows(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        job(write(tmp_path, rows))


def test_daylight_saving(tmp_path: Path) -> None:
    """The double hour of New York 2024 is told by the order; the skipped one does not exist."""
    header = "t,co2,q"
    columns = {"co2": {"column": "co2", "units": "percent", "humidity": "dry"},
               "flow": {"column": "q", "units": "m3 s-1",
                        "state": {"temperature": "20 degC", "humidity": "dry"}}}  # fmt: skip
    time = {"column": "t", "timezone": "America/New_York", "label": "start"}
    rows = [f"2024-11-03 {h:02d}:00,10,100" for h in (0, 1, 1, 2)]
    ds = job(write(tmp_path, rows, header), columns=columns, time=time, stack={"method": "hj75"})
    assert ds.sizes["time"] == 4 and not np.isnan(ds.emission.values).any()
    with pytest.raises(InputError, match="does not exist"):
        job(
            write(tmp_path, ["2024-03-10 02:00,10,100"], header),
            columns=columns,
            time=time,
            stack={"method": "hj75"},
        )


WINTER = ["2024-10-27T03:00+01:00", "2024-10-27T02:00+01:00", "2024-10-27T02:00+02:00", "2024-10-27T01:00+02:00"]
BERLIN = {"column": "t", "timezone": "Europe/Berlin", "label": "start"}
TONNES = {"emission": {"column": "m", "units": "t"}}


@pytest.mark.parametrize("form", [None, "%Y-%m-%dT%H:%M%z"])
def test_offsets_tell_the_double_hour_apart_in_any_order(tmp_path: Path, form: str | None) -> None:
    """Newest first, as many loggers write: the offset says which pass an hour belongs to, not the order."""
    rows = [f"{stamp},{mass}" for stamp, mass in zip(WINTER, (4, 3, 2, 1), strict=True)]
    ds = job(write(tmp_path, rows, "t,m"), columns=TONNES, time={**BERLIN, "format": form}, stack=None)
    np.testing.assert_array_equal(ds.time.values, np.datetime64("2024-10-26T23", "ns") + np.arange(4) * HOUR)
    np.testing.assert_allclose(ds.emission.values[0] * 3.6, [1, 2, 3, 4], rtol=1e-12)
    ended = job(
        write(tmp_path, rows, "t,m"), columns=TONNES, time={**BERLIN, "format": form, "label": "end"}, stack=None
    )
    np.testing.assert_array_equal(ended.time.values, ds.time.values - HOUR)


def test_one_pass_of_the_double_hour_is_known_by_its_offset(tmp_path: Path) -> None:
    ds = job(write(tmp_path, ["2024-10-27T02:00+01:00,1"], "t,m"), columns=TONNES, time=BERLIN, stack=None)
    assert ds.time.values[0] == np.datetime64("2024-10-27T01")
    with pytest.raises(InputError, match="exists twice"):
        job(write(tmp_path, ["2024-10-27T02:00,1"], "t,m"), columns=TONNES, time=BERLIN, stack=None)


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ((["2024-03-01T01:00+01:00", "2024-03-01T02:00"],), "0.csv, row 3: .* with and without an offset.*T02:00'"),
        ((["2024-03-01", "2024-03-01T01:00+01:00"],), "0.csv, row 2: .* with and without an offset.*'2024-03-01'"),
        ((["2024-03-01T01:00+01:00"], ["2024-03-01T02:00"]), "1.csv, row 2: .* with and without an offset"),
        ((["2024-03-01T01:00+01:00", "noon", "2024-04-01T01:00+02:00"],), "row 3: .* no readable time.*'noon'"),
    ],
)
def test_stamps_of_two_notations(tmp_path: Path, files: tuple[list[str], ...], message: str) -> None:
    for number, stamps in enumerate(files):
        (tmp_path / f"{number}.csv").write_text("t,m\n" + "".join(f"{stamp},1\n" for stamp in stamps))
    with pytest.raises(InputError, match=message):
        job(tmp_path / "*.csv", columns=TONNES, time=BERLIN, stack=None)


@pytest.mark.parametrize("form", ["%Y-%Q", "%Y-%"])
def test_a_format_that_is_none(tmp_path: Path, form: str) -> None:
    with pytest.raises(InputError, match=rf"time.format cannot be used.*{form}"):
        job(write(tmp_path, ["2024-03-01,1"], "t,m"), columns=TONNES, time={**BERLIN, "format": form}, stack=None)


def test_monthly_totals_with_methods(tmp_path: Path) -> None:
    rows = ["2024-01,A,290000,测量", "2024-02,A,290000,替代", "2024-04,A,-1,测量", "2024-01,B,3,测量"]
    path = write(tmp_path, rows, "month,stack,t,how")
    ds = job(
        path,
        stack=None,
        columns={"emission": {"column": "t", "units": "t"}},
        time={"column": "month", "timezone": "UTC+08:00", "label": "start", "interval": "month"},
        source_column="stack",
        method_column="how",
        methods={"测量": "direct", "替代": "substitute"},
    )
    assert ds.source.values.tolist() == ["A", "B"] and ds.sizes["time"] == 4
    assert ds.time_bounds.values[0].tolist() == [
        np.datetime64(t, "ns").astype(int) for t in ("2023-12-31T16", "2024-01-31T16")
    ]
    assert float(ds.emission[0, 1]) == pytest.approx(290e6 / (29 * 86400))
    assert ds.emission_flag.values[0].tolist() == [Flag.GOOD, Flag.SUSPECT, Flag.MISSING, Flag.BAD]
    assert ds.emission_reason.values[0, 1] == Reason.SUBSTITUTED
    assert "substitution" in ds.emission_u_systematic.attrs["components"]
    np.testing.assert_allclose(ds.emission_u_systematic[0, 0] / ds.emission[0, 0], np.hypot(0.0462, 0.0267), rtol=1e-12)
    assert "defaults" in ds.attrs["notes"]


def test_words_without_meaning(tmp_path: Path) -> None:
    path = write(tmp_path, ["2024-01-01 00:00,1,odd"], "t,e,how")
    with pytest.raises(InputError, match=r"no meaning.*odd"):
        job(path, stack=None, columns={"emission": {"column": "e", "units": "kg s-1"}},
            time={**TIME, "column": "t"}, method_column="how")  # fmt: skip


def test_period_of_local_days(tmp_path: Path) -> None:
    rows = [f"2024-03-{d:02d} {h:02d}:00,1000000,200000,50,-200,10" for d in (1, 2, 3) for h in range(24)]
    ds = job(write(tmp_path, rows), period=("2024-03-02", "2024-03-03"))
    assert ds.sizes["time"] == 24 and ds.time.values[0] == np.datetime64("2024-03-01T16")
    with pytest.raises(InputError, match="no record is left"):
        job(write(tmp_path, rows), period=("2025-03-02", "2025-03-03"))


def test_what_must_be_stated(tmp_path: Path) -> None:
    path = write(tmp_path, [ROW.format(0, 50)])

    def without(channel: str, key: str) -> dict[str, Any]:
        return {**COLUMNS, channel: {k: v for k, v in COLUMNS[channel].items() if k != key}}

    with pytest.raises(InputError, match="flow does not say at which state"):
        job(path, columns=without("flow", "state"))
    with pytest.raises(InputError, match="concentration does not say at which state"):
        job(path, columns=without("concentration", "state"))
    with pytest.raises(InputError, match="gauge pressure") as caught:
        job(path, stack={"method": "hj75"})
    assert "barometric" in str(caught.value)
    with pytest.raises(ValidationError, match=r"units\n.*[Ff]ield required"):
        job(path, columns=without("flow", "units"))
    with pytest.raises(ValidationError, match="unknown channel wind"):
        job(path, columns={**COLUMNS, "wind": {"column": "x", "units": "1"}})
    with pytest.raises(ValidationError, match="gross or net"):
        job(path, columns={**COLUMNS, "heat_input": {"column": "x", "units": "GJ"}})
    with pytest.raises(InputError, match=r"need.* a section 'stack'"):
        job(path, stack=None)


def test_a_job_does_not_compute_twice(tmp_path: Path) -> None:
    path = write(tmp_path, ["2024-01-01 00:00,1"], "t,e")
    with pytest.raises(InputError, match="hold the emission already"):
        job(path, columns={"emission": {"column": "e", "units": "kg s-1"}}, time={**TIME, "column": "t"})


class Log:
    """The two verbs of a provenance record that a job uses."""

    def __init__(self) -> None:
        self.used: list[tuple[Path, str]] = []
        self.steps: list[str] = []

    def use(self, path: Path, role: str) -> None:
        self.used.append((path, role))

    def step(self, text: str) -> None:
        self.steps.append(text)


def test_a_job_writes_down_what_it_did(tmp_path: Path) -> None:
    path = write(tmp_path, [ROW.format(h, 50) for h in range(2)])
    reader = {"format": "table", "files": "records.csv", "time": TIME, "columns": COLUMNS}
    config = StackJob.model_validate({"reader": reader, "stack": STACK, "title": "Unit 1"})
    log: Any = Log()
    ds = run(config, base=tmp_path, record=log)
    assert log.used == [(path, "stack records")]
    assert log.steps[0].startswith("read table records: 1 sources, 2 intervals") and "hj75" in log.steps[1]
    assert ds.attrs["title"] == "Unit 1"
    assert read(TableReader.model_validate(reader), base=tmp_path).sizes["time"] == 2


def test_blocks_of_any_size_give_one_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ghg.core import tables
    from ghg.core.provenance import digest

    rows = [f"{src},2024-03-01T{h:02d}:00+08:00,{h + 1},{how}" for h in range(7)
            for src, how in (("B", "m"), ("A", ""), ("B2", "s")) if (h, src) != (3, "A")]  # fmt: skip
    text = "stack,t,e,how\n" + "\n".join(rows) + "\n"
    (tmp_path / "r.csv").write_text(text, encoding="utf-8")
    reader = TableReader.model_validate({
        "format": "table", "files": str(tmp_path / "r.csv"), "source_column": "stack", "method_column": "how",
        "methods": {"m": "direct", "s": "substitute"}, "columns": {"emission": {"column": "e", "units": "t"}},
        "time": {"column": "t", "timezone": "UTC+08:00", "label": "start"}})  # fmt: skip
    whole = read(reader)
    assert whole["source"].values.tolist() == ["B", "A", "B2"]
    assert whole["emission_method"].values[:, 0].tolist() == [Method.DIRECT, Method.UNKNOWN, Method.SUBSTITUTE]
    few = tables.read_rows
    monkeypatch.setattr(tables, "read_rows", lambda *args, **more: few(*args, **more, block=4))
    assert digest(read(reader)) == digest(whole)
    (tmp_path / "r.csv").write_text(text + "B,2024-03-01T06:00+08:00,9,m\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"r.csv, row 19 and r.csv, row {len(rows) + 2}.*two different"):
        read(reader)
    (tmp_path / "r.csv").write_text(text + "B,2024-03-02T00:00+08:00,x,m\n", encoding="utf-8")
    with pytest.raises(InputError, match=f"r.csv, row {len(rows) + 2}.*'x'"):
        read(reader)
