"""Compilation from a small table: exact masses, controls, carried masses, overlays; bad input in a sentence."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ghg.core.config import load, load_dict
from ghg.core.errors import InputError
from ghg.core.provenance import verify
from inventories.compile.checks import carbon_balance, co_emission, double_counting, jumps, particle_order
from inventories.compile.cocontrol import assess
from inventories.compile.config import InventoryJob
from inventories.compile.job import run
from inventories.compile.output import region_rows, summary, table_rows
from inventories.compile.rows_table import read_rows_table, write_rows_table
from inventories.dataset import annual, annual_mass, totals
from inventories.uncertainty.approach1 import covariance
from inventories.uncertainty.approach2 import ensemble
from inventories.uncertainty.budget import of_dataset

ROWS = [
    {"编号": "p1", "省": "河北", "行业": "1A1a", "燃料": "烟煤", "消费量(TJ)": "1000", "脱硫": "石灰石", "SO2(t)": ""},
    {"编号": "p2", "省": "山西", "行业": "1A1a", "燃料": "天然气", "消费量(TJ)": "500", "脱硫": "", "SO2(t)": "3"},
]


def job(tmp_path, rows=ROWS, written="utf-8", **changes):
    """Return a job on a Chinese table written into a folder."""
    with (tmp_path / "活动水平.csv").open("w", newline="", encoding=written) as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    table = {"name": "t", "file": "活动水平.csv", "source": "编号", "region": {"column": "省"},
             "sector": {"column": "行业"}, "fuel": {"column": "燃料"}, "amount": [{"column": "消费量", "u": 0.02}],
             "basis": "net", "method": "ipcc2006-tier1", "pollutants": "emep-tier1",
             "control": [{"species": "SO2", "efficiency": 0.9, "rate": 0.95, "u": 0.2, "where": {"脱硫": "*"}}],
             "carried": {"SO2": {"column": "SO2", "u": 0.05}}}  # fmt: skip
    top = {k: changes.pop(k) for k in ("overlay", "species", "taxonomy") if k in changes}
    config = {"year": 2021, "species": ["CO2", "CH4", "N2O", "SO2", "NOx"], "activity": [{**table, **changes}], **top}
    return load_dict(config, InventoryJob)


@pytest.mark.parametrize("encoding", ["utf-8", "gbk", "utf-8-sig"])
def test_one_row_drives_all_its_species(tmp_path, encoding):
    ds = run(job(tmp_path, written=encoding), base=tmp_path)
    coal, gas = 0, 1
    assert annual_mass(ds, "CO2") == pytest.approx([1e6 * 25.8e-3 * 44 / 12 * 1e3, 500e3 * 15.3 * 44 / 12], rel=1e-12)
    assert annual_mass(ds, "NOx")[coal] == pytest.approx(1000e3 * 209e-3, rel=1e-12)
    assert annual_mass(ds, "SO2")[coal] == pytest.approx(1000e3 * 820e-3 * (1 - 0.9 * 0.95), rel=1e-12)
    assert annual_mass(ds, "SO2")[gas] == pytest.approx(3000.0, rel=1e-12)  # carried, not by factor
    assert list(ds["sector"].values) == ["A", "A"]
    assert not ds["budget_follows"].sel(budget_species="SO2").values[gas]


def test_closing_of_carbon_and_tables(tmp_path):
    ds = run(job(tmp_path), base=tmp_path)
    assert carbon_balance(ds) == []
    ds["activity_energy"] = ds["activity_energy"] * 0.5
    assert {f.level for f in carbon_balance(ds)} == {"error"}
    rows = table_rows(ds)
    for name, mass in totals(ds).items():
        assert sum(r["value"] for r in rows if r["species"] == name) * 1e3 == pytest.approx(mass, rel=1e-12)
    mass = totals(ds)
    co2e = sum(r["value"] for r in rows if r["species"] == "CO2e (AR5GWP100)") * 1e3
    assert co2e == pytest.approx(mass["CO2"] + 28 * mass["CH4"] + 265 * mass["N2O"], rel=1e-12)
    result = summary(ds, draws=0)
    assert result["totals"][0]["low"] < result["totals"][0]["mass"] < result["totals"][0]["high"]


def test_pollutant_per_co2_is_held_against_what_controls_leave(tmp_path):
    """p1 leaves 0.145 of its SO2, which is no finding; p2 carries 6 g/GJ of SO2 from gas, too much."""
    ds = run(job(tmp_path), base=tmp_path)
    found = co_emission(ds)
    assert [(f.where, f.species) for f in found] == [("p2", "SO2")]
    assert found[0].found == pytest.approx(6.0 / 56.1, rel=1e-12) and found[0].high < 0.01
    (tmp_path / "out").mkdir()
    write_rows_table(ds, None, tmp_path / "out")
    assert co_emission(read_rows_table(tmp_path / "out")) == found
    unknown = {f.where: f for f in co_emission(ds.drop_vars("left_SO2"))}  # as if nothing were known of its scrubber
    assert set(unknown) == {"p1", "p2"} and unknown["p1"].found < unknown["p1"].low


def test_overlay_comes_before_the_own_factor(tmp_path):
    (tmp_path / "own.csv").write_text("set,fuel,quantity,species,sector,value,unit,lower,upper,source\n"
                                      "emep,bituminous,emission_factor,NOx,1A1a,50,g/GJ,40,60,test\n")  # fmt: skip
    ds = run(job(tmp_path, overlay=["own.csv"]), base=tmp_path)
    assert annual_mass(ds, "NOx")[0] == pytest.approx(1000e3 * 50e-3, rel=1e-12)
    ds = run(job(tmp_path), base=tmp_path)  # and is forgotten afterwards
    assert annual_mass(ds, "NOx")[0] == pytest.approx(1000e3 * 209e-3, rel=1e-12)
    (tmp_path / "own.csv").write_text(
        "set,fuel,quantity,value,unit,lower,upper,source\nemep,x,emission_factor,9,g/GJ,1,2,t\n"
    )
    with pytest.raises(InputError, match=r"own.csv, row 2.*outside its own range"):
        run(job(tmp_path, overlay=["own.csv"]), base=tmp_path)


def test_own_factor_of_co2_comes_before_the_carbon_of_the_table(tmp_path):
    """Of a user's overlay 100 t/TJ, though the set itself goes by carbon content; a unit that cannot be is told."""
    head = "set,fuel,quantity,species,value,unit,lower,upper,source\n"
    (tmp_path / "own.csv").write_text(head + "ipcc2006,bituminous,emission_factor,CO2,100,t/TJ,95,105,test\n")
    ds = run(job(tmp_path, overlay=["own.csv"]), base=tmp_path)
    assert annual_mass(ds, "CO2")[0] == pytest.approx(1000 * 100e3, rel=1e-12)
    wrong = {"emission_factor,CO2,100,t/m": "unit of a factor does not fit emission factor.*'t/m'.*kg J-1",
             "emision_factor,CO2,100,t/TJ": "quantity of a factor is not known.*'emision_factor'"}  # fmt: skip
    for cells, words in wrong.items():
        (tmp_path / "own.csv").write_text(f"{head}ipcc2006,bituminous,{cells},95,105,test\n")
        with pytest.raises(InputError, match=rf"own.csv, row 2: .*{words}"):
            run(job(tmp_path, overlay=["own.csv"]), base=tmp_path)


