"""The page in both languages: what a reader sees, from real outcomes of one pair and of a year of months."""

from __future__ import annotations

import math
import re
import string
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ghg.core.errors import InputError
from ghg.facility import compare
from ghg.facility.config import FacilityJob
from ghg.facility.independence import EVIDENCE, Independence
from ghg.facility.job import _finite
from ghg.facility.result import as_dict
from ghg.report.facility import _evidence, detail, write_report
from ghg.report.page import texts
from sensors.integrity.null import nulls
from tests.plants import ordinary, plant, settings


@cache
def outcome(by: str) -> dict[str, Any]:
    """Return the result of a plant whose flow reads 5 % high from July, with a reference-method test of October."""
    rng = np.random.default_rng(5)
    errors = ordinary(rng)
    errors["measured.flow"] = errors["measured.flow"] + np.r_[np.zeros(6), np.full(6, math.log(1.05))]
    sides = plant(errors, rng, natural=0.01)
    test = {"component": "measured.flow", "ratio": 1.028, "u": "0.5 %", "source": "RATA <October>"}
    comparison = settings([test]).model_copy(update={"by": by})
    job = FacilityJob.model_construct(title="Synthetic <plant>", comparison=comparison, facility=_Facility())
    found = compare(*sides, comparison, "UTC")
    return {**_finite(as_dict(found, job)), "provenance": {"used": []}}


class _Facility:
    name, timezone = "P & Q", "UTC"

    def model_dump(self) -> dict[str, str]:
        return {"name": self.name, "id": "1", "operator": "", "timezone": self.timezone}


class Text(HTMLParser):
    """Collects what a reader sees outside the pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.hidden += tag in ("style", "svg")

    def handle_endtag(self, tag: str) -> None:
        self.hidden -= tag in ("style", "svg")

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.seen.append(data)


def seen(page: Path) -> str:
    reader = Text()
    reader.feed(page.read_text(encoding="utf-8"))
    return re.sub(r"[ \n]+", " ", " ".join(reader.seen))


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("by", ["year", "month"])
def test_pages(tmp_path: Path, lang: str, by: str) -> None:
    result, text = outcome(by), texts(lang)
    page = write_report(result, tmp_path, lang)
    words = seen(page)
    assert text[f"verdict_{result['verdict']['code']}"] in words
    assert f"{result['measured']['total_kg'] / 1000:,.0f}".replace(",", "\u202f") in words
    assert "Synthetic &lt;plant&gt;" in page.read_text(encoding="utf-8")
    assert (text["series_missing"] in words) == (by == "year")
    for name in ("series", "scatter"):
        assert (tmp_path / "figures" / f"{name}.svg").exists() == (by == "month")
    assert "{" not in words.split(text["provenance"])[0], "a placeholder was left unfilled"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_wrong_input_and_its_change_are_named(tmp_path: Path, lang: str) -> None:
    text = texts(lang)
    words = seen(write_report(outcome("month"), tmp_path, lang))
    assert text["step"].format(start="2023-07-01") in words
    assert text["component_flow"] in words
    assert "RATA <October>" in words


def test_the_chinese_page_has_no_english_sentence(tmp_path: Path) -> None:
    result = {**outcome("month"), "notes": []}
    words = seen(write_report(result, tmp_path, "zh"))
    kept = (
        "Synthetic <plant>",
        "RATA <October>",
        "ghg verify",
        "comparison.reference",
        "zeta",
        "York",
        "Bland–Altman",
        "Theil–Sen",
        "Fc",
        "short ton",
    )
    for phrase in kept:
        words = words.replace(phrase, "")
    words = words.split(texts("zh")["provenance"])[0]
    english = [run for run in words.split() if run.isascii() and run.isalpha() and run.islower() and len(run) > 3]
    assert set(english) <= {"coal", "subbituminous", "direct", "mmbtu", "stack", "test", "none"}, english


def test_both_languages_have_the_same_words() -> None:
    english, chinese = texts("en"), texts("zh")
    english = {**english, **{f"evidence_{code}": sentence for code, sentence in EVIDENCE.items()}}
    assert english.keys() == chinese.keys()
    assert all(value.strip() for value in chinese.values())
    for key, sentence in english.items():
        fields = [{f for _, f, _, _ in string.Formatter().parse(s) if f} for s in (sentence, chinese[key])]
        assert fields[0] == fields[1], key
    with pytest.raises(InputError, match="not offered"):
        texts("fr")


@pytest.mark.parametrize("code", EVIDENCE)
def test_each_finding_of_independence_is_said_in_both_languages(code: str) -> None:
    one = Independence("u1", "independent", constant=0.10426, share=0.987, f_factor=1840.0, fuel="bituminous", n=12,
                       code=code).as_dict()  # fmt: skip
    assert _evidence(texts("en"), one) == one["evidence"]
    assert _evidence(texts("zh"), one) not in ("", one["evidence"])


def test_without_causes_and_pairs_the_page_still_stands(tmp_path: Path) -> None:
    result = {**outcome("year"), "attribution": None, "steps": [], "pairs": []}
    assert texts("en")["attribution"] not in seen(write_report(result, tmp_path, "en"))


def test_details_of_findings_are_in_the_language_of_the_page() -> None:
    copied = {"detector": "copied", "values": ["2024-01-01 00:00"]}
    assert detail(texts("en"), copied) == "the same as from 2024-01-01 00:00"
    assert detail(texts("zh"), copied) == "与 2024-01-01 00:00 起的一段相同"
    assert detail(texts("zh"), {"detector": "quiet", "values": []}) == ""
    for name, null in nulls().items():  # every detector that states a size says it in both languages, in full
        if null.detail:
            assert texts("en")[f"detail_{name}"] == null.detail
            assert texts("zh")[f"detail_{name}"].count("{}") == null.detail.count("{}")
