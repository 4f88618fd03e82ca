from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from ghg.core import _digest, netcdf
from ghg.core.dataset import time_coords
from ghg.core.errors import InputError
from ghg.core.files import MANIFEST, atomic_directory
from ghg.core.provenance import Record, digest, read_record, verify, write_manifest
from ghg.core.variables import attributes

HOUR = np.timedelta64(1, "h")


def plant(rng: np.random.Generator, n: int = 8760) -> xr.Dataset:
    edges = np.datetime64("2018-01-01", "ns") + HOUR * np.arange(n + 1)
    emission = rng.uniform(100.0, 200.0, (2, n))
    dims = ("source", "time")
    ds = time_coords(edges[:-1], edges[1:]).assign(
        emission=(dims, emission, attributes("emission", species="CO2")),
        emission_u_random=(dims, 0.01 * emission, attributes("emission_u_random")),
        emission_flag=(dims, np.ones((2, n), np.int8), attributes("emission_flag")),
        fuel=("source", np.array(["煤", "gas"])),
    )
    ds.attrs = {"title": "Measured", "timezone": "UTC"}
    return ds.assign_coords(source=("source", np.array(["54:1", "二号"])))


def record(*inputs: Path, **config: Any) -> Record:
    made = Record("test", config, seed=7, command=["ghg", "test"])
    for path in inputs:
        made.use(path, "input data")
    made.step("read the records")
    return made


@pytest.fixture
def written(tmp_path: Path, rng: np.random.Generator) -> Path:
    netcdf.write(plant(rng), tmp_path / "m.nc", record=record())
    return tmp_path / "m.nc"


@pytest.fixture
def edit(written: Path) -> Callable[[Callable[[netCDF4.Dataset], None]], Path]:
    """Change the finished file in place, as somebody with another tool would."""

    def run(change: Callable[[netCDF4.Dataset], None]) -> Path:
        with netCDF4.Dataset(written, "a") as nc:
            nc.set_auto_mask(False)
            for variable in nc.variables.values():
                variable.set_auto_chartostring(False)
            change(nc)
        return written

    return run


def kinds(path: Path, **options: Any) -> list[str]:
    return [p.kind for p in verify(path, **options).problems]


