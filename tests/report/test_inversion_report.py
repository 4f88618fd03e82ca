"""The words of the inversion report: both languages complete, numbers rounded to their uncertainty."""

from __future__ import annotations

import pytest

from ghg.core.errors import InputError
from ghg.report.inversion import Unit, alarms, digits, rounded, sentence
from ghg.report.page import texts
from inversion.diagnostics import ALARMS, Alarm, Diagnostics


def row(value: float, u: float, direction: str, determined: float | None = 0.9) -> dict[str, object]:
    numbers = {"prior": 10.0, "prior_u": 5.0, "posterior": value, "posterior_u": u,
               "posterior_low": value - 1.96 * u, "posterior_high": value + 1.96 * u}  # fmt: skip
    return {"group": "land", "region": "Here", "direction": direction, "determined": determined,
            **{f"{n}_TgC_per_year": v for n, v in numbers.items()},
            **{f"{n}_TgCO2_per_year": v * 44.009 / 12.011 for n, v in numbers.items()}}  # fmt: skip


def test_both_languages_have_the_same_words() -> None:
    assert set(texts("en", "inversion")) == set(texts("zh", "inversion"))
    with pytest.raises(InputError, match="language"):
        texts("fr", "inversion")


@pytest.mark.parametrize(
    ("value", "u", "want"),
    [(1234.56, 22.0, "1\u202f235"), (-0.012345, 0.0021, "\u22120.0123"), (7.0, 0.34, "7.00"), (7.0, 0.0, "7.000")],
)
def test_a_number_ends_at_the_second_digit_of_its_uncertainty(value: float, u: float, want: str) -> None:
    assert rounded(value, u) == want


def test_numbers_of_a_few_digits_have_no_powers_of_ten_that_nobody_needs() -> None:
    assert [digits(v, 2) for v in (232.0, 12345.0, -0.034, 3.2e8, None)] == [
        "230", "12\u202f000", "\u22120.034", "3.2e+08", "–"]  # fmt: skip


def test_the_first_screen_says_source_sink_or_neither() -> None:
    unit = Unit.of({"species": "CO2", "whole": [row(-30.0, 2.0, "sink")]})
    said = sentence(row(-30.0, 2.0, "sink"), unit, texts("en", "inversion"))
    assert said["main"] == "Here takes up 30.0 TgC a year." and "\u221233.9 to \u221226.1" in said["interval"]
    assert "Tg CO2: \u2212109.9 ± 7.3" in said["also"] and "Mostly determined" in said["known"]
    assert "gives off" in sentence(row(30.0, 2.0, "source"), unit, texts("en", "inversion"))["main"]
    neither = sentence(row(1.0, 2.0, "not told apart from zero", 0.1), unit, texts("en", "inversion"))
    assert "cannot be told apart" in neither["main"] and "this is the prior" in neither["known"]
    assert (
        "nothing to be determined" in sentence(row(1.0, 0.0, "source", None), unit, texts("en", "inversion"))["known"]
    )


def test_a_rare_gas_is_told_in_gigagrams() -> None:
    whole = [{"prior_TgSF6_per_year": 0.002, "posterior_TgSF6_per_year": 0.003}]
    unit = Unit.of({"species": "SF6", "whole": whole})
    assert unit.name == "Gg SF6" and unit.read(whole[0], "posterior") == pytest.approx(3.0)


def test_alarms_are_put_into_the_language_of_the_page() -> None:
    found = [
        Alarm("cost", ("9.85", "1.0e-12")),
        Alarm("site", ("TAC", "3.1")),
        Alarm("block", ("+4.8", "land", "+5.5")),
        Alarm("r_hat", ("1.050", "1.01")),
        Alarm("draws", ("80", "400")),
        Alarm("divergent", ("3",)),
    ]
    assert {one.code for one in found} == set(ALARMS)
    result = {"diagnostics": Diagnostics(1, 0, 1.0, 0.5, 1.0, 0.0, 0.5, 0.0, alarms=found).as_dict()}
    chinese, english = (alarms(result, texts(lang, "inversion")) for lang in ("zh", "en"))
    for said, one in zip(chinese, found, strict=True):
        assert all(value in said for value in one.values) and "the" not in said
    assert [said.lower().rstrip(".").replace("misfit", "cost") for said in english] == [str(a).lower() for a in found]
