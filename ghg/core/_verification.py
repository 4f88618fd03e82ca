"""What :func:`ghg.core.provenance.verify` answers."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Problem", "Verification", "record_sha256"]


def record_sha256(record: dict[str, Any]) -> str:
    """Return the digest of a provenance record in a manifest, whatever its white space."""
    return hashlib.sha256(json.dumps(record, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Problem:
    """One finding of :func:`verify`.

    Parameters
    ----------
    kind : str
        missing_input, changed_input, repacked_input, changed_values, changed_attribute, changed_layout,
        added_variable, missing_variable, changed_record, changed_file, missing_file, extra_file, no_digest,
        unreadable, no_signature, bad_signature, changed_since_signed, grown_input, or ``ledger_`` and a kind of
        :class:`ghg.core.ledger.Finding`.
    file : str
        Name of the file concerned.
    message : str
        One sentence.
    fatal : bool
        Whether the answer is "no"; the others are remarks.
    """

    kind: str
    file: str
    message: str
    fatal: bool = True


@dataclass
class Verification:
    """Answer of :func:`verify`.

    Parameters
    ----------
    problems : list of Problem
        What was found, in the order of the walk.
    checked : list of str
        Files whose digest was recomputed.
    signed : list of str
        What carries a sound signature, and when it was made.
    """

    problems: list[Problem] = field(default_factory=list)
    checked: list[str] = field(default_factory=list)
    signed: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing was found that makes the answer "no"."""
        return not any(p.fatal for p in self.problems)

    def as_dict(self) -> dict[str, Any]:
        """Return the answer for ``--format json``."""
        return {
            "ok": self.ok,
            "checked": self.checked,
            "signed": self.signed,
            "problems": [vars(p) for p in self.problems if p.fatal],
            "remarks": [vars(p) for p in self.problems if not p.fatal],
        }

    def text(self) -> str:
        """Return the answer in lines for the terminal."""
        lines = [f"{'changed' if p.fatal else 'remark'}: {p.file}: {p.message}" for p in self.problems]
        count = len(self.checked)
        files = f"{count} file{'s' * (count != 1)}"
        lines += [f"signature: {text}" for text in self.signed]
        lines.append(f"verified: {files} as written" if self.ok else f"not verified ({files} looked at)")
        return "\n".join(lines)