def changed(**cells):
    return [{**ROWS[0], **cells}, ROWS[1]]


@pytest.mark.parametrize(
    ("rows", "changes", "words"),
    [
        (changed(**{"消费量(TJ)": "-5"}), {}, "row 2: the activity is negative"),
        (changed(燃料="烟煤炭"), {}, r"烟煤炭 in 1A1a: the fuel has no factor in the set 'ipcc2006'"),
        (changed(燃料="bitumenous"), {}, "did you mean bituminous"),
        (changed(行业="1A1x"), {"pollutants": ""}, "not one of NFR.*did you mean 1A1"),
        (changed(燃料=""), {}, "row 2: the fuel is empty"),
        ([ROWS[0], ROWS[0]], {}, r"two rows stand for one source, fuel and class.*rows 2, 3"),
        (ROWS, {"amount": [{"column": "消费量", "unit": "K"}]}, "the activity is no mass, volume or energy"),
        (ROWS, {"basis": None}, r"not said whether gross \(HHV\) or net \(LHV\)"),
        (ROWS, {"where": {"省": "广东"}}, "no row of the table is taken"),
        (ROWS, {"taxonomy": "NACE"}, "taxonomy is not known"),
        ([{**r, "x": "30", "y": "120"} for r in ROWS], {"lon": "x", "lat": "y"}, "not on Earth.*exchanged"),
        ([{k.replace("(TJ)", ""): v for k, v in r.items()} for r in ROWS], {}, "column has no unit"),
        (ROWS, {"encoding": "ascii"}, "活动水平.csv.*ascii"),
    ],
)
def test_bad_input_is_named(tmp_path, rows, changes, words):
    with pytest.raises(InputError, match=words):
        run(job(tmp_path, rows, **changes), base=tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"method": "ipcc2006-tier9"}, "did you mean 'ipcc2006-tier"),
        ({"amount": [{"value": 1.0}]}, "no unit"),
        ({"control": [{"species": "SO2", "efficiency": 1.2}]}, "less than or equal to 1"),
        ({"species": ["CO2", "二氧化碳"]}, "named twice"),
        ({"species": ["CO3"]}, "species is not known"),
        ({"lon": "x"}, "needs lon and lat"),
    ],
)
def test_bad_configuration_is_named(tmp_path, changes, words):
    with pytest.raises(InputError, match=words):
        job(tmp_path, **changes)


