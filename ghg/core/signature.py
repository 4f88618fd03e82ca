"""Signatures: who stands behind a file or a report folder, so that a change with recomputed digests shows too.

What is signed is a statement of a few lines: name, kind and digest of the target, and the time. The digest is the
content digest of a NetCDF file (compression may change) or the SHA-256 of the manifest of a report folder, which in
turn lists every file. The statement and its Ed25519 signature lie beside the target, as ``<name>.sig``.

References
----------
RFC 8032 (2017), Edwards-curve digital signature algorithm, Ed25519. The arithmetic is the `cryptography` package's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ghg.core._verification import Problem
from ghg.core._verify import SIGNATURE as ENDING
from ghg.core._verify import Walk
from ghg.core.errors import InputError
from ghg.core.files import MANIFEST, atomic_path, is_netcdf, open_input, sha256, write_text

__all__ = ["ENDING", "check", "new_key", "sign"]


def new_key(target: str | os.PathLike[str], force: bool = False) -> tuple[Path, Path]:
    """Make a pair of keys.

    Parameters
    ----------
    target : path
        File for the private key, readable by its owner only; the public key lies beside it as ``<target>.pub``.

    Returns
    -------
    tuple of Path
        The private and the public key (PEM).

    Raises
    ------
    InputError
        A key stands there already, or the folder cannot be written.
    """
    serialization, private = _library()
    key = private.Ed25519PrivateKey.generate()
    secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                               serialization.NoEncryption())  # fmt: skip
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    path = Path(target)
    beside = path.with_name(path.name + ".pub")
    if beside.exists() and not force:
        raise InputError("a public key of this name exists", where=str(beside), hint="choose another name, or --force")
    with atomic_path(path, force) as temporary:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(secret)
        temporary.chmod(0o600)
    write_text(beside, public.decode("ascii"), force)
    return path, beside


def sign(target: str | os.PathLike[str], key: str | os.PathLike[str], force: bool = False) -> Path:
    """Sign a NetCDF file of ours or a report folder that is still what was written.

    Parameters
    ----------
    target : path
        NetCDF file with a content digest, or folder with a manifest.
    key : path
        Private key (PEM) of :func:`new_key`.

    Returns
    -------
    Path
        The signature file.

    Raises
    ------
    InputError
        Not a key, nothing that could be signed, or it was changed since it was written.
    """
    secret = _private(Path(key))
    path, kind = _signed_file(Path(target))
    walk = Walk(None)
    walk.start(Path(target))
    found = walk.result
    if not found.ok:
        first = next(p for p in found.problems if p.fatal)
        raise InputError("what was changed is not signed", where=first.file, found=first.message)
    statement = {"target": path.name, "kind": kind, "digest": _digest(path, kind),
                 "signed_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")}  # fmt: skip
    document = {"statement": statement, "algorithm": "Ed25519", "signature": secret.sign(_bytes(statement)).hex()}
    place = path.with_name(path.name + ENDING)
    write_text(place, json.dumps(document, indent=1) + "\n", force)
    return place


def check(target: str | os.PathLike[str], key: str | os.PathLike[str]) -> tuple[list[Problem], list[str]]:
    """Hold the signature of a file or report folder against a public key.

    Parameters
    ----------
    target : path
        As for :func:`sign`.
    key : path
        Public key (PEM).

    Returns
    -------
    problems : list of Problem
        Empty where the signature is sound and belongs to what lies there.
    checked : list of str
        What is signed, and when.

    Raises
    ------
    InputError
        Not a public key, or nothing that could be signed.
    """
    public = _public(Path(key))
    path, kind = _signed_file(Path(target))
    place = path.with_name(path.name + ENDING)
    if not place.is_file():
        return [Problem("no_signature", path.name, f"there is no signature {place.name} beside it")], []
    statement, signature = _read(place)
    if statement is None:
        return [Problem("bad_signature", place.name, "the signature file is damaged")], []
    from cryptography.exceptions import InvalidSignature

    try:
        public.verify(signature, _bytes(statement))
    except InvalidSignature:
        return [Problem("bad_signature", place.name, "the signature was not made with this key, or what it states was "
                        "changed")], []  # fmt: skip
    if statement.get("target") != path.name or statement.get("kind") != kind:
        return [Problem("bad_signature", place.name, f"it signs '{statement.get('target')}', not this")], []
    if statement.get("digest") != _digest(path, kind):
        return [Problem("changed_since_signed", path.name, f"it is not what was signed at "
                        f"{statement.get('signed_at')}")], []  # fmt: skip
    return [], [f"{path.name}, signed {statement.get('signed_at')}"]


def _signed_file(target: Path) -> tuple[Path, str]:
    """Return the file whose digest is signed, and its kind."""
    path = target / MANIFEST if target.is_dir() else target
    if target.is_dir() and not path.is_file():
        raise InputError("the folder holds no manifest, so there is nothing to sign", where=str(target), need=MANIFEST)
    open_input(path)
    if path.name == MANIFEST:
        return path, "manifest"
    if is_netcdf(path):
        return path, "netcdf"
    raise InputError("this cannot be signed", where=str(path), need="a NetCDF file of ours or a report folder")


def _digest(path: Path, kind: str) -> str:
    if kind == "manifest":
        return sha256(path)
    from ghg.core import _digest as digests
    from ghg.core.netcdf import load_all

    ds, _ = load_all(path)
    return digests.root({name: leaf.digest for name, leaf in digests.leaves(ds).items()})


def _bytes(statement: dict[str, Any]) -> bytes:
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode("ascii")


def _read(place: Path) -> tuple[dict[str, Any] | None, bytes]:
    try:
        document = json.loads(place.read_text(encoding="utf-8"))
        return dict(document["statement"]), bytes.fromhex(document["signature"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None, b""


def _library() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise InputError("signatures need the package 'cryptography'",
                         hint="install it with: pip install 'ghg-toolkit[sign]'") from None  # fmt: skip
    return serialization, ed25519


def _private(path: Path) -> Any:
    serialization, kind = _library()
    key = _loaded(lambda data: serialization.load_pem_private_key(data, password=None), path)
    if not isinstance(key, kind.Ed25519PrivateKey):
        raise InputError(
            "this is no private Ed25519 key", where=str(path), hint="make one with: ghg sign --new-key KEY"
        )
    return key


def _public(path: Path) -> Any:
    serialization, kind = _library()
    key = _loaded(serialization.load_pem_public_key, path)
    if not isinstance(key, kind.Ed25519PublicKey):
        raise InputError("this is no public Ed25519 key", where=str(path), need="the .pub file of the signer")
    return key


def _loaded(load: Callable[[bytes], Any], path: Path) -> Any:
    """Return the key of a file, None where there is none, or of a kind that the library does not know."""
    from cryptography.exceptions import UnsupportedAlgorithm

    try:
        return load(open_input(path).read_bytes())
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