class TestDigest:
    @given(st.integers(0, 400), st.data())
    def test_one_changed_value_is_found_exactly(self, n: int, data: st.DataObject) -> None:
        values = np.arange(float(n))
        before = _digest.leaf("x", xr.Variable("n", values))
        assert _digest.locate(before.as_dict(), before, n) is None
        if n:
            i = data.draw(st.integers(0, n - 1))
            values[i] += 0.5
            place = _digest.locate(before.as_dict(), _digest.leaf("x", xr.Variable("n", values)), n)
            assert place is not None and place.exact and place.first == place.last == i

    @given(st.integers(2, 400), st.data())
    def test_several_changed_values_lie_inside_the_range_told(self, n: int, data: st.DataObject) -> None:
        values = np.arange(float(n))
        before = _digest.leaf("x", xr.Variable("n", values))
        changed = data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=5))
        values[list(changed)] += 0.5
        place = _digest.locate(before.as_dict(), _digest.leaf("x", xr.Variable("n", values)), n)
        assert place is not None
        assert place.first <= min(changed) and place.last >= max(changed) and place.count >= len(changed)

    def test_the_root_is_that_of_rfc_6962(self) -> None:
        """Three leaves: H(1 || H(1 || a || b) || c), by hand."""
        a, b, c = (hashlib.sha256(x).digest() for x in (b"a", b"b", b"c"))
        ab = hashlib.sha256(b"\1" + a + b).digest()
        expected = hashlib.sha256(b"\1" + ab + c).hexdigest()
        assert _digest.root({"z": c.hex(), "x": a.hex(), "y": b.hex()}) == expected

    def test_it_does_not_depend_on_layout(self, rng: np.random.Generator) -> None:
        ds = plant(rng, 50)
        expected = digest(ds)
        shuffled = xr.Dataset({name: ds[name] for name in reversed(list(ds.data_vars))}, attrs=ds.attrs)
        big = ds.copy()
        big["emission"] = ds.emission.astype(">f8").assign_attrs(ds.emission.attrs)
        strided = ds.copy()
        strided["emission"] = ds.emission.copy(data=np.asfortranarray(ds.emission.values))
        for other in (ds.copy(deep=True), shuffled, big, strided):
            assert digest(other) == expected

    def test_every_nan_is_the_same_and_minus_zero_is_not_zero(self) -> None:
        payload = np.array([0x7FF8000000000001], "u8").view("f8")
        assert digest(xr.Dataset({"x": ("n", payload)})) == digest(xr.Dataset({"x": ("n", [np.nan])}))
        assert digest(xr.Dataset({"x": ("n", [-0.0])})) != digest(xr.Dataset({"x": ("n", [0.0])}))

    @pytest.mark.parametrize(
        "change",
        [
            lambda ds: ds.emission.values.__setitem__((0, 0), ds.emission.values[0, 0] * (1 + 3e-16)),
            lambda ds: ds.emission.attrs.update(species="CO"),
            lambda ds: ds.attrs.update(timezone="UTC+8"),
            lambda ds: ds.__setitem__("emission_u_random", ds.emission_u_random.astype("f4")),
            lambda ds: ds.__setitem__("fuel", ("source", np.array(["煤", "gas "]))),
            lambda ds: ds.__setitem__("extra", ((), 1)),
        ],
    )
    def test_every_change_of_content_changes_it(self, rng: np.random.Generator, change: Any) -> None:
        ds = plant(rng, 5)
        before = digest(ds)
        change(ds)
        assert digest(ds) != before

    def test_what_differs_between_runs_does_not(self, tmp_path: Path, rng: np.random.Generator) -> None:
        ds = plant(rng, 5)
        one = netcdf.write(ds, tmp_path / "a.nc", record=record(a=1))
        two = netcdf.write(ds.assign_attrs(history="before"), tmp_path / "b.nc", record=record(b=2))
        assert one == two == digest(ds)

    def test_it_is_the_same_in_another_process_with_other_threads(self, written: Path) -> None:
        code = "import sys; from ghg.core import netcdf, provenance\nprint(provenance.digest(netcdf.read(sys.argv[1])))"
        found = {
            subprocess.run(
                [sys.executable, "-c", code, str(written)], capture_output=True, text=True, check=True,
                env={**os.environ, "OMP_NUM_THREADS": threads, "PYTHONHASHSEED": threads},
            ).stdout.strip()
            for threads in ("1", "2")
        }  # fmt: skip
        assert found == {netcdf.read(written).attrs["content_digest"]}