def small(year, **masses):
    return annual({k: [v] for k, v in masses.items()}, source=["a"], region=["X"], sector=["A"], year=year)


def test_parts_and_wholes():
    (found,) = particle_order(small(2020, **{"PM2.5": 3.0, "PM10": 2.0}))
    assert (found.code, found.found, found.high) == ("particle_order", pytest.approx(3.0), pytest.approx(2.0))
    nowhere = [1.0, np.nan]
    both = annual({"NH3": [5.0, 4.0]}, source=["p", "t"], region=["X", "X"], sector=["K", "K"], year=2020,
                  lon=nowhere, lat=nowhere)  # fmt: skip
    (found,) = double_counting(both)  # points exceed the area total
    assert (found.level, found.found, found.high) == ("error", pytest.approx(5.0), pytest.approx(4.0))


def test_jump_between_years(tmp_path):
    before = run(job(tmp_path), base=tmp_path)
    after = before.assign_coords(year=2022)
    after["emission_nox"] = before["emission_nox"] * 3.0
    found = jumps([after, before])
    assert [f.species for f in found] == ["NOx"] and found[0].found == pytest.approx(200.0)


def test_co_control_by_hand():
    """10 % of CO2 and 20 % of NOx avoided: elasticity 2, angle atan2(20, 10); a scrubber that costs energy."""
    base = small(2020, CO2=100.0, NOx=10.0, SO2=5.0)
    one, two = assess(base, {"saving": small(2020, CO2=90.0, NOx=8.0, SO2=5.0)})
    assert (one.species, one.elasticity, one.verdict) == ("NOx", pytest.approx(2.0), "synergy")
    assert one.angle == pytest.approx(math.degrees(math.atan2(0.2, 0.1)))
    assert (two.avoided, two.verdict) == (0.0, "carbon_only")
    scrubber = assess(base, {"scrubber": small(2020, CO2=102.0, NOx=10.0, SO2=0.5)})[1]
    assert scrubber.verdict == "pollutant_for_carbon" and scrubber.elasticity < 0
    with pytest.raises(InputError, match="another year"):
        assess(base, {"x": small(2021, CO2=90.0, NOx=8.0, SO2=5.0)})
    with pytest.raises(InputError, match=r"no air pollutant \(found CO2, needed"):
        assess(small(2020, CO2=100.0), {"x": small(2020, CO2=90.0)})


def test_rows_come_back_from_their_tables_with_the_same_budget(tmp_path):
    ds = run(job(tmp_path), base=tmp_path)
    write_rows_table(ds, ensemble(of_dataset(ds), draws=3)[0], tmp_path)
    back = read_rows_table(tmp_path)
    old, new = of_dataset(ds), of_dataset(back)
    assert new.species == old.species and new.component == old.component
    for part in ("mass", "follows", "u_activity", "u_own", "shared", "u"):
        assert getattr(new, part) == pytest.approx(getattr(old, part), rel=1e-15, nan_ok=True), part
    assert covariance(new) == pytest.approx(covariance(old), rel=1e-14)
    for name in ("source", "region", "category", "fuel", "kind", "memo"):
        assert back[name].values.tolist() == ds[name].values.tolist()
    assert back["activity_energy"].values == pytest.approx(ds["activity_energy"].values, rel=1e-15)
    table = (tmp_path / "inventory.csv").read_text(encoding="utf-8-sig")
    for old_text, new_text in (("CO2 (kg)", "CO2 (t)"), ("p1", "p1,"), ("p2", "p2\n")):
        (tmp_path / "inventory.csv").write_text(table.replace(old_text, new_text, 1), encoding="utf-8")
        with pytest.raises(InputError, match="no table of a compilation"):
            read_rows_table(tmp_path)


