"""Where vhlocal keeps its files, and the words for what a system refuses. Real disks are in tests/cli/test_disks.py."""

import errno
import os
import resource
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
    with pytest.raises(VhlocalError, match="no directory for temporary files is writable"):
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
        (errno.ENOSPC, "the disk that holds {place} is full", "free some space"),
        (errno.EDQUOT, "your quota on the disk that holds {place} is used up", "free some space"),
        (errno.EROFS, "{place} is on a read-only file system", "set HOME"),
        (errno.EACCES, "{place} is not writable", "change its mode"),
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


def test_a_file_that_cannot_be_where_it_was_named_is_told_without_the_name_of_its_part(tmp_path):
    for file, why in (
        (tmp_path / "none" / "x", f"there is no directory {tmp_path}/none"),
        (tmp_path, f"{tmp_path} is a directory"),
    ):
        with pytest.raises(VhlocalError) as told, storage.writing("it failed", file):
            storage.write_whole(file, b"")
        assert told.value.message == f"it failed: {why}"
        assert "HOME" not in (told.value.hint or "")


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


@pytest.mark.parametrize("mode", [0o777, 0o757])
def test_below_a_directory_in_which_every_user_may_replace_ours_nothing_is_used(home, mode):
    """Nothing of ours has to be there yet: who may rename a directory decides what is in it next."""
    storage.usual("state").parent.mkdir(parents=True)
    home.joinpath(".local").chmod(mode)
    found = storage.room("state", "projects", "a")
    assert found.path.is_relative_to(home.parent / "temporary")
    assert found.notice.text.startswith(f"any user can replace the files in {home}/.local: ")
    assert found.notice.hint == f"`chmod +t {home}/.local` prevents that"
    assert storage.trusted("state") is None
    assert storage.rooms("state", "x") == [storage.spare("state") / "x"]


@pytest.mark.parametrize("mode", [0o1777, 0o775, 0o755])
def test_below_one_in_which_each_user_may_replace_only_what_is_theirs_all_is_as_ever(home, mode):
    home.chmod(mode)
    assert storage.room("state", "b").notice is None
    assert storage.trusted("state", "b") == storage.room("state", "b").path


def test_links_do_not_hide_what_leads_to_a_directory(home):
    """The way counts as the system goes it: each link's own, and where that leads."""
    open_to_all = home.parent / "open"
    (open_to_all / "closed" / "state").mkdir(parents=True)
    open_to_all.chmod(0o777)
    (home / "hop").symlink_to(open_to_all / "closed" / "state")
    storage.usual("state").parent.parent.mkdir(parents=True)
    storage.usual("state").parent.symlink_to(home / "hop")
    assert storage.trusted("state") is None
    assert str(open_to_all) in storage.room("state", "c").notice.text
    (open_to_all / "link").symlink_to(home)
    (home / "loop").symlink_to("loop")
    for way in (open_to_all / "link" / "x", open_to_all / ".." / "open" / "link" / "x"):
        with pytest.raises(PermissionError):
            storage.own(*way.parents[:1])
    with pytest.raises(OSError):
        storage.own(home / "loop")


def test_where_every_user_may_replace_temporary_files_there_is_no_stand_in(home):
    storage.spare("cache")
    (home.parent / "temporary").chmod(0o777)
    with pytest.raises(VhlocalError, match=f"any user can replace .* {home.parent}/temporary") as told:
        storage.spare("cache")
    assert told.value.hint == f"`chmod +t {home.parent}/temporary` prevents that"
    assert storage.rooms("cache") == [storage.usual("cache")]


def test_a_file_is_written_whole_or_stays_as_it_was(tmp_path):
    file = tmp_path / "run.har"
    storage.write_whole(file, b"before")
    file.chmod(0o640)
    link = tmp_path / "link.har"
    link.symlink_to(file)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            storage.write_whole(file, b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert file.read_bytes() == b"before"
    storage.write_whole(link, b"after")
    assert (file.read_bytes(), link.is_symlink(), file.stat().st_mode & 0o777) == (b"after", True, 0o640)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.har", "run.har"]
    storage.write_whole(Path("/dev/null"), b"x")
