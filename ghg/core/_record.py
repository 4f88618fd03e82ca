"""The record of a run: what it did, with what, and in which steps, in the terms of W3C PROV."""

from __future__ import annotations

import os
import platform
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any

from ghg import __version__
from ghg.core.files import is_netcdf, open_input, sha256
from ghg.core.limits import DAMAGED_NETCDF

__all__ = ["Record", "own_attributes"]

_SOFTWARE = ("numpy", "scipy", "pandas", "xarray", "netCDF4", "numba", "pint")
_MAX_UP = 3  # a relative path that climbs further says more about the machine than about the work
_ABSOLUTE = re.compile(r"^(?:/|~|[A-Za-z]:[\\/]|\\\\)")


@dataclass
class _Used:
    path: Path
    role: str
    sha256: str
    size: int
    content_digest: str


class Record:
    """What a run does, with what, and in which steps.

    Parameters
    ----------
    activity : str
        Name of the job, for example "facility compare".
    config : mapping or pydantic model, optional
        The whole configuration. Absolute paths in it are cut to their names in the record.
    seed : int, optional
        Seed of the random numbers.
    command : sequence of str, optional
        The command line; that of this process unless given.
    """

    def __init__(
        self,
        activity: str,
        config: Any = None,
        seed: int | None = None,
        *,
        command: Sequence[str] | None = None,
    ) -> None:
        self.activity, self.seed = activity, seed
        self.config = _plain(config)
        self.command = tuple(sys.argv if command is None else command)
        self.started, self.ended = datetime.now(UTC), None
        self.steps: list[str] = []
        self._used: dict[tuple[Path, str], _Used] = {}

    def use(self, path: str | os.PathLike[str], role: str = "input", *, digest: str | None = None) -> Path:
        """Register an input file; its digest is taken now, before anything is computed from it.

        Parameters
        ----------
        path : path
            File that exists.
        role : str
            What it is to this run, for example "stack records".
        digest : str, optional
            Its SHA-256, if it was taken of the very bytes that were read.

        Returns
        -------
        Path
            The same path, to open.

        Raises
        ------
        InputError
            It is missing, empty, a folder or unreadable.
        """
        given = open_input(path)
        full = Path(os.path.abspath(given))  # noqa: PTH100  # links are kept: the user's name is the name
        if (full, role) not in self._used:
            own = str(own_attributes(full).get("content_digest", ""))
            self._used[full, role] = _Used(full, role, digest or sha256(full), full.stat().st_size, own)
        return given

    def step(self, text: str) -> None:
        """Add a step: one short sentence of what was done."""
        self.steps.append(text.strip())

    def finish(self) -> None:
        """Fix the time of the end; a record that is written unfinished ends when it is written."""
        self.ended = datetime.now(UTC)

    @property
    def inputs(self) -> list[Path]:
        """Files registered so far."""
        return [used.path for used in self._used.values()]

    def command_line(self) -> str:
        """Return the command line with absolute paths cut to their names, and the version."""
        words = [_quoted(_hide(word)) for word in self.command]
        if words:
            words[0] = _quoted(PurePath(self.command[0]).name or "python")
        return f"{' '.join(words)} (ghg-toolkit {__version__})"

    def as_dict(self, output: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """Return the record in the terms of PROV.

        Parameters
        ----------
        output : path, optional
            File into which it goes; paths of inputs are given relative to its folder where they lie near it,
            else by name only.
        """
        folder = None if output is None else Path(os.path.abspath(output)).parent  # noqa: PTH100
        entities, used = {}, {}
        for i, item in enumerate(self._used.values(), 1):
            entities[f"ghg:input{i}"] = {
                "prov:label": item.path.name,
                "prov:type": "ghg:File",
                "ghg:path": _relative(item.path, folder),
                "ghg:role": item.role,
                "ghg:sha256": item.sha256,
                "ghg:bytes": item.size,
            } | ({"ghg:content_digest": item.content_digest} if item.content_digest else {})
            used[f"_:used{i}"] = {"prov:activity": "ghg:run", "prov:entity": f"ghg:input{i}"}
        entities["ghg:output"] = {"prov:type": "ghg:File"} | (
            {"prov:label": Path(output).name} if output is not None else {}
        )
        activity: dict[str, Any] = {
            "prov:type": self.activity,
            "prov:startTime": _stamp(self.started),
            "prov:endTime": _stamp(self.ended or datetime.now(UTC)),
            "ghg:command": self.command_line(),
            "ghg:config": self.config,
            "ghg:seed": self.seed,
            "ghg:steps": self.steps,
        }
        return {
            "prefix": {"prov": "http://www.w3.org/ns/prov#", "ghg": "urn:ghg-toolkit:"},
            "entity": entities,
            "activity": {"ghg:run": activity},
            "agent": {"ghg:software": {"prov:type": "prov:SoftwareAgent", "ghg:versions": _versions()}},
            "used": used,
            "wasGeneratedBy": {"_:made": {"prov:entity": "ghg:output", "prov:activity": "ghg:run"}},
            "wasAssociatedWith": {"_:by": {"prov:activity": "ghg:run", "prov:agent": "ghg:software"}},
        }


def own_attributes(path: Path) -> dict[str, Any]:
    """Return the global attributes of a NetCDF file that carry its record; nothing for other files."""
    if not is_netcdf(path):
        return {}
    from ghg.core._library import dataset

    try:
        with dataset(path) as nc:
            keys = set(nc.ncattrs()) & {"content_digest", "provenance"}
            return {key: nc.getncattr(key) for key in keys}
    except DAMAGED_NETCDF:
        return {}


def _stamp(when: datetime) -> str:
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _versions() -> dict[str, str]:
    found = {"ghg-toolkit": __version__, "python": platform.python_version()}
    for name in _SOFTWARE:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _relative(path: Path, folder: Path | None) -> str:
    """Return a path that tells nothing of the machine: relative if near the output, else the name."""
    if folder is None:
        return path.name
    try:
        near = PurePath(os.path.relpath(path, folder))
    except ValueError:  # another drive
        return path.name
    ups = near.parts.count("..")
    at_root = ups >= len(folder.parts) - 1 and ups > 0
    return path.name if ups > _MAX_UP or at_root else near.as_posix()


def _hide(word: str) -> str:
    """Cut an absolute path to its name, also behind ``--option=``."""
    key, equals, value = word.partition("=")
    if equals and not _ABSOLUTE.match(key) and (hidden := _hide(value)) != value:
        return f"{key}={hidden}"
    if not _ABSOLUTE.match(word) or len(word) < 2:
        return word
    pure = PureWindowsPath(word) if re.match(r"^(?:[A-Za-z]:|\\\\)", word) else PurePath(word)
    return pure.name or word[:1]


def _quoted(word: str) -> str:
    return f"'{word}'" if re.search(r"\s", word) else word


def _plain(value: Any) -> Any:
    """Return a configuration as JSON values, with absolute paths cut to their names."""
    if hasattr(value, "model_dump"):
        value = value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        items = sorted(value, key=str) if isinstance(value, set | frozenset) else value
        return [_plain(v) for v in items]
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else str(value)
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # numpy scalar
        return _plain(value.item())
    return _hide(str(value))