def test_build_writes_everything_or_nothing(tmp_path):
    from ghg.cli.inventories import app

    job(tmp_path)
    text = """year = 2021
species = ["CO2", "NOx"]
draws = 50
[[activity]]
name = "t"
file = "活动水平.csv"
source = "编号"
region = { column = "省" }
sector = { column = "行业" }
fuel = { column = "燃料" }
amount = [{ column = "消费量" }]
basis = "net"
method = "ipcc2006-tier1"
pollutants = "emep-tier1"
"""
    (tmp_path / "inventory.toml").write_text(text, encoding="utf-8")
    done = CliRunner().invoke(
        app, ["build", str(tmp_path / "inventory.toml"), "-o", str(tmp_path / "out"), "--lang", "zh"]
    )
    assert done.exit_code == 0, done.output
    names = {p.name for p in (tmp_path / "out").iterdir()}
    assert names >= {"inventory.csv", "inventory_shared.csv", "inventory_draws.csv", "inventory.json", "emissions.csv",
                     "emissions.xlsx", "primap2.csv", "primap2.yaml", "report.html",
                     "findings.csv", "manifest.json"}  # fmt: skip
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "协同排放比" in page
    assert 'src="http' not in page and 'href="http' not in page and "<script" not in page  # opens offline
    shown = CliRunner().invoke(app, ["ratios", str(tmp_path / "out" / "inventory.csv")])
    assert "NOx:CO2" in shown.output
    same = str(tmp_path / "out")
    for again in ([], ["--force"]):
        words = ["cocontrol", same, same, "--report", str(tmp_path / "page"), "--lang", "zh", *again]
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    assert verify(tmp_path / "page").ok
    assert "减污降碳协同评估" in (tmp_path / "page" / "report.html").read_text(encoding="utf-8")
    assert [v.kind for v in verify(tmp_path / "out").problems] == []
    rows = tmp_path / "out" / "inventory.csv"
    rows.write_bytes(rows.read_bytes().replace(b"p2", b"p3"))
    listed = (tmp_path / "活动水平.csv").read_bytes()
    (tmp_path / "活动水平.csv").write_bytes(listed.replace(b"1000", b"1001"))
    assert {v.kind for v in verify(tmp_path / "out").problems if v.fatal} == {"changed_file", "changed_input"}
    (tmp_path / "活动水平.csv").write_bytes(listed)
    (tmp_path / "inventory.toml").write_text(text.replace('"编号"', '"号"'), encoding="utf-8")
    failed = CliRunner().invoke(app, ["build", str(tmp_path / "inventory.toml"), "-o", str(tmp_path / "no")])
    assert isinstance(failed.exception, InputError)
    assert not (tmp_path / "no").exists() and not [p for p in tmp_path.iterdir() if p.name.startswith(".")]


def test_masses_of_regions_carry_their_uncertainty(tmp_path):
    rows = [{**ROWS[0], "编号": f"p{k}", "省": "河北"} for k in range(2)] + [ROWS[1]]
    ds = run(job(tmp_path, rows), base=tmp_path)
    found = {(r["region"], r["species"]): r for r in region_rows(ds)}
    assert sum(r["mass"] for r in found.values() if r["species"] == "CO2") == pytest.approx(
        totals(ds)["CO2"], rel=1e-12
    )
    one, lone = found["河北", "CO2"], found["山西", "CO2"]
    shared = (0.5 * (27.2 - 24.4) / 1.96 / 25.8) ** 2  # the factor of coal, common to both rows
    assert (one["u"] / one["mass"]) ** 2 == pytest.approx(shared + 0.02**2 / 2.0, rel=0.05)
    assert lone["u"] > 0.02 * lone["mass"]


def test_the_plant_of_the_example_is_built_from_its_own_table():
    """IPCC 2006: 25.8 kg C/GJ; the plant's own carbon content gives 3,735,005 t, 5 % less."""
    folder = Path(__file__).resolve().parents[2] / "examples" / "china-power"
    ds = run(load(folder / "inventory.toml", InventoryJob), base=folder)
    with (folder / "fuel.csv").open(encoding="utf-8-sig") as file:
        energy = sum(float(r["入炉煤量(t)"]) * float(r["收到基低位发热量(GJ/t)"]) for r in csv.DictReader(file))
    assert totals(ds)["CO2"] == pytest.approx(energy * 25.8 * 44 / 12, rel=1e-12)
    assert set(ds["region"].values) == {"CHN"} and ds.sizes["source"] == 12
