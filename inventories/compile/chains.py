"""Rows to masses: the accounting engine over rows in place of months, and what the masses share.

Rows of one fuel, class and table go through the engine together as one stream whose intervals are the rows: the engine
multiplies activity, calorific value, factor, oxidation and control as for a plant. Its systematic components are then
shared components of the budget; the activity of a row is its own, unless the table says how much of it is shared.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from inventories.accounting import factors, fuels, methods
from inventories.accounting.engine import Factor, mass
from inventories.compile.config import ActivityTable
from inventories.compile.rows import Rows
from inventories.config import Series, StreamConfig
from inventories.dataset import STACK
from inventories.rules import METHODS
from inventories.species import SPECIES
from inventories.uncertainty.budget import Array, Budget

__all__ = ["Builder", "add_rows"]

Words = npt.NDArray[np.str_]
SHARED_BY_SPECIES = ("emission_factor", "control")  # other components are the same for all species of a row


@dataclass
class Builder:
    """An inventory being put together.

    Parameters
    ----------
    species : tuple of str
        Names.
    year : int
        Calendar year.
    blocks : list of dict
        Arrays of the rows added so far, to be put one after another.
    component : dict
        Name of a shared component -> its number.
    u : list of float
        Relative standard uncertainties of the shared components.
    notes, methods : list of str
        What a reader must know; the rules that were used.
    """

    species: tuple[str, ...]
    year: int
    blocks: list[dict[str, npt.NDArray]] = field(default_factory=list)
    component: dict[str, int] = field(default_factory=dict)
    u: list[float] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    methods: list[str] = field(default_factory=list)

    def share(self, name: str, u: float) -> int:
        """Return the number of a shared component; one of that name keeps the larger uncertainty."""
        number = self.component.setdefault(name, len(self.u))
        if number == len(self.u):
            self.u.append(u)
        self.u[number] = max(self.u[number], u)
        return number

    def empty(self, rows: int, slots: int = 6) -> dict[str, npt.NDArray]:
        """Return the arrays of a block, nothing estimated."""
        n = len(self.species)
        return {"mass": np.full((n, rows), np.nan), "follows": np.zeros((n, rows), bool), "u_activity": np.zeros(rows),
                "u_own": np.zeros((n, rows)), "shared": np.full((slots, n, rows), -1, np.int32),
                "left": np.ones((n, rows))}  # fmt: skip

    def add(self, block: dict[str, npt.NDArray]) -> None:
        """Add a finished block; rows without a stack are told by NaN."""
        nothing = np.full(len(block["source"]), np.nan)
        self.blocks.append({**dict.fromkeys(STACK, nothing), **block})

    def joined(self, name: str) -> npt.NDArray:
        """Return one array of all blocks, rows last."""
        return np.concatenate([block[name] for block in self.blocks], axis=-1)

    def budget(self) -> Budget:
        """Return the budget of all rows."""
        shared = self.joined("shared")
        used = (shared >= 0).any(axis=(1, 2))
        return Budget(self.species, self.joined("mass"), self.joined("follows"), self.joined("u_activity"),
                      self.joined("u_own"), shared[used], tuple(self.component), np.array(self.u, float))  # fmt: skip


def add_rows(builder: Builder, rows: Rows) -> None:
    """Account all rows of a table and add them.

    Raises
    ------
    InputError
        A factor is missing for a fuel: it is named, with the classes and fuels that have one.
    """
    table = rows.table
    block = builder.empty(len(rows.source))
    block["u_activity"][:] = rows.u_own
    wanted = table.species or list(builder.species)
    for fuel in np.unique(rows.fuel).tolist():
        for sector in np.unique(rows.sector[rows.fuel == fuel]).tolist():
            for technology in np.unique(rows.technology[(rows.fuel == fuel) & (rows.sector == sector)]).tolist():
                which = (rows.fuel == fuel) & (rows.sector == sector) & (rows.technology == technology)
                for method, names in _rules(table, wanted):
                    _add_group(builder, block, rows, np.flatnonzero(which), (fuel, sector, technology, method, names))
    _carried(builder, block, rows)
    names = {"source": rows.source, "region": rows.region, "category": rows.sector, "fuel": rows.fuel,
             "lon": rows.lon, "lat": rows.lat, "amount": rows.amount,
             "amount_unit": np.full(len(rows.source), rows.unit),
             "table": np.full(len(rows.source), table.name), **rows.stack}  # fmt: skip
    builder.add({**block, **names})
    builder.notes += [f"{table.name}: {note}" for note in rows.notes]
    if missing := int(np.isnan(rows.amount).sum()):
        builder.notes.append(f"{table.name}: {missing} rows have no activity and are not estimated")


def _rules(table: ActivityTable, wanted: Sequence[str]) -> list[tuple[str, list[str]]]:
    gases = [n for n in wanted if SPECIES[n].kind != "pollutant"]
    pollutants = [n for n in wanted if SPECIES[n].kind == "pollutant"]
    return [(m, names) for m, names in ((table.method, gases), (table.pollutants, pollutants)) if m and names]


def _add_group(
    builder: Builder, block: dict[str, npt.NDArray], rows: Rows, chosen: npt.NDArray[np.intp],
    what: tuple[str, str, str, str, list[str]],
) -> None:  # fmt: skip
    """Account rows of one fuel, class and technology by one rule."""
    fuel, sector, technology, method, names = what
    rule, table = METHODS[method], rows.table
    _check_technology(technology, table)
    config, ratio = _stream(rows, chosen, (fuel, sector, technology), method)
    middle = np.datetime64(f"{builder.year}-07-01")
    bounds = np.stack([np.full(len(chosen), middle), np.full(len(chosen), middle)], axis=1)
    try:
        stream = methods.stream(config, bounds, names)
    except InputError as error:
        raise InputError(error.what, where=f"{table.name}, {fuel} in {sector}", found=error.found, need=error.need,
                         hint=error.hint) from error  # fmt: skip
    builder.notes += list(stream.notes)
    builder.methods.append(f"{table.name}, {fuel}, {sector}: {method}")
    for name in names:
        chain = stream.chains.get(name)
        k = builder.species.index(name)
        if chain is None:
            block["mass"][k, chosen] = np.where(np.isnan(rows.amount[chosen]), np.nan, 0.0)
            continue
        chain = (*chain, *ratio)
        share, u_left = rows.left.get(name, (np.ones(len(rows.source)), np.zeros(len(rows.source))))
        block["mass"][k, chosen] = mass(chain) * share[chosen]
        block["left"][k, chosen] = share[chosen]
        block["follows"][k, chosen] = True
        block["u_own"][k, chosen] = float(np.hypot(_random(chain), table.u_factor.get(name, 0.0)))
        place = sector if rule.factor_set == "emep" else ""
        own = factors.candidates(rule.factor_set, factors.code(fuel), "emission_factor", name, sector.replace(".", ""),
                                 technology)  # fmt: skip
        kind = " ".join(filter(None, (fuel, own[-1].technology if own else "")))
        labels = _labels(chain, (rule.factor_set or method, place, fuel, kind, name))
        if rows.u_shared > 0:
            labels[f"activity: {table.name}"] = rows.u_shared
        for slot, (label, u) in enumerate(labels.items()):
            block["shared"][slot, k, chosen] = builder.share(label, u)
        _share_controls(builder, block, (k, chosen), (name, table.name, u_left[chosen]), len(labels))


def _check_technology(technology: str, table: ActivityTable) -> None:
    """Refuse a technology that no factor knows: a slip of the pen would silently take the factor of any."""
    known = {row.technology for row in factors.table() if row.technology}
    if technology and technology not in known:
        near = difflib.get_close_matches(technology, sorted(known), n=2)
        raise InputError("no factor knows the technology", where=table.name, found=f"'{technology}'",
                         need="one of " + ", ".join(sorted(known)),
                         hint=f"did you mean {' or '.join(near)}" if near else "map it to an empty text")  # fmt: skip


def _stream(
    rows: Rows, chosen: npt.NDArray[np.intp], what: tuple[str, str, str], method: str
) -> tuple[StreamConfig, tuple[Factor, ...]]:
    """Return the rows as one stream, and the factor from gross to net energy where the rule needs it."""
    fuel, sector, technology = what
    rule, table = METHODS[method], rows.table
    values: list = ["nan" if np.isnan(v) else float(v) for v in rows.amount[chosen]]
    ratio: tuple[Factor, ...] = ()
    energy = mass_series = None
    if rows.unit == "J":
        if rule.basis and table.basis is None:
            raise InputError("the activity is an energy, and it is not said whether gross (HHV) or net (LHV)",
                             where=table.name, hint="state basis = 'gross' or 'net'")  # fmt: skip
        if rule.basis and table.basis != rule.basis:
            one = fuels.fuel(factors.code(fuel))
            net = 0.95 if one is None else one.net_per_gross
            value = net if rule.basis == "net" else 1.0 / net
            ratio = (Factor("net_per_gross", np.full(len(chosen), value), fuels.NET_PER_GROSS_U),)
        basis = "gross" if (rule.basis or table.basis) == "gross" else "net"
        energy = Series(unit="J", values=values, basis=basis)
    else:
        mass_series = Series(unit=rows.unit, values=values)
    config = StreamConfig(name=f"{table.name}: {fuel}", fuel=fuel, method=method, energy=energy, mass=mass_series,
                          sector=sector.replace(".", ""), technology=technology)  # fmt: skip
    return config, ratio


def _random(chain: Sequence[Factor]) -> float:
    return float(np.sqrt(sum(f.u_random**2 for f in chain)))


def _labels(chain: Sequence[Factor], what: tuple[str, str, str, str, str]) -> dict[str, float]:
    """Return the shared components of a chain with their uncertainties; the activity is the row's own."""
    factor_set, sector, fuel, kind, name = what
    found: dict[str, float] = {}
    for factor in chain:
        if factor.component == "fuel_mass" or factor.u_systematic == 0.0:
            continue
        own = (name,) if factor.component in SHARED_BY_SPECIES else ()
        words = " ".join(filter(None, (factor_set, sector, kind, *own)))
        label = f"{factor.component.replace('_', ' ')}: {words}"
        if factor.component == "net_per_gross":
            label = f"net per gross: {fuel}"
        found[label] = float(np.hypot(found.get(label, 0.0), factor.u_systematic))
    return found


def _share_controls(
    builder: Builder, block: dict[str, npt.NDArray], where: tuple[int, npt.NDArray[np.intp]],
    what: tuple[str, str, Array], slot: int,
) -> None:  # fmt: skip
    """Enter the uncertainty of removals, one shared component for each distinct one."""
    k, chosen = where
    name, table, left = what
    for u in np.unique(left[left > 0]).tolist():
        block["shared"][slot, k, chosen[left == u]] = builder.share(f"control: {table} {name} {u:.3g}", u)


def _carried(builder: Builder, block: dict[str, npt.NDArray], rows: Rows) -> None:
    """Put carried masses in place of activity x factor."""
    for name, values in rows.carried.items():
        if name not in builder.species:
            continue
        k, there = builder.species.index(name), np.isfinite(values)
        block["mass"][k, there] = values[there]
        block["follows"][k, there] = False
        block["left"][k, there] = 1.0
        block["shared"][:, k, there] = -1
        block["u_own"][k, there] = rows.table.carried[name].u