class TestVerifyFile:
    def test_an_untouched_file_is_verified(self, written: Path) -> None:
        result = verify(written)
        assert result.ok and result.problems == [] and result.checked == ["m.nc"]
        assert result.text() == "verified: 1 file as written" and result.as_dict()["ok"] is True

    def test_a_single_changed_value_is_named(self, edit: Any, written: Path) -> None:
        path = edit(lambda nc: nc["emission"].__setitem__((0, 1421), 123.25))
        (problem,) = verify(path).problems
        assert problem.kind == "changed_values" and problem.fatal and not verify(path).ok
        assert problem.message == (
            "variable 'emission' was changed at source '54:1', time 2018-03-01T05:00:00Z; "
            "the value is now 123.25 kg s-1"
        )

    def test_a_value_made_missing_and_a_label_and_a_time(self, edit: Any) -> None:
        path = edit(lambda nc: nc["emission"].__setitem__((1, 10), np.nan))
        assert "source '二号', time 2018-01-01T10:00:00Z" in verify(path).problems[0].message
        edit(lambda nc: nc["time"].__setitem__(3, nc["time"][3] + 1))
        assert any("variable 'time'" in p.message for p in verify(path).problems)
        edit(lambda nc: nc["fuel"].__setitem__((1, 0), b"G"))
        assert any("variable 'fuel'" in p.message and "now Gas" in p.message for p in verify(path).problems)

    def test_a_changed_stretch_is_bounded(self, edit: Any) -> None:
        def scale(nc: netCDF4.Dataset) -> None:
            nc["emission"][0, 24:48] = nc["emission"][0, 24:48] * 0.9

        (problem,) = verify(edit(scale)).problems
        assert "from source '54:1', time 2018-01-02T00:00:00Z to source '54:1', time 2018-01-02T23" in problem.message

    def test_attributes_are_named(self, edit: Any) -> None:
        path = edit(lambda nc: nc["emission"].setncattr("units", "t h-1"))
        (problem,) = verify(path).problems
        assert problem.kind == "changed_attribute"
        assert problem.message == "attribute 'units' of variable 'emission' was changed; it is now 't h-1'"
        edit(lambda nc: nc.setncattr("timezone", "UTC+8"))
        edit(lambda nc: nc["emission"].delncattr("species"))
        edit(lambda nc: nc["emission"].setncattr("remark", "x"))
        text = " ".join(p.message for p in verify(path).problems)
        for part in ("global attribute 'timezone' was changed", "'species' of variable 'emission' was removed",
                     "'remark' of variable 'emission' was added"):  # fmt: skip
            assert part in text

    def test_variables_that_come_and_go(self, edit: Any, written: Path) -> None:
        def rename(nc: netCDF4.Dataset) -> None:
            nc.renameVariable("emission_u_random", "other")

        assert sorted(kinds(edit(rename))) == ["added_variable", "missing_variable"]

    def test_shape_and_type(self, tmp_path: Path, written: Path) -> None:
        with xr.open_dataset(written) as ds:
            ds.load()
        short = ds.isel(time=slice(100))
        short.to_netcdf(tmp_path / "short.nc", engine="netcdf4")
        assert "changed_layout" in kinds(tmp_path / "short.nc")

    @pytest.mark.parametrize("key", ["history", "provenance", "date_created", "content_digest", "content_leaves"])
    def test_the_record_itself_is_guarded(self, edit: Any, key: str) -> None:
        path = edit(lambda nc: nc.setncattr(key, nc.getncattr(key).replace("2", "3")))
        assert not verify(path).ok

    def test_packing_does_not_matter(self, tmp_path: Path, written: Path) -> None:
        """Copied variable by variable without compression and with other chunks, as nccopy would."""
        with netCDF4.Dataset(written) as old, netCDF4.Dataset(tmp_path / "re.nc", "w") as new:
            old.set_auto_maskandscale(False)
            new.setncatts({k: old.getncattr(k) for k in old.ncattrs()})
            for name, dim in old.dimensions.items():
                new.createDimension(name, len(dim))
            for name, v in old.variables.items():
                v.set_auto_chartostring(False)
                attrs = {k: v.getncattr(k) for k in v.ncattrs()}
                big = v.dtype.kind == "f"
                w = new.createVariable(
                    name,
                    v.dtype.newbyteorder(">") if big else v.dtype,
                    v.dimensions,
                    fill_value=attrs.pop("_FillValue", None),
                    endian="big" if big else "native",
                )
                w.set_auto_maskandscale(False)
                w.set_auto_chartostring(False)
                w.setncatts(attrs)
                w[...] = v[...]
        assert verify(tmp_path / "re.nc").ok
        assert (tmp_path / "re.nc").read_bytes() != written.read_bytes()

    def test_files_without_digest(self, tmp_path: Path) -> None:
        xr.Dataset({"x": ("n", [1.0])}).to_netcdf(tmp_path / "x.nc", engine="netcdf4")
        (tmp_path / "x.csv").write_text("a")
        assert kinds(tmp_path / "x.nc") == kinds(tmp_path / "x.csv") == ["no_digest"]
        assert not verify(tmp_path / "x.nc").ok

    def test_bad_input(self, tmp_path: Path, written: Path) -> None:
        (tmp_path / "empty.nc").touch()
        for path, what in ((tmp_path / "no.nc", "not exist"), (tmp_path / "empty.nc", "empty"), (tmp_path, "manifest")):
            with pytest.raises(InputError, match=what):
                verify(path)
        (tmp_path / "cut.nc").write_bytes(written.read_bytes()[:5000])
        assert kinds(tmp_path / "cut.nc") == ["unreadable"]


