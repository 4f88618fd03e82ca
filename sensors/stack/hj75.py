"""The HJ 75 / ISO route: velocity, area, temperature, pressure and moisture to dry flow at a stated state.

Every function takes values with units (a DataArray with ``units``, or a pair ``(value, "unit")``) and
computes in SI; the reference state is an argument without default, since 0 degC and 20 degC differ by 7.3 %.

References
----------
HJ 75-2017, Specifications for continuous emissions monitoring of SO2, NOx and particulate matter in the flue
gas emitted from stationary sources, annex of calculations; HJ 76-2017; ISO 16911-1:2013 (velocity and flow).
The equations are the ideal-gas law; they were not compared with the printed annex.
"""

from __future__ import annotations

from typing import Any

from ghg.core.units import ReferenceState, units

__all__ = ["actual_flow", "mass_rate", "moisture_from_oxygen", "normal_flow"]


@units(velocity="m s-1", area="m2", returns="m3 s-1")
def actual_flow(velocity: Any, area: Any, coefficient: float = 1.0) -> Any:
    """Return the wet flow at actual conditions [m3 s-1]: ``V_s = K_v V_p``, ``Q_s = A V_s``.

    Parameters
    ----------
    velocity : quantity
        Velocity of the monitor.
    area : quantity
        Cross-section.
    coefficient : float
        Velocity-field coefficient K_v from the comparison with the manual traverse.
    """
    return coefficient * area * velocity


@units(flow="m3 s-1", temperature="K", pressure="Pa", h2o="percent", returns="m3 s-1")
def normal_flow(flow: Any, temperature: Any, pressure: Any, h2o: Any, state: ReferenceState) -> Any:
    """Return the flow at a reference state [m3 s-1].

    ``Q_sn = Q_s T_0/T (B_a + P_s)/p_0 (1 - X_sw)``, without the last factor for a wet state.

    Parameters
    ----------
    flow : quantity
        Wet, at actual conditions.
    temperature, pressure : quantity
        In the measuring section; the pressure is absolute (barometric plus static).
    h2o : quantity
        Water vapour by volume of the wet gas.
    state : ReferenceState
        Reference state of the result.
    """
    dry = 1.0 - h2o / 100.0 if state.humidity == "dry" else 1.0
    return flow * (state.temperature_K / temperature) * (pressure / state.pressure_Pa) * dry


@units(concentration="kg m-3", flow="m3 s-1", returns="kg s-1")
def mass_rate(concentration: Any, flow: Any) -> Any:
    """Return the mass rate [kg s-1] of a concentration and a flow at the same state: ``G = C Q_sn``."""
    return concentration * flow


@units(o2_wet="percent", o2_dry="percent", returns="percent")
def moisture_from_oxygen(o2_wet: Any, o2_dry: Any) -> Any:
    """Return water vapour [percent] from wet and dry oxygen: ``X_sw = 1 - O2_wet/O2_dry`` (definition)."""
    return 100.0 * (1.0 - o2_wet / o2_dry)
