"""The page in both languages, with one pair and with a year of months."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ghg.core.errors import InputError
from ghg.report.facility import texts, write_report


def sample(months: int) -> dict:
    """Return a synthetic result: 100 kt a month against 98 kt."""
    side = {"u_random_kg": 1e5, "u_systematic_kg": {"flow": 2e6}, "interval_kg": [90e6 * months, 110e6 * months]}
    pairs = [{"start": f"2023-{i + 1:02d}-01T00:00:00Z", "end": "", "measured_kg": 100e6, "u_measured_kg": 2e6,
              "accounted_kg": 98e6 if i else 0.0, "u_accounted_kg": 3e6} for i in range(months)]  # fmt: skip
    return {
        "title": "Synthetic <plant>", "species": "CO2",
        "facility": {"name": "P & Q", "id": "", "operator": "", "timezone": "UTC"},
        "period": {"start": "2023-01-01", "end": "2024-01-01", "by": "month", "timezone": "UTC"},
        "verdict": {"code": "equivalent", "sentence": "", "reasons": [], "margin_percent": 5.0, "coverage": 0.95},
        "measured": {**side, "total_kg": 100e6 * months, "method": "direct", "coverage_fraction": 0.987},
        "accounted": {**side, "total_kg": 98e6 * months,
                      "streams": [{"name": "coal", "fuel": "BIT", "method": "m", "energy_J": 1e15,
                                   "emission_kg": 98e6, "emission_factor_kg_per_J": 9.8e-8}]},
        "ratio": {"value": 1.0204, "interval": [0.99, 1.05], "difference_percent": 2.04, "symmetric_percent": 2.02,
                  "ln": 0.0202, "u_ln": 0.015},
        "statistics": {"e_n": 0.4, "zeta": 0.8, "tost": {"p": 0.01},
                       "best_estimate": {"value_kg": 99e6 * months, "u_kg": 1e6, "birge": 0.8}},
        "causes": {"total_ln": 0.0202, "conventions": [],
                   "terms": [{"name": "mass", "ln": 0.0202, "percent": 2.04, "convention_ln": 0.0}]},
        "independence": {"status": "undetermined", "evidence": ["none"]},
        "pairs": pairs, "notes": ["a note"], "provenance": {"used": []},
    }  # fmt: skip


class Text(HTMLParser):
    """Collects what a reader sees."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_data(self, data: str) -> None:
        self.seen.append(data)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("months", [1, 12])
def test_pages(tmp_path: Path, lang: str, months: int) -> None:
    page = write_report(json.loads(json.dumps(sample(months))), tmp_path, lang).read_text(encoding="utf-8")
    reader = Text()
    reader.feed(page)
    seen = " ".join(reader.seen)
    assert texts(lang)["verdict_equivalent"] in seen
    assert f"{100_000 * months:,}".replace(",", "\u202f") in seen
    assert "Synthetic &lt;plant&gt;" in page
    assert (texts(lang)["series_missing"] in seen) == (months == 1)
    assert (tmp_path / "figures" / "series.svg").exists() == (months > 1)
    assert "98.7" in seen


def test_both_languages_have_the_same_keys() -> None:
    assert texts("en").keys() == texts("zh").keys()
    assert all(value.strip() for value in texts("zh").values())
    with pytest.raises(InputError, match="not offered"):
        texts("fr")
