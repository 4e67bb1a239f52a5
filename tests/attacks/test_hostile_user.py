"""Another user of this machine, a real one: what it has put where vhlocal keeps its files is neither read nor run."""

from __future__ import annotations

import json
import os
import subprocess

import pytest

from tests.cli.projects import plain
from vhlocal import storage
from vhlocal.errors import VhlocalError

#: Only root can act as another user: as anybody else these tests fail.
OTHER = 65534


def as_other(script: str, *arguments: object) -> None:
    """Run a shell's script as the other user; it may find Python's own directories closed."""
    command = ["sh", "-c", f"umask 0\n{script}", "sh", *map(str, arguments)]
    subprocess.run(command, user=OTHER, group=OTHER, extra_groups=[], cwd="/", check=True)


@pytest.fixture
def shared(tmp_path, monkeypatch):
    """A directory that all users may write to, in which both have theirs."""
    for place in (tmp_path, *tmp_path.parents[:3]):
        place.chmod(place.stat().st_mode | 0o011)
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    for name in ("STATE", "CACHE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(shared / name))
    storage._room.cache_clear()
    yield shared
    storage._room.cache_clear()


def planted(shared, kind, *parts):
    place = shared.joinpath(kind, "vhlocal", *parts)
    as_other('mkdir -p "$1" && chmod 777 "$1" && echo planted > "$1/here"', place)
    assert (place / "here").stat().st_uid == OTHER
    return place


@pytest.mark.parametrize("parts", [(), ("projects",), ("projects", "mine")])
def test_a_directory_that_another_user_has_made_is_not_used(shared, parts):
    planted(shared, "STATE", *parts)
    found = storage.room("state", "projects", "mine")
    assert not found.path.is_relative_to(shared)
    assert found.path.stat().st_uid == os.geteuid()
    assert "belongs to" in found.notice.text


def test_a_directory_of_ours_in_which_another_user_has_put_something_is_not_used(shared):
    ours = shared / "STATE" / "vhlocal" / "projects"
    ours.mkdir(parents=True)
    ours.chmod(0o777)
    for place in (shared / "STATE", shared / "STATE" / "vhlocal"):
        place.chmod(0o755)
    as_other('echo {} > "$1"', ours / "planted")
    assert (ours / "planted").exists()
    assert not storage.room("state", "projects").path.is_relative_to(shared)


def test_a_link_to_another_users_directory_is_not_followed(shared, tmp_path):
    theirs = planted(shared, "elsewhere")
    (shared / "CACHE").mkdir()
    (shared / "CACHE" / "vhlocal").symlink_to(theirs)
    assert not storage.room("cache", "environments").path.resolve().is_relative_to(shared)


def test_a_stand_in_that_another_user_has_made_is_refused(shared, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.chmod(0o1777)
    trap = temporary / f"vhlocal-{os.getuid()}"
    for make in ('mkdir -m 700 "$1"', 'ln -s "$2" "$1"'):
        as_other(make, trap, shared)
        with pytest.raises(VhlocalError, match="not yours alone"):
            storage.spare("cache")
        assert storage.rooms("cache") == [storage.usual("cache")]
        trap.unlink() if trap.is_symlink() else trap.rmdir()


def test_what_another_user_says_of_a_run_or_of_trust_is_not_believed(shared, project, vhlocal):
    directory = project(plain() | {"vhlocal.yaml": "env-file: /etc/hostname\n"})

    allowed = json.dumps({str(directory): ["/etc/hostname"]})
    as_other('mkdir -p "$1" && echo "$2" > "$1/trusted.json"', shared / "STATE" / "vhlocal", allowed)
    environment = {name: os.environ[name] for name in ("TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    done = vhlocal("up", "--explain-settings", "-C", str(directory), environment=environment)
    assert done.returncode == 2
    assert "outside its directory" in done.stderr


def test_where_another_user_can_put_one_of_our_directories_in_the_place_of_another_none_is_used(
    shared, project, vhlocal
):
    """By owner and mode all is ours; which of ours is where is the other user's choice all the same."""
    outside = shared.parent / "outside.env"
    outside.write_text("COLOUR=green\n")
    directory = project(plain() | {"vhlocal.yaml": "env-file: ../outside.env\n"})
    backup = shared / "STATE" / "backup"
    backup.mkdir(parents=True)
    (backup / "trusted.json").write_text(json.dumps({str(directory): [str(outside)]}))
    (shared / "STATE").chmod(0o777)
    as_other('mv "$1/backup" "$1/vhlocal"', shared / "STATE")
    assert (shared / "STATE" / "vhlocal").stat().st_uid == os.geteuid()
    environment = {name: os.environ[name] for name in ("TMPDIR", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME")}
    done = vhlocal("up", "--explain-settings", "-C", str(directory), environment=environment)
    assert done.returncode == 2
    assert "outside its directory" in done.stderr
    (shared / "STATE").chmod(0o1777)
    done = vhlocal("up", "--explain-settings", "-C", str(directory), environment=environment)
    assert (done.returncode, "green" in done.stdout) == (0, True)
