"""The accounting engine: emission = activity x calorific value x factor x oxidation, for any species.

A stream is a chain of factors. Relative uncertainties of independent factors add in quadrature (2006 IPCC
Guidelines vol 1 ch 3 eq 3.1; JCGM 100 5.1.6); the part that is the same in all intervals stays apart from
the part that is independent between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from ghg.core.variables import attributes

if TYPE_CHECKING:
    import xarray as xr

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Factor:
    """One factor of a chain.

    Parameters
    ----------
    component : str
        Name of the component of uncertainty.
    values : float64 (time,)
        SI values; their product over the chain is kg of the species per interval.
    u_systematic, u_random : float
        Relative standard uncertainties.
    variable : str
        Variable of the Dataset that holds the values; empty if none does.
    """

    component: str
    values: Array
    u_systematic: float = 0.0
    u_random: float = 0.0
    variable: str = ""


@dataclass(frozen=True)
class Stream:
    """A stream: the same activity for all species, one chain for each.

    Parameters
    ----------
    name, fuel, method : str
        Labels.
    chains : mapping
        Species -> factors.
    energy : float64 (time,)
        Energy [J] per interval, NaN where it has none.
    basis : {"gross", "net", ""}
        Calorific basis of `energy`.
    notes : tuple of str
        What a reader must know.
    scope : {"direct", "indirect"}
        Whether the gas leaves the plant, or was emitted elsewhere for energy it bought.
    """

    name: str
    fuel: str
    method: str
    chains: dict[str, tuple[Factor, ...]]
    energy: Array
    basis: str = ""
    notes: tuple[str, ...] = field(default_factory=tuple)
    scope: str = "direct"


def mass(chain: Sequence[Factor]) -> Array:
    """Return the emission [kg] per interval: the product of the chain."""
    return np.prod([f.values for f in chain], axis=0)


def relative_random(chain: Sequence[Factor]) -> float:
    """Return the relative random standard uncertainty of the product."""
    return float(np.sqrt(sum(f.u_random**2 for f in chain)))


def relative_systematic(chain: Sequence[Factor]) -> dict[str, float]:
    """Return the relative systematic standard uncertainty by component."""
    parts: dict[str, float] = {}
    for factor in chain:
        if factor.u_systematic > 0.0:
            parts[factor.component] = float(np.hypot(parts.get(factor.component, 0.0), factor.u_systematic))
    return parts


def dataset(streams: Sequence[Stream], bounds: npt.NDArray[np.datetime64], species: Sequence[str]) -> xr.Dataset:
    """Return the ACCOUNTED Dataset of streams.

    Parameters
    ----------
    streams : sequence of Stream
        The streams.
    bounds : datetime64 (time, 2)
        Interval bounds, UTC.
    species : sequence of str
        Gases; a stream without chain for one of them emits none of it (0 kg).

    Returns
    -------
    Dataset
        dims (species, stream, time); ``emission`` [kg s-1] with its random part and systematic components,
        ``energy`` [J], and the factors of the chain.
    """
    import xarray as xr

    from ghg.core.time import bounds_variable, seconds

    bases = {s.basis for s in streams if s.basis}
    if len(bases) > 1:
        raise InputError(
            "the streams mix gross and net calorific values", found=", ".join(sorted(bases)), need="one basis"
        )
    shape = (len(species), len(streams), len(bounds))
    rate = np.zeros(shape)
    random = np.zeros(shape)
    systematic: dict[str, Array] = {}
    for k, gas in enumerate(species):
        for i, stream in enumerate(streams):
            chain = stream.chains.get(gas)
            if chain is None:
                continue
            rate[k, i] = mass(chain) / seconds(bounds)
            size = np.abs(rate[k, i])  # carbon that leaves in products counts negative
            random[k, i] = size * relative_random(chain)
            for name, u in relative_systematic(chain).items():
                systematic.setdefault(name, np.zeros(shape))[k, i] = size * u
    dims = ("species", "stream", "time")
    total = np.sqrt(sum((u**2 for u in systematic.values()), np.zeros(shape)))
    data: dict[str, Any] = {
        "emission": (dims, rate, attributes("emission", cell_methods="time: mean")),
        "emission_u_random": (dims, random, attributes("emission_u_random")),
        "emission_u_systematic": (dims, total, attributes("emission_u_systematic", components=" ".join(systematic))),
        "time_bounds": bounds_variable(bounds),
    }
    for name, u in systematic.items():
        data[f"emission_u_systematic_{name}"] = (dims, u, attributes(f"emission_u_systematic_{name}"))
    basis = next(iter(bases), "")
    energy = np.stack([s.energy for s in streams])
    data["energy"] = (("stream", "time"), energy, attributes("energy", calorific_basis=basis or "undefined"))
    data |= _factor_variables(streams, species, basis)
    coords = {
        "time": ("time", bounds[:, 0]),
        "species": ("species", list(species)),
        "stream": ("stream", [s.name for s in streams]),
        "fuel": ("stream", [s.fuel for s in streams]),
        "method": ("stream", [s.method for s in streams]),
        "scope": ("stream", [s.scope for s in streams]),
    }
    notes = "; ".join(dict.fromkeys(note for s in streams for note in s.notes))
    return xr.Dataset(data, coords=coords, attrs={"notes": notes} if notes else {})


def _factor_variables(streams: Sequence[Stream], species: Sequence[str], basis: str) -> dict[str, Any]:
    """Return the factors of the chains as variables, NaN where a stream does not use one."""
    found: dict[str, Any] = {}
    steps = len(streams[0].energy)
    for i, stream in enumerate(streams):
        for gas, chain in stream.chains.items():
            for factor in chain:
                if not factor.variable:
                    continue
                by_species = factor.variable == "emission_factor"
                dims = ("species", "stream", "time") if by_species else ("stream", "time")
                shape = (len(species), len(streams), steps) if by_species else (len(streams), steps)
                extra = {"calorific_basis": basis} if factor.variable.startswith("calorific") else {}
                entry = found.setdefault(
                    factor.variable, (dims, np.full(shape, np.nan), attributes(factor.variable, **extra))
                )
                entry[1][(list(species).index(gas), i) if by_species else i] = factor.values
    return found
