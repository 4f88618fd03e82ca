from __future__ import annotations

import errno
import hashlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ghg.core import files
from ghg.core._leftovers import token
from ghg.core.errors import InputError
from ghg.core.files import atomic_directory, atomic_path, open_input, sha256, write_text

root = pytest.mark.skipif(hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write everywhere")
posix = pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")


def names(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


@pytest.mark.parametrize("text", ["", "abc", "二" * 100_000])
def test_sha256_is_that_of_hashlib(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x"
    path.write_text(text, encoding="utf-8")
    assert sha256(path) == hashlib.sha256(text.encode()).hexdigest()


def test_sha256_of_abc_is_the_published_one(tmp_path: Path) -> None:
    # FIPS 180-4, example "abc"
    (tmp_path / "x").write_bytes(b"abc")
    assert sha256(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


class TestInput:
    def test_a_good_file_comes_back(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("x")
        assert open_input(path) == path

    def test_each_fault_is_one_sentence(self, tmp_path: Path) -> None:
        (tmp_path / "empty.csv").touch()
        for path, what in (
            (tmp_path / "no.csv", "does not exist"),
            (tmp_path / "no" / "no.csv", "its folder"),
            (tmp_path, "this is a folder"),
            (tmp_path / "empty.csv", "the file is empty"),
        ):
            with pytest.raises(InputError, match=what) as caught:
                open_input(path, where="job.toml, key files")
            assert str(path) in str(caught.value) and "job.toml" in str(caught.value)
            assert "\n" not in str(caught.value) and caught.value.exit_code == 2

    @root
    def test_a_file_that_may_not_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("x")
        path.chmod(0)
        with pytest.raises(InputError, match="cannot be read"):
            open_input(path)
        with pytest.raises(InputError, match="cannot be read"):
            sha256(path)


class TestPath:
    def test_it_appears_whole_and_alone(self, tmp_path: Path) -> None:
        target = tmp_path / "out.nc"
        with atomic_path(target) as temporary:
            assert temporary.parent == tmp_path and temporary.suffix == ".nc" and temporary != target
            temporary.write_text("half")
            assert not target.exists()
            temporary.write_text("whole")
        assert target.read_text() == "whole" and names(tmp_path) == ["out.nc"]

    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, SystemExit, InputError])
    def test_any_exception_leaves_nothing(self, tmp_path: Path, failure: type[BaseException]) -> None:
        with pytest.raises(failure), atomic_path(tmp_path / "out.txt") as temporary:
            temporary.write_text("half")
            raise failure("stop")
        assert names(tmp_path) == []

    def test_an_exception_keeps_the_old_file(self, tmp_path: Path) -> None:
        target = tmp_path / "out.txt"
        target.write_text("old")
        with pytest.raises(ValueError), atomic_path(target, force=True) as temporary:
            temporary.write_text("new")
            raise ValueError
        assert target.read_text() == "old" and names(tmp_path) == ["out.txt"]

    def test_force_replaces(self, tmp_path: Path) -> None:
        target = tmp_path / "out.txt"
        target.write_text("old")
        with pytest.raises(InputError, match="--force"), atomic_path(target):
            pytest.fail("the block must not run")
        write_text(target, "二\n", force=True)
        assert target.read_bytes() == "二\n".encode() and names(tmp_path) == ["out.txt"]

    def test_a_file_that_appears_meanwhile_is_kept(self, tmp_path: Path) -> None:
        target = tmp_path / "out.txt"
        with pytest.raises(InputError, match="exists already"), atomic_path(target) as temporary:
            temporary.write_text("mine")
            target.write_text("theirs")
        assert target.read_text() == "theirs" and names(tmp_path) == ["out.txt"]

    def test_where_it_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for target, what in (
            (tmp_path, "there is a folder where the file belongs"),
            (tmp_path / "no" / "out.nc", "does not exist"),
            (tmp_path / "file" / "out.nc", "not a folder"),
        ):
            with pytest.raises(InputError, match=what), atomic_path(target, force=True):
                pytest.fail("the block must not run")

    @root
    def test_a_folder_that_may_not_be_written_to(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        try:
            with pytest.raises(InputError, match="may not be written"), atomic_path(tmp_path / "out.nc"):
                pytest.fail("the block must not run")
        finally:
            tmp_path.chmod(0o700)

    def test_a_folder_that_turns_out_not_to_be_writable(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(Path, "touch", refuse)
        with pytest.raises(InputError, match="read-only file system"), atomic_path(tmp_path / "out.nc"):
            pytest.fail("the block must not run")

    def test_a_full_disk_is_the_users_matter_and_a_bug_is_ours(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="disk is full"), atomic_path(tmp_path / "out.nc"):
            raise OSError(errno.ENOSPC, "No space left on device")
        with (  # a file of a folder that has not its name yet is told by the name it will have
            pytest.raises(InputError, match=re.escape(f"{tmp_path / 'run' / 'flux.nc'}: the disk is full")),
            atomic_directory(tmp_path / "run") as folder,
            atomic_path(folder / "flux.nc"),
        ):
            raise OSError(errno.ENOSPC, "No space left on device")
        with pytest.raises(PermissionError), atomic_path(tmp_path / "out.nc"):
            raise PermissionError(errno.EACCES, "of something else")
        assert names(tmp_path) == []

    @posix
    @pytest.mark.parametrize("what", ["atomic_path", "atomic_directory"])
    def test_a_killed_run_leaves_nothing_under_the_name(self, tmp_path: Path, what: str) -> None:
        code = (
            "import sys, time\nfrom pathlib import Path\n"
            f"from ghg.core.files import {what}\n"
            f"with {what}(Path(sys.argv[1])) as t:\n"
            "    f = t / 'x' if t.is_dir() else t\n"
            "    f.write_bytes(b'half' * 1000); print('ready', flush=True); time.sleep(60)\n"
        )
        target = tmp_path / "out.nc"
        with subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None and child.stdout.readline().strip() == "ready"
            child.send_signal(signal.SIGKILL)
            child.wait(10)
        assert not target.exists()
        assert all(n.startswith(".") and ".tmp" in n for n in names(tmp_path))
        with atomic_path(target) as temporary:  # and the way is free for the next run
            temporary.write_text("whole")
        assert target.read_text() == "whole"

    @posix
    def test_control_c_cleans_up(self, tmp_path: Path) -> None:
        code = (
            "import signal, sys, time\nfrom ghg.core.files import atomic_path\n"
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a job in the background inherits it ignored
            "with atomic_path(sys.argv[1]) as t:\n"
            "    t.write_bytes(b'half'); print('ready', flush=True); time.sleep(60)\n"
        )
        target = tmp_path / "out.nc"
        with subprocess.Popen(
            [sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as child:
            assert child.stdout is not None and child.stdout.readline().strip() == "ready"
            child.send_signal(signal.SIGINT)
            child.wait(10)
        assert names(tmp_path) == []


class TestDirectory:
    def fill(self, folder: Path, text: str = "new") -> None:
        (folder / "figures").mkdir()
        (folder / "figures" / "a.svg").write_text(text)
        (folder / files.MANIFEST).write_text("{}")

    def test_it_appears_whole_and_alone(self, tmp_path: Path) -> None:
        with atomic_directory(tmp_path / "out") as folder:
            self.fill(folder)
            assert folder.parent == tmp_path and not (tmp_path / "out").exists()
        assert names(tmp_path) == ["out"] and names(tmp_path / "out") == ["figures", files.MANIFEST]

    @pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt])
    def test_any_exception_leaves_what_was(self, tmp_path: Path, failure: type[BaseException]) -> None:
        with atomic_directory(tmp_path / "out") as folder:
            self.fill(folder, "old")
        with pytest.raises(failure), atomic_directory(tmp_path / "out", force=True) as folder:
            self.fill(folder)
            raise failure
        assert names(tmp_path) == ["out"]
        assert (tmp_path / "out" / "figures" / "a.svg").read_text() == "old"

    def test_force_replaces_ours(self, tmp_path: Path) -> None:
        with atomic_directory(tmp_path / "out") as folder:
            self.fill(folder, "old")
            (folder / "stale").touch()
        with pytest.raises(InputError, match="--force"), atomic_directory(tmp_path / "out"):
            pytest.fail("the block must not run")
        with atomic_directory(tmp_path / "out", force=True) as folder:
            self.fill(folder)
        assert names(tmp_path) == ["out"] and "stale" not in names(tmp_path / "out")

    def test_what_is_not_ours_is_never_removed(self, tmp_path: Path) -> None:
        (tmp_path / "home").mkdir()
        (tmp_path / "home" / "thesis.tex").write_text("years of work")
        with pytest.raises(InputError, match="holds other things"), atomic_directory(tmp_path / "home", force=True):
            pytest.fail("the block must not run")
        assert (tmp_path / "home" / "thesis.tex").read_text() == "years of work"

    def test_an_empty_folder_is_filled(self, tmp_path: Path) -> None:
        (tmp_path / "out").mkdir()
        with atomic_directory(tmp_path / "out") as folder:
            self.fill(folder)
        assert names(tmp_path) == ["out"]

    def test_where_it_cannot_be(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        for target, what in (
            (tmp_path / "file", "there is a file where the output folder belongs"),
            (tmp_path / "no" / "out", "does not exist"),
        ):
            with pytest.raises(InputError, match=what), atomic_directory(target, force=True):
                pytest.fail("the block must not run")

    def test_if_the_last_move_fails_the_old_one_is_put_back(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with atomic_directory(tmp_path / "out") as folder:
            self.fill(folder, "old")
        rename, calls = Path.rename, []

        def failing(self: Path, target: Path) -> Path:
            calls.append(self)
            if len(calls) == 3:  # 1: there is a folder; 2: it goes aside; 3: the new one takes its name
                raise KeyboardInterrupt
            return rename(self, target)

        monkeypatch.setattr(Path, "rename", failing)
        monkeypatch.setattr(files, "rename", lambda *_: errno.ENOSYS)  # as where names cannot be exchanged
        with pytest.raises(KeyboardInterrupt), atomic_directory(tmp_path / "out", force=True) as folder:
            self.fill(folder)
        assert names(tmp_path) == ["out"]
        assert (tmp_path / "out" / "figures" / "a.svg").read_text() == "old"


def dead() -> int:
    """Return the number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_a_killed_run_left_goes_with_the_next(tmp_path: Path) -> None:
    machine, us = token().split("-")[0], os.getpid()
    left = {f".out.nc.{machine}-{dead()}-00000000.tmp", f".a.{machine}-{dead()}-00000000.tmp.nc"}
    kept = {f".out.nc.{machine}-{us}-00000000.tmp",  # of a living process
            f".out.nc.{'0' * 8}-{dead()}-00000000.tmp",  # of another machine
            f".out.nc.{machine}-{dead()}.tmp", ".out.nc.mine.tmp",
            f".other.{machine}-{dead()}-00000000.tmp"}  # fmt: skip
    for name in left | kept:
        (tmp_path / name).mkdir() if not name.endswith(".nc") else (tmp_path / name).touch()
        if (tmp_path / name).is_dir():
            (tmp_path / name / "half").touch()
    with atomic_directory(tmp_path / "out.nc") as folder:
        (folder / "x").touch()
    with atomic_path(tmp_path / "a.nc") as path:
        path.touch()
    assert set(names(tmp_path)) == kept | {"out.nc", "a.nc"}


def test_a_folder_that_was_being_replaced_comes_back(tmp_path: Path) -> None:
    old = tmp_path / f".out.{token().split('-')[0]}-{dead()}-00000000.old.tmp"
    old.mkdir()
    (old / files.MANIFEST).write_text("old")
    with pytest.raises(InputError, match="--force"), atomic_directory(tmp_path / "out"):
        pytest.fail("the block must not run")
    assert names(tmp_path) == ["out"] and (tmp_path / "out" / files.MANIFEST).read_text() == "old"


def test_an_output_that_appears_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_check_parent", lambda *_: None)
    monkeypatch.setattr(files, "_sync", lambda path: (tmp_path / "a.txt").write_text("first"))  # in the last moment
    with pytest.raises(InputError, match="exists already"), atomic_path(tmp_path / "a.txt") as path:
        path.write_text("second")
    assert names(tmp_path) == ["a.txt"] and (tmp_path / "a.txt").read_text() == "first"
    monkeypatch.undo()
    (tmp_path / "out").mkdir()
    check = files._check_folder

    def late(final: Path, force: bool) -> None:
        check(final, force)
        (final / "of another run").touch()  # between the last look and the move

    with pytest.raises(InputError, match="exists already"), atomic_directory(tmp_path / "out") as folder:
        (folder / "x").touch()
        monkeypatch.setattr(files, "_check_folder", late)
    assert names(tmp_path / "out") == ["of another run"]


def test_two_runs_at_once_do_not_meet(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    with atomic_path(target, force=True) as one:
        with atomic_path(target, force=True) as two:
            one.write_text("1")
            two.write_text("2")
            assert one != two
        assert target.read_text() == "2"
    assert target.read_text() == "1" and names(tmp_path) == ["a.txt"]
