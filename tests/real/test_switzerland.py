"""Switzerland 2021: pollutants close, and the CO2 of the same activity rows is that of the separate GHG inventory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import openpyxl
import pytest

from ghg.core.config import load
from ghg.core.errors import InputError
from inventories.compile.config import InventoryJob
from inventories.compile.job import run
from inventories.compile.ratios import ratios
from inventories.crosswalks import convert, gnfr_of
from inventories.dataset import annual_mass, totals
from inventories.readers import annex1
from inventories.uncertainty.approach1 import covariance
from inventories.uncertainty.approach2 import ensemble
from inventories.uncertainty.budget import of_dataset

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "switzerland-2021" / "inventory.toml"
KT = 1e6
FOEN = Path("inventories") / "foen" / "input_data" / "input_sub2023" / "input_emission"
READ = annex1.read  # the fixture below puts a copy kept in memory in its place
POLLUTANTS = ("NOx", "NMVOC", "SO2", "NH3", "PM2.5", "PM10", "TSP", "BC", "CO", "Hg")


@pytest.fixture(scope="module")
def workbook(shared_data: Path) -> Path:
    return shared_data / FOEN / "UNECE 2023 Annex I_NFR_1980-2021_CHE.xlsx"


@pytest.fixture(scope="module")
def submission(workbook: Path) -> annex1.Submission:
    return annex1.read(workbook, 2021)


@pytest.fixture(scope="module")
def inventory(shared_data: Path, submission: annex1.Submission):
    """Compile the example; the workbook is read once for all tests."""
    patch = pytest.MonkeyPatch()
    patch.setattr(annex1, "read", lambda path, year: submission)
    yield run(load(EXAMPLE, InventoryJob), base=EXAMPLE.parent)
    patch.undo()


@pytest.fixture(scope="module")
def reported(shared_data: Path) -> dict[tuple[str, str], float]:
    """CO2 [kt] of 2021 by CRT class and fuel, from the greenhouse-gas inventory of the same submission."""
    book = openpyxl.load_workbook(shared_data / FOEN / "EM_GHGs_inventory_sub2023.xlsm", read_only=True, data_only=True)
    rows = book["EM_for_U_KCA"].iter_rows(min_row=10, values_only=True)
    found = {(str(r[1]), str(r[3])): float(r[7]) for r in rows
             if r[4] == "CO2" and str(r[5]) == "kt" and isinstance(r[7], int | float)}  # fmt: skip
    book.close()
    return found


def test_pollutants_close_on_the_reported_totals(submission, inventory):
    for name in POLLUTANTS:
        inside = np.nansum(submission.mass[name][~submission.memo])
        assert inside == pytest.approx(submission.total[name], rel=1e-12), name
    kept = totals(inventory)
    for name in set(POLLUTANTS) & set(kept):
        assert kept[name] == pytest.approx(submission.total[name], rel=1e-12), name


def test_gnfr_column_is_the_crosswalk_and_sums_close(submission):
    assert gnfr_of("NFR", submission.nfr.tolist()) == submission.gnfr.tolist()
    for name in POLLUTANTS:
        masses = dict(zip(submission.nfr.tolist(), np.nan_to_num(submission.mass[name]), strict=True))
        by_letter = convert(masses, "NFR", "GNFR")
        for letter in set(submission.gnfr.tolist()):
            own = np.nansum(submission.mass[name][submission.gnfr == letter])
            assert by_letter.get(letter, 0.0) == pytest.approx(own, rel=1e-12, abs=1e-9)


def test_co2_of_the_same_rows_is_that_of_the_ghg_inventory(inventory, reported):
    """Without aviation and waste fuel within 1 %; road and navigation too; aviation differs by its boundary."""
    co2, sector = annual_mass(inventory, "CO2") / KT, inventory["sector"].values
    ours = float(np.nansum(co2[(sector != "H") & ~inventory["memo"].values]))
    fuels = ("Liquid fuels", "Solid fuels", "Gaseous fuels")
    classes = {code for code, _ in reported if code.startswith("1A")}
    fired = [(code, fuel) for code, fuel in reported if code in classes and fuel not in ("Other fuels", "Biomass")]
    theirs = sum(reported[one] for one in fired if not one[0].startswith("1A3a"))
    assert {fuel for _, fuel in reported} >= set(fuels)
    assert ours == pytest.approx(theirs, rel=0.01)
    assert ours / theirs - 1.0 == pytest.approx(0.0016, abs=5e-4)  # 0.16 %, as measured independently
    road = sum(v for (code, _), v in reported.items() if code.startswith("1A3b"))
    assert float(np.nansum(co2[sector == "F"])) == pytest.approx(road, rel=0.01)
    # NFR counts landing and take-off of international flights in the national total, the GHG inventory does not
    aviation = sum(v for (code, _), v in reported.items() if code.startswith("1A3a"))
    lto = float(np.nansum(co2[sector == "H"]))
    domestic = float(np.nansum(co2[np.char.startswith(inventory["category"].values.astype(str), "1A3aii")]))
    assert domestic == pytest.approx(aviation, rel=0.01)
    assert lto - domestic == pytest.approx(153.3, abs=0.5)  # international landing and take-off: the whole difference


def test_ratios_by_gnfr(inventory):
    """NOx:CO2 by class as found in an independent evaluation of the same workbook [g/kg]."""
    found = {r.group: r for r in ratios(inventory) if r.species == "NOx"}
    seen = {"A": 4.19, "B": 1.59, "C": 0.68, "F": 1.85, "G": 8.71, "I": 3.64}
    assert {g: round(1e3 * found[g].value, 2) for g in seen} == pytest.approx(seen, abs=0.011)
    assert all(r.u <= r.u_apart * (1 + 1e-12) for r in found.values())  # shared activity cancels
    assert found["F"].u < found["F"].u_apart


def test_draws_and_first_order_agree(inventory):
    budget = of_dataset(inventory)
    drawn = ensemble(budget, draws=4000, seed=3)[0]
    cov = covariance(budget)[0, :, 0, :]
    # CH4 and N2O are far from linear (factors of 3); CO2 and pollutants agree
    for name in ("CO2", "NOx", "SO2", "PM2.5", "NH3"):
        k = budget.species.index(name)
        assert drawn[k].std(ddof=1) == pytest.approx(np.sqrt(cov[k, k]), rel=0.05)


def test_wrong_workbooks(tmp_path, workbook):
    with pytest.raises(InputError, match=r"no sheet 2050.*1980 to 2021"):
        READ(workbook, 2050)
    other = tmp_path / "other.xlsx"
    book = openpyxl.Workbook()
    book.active.title = "2021"
    book.save(other)
    with pytest.raises(InputError, match="not the NFR template"):
        READ(other, 2021)
    text = tmp_path / "text.xlsx"
    text.write_text("NFR")
    with pytest.raises(InputError, match="no xlsx workbook"):
        READ(text, 2021)
