"""Disks that are full, read-only or somebody else's, and a home that is nowhere: told, and the run goes on."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest
import requests

from tests.cli.projects import plain
from tests.command import COMMAND, READY_SECONDS, STOP_SECONDS
from tests.waiting import free_port, wait_for

#: Root that may do no more with others' files than others may.
WITHOUT_PRIVILEGES = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search,-fowner,-chown")
SOMEBODY = 12345

RUNTIMES = pytest.mark.parametrize("runtime", ["docker", "process"])


def among_mounts(command: str) -> tuple[str, ...]:
    """Return what a command is run by among mounts of its own, made by a shell's line."""
    return ("unshare", "--mount", "sh", "-c", f'{command} && exec "$@"', "sh")


def nowhere(home: Path) -> tuple[str, ...]:
    home.rmdir()
    return ()


def read_only(home: Path) -> tuple[str, ...]:
    return among_mounts(f"mount --bind {home} {home} && mount -o remount,bind,ro {home}")


def full(home: Path) -> tuple[str, ...]:
    return among_mounts(f"mount -t tmpfs -o size=64k tmpfs {home} && (cat /dev/zero > {home}/all 2>/dev/null || true)")


def somebody_elses(home: Path) -> tuple[str, ...]:
    """As after one `sudo`: the directories of vhlocal are root's, those above them the user's own."""
    for place in (home / ".local" / "state" / "vhlocal", home / ".cache" / "vhlocal"):
        place.mkdir(parents=True)
        os.chown(place, SOMEBODY, SOMEBODY)
    return WITHOUT_PRIVILEGES


def a_file(home: Path) -> tuple[str, ...]:
    for name in (".local", ".cache"):
        (home / name).write_text("")
    return ()


HOMES = {
    "nowhere": (nowhere, "there is no such home directory (HOME)", ""),
    "read-only": (read_only, "is on a read-only file system", "set HOME to a writable directory"),
    "full": (full, "is full", "free some space there"),
    "somebody else's": (somebody_elses, f"belongs to user {SOMEBODY}", "`sudo chown -R $(id -u) "),
    "a file": (a_file, "is a file, where a directory is needed", "move it away"),
}


@pytest.fixture
def home(vhlocal, tmp_path):
    """The home directory of the user, in which vhlocal has its files, and a place for temporary ones."""
    place, temporary = tmp_path / "home", tmp_path / "temporary"
    place.mkdir()
    temporary.mkdir()
    for name in ("STATE", "CACHE", "DATA"):
        del vhlocal.environment[f"XDG_{name}_HOME"]
    vhlocal.environment |= {"HOME": str(place), "TMPDIR": str(temporary)}
    return place


class Served(NamedTuple):
    """A run: what it prints, and the URL of its one endpoint."""

    log: Path
    url: str


@pytest.fixture
def serving(engine, vhlocal, tmp_path):
    """Run ``vhlocal up`` as every other command is run, until it is ready; ended after the block."""

    @contextlib.contextmanager
    def serve(directory, *arguments, output=None):
        log, port = tmp_path / "up.log", free_port()
        with (output or log).open("wb") as written:
            process = subprocess.Popen(
                [*vhlocal.prefix, *COMMAND, "up", "-C", str(directory), "--port", str(port), *arguments],
                env=vhlocal.environment,
                stdin=subprocess.DEVNULL,
                stdout=written,
                stderr=written,
            )
        url = f"http://127.0.0.1:{port}/local/{directory.name}/local/dev/plain/said"
        try:

            def ready():
                assert process.poll() is None, log.read_text() if output is None else process.returncode
                return (answer(url) or "").endswith("/said")

            wait_for(ready, "the endpoint to be ready", READY_SECONDS)
            assert state(vhlocal, directory) == "ready", "wherever it keeps its files, other commands have to find it"
            yield Served(log, url)
            done = vhlocal("down", "-C", str(directory))
            assert done.stdout.startswith("Stopped the run at "), done.stdout + done.stderr
            assert process.wait(STOP_SECONDS) == 0
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
                vhlocal("down", "-C", str(directory))

    return serve


def state(vhlocal, directory) -> str:
    """Return the endpoint's state as a command tells it."""
    done = vhlocal("ps", "--json", "-C", str(directory))
    assert done.stdout, done.stderr
    (told,) = json.loads(done.stdout)["endpoints"]
    return told["state"]


def answer(url) -> str | None:
    """Return what the server says, or None while there is none."""
    with contextlib.suppress(requests.ConnectionError):
        answered = requests.get(url, timeout=60)
        return answered.text if answered.ok else None
    return None


def edit(directory: Path, text: str) -> None:
    """Have the server say something else, in one step."""
    changed = plain()["server.py"].replace("else self.path", f"else {text!r}")
    (directory / "server.new").write_text(changed)
    (directory / "server.new").replace(directory / "server.py")


