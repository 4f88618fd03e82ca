"""The tables of the page on robustness are those of the measurement that is kept beside it."""

from __future__ import annotations

from benchmarks.fuzz_readers import TARGETS
from benchmarks.robustness_table import PAGE, filled, merge, merge_files


def test_the_page_holds_what_was_measured() -> None:
    page = PAGE.read_text("utf-8")
    found, read = merge([]), merge_files([])
    assert filled(page, found, read) == page
    assert filled(page, {}, read) != page and filled(page, found, {}) != page


def test_every_reader_was_fed_a_hundred_thousand_damaged_files_without_a_finding() -> None:
    read = merge_files([])
    assert set(read) == {target.name for target in TARGETS}
    for name, one in read.items():
        assert one["next"] == sum(one["results"].values()) >= 100_000, name
        assert set(one["results"]) <= {"read", "refused"}, name


def test_a_finding_is_seen_in_the_table() -> None:
    kill = {"seconds": 1.0, "kills": 2, "BROKEN: no end": 1, "whole": 1, "second run FAILS: why": 1,
            "whole at the end": 0, "hidden names before the second run": 2, "after it": 1,
            "processes left behind": 1}  # fmt: skip
    page = filled("<!-- commands: x -->\n\n<!-- end -->", {"kill": {"sign": kill}}, {})
    row = next(line for line in page.splitlines() if line.startswith("| sign |"))
    assert "1 BROKEN: no end, 1 whole | second run FAILS: why, sweeps 1, LEAVES 1, NOT WHOLE, PROCESSES LEFT |" in row
    assert row.count("not run") == 3


def test_damaged_files_are_counted_and_findings_named() -> None:
    one = {"next": 1200, "results": {"read": 700, "refused": 499, "hang": 1}, "most_mb": 47.2, "slowest_s": 10.0,
           "seconds": 2.4}  # fmt: skip
    page = filled("<!-- files: x -->\n\n<!-- end -->", {}, {"stack table": one})
    assert "| stack table | 1,200 | 700 | 499 | 1 hang | 47 | 10.00 | 2.0 |" in page
