"""The tables of the page on robustness are those of the measurement that is kept beside it."""

from __future__ import annotations

from benchmarks.robustness_table import PAGE, filled, merge


def test_the_page_holds_what_was_measured() -> None:
    page = PAGE.read_text("utf-8")
    assert filled(page, merge([])) == page
    assert filled(page, {}) != page


def test_a_finding_is_seen_in_the_table() -> None:
    kill = {"seconds": 1.0, "kills": 2, "BROKEN: no end": 1, "whole": 1, "second run FAILS: why": 1,
            "whole at the end": 0, "hidden names before the second run": 2, "after it": 1,
            "processes left behind": 1}  # fmt: skip
    page = filled("<!-- commands: x -->\n\n<!-- end -->", {"kill": {"sign": kill}})
    row = next(line for line in page.splitlines() if line.startswith("| sign |"))
    assert "1 BROKEN: no end, 1 whole | second run FAILS: why, sweeps 1, LEAVES 1, NOT WHOLE, PROCESSES LEFT |" in row
    assert row.count("not run") == 3
