"""The outcome of a screening as a page, and the files around it."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ghg.core.errors import InputError
from ghg.report.facility import detail
from ghg.report.page import render, texts

if TYPE_CHECKING:
    from ghg.core.provenance import Record
    from sensors.integrity.config import IntegrityJob
    from sensors.integrity.findings import Screening

__all__ = ["page", "write_screening"]

SUFFIXES = (".nc", ".csv", ".json", ".html")


def write_screening(
    screening: Screening, job: IntegrityJob, record: Record, output: Path, *, force: bool = False, lang: str = "en"
) -> None:
    """Write a screening: a folder with all forms, or one file in the form of its ending.

    Parameters
    ----------
    screening : Screening
        What was found.
    job : IntegrityJob
        Title, summary and false-discovery rate.
    record : Record
        Provenance.
    output : Path
        A folder, or a file ending in ``.nc``, ``.csv``, ``.json`` or ``.html``.
    force : bool
        Replace what stands there.
    lang : {"en", "zh"}
        Language of the page.

    Raises
    ------
    InputError
        The output cannot be written, or its ending is not known.
    """
    from ghg.core.files import atomic_directory, write_text
    from ghg.core.provenance import write_manifest

    if output.suffix in SUFFIXES:
        if output.suffix == ".nc":
            _netcdf(screening, job, record, output, force)
        else:
            write_text(output, _text(screening, job, record, output, lang), force)
        return
    if output.suffix and not output.is_dir():
        raise InputError("the form of the output is not known", where=str(output), found=f"'{output.suffix}'",
                         need=f"a folder, or a file ending in {', '.join(SUFFIXES)}")  # fmt: skip
    with atomic_directory(output, force) as folder:
        for name in ("screening.json", "findings.csv", "report.html"):
            (folder / name).write_text(_text(screening, job, record, folder / name, lang), encoding="utf-8")
        if screening.findings:
            _netcdf(screening, job, record, folder / "findings.nc", False)
        write_manifest(folder)


def _netcdf(screening: Screening, job: IntegrityJob, record: Record, path: Path, force: bool) -> None:
    from ghg.core.netcdf import write
    from sensors.integrity.output import as_dataset

    ds = as_dataset(screening)
    given = {key: text for key, text in (("title", job.title), ("summary", job.summary)) if text}
    write(ds.assign_attrs(given), path, record=record, force=force)


def _text(screening: Screening, job: IntegrityJob, record: Record, path: Path, lang: str) -> str:
    from sensors.integrity.output import as_dict

    if path.suffix == ".csv":
        return _csv(screening)
    result = _finite({**as_dict(screening, job.false_discovery_rate), "title": job.title,
                      "provenance": record.as_dict(path)})  # fmt: skip
    if path.suffix == ".json":
        return json.dumps(result, ensure_ascii=False, indent=2, allow_nan=False) + "\n"
    return page(result, lang)


def _csv(screening: Screening) -> str:
    rows = [f.as_dict() for f in screening.findings]
    names = [
        "source",
        "detector",
        "subject",
        "score",
        "p",
        "q",
        "alarm",
        "during_review",
        "start",
        "end",
        "detail",
        "meaning",
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    return [_finite(v) for v in value] if isinstance(value, list | tuple) else value


def page(result: Mapping[str, Any], lang: str = "en") -> str:
    """Return the page of a screening.

    Parameters
    ----------
    result : mapping
        See :func:`sensors.integrity.output.as_dict`, with ``title``.
    lang : {"en", "zh"}
        Language.
    """
    text = texts(lang)
    return render("integrity", {"p": _p, "detail": partial(detail, text)}, r=result, t=text, lang=lang)


def _p(value: float | None) -> str:
    """Return a probability with two digits, small ones as powers of ten; below 1e-300 it cannot be told from zero."""
    if value is None:
        return "–"
    if value < 1e-300:
        return "< 1e\u2212300"
    return f"{value:.2f}" if value >= 0.01 else f"{value:.0e}".replace("e-0", "e-").replace("-", "\u2212")
