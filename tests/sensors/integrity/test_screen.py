"""A made unit, genuine but for what is done to it: each detector sees its attack, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import xarray as xr

from ghg.core.errors import InputError
from ghg.core.flags import Method
from ghg.core.time import bounds_variable
from sensors.integrity.screen import screen, screen_unit, screen_units
from sensors.integrity.tamper import KINDS, Attack, tamper
from sensors.integrity.trials import cut, false_alarms, starts, trials
from sensors.integrity.units import Unit, units_of

N, START = 2400, 1300


@cache
def unit() -> Unit:
    """Return 100 days of a unit: loads that wander, heat on a curve with noise that hangs together."""
    rng = np.random.default_rng(17)
    hours = np.arange(N)
    wander = np.convolve(rng.standard_normal(N + 23), np.ones(24) / np.sqrt(24), "valid")
    load = np.round(np.clip(300 + 60 * np.sin(hours / 24 * 2 * np.pi) + 40 * wander, 120, 420))
    noise = np.zeros(N)
    for i in range(1, N):
        noise[i] = 0.6 * noise[i - 1] + 0.006 * rng.standard_normal()
    heat = np.round(9.5 * load**0.97 * 1.2 * np.exp(noise), 1)
    emission = np.round(0.0975 * heat * np.exp(0.004 * rng.standard_normal(N)), 1)
    channels = {"gross_load": load, "heat_input": heat, "emission": emission}
    return Unit("A", np.datetime64("2024-01-01T00:00:00"), np.ones(N, np.uint8), channels)


BOTH = ("heat_input", "emission")
ATTACKS = [
    (Attack("scale", BOTH, -0.05, START), "step"),
    (Attack("scale", BOTH, 0.05, START), "step"),
    (Attack("scale", ("emission",), -0.05, START), "step_ratio"),
    (Attack("offset", ("emission",), -0.05, START), "step_ratio"),
    (Attack("dilution", BOTH, 0.1, START), "step"),
    (Attack("ceiling", ("heat_input",), 0.3, START), "stuck"),
    (Attack("freeze", BOTH, 0.0, START, 72), "stuck"),
    (Attack("copy", BOTH, 0.0, START, 168), "copied"),
    (Attack("scaled_copy", ("heat_input",), -0.05, START, 168), "scaled_copy"),
    (Attack("substitute", ("heat_input",), 0.0, START), "twin"),
    (Attack("smooth", BOTH, 9.0, START), "quiet"),
    (Attack("invent", ("heat_input",), 0.0, START), "quiet"),
    (Attack("shift", BOTH, 2.0, START), "lag"),
    (Attack("drift", BOTH, -0.6, START), "step"),
]


def test_the_untouched_unit_raises_no_alarm() -> None:
    assert false_alarms([unit()]) == []


@pytest.mark.parametrize(("attack", "detector"), ATTACKS, ids=[f"{a.kind}-{a.strength:g}" for a, _ in ATTACKS])
def test_attacks_are_seen(attack: Attack, detector: str) -> None:
    findings, _, _ = screen_unit(tamper(unit(), attack, seed=1))
    seen = [f for f in findings if f.alarm and f.detector == detector]
    assert seen, [f for f in findings if f.alarm]
    window = unit().time(attack.start), unit().time(attack.start + (attack.length or N - attack.start))
    assert any(f.end > window[0] and f.start < window[1] for f in seen)
    assert all(f.p < (1.0 if detector == "step" else 0.05) for f in seen)  # genuine units have such steps too


def test_a_level_that_wanders_hides_no_jump(rng: np.random.Generator) -> None:
    """A heat rate that goes up and down by 15 % in days has no jump; a factor of 1.05 from an hour on is one."""
    genuine = unit()
    wander = 0.075 * np.sin(np.arange(N) / 72.0 * 2.0 * np.pi) + 0.003 * rng.standard_normal(N)
    load = np.round(300.0 + 0.1 * (genuine.channels["gross_load"] - 300.0), 1)  # at base load
    heat = np.round(9.5 * load * np.exp(wander), 1)
    genuine = replace(genuine, channels={"gross_load": load, "heat_input": heat})

    def jumps(one: Unit) -> list[np.datetime64]:
        return [f.start for f in screen_unit(one)[0] if f.alarm and f.detector == "jump"]

    assert jumps(genuine) == []
    (found,) = jumps(tamper(genuine, Attack("scale", ("heat_input",), 0.05, START)))
    assert abs(found - genuine.time(START)) <= np.timedelta64(3, "h")


def test_an_exact_copy_is_one_alarm() -> None:
    findings, _, _ = screen_unit(tamper(unit(), Attack("copy", ("heat_input",), 0.0, START, 168)))
    assert [f.detector for f in findings if f.alarm and "cop" in f.detector] == ["copied"]


def test_every_kind_is_tried() -> None:
    assert {a.kind for a, _ in ATTACKS} == set(KINDS) and len(KINDS) >= 8


@pytest.mark.parametrize("size", [-0.08, 0.05])
def test_the_size_of_a_step_is_told(size: float) -> None:
    findings, _, _ = screen_unit(tamper(unit(), Attack("scale", BOTH, size, START)))
    (step,) = [f for f in findings if f.alarm and f.detector == "step"]
    told = float(step.values[0].removesuffix(" %"))
    assert step.detail == f"by {step.values[0]}"
    assert told == pytest.approx(100 * size, abs=1.2)
    assert abs((step.start - unit().time(START)) / np.timedelta64(1, "h")) <= 24


def test_found_within_14_days_and_not_before() -> None:
    hour = starts(unit(), 3, np.random.default_rng(0))[0]
    done = trials([(unit(), Attack("scale", BOTH, s, hour)) for s in (0.08, -0.08, 0.0005)])
    assert [bool(t.found) for t in done] == [True, True, False]
    assert not any(t.before for t in done)
    assert cut(unit(), 100).on.size == 100


def test_a_signal_that_feeds_two_channels() -> None:
    """The case of Guangxi 2023: the temperature drives dust and velocity."""
    rng = np.random.default_rng(3)
    temperature = 330.0 + np.cumsum(0.3 * rng.standard_normal(N)) * 0.3
    own = np.round(12.0 + rng.standard_normal(N), 2)
    channels = {**unit().channels, "temperature": np.round(temperature, 1), "velocity": own, "concentration": own[::-1]}
    honest = replace(unit(), channels=channels)
    assert not [f for f in screen_unit(honest)[0] if f.alarm]
    fed = {
        **channels,
        "velocity": np.round(0.05 * temperature, 2),
        "concentration": np.round(0.1 * temperature - 20, 2),
    }
    found = {f.subject for f in screen_unit(replace(unit(), channels=fed))[0] if f.alarm and f.detector == "twin"}
    assert {"temperature ~ velocity", "velocity ~ temperature"} & found
    assert {"temperature ~ concentration", "concentration ~ temperature"} & found


def test_a_changed_parameter_moves_the_level() -> None:
    scaled = tamper(unit(), Attack("scale", BOTH, 0.02, START))
    silent = [f for f in screen_unit(scaled)[0] if f.alarm]
    assert not silent  # 2 % is below what is seen without a hint
    found = [f for f in screen_unit(replace(scaled, changes=(START,)))[0] if f.detector == "parameter"]
    assert found and found[0].alarm
    level = float(found[0].values[0].removesuffix(" %"))
    assert level == pytest.approx(2.0, abs=0.5)
    assert not [f for f in screen_unit(replace(unit(), changes=(START,)))[0] if f.detector == "parameter" and f.alarm]


def test_crowding_below_a_limit() -> None:
    rng = np.random.default_rng(4)
    dust = np.round(rng.normal(48.0, 4.0, N), 1)
    honest = replace(unit(), channels={**unit().channels, "concentration": dust}, limits={"concentration": 50.0})
    assert not [f for f in screen_unit(honest)[0] if f.alarm and f.detector == "crowded"]
    pressed = np.where(dust > 50.0, 49.0 + np.round(rng.uniform(0, 0.9, N), 1), dust)
    found = screen_unit(replace(honest, channels={**unit().channels, "concentration": pressed}))[0]
    assert [f for f in found if f.alarm and f.detector == "crowded"]


def dataset(**extra: np.ndarray) -> xr.Dataset:
    edges = np.datetime64("2024-01-01", "ns") + np.arange(N + 1) * np.timedelta64(1, "h")
    times = bounds_variable(np.stack([edges[:-1], edges[1:]], axis=1))
    dims = ("source", "time")
    data = {n: (dims, v[None]) for n, v in {**unit().channels, **extra}.items()}
    return xr.Dataset({**data, "time_bounds": times}, coords={"source": ["A"], "time": times.time})


def test_a_dataset_gives_the_same_as_its_units() -> None:
    found = screen(dataset())
    assert [(f.detector, f.score) for f in found.findings] == [
        (f.detector, f.score) for f in screen_units([unit()]).findings if f.detector != "clock"
    ]
    assert found.years == pytest.approx(N / 8766) and found.tests >= 12 and not found.alarms


def test_results_do_not_depend_on_the_number_of_threads() -> None:
    units = [tamper(unit(), Attack("scale", BOTH, s, START)) for s in (0.04, 0.05, 0.06, -0.07)]
    one, two = (screen_units(iter(units), workers=w) for w in (1, 2))
    assert one == two and len(one.alarms) == 4


def test_substituted_hours_are_not_judged() -> None:
    frozen = tamper(unit(), Attack("freeze", ("emission",), 0.0, START, 72))
    ds = dataset(emission=frozen.channels["emission"])
    assert [f.subject for f in screen(ds).alarms if f.detector == "stuck"] == ["emission"]
    method = np.full((1, N), int(Method.DIRECT), np.int8)
    method[0, START : START + 72] = int(Method.SUBSTITUTE)
    assert not screen(ds.assign(emission_method=(("source", "time"), method))).alarms


def test_bad_input() -> None:
    with pytest.raises(InputError, match="no two channels"):
        screen(dataset()[["gross_load", "time_bounds"]])
    with pytest.raises(InputError, match=r"no source.*found B"):
        units_of(dataset(), changes={"B": [np.datetime64("2024-01-02")]})
    minutes = dataset()
    minutes["time_bounds"] = minutes["time_bounds"].copy(data=np.datetime64("2024-01-01", "ns") + (
        minutes["time_bounds"].values - np.datetime64("2024-01-01", "ns")) // 60)  # fmt: skip
    with pytest.raises(InputError, match="hourly records"):
        screen(minutes)
    for attack, words in (
        (Attack("burn", BOTH, 1.0, 0), "not known"),
        (Attack("scale", ("flow",), 1.0, 0), "no such channel"),
        (Attack("scale", BOTH, 1.0, N), "outside the record"),
        (Attack("copy", BOTH, 0.0, 100, 168), "no earlier stretch"),
    ):
        with pytest.raises(InputError, match=words):
            tamper(unit(), attack)
