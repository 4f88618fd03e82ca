"""The response through time: straight lines between calibration sequences, or a smoother that learns its noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ghg.core.errors import InputError
from sensors.calibration.interpolation import interpolated
from sensors.calibration.response import Applied, Response
from sensors.calibration.smoothing import EARLIER, smoothed
from sensors.calibration.visits import Visits
from sensors.config.station import Calibration

__all__ = ["Applied", "Response", "follow"]

Array = npt.NDArray[np.float64]
DEGREE = {"offset": 0, "linear": 1, "quadratic": 2}


def follow(
    visits: Visits,
    response: str,
    settings: Calibration,
    span: tuple[float, float],
    learnt: dict[str, float] | None = None,
    nodes: Array | None = None,
) -> Response:
    """Follow the response of an analyser through the visits of its calibration cylinders.

    Parameters
    ----------
    visits : Visits
        Of calibration cylinders only.
    response : {"offset", "linear", "quadratic"}
    settings : Calibration
    span : (float, float)
        First and last time at which the response is wanted [s].
    learnt : dict, optional
        Noise that is known already (``Response.parameters`` of the smoother).
    nodes : array, optional
        Times [s] at which alone the response is wanted; every ``settings.node`` unless given.

    Returns
    -------
    Response

    Raises
    ------
    InputError
        Fewer different cylinders than the response needs.
    """
    degree = DEGREE[response]
    different = np.unique(visits.value.round(6)).size
    if different < degree + 1:
        need = {0: "one cylinder", 1: "two cylinders", 2: "three cylinders"}[degree]
        raise InputError(f"a {response} response needs at least {need} of different value",
                         found=f"{different} ({', '.join(t.name for t in visits.tanks)})",
                         hint="state another response, or check the valve map and the validity of the cylinders",
                         )  # fmt: skip
    centre = float(np.median(np.unique(visits.value)))
    scale = float(np.ptp(visits.value)) / 2.0 or max(abs(centre), 1.0) / 10.0
    nodes = _nodes(span, settings.node) if nodes is None else nodes
    services = np.array([np.datetime64(s, "us").astype(np.int64) / 1e6 for s in settings.services], np.float64)
    services = np.sort(services[(services > span[0]) & (services < span[1])])
    if settings.drift == "smoother":
        return smoothed(visits, degree, nodes, (centre, scale), services, learnt)
    nodes = np.unique(np.concatenate([nodes, services - EARLIER, services]))
    return interpolated(visits, degree, nodes, (centre, scale), services)


def _nodes(span: tuple[float, float], step: float) -> Array:
    """Return node times on multiples of `step`, so that they do not depend on where a record is cut."""
    first = np.floor(span[0] / step)
    last = np.ceil(span[1] / step)
    return np.arange(first, max(last, first + 1) + 1) * step
