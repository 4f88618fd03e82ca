"""Pages of analysers: the status of a network, and one station from raw to final."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from ghg.core.errors import InputError
from ghg.core.files import write_text

__all__ = ["write_network"]

UNITS = {"umol mol-1": "ppm", "nmol mol-1": "ppb"}


def number(value: float, form: str = ".2g", missing: str = "\N{EN DASH}") -> str:
    """Return a number as text; a dash where there is none."""
    return format(value, form).replace("-", "\N{MINUS SIGN}") if value == value else missing


def render(name: str, **values: Any) -> str:
    """Return a page from its template.

    Raises
    ------
    InputError
        jinja2 is not installed.
    """
    try:
        from jinja2 import Environment, StrictUndefined, select_autoescape
    except ImportError as error:
        raise InputError("the page needs more packages", found=str(error.name),
                         hint="install ghg-toolkit[report]") from error  # fmt: skip
    environment = Environment(undefined=StrictUndefined, autoescape=select_autoescape(["html", "j2"]), trim_blocks=True)
    environment.filters.update(number=number, unit=lambda text: UNITS.get(text, text))
    source = files("ghg.report") / "templates"
    style = (source / "style.css").read_text(encoding="utf-8")
    template = environment.from_string((source / name).read_text(encoding="utf-8"))
    return template.render(style=style, made=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC", **values)


def write_network(status: Sequence[Any], job: Any, folder: Path) -> Path:
    """Write ``status.html``: stations that need a technician first, then the table of all.

    Parameters
    ----------
    status : sequence of StationStatus
        See :func:`sensors.station.status.station_status`.
    job : NetworkJob
        Title, and what is watched.
    folder : Path
        Existing folder.
    """
    order = sorted(status, key=lambda s: (-len(s.technician), -len(s.alarms), s.name))
    unverified = sorted({g.gas for s in status for g in s.gases if not g.verified and g.goal == g.goal})
    page = render("network.html.j2", title=job.title, watch=job.watch, stations=status, order=order,
                  unverified=unverified)  # fmt: skip
    path = folder / "status.html"
    write_text(path, page, force=True)
    return path
