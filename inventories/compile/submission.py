"""A submission as rows of an inventory: its masses are carried, its fuels drive the greenhouse gases."""

from __future__ import annotations

import numpy as np

from inventories.compile.chains import Builder, add_rows
from inventories.compile.config import ActivityTable, Annex1
from inventories.compile.rows import Rows
from inventories.readers.annex1 import Submission
from inventories.species import SPECIES

__all__ = ["add_submission"]

GASES = ("CO2", "CO2_biogenic", "CH4", "N2O")


def add_submission(builder: Builder, given: Submission, config: Annex1) -> None:
    """Add one row for each class with its reported masses, and one for each class and fuel with its gases.

    The activity of a class is one component, shared by its fuels and by its pollutants: the ratio of two of them does
    not depend on it.
    """
    region = config.region or given.party
    _masses(builder, given, config, region)
    gases = [n for n in GASES if n in builder.species]
    if not gases:
        return
    for column, energy in given.energy.items():
        fuel = config.fuel.get(column, "")
        rows = np.flatnonzero(energy > 0)
        if not fuel or not rows.size:
            continue
        table = ActivityTable.model_validate({
            "name": column, "file": "-", "source": ["NFR"], "region": region, "sector": "-", "fuel": fuel,
            "amount": [{"value": 1.0, "unit": "J"}], "basis": "net", "method": config.method,
            "species": gases})  # fmt: skip
        nowhere = np.full(rows.size, np.nan)
        labels = np.array([f"{code} {column}" for code in given.nfr[rows].tolist()])
        add_rows(builder, Rows(table, labels, np.full(rows.size, region), given.nfr[rows],
                               np.full(rows.size, fuel), np.full(rows.size, ""), energy[rows], "J", 0.0, 0.0,
                               nowhere, nowhere, {}, {}, rows))  # fmt: skip
        _share_activity(builder, given.nfr[rows].tolist(), config.u_activity, gases)


def _masses(builder: Builder, given: Submission, config: Annex1, region: str) -> None:
    n = len(given.nfr)
    block = builder.empty(n)
    for k, name in enumerate(builder.species):
        if SPECIES[name].kind == "pollutant" and name in given.mass:
            block["mass"][k] = given.mass[name]
            block["u_own"][k] = config.u_pollutant
    energy = np.nansum([given.energy[c] for c in given.energy], axis=0)
    builder.add({**block, "source": given.nfr, "region": np.full(n, region), "category": given.nfr,
                 "fuel": np.full(n, "all"), "lon": np.full(n, np.nan), "lat": np.full(n, np.nan),
                 "amount": energy, "amount_unit": np.full(n, "J"), "table": np.full(n, "reported")})  # fmt: skip
    fired = np.flatnonzero(energy > 0)
    for i in fired.tolist():
        number = builder.share(f"activity: {given.nfr[i]}", config.u_activity)
        for k, name in enumerate(builder.species):
            if SPECIES[name].kind == "pollutant":
                block["shared"][-1, k, i] = number
    block["u_own"][:, fired] = np.sqrt(np.maximum(block["u_own"][:, fired] ** 2 - config.u_activity**2, 0.0))
    builder.methods.append("reported masses: carried")


def _share_activity(builder: Builder, classes: list[str], u: float, gases: list[str]) -> None:
    """Let the fuels of a class share its activity."""
    block = builder.blocks[-1]
    for i, code in enumerate(classes):
        number = builder.share(f"activity: {code}", u)
        for name in gases:
            block["shared"][-1, builder.species.index(name), i] = number