class TestChain:
    @pytest.fixture
    def chain(self, tmp_path: Path, rng: np.random.Generator) -> Path:
        """raw.csv -> out/a.nc -> out/b.nc"""
        (tmp_path / "raw.csv").write_text("hour,co2\n0,12.1\n")
        (tmp_path / "out").mkdir()
        netcdf.write(plant(rng, 48), tmp_path / "out" / "a.nc", record=record(tmp_path / "raw.csv"))
        netcdf.write(plant(rng, 24), tmp_path / "out" / "b.nc", record=record(tmp_path / "out" / "a.nc"))
        return tmp_path

    def test_all_of_it_is_walked(self, chain: Path) -> None:
        result = verify(chain / "out" / "b.nc")
        assert result.ok and result.problems == [] and set(result.checked) == {"raw.csv", "a.nc", "b.nc"}

    def test_a_raw_file_changed_two_steps_down(self, chain: Path) -> None:
        (chain / "raw.csv").write_text("hour,co2\n0,11.1\n")
        (problem,) = verify(chain / "out" / "b.nc").problems
        assert (problem.kind, problem.file) == ("changed_input", "a.nc") and "raw.csv" in problem.message

    def test_a_value_changed_in_the_middle_is_named(self, chain: Path) -> None:
        with netCDF4.Dataset(chain / "out" / "a.nc", "a") as nc:
            nc["emission"][1, 5] = 0.0
        problems = verify(chain / "out" / "b.nc").problems
        assert [(p.kind, p.file) for p in problems] == [("changed_input", "b.nc"), ("changed_values", "a.nc")]
        assert "time 2018-01-01T05:00:00Z" in problems[1].message

    def test_a_missing_input_is_a_remark(self, chain: Path) -> None:
        (chain / "raw.csv").unlink()
        result = verify(chain / "out" / "b.nc")
        assert result.ok and [p.kind for p in result.problems] == ["missing_input"]
        assert not result.problems[0].fatal and result.as_dict()["remarks"]

    def test_a_moved_input_is_found_under_the_base(self, chain: Path) -> None:
        (chain / "archive").mkdir()
        (chain / "raw.csv").rename(chain / "archive" / "raw.csv")
        assert kinds(chain / "out" / "b.nc", base=chain / "archive") == []

    def test_an_input_written_again_with_the_same_content_is_a_remark(
        self, chain: Path, rng: np.random.Generator
    ) -> None:
        again = netcdf.read(chain / "out" / "a.nc")
        netcdf.write(again, chain / "out" / "a.nc", record=record(chain / "raw.csv"), force=True)
        result = verify(chain / "out" / "b.nc")
        assert result.ok and [p.kind for p in result.problems] == ["repacked_input"]

    def test_a_file_that_names_itself_does_not_turn_in_circles(self, chain: Path, rng: np.random.Generator) -> None:
        path = chain / "out" / "a.nc"
        netcdf.write(plant(rng, 3), path, record=record(path), force=True)
        assert "changed_input" in kinds(path)


class TestFolder:
    @pytest.fixture
    def report(self, tmp_path: Path, rng: np.random.Generator) -> Path:
        with atomic_directory(tmp_path / "report") as folder:
            netcdf.write(plant(rng, 24), folder / "measured.nc", record=record())
            netcdf.write(plant(rng, 24), folder / "comparison.nc", record=record(folder / "measured.nc"))
            (folder / "figures").mkdir()
            (folder / "figures" / "a.svg").write_text("<svg/>")
            (folder / "result.json").write_text(json.dumps({"ratio": 1.06723}))
            write_manifest(folder)
        return tmp_path / "report"

    def test_all_of_it(self, report: Path) -> None:
        result = verify(report)
        assert result.ok and result.problems == []
        assert set(result.checked) == {"measured.nc", "comparison.nc", "a.svg", "result.json"}
        assert verify(report / MANIFEST).ok and verify(report / "result.json").ok
        files = json.loads((report / MANIFEST).read_text())["files"]
        assert set(files) == {"measured.nc", "comparison.nc", "figures/a.svg", "result.json"}

    def test_changed_missing_and_extra_files(self, report: Path) -> None:
        (report / "result.json").write_text(json.dumps({"ratio": 1.0}))
        assert [(p.kind, p.file) for p in verify(report).problems] == [("changed_file", "result.json")]
        assert kinds(report / "result.json") == ["changed_file"]
        (report / "figures" / "a.svg").unlink()
        (report / "note.txt").write_text("x")
        assert kinds(report) == ["changed_file", "missing_file", "extra_file"] or set(kinds(report)) == {
            "changed_file", "missing_file", "extra_file"}  # fmt: skip
        assert kinds(report / "note.txt") == ["no_digest"]

    def test_a_value_in_a_file_of_the_folder_is_named(self, report: Path) -> None:
        with netCDF4.Dataset(report / "measured.nc", "a") as nc:
            nc["emission"][0, 7] = 1.0
        result = verify(report)
        assert any(p.kind == "changed_values" and "07:00:00Z" in p.message for p in result.problems)

    def test_a_damaged_manifest(self, report: Path) -> None:
        (report / MANIFEST).write_text("{}")
        with pytest.raises(InputError, match="damaged"):
            verify(report)


