"""IPCC defaults against two independent copies of the guidelines: bonsai-ipcc (carbon) and CEDS (Table 2.2)."""

import csv
from pathlib import Path

import openpyxl
import pytest

from inventories.accounting import factors

OTHER_NAMES = {
    "oil": "crude_oil", "motor_gasoline": "gasoline", "gas_diesel_oil": "diesel", "residual_fuel_oil": "residual_oil",
    "liquefied_petroleum_gases": "lpg", "other_kerosene": "kerosene", "other_bituminous_coal": "bituminous",
    "sub_bituminous_coal": "subbituminous", "oil_shale_tar_sands": "oil_shale", "coke_oven_lignite_coke": "coke",
    "other_petro_products": "other_petroleum", "white_spirit_sbp": "white_spirit", "msw": "municipal_waste_fossil",
    "msw_biomass": "municipal_waste_biogenic", "msw_wood": "wood", "isw": "industrial_waste", "biodiesels": "biodiesel",
    "other_liquid_biofuels": "other_liquid_biofuel", "other_biogas": "biogas",
    "other_prim_solid_biomass": "other_solid_biomass",
}  # fmt: skip
PER_J = 1e9  # kg/J to kg/GJ


def carbon_contents(folder: Path) -> dict[str, float]:
    """Return kg C per GJ (net) by our fuel names."""
    path = folder / "inventories" / "bonsai_ipcc" / "generic" / "par_carbon_content_per_energy.csv"
    with path.open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if r["property"] == "def"]
    return {OTHER_NAMES.get(r["product"], r["product"]): float(r["value"]) for r in rows}


def test_co2_is_carbon_content_times_44_over_12(shared_data: Path) -> None:
    """Every CO2 factor is within 0.5 % of the carbon content in bonsai-ipcc."""
    contents = carbon_contents(shared_data)
    far = {}
    checked = 0
    for row in factors.table():
        if row.set != "ipcc2006" or row.fuel not in contents:
            continue
        if row.species in ("CO2", "CO2_biogenic") and row.quantity == "emission_factor":
            co2 = row.to("kg J-1")
        elif row.quantity == "carbon_per_energy":
            co2 = row.to("kg J-1") * 44.0 / 12.0
        else:
            continue
        checked += 1
        difference = co2 * PER_J / (contents[row.fuel] * 44.0 / 12.0) - 1.0
        if abs(difference) > 0.005:
            far[row.fuel] = round(difference, 4)
    assert checked >= 45
    assert far == {}


def test_table_2_2_is_that_of_an_independent_copy(shared_data: Path) -> None:
    """Values and ranges of CO2, CH4 and N2O equal the table as CEDS keeps it."""
    book = openpyxl.load_workbook(shared_data / "inventories" / "ceds" / "CO2_base_EF.xlsx", read_only=True)
    copy = {str(r[1] or r[0]): r[2:11] for r in book["IPCC_Table2.2"].iter_rows(values_only=True)
            if isinstance(r[2], int | float)}  # fmt: skip
    book.close()
    names = {"Other Bituminous Coal": "bituminous", "Natural Gas": "natural_gas", "Gas/Diesel Oil": "diesel",
             "Coke Oven Gas": "coke_oven_gas", "Wood / Wood Waste": "wood", "Petroleum Coke": "petroleum_coke",
             "Charcoal": "charcoal", "Jet Kerosene": "jet_kerosene", "Lignite": "lignite"}  # fmt: skip
    for label, fuel in names.items():
        for k, species in enumerate(("CO2", "CH4", "N2O")):
            rows = factors.candidates("ipcc2006", fuel, "emission_factor", species)
            rows = rows or factors.candidates("ipcc2006", fuel, "emission_factor", "CO2_biogenic")
            if rows and rows[0].fuel == fuel:
                row = rows[0]
                assert (row.value, row.lower, row.upper) == pytest.approx(copy[label][3 * k : 3 * k + 3]), (
                    fuel,
                    species,
                )