@RUNTIMES
@pytest.mark.parametrize("kind", HOMES)
def test_a_home_that_cannot_be_written_is_told_and_the_run_goes_on(project, serving, vhlocal, home, kind, runtime):
    break_it, why, remedy = HOMES[kind]
    directory = project(plain() | {".vhignore": "*.new\n"})
    vhlocal.prefix = break_it(home)
    before = sorted(directory.iterdir())
    with serving(directory, "--runtime", runtime) as (log, url):
        said = log.read_text()
        assert f"note: {home}" in said or why in said
        assert why in said
        assert remedy in said
        assert " instead" in said
        assert "Traceback" not in said
        edit(directory, "new")
        wait_for(lambda: answer(url) == "new", "the new code")
    assert sorted(directory.iterdir()) == before


@pytest.mark.parametrize("command", ["ps", "check", "prune"])
@pytest.mark.parametrize("kind", HOMES)
def test_no_command_calls_it_a_fault_of_its_own(project, vhlocal, home, kind, command):
    vhlocal.prefix = HOMES[kind][0](home)
    done = vhlocal(command, "-C", str(project(plain())))
    assert done.returncode in {0, 2, 6}, done.stderr
    assert "bug in vhlocal" not in done.stderr
    assert "Traceback" not in done.stderr


def test_where_there_is_no_place_at_all_it_is_told_with_what_to_do(project, vhlocal, home):
    directory = project(plain())
    # Where TMPDIR cannot be written, Python takes the next of these.
    places = [home, home.parent / "temporary", "/tmp", "/var/tmp"]
    vhlocal.prefix = among_mounts(
        " && ".join(f"mount --bind {place} {place} && mount -o remount,bind,ro {place}" for place in places)
    )
    done = vhlocal("up", "-C", str(directory), "--runtime", "process", "--port", "0")
    assert done.returncode == 1, done.stderr
    assert f"{home} is on a read-only file system" in done.stderr
    told = " ".join(done.stderr.split())
    assert "no directory for temporary files is writable" in told
    assert "set HOME to a writable directory, or set TMPDIR to one that is" in told


def test_a_stand_in_that_is_somebody_elses_is_not_used(project, vhlocal, home):
    """Whoever may write to the directory for temporary files could lay a trap there."""
    directory = project(plain())
    shutil.rmtree(home)
    trap = home.parent / "temporary" / f"vhlocal-{os.getuid()}"
    trap.mkdir()
    os.chown(trap, SOMEBODY, SOMEBODY)
    done = vhlocal("up", "-C", str(directory), "--runtime", "process", "--port", "0")
    assert done.returncode == 1
    assert f"{trap} is not yours alone" in done.stderr
    assert "set HOME to a writable directory, or have it removed" in " ".join(done.stderr.split())


@pytest.fixture
def small_disk(vhlocal, tmp_path, environments):
    """A disk of 16 MB that has the state and the cache, but for the environments; yields where it is."""
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(disk)], check=True)
    try:
        vhlocal.environment |= {"XDG_STATE_HOME": str(disk / "state"), "XDG_CACHE_HOME": str(disk / "cache")}
        (disk / "cache" / "vhlocal").mkdir(parents=True)
        (disk / "cache" / "vhlocal" / "environments").symlink_to(environments)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """Write to a disk until there is no room, and return the file that takes it all."""
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    return filler


@RUNTIMES
def test_a_disk_that_fills_up_under_a_run_costs_the_edit_and_not_the_server(
    project, serving, vhlocal, small_disk, runtime
):
    directory = project(plain() | {".vhignore": "*.new\n"})
    with serving(directory, "--runtime", runtime) as (log, url):
        edit(directory, "first")
        wait_for(lambda: answer(url) == "first", "the first edit")
        filler = fill(small_disk)
        edit(directory, "second")
        wait_for(lambda: "is full" in log.read_text(), "the full disk to be told")
        assert answer(url) == "first"
        assert "free some space there" in log.read_text()
        filler.unlink()
        edit(directory, "third")
        wait_for(lambda: answer(url) == "third", "the edit after there is room again")
        assert "Traceback" not in log.read_text()
        assert "bug in vhlocal" not in log.read_text()


def test_a_file_that_takes_no_more_of_what_is_told_ends_no_run(project, serving, vhlocal):
    directory = project(plain())
    with serving(directory, "--runtime", "process", output=Path("/dev/full")) as (_, url):
        assert (answer(url) or "").endswith("/said")


def test_temporary_files_that_have_no_room_are_told(project, vhlocal, engine, tmp_path):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    directory = project(plain())
    with (directory / "data.bin").open("wb") as big:
        big.write(os.urandom(12 << 20))
    vhlocal.environment["TMPDIR"] = str(temporary)
    vhlocal.prefix = among_mounts(f"mount -t tmpfs -o size=1m tmpfs {temporary}")
    done = vhlocal("up", "-C", str(directory), "--runtime", "docker", "--port", "0")
    said = done.stdout + done.stderr
    assert done.returncode == 3, said
    assert f"there is no disk space for a container's files: the disk that holds {temporary} is full" in said
    assert "Traceback" not in said