class TestRecord:
    def test_it_is_prov(self, tmp_path: Path, rng: np.random.Generator) -> None:
        (tmp_path / "in.csv").write_text("x")
        made = record(tmp_path / "in.csv", margin=0.05)
        netcdf.write(plant(rng, 3), tmp_path / "a.nc", record=made)
        found = read_record(tmp_path / "a.nc")
        assert found["prefix"]["prov"] == "http://www.w3.org/ns/prov#"
        entity = found["entity"]["ghg:input1"]
        assert entity["ghg:sha256"] == hashlib.sha256(b"x").hexdigest() and entity["ghg:path"] == "in.csv"
        run = found["activity"]["ghg:run"]
        assert run["ghg:config"] == {"margin": 0.05} and run["ghg:seed"] == 7
        assert run["ghg:steps"] == ["read the records"] and run["prov:startTime"] <= run["prov:endTime"]
        assert found["agent"]["ghg:software"]["ghg:versions"]["numpy"] == np.__version__
        for relation in ("used", "wasGeneratedBy", "wasAssociatedWith"):
            for entry in found[relation].values():
                assert entry["prov:activity"] == "ghg:run" or entry.get("prov:agent") == "ghg:software"
                assert entry.get("prov:entity", "ghg:output") in found["entity"]

    def test_no_path_of_the_machine_gets_in(self, tmp_path: Path, rng: np.random.Generator) -> None:
        far = tmp_path / "a" / "b" / "c" / "d" / "e"
        far.mkdir(parents=True)
        (far / "in.csv").write_text("x")
        made = Record(
            "test",
            {"files": [far / "in.csv", "rel/x.csv"], "out": str(tmp_path), "win": r"C:\Users\me\x.csv", "rate": 1 / 3},
            command=["/usr/local/bin/ghg", "compare", str(far / "job.toml"), f"--set=base={far}", "-o", "out dir"],
        )
        made.use(far / "in.csv")
        netcdf.write(plant(rng, 3), tmp_path / "o.nc", record=made)
        attrs = netcdf.read(tmp_path / "o.nc").attrs
        for text in (attrs["history"], attrs["provenance"]):
            assert str(tmp_path) not in text and "Users" not in text and "/usr" not in text
        found = read_record(tmp_path / "o.nc")
        assert found["entity"]["ghg:input1"]["ghg:path"] == "a/b/c/d/e/in.csv"
        assert made.as_dict(tmp_path.parent / "elsewhere" / "x" / "y" / "z" / "o.nc")["entity"]["ghg:input1"][
            "ghg:path"] == "in.csv"  # fmt: skip
        config = found["activity"]["ghg:run"]["ghg:config"]
        assert config["files"] == ["in.csv", "rel/x.csv"] and config["win"] == "x.csv" and config["rate"] == 1 / 3
        assert attrs["history"].split(" ", 1)[1].startswith("ghg compare job.toml --set=base=e -o 'out dir' (ghg-")

    def test_parents_leave_their_content_digest(self, tmp_path: Path, rng: np.random.Generator) -> None:
        own = netcdf.write(plant(rng, 3), tmp_path / "a.nc", record=record())
        entity = record(tmp_path / "a.nc").as_dict()["entity"]["ghg:input1"]
        assert entity["ghg:content_digest"] == own

    def test_inputs_are_checked_and_counted_once(self, tmp_path: Path) -> None:
        (tmp_path / "in.csv").write_text("x")
        made = record(tmp_path / "in.csv", tmp_path / "in.csv")
        assert made.inputs == [tmp_path / "in.csv"] and made.use(tmp_path / "in.csv", "input data").exists()
        with pytest.raises(InputError, match="not exist"):
            made.use(tmp_path / "no.csv")

    def test_pydantic_models_are_taken(self) -> None:
        from pydantic import BaseModel

        class Job(BaseModel):
            files: list[Path]
            margin: float = 0.05

        assert Record("test", Job(files=[Path("/data/x.csv")])).config == {"files": ["x.csv"], "margin": 0.05}

    def test_files_without_record(self, tmp_path: Path) -> None:
        (tmp_path / "x.csv").write_text("x")
        with pytest.raises(InputError, match="no provenance"):
            read_record(tmp_path / "x.csv")
