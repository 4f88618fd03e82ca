"""A simulated station with known truth: what an analyser would have written, and what the air really was.

The analyser reads r = w (x - offset(t)) / slope(t) + noise, with w = 1 + a h + b h^2 for wet air. Its offset is a
random walk, an ageing that slows down, a process that comes and goes, flicker noise, and steps after service; its slope
is a random walk. Readings carry white noise, and the memory of the gas before after each turn of the valve.
The air has a daily cycle, weather, and spikes of nearby sources. Cylinders have true values; the values they were
assigned are off by errors drawn with their stated uncertainty, as are the water coefficients. So every replicate draws
what stays wrong through the whole record, and intervals can be judged over replicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import xarray as xr

    from sensors.config.station import StationJob

__all__ = ["Scenario", "Simulated", "flicker", "simulate"]

Array = npt.NDArray[np.float64]
START = 1_699_920_000.0  # 2023-11-14, midnight
DAY = 86400.0
SCALE = "WMO CO2 X2019"


@dataclass(frozen=True)
class Scenario:
    """What the station is like; mole fractions of CO2 in umol mol-1, times in seconds unless said.

    Parameters
    ----------
    days, every : float
        Length of the record [d] and time between rows.
    tanks : tuple of float
        True values of the cylinders; `targets` of them, the last ones, are never fitted.
    u_tank : float
        Standard uncertainty with which each assigned value is drawn about the true one.
    cycle, visit, flush : float
        Every `cycle` each cylinder is read for `visit`, of which `flush` is left out.
    memory : float
        e-folding time of the gas before.
    white, flicker : float
        Standard deviation of the noise of a row; of flicker noise between 10 s and the length of the record.
    slope, offset : float
        Of the response at the start.
    walk, gain_walk : float
        Random walks of the offset [per square root of a day] and of the slope [1 per square root of a day].
    ageing, ageing_time : float
        The offset goes by ``ageing`` in the end, with this time constant [d].
    day : float
        Standard deviation of the part of the offset that comes and goes, with a time constant of a day.
    water, a, b, u_water : float
        Mean water of the air [percent], true coefficients, standard uncertainty of the correction at 1 % of water (as
        a fraction of the value) with which the stated coefficient is drawn.
    steps : tuple of (float, float)
        Services: (day, standard deviation of the step of the offset).
    declared : bool
        Whether the configuration names the services.
    spikes, gaps : float
        Expected number per day.
    wrong : tuple of (int, float)
        Cylinders whose assigned value is off by so much more.
    start : float
        Begin of the record [s since 1970], at midnight.
    pivot : float
        Mole fraction about which the response turns.
    """

    days: float = 10.0
    every: float = 5.0
    tanks: tuple[float, ...] = (380.0, 415.0, 450.0, 520.0, 430.0)
    targets: int = 1
    u_tank: float = 0.03
    cycle: float = 43200.0
    visit: float = 600.0
    flush: float = 120.0
    memory: float = 12.0
    white: float = 0.06
    flicker: float = 0.01
    slope: float = 1.002
    offset: float = 0.35
    walk: float = 0.03
    gain_walk: float = 1e-4
    ageing: float = 0.2
    ageing_time: float = 20.0
    day: float = 0.01
    water: float = 1.2
    a: float = -0.0120
    b: float = -2.674e-4
    u_water: float = 1e-5
    steps: tuple[tuple[float, float], ...] = ()
    declared: bool = True
    spikes: float = 0.0
    gaps: float = 0.0
    wrong: tuple[tuple[int, float], ...] = ()
    start: float = START
    pivot: float = 430.0


@dataclass(frozen=True)
class Simulated:
    """Rows of the log, truth beside, and the configuration as the operator would write it.

    Parameters
    ----------
    raw : Dataset
        dim ``time``; columns under the names of a Picarro log.
    truth : array, shape (n,)
        Dry mole fraction of the gas that was let in.
    excess : array, shape (n,)
        What spikes of nearby sources add to the air at that row.
    assigned : array, shape (tanks,)
        Assigned values.
    job : dict
        For :class:`sensors.config.station.StationJob`.
    """

    raw: xr.Dataset
    truth: Array
    excess: Array
    assigned: Array
    job: dict[str, Any]

    def records_of_truth(self, job: StationJob) -> Any:
        """Return the truth in the same intervals, from the same rows, as the readings."""
        from sensors.station.ingest import records_of

        raw = self.raw.assign(CO2=("time", self.truth))
        plain = job.gases["co2"].model_copy(
            update={"water": job.gases["co2"].water.model_copy(update={"method": "none"})}
        )
        return records_of(raw, job.model_copy(update={"gases": {"co2": plain}}))


def flicker(n: int, rng: np.random.Generator) -> Array:
    """Return noise whose spectral density falls with 1/f, of mean zero and standard deviation one."""
    size = 1 << max(int(n - 1).bit_length(), 1)
    f = np.arange(1, size // 2 + 1, dtype=np.float64)
    spectrum = np.zeros(size // 2 + 1, np.complex128)
    spectrum[1:] = (rng.normal(size=f.size) + 1j * rng.normal(size=f.size)) / np.sqrt(f)
    expected = np.sqrt(4.0 * (1.0 / f).sum())  # variance of irfft of twice sum over f of |s|^2
    return np.fft.irfft(spectrum, size)[:n] * size / expected


def simulate(scenario: Scenario, seed: int, air: Array | None = None, gas: int = 0) -> Simulated:
    """Simulate a station.

    Parameters
    ----------
    scenario : Scenario
    seed : int
    air : array, shape (hours,), optional
        Mean of each hour of the record, in place of the weather of the scenario; a ripple of mean zero goes about it.
    gas : int
        Number of a further gas of the same analyser: rows, ports and water are those of the same seed, drift and noise
        its own.

    Returns
    -------
    Simulated
    """
    import xarray as xr

    s, rng = scenario, np.random.default_rng(seed)
    t, port = _rows(s, rng)
    since = t - s.start
    water = np.where(port == 0, np.clip(s.water * (1.0 + 0.4 * np.sin(2 * np.pi * since / DAY + rng.uniform(0, 6.28))),
                                        0.05, None), 0.003)  # fmt: skip
    rng = np.random.default_rng([seed, gas]) if gas else rng
    outside, excess = _air(s, since, rng) if air is None else (_given(air, since), np.zeros(since.size))
    dry = np.select([port == k + 1 for k in range(len(s.tanks))], s.tanks, outside)
    offset, gain = _analyser(s, since, rng)
    seen = (dry - offset) / gain
    for first in np.flatnonzero(np.diff(port)) + 1:
        last = min(first + int(12.0 * s.memory / s.every) + 1, t.size)
        old = seen[first - 1] - seen[first:last]
        seen[first:last] += old * np.exp(-(t[first:last] - t[first]) / s.memory)
    read = seen * (1.0 + s.a * water + s.b * water**2) + rng.normal(0.0, s.white, t.size)
    assigned = np.array(s.tanks) + rng.normal(0.0, s.u_tank, len(s.tanks))
    for tank, error in s.wrong:
        assigned[tank] += error
    raw = xr.Dataset(
        {"CO2": ("time", read), "h2o_reported": ("time", water), "MPVPosition": ("time", port + 1.0)},
        {"time": np.round(t * 1e3).astype(np.int64).astype("datetime64[ms]").astype("datetime64[ns]")},
        {"source": f"simulated station, seed {seed}"},
    )
    a = s.a + rng.normal(0.0, s.u_water)
    return Simulated(raw, dry, excess, assigned, _job(s, assigned, a))


def _rows(s: Scenario, rng: np.random.Generator) -> tuple[Array, npt.NDArray[np.int64]]:
    """Return times and ports (0 air, then the cylinders) of the rows that were written."""
    t = s.start + np.arange(0.0, s.days * DAY, s.every)
    t = t + rng.uniform(0.0, 0.2, t.size)
    phase = (t - s.start + s.cycle - 0.25 * s.cycle) % s.cycle
    visit = np.floor(phase / s.visit).astype(np.int64)
    port = np.where(visit < len(s.tanks), visit + 1, 0)
    keep = np.ones(t.size, bool)
    for _ in range(rng.poisson(s.gaps * s.days)):
        begin = s.start + rng.uniform(0.0, s.days * DAY)
        keep &= (t < begin) | (t > begin + rng.exponential(3.0 * 3600.0))
    return t[keep], port[keep]


def _given(air: Array, since: Array) -> Array:
    """Return the mean of the hour of each row, and about it a ripple that has no mean over ten minutes."""
    hour = np.minimum((since // 3600.0).astype(np.int64), air.size - 1)
    return air[hour] * (1.0 + 1e-3 * np.sin(2.0 * np.pi * since / 600.0))


def _air(s: Scenario, since: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    air = 420.0 + 8.0 * np.sin(2 * np.pi * since / DAY) + 3.0 * np.sin(since / 4000.0 + rng.uniform(0, 6.28))
    hours = np.arange(0.0, s.days * 24.0 + 2.0) * 3600.0
    air += np.interp(since, hours, 2.0 * np.cumsum(rng.normal(0.0, 0.3, hours.size)))
    excess = np.zeros(since.size)
    for _ in range(rng.poisson(s.spikes * s.days)):
        middle, width = rng.uniform(0.0, s.days * DAY), rng.uniform(60.0, 360.0)
        excess += rng.uniform(5.0, 30.0) * np.maximum(1.0 - np.square((since - middle) / width), 0.0)
    return air + excess, excess


def _analyser(s: Scenario, since: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Return offset and slope of the response at every row."""
    step = 60.0
    grid = np.arange(0.0, s.days * DAY + 2.0 * step, step)
    root = np.sqrt(step / DAY)
    walk = np.cumsum(rng.normal(0.0, s.walk * root, grid.size))
    gain = s.slope + np.cumsum(rng.normal(0.0, s.gain_walk * root, grid.size))
    age = s.ageing * (1.0 - np.exp(-grid / (s.ageing_time * DAY)))
    f = np.exp(-step / DAY)
    kicks = rng.normal(0.0, s.day * np.sqrt(1.0 - f * f), grid.size)
    kicks[0] = rng.normal(0.0, s.day)
    day = _first_order(kicks, f)
    fine = np.arange(0.0, s.days * DAY + 20.0, 10.0)
    offset = s.offset + np.interp(since, grid, walk + age + day)
    offset += s.flicker * np.interp(since, fine, flicker(fine.size, rng))
    for at, size in s.steps:
        offset += np.where(since >= at * DAY, rng.normal(0.0, size), 0.0)
    # the response turns about the middle of the cylinders, so that a walk of the slope is not one of the offset
    gain = np.interp(since, grid, gain)
    return offset - s.pivot * (gain - s.slope), gain


def _first_order(kicks: Array, f: float) -> Array:
    from scipy.signal import lfilter

    return np.asarray(lfilter([1.0], [1.0, -f], kicks))


def _job(s: Scenario, assigned: Array, a: float) -> dict[str, Any]:
    k = len(s.tanks)
    services = [str(np.datetime64(int(s.start + at * DAY), "s")) for at, _ in s.steps] if s.declared else []
    return {
        "site": {"name": "simulated", "latitude": 50.0, "longitude": 8.0},
        "records": {"format": "picarro", "files": ["simulated"]},
        "gases": {"co2": {"scale": SCALE, "response": "linear",
                          "water": {"method": "coefficients", "a": a, "b": s.b, "uncertainty": s.u_water,
                                    "bracket": False}}},
        "inlets": [{"name": "air", "height": 10.0, "valve": "1"}],
        "cylinders": [
            {"name": f"T{i + 1}", "valve": str(i + 2), "role": "calibration" if i < k - s.targets else "target",
             "values": {"co2": {"value": float(v), "uncertainty": s.u_tank, "scale": SCALE}}}
            for i, v in enumerate(assigned)
        ],
        "calibration": {"flush": s.flush, **({"services": services} if services else {})},
    }  # fmt: skip
