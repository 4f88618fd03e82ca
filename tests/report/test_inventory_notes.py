"""Notes of a compilation on a Chinese page: their patterns are the words of those who write them."""

from __future__ import annotations

import re

import pytest

from ghg.report.inventory import NOTES, _note
from ghg.report.page import texts
from tests.terminal import ROOT

WRITTEN = "\n".join(path.read_text(encoding="utf-8") for folder in ("inventories", "ghg/core")
                    for path in sorted((ROOT / folder).rglob("*.py")))  # fmt: skip


@pytest.mark.parametrize("code", NOTES)
def test_each_pattern_has_the_words_that_are_written_and_a_translation_of_all_its_parts(code: str) -> None:
    """A note that is worded anew would else stay English on a Chinese page, and nobody would see it."""
    pattern = NOTES[code].replace("\\(", "(").replace("\\)", ")")
    words = [w for w in re.split(r"\(?\((?:\.\*|\\S\+|\\d\+)\)\)?", pattern) if len(w.strip(" :;'()")) > 3]
    assert words and all(w.strip(" :;'()") in WRITTEN for w in words), words
    known = texts("zh", "inventory")[f"note_{code}"]
    assert set(re.findall(r"\{(\d)\}", known)) == {str(i) for i in range(re.compile(NOTES[code]).groups)}


def test_a_note_that_is_not_known_stays_as_it_is() -> None:
    text = texts("zh", "inventory")
    assert _note("units: 3 rows have no activity and are not estimated", text) == "units：3 行没有活动水平，未估算"
    assert _note("something else", text) == "something else"
