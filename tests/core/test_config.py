"""Configuration: every fault is one sentence with file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ghg.core.config import Model, load, load_dict, quantity, schema
from ghg.core.errors import ConfigError, ErrorList, InputError


class Part(Model):
    mass: quantity("kg")
    share: quantity("1") = 1.0


class Job(Model):
    title: str
    margin: float = 0.05
    parts: tuple[Part, ...] = ()


@pytest.fixture
def job(tmp_path: Path) -> Path:
    path = tmp_path / "job.toml"
    path.write_text('title = "x"\n[[parts]]\nmass = "1.5 t"\nshare = "20 %"\n')
    return path


def test_quantities_arrive_in_the_models_unit(job: Path) -> None:
    read = load(job, Job)
    assert read.parts[0].mass == 1500.0
    assert read.parts[0].share == pytest.approx(0.2)


def test_overrides(job: Path) -> None:
    read = load(job, Job, ["margin=0.1", "title=plain text", "parts.0.mass='2 kg'"])
    assert (read.margin, read.title, read.parts[0].mass) == (0.1, "plain text", 2.0)


@pytest.mark.parametrize("override", ["margin", "=3", "parts.4.mass='1 kg'", "title.x=1", "parts.a=1"])
def test_bad_overrides(job: Path, override: str) -> None:
    with pytest.raises(ConfigError, match="--set"):
        load(job, Job, [override])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"title = ", "not valid TOML"),
        (b"title = 'x'\nmargn = 1", r"job.toml, key 'margn': the key is not known; did you mean 'margin'"),
        (b"margin = 0.1", r"key 'title': the key is missing"),
        (b"title = 'x'\n[[parts]]\nmass = 3", r"key 'parts.0.mass'.*no unit"),
        (b"title = 'x'\n[[parts]]\nmass = '3 ton'", r"key 'parts.0.mass'.*short_ton"),
        (b"title = 'x'\n[[parts]]\nmass = '3 m'", r"key 'parts.0.mass'.*wrong kind"),
        (b"title = 'x'\nmargin = nan", r"key 'margin'.*finite"),
        ("title = '某厂'".encode("gbk"), "not UTF-8"),
    ],
)
def test_each_fault_is_one_sentence(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        load(path, Job)


def test_byte_order_mark_is_accepted(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_bytes(b"\xef\xbb\xbftitle = 'x'")
    assert load(path, Job).title == "x"


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load(tmp_path / "none.toml", Job)
    with pytest.raises(InputError, match="folder"):
        load(tmp_path, Job)


def test_all_faults_at_once() -> None:
    with pytest.raises(ErrorList) as caught:
        load_dict({"margin": "much", "colour": 1}, Job)
    assert len(caught.value.errors) == 3


def test_schema_is_json() -> None:
    assert "margin" in schema(Job)["properties"]
