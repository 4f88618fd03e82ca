"""The two classes of failure: what the user can mend (one clear sentence) and what we must mend (a bug)."""

from __future__ import annotations

from collections.abc import Sequence

EXIT_DONE, EXIT_BUG, EXIT_INPUT, EXIT_NO = 0, 1, 2, 3
LONGEST_FOUND = 1500  # characters of what was found that are shown


class GhgError(Exception):
    """A failure that is explained in one sentence.

    Parameters
    ----------
    what : str
        What is wrong, as the beginning of a sentence without full stop.
    where : str, optional
        File, row, column or configuration key.
    found, need : str, optional
        What stands there and what is needed instead.
    hint : str, optional
        What to do about it.
    """

    exit_code = EXIT_BUG

    def __init__(self, what: str, *, where: str = "", found: str = "", need: str = "", hint: str = "") -> None:
        if len(found) > LONGEST_FOUND:  # a damaged file may hold a line of megabytes
            found = f"{found[:LONGEST_FOUND]} ..."
        self.what, self.where, self.found, self.need, self.hint = what, where, found, need, hint
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        details = [f"found {self.found}" if self.found else "", f"needed {self.need}" if self.need else ""]
        details = [d for d in details if d]
        if details:
            text += " (" + ", ".join(details) + ")"
        ends = self.hint.endswith(("?", "."))
        return f"{text}; {self.hint}{'' if ends else '.'}" if self.hint else f"{text}."

    def as_dict(self) -> dict[str, str]:
        """Return the parts of the sentence, for ``--format json``."""
        parts = {k: getattr(self, k) for k in ("what", "where", "found", "need", "hint")}
        return {"error": type(self).__name__, **{k: v for k, v in parts.items() if v}}


class InputError(GhgError):
    """The user's input is wrong: exit code 2."""

    exit_code = EXIT_INPUT


class UnitError(InputError):
    """A unit is missing, unreadable, ambiguous or of the wrong dimension."""


class ConfigError(InputError):
    """A key of a configuration file is missing, unknown or out of range."""


class ErrorList(InputError):
    """Several faults of one input, reported together.

    Parameters
    ----------
    errors : sequence of GhgError
        The faults, in the order of the input.
    """

    def __init__(self, errors: Sequence[GhgError]) -> None:
        self.errors = tuple(errors)
        super().__init__(" ".join(str(e) for e in self.errors).rstrip("."))

    def as_dict(self) -> dict[str, str]:
        """Return the joined sentence and the count."""
        return {"error": type(self).__name__, "what": self.what, "count": str(len(self.errors))}


class AnswerNo(GhgError):
    """The work was done and the answer is "no" (not verified, not equivalent): exit code 3."""

    exit_code = EXIT_NO
