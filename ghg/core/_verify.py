"""The walk of ``ghg.core.provenance.verify``: from a file down to its inputs, and what differs on the way."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core._verification import Problem, Verification, record_sha256
from ghg.core.errors import InputError
from ghg.core.files import MANIFEST, is_netcdf, open_input, sha256
from ghg.core.ledger import check as check_ledger
from ghg.core.ledger import is_ledger, prefix_of

if TYPE_CHECKING:
    import xarray as xr

    from ghg.core._digest import Leaf

MAX_DEPTH = 100
LEDGER_ROLE = "parameter ledger"  # role under which a run registers the ledger it used
SIGNATURE = ".sig"  # written by ghg.core.signature beside what it signs


class Walk:
    """Visits every file once.

    Parameters
    ----------
    base : Path, optional
        Further folder in which to look for inputs.
    """

    def __init__(self, base: Path | None) -> None:
        self.base = base
        self.result = Verification()
        self._seen: set[Path] = set()

    def start(self, path: Path) -> None:
        """Verify what the user named."""
        if path.is_dir():
            self.folder(path)
            return
        given = open_input(path)
        if given.name == MANIFEST:
            self.folder(given.parent)
        elif is_netcdf(given):
            self.netcdf(given, 0)
        elif is_ledger(given):
            self.ledger(given)
        elif (given.parent / MANIFEST).is_file():
            self._listed(given)
        else:
            self.add("no_digest", given, "neither the file nor its folder holds a digest")

    def add(self, kind: str, path: Path | str, message: str, fatal: bool = True) -> None:
        """Note a finding."""
        name = path.name if isinstance(path, Path) else path
        self.result.problems.append(Problem(kind, name, message, fatal))

    def folder(self, folder: Path) -> None:
        """Verify a report folder against its manifest, then its NetCDF files."""
        files = _manifest(folder)
        self._recorded(folder / MANIFEST)
        present = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()} - {MANIFEST}
        for name, entry in files.items():
            if name not in present:
                self.add("missing_file", name, "it is listed in the manifest and is gone")
            elif not self._same(folder / name, str(entry.get("sha256"))) and not is_netcdf(folder / name):
                self.add("changed_file", name, "it was changed since the manifest was written")
        for name in sorted(present - set(files)):
            if name.endswith(SIGNATURE) and name.removesuffix(SIGNATURE) in {*present, MANIFEST}:
                continue
            self.add("extra_file", name, "it is not listed in the manifest", fatal=False)
        for name in sorted(present & set(files)):
            path = folder / name
            if path.suffix == ".json" and path.stat().st_size:
                self.document(path, 0)
            elif path.stat().st_size and is_netcdf(path):
                before = sum(p.fatal for p in self.result.problems)
                self.netcdf(path, 0)
                explained = sum(p.fatal for p in self.result.problems) > before
                if not explained and sha256(path) != files[name].get("sha256"):
                    self.add("repacked_input", name, "its bytes differ from the manifest, its content does not",
                             fatal=False)  # fmt: skip

    def ledger(self, path: Path) -> None:
        """Verify the chain of a parameter ledger."""
        self.result.checked.append(path.name)
        for finding in check_ledger(path):
            self.add(f"ledger_{finding.kind}", path, finding.message)

    def _listed(self, path: Path) -> None:
        entry = _manifest(path.parent).get(path.name)
        if entry is None:
            self.add("no_digest", path, "it is not listed in the manifest of its folder")
        elif not self._same(path, str(entry.get("sha256"))):
            self.add("changed_file", path, "it was changed since the manifest was written")

    def _same(self, path: Path, expected: str) -> bool:
        self.result.checked.append(path.name)
        return sha256(path) == expected

    def netcdf(self, path: Path, depth: int) -> None:
        """Verify the content of a NetCDF file, then its inputs."""
        key = path.resolve()
        if key in self._seen or depth > MAX_DEPTH:
            return
        self._seen.add(key)
        from ghg.core.netcdf import load_all

        try:
            ds, blocks = load_all(path)
        except InputError as error:
            self.add("unreadable", path, str(error).rstrip("."))
            return
        if path.name not in self.result.checked:
            self.result.checked.append(path.name)
        if not ds.attrs.get("content_digest"):
            self.add("no_digest", path, "it holds no content digest, so it cannot be verified")
            return
        self._content(path, ds, blocks)
        self._inputs(path, _json(ds.attrs.get("provenance")), depth)

    def document(self, path: Path, depth: int) -> None:
        """Verify the inputs of a JSON result that holds its provenance."""
        key = path.resolve()
        if key in self._seen or depth > MAX_DEPTH:
            return
        self._seen.add(key)
        try:
            record = _json(path.read_text(encoding="utf-8")).get("provenance")
        except (OSError, UnicodeDecodeError):
            return  # its digest has been told to be another one already
        if isinstance(record, dict):
            self._inputs(path, record, depth)

    def _content(self, path: Path, ds: xr.Dataset, blocks: str) -> None:
        from ghg.core import _digest

        before = sum(p.fatal for p in self.result.problems)
        now = _digest.leaves(ds)
        stored, codes = _json(ds.attrs.get("content_leaves")), _json(blocks)
        for name in sorted(set(stored) | set(now)):
            if name not in now:
                self.add("missing_variable", path, f"variable '{name}' is gone")
            elif name not in stored:
                self.add("added_variable", path, f"variable '{name}' was added")
            elif now[name].digest != stored[name]:
                self._changed(path, ds, name, now[name], codes.get(name) or {})
        found = sum(p.fatal for p in self.result.problems) > before
        if not found and _digest.root({name: leaf.digest for name, leaf in now.items()}) != ds.attrs["content_digest"]:
            self.add("changed_attribute", path, "the stored content digest itself was changed")
        if not found and _digest.record_digest(ds.attrs) != ds.attrs.get("record_digest"):
            self.add("changed_record", path, "the provenance, the history or a date was changed")

    def _changed(self, path: Path, ds: xr.Dataset, name: str, now: Leaf, codes: dict[str, Any]) -> None:
        """Name what differs in one variable, or in the global attributes (empty name)."""
        from ghg.core._digest import locate

        of = f" of variable '{name}'" if name else ""
        told = False
        old = dict(codes.get("attributes") or {})
        for key in sorted(set(old) | set(now.attributes)):
            if old.get(key) != now.attributes.get(key):
                verb = "added" if key not in old else "removed" if key not in now.attributes else "changed"
                text = "" if verb == "removed" else f"; it is now {_short((ds[name] if name else ds).attrs.get(key))}"
                self.add(
                    "changed_attribute", path, f"{'' if name else 'global '}attribute '{key}'{of} was {verb}{text}"
                )
                told = True
        if name and codes.get("layout") != now.layout:
            self.add("changed_layout", path, f"variable '{name}' was {codes.get('layout')} and is {now.layout}")
            return
        place = locate(codes, now, ds[name].size) if name else None
        if place is not None:
            self.add("changed_values", path, _describe(ds, name, place))
        elif not told:
            self.add("changed_values", path, f"variable '{name}' was changed" if name else "its attributes differ")

    def _recorded(self, path: Path) -> None:
        """Verify the record of a manifest, where it has one, and the inputs it names."""
        listed = _json(path.read_text(encoding="utf-8"))
        record = listed.get("provenance")
        if not isinstance(record, dict):
            return
        if record_sha256(record) != listed.get("record_sha256"):
            self.add("changed_record", path, "the provenance of the folder was changed")
        self._inputs(path, record, 0)

    def _inputs(self, path: Path, record: dict[str, Any], depth: int) -> None:
        entities = record.get("entity")
        for key, entity in sorted(entities.items()) if isinstance(entities, dict) else ():
            if key == "ghg:output" or not isinstance(entity, dict) or "ghg:sha256" not in entity:
                continue
            label = str(entity.get("prov:label", key))
            found = self._find(path, str(entity.get("ghg:path", label)), label)
            if found is None:
                self.add("missing_input", path, f"input '{label}' was not found, so it could not be checked", False)
                continue
            if entity.get("ghg:role") == LEDGER_ROLE:
                self._used_ledger(path, found, str(entity["ghg:sha256"]))
                continue
            same = sha256(found) == entity["ghg:sha256"]
            if found.name not in self.result.checked:
                self.result.checked.append(found.name)
            if not same:
                self._input_differs(path, found, entity)
            if is_netcdf(found) and _has_digest(found):
                self.netcdf(found, depth + 1)
            elif found.suffix == ".json":
                self.document(found, depth + 1)

    def _used_ledger(self, path: Path, found: Path, digest: str) -> None:
        """Verify a ledger that was used: it may have grown since, but must begin with what was used."""
        self.ledger(found)
        since = prefix_of(found, digest)
        if since is None and sha256(found) != digest:
            self.add("changed_input", path, f"ledger '{found.name}' no longer begins with the entries that were used: "
                     f"some were changed or removed (SHA-256 {digest[:12]}... expected)")  # fmt: skip
        elif since:
            self.add("grown_input", path, f"ledger '{found.name}' has {since} more entries since", False)

    def _input_differs(self, path: Path, found: Path, entity: dict[str, Any]) -> None:
        own = entity.get("ghg:content_digest")
        if own and _digest_of(found) == own:
            self.add("repacked_input", path, f"input '{found.name}' has other bytes and the same content", False)
        else:
            self.add("changed_input", path, f"input '{found.name}' is not the file that was used "
                     f"(SHA-256 {str(entity['ghg:sha256'])[:12]}... expected)")  # fmt: skip

    def _find(self, output: Path, relative: str, name: str) -> Path | None:
        folders = [output.parent, *([self.base] if self.base is not None else [])]
        for folder in folders:
            for candidate in dict.fromkeys((relative, name)):
                path = folder / candidate
                with suppress(OSError):  # no name of a file: another hand wrote it
                    if path.is_file() and path.stat().st_size:
                        return path
        return None


def _describe(ds: xr.Dataset, name: str, place: Any) -> str:
    first = _where(ds, name, place.first)
    if place.exact:
        value, units = ds[name].values.ravel()[place.first], ds[name].attrs.get("units", "")
        return f"variable '{name}' was changed at {first}; the value is now {f'{value} {units}'.strip()}"
    last = _where(ds, name, place.last)
    return f"variable '{name}' was changed in up to {place.count} values, from {first} to {last}"


def _where(ds: xr.Dataset, name: str, flat: int) -> str:
    """Return where a value stands, in words: "source '54:1', time 2018-03-01T05:00:00"."""
    import numpy as np

    variable = ds.variables[name]
    index = np.unravel_index(flat, variable.shape)
    parts = []
    for dim, i in zip(variable.dims, index, strict=True):
        if dim in ds.variables and ds.variables[dim].dims == (dim,):
            value = ds.variables[dim].values[i]
            if ds.variables[dim].dtype.kind == "M":
                parts.append(f"{dim} {np.datetime_as_string(value, unit='s')}Z")
            else:
                parts.append(f"{dim} {str(value)!r}")
        else:
            parts.append(f"{dim} {int(i)}")
    return ", ".join(parts) or "its only value"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _manifest(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError("the folder holds no manifest, so there is nothing to verify", where=str(folder),
                         need=MANIFEST)  # fmt: skip
    try:
        files = json.loads(open_input(path).read_text(encoding="utf-8"))["files"]
        return {str(k): dict(v) for k, v in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError("the manifest is damaged", where=str(path), found=str(error)) from error


def _json(text: Any) -> dict[str, Any]:
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_digest(path: Path) -> bool:
    from ghg.core._record import own_attributes

    return bool(own_attributes(path).get("content_digest"))


def _digest_of(path: Path) -> str:
    """Return the content digest recomputed from what lies in a file."""
    from ghg.core import _digest
    from ghg.core.netcdf import load_all

    try:
        ds, _ = load_all(path)
    except InputError:
        return ""
    return _digest.root({name: leaf.digest for name, leaf in _digest.leaves(ds).items()})
