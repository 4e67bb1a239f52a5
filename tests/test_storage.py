"""Where vhlocal keeps its files, and the words for what a system refuses. Real disks are in tests/cli/test_disks.py."""

import errno
import os
from pathlib import Path

import pytest

from vhlocal import storage
from vhlocal.errors import EngineError, VhlocalError


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("home", "temporary", "here"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.delenv(f"XDG_{name}_HOME", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "home"


def test_a_directory_that_can_be_used_is_made_and_nothing_told(home):
    found = storage.room("state", "projects", "a")
    assert found.notice is None
    assert found.path.is_dir()
    assert found.path.is_relative_to(home)
    assert list(found.path.iterdir()) == []


def test_what_stands_in_is_told_and_found_by_who_looks_at_both(home):
    home.rmdir()
    found = storage.room("cache", "x")
    assert found.path.is_relative_to(home.parent / "temporary")
    assert found.notice is not None
    assert str(home) in found.notice.text
    assert found.path in storage.rooms("cache", "x")
    assert storage.rooms("cache", "x")[0] == storage.usual("cache") / "x"
    assert (home.parent / "temporary" / f"vhlocal-{os.getuid()}").stat().st_mode & 0o777 == 0o700


def test_the_current_directory_is_not_taken_for_one_of_temporary_files(home, monkeypatch):
    """It is Python's last resort, and the user's project."""
    monkeypatch.setattr("tempfile.tempdir", str(home.parent / "here"))
    home.rmdir()
    with pytest.raises(VhlocalError, match="no directory for temporary files can be written"):
        storage.room("state")


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_a_stand_in_that_others_may_write_to_is_not_looked_at(home, mode):
    trap = home.parent / "temporary" / f"vhlocal-{os.getuid()}"
    trap.mkdir()
    trap.chmod(mode)
    assert len(storage.rooms("state")) == 1
    with pytest.raises(VhlocalError, match="is not yours alone"):
        storage.spare("state")


def test_a_user_is_known_by_one_identity(home):
    assert storage.identity()
    assert storage.identity() == storage.identity()


@pytest.mark.parametrize(
    ("number", "why", "hint"),
    [
        (errno.ENOSPC, "the disk is full where {place} is", "free some space"),
        (errno.EDQUOT, "your share of the disk where {place} is is used up", "free some space"),
        (errno.EROFS, "{place} is on a read-only file system", "set HOME"),
        (errno.EACCES, "{place} may not be written", "change its mode"),
        (errno.EIO, "{place}/gone/file: Input/output error", "set HOME"),
    ],
)
def test_what_is_refused_is_told_with_the_place_and_what_to_do(tmp_path, number, why, hint):
    error = OSError(number, os.strerror(number), str(tmp_path / "gone" / "file"))
    with pytest.raises(EngineError) as told, storage.writing("it failed", tmp_path, EngineError):
        raise error
    assert told.value.message == f"it failed: {why.format(place=tmp_path)}"
    assert hint in (told.value.hint or "")
    assert isinstance(storage.known(error), VhlocalError)


def test_a_file_in_the_way_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(VhlocalError) as told, storage.writing("it failed", tmp_path):
        (tmp_path / "file" / "directory").mkdir()
    assert told.value.message == f"it failed: {tmp_path}/file is a file, where a directory is needed"
    assert told.value.hint == "move it away"


@pytest.mark.parametrize(
    "error",
    [ConnectionRefusedError(errno.ECONNREFUSED, "refused"), FileNotFoundError(errno.ENOENT, "gone", "x"), KeyError()],
)
def test_what_is_no_disks_refusal_stays_what_it_is(error):
    assert storage.known(error) is error


def test_a_disk_without_room_is_not_one_to_write_to():
    assert storage.can_be_written(Path("/tmp/vhlocal/not/there/yet"))
    assert not storage.can_be_written(Path("relative"))
    assert not storage.can_be_written(Path("/proc/x"))


def test_a_directory_of_ours_is_closed_to_others(home):
    for place in (storage.usual("cache"), storage.usual("cache") / "deep"):
        place.mkdir(parents=True)
        place.chmod(0o777)
    found = storage.room("cache", "deep", "deeper")
    assert found.notice is None
    for place in (found.path, found.path.parent, storage.usual("cache")):
        assert place.stat().st_mode & 0o022 == 0
